"""Takes pictures of every page in every look: `python -m tests.browser.screenshots FOLDER`.

All of them go to build/screenshots; the few that the README shows go to the folder.
"""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from playwright.sync_api import Page

from tests.browser.browsing import LOOKS, Complaints, open_window, started_browser
from tests.browser.chromium import NoChromium
from tests.browser.installation import install, leave_unpublished, place_calls, sign_in
from tests.browser.walking import fixed_pages, walk
from tests.server.serving import Server, serving
from voiceapp.config import ROOT

ALL = ROOT / "build" / "screenshots"
FOR_README = {
    "routing-rule.png": ("/admin/routing/", "a[href^='/admin/routing/']:text-is('VIP customers')"),
    "call.png": ("/admin/calls/", "a[href^='/admin/calls/CA']"),
}
"""The README's pictures, each with a list and the link there to the page that it shows."""

UNSTUCK = ".buttons { position: static !important; }"
"""What sticks to the bottom of a window would stand in the middle of a picture."""

LARGEST = 250_000
"""Bytes of a picture that the README may show."""


def main(folder: Path) -> None:
    """Take all pictures, and say where they are."""
    shutil.rmtree(ALL, ignore_errors=True)
    ALL.mkdir(parents=True)
    folder.mkdir(parents=True, exist_ok=True)
    with _showcase() as server, started_browser() as browser:
        with server.application() as app:
            starts = fixed_pages(app)
        page = open_window(browser, server.base, Complaints())
        page.goto("/admin/sign-in")
        _take(page, "/admin/sign-in")
        sign_in(page)
        for address in walk(page, starts):
            _take(page, address)
        _take_for_readme(page, folder)
    click.echo(f"{ALL}: {len(list(ALL.iterdir()))} pictures")


@contextmanager
def _showcase() -> Iterator[Server]:
    """Yield a server on which something has happened already."""
    with tempfile.TemporaryDirectory(prefix="voiceapp-") as directory:
        instance = Path(directory) / "instance"
        install(instance)
        with serving(instance) as server:
            place_calls(server)
            leave_unpublished(server)
            yield server


def _take(page: Page, address: str) -> None:
    """Take a picture in each look of the whole page that stands open at an address."""
    name = address.removeprefix("/admin/").strip("/").replace("/", "-") or "overview"
    for look in LOOKS:
        look.put_on(page)
        page.screenshot(path=ALL / f"{name}-{look.name}.png", full_page=True, style=UNSTUCK)


def _take_for_readme(page: Page, folder: Path) -> None:
    """Take the pictures of the README; say which has no page yet."""
    for name, (address, link) in FOR_README.items():
        page.goto(address)
        if not page.locator(link).count():
            click.echo(f"{name} is left out: {address} has no {link}.")
            continue
        page.locator(link).first.click()
        page.wait_for_load_state()
        size = len(page.screenshot(path=folder / name))
        advice = "" if size < LARGEST else ", too large for the README"
        click.echo(f"{folder / name}: {size // 1000} kB{advice}")


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except NoChromium as error:
        sys.exit(str(error))
