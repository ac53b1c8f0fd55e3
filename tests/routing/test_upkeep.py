"""What keeps CRMs ready: signed in, fields read, and none in the way of another."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from tests.crm.crms import Clock, MemoryBoard
from voiceapp.chores import chores
from voiceapp.crm.bounded import Bounded
from voiceapp.crm.breaker import Breakers
from voiceapp.crm.contract import (
    CrmBadAnswer,
    CrmCredentialsRefused,
    CrmError,
    CrmNotPermitted,
    CrmOutOfTime,
    CrmThrottled,
    CrmUnavailable,
    NotFound,
)
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.fields import Field
from voiceapp.keeping import Keeping
from voiceapp.models.crm_state import CrmModule
from voiceapp.models.integrations import Credential
from voiceapp.models.releases import Release
from voiceapp.models.types import now
from voiceapp.routing import catalogue, upkeep
from voiceapp.routing.clients import Clients
from voiceapp.routing.document import dump
from voiceapp.routing.live import Live
from voiceapp.routing.upkeep import CrmsAway
from voiceapp.rules.plan import Installation, Integration, Plan
from voiceapp.rules.rule import Destination, DestinationKind, Location, Rule
from voiceapp.status.metrics import Metrics
from voiceapp.task import Task
from voiceapp.vault import Vault

GENERAL = Destination(DestinationKind.QUEUE, "general")
ODOO, ZOHO, FORCE, UNUSED = (
    Integration(name.lower(), name, "custom", f"https://{name.lower()}.example")
    for name in ("Odoo", "Zoho", "Force", "Unused")
)
RULE = Rule("Odoo's", Location.DID, "odoo", "Contacts", "Tier", (), {}, then_modules=("Leads",))
RULES = (
    RULE,
    replace(RULE, name="Odoo's second", module="Leads", then_modules=()),
    replace(RULE, name="Zoho's", integration="zoho", module="Deals", then_modules=()),
    replace(RULE, name="Force's", integration="force", module="", then_modules=()),
)
PLAN = Plan(Installation(GENERAL), rules=RULES, integrations=(ODOO, ZOHO, FORCE, UNUSED))
TOLD = (Field("Tier", "Tier"),)


@dataclass
class FakeCrm:
    """A CRM that may be in trouble, altogether or with one module; keeps what was asked of it."""

    trouble: CrmError | None = None
    forbidden: str = ""
    told: Sequence[Field] = TOLD
    modules_told: Sequence[str] = ("Contacts", "Leads", "Deals")
    modules_trouble: CrmError | None = None
    bug: Exception | None = None
    signed_in: int = 0
    listed: int = 0
    asked: list[str] = field(default_factory=list)
    when_asked: Callable[[], object] = lambda: None

    def sign_in(self, deadline: Deadline) -> None:
        assert not deadline.has_passed()
        self.signed_in += 1
        self._refuse()

    def modules(self, deadline: Deadline) -> Sequence[str]:
        assert not deadline.has_passed()
        self.listed += 1
        self.when_asked()
        self._refuse()
        if self.modules_trouble:
            raise self.modules_trouble
        return self.modules_told

    def fields(self, module: str, deadline: Deadline) -> Sequence[Field]:
        assert not deadline.has_passed()
        self.asked.append(module)
        self.when_asked()
        self._refuse()
        if module == self.forbidden:
            raise CrmNotPermitted(f"It doesn't tell of {module}.")
        return self.told

    def _refuse(self) -> None:
        if trouble := self.bug or self.trouble:
            raise trouble


@pytest.fixture
def crms() -> dict[str, FakeCrm]:
    return {one.key: FakeCrm() for one in PLAN.integrations}


@pytest.fixture
def live(engine: Engine, crms: dict[str, FakeCrm], tmp_path: Path) -> Iterator[Live]:
    """What follows releases, of which there is none yet."""
    vault = Vault([Fernet.generate_key().decode()])
    clients = Clients(lambda integration, *_: crms[integration.key], vault)
    return Live(engine, clients, Bounded(), tmp_path)


@pytest.fixture
def published(engine: Engine, live: Live) -> Live:
    publish(engine, PLAN)
    return live


def publish(engine: Engine, plan: Plan, number: int = 1) -> None:
    with Session(engine) as session:
        session.add(Release(number=number, document=dump(plan)))
        session.commit()


def known(engine: Engine, integration: Integration, module: str) -> tuple[Field, ...] | None:
    with Session(engine) as session:
        listed = catalogue.fields_of(session, integration, module)
    return listed and listed.fields


def modules_known(engine: Engine, integration: Integration) -> tuple[str, ...]:
    with Session(engine) as session:
        return catalogue.modules_of(session, integration)


def grow_old(engine: Engine, hours: float) -> None:
    """Let everything that was read have been read some hours ago."""
    with Session(engine) as session:
        for row in session.query(CrmModule):
            row.read_at = now() - timedelta(hours=hours)
        session.commit()


def test_before_the_first_release_there_is_nothing_to_do(live, engine, crms):
    upkeep.sign_in(live)
    upkeep.read_fields(live, engine)

    assert [(one.signed_in, one.asked) for one in crms.values()] == [(0, [])] * 4


def test_every_crm_that_calls_may_ask_is_signed_in_to(published, crms):
    upkeep.sign_in(published)

    assert {key: one.signed_in for key, one in crms.items()} == {
        "odoo": 1,
        "zoho": 1,
        "force": 1,
        "unused": 0,
    }


def test_a_newer_release_is_followed_without_another_start(published, engine, crms):
    upkeep.sign_in(published)
    publish(engine, replace(PLAN, rules=(replace(RULE, integration="unused"),)), number=2)

    upkeep.sign_in(published)

    assert {key: one.signed_in for key, one in crms.items()} == {
        "odoo": 1,
        "zoho": 1,
        "force": 1,
        "unused": 1,
    }


@pytest.mark.parametrize(
    "kind", [CrmUnavailable, CrmThrottled, CrmCredentialsRefused, CrmBadAnswer]
)
@pytest.mark.parametrize("failing", [["odoo"], ["zoho"], ["odoo", "force"]])
def test_what_is_wrong_with_one_crm_keeps_no_other_from_being_signed_in_to(
    published, crms, kind, failing
):
    for key in failing:
        crms[key].trouble = kind("It is in trouble.")

    with pytest.raises(CrmsAway) as away:
        upkeep.sign_in(published)

    assert str(away.value) == " ".join(f"{key.title()}: It is in trouble." for key in failing)
    assert [crms[key].signed_in for key in ("odoo", "zoho", "force")] == [1, 1, 1]


def test_a_crm_whose_credentials_are_for_another_address_keeps_no_other(published, engine, crms):
    with Session(engine) as session:
        session.add(Credential(integration="odoo", origin="https://old.example:443", secrets="x"))
        session.commit()

    with pytest.raises(CrmsAway, match=r"^Odoo: The credentials were saved for another address;"):
        upkeep.sign_in(published)

    assert [crms[key].signed_in for key in ("odoo", "zoho", "force")] == [0, 1, 1]


def test_the_fields_of_every_module_that_calls_search_are_kept(published, engine, crms):
    upkeep.read_fields(published, engine)

    assert {key: one.asked for key, one in crms.items()} == {
        "odoo": ["Contacts", "Leads"],
        "zoho": ["Deals"],
        "force": [],
        "unused": [],
    }
    asked = [(ODOO, "Contacts"), (ODOO, "Leads"), (ZOHO, "Deals")]
    assert [known(engine, *one) for one in asked] == [TOLD] * 3


@pytest.mark.parametrize(("hours", "times"), [(0, 1), (23.9, 1), (24.1, 2)])
def test_fields_are_read_again_when_they_are_a_day_old(published, engine, crms, hours, times):
    upkeep.read_fields(published, engine)
    grow_old(engine, hours)

    upkeep.read_fields(published, engine)

    assert crms["zoho"].asked == ["Deals"] * times
    if times > 1:
        upkeep.read_fields(published, engine)
        assert crms["zoho"].asked == ["Deals"] * times


def test_no_connection_is_held_while_a_crm_is_asked(published, engine, crms):
    held: list[int] = []
    crms["zoho"].when_asked = lambda: held.append(engine.pool.checkedout())

    upkeep.read_fields(published, engine)

    assert held == [0, 0]


def test_a_crm_that_tells_no_fields_leaves_those_of_before(published, engine, crms):
    upkeep.read_fields(published, engine)
    grow_old(engine, 25)
    crms["zoho"].told = ()

    upkeep.read_fields(published, engine)

    assert known(engine, ZOHO, "Deals") == TOLD


def test_what_is_wrong_with_one_crm_keeps_no_fields_of_another(published, engine, crms):
    crms["odoo"].trouble = CrmUnavailable("It is away.")

    with pytest.raises(CrmsAway, match=r"^Odoo: It is away\.$"):
        upkeep.read_fields(published, engine)

    assert known(engine, ZOHO, "Deals") == TOLD
    assert known(engine, ODOO, "Contacts") is None


def test_what_is_wrong_with_one_module_keeps_no_fields_of_another(published, engine, crms):
    crms["odoo"].forbidden = "Contacts"

    with suppress(CrmsAway):
        upkeep.read_fields(published, engine)

    assert known(engine, ODOO, "Leads") == TOLD


def test_the_modules_of_every_crm_that_has_some_are_kept(published, engine, crms):
    upkeep.read_fields(published, engine)

    assert [modules_known(engine, one) for one in (ODOO, ZOHO)] == [crms["odoo"].modules_told] * 2
    assert {key: one.listed for key, one in crms.items()} == {
        "odoo": 1,
        "zoho": 1,
        "force": 0,
        "unused": 0,
    }


@pytest.mark.parametrize(("hours", "times"), [(0, 1), (23.9, 1), (24.1, 2)])
def test_modules_are_read_again_when_they_are_a_day_old(published, engine, crms, hours, times):
    upkeep.read_fields(published, engine)
    grow_old(engine, hours)
    crms["zoho"].modules_told = ("Contacts",)

    upkeep.read_fields(published, engine)

    assert crms["zoho"].listed == times
    assert ("Deals" in modules_known(engine, ZOHO)) is (times == 1)


@pytest.mark.parametrize("told", [CrmNotPermitted("It doesn't list them."), ()])
def test_a_crm_that_lists_no_modules_keeps_those_of_before_and_is_asked_a_day_later(
    published, engine, crms, told
):
    upkeep.read_fields(published, engine)
    grow_old(engine, 25)
    if isinstance(told, CrmError):
        crms["zoho"].modules_trouble = told
    else:
        crms["zoho"].modules_told = told

    for _ in range(2):
        upkeep.read_fields(published, engine)

    assert modules_known(engine, ZOHO) == ("Contacts", "Leads", "Deals")
    assert crms["zoho"].listed == 2


def test_a_crm_that_goes_away_before_it_lists_its_modules_is_asked_again(published, engine, crms):
    crms["zoho"].modules_trouble = CrmUnavailable("It is away.")
    with pytest.raises(CrmsAway, match=r"^Zoho: It is away\.$"):
        upkeep.read_fields(published, engine)
    crms["zoho"].modules_trouble = None

    upkeep.read_fields(published, engine)

    assert known(engine, ZOHO, "Deals") == TOLD
    assert modules_known(engine, ZOHO) == crms["zoho"].modules_told
    assert crms["zoho"].asked == ["Deals"]


def test_the_directory_has_the_modules_that_contacts_are_put_in(engine, live, crms):
    directory = replace(ZOHO, kind="directory")
    publish(engine, replace(PLAN, integrations=(ODOO, directory, FORCE)))

    upkeep.read_fields(live, engine)

    assert (crms["odoo"].listed, crms["zoho"].listed) == (1, 0)


def test_a_module_that_is_gone_keeps_the_list_of_modules_from_nobody(published, engine, crms):
    crms["zoho"].forbidden = "Deals"
    crms["zoho"].modules_told = ("Contacts",)

    with pytest.raises(CrmsAway):
        upkeep.read_fields(published, engine)

    assert modules_known(engine, ZOHO) == ("Contacts",)


def test_a_crm_that_is_left_alone_is_asked_for_nothing(published, engine, crms):
    breakers = Breakers([MemoryBoard()])
    leave_alone(published, breakers, ODOO, CrmThrottled("Too often.", 3600))
    leave_alone(published, breakers, ZOHO, CrmUnavailable("It is away."))

    upkeep.sign_in(published, breakers)
    upkeep.read_fields(published, engine, breakers)

    assert [crms[key].signed_in for key in ("odoo", "zoho", "force")] == [0, 0, 1]
    assert [crms[key].asked for key in ("odoo", "zoho")] == [[], []]
    assert [crms[key].listed for key in ("odoo", "zoho")] == [0, 0]


def test_one_that_is_too_slow_for_calls_is_kept_ready(published, crms):
    breakers = Breakers([MemoryBoard()])
    leave_alone(published, breakers, ODOO, CrmOutOfTime("It gave no answer within the budget."))

    upkeep.sign_in(published, breakers)

    assert crms["odoo"].signed_in == 1


def leave_alone(live: Live, breakers: Breakers, one: Integration, error: CrmError) -> None:
    """Let a CRM fail for calls until they leave it alone."""
    live.refresh()
    name = live.clients.source(one, "US").name
    while breakers.pause(name) is None:
        with suppress(CrmError), breakers.watching(name, 3):
            raise error


def test_a_crm_of_a_rules_own_is_named_after_the_rule(live, engine, crms):
    publish(engine, replace(PLAN, integrations=(replace(ODOO, is_private=True), ZOHO, FORCE)))
    crms["odoo"].trouble = CrmUnavailable("It is away.")

    with pytest.raises(CrmsAway, match=r"^Odoo of rule Odoo's: It is away\.$"):
        upkeep.sign_in(live)


def tasks_of(live: Live, engine: Engine, folder: Path, breakers: Breakers) -> dict[str, Task]:
    """Return what the worker does, by name."""
    groups = chores(folder, live, engine, Keeping(folder, engine, Metrics()), breakers)
    return {task.name: task for group in groups for task in group}


@pytest.fixture
def tasks(published: Live, engine: Engine, tmp_path: Path) -> dict[str, Task]:
    return tasks_of(published, engine, tmp_path, Breakers())


def test_a_worker_without_a_database_probes_crms(published, engine, crms, tmp_path):
    clock = Clock()
    breakers = Breakers([MemoryBoard()], clock)
    leave_alone(published, breakers, ODOO, CrmThrottled("Too often.", 0))
    clock.now += 1
    away = create_engine(f"sqlite:///{tmp_path}/no/database")
    begun = Live(away, published.clients, Bounded(), tmp_path)
    tasks = tasks_of(begun, away, tmp_path, breakers)
    asked = threading.Event()
    crms["odoo"].find = lambda *_: asked.set() or NotFound()

    tasks["follow_releases"].attempt()
    tasks["probe_crms"].attempt()

    assert asked.wait(10)


def test_the_worker_follows_releases(published, engine, crms, tmp_path):
    tasks = tasks_of(published, engine, tmp_path, Breakers())
    tasks["follow_releases"].attempt()
    publish(engine, PLAN, number=2)

    tasks["follow_releases"].attempt()

    assert published.tables.newest.number == 2


def test_a_bug_met_with_one_crm_keeps_the_worker_from_no_other(tasks, engine, crms, caplog):
    crms["odoo"].bug = ZeroDivisionError("a bug")
    crms["zoho"].trouble = CrmUnavailable("It is away.")

    tasks["sign_in_to_crms"].attempt()
    crms["zoho"].trouble = None
    tasks["read_crm_fields"].attempt()

    assert [crms[key].signed_in for key in ("odoo", "zoho", "force")] == [1, 1, 1]
    assert known(engine, ZOHO, "Deals") == TOLD
    assert [(one.levelname, one.getMessage()) for one in caplog.records] == [
        ("ERROR", "The worker failed at the CRM Odoo"),
        ("WARNING", "The worker's task sign_in_to_crms has to wait: Zoho: It is away."),
        ("ERROR", "The worker failed at the CRM Odoo"),
    ]
    assert caplog.records[0].exc_info[0] is ZeroDivisionError


def test_a_database_that_is_away_is_no_bug_of_a_crm(tasks, crms, caplog):
    crms["odoo"].bug = OperationalError("SELECT", {}, Exception("away"))

    tasks["sign_in_to_crms"].attempt()

    assert crms["zoho"].signed_in == 0
    [record] = caplog.records
    assert record.getMessage().startswith("The worker's task sign_in_to_crms has to wait: ")
