"""Modules and fields as CRMs told them last, over a real database, for forms and for calls."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from tests.databases import engine_for
from tests.routing.journals import eventually
from voiceapp.crm.bounded import Bounded, T
from voiceapp.crm.contract import CrmError, CrmNotPermitted, CrmUnavailable
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.fields import Field, FieldType
from voiceapp.crm.kind import Connection
from voiceapp.models.crm_state import CrmModule
from voiceapp.models.types import now
from voiceapp.routing import catalogue
from voiceapp.routing.catalogue import Shelf
from voiceapp.rules.plan import Integration

PLENTY = Deadline.after(600)
ODOO = Integration("odoo", "Odoo", "odoo", "https://odoo.example.com/web")
TOLD = (
    Field("tier", "Tier", FieldType.CHOICE, (("1", "Gold"), ("2", "Zoë's"))),
    *(Field(f"a_{one.name}", one.value, one) for one in FieldType),
)
UNREADABLE = [
    "",
    "{",
    "7",
    "null",
    '"text"',
    "[7]",
    '["text"]',
    "[{}]",
    '[{"name": "x"}]',
    '[{"name": "x", "label": "X", "type": "of tomorrow"}]',
]


class Crm:
    """Tells its fields, unless there is trouble, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Deadline]] = []
        self.trouble: CrmError | None = None

    def describe(self, module: str, deadline: Deadline) -> tuple[Field, ...]:
        self.asked.append((module, deadline))
        if self.trouble:
            raise self.trouble
        return (Field("asked", "Asked now"),)


ASKED = (Field("asked", "Asked now"),)


@pytest.fixture
def crm() -> Crm:
    return Crm()


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with Session(engine) as session:
        yield session


@pytest.fixture
def shelf(engine: Engine) -> Shelf:
    return Shelf(engine, Bounded())


def connection(key: str = "odoo", url: str = ODOO.url) -> Connection:
    return Connection("odoo", url, {}, {}, "US", key)


def keep(engine: Engine, module: str = "Contacts", integration: Integration = ODOO) -> None:
    with Session(engine) as session:
        catalogue.keep_fields(session, integration, module, TOLD)
        session.commit()


def spoil(session: Session, module: str, content: str) -> None:
    if module:
        catalogue.keep_fields(session, ODOO, module, ())
    else:
        catalogue.keep_modules(session, ODOO, ())
    session.flush()
    session.scalars(select(CrmModule).where(CrmModule.module == module)).one().content = content
    session.commit()


def test_fields_come_back_as_they_were_kept(engine, session):
    began = now()
    keep(engine)

    listed = catalogue.fields_of(session, ODOO, "Contacts")

    assert listed.fields == TOLD
    assert began <= listed.read_at <= now()


def test_what_was_read_again_takes_the_place_of_what_was_before(engine, session):
    keep(engine)
    old = session.scalars(select(CrmModule)).one()
    old.read_at = datetime(2026, 1, 1, tzinfo=UTC)
    session.commit()

    keep(engine)
    session.expire_all()
    assert now() - catalogue.fields_of(session, ODOO, "Contacts").read_at < timedelta(hours=1)

    catalogue.keep_fields(session, ODOO, "Contacts", ASKED)
    assert catalogue.fields_of(session, ODOO, "Contacts").fields == ASKED


@pytest.mark.parametrize(
    "other",
    [
        replace(ODOO, key="odoo-2"),
        replace(ODOO, url="https://odoo.example.org/web"),
        replace(ODOO, url="https://odoo.example.com:8443/web"),
        replace(ODOO, url="http://odoo.example.com/web"),
        replace(ODOO, url="https://[odoo"),
        replace(ODOO, url=""),
        replace(ODOO, options={"account": "staging"}),
    ],
)
def test_what_one_crm_told_is_unknown_of_another(engine, session, other):
    keep(engine)
    catalogue.keep_modules(session, ODOO, ["Contacts"])

    assert catalogue.fields_of(session, other, "Contacts") is None
    assert catalogue.modules_of(session, other) == ()


@pytest.mark.parametrize("module", ["Leads", "contacts", ""])
def test_a_module_that_was_never_asked_for_is_unknown(engine, session, module):
    keep(engine)
    catalogue.keep_modules(session, ODOO, ["Contacts"])

    assert catalogue.fields_of(session, ODOO, module) is None


@pytest.mark.parametrize("content", UNREADABLE)
def test_fields_that_can_not_be_read_are_unknown_and_asked_for(session, shelf, crm, content):
    spoil(session, "Contacts", content)

    assert catalogue.fields_of(session, ODOO, "Contacts") is None
    assert shelf.book(connection()).fields("Contacts", crm.describe, PLENTY) == ASKED


