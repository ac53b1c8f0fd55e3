"""Changes taken back on both databases: one, or all, and what belongs to them goes along."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.databases import engine_for
from tests.routing.test_draft import (
    CUSTOMERS,
    EVERYTHING,
    HELLO,
    MAIN,
    PLAN,
    SALES,
    SETTINGS,
    SUPPORT,
    Act,
    change,
    fill,
    patient,
    race,
    remove,
    the,
)
from tests.routing.test_releases import told
from voiceapp.extensions import db
from voiceapp.routing import draft
from voiceapp.routing.discard import discard
from voiceapp.routing.kinds import key_of
from voiceapp.routing.releases import publish
from voiceapp.rules.plan import Did, Integration, Queue
from voiceapp.rules.uses import Part

__all__ = ["patient"]

SHOP = replace(SALES, name="Shop")
OWN = Integration("own", "Custom URL", "custom", "https://crm.example/find", is_private=True)
OWNING = replace(CUSTOMERS, integration=OWN.key)


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session where the draft with everything in it is release 1."""
    fill(engine)
    with Session(engine) as session:
        publish(session, "Ann")
        yield session


class TestOne:
    def test_a_change_is_taken_back_and_the_others_stay(self, session: Session):
        change(session, SALES, SHOP)
        change(session, SUPPORT, replace(SUPPORT, name="Help"))

        assert discard(session, "DID +12025550180 Shop", "Cid") == ("DID +12025550180 Shop",)

        assert the(session, SALES).part == SALES
        assert the(session, SALES).stamp.by == "Cid"
        assert told(session) == [("DID +12025550181 Help", "changed", "Bob")]

    def test_a_part_that_was_added_goes(self, session: Session):
        draft.add(session, Queue("nights"), "Bob")
        session.commit()

        assert discard(session, "Queue nights", "Cid") == ("Queue nights",)

        assert draft.find_key(session, Queue, "nights") is None
        assert told(session) == []

    @pytest.mark.parametrize(
        ("part", "title"), [(SALES, "DID +12025550180 Sales"), (MAIN, "IVR 801 Main menu")]
    )
    def test_a_part_that_was_removed_comes_back(self, session: Session, part: Part, title: str):
        was = the(session, part)
        remove(session, part)

        assert discard(session, title, "Cid") == (title,)

        assert (the(session, part).part, the(session, part).id) == (part, was.id)
        assert told(session) == []

    def test_a_page_opened_before_is_not_saved_over_it(self, session: Session):
        change(session, SALES, SHOP)
        was = the(session, SALES)

        discard(session, "DID +12025550180 Shop", "Cid")

        assert the(session, SALES).version > was.version

    def test_settings_are_put_back(self, session: Session):
        change(session, SETTINGS, replace(SETTINGS, country="DE"))

        assert discard(session, "Settings", "Cid") == ("Settings",)

        assert the(session, SETTINGS).part == SETTINGS

    @pytest.mark.parametrize("title", ["Queue vip", "Nothing", "%", "queue nights"])
    def test_what_is_not_pending_is_left_alone(self, session: Session, title: str):
        draft.add(session, Queue("nights"), "Bob")
        session.commit()
        before = draft.load(session)

        assert discard(session, title, "Cid") == ()

        assert draft.load(session) == before


