"""CRMs that calls leave alone are asked by the worker, as a rule would, until they answer."""

import logging
import threading
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.crm.crms import Clock
from tests.routing.journals import eventually
from voiceapp.crm.boards import FolderBoard
from voiceapp.crm.bounded import Bounded
from voiceapp.crm.breaker import FAILURES, Breakers
from voiceapp.crm.contract import (
    Answer,
    Caller,
    CallFacts,
    CrmError,
    CrmMisconfigured,
    CrmOutOfTime,
    CrmThrottled,
    CrmUnavailable,
    KeyedDigits,
    NotFound,
    Search,
)
from voiceapp.crm.deadline import Deadline
from voiceapp.models.releases import Release
from voiceapp.routing.clients import Clients
from voiceapp.routing.document import dump
from voiceapp.routing.live import Live
from voiceapp.routing.probe import Prober
from voiceapp.rules.plan import Installation, Integration, Plan
from voiceapp.rules.rule import Destination, DestinationKind, FindBy, Location, Rule
from voiceapp.vault import Vault

AWAY = CrmUnavailable("The CRM is away.")
ODOO, ZOHO = (Integration(key, key.title(), "odoo", f"https://{key}.example") for key in ("o", "z"))
RULE = Rule("Tier", Location.DID, "o", "Contacts", "Tier", (), {})
KEYED = replace(
    RULE,
    name="Account",
    location=Location.IVR,
    integration="z",
    module="Deals",
    find_by=FindBy.DIGITS,
    search_field="Account_No",
)
PLAN = Plan(
    Installation(Destination(DestinationKind.QUEUE, "general")),
    rules=(RULE, KEYED),
    integrations=(ODOO, ZOHO),
)


@dataclass
class FakeCrm:
    """Fails, or answers; one that hangs does so when it is let."""

    error: CrmError | None = AWAY
    asked: list[tuple[Search, CallFacts]] = field(default_factory=list)
    seconds_given: list[float] = field(default_factory=list)
    may_answer: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.may_answer.set()

    def find(self, search: Search, call: CallFacts, deadline: Deadline) -> Answer:
        self.seconds_given.append(deadline.remaining())
        self.asked.append((search, call))
        assert self.may_answer.wait(10)
        if self.error:
            raise self.error
        return NotFound()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def crms() -> dict[str, FakeCrm]:
    return {"o": FakeCrm(), "z": FakeCrm()}


@pytest.fixture
def live(engine: Engine, crms: dict[str, FakeCrm], tmp_path: Path) -> Live:
    clients = Clients(lambda one, *_: crms[one.key], Vault([Fernet.generate_key().decode()]))
    live = Live(engine, clients, Bounded(), tmp_path)
    follow(live, engine, PLAN)
    return live


def follow(live: Live, engine: Engine, plan: Plan) -> None:
    with Session(engine) as session:
        number = 1 + session.query(Release).count()
        session.add(Release(number=number, document=dump(plan)))
        session.commit()
    live.refresh()


@pytest.fixture
def breakers(clock: Clock, tmp_path: Path) -> Breakers:
    return Breakers([FolderBoard(tmp_path / "breakers")], clock)


@pytest.fixture
def prober(live: Live, breakers: Breakers) -> Prober:
    return Prober(live, breakers, nullcontext)


def pause(live: Live, breakers: Breakers, integration: Integration) -> str:
    """Let calls leave a CRM alone; return its name."""
    name = live.clients.source(integration, "US").name
    with pytest.raises(CrmThrottled), breakers.watching(name, 3):
        raise CrmThrottled("Too often.", 0)
    return name


def test_what_is_well_is_not_probed(prober, crms):
    prober.run()

    assert [one.asked for one in crms.values()] == [[], []]


def test_nothing_is_done_before_the_first_release(live, engine, tmp_path, breakers, crms):
    another = Live(engine, live.clients, Bounded(), tmp_path / "another")

    Prober(another, breakers, nullcontext).run()

    assert [one.asked for one in crms.values()] == [[], []]


