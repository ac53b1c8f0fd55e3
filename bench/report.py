"""The results as a page: on what, how, what came out, and what of it is short of the goal."""

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench.finding import Finding
from bench.settings import Bench

_PACKAGES = ("Flask", "Werkzeug", "gunicorn", "twilio", "requests", "urllib3", "SQLAlchemy")
_NODE = Path(__file__).parent / "express" / "node_modules"


def page(bench: Bench, findings: Mapping[str, Sequence[Finding]], figures: Sequence[str]) -> str:
    """Return everything as Markdown; `figures` are about the bench itself."""
    lines = [
        "# How fast voiceapp is",
        "",
        f"Made by `make bench` on {datetime.now(UTC):%Y-%m-%d}, of {_commit()}; README.md says how "
        "to read it, and what holds the figures.",
        "",
        *(f"- {line}" for line in (*machine(), *_how(bench), *figures)),
        "",
        "| | measure | against | result | goal | we want |",
        "|---|---|---|---|---|---|",
        *(_row(one) for found in findings.values() for one in found),
        "",
        *(line for name, found in findings.items() for line in _details(name, found)),
    ]
    return "\n".join(lines).rstrip() + "\n"


def machine() -> list[str]:
    """Return what it all ran on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    node = ", ".join(f"{name} {_node_version(name)}" for name in ("express", "twilio"))
    return [
        f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GB, Linux {platform.release()}",
        f"Python {platform.python_version()}; {packages}",
        f"Node {_said('node', '--version')}; {node}",
        _said("wrk", "--version"),
        f"{os.getloadavg()[1]:.1f} programs wanted a core in the five minutes before the page was "
        "written",
    ]


def _how(bench: Bench) -> list[str]:
    return [
        f"{bench.pairs} pairs of runs of {bench.seconds} s; the figure is the median of the ratios "
        "within pairs, with the smallest and the largest",
        "the callers (wrk) and the CRM's stand-in share the cores with whatever is measured, "
        "on every side alike",
        "every answer was compared with the right one; a single wrong one ends the bench",
    ]


def _row(one: Finding) -> str:
    mark = "✓" if one.is_met else "✗"
    return f"| {mark} | {one.measure} | {one.against} | {one.result} | {one.goal} | {one.wish} |"


def _details(name: str, found: Sequence[Finding]) -> list[str]:
    lines = [f"## {name}", ""]
    for one in found:
        about = f"{one.measure}, against {one.against}" if one.against else one.measure
        figures = "; ".join(one.figures) or one.result
        lines.append(f"- {about}: {figures}.")
    return [*lines, ""]


def _commit() -> str:
    """Return which version was measured, and whether it was changed since."""
    return f"commit {_said('git', 'describe', '--always', '--dirty', '--abbrev=10')}"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(": ")[2]
    return platform.machine()


def _said(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout or done.stderr).splitlines()[0].partition(" Copyright")[0].strip()


def _node_version(name: str) -> str:
    text = (_NODE / name / "package.json").read_text()
    return str(json.loads(text)["version"])