class TestOwnIntegration:
    def test_one_that_a_rule_got_goes_along(self, session: Session):
        draft.add(session, OWN, "Bob")
        change(session, CUSTOMERS, OWNING)

        discard(session, "CRM rule VIP customers", "Cid")

        assert draft.read(session) == PLAN

    def test_one_that_a_rule_gave_up_comes_back(self, session: Session):
        draft.add(session, OWN, "Bob")
        change(session, CUSTOMERS, OWNING)
        publish(session, "Bob")
        change(session, CUSTOMERS, CUSTOMERS)
        remove(session, OWN)

        discard(session, "CRM rule VIP customers", "Cid")

        assert told(session) == []
        assert the(session, OWN).part == OWN

    def test_one_that_changed_is_put_back_with_its_rule(self, session: Session):
        draft.add(session, OWN, "Bob")
        change(session, CUSTOMERS, OWNING)
        publish(session, "Bob")
        change(session, OWN, replace(OWN, url="https://other.example/find"))

        assert discard(session, "CRM rule VIP customers", "Cid") == ("CRM rule VIP customers",)

        assert the(session, OWN).part == OWN

    def test_it_is_not_mistaken_for_a_rule_of_the_name_of_its_key(self, session: Session):
        namesake = replace(CUSTOMERS, name="own")
        draft.add(session, namesake, "Bob")
        publish(session, "Bob")
        draft.add(session, OWN, "Bob")
        change(session, namesake, replace(namesake, integration="own"))

        discard(session, "CRM rule own", "Cid")

        assert draft.find_key(session, Integration, "own") is None
        assert told(session) == []


class TestAll:
    def test_everything_is_as_it_is_live(self, session: Session):
        change(session, Queue("vip"), Queue("gold"))
        change(session, SALES, SHOP)
        remove(session, HELLO)

        titles = discard(session, "", "Cid")

        assert set(titles) > {"Queue vip", "Queue gold", "Recording hello.wav"}
        assert draft.read(session) == PLAN
        assert told(session) == []

    def test_before_the_first_release_nothing_is_left(self, engine: Engine):
        fill(engine)
        with Session(engine) as session:
            discard(session, "", "Cid")

            assert draft.ids(session) == {}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with the release that edits begin from, to be copied."""
    file = tmp_path_factory.mktemp("discard") / "template.sqlite"
    with engine_for(f"sqlite:///{file}") as engine:
        db.metadata.create_all(engine)
        fill(engine)
        with Session(engine) as session:
            publish(session, "Ann")
    return file


QUEUES = st.sampled_from(["general", "vip", "nights", "801"]).map(Queue)
PARTS = st.one_of(st.sampled_from(EVERYTHING), QUEUES)
EDITS = st.lists(st.tuples(st.sampled_from(["add", "change", "remove"]), PARTS, QUEUES))


def edit(session: Session, how: str, part: Part, queue: Queue) -> None:
    """Do something to the draft, as far as it can be done."""
    stored = draft.find_key(session, type(part), key_of(part))
    if stored is None:
        draft.add(session, part, "Bob")
    elif how == "remove":
        draft.remove(session, type(part), stored.id, stored.version, "Bob")
    elif isinstance(part, Did):
        draft.change(session, stored.id, stored.version, replace(part, name=queue.name), "Bob")
    elif isinstance(part, Queue) and draft.find_key(session, Queue, queue.name) is None:
        draft.change(session, stored.id, stored.version, queue, "Bob")
    session.commit()


@settings(max_examples=25)
@given(edits=EDITS)
def test_after_any_edits_discarding_all_leaves_nothing_pending(template: Path, edits: list):
    file = shutil.copy(template, template.with_name("edited.sqlite"))
    with engine_for(f"sqlite:///{file}") as engine, Session(engine) as session:
        for one in edits:
            edit(session, *one)

        discard(session, "", "Cid")

        assert told(session) == []
        live, drafted = PLAN, draft.read(session)
        assert sorted(map(repr, drafted.queues)) == sorted(map(repr, live.queues))
        assert drafted.installation == live.installation


@pytest.mark.parametrize(
    "other",
    [
        lambda session: change(session, SHOP, replace(SALES, name="Orders")),
        lambda session: discard(session, "", "Dan"),
    ],
)
def test_somebody_who_was_faster_is_not_undone(patient: Engine, other: Act):
    with Session(patient) as session:
        publish(session, "Ann")
        change(session, SALES, SHOP)

    ended = race(patient, lambda session: discard(session, "", "Cid"), other)

    assert ended == ["ChangedMeanwhile", "saved"]