def test_modules_come_back_as_they_were_kept(session):
    assert catalogue.modules_of(session, ODOO) == ()

    for told in (["Contacts", "Leads"], ["Zoë's", "Contacts"], []):
        catalogue.keep_modules(session, ODOO, told)
        session.commit()

        assert catalogue.modules_of(session, ODOO) == tuple(told)


@pytest.mark.parametrize("content", ["", "{", "7", "null"])
def test_modules_that_can_not_be_read_are_unknown(session, content):
    spoil(session, "", content)

    assert catalogue.modules_of(session, ODOO) == ()


def test_a_call_reads_fields_from_the_database_once_and_asks_nobody(engine, shelf, crm):
    keep(engine)

    assert shelf.book(connection()).fields("Contacts", crm.describe, PLENTY) == TOLD
    with Session(engine) as session:
        session.execute(text("DELETE FROM crm_modules"))
        session.commit()

    assert shelf.book(connection()).fields("Contacts", crm.describe, PLENTY) == TOLD
    assert crm.asked == []


def test_what_was_never_read_a_call_asks_for_once(shelf, crm):
    for _ in range(2):
        assert shelf.book(connection()).fields("Contacts", crm.describe, PLENTY) == ASKED

    assert crm.asked == [("Contacts", PLENTY)]


@pytest.mark.parametrize(
    ("key", "url", "module"),
    [
        ("odoo-2", ODOO.url, "Contacts"),
        ("odoo", "https://odoo.example.org", "Contacts"),
        ("odoo", ODOO.url, "Leads"),
    ],
)
def test_what_a_call_knows_is_of_one_module_of_one_crm(engine, shelf, crm, key, url, module):
    keep(engine)
    shelf.book(connection()).fields("Contacts", crm.describe, PLENTY)

    assert shelf.book(connection(key, url)).fields(module, crm.describe, PLENTY) == ASKED


def test_of_a_connection_that_was_never_saved_nothing_is_remembered(engine, shelf, crm):
    keep(engine, integration=replace(ODOO, key=""))

    for _ in range(2):
        assert shelf.book(connection(key="")).fields("Contacts", crm.describe, PLENTY) == ASKED

    assert len(crm.asked) == 2


def test_a_crm_that_does_not_tell_is_asked_once_and_one_in_trouble_again(shelf, crm):
    book = shelf.book(connection())
    crm.trouble = CrmUnavailable("It is away.")
    with pytest.raises(CrmUnavailable):
        book.fields("Contacts", crm.describe, PLENTY)
    crm.trouble = CrmNotPermitted("It doesn't tell.")

    assert [book.fields("Contacts", crm.describe, PLENTY) for _ in range(2)] == [(), ()]
    assert len(crm.asked) == 2


def test_with_the_database_away_a_call_asks_the_crm_once(database_url, crm):
    with engine_for(database_url) as without_tables:
        shelf = Shelf(without_tables, Bounded())

        for _ in range(2):
            assert shelf.book(connection()).fields("Contacts", crm.describe, PLENTY) == ASKED

    assert len(crm.asked) == 1


@contextmanager
def _locked(engine: Engine) -> Iterator[None]:
    """Let somebody else hold the table, so that whoever wants it has to wait."""
    locks = {"sqlite": "BEGIN EXCLUSIVE", "postgresql": "LOCK TABLE crm_modules"}
    with engine.connect() as other:
        other.execute(text(locks[engine.dialect.name]))
        yield
        other.rollback()


def test_a_call_does_not_wait_for_a_database_that_hangs(engine, shelf, crm):
    keep(engine)

    with _locked(engine):
        assert shelf.book(connection()).fields("Contacts", crm.describe, PLENTY) == ASKED

    assert eventually(lambda: engine.pool.checkedout() == 0)  # what hung has come to its end


class Unhurried(Bounded):
    """Waits for what it runs; keeps how much time that was given."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[float] = []

    def run(self, work: Callable[[], T], deadline: Deadline) -> T:
        self.given.append(deadline.remaining())
        return work()


@pytest.mark.parametrize(("left", "given"), [(600, 0.25), (0.1, 0.1)])
def test_the_database_has_no_more_time_than_the_caller(engine, crm, left, given):
    keep(engine)
    bounded = Unhurried()
    deadline = Deadline(left, lambda: 0.0)

    assert Shelf(engine, bounded).book(connection()).fields("Contacts", crm.describe, deadline) == (
        TOLD
    )

    assert bounded.given == [given]
