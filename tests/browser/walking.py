"""The way through all pages: those that the application has, and those that they link to."""

import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from flask import Flask
from playwright.sync_api import Page

from voiceapp.settings.door import role_for

MOST_ALIKE = 2
"""How many pages of a kind are opened, e.g. of the DIDs' pages."""

_LINKS = "[...document.links].filter(link => !link.download).map(link => link.href)"
_ID = re.compile(r"/(\d+|CA[0-9a-f]{32})(?=/|$)")


def fixed_pages(app: Flask) -> list[str]:
    """Return the addresses within /admin that are the same everywhere, for those signed in."""
    return sorted(
        rule.rule
        for rule in app.url_map.iter_rules()
        if _may_be_page(rule.rule)
        and not rule.arguments
        and "GET" in (rule.methods or ())
        and role_for(app.view_functions[rule.endpoint], "GET") is not None
    )


def walk(page: Page, starts: Iterable[str]) -> Iterator[str]:
    """Open every page that the addresses lead to, one after the other; yield where it stands."""
    waiting = deque(starts)
    known, opened = set(waiting), Counter[str]()
    while waiting:
        address = waiting.popleft()
        if not _is_page(page, address):
            continue
        yield address
        for link in _links(page):
            if link not in known and opened[shape(link)] < MOST_ALIKE:
                known.add(link)
                opened[shape(link)] += 1
                waiting.append(link)


def shape(address: str) -> str:
    """Return what the addresses of pages that are alike have in common.

    >>> shape("/admin/dids/12/delete")
    '/admin/dids/…/delete'
    """
    return _ID.sub("/…", address)


def _is_page(page: Page, address: str) -> bool:
    """Open an address; say whether that is a page of its own, and no redirect."""
    page.goto(address)
    return urlsplit(page.url).path == address


def _links(page: Page) -> list[str]:
    """Return the addresses within /admin that a page links to, in order and without queries."""
    here = urlsplit(page.url)
    links = map(urlsplit, page.evaluate(_LINKS))
    ours = (link.path for link in links if link.netloc == here.netloc)
    return [path for path in dict.fromkeys(ours) if _may_be_page(path)]


def _may_be_page(path: str) -> bool:
    """Say whether an address is within /admin, and not that of a file."""
    return path.startswith("/admin/") and "." not in path.rpartition("/")[2]
