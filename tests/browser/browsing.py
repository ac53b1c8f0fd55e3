"""A browser that nobody sees, and what its windows complain of."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Route,
    ViewportSize,
    WebError,
    expect,
    sync_playwright,
)

from tests.browser.chromium import find_chromium, is_root

LONGEST_WAIT = 30_000
"""Milliseconds that anything may take before it fails; machines may be busy."""

_WIDE: ViewportSize = {"width": 1280, "height": 900}
_NARROW: ViewportSize = {"width": 390, "height": 844}

_QUIET = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass(frozen=True, slots=True)
class Look:
    """A way in which people look at pages: the size of their window, and light or dark."""

    name: str
    window: ViewportSize
    scheme: Literal["light", "dark"] = "light"

    def put_on(self, page: Page) -> None:
        """Let a window show its page like this."""
        page.set_viewport_size(self.window)
        page.emulate_media(color_scheme=self.scheme)


LOOKS = (Look("narrow", _NARROW), Look("dark", _WIDE, "dark"), Look("wide", _WIDE))


@contextmanager
def started_browser() -> Iterator[Browser]:
    """Yield the machine's browser. Raises NoChromium if it has none.

    Until the end asyncio counts this thread as running a loop, so nothing else may run one in it.
    """
    path = find_chromium(os.environ, may_install=is_root())
    expect.set_options(timeout=LONGEST_WAIT)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=path,
            args=_QUIET,
            chromium_sandbox=not is_root(),  # it does not work for root
        )
        yield browser
        browser.close()


class Complaints:
    """What windows complained of: scripts that fail, what a policy forbids, foreign addresses."""

    def __init__(self) -> None:
        self._heard: list[str] = []
        self._expected: set[int] = set()

    def expect(self, status: int) -> None:
        """Let the server answer with a status that a browser complains of."""
        self._expected.add(status)

    def taken(self) -> list[str]:
        """Return what was heard since it was last asked for."""
        heard, self._heard = self._heard, []
        return heard

    def watch(self, context: BrowserContext, base: str) -> None:
        """Hear whatever goes wrong in the windows of a context; let them connect to `base` only."""
        context.route(re.compile(rf"^(?!{re.escape(base)}/)"), self._refuse)
        context.on("console", self._hear)
        context.on("weberror", self._hear_error)

    def _refuse(self, route: Route) -> None:
        self._heard.append(f"A page asks for {route.request.url}.")
        route.abort()

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type not in ("error", "warning"):
            return
        if not any(f"a status of {status} " in message.text for status in self._expected):
            self._heard.append(f"{message.location['url']}: {message.text}")

    def _hear_error(self, error: WebError) -> None:
        self._heard.append(f"{error.page.url if error.page else ''}: {error.error}")


def open_window(browser: Browser, base: str, complaints: Complaints, **options: Any) -> Page:
    """Open a window of its own session; `options` are those of a browser context."""
    usual: dict[str, Any] = {
        "base_url": base,
        "viewport": _WIDE,
        "reduced_motion": "reduce",
        "locale": "en-US",
        "timezone_id": "UTC",
    }
    context = browser.new_context(**usual | options)
    context.set_default_timeout(LONGEST_WAIT)
    complaints.watch(context, base)
    return context.new_page()
