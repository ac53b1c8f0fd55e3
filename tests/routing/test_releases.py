"""Releases on both databases: what is pending, what is refused, and who was faster."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from tests.databases import engine_for
from tests.routing.test_draft import (
    BALANCE,
    CUSTOMERS,
    EVERYTHING,
    HELLO,
    PLAN,
    SALES,
    SETTINGS,
    Act,
    adding,
    change,
    fill,
    patient,
    race,
    remove,
    removing,
    the,
    writing,
)
from voiceapp.extensions import db
from voiceapp.models.releases import Release
from voiceapp.models.types import now
from voiceapp.routing import draft, releases
from voiceapp.routing.document import dump
from voiceapp.routing.kinds import NOTHING_CHOSEN, key_of
from voiceapp.routing.releases import (
    NotPublishable,
    PendingMemory,
    PublishedMeanwhile,
    pending,
    publish,
)
from voiceapp.rules.plan import Installation, Integration, Queue

__all__ = ["patient"]

SHOP = replace(SALES, name="Shop")


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session where the draft with everything in it is release 1."""
    fill(engine)
    with Session(engine) as session:
        publish(session, "Ann", "The first.")
        yield session


def told(session: Session) -> list[tuple[str, str, str]]:
    """Return what is pending: the title, what became of it, and who did it."""
    return [(one.title, str(one.what), stamp.by) for one, stamp in pending(session).changes]


class TestPending:
    def test_before_the_first_release_everything_is(self, engine: Engine):
        fill(engine)
        with Session(engine) as session:
            changes = pending(session).changes

        assert {one.key for one, _ in changes} == {key_of(part) for part in EVERYTHING}
        assert {str(one.what) for one, _ in changes} == {"added"}

    def test_after_a_release_nothing_is(self, session: Session):
        assert told(session) == []

    def test_it_says_what_became_of_each_part_and_who_did_it(self, session: Session):
        start = now()
        draft.add(session, Queue("nights"), "Dan")
        change(session, SALES, SHOP, "Bob")
        remove(session, Queue("vip"), "Cid")

        assert told(session) == [
            ("DID +12025550180 Shop", "changed", "Bob"),
            ("Queue vip", "removed", "Cid"),
            ("Queue nights", "added", "Dan"),
        ]
        assert all(start <= stamp.at <= now() for _, stamp in pending(session).changes)

    def test_a_new_name_is_one_gone_and_one_come_and_tells_who_follows(self, session: Session):
        change(session, HELLO, replace(HELLO, name="hi.wav"), "Bob")

        assert told(session) == [
            ("IVR 801 Main menu", "changed", "Bob"),
            ("CRM rule VIP customers", "changed", "Bob"),
            ("CRM rule Balance", "changed", "Bob"),
            ("Recording hello.wav", "removed", "Bob"),
            ("Recording hi.wav", "added", "Bob"),
        ]

    def test_what_is_changed_back_is_not(self, session: Session):
        change(session, SALES, SHOP)
        change(session, SALES, SALES)
        remove(session, Queue("vip"))
        draft.add(session, Queue("vip"), "Bob")

        assert told(session) == []

    def test_it_stands_for_exactly_this(self, session: Session):
        seen = pending(session).seen

        assert pending(session).seen == seen
        change(session, SALES, SHOP)
        assert pending(session).seen != seen

    def test_what_is_remembered_is_what_is_pending(self, session: Session):
        memory = PendingMemory()

        for act in (
            writing(SALES, SHOP),
            removing(Queue("vip")),
            adding(Queue("vip")),
            lambda session: publish(session, "Ann"),
            lambda session: releases.roll_back(session, 1, "Ann"),
        ):
            assert memory.pending(session) == pending(session)
            act(session)
            session.commit()
            assert memory.pending(session) == pending(session)


