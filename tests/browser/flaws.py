"""What keeps people from using a page."""

from collections.abc import Iterator
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

from tests.browser.browsing import LOOKS, Look

_GRAVE = ("serious", "critical")
_FIND_BARRIERS = """axe.run({resultTypes: ["violations"]}).then(({violations}) =>
  violations.map(({id, impact, nodes}) => ({
    id, impact, count: nodes.length, first: nodes[0].html, remedy: nodes[0].failureSummary,
  })))"""
_LOOK = """() => ({
  overhang: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  headings: document.querySelectorAll("h1").length,
  title: document.title.split("·")[0].trim(),
  language: document.documentElement.lang,
  nameless: [...document.querySelectorAll("input:not([type=hidden], [hidden]), select, textarea")]
    .filter(one => ![...one.labels].some(label => label.textContent.trim()))
    .filter(one => !one.ariaLabel && !one.hasAttribute("aria-labelledby"))
    .map(one => one.outerHTML.slice(0, 120)),
})"""


def flaws_of(page: Page) -> list[str]:
    """Return what is wrong in any look with the page that a window shows."""
    page.evaluate(AXE_SCRIPT)  # as no script tag would be let in
    return [f"{look.name}: {flaw}" for look in LOOKS for flaw in _flaws_in(look, page)]


def _flaws_in(look: Look, page: Page) -> Iterator[str]:
    look.put_on(page)
    yield from _barriers(page)
    yield from _disorder(page)


def _barriers(page: Page) -> Iterator[str]:
    """Yield the serious and critical findings of axe, each with one place."""
    for found in page.evaluate(_FIND_BARRIERS):
        if found["impact"] in _GRAVE:
            yield f"{found['id']} ({found['count']}): {found['first'][:200]} {found['remedy']}"


def _disorder(page: Page) -> Iterator[str]:
    seen: dict[str, Any] = page.evaluate(_LOOK)
    if seen["overhang"] > 0:
        yield f"It scrolls sideways by {seen['overhang']} pixels."
    if seen["headings"] != 1:
        yield f"It has {seen['headings']} main headings."
    if not seen["title"]:
        yield "It has no title."
    if not seen["language"]:
        yield "It says no language."
    yield from (f"A control has no label: {control}" for control in seen["nameless"])
