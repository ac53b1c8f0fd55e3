"""Servers as for the tests of the server, and a table of what was done to them."""

from collections.abc import Callable

import pytest

from tests.chaos.table import Line, packed, table
from tests.server.conftest import (  # noqa: F401 - fixtures, found here by their names
    installed,
    instance,
    pytest_runtest_makereport,
    serve,
)

Note = Callable[..., None]
collect_ignore = ["wsgi.py"]  # looking for doctests in it would make an application
_NAME = "chaos"


@pytest.fixture
def note(request: pytest.FixtureRequest) -> Note:
    """Put a line into the table: `note(fault, where, answered, slowest, goal)`."""

    def note(*cells: object) -> None:
        line = packed(Line(*cells))  # type: ignore[arg-type]
        request.node.user_properties.append((_NAME, line))

    return note


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table, of failed tests, too."""
    reports = [
        report
        for outcome in ("passed", "failed")
        for report in terminalreporter.stats.get(outcome, [])
        if isinstance(report, pytest.TestReport) and report.when == "call"
    ]
    lines = [
        Line(*cells)
        for report in reports
        for name, cells in report.user_properties
        if name == _NAME
    ]
    if lines:
        terminalreporter.section("Faults, and what was answered")
        for line in table(lines):
            terminalreporter.write_line(line)
