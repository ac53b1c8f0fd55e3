"""What a long history costs: a million rows of the journal against a thousand."""

import re
import time
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from statistics import median

import requests

from bench import crm, sides
from bench.calls import Callers
from bench.finding import Finding, at_least, at_most
from bench.installation import ADMIN, PASSWORD
from bench.load import Load, WrongAnswer
from bench.pairs import compare
from bench.rows import caller
from bench.settings import Bench
from bench.sides import Side
from bench.throughput import AT_ONCE, FAMILIAR

_FEW = 1000
_LOOKS = 15
_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')
_PAGES = {
    "Calls page": "/admin/calls/",
    "Calls page, search by number": f"/admin/calls/?caller=%2B{caller(7)[1:]}",
    "dashboard": "/admin/",
}


def many_rows(bench: Bench) -> Sequence[Finding]:
    """Calls a second, then how long pages take, each page in turn on both."""
    load = Load(Callers(again=FAMILIAR), AT_ONCE, bench.seconds)
    with ExitStack() as stack:
        asked = stack.enter_context(crm.answering(bench.folder, bench.authority))
        few, many = (
            stack.enter_context(sides.voiceapp(bench.folder, f"rows{count}", asked, past=count))
            for count in (_FEW, bench.rows)
        )
        compared = compare(partial(load.on, many.port), partial(load.on, few.port), bench.pairs)
        readers = [_Reader(many), _Reader(few)]
        pages = [_page(name, path, *readers) for name, path in _PAGES.items()]
    against = f"{_FEW:,} rows"
    return (
        at_least(f"{bench.rows:,} rows of the journal, calls/s", against, compared, 0.95),
        *pages,
    )


class _Reader:
    """An admin who looks at pages."""

    def __init__(self, side: Side) -> None:
        self._base = f"http://127.0.0.1:{side.port}"
        self._session = requests.Session()
        found = _TOKEN.search(self._get("/admin/sign-in").text)
        form = {"csrf_token": found[1] if found else "", "email": ADMIN, "password": PASSWORD}
        self._session.post(f"{self._base}/admin/sign-in", form, timeout=20)

    def look(self, path: str) -> float:
        """Return the milliseconds until a page is there."""
        began = time.perf_counter()
        page = self._get(path)
        took = time.perf_counter() - began
        if page.status_code != 200 or page.history:
            raise WrongAnswer(f"{path} answers {page.status_code}")
        return took * 1000

    def _get(self, path: str) -> requests.Response:
        return self._session.get(self._base + path, timeout=60)


def _page(name: str, path: str, many: _Reader, few: _Reader) -> Finding:
    for reader in (many, few):
        reader.look(path)
    looks = [(many.look(path), few.look(path)) for _ in range(_LOOKS)]
    ratios = [ours / reference for ours, reference in looks]
    return at_most(
        f"{name}, time",
        median(ratios),
        2,
        "times",
        f"{median(ours for ours, _ in looks):.0f} ms against "
        f"{median(reference for _, reference in looks):.0f} ms",
        f"spread {min(ratios):.2f}–{max(ratios):.2f}",
        against=f"{_FEW:,} rows",
    )
