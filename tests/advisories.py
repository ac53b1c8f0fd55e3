"""Asks whether anything that is installed has a known vulnerability: `python -m tests.advisories`.

What can't be asked about is said, and fails nothing; a vulnerability that was found fails.
"""

import json
import subprocess
import sys
from dataclasses import dataclass

_ASK = ("--local", "--progress-spinner", "off", "--format", "json")
_PATIENCE = 300
FOUND = 1


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to say, line by line, and whether that is a failure."""

    lines: tuple[str, ...]
    failed: bool = False


def verdict(report: str, trouble: str = "") -> Verdict:
    """Return what a report of pip-audit (JSON) comes to; none at all is trouble of others."""
    try:
        packages = json.loads(report)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return Verdict(
            (f"Nothing was looked up: the advisories are out of reach. {trouble}".strip(),)
        )
    found = tuple(
        f"{one['name']} {one['version']}: {flaw['id']}, mended in "
        f"{', '.join(flaw['fix_versions']) or 'no version yet'}"
        for one in packages
        for flaw in one.get("vulns", ())
    )
    skipped = [one["name"] for one in packages if "skip_reason" in one]
    asked = len(packages) - len(skipped)
    if found:
        return Verdict(found, failed=True)
    if not asked:
        return Verdict(("Nothing was looked up: the advisories have none of the packages.",))
    said = f"No known vulnerability in {asked} packages."
    return Verdict((f"{said} Not looked up: {', '.join(skipped)}." if skipped else said,))


def main() -> int:
    """Ask, say what came of it, and return the exit code."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pip_audit", *_ASK],
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        result = verdict("", "They did not answer in time.")
    else:
        result = verdict(done.stdout, (done.stderr.strip().splitlines() or [""])[-1][:200])
    sys.stdout.write("\n".join(result.lines) + "\n")
    return FOUND if result.failed else 0


if __name__ == "__main__":
    sys.exit(main())
