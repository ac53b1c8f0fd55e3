"""What a webhook asks of Redis: as little as may be, and never for long."""

import time
from collections.abc import Callable

import pytest
from cryptography.fernet import Fernet

from tests.crm.crms import FOUND, Clock, FakeCrm
from tests.slow_redis import SlowRoad
from voiceapp.crm.contract import Caller, CallFacts, Search
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.lookup import Ages, Lookup
from voiceapp.crm.memory import Memory, Question
from voiceapp.routing.deliveries import Deliveries, Delivery
from voiceapp.sharing.redis import PATIENCE, RedisShared
from voiceapp.vault import Vault

KEY = Fernet.generate_key().decode()
USUAL = Ages(fresh=300, stale=3600)


class Process:
    """What answers webhooks in one process: it asks the CRM for `modules`, one after the other."""

    def __init__(self, road: SlowRoad, crm: FakeCrm) -> None:
        self.shared = RedisShared(road.url, KEY, Vault([KEY]))
        self.answers: list[object] = []
        self._crm = crm
        self._deliveries = Deliveries(self.shared)
        self._lookup = Lookup(memory=Memory(self.shared))
        self.shared.read(["a connection"])

    def answer(self, call: str, *modules: str, is_first: bool = True) -> None:
        def decide() -> str:
            for module in modules:
                question = Question("odoo", Search(Caller("+12025550101"), module, ("Tier",)))
                reply = self._lookup.ask(
                    self._crm,
                    question,
                    CallFacts(call_id=call),
                    Deadline.after(10),
                    USUAL,
                    is_first=is_first,
                )
                self.answers.append(reply.answer)
            return "document"

        self._deliveries.answer(Delivery(call, "/twiml/did?", str(len(self.answers))), decide)


@pytest.fixture
def process(road: SlowRoad) -> Callable[[], Process]:
    crm = FakeCrm(Clock())
    return lambda: Process(road, crm)


def steps(road: SlowRoad, act: Callable[[], object]) -> int:
    before = road.steps
    act()
    return road.steps - before


def test_a_webhook_that_asks_the_crm_takes_three_steps(road, process):
    one = process()

    # claim the delivery, claim each question, write all
    assert steps(road, lambda: one.answer("CA1", "Contacts")) == 3
    assert steps(road, lambda: one.answer("CA2", "Leads", "Accounts")) == 4


def test_one_whose_answer_is_remembered_takes_two(road, process):
    one, other = process(), process()
    one.answer("CA1", "Contacts")

    assert steps(road, lambda: one.answer("CA2", "Contacts")) == 2
    # in an IVR the call may have been told something in another process
    assert steps(road, lambda: one.answer("CA3", "Contacts", is_first=False)) == 3
    assert steps(road, lambda: other.answer("CA4", "Contacts")) == 3
    assert one.answers + other.answers == [FOUND] * 4


@pytest.mark.parametrize("share", [0.3, 0.75, 300])
def test_a_slow_redis_costs_a_webhook_no_more_than_its_patience(road, process, share):
    one = process()
    road.delay = PATIENCE * share
    modules = [f"Module {number}" for number in range(20)]

    began = time.monotonic()
    one.answer("CA1", *modules)

    assert time.monotonic() - began < PATIENCE * 5  # twenty modules take more than twenty steps
    assert one.shared.is_away
    assert one.answers == [FOUND] * 20
