"""A CRM that fails is left alone at once, what it said before counts, and it is found again."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest

from tests.chaos.conftest import Note
from tests.demo_calls import ADA, SALES
from tests.routing.journals import eventually
from tests.server.callers import Twilio, call_fields, new_sid
from tests.server.conftest import Serve
from tests.server.load import DID
from tests.server.releases import ask_the_crm
from tests.server.serving import Server
from tests.server.watching import TOKEN, numbers
from tests.wire.hosting import Hosted, hosted
from tests.wire.suitecrm import SuiteCrm
from voiceapp.crm.breaker import FAILURES, GLANCE

pytestmark = pytest.mark.chaos

PROCESSES = 2
CALLS = 60
CALLS_OF_ALL = 32
"""So many at once that each process answers some of them."""
PAUSE = 3
OPEN = 'voiceapp_breaker{integration="Our Suite",state="open"}'


@pytest.fixture
def suite(tmp_path: Path) -> Iterator[Hosted]:
    crm = SuiteCrm()
    crm.add("Contacts", phone_work=ADA, tier_c="Gold")
    with hosted(crm, tmp_path, "/suite/", "localhost") as suite:
        yield suite


@pytest.fixture
def server(serve: Serve, suite: Hosted) -> Server:
    """A server whose first rule asks the CRM anew each time."""
    server = serve(METRICS_TOKEN=TOKEN, WEB_CONCURRENCY=str(PROCESSES), **suite.settings)
    ask_the_crm(server, suite, fresh=0, stale=3600)
    assert eventually(lambda: is_asked_by_all(server, suite), 20)
    return server


_others = count()


def is_asked_by_all(server: Server, suite: Hosted) -> bool:
    """Say whether each of many calls asks the CRM, whichever process answers it."""
    asked = len(suite.crm.searches())
    landed = at_once(server, [f"+1202557{next(_others):04}" for _ in range(CALLS_OF_ALL)])
    return landed == {"general"} and len(suite.crm.searches()) - asked >= CALLS_OF_ALL


def at_once(server: Server, callers: Sequence[str]) -> set[str]:
    """Return where calls land that come at the same time, so that each process takes some."""
    with ThreadPoolExecutor(len(callers)) as pool:
        return set(pool.map(lambda caller: call(server, caller), callers))


def call(server: Server, caller: str) -> str:
    """Return where a call lands."""
    with Twilio(server.base) as twilio:
        return twilio.post(DID, **call_fields(caller, SALES, new_sid())).lands


def test_a_crm_that_fails_costs_few_calls_and_then_none(
    server: Server, suite: Hosted, note: Note
) -> None:
    assert eventually(lambda: at_once(server, [ADA] * CALLS_OF_ALL) == {"vip"}, 20)
    suite.crm.troubles = [lambda visit: visit.answer(b"", 503)] * 10_000
    asked, began = len(suite.crm.searches()), time.monotonic()

    landed, seconds = [], []
    for number in range(CALLS):
        before = time.perf_counter()
        landed.append(call(server, f"+1202556{number:04}"))
        seconds.append(time.perf_counter() - before)

    probes = 2 + int(time.monotonic() - began)
    visits = len(suite.crm.searches()) - asked
    note("CRM fails for all", f"asked {visits} times", "overflow", max(seconds), 0.25)
    assert set(landed) == {"overflow"}
    assert FAILURES <= visits <= PROCESSES * FAILURES + probes
    assert numbers(server)[OPEN] == 1

    # what it said of Ada before counts meanwhile
    assert at_once(server, [ADA] * CALLS_OF_ALL) == {"vip"}

    suite.crm.troubles.clear()
    began = time.monotonic()
    assert eventually(lambda: call(server, "+12025569999") == "general", 60)
    note("CRM is back", "found by the worker", "general", time.monotonic() - began, 30)
    assert eventually(lambda: OPEN not in numbers(server), 2)


def test_one_that_is_asked_too_often_is_left_alone_as_long_as_it_says(
    server: Server, suite: Hosted, note: Note
) -> None:
    suite.crm.troubles = [lambda visit: visit.answer(b"", 429, (f"Retry-After: {PAUSE}",))]
    began = time.monotonic()
    assert call(server, "+12025560001") == "overflow"
    time.sleep(2 * GLANCE)  # until the other processes have heard of it
    asked = len(suite.crm.searches())

    others = (f"+1202556{number:04}" for number in count(10))
    while len(suite.crm.searches()) == asked:
        assert call(server, next(others)) in ("overflow", "general")
        assert time.monotonic() - began < 60

    waited = time.monotonic() - began
    assert waited >= PAUSE
    assert eventually(lambda: call(server, next(others)) == "general", 60)
    note(f"429, Retry-After {PAUSE}", "SuiteCRM", "overflow, then general", waited, 10)
