"""Servers with the demo, and the log of each beside a test that fails."""

import shutil
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conftest import settings
from tests.server.callers import Twilio
from tests.server.serving import Server, run_flask, running, serving

Serve = Callable[..., Server]
_LONGEST_LOG = 8000  # characters of it that are shown


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An instance folder set up as `make setup` does, to be copied and never used itself."""
    instance = tmp_path_factory.mktemp("installed") / "instance"
    run_flask(settings(instance), "setup")
    return instance


@pytest.fixture
def instance(installed: Path, tmp_path: Path) -> Path:
    """An instance folder of its own for each test, with the demo loaded."""
    return Path(shutil.copytree(installed, tmp_path / "instance"))


@pytest.fixture
def serve(instance: Path) -> Iterator[Serve]:
    """Start servers on the test's instance folder: `serve(worker=False, TWILIO_…="…")`."""
    with ExitStack() as stack:
        yield lambda **how: stack.enter_context(serving(instance, **how))


@pytest.fixture(scope="module")
def server(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with its worker, for all tests of a module that leave releases alone."""
    instance = tmp_path_factory.mktemp("shared") / "instance"
    with serving(Path(shutil.copytree(installed, instance))) as server:
        yield server


@pytest.fixture
def twilio(server: Server) -> Iterator[Twilio]:
    """Twilio in front of the module's server."""
    with Twilio(server.base) as twilio:
        yield twilio


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the servers have logged with a test that failed."""
    report = yield
    if report.failed:
        for server in running:
            report.sections.append((f"Log of {server.base}", server.log[-_LONGEST_LOG:]))
    return report