class TestPublish:
    def test_the_draft_becomes_the_newest_release(self, session: Session):
        change(session, SALES, SHOP)

        number = publish(session, "Bob", "A shop.", pending(session).seen)

        assert (number, releases.newest_number(session)) == (2, 2)
        plan = releases.plan_of(session, 2)
        assert plan == draft.read(session)
        assert plan is not None
        assert plan.dids[0].name == "Shop"
        assert releases.plan_of(session, 1) == PLAN
        [release] = releases.listed(session, limit=1)
        assert (release.author, release.comment) == ("Bob", "A shop.")

    @pytest.mark.parametrize(
        "act",
        [
            writing(SALES, replace(SALES, name="Orders")),
            adding(Queue("nights")),
            removing(Queue("vip")),
            lambda session: publish(session, "Cid"),
            lambda session: releases.roll_back(session, 1, "Cid"),
        ],
    )
    def test_nothing_is_published_that_was_not_looked_at(self, session: Session, act: Act):
        change(session, SALES, SHOP)
        seen = pending(session).seen
        act(session)
        session.commit()
        newest = releases.newest_number(session)

        with pytest.raises(PublishedMeanwhile, match="changed since you looked"):
            publish(session, "Bob", seen=seen)

        assert releases.newest_number(session) == newest

    @pytest.mark.parametrize("seen", ["", "1", "1-", "nonsense"])
    def test_nothing_is_published_that_no_page_has_shown(self, session: Session, seen: str):
        with pytest.raises(PublishedMeanwhile):
            publish(session, "Bob", seen=seen)

    def test_what_was_removed_is_forgotten(self, session: Session):
        for queue in ("a", "b"):
            draft.add(session, Queue(queue), "Ann")
        session.commit()
        remove(session, Queue("a"))

        publish(session, "Bob")

        assert (Queue, "a") not in draft.load(session).stamps
        assert told(session) == []

    def test_it_is_not_forgotten_by_a_draft_that_is_refused(self, session: Session):
        remove(session, Queue("vip"))

        with pytest.raises(NotPublishable):
            publish(session, "Bob")
        session.commit()

        assert told(session) == [("Queue vip", "removed", "Bob")]


WHERE = {
    "a deleted queue": (
        removing(Queue("general")),
        "DID +12025550180 Sales: Safe destination: There is no queue general.",
    ),
    "a missing recording": (
        removing(HELLO),
        "IVR 801 Main menu: Greeting: There is no recording hello.wav.",
    ),
    "no conditions": (
        writing(CUSTOMERS, replace(CUSTOMERS, conditions=())),
        "CRM rule VIP customers: Add at least one condition.",
    ),
    "an empty safe destination": (
        writing(SETTINGS, Installation(safe=NOTHING_CHOSEN)),
        "Settings: Safe destination: Choose which queue.",
    ),
    "settings that were never saved": (
        removing(SETTINGS),
        "Settings: Safe destination: Choose which queue.",
    ),
    "a missing rule": (
        removing(BALANCE),
        "IVR 801 Main menu: Key 2: There is no CRM rule Balance.",
    ),
}


class TestRefusal:
    @pytest.mark.parametrize("what", list(WHERE))
    def test_a_draft_that_would_hurt_is_refused_and_says_where(self, session: Session, what: str):
        act, sentence = WHERE[what]
        act(session)
        session.commit()

        with pytest.raises(NotPublishable) as caught:
            publish(session, "Bob", seen=pending(session).seen)

        assert any(str(fault).startswith(sentence) for fault in caught.value.faults)
        assert sentence in str(caught.value)
        assert releases.newest_number(session) == 1

    def test_everything_wrong_is_told_at_once(self, session: Session):
        remove(session, Queue("vip"))
        remove(session, HELLO)

        with pytest.raises(NotPublishable) as caught:
            publish(session, "Bob")

        assert {fault.where for fault in caught.value.faults} == {
            "IVR 801 Main menu",
            "CRM rule VIP customers",
            "CRM rule Balance",
        }

    @pytest.mark.parametrize("is_private", [False, True])
    def test_a_crm_that_can_never_be_asked_is_refused(self, session: Session, is_private: bool):
        odoo = Integration(
            "odoo", "Our Odoo", "odoo", "https://acme.odoo.com", {"interface": "14"}, is_private
        )
        draft.save(session, odoo, "Bob")
        session.commit()

        with pytest.raises(NotPublishable) as caught:
            publish(session, "Bob")

        assert str(caught.value) == (
            "Integration Our Odoo: Type the Database, too: Version 14 to 18 needs it."
        )


