"""Whatever a CRM does, its callers reach the place chosen for that, and others notice nothing."""

import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.chaos.ailments import Ward, ward
from tests.chaos.conftest import Note
from tests.chaos.roads import BUDGET, CASES, FAILED, KINDS, ROADS, Kind, called, lay
from tests.databases import engine_for
from tests.demo_calls import SUPPORT
from tests.routing.journals import eventually
from tests.server.callers import Answer, Twilio, follow
from tests.server.load import under_load
from tests.server.serving import Server, serving
from voiceapp.console.story import Ended, Walk
from voiceapp.extensions import db
from voiceapp.models.journal import DecisionRow
from voiceapp.rules.rule import Outcome
from voiceapp.runtime import runtime

pytestmark = pytest.mark.chaos

MODULE = "tests.chaos.wsgi"
GOAL, LIMIT = 0.25, 2.0
"""Seconds beyond the budget: what is wanted, and what a slow machine may take."""
CALLERS = 3


@dataclass
class Timed:
    """Twilio with a watch in hand; every answer has to be TwiML."""

    twilio: Twilio
    seconds: list[float] = field(default_factory=list)
    calls: set[str] = field(default_factory=set)

    def post(self, target: str, **fields: str) -> Answer:
        began = time.perf_counter()
        answer = self.twilio.post(target, **fields)
        self.seconds.append(time.perf_counter() - began)
        self.calls.add(fields["CallSid"])
        assert answer.twiml is not None
        return answer


@pytest.fixture(scope="module")
def crms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    with ward(tmp_path_factory.mktemp("ward")) as crms:
        yield crms


@pytest.fixture(scope="module")
def server(
    crms: Ward, installed: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server with a road to every CRM that is ill."""
    instance = Path(shutil.copytree(installed, tmp_path_factory.mktemp("ill") / "instance"))
    with Server(instance, crms.settings).application():
        lay(db.session(), runtime().vault, crms)
    with serving(instance, module=MODULE, **crms.settings) as server:
        yield server


@pytest.fixture(scope="module")
def others_slowest() -> list[float]:
    """For each fault the slowest answer that others got, who call where no CRM is asked."""
    return [0.0]


def _place(server: Server, called: str, press: str | None, number: int) -> tuple[Walk, Timed]:
    with Twilio(server.base) as twilio:
        timed = Timed(twilio)
        return follow(timed.post, f"+1202555{3000 + number}", called, press), timed


@pytest.mark.parametrize(
    ("kind", "fault"),
    CASES,
    ids=[f"{kind.title}-{fault}" for kind, fault in CASES],
)
def test_a_crm_that_is_ill_sends_its_callers_where_the_rule_says(
    server: Server, crms: Ward, note: Note, others_slowest: list[float], kind: Kind, fault: str
) -> None:
    placed = {}
    with (
        under_load(server, threads=1, called=(SUPPORT,)) as others,
        ThreadPoolExecutor(len(ROADS) * CALLERS) as pool,
    ):
        for road, press in ROADS.items():
            did = called(kind, fault, road)
            placed[road] = [
                pool.submit(_place, server, did, press, number) for number in range(CALLERS)
            ]
    done = {road: [call.result() for call in calls] for road, calls in placed.items()}

    slowest = {
        road: max(seconds for _, timed in calls for seconds in timed.seconds)
        for road, calls in done.items()
    }
    landed = sorted({f"{walk.ended} {walk.where}" for calls in done.values() for walk, _ in calls})
    each = ", ".join(f"{road} {seconds:.2f}" for road, seconds in slowest.items())
    note(fault, f"{kind.title}: {each}", ", ".join(landed), max(slowest.values()), BUDGET + GOAL)
    others_slowest.append(max(one.seconds for one in others.answered))
    for road, calls in done.items():
        assert {(walk.ended, walk.where) for walk, _ in calls} == {(Ended.QUEUE, FAILED)}, road
    sids = {sid for calls in done.values() for _, timed in calls for sid in timed.calls}
    assert eventually(lambda: _failed(server, sids) == len(sids))
    assert max(slowest.values()) < BUDGET + LIMIT
    assert others_slowest[-1] < LIMIT
    assert (crms.trap.visits, crms.caught) == ([], [])


def _failed(server: Server, sids: set[str]) -> int:
    """Return how many of some calls are in the journal as ones whose CRM failed."""
    query = (
        select(DecisionRow.call_sid)
        .where(DecisionRow.call_sid.in_(sids), DecisionRow.outcome == Outcome.FAILED.value)
        .distinct()
    )
    with engine_for(server.database_url) as engine, engine.connect() as connection:
        return len(connection.execute(query).all())


def test_a_hundred_callers_who_wait_for_a_crm_keep_no_other_caller_waiting(
    server: Server, note: Note, others_slowest: list[float]
) -> None:
    did = called(KINDS[0], "waited for", "DID rule")

    with (
        under_load(server, threads=2, called=(SUPPORT,)) as others,
        ThreadPoolExecutor(100) as pool,
    ):
        calls = [pool.submit(_place, server, did, None, number) for number in range(100)]
        done = [call.result() for call in calls]

    slowest = max(seconds for _, timed in done for seconds in timed.seconds)
    meanwhile = max(one.seconds for one in others.answered)
    note("100 wait at once", "Custom URL: DID rule", f"queue {FAILED}", slowest, BUDGET + GOAL)
    note("100 wait at once", "others meanwhile", "menu", meanwhile, GOAL)
    note("any of these", "others meanwhile", "menu", max(others_slowest), GOAL)
    assert {(walk.ended, walk.where) for walk, _ in done} == {(Ended.QUEUE, FAILED)}
    assert slowest < BUDGET + LIMIT
    assert meanwhile < LIMIT
