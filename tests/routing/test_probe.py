"""CRMs that calls leave alone are asked by the worker, as a rule would, until they answer."""

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.crm.crms import Clock
from voiceapp.crm.boards import FolderBoard
from voiceapp.crm.bounded import Bounded
from voiceapp.crm.breaker import Breakers
from voiceapp.crm.contract import (
    Answer,
    Caller,
    CallFacts,
    CrmError,
    CrmMisconfigured,
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
from voiceapp.routing.probe import probe
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
    error: CrmError | None = AWAY
    asked: list[tuple[Search, CallFacts]] = field(default_factory=list)

    def find(self, search: Search, call: CallFacts, deadline: Deadline) -> Answer:
        self.asked.append((search, call))
        assert 0 < deadline.remaining() <= 5
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
def live(engine: Engine, crms: dict[str, FakeCrm], tmp_path: Path) -> Iterator[Live]:
    clients = Clients(lambda one, *_: crms[one.key], Vault([Fernet.generate_key().decode()]))
    with Session(engine) as session:
        session.add(Release(number=1, document=dump(PLAN)))
        session.commit()
    live = Live(engine, clients, Bounded(), tmp_path)
    live.refresh()
    return live


@pytest.fixture
def breakers(clock: Clock, tmp_path: Path) -> Breakers:
    return Breakers([FolderBoard(tmp_path / "breakers")], clock)


def pause(live: Live, breakers: Breakers, integration: Integration) -> str:
    """Let calls leave a CRM alone; return its name."""
    name = live.clients.source(integration, "US").name
    with pytest.raises(CrmThrottled), breakers.watching(name, 3):
        raise CrmThrottled("Too often.", 0)
    return name


def test_what_is_well_is_not_probed(live, breakers, crms):
    probe(live, breakers, nullcontext)

    assert [one.asked for one in crms.values()] == [[], []]


def test_nothing_is_done_before_the_first_release(live, engine, tmp_path, breakers, crms):
    with Session(engine) as session:
        session.query(Release).delete()
        session.commit()

    probe(Live(engine, live.clients, Bounded(), tmp_path / "another"), breakers, nullcontext)

    assert [one.asked for one in crms.values()] == [[], []]


@pytest.mark.parametrize(
    ("integration", "search"),
    [
        (ODOO, Search(Caller("+12025550100"), "Contacts", ("Tier",))),
        (ZOHO, Search(KeyedDigits("0000000000", "Account_No"), "Deals", ("Tier",))),
    ],
    ids=["by number", "by digits"],
)
def test_a_probe_looks_up_nobody_as_the_rule_does(live, breakers, crms, clock, integration, search):
    pause(live, breakers, integration)
    clock.now += 1

    probe(live, breakers, nullcontext)

    asked = {key: one.asked for key, one in crms.items() if one.asked}
    facts = CallFacts(caller="+12025550100", call_id="probe")
    assert asked == {integration.key: [(search, facts)]}


@pytest.mark.parametrize("error", [None, CrmMisconfigured("There is no field Tier.")])
def test_a_crm_that_answers_is_asked_by_calls_again(live, breakers, crms, clock, error):
    name = pause(live, breakers, ODOO)
    crms["o"].error = error
    clock.now += 1

    probe(live, breakers, nullcontext)

    assert breakers.pause(name) is None


def test_one_that_does_not_is_left_alone_further(live, breakers, crms, clock):
    name = pause(live, breakers, ODOO)
    clock.now += 1

    probe(live, breakers, nullcontext)
    probe(live, breakers, nullcontext)

    assert breakers.pause(name) is not None
    assert len(crms["o"].asked) == 1
    clock.now += 2
    probe(live, breakers, nullcontext)
    assert len(crms["o"].asked) == 2
