"""A real browser before a real server with the demo; what its windows complain of fails the test.

The browser ends with the tests of this folder: while it runs, no other test could use asyncio.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.browsing import Complaints, open_window, started_browser
from tests.browser.chromium import NoChromium, find_chromium, is_root
from tests.browser.installation import install, sign_in
from tests.server.callers import Twilio

# shows what the server has logged with a test that failed
from tests.server.conftest import pytest_runtest_makereport as pytest_runtest_makereport
from tests.server.serving import Server, serving

Open = Callable[..., Page]
Session = Any  # cookies, as the browser hands them out


def pytest_collection_finish(session: pytest.Session) -> None:
    """Have the browser installed before the first test's clock begins to run."""
    is_wanted = any(item.path.parent == Path(__file__).parent for item in session.items)
    if is_wanted and not session.config.option.collectonly:
        with suppress(NoChromium):  # each test that needs it says so
            find_chromium(os.environ, may_install=is_root())


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """The machine's browser."""
    with ExitStack() as ending:
        try:
            browser = ending.enter_context(started_browser())
        except NoChromium as error:
            raise pytest.fail.Exception(str(error), pytrace=False) from None
        yield browser


@pytest.fixture(scope="package")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An instance folder with the demo and an admin, to be copied and never used itself."""
    instance = tmp_path_factory.mktemp("browsed") / "instance"
    install(instance)
    return instance


@pytest.fixture(scope="module")
def server(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with its worker, for all tests of a module."""
    instance = tmp_path_factory.mktemp("shared") / "instance"
    with serving(Path(shutil.copytree(installed, instance))) as server:
        yield server


@pytest.fixture(scope="module")
def signed_in(browser: Browser, server: Server) -> Session:
    """The admin's session, begun once for each server: to check a password is slow on purpose."""
    page = open_window(browser, server.base, Complaints())
    sign_in(page)
    kept = page.context.storage_state()
    page.context.close()
    return kept


@pytest.fixture
def complaints() -> Iterator[Complaints]:
    """What the windows of a test complain of, which is nothing."""
    complaints = Complaints()
    yield complaints
    assert complaints.taken() == []


@pytest.fixture
def window(browser: Browser, server: Server, complaints: Complaints) -> Iterator[Open]:
    """Open windows, each in a session of its own: `window(java_script_enabled=False)`."""
    yield partial(open_window, browser, server.base, complaints)
    for context in browser.contexts:
        context.close()


@pytest.fixture
def page(window: Open) -> Page:
    """A window in which nobody is signed in."""
    return window()


@pytest.fixture
def admin(window: Open, signed_in: Session) -> Page:
    """A window in which the admin is signed in."""
    return window(storage_state=signed_in)


@pytest.fixture
def twilio(server: Server) -> Iterator[Twilio]:
    """Twilio in front of the module's server."""
    with Twilio(server.base) as twilio:
        yield twilio
