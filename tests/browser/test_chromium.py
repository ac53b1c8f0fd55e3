"""Which browser is taken, and what becomes of a machine that has none."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.browser.chromium import ADVICE, NAMES, NoChromium, find_chromium

APT = """\
#!/bin/sh
echo "$DEBIAN_FRONTEND: $*" >> "$LOG"
if [ "$1" = install ]; then /bin/cp "$0" "$BIN/chromium"; fi
"""
BROKEN_APT = "#!/bin/sh\necho 'no network' >&2\nexit 100\n"
INSTALLED = [
    "noninteractive: update -qq",
    "noninteractive: install -y -qq --no-install-recommends chromium fonts-dejavu-core",
]


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A folder with the programs of a machine; so far there are none."""
    programs = tmp_path / "bin"
    programs.mkdir()
    return programs


def put(machine: Path, name: str, script: str = "#!/bin/sh\n") -> str:
    program = machine / name
    program.write_text(script)
    program.chmod(0o755)
    return str(program)


def environ(machine: Path, **more: str) -> dict[str, str]:
    return {"PATH": str(machine), "BIN": str(machine), "LOG": str(machine / "log"), **more}


def test_the_browser_that_is_named_comes_first(machine: Path) -> None:
    put(machine, "chromium")
    named = put(machine, "my-own")

    assert find_chromium(environ(machine, CHROMIUM=named), may_install=True) == named
    assert find_chromium(environ(machine, CHROMIUM="my-own"), may_install=True) == named


def test_a_name_that_is_no_program_is_not_passed_over(machine: Path) -> None:
    put(machine, "chromium")

    with pytest.raises(NoChromium, match=r"^CHROMIUM=/nowhere is no program\. .+$"):
        find_chromium(environ(machine, CHROMIUM="/nowhere"), may_install=True)


@pytest.mark.parametrize("name", NAMES)
def test_a_browser_on_the_path_is_taken_under_any_of_its_names(machine: Path, name: str) -> None:
    program = put(machine, name)
    put(machine, "apt-get", BROKEN_APT)

    assert find_chromium(environ(machine, CHROMIUM=""), may_install=True) == program


def test_a_machine_without_one_gets_one_if_that_is_allowed(machine: Path) -> None:
    put(machine, "apt-get", APT)

    found = find_chromium(environ(machine), may_install=True)

    assert found == str(machine / "chromium")
    assert (machine / "log").read_text().splitlines() == INSTALLED


def test_runs_at_the_same_time_install_it_once(machine: Path) -> None:
    put(machine, "apt-get", APT)

    with ThreadPoolExecutor() as runs:
        finding = [runs.submit(find_chromium, environ(machine), may_install=True) for _ in range(4)]

    assert {run.result() for run in finding} == {str(machine / "chromium")}
    assert (machine / "log").read_text().splitlines() == INSTALLED


@pytest.mark.parametrize(
    ("apt", "may_install"), [(APT, False), (BROKEN_APT, True), ("", True)], ids=str
)
def test_otherwise_one_line_says_what_to_install(
    machine: Path, apt: str, may_install: bool
) -> None:
    if apt:
        put(machine, "apt-get", apt)

    with pytest.raises(NoChromium) as refused:
        find_chromium(environ(machine), may_install=may_install)

    assert str(refused.value) == ADVICE
    assert not (machine / "log").exists()