@pytest.mark.parametrize(
    ("integration", "search"),
    [
        (ODOO, Search(Caller("+12025550100"), "Contacts", ("Tier",))),
        (ZOHO, Search(KeyedDigits("0000000000", "Account_No"), "Deals", ("Tier",))),
    ],
    ids=["by number", "by digits"],
)
def test_a_probe_looks_up_nobody_as_the_rule_does(
    live, prober, breakers, crms, clock, integration, search
):
    pause(live, breakers, integration)
    clock.now += 1

    prober.run()

    assert eventually(lambda: crms[integration.key].asked)
    asked = {key: one.asked for key, one in crms.items() if one.asked}
    facts = CallFacts(caller="+12025550100", call_id="probe")
    assert asked == {integration.key: [(search, facts)]}


@pytest.mark.parametrize("error", [None, CrmMisconfigured("There is no field Tier.")])
def test_a_crm_that_answers_is_asked_by_calls_again(live, prober, breakers, crms, clock, error):
    name = pause(live, breakers, ODOO)
    crms["o"].error = error
    clock.now += 1

    prober.run()

    assert eventually(lambda: breakers.pause(name) is None)


def test_one_that_does_not_is_left_alone_further(live, prober, breakers, crms, clock):
    name = pause(live, breakers, ODOO)
    clock.now += 1

    prober.run()
    assert eventually(lambda: breakers.pause(name).reason == str(AWAY))
    prober.run()

    assert len(crms["o"].asked) == 1
    clock.now += 2
    assert eventually(lambda: prober.run() or len(crms["o"].asked) == 2)


@pytest.mark.parametrize("budgets", [(3, 8), (8, 3)])
def test_a_probe_has_the_time_of_the_most_patient_rule(
    live, prober, breakers, crms, clock, engine, budgets
):
    rules = [
        replace(RULE, name=f"Rule {number}", budget=Decimal(budget))
        for number, budget in enumerate(budgets)
    ]
    follow(live, engine, replace(PLAN, rules=tuple(rules)))
    pause(live, breakers, ODOO)
    clock.now += 1

    prober.run()

    assert eventually(lambda: crms["o"].seconds_given)
    assert 7 < crms["o"].seconds_given[0] <= 8


def test_a_crm_that_was_too_slow_for_calls_has_no_more_time_than_they_had(
    live, prober, breakers, crms, clock
):
    name = live.clients.source(ODOO, "US").name
    for _ in range(FAILURES):
        with pytest.raises(CrmOutOfTime), breakers.watching(name, 1.5):
            raise CrmOutOfTime("It gave no answer within the budget.")
    clock.now += 1

    prober.run()

    assert eventually(lambda: crms["o"].seconds_given)
    assert 0.5 < crms["o"].seconds_given[0] <= 1.5


def test_a_crm_that_hangs_keeps_no_other_waiting_and_is_not_asked_twice(
    live, prober, breakers, crms, clock
):
    pause(live, breakers, ODOO)
    name = pause(live, breakers, ZOHO)
    crms["o"].may_answer.clear()
    crms["z"].error = None
    clock.now += 1

    prober.run()
    assert eventually(lambda: breakers.pause(name) is None)
    for _ in range(3):
        clock.now += 30
        prober.run()
    crms["o"].may_answer.set()

    assert len(crms["o"].asked) == 1
    assert eventually(lambda: prober.run() or len(crms["o"].asked) > 1)


def test_what_calls_leave_alone_and_ask_again_is_logged_once(
    live, prober, breakers, crms, clock, engine, caplog
):
    caplog.set_level(logging.INFO, "voiceapp.routing.probe")
    private = replace(ODOO, name="Custom URL", is_private=True)
    follow(live, engine, replace(PLAN, integrations=(private, ZOHO)))
    name = pause(live, breakers, private)
    clock.now += 1

    for _ in range(3):
        prober.run()
        clock.now += 30
    crms["o"].error = None
    assert eventually(lambda: prober.run() or breakers.pause(name) is None)
    prober.run()
    prober.run()

    assert caplog.messages == [
        "Calls leave the CRM Custom URL of rule Tier alone, as it fails: Too often.",
        "Calls ask the CRM Custom URL of rule Tier again",
    ]