class TestRollBack:
    def test_it_makes_a_new_release_with_the_same_document(self, session: Session):
        change(session, SALES, SHOP)
        publish(session, "Bob")

        number = releases.roll_back(session, 1, "Cid")

        assert number == 3
        assert releases.read_document(session, 3) == releases.read_document(session, 1)
        [release] = releases.listed(session, limit=1)
        assert (release.author, release.comment) == ("Cid", "Back to release 1.")

    def test_the_draft_stays_and_its_difference_waits_again(self, session: Session):
        change(session, SALES, SHOP)
        publish(session, "Bob")
        before = draft.load(session)

        releases.roll_back(session, 1, "Cid", "The shop was wrong.")

        assert draft.load(session) == before
        assert told(session) == [("DID +12025550180 Shop", "changed", "Bob")]
        assert releases.listed(session)[0].comment == "The shop was wrong."

    @pytest.mark.parametrize("number", [0, -1, 2, 999])
    def test_a_number_that_no_release_has_is_refused(self, session: Session, number: int):
        with pytest.raises(LookupError):
            releases.roll_back(session, number, "Cid")

        assert releases.newest_number(session) == 1

    def test_a_release_that_would_hurt_now_is_refused(self, session: Session):
        hurting = dump(replace(PLAN, queues=()))
        session.add(Release(number=2, document=hurting, author="Ann"))
        session.commit()

        with pytest.raises(NotPublishable):
            releases.roll_back(session, 2, "Cid")

        assert releases.newest_number(session) == 2


class TestListed:
    def test_the_newest_stand_first_and_go_on_from_below_a_number(self, session: Session):
        for _ in range(4):
            publish(session, "Bob")

        assert [one.number for one in releases.listed(session, limit=2)] == [5, 4]
        assert [one.number for one in releases.listed(session, below=4, limit=2)] == [3, 2]
        assert [one.number for one in releases.listed(session, below=2)] == [1]
        assert releases.listed(session, below=1) == []

    def test_their_documents_are_not_read_along(self, session: Session):
        session.expunge_all()

        [release] = releases.listed(session)

        assert "document" not in vars(release)


class TestTwoAtOnce:
    def test_one_publishes(self, patient: Engine):
        with Session(patient) as session:
            seen = pending(session).seen

        ended = race(
            patient,
            lambda session: publish(session, "Ann", seen=seen),
            lambda session: publish(session, "Bob", seen=seen),
        )

        assert ended == ["PublishedMeanwhile", "saved"]
        with Session(patient) as session:
            assert [one.number for one in releases.listed(session)] == [1]

    def test_one_publishes_where_both_would_forget_what_was_removed(self, patient: Engine):
        with Session(patient) as session:
            draft.add(session, Queue("nights"), "Ann")
            change(session, Queue("nights"), Queue("evenings"))
            draft.add(session, Queue("weekend"), "Ann")
            session.commit()

        ended = race(
            patient,
            lambda session: publish(session, "Ann"),
            lambda session: publish(session, "Bob"),
        )

        assert ended == ["PublishedMeanwhile", "saved"]

    def test_one_publishes_and_one_goes_back(self, patient: Engine):
        with Session(patient) as session:
            publish(session, "Ann")

        ended = race(
            patient,
            lambda session: publish(session, "Ann"),
            lambda session: releases.roll_back(session, 1, "Bob"),
        )

        assert ended == ["PublishedMeanwhile", "saved"]

    def test_what_comes_back_while_it_is_forgotten_is_kept(self, postgres_url: str):
        # SQLite lets nobody else write meanwhile
        with engine_for(postgres_url) as engine, Session(engine) as session:
            db.metadata.create_all(engine)
            fill(engine)
            draft.add(session, Queue("nights"), "Ann")
            session.commit()
            remove(session, Queue("nights"))
            draft.add(session, Queue("weekend"), "Ann")
            session.commit()

            def bring_back(flushed: Session, *_: object) -> None:
                if flushed.deleted:
                    with Session(engine) as other:
                        draft.add(other, Queue("nights"), "Cid")
                        other.commit()

            event.listen(session, "before_flush", bring_back)
            with pytest.raises(PublishedMeanwhile):
                publish(session, "Bob")

            assert the(session, Queue("nights")).stamp.by == "Cid"
            assert releases.newest_number(session) is None


def test_there_is_nothing_of_a_release_that_is_not_there(session: Session):
    assert releases.read_document(session, 2) is None
    assert releases.plan_of(session, 2) is None
