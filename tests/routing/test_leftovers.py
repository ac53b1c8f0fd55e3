"""What CRMs told is deleted when nothing asks for it any more, over a real database."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from voiceapp.crm.fields import Field
from voiceapp.models.crm_state import CrmModule
from voiceapp.models.releases import Release
from voiceapp.models.types import now
from voiceapp.routing import catalogue, draft
from voiceapp.routing.document import UnreadableDocument, dump
from voiceapp.routing.leftovers import forget_unused
from voiceapp.rules.plan import Installation, Integration, Plan
from voiceapp.rules.rule import Destination, DestinationKind, Location, Rule

ODOO = Integration("odoo", "Odoo", "odoo", "https://odoo.example")
ZOHO = replace(ODOO, key="zoho")
RULE = Rule("Odoo's", Location.DID, "odoo", "Contacts", "Tier", (), {}, then_modules=("Leads",))
SAFE = Installation(Destination(DestinationKind.QUEUE, "general"))
LISTS = ""


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with Session(engine) as session:
        yield session


def tell(session: Session, integration: Integration, *modules: str, days: float = 3) -> None:
    """Let a CRM have told its modules and their fields some days ago."""
    for module in modules:
        if module == LISTS:
            catalogue.keep_modules(session, integration, ["Contacts"])
        else:
            catalogue.keep_fields(session, integration, module, (Field("Tier", "Tier"),))
        session.flush()
    for row in session.query(CrmModule).filter_by(integration=integration.key):
        row.read_at = now() - timedelta(days=days)
    session.commit()


def release(session: Session, number: int, days: float, *rules: Rule) -> None:
    """Let a release have been published some days ago."""
    crms = {one.key: one for one in (ODOO, ZOHO)}
    plan = Plan(SAFE, rules=rules, integrations=tuple(crms[one.integration] for one in rules))
    published_at = now() - timedelta(days=days)
    session.add(Release(number=number, document=dump(plan), published_at=published_at))
    session.commit()


def left(session: Session) -> set[tuple[str, str]]:
    return {(row.integration, row.module) for row in session.query(CrmModule)}


def test_what_the_draft_asks_for_stays(session):
    draft.save(session, ODOO, "Ann")
    draft.save(session, RULE, "Ann")
    tell(session, ODOO, LISTS, "Contacts", "Leads", "Deals")
    tell(session, ZOHO, LISTS, "Contacts")

    forget_unused(session)

    assert left(session) == {("odoo", LISTS), ("odoo", "Contacts"), ("odoo", "Leads")}


def test_an_integration_that_no_rule_asks_keeps_its_list_of_modules(session):
    draft.save(session, ODOO, "Ann")
    tell(session, ODOO, LISTS, "Contacts")

    forget_unused(session)

    assert left(session) == {("odoo", LISTS)}


@pytest.mark.parametrize("changed", [{"url": "https://odoo.test"}, {"options": {"account": "b"}}])
def test_what_another_place_told_goes(session, changed):
    draft.save(session, replace(ODOO, **changed), "Ann")
    draft.save(session, RULE, "Ann")
    tell(session, ODOO, LISTS, "Contacts")

    forget_unused(session)

    assert left(session) == set()


@pytest.mark.parametrize(("days", "stays"), [(1.9, True), (2.1, False)])
def test_what_was_read_lately_stays_for_a_rule_that_is_not_saved_yet(session, days, stays):
    tell(session, ODOO, "Contacts", days=days)

    forget_unused(session)

    assert bool(left(session)) is stays


@pytest.mark.parametrize("days", [0, 1, 100])
def test_what_the_newest_release_asks_for_stays_however_old_that_is(session, days):
    release(session, 1, days, RULE)
    tell(session, ODOO, "Contacts", "Deals")

    forget_unused(session)

    assert left(session) == {("odoo", "Contacts")}


@pytest.mark.parametrize(("days", "stays"), [(1.9, True), (2.1, False)])
def test_what_an_older_release_asks_for_stays_until_no_call_follows_it(session, days, stays):
    release(session, 1, 100, RULE)
    release(session, 2, days, replace(RULE, integration="zoho"))
    tell(session, ODOO, "Contacts")
    tell(session, ZOHO, "Contacts")

    forget_unused(session)

    assert (("odoo", "Contacts") in left(session)) is stays
    assert ("zoho", "Contacts") in left(session)


def test_a_release_that_can_not_be_read_keeps_everything(session):
    session.add(Release(number=1, document="{"))
    tell(session, ODOO, "Contacts")

    with pytest.raises(UnreadableDocument):
        forget_unused(session)

    session.rollback()
    assert left(session) == {("odoo", "Contacts")}


def test_with_nothing_there_nothing_is_done(session):
    forget_unused(session)

    assert left(session) == set()
