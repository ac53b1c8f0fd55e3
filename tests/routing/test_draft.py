"""The draft on both databases: parts come, change, get other names and go, and nobody is lost."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from threading import Barrier, BrokenBarrierError

import pytest
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.orm import Session

from voiceapp.routing import draft
from voiceapp.routing.kinds import ChangedMeanwhile, KeyTaken, Stored, key_of
from voiceapp.routing.releases import PublishedMeanwhile, publish
from voiceapp.rules.operators import Operator
from voiceapp.rules.plan import Did, Installation, Integration, Ivr, Plan, Queue, Recording
from voiceapp.rules.rule import (
    Condition,
    Destination,
    DestinationKind,
    Location,
    Outcome,
    Prompt,
    Rule,
)
from voiceapp.rules.uses import Part

Act = Callable[[Session], object]


def to(kind: str, option: str = "") -> Destination:
    return Destination(DestinationKind(kind), option)


GENERAL, VIP = to("queue", "general"), to("queue", "vip")
SETTINGS = Installation(safe=GENERAL)
CRM = Integration("directory", "Directory", "directory")
SALES = Did("+12025550180", "Sales", to("rule", "VIP customers"), safe=GENERAL)
SUPPORT = Did("+12025550181", "Support", to("ivr", "801"))
MAIN = Ivr(
    "801",
    "Main menu",
    Prompt(recording="hello.wav"),
    {"1": VIP, "2": to("rule", "Balance"), "3": to("ivr", "801"), "4": to("ivr", "802")},
    no_key=GENERAL,
)
SECOND = Ivr("802", "Second menu", Prompt("Press 1."), {"1": to("ivr", "801")}, no_key=GENERAL)
CUSTOMERS = Rule(
    name="VIP customers",
    location=Location.DID,
    integration=CRM.key,
    module="Contacts",
    field="Tier",
    conditions=(
        Condition(Operator.EQUAL, ("Gold",), VIP),
        Condition(Operator.EQUAL, ("Silver",), to("recording", "hello.wav")),
    ),
    outcomes={
        Outcome.NO_CONDITION: VIP,
        Outcome.NOT_FOUND: GENERAL,
        Outcome.SEVERAL: GENERAL,
        Outcome.WITHHELD: to("ivr", "801"),
        Outcome.FAILED: GENERAL,
    },
    after_recording=VIP,
)
BALANCE = replace(
    CUSTOMERS, name="Balance", location=Location.IVR, greeting=Prompt(recording="hello.wav")
)
HELLO = Recording("hello.wav", "ab" * 32, "audio/wav")
PLAN = Plan(
    installation=SETTINGS,
    dids=(SALES, SUPPORT),
    ivrs=(MAIN, SECOND),
    rules=(CUSTOMERS, BALANCE),
    queues=(Queue("general"), Queue("vip")),
    recordings=(HELLO,),
    integrations=(CRM,),
)
EVERYTHING: tuple[Part, ...] = (
    SETTINGS,
    SALES,
    SUPPORT,
    MAIN,
    SECOND,
    CUSTOMERS,
    BALANCE,
    *PLAN.queues,
    HELLO,
    CRM,
)


def fill(engine: Engine) -> None:
    """Save the plan of these tests as the draft."""
    with Session(engine) as session:
        for part in EVERYTHING:
            draft.save(session, part, "Ann")
        session.commit()


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session on a draft with everything in it."""
    fill(engine)
    with Session(engine) as session:
        yield session


@pytest.fixture
def patient(engine: Engine, database_url: str) -> Iterator[Engine]:
    """A draft with everything in it, on an engine that waits for locks as the application does."""
    fill(engine)
    engine = create_engine(database_url)
    yield engine
    engine.dispose()


def the(session: Session, part: Part) -> Stored:
    """Return a part that is in the draft, as it stands there."""
    stored = draft.find_key(session, type(part), key_of(part))
    assert stored is not None
    return stored


def change(session: Session, part: Part, new: Part, author: str = "Bob") -> None:
    """Put a part in the place of another."""
    stored = the(session, part)
    draft.change(session, stored.id, stored.version, new, author)
    session.commit()


def remove(session: Session, part: Part, author: str = "Bob") -> None:
    stored = the(session, part)
    draft.remove(session, type(part), stored.id, stored.version, author)
    session.commit()


def race(engine: Engine, *acts: Act) -> list[str]:
    """Let two people act at the same moment; return how each ended, in the order of the words.

    The moment is their first write: by then both have looked whether they may. It does not wait
    long, as one of them may hold what the other needs to come so far.
    """
    moment = Barrier(len(acts))

    def meet(*_: object) -> None:
        with suppress(BrokenBarrierError):
            moment.wait(0.5)

    def run(act: Act) -> str:
        with Session(engine) as session:
            event.listen(session, "before_flush", meet, once=True)
            try:
                act(session)
                session.commit()
            except (ChangedMeanwhile, KeyTaken, PublishedMeanwhile) as error:
                return type(error).__name__
            return "saved"

    with ThreadPoolExecutor(len(acts)) as pool:
        return sorted(pool.map(run, acts))


class TestAdd:
    def test_a_part_is_there_by_its_id_and_by_its_key(self, session: Session):
        id_ = draft.add(session, Queue("billing"), "Bob")
        session.commit()

        stored = draft.find(session, Queue, id_)
        assert stored is not None
        assert (stored.part, stored.version, stored.stamp.by) == (Queue("billing"), 1, "Bob")
        assert draft.find_key(session, Queue, "billing") == stored
        assert draft.ids(session)[Queue, "billing"] == id_
        assert draft.read(session) == replace(PLAN, queues=(*PLAN.queues, Queue("billing")))

    def test_a_key_is_there_once(self, session: Session):
        with pytest.raises(KeyTaken):
            draft.add(session, replace(SALES, name="Another"), "Bob")

        session.commit()
        assert draft.read(session) == PLAN

    def test_parts_of_different_kinds_may_have_the_same_key(self, session: Session):
        draft.add(session, Queue("801"), "Bob")
        session.commit()

        assert draft.find_key(session, Ivr, "801") is not None

    def test_what_was_removed_comes_back_under_its_id(self, session: Session):
        was = the(session, Queue("vip"))
        remove(session, Queue("vip"))

        id_ = draft.add(session, Queue("vip"), "Cid")
        session.commit()

        stored = the(session, Queue("vip"))
        assert (stored.id, stored.stamp.by) == (was.id, "Cid") == (id_, "Cid")
        assert stored.version > was.version  # a page opened before can't be saved over it
        assert draft.read(session) == PLAN


class TestChange:
    def test_it_counts_the_versions_and_says_who(self, session: Session):
        was = the(session, SALES)

        change(session, SALES, replace(SALES, name="Shop"))

        stored = the(session, SALES)
        assert stored.part == replace(SALES, name="Shop")
        assert (stored.id, stored.version) == (was.id, was.version + 1)
        assert stored.stamp.by == "Bob"
        assert stored.stamp.at > was.stamp.at

    def test_an_older_version_is_not_taken(self, session: Session):
        was = the(session, SALES)
        change(session, SALES, replace(SALES, name="Shop"))

        with pytest.raises(ChangedMeanwhile):
            draft.change(session, was.id, was.version, replace(SALES, name="Orders"), "Cid")

        session.commit()
        assert the(session, SALES).part.name == "Shop"

    def test_what_another_session_saved_is_seen(self, session: Session, engine: Engine):
        was = the(session, SALES)
        with Session(engine) as other:
            change(other, SALES, replace(SALES, name="Shop"))

        with pytest.raises(ChangedMeanwhile):
            draft.change(session, was.id, was.version, replace(SALES, name="Orders"), "Cid")

    def test_a_part_that_is_gone_does_not_come_back(self, session: Session):
        was = the(session, SALES)
        remove(session, SALES)

        for version in (was.version, was.version + 1):
            with pytest.raises(ChangedMeanwhile):
                draft.change(session, was.id, version, SALES, "Cid")

        assert draft.find(session, Did, was.id) is None
        assert draft.find_key(session, Did, SALES.number) is None

    @pytest.mark.parametrize("id_", [0, -1, 999])
    def test_an_id_that_nobody_has_is_not_taken(self, session: Session, id_: int):
        with pytest.raises(ChangedMeanwhile):
            draft.change(session, id_, 1, Queue("vip"), "Bob")
        with pytest.raises(ChangedMeanwhile):
            draft.remove(session, Queue, id_, 1, "Bob")
        assert draft.find(session, Queue, id_) is None

    def test_a_part_of_another_kind_is_not_taken(self, session: Session):
        was = the(session, SALES)

        with pytest.raises(ChangedMeanwhile):
            draft.change(session, was.id, was.version, Queue("billing"), "Bob")
        with pytest.raises(ChangedMeanwhile):
            draft.remove(session, Queue, was.id, was.version, "Bob")

        assert draft.find(session, Queue, was.id) is None
        assert draft.read(session) == PLAN


class TestRemove:
    def test_it_leaves_word_of_who_did_it(self, session: Session):
        remove(session, Queue("vip"))

        drafted = draft.load(session)
        assert drafted.plan.queues == (Queue("general"),)
        assert drafted.stamps[Queue, "vip"].by == "Bob"
        assert (Queue, "vip") not in draft.ids(session)
        assert [one.part for one in draft.stored(session, Queue)] == [Queue("general")]

    def test_an_older_version_is_not_taken(self, session: Session):
        was = the(session, SALES)
        change(session, SALES, replace(SALES, name="Shop"))

        with pytest.raises(ChangedMeanwhile):
            draft.remove(session, Did, was.id, was.version, "Cid")

        assert the(session, SALES).part.name == "Shop"


NEW_QUEUE, NEW_MENU, NEW_RULE = to("queue", "gold"), to("ivr", "900"), to("rule", "Best")
FOLLOWING: list[tuple[Part, Part, tuple[Part, ...]]] = [
    (
        Queue("vip"),
        Queue("gold"),
        (
            replace(MAIN, keys={**MAIN.keys, "1": NEW_QUEUE}),
            replace(
                CUSTOMERS,
                conditions=(
                    Condition(Operator.EQUAL, ("Gold",), NEW_QUEUE),
                    CUSTOMERS.conditions[1],
                ),
                outcomes={**CUSTOMERS.outcomes, Outcome.NO_CONDITION: NEW_QUEUE},
                after_recording=NEW_QUEUE,
            ),
        ),
    ),
    (
        Queue("general"),
        Queue("gold"),
        (
            Installation(safe=NEW_QUEUE),
            replace(SALES, safe=NEW_QUEUE),
            replace(MAIN, no_key=NEW_QUEUE),
            replace(SECOND, no_key=NEW_QUEUE),
        ),
    ),
    (
        MAIN,
        replace(MAIN, number="900"),
        (
            replace(SUPPORT, destination=NEW_MENU),
            replace(MAIN, number="900", keys={**MAIN.keys, "3": NEW_MENU}),
            replace(SECOND, keys={"1": NEW_MENU}),
            replace(CUSTOMERS, outcomes={**CUSTOMERS.outcomes, Outcome.WITHHELD: NEW_MENU}),
        ),
    ),
    (CUSTOMERS, replace(CUSTOMERS, name="Best"), (replace(SALES, destination=NEW_RULE),)),
    (
        BALANCE,
        replace(BALANCE, name="Best"),
        (replace(MAIN, keys={**MAIN.keys, "2": NEW_RULE}),),
    ),
    (
        HELLO,
        replace(HELLO, name="hi.wav"),
        (
            replace(MAIN, greeting=Prompt(recording="hi.wav")),
            replace(
                BALANCE,
                greeting=Prompt(recording="hi.wav"),
                conditions=(
                    BALANCE.conditions[0],
                    Condition(Operator.EQUAL, ("Silver",), to("recording", "hi.wav")),
                ),
            ),
        ),
    ),
    (SALES, replace(SALES, number="+12025550199"), (SUPPORT,)),
]


class TestRename:
    @pytest.mark.parametrize(("part", "new", "followers"), FOLLOWING)
    def test_whatever_refers_to_a_part_follows_its_new_name(
        self, session: Session, part: Part, new: Part, followers: tuple[Part, ...]
    ):
        was = the(session, part)

        change(session, part, new)

        drafted = draft.load(session)
        assert the(session, new).id == was.id
        for follower in followers:
            assert the(session, follower).part == follower
        assert drafted.stamps[type(part), key_of(part)].by == "Bob"
        assert draft.find_key(session, type(part), key_of(part)) is None

    @pytest.mark.parametrize(("part", "new", "_"), FOLLOWING)
    def test_nothing_else_is_touched(self, session: Session, part: Part, new: Part, _: object):
        before = draft.read(session)
        change(session, part, new)

        change(session, new, part, "Cid")

        assert draft.read(session) == before == PLAN

    def test_who_follows_is_changed_by_who_renamed(self, session: Session):
        was = the(session, MAIN)

        change(session, Queue("vip"), Queue("gold"))

        stored = the(session, MAIN)
        assert stored.stamp.by == "Bob"
        assert stored.version > was.version  # a page opened before would bring the old name back

    def test_a_name_that_is_taken_is_not_given_twice(self, session: Session):
        was = the(session, Queue("vip"))

        with pytest.raises(KeyTaken):
            draft.change(session, was.id, was.version, Queue("general"), "Bob")

        session.commit()
        assert draft.read(session) == PLAN

    def test_the_name_it_had_is_free_again(self, session: Session):
        change(session, Queue("vip"), Queue("gold"))

        draft.add(session, Queue("vip"), "Cid")
        session.commit()

        assert the(session, Queue("vip")).id != the(session, Queue("gold")).id

    def test_the_name_of_a_removed_part_is_free(self, session: Session):
        remove(session, Queue("vip"))

        change(session, Queue("general"), Queue("vip"))

        assert draft.read(session).queues == (Queue("vip"),)
        assert the(session, SETTINGS).part == Installation(safe=VIP)


def change_name(session: Session) -> None:
    change(session, SALES, replace(SALES, name="Shop"))


def change_back_and_forth(session: Session) -> None:
    change(session, SALES, replace(SALES, name="Shop"))
    change(session, SALES, SALES)


def remove_and_add(session: Session) -> None:
    remove(session, Queue("vip"))
    draft.add(session, Queue("vip"), "Bob")
    session.commit()


class TestFingerprint:
    @pytest.mark.parametrize(
        "change",
        [
            change_name,
            change_back_and_forth,
            remove_and_add,
            lambda session: remove(session, SALES),
            lambda session: change(session, Queue("vip"), Queue("gold")),
            lambda session: draft.add(session, Queue("billing"), "Bob"),
            lambda session: draft.save(session, replace(SETTINGS, country="DE"), "Bob"),
        ],
    )
    def test_it_differs_after_a_change(self, session: Session, change: Act):
        before = draft.load(session).fingerprint

        change(session)
        session.commit()

        assert draft.load(session).fingerprint != before
        assert draft.load(session).fingerprint == draft.fingerprint(session)

    def test_it_stays_when_nothing_is_changed(self, session: Session, engine: Engine):
        before = draft.load(session).fingerprint

        with pytest.raises(KeyTaken):
            draft.add(session, Queue("vip"), "Bob")
        with pytest.raises(ChangedMeanwhile):
            draft.remove(session, Queue, the(session, Queue("vip")).id, 99, "Bob")
        session.commit()

        with Session(engine) as other:
            assert draft.load(other).fingerprint == before


def test_a_page_that_shows_a_removed_part_is_never_saved_over_a_new_one(session: Session):
    id_ = draft.add(session, Queue("billing"), "Ann")  # the newest of all rows
    session.commit()
    was = the(session, Queue("billing"))
    remove(session, Queue("billing"))
    publish(session, "Bob")

    new = draft.add(session, Queue("nights"), "Cid")
    session.commit()

    assert new != id_
    with pytest.raises(ChangedMeanwhile):
        draft.change(session, was.id, was.version, Queue("bills"), "Ann")


def writing(part: Part, new: Part) -> Act:
    return lambda session: change(session, part, new)


def removing(part: Part) -> Act:
    return lambda session: remove(session, part)


def adding(part: Part, author: str = "Bob") -> Act:
    return lambda session: draft.add(session, part, author)


class TestTwoAtOnce:
    @pytest.mark.parametrize(
        ("first", "second"),
        [
            (writing(SALES, replace(SALES, name="A")), writing(SALES, replace(SALES, name="B"))),
            (writing(SALES, replace(SALES, name="A")), removing(SALES)),
            (removing(SALES), removing(SALES)),
            (writing(HELLO, replace(HELLO, name="a")), writing(HELLO, replace(HELLO, name="b"))),
        ],
    )
    def test_one_saves_a_version_and_the_other_is_told(
        self, patient: Engine, first: Act, second: Act
    ):
        assert race(patient, first, second) == ["ChangedMeanwhile", "saved"]

    def test_one_adds_a_key(self, patient: Engine):
        ended = race(patient, adding(Queue("nights")), adding(Queue("nights")))

        assert ended == ["KeyTaken", "saved"]

    def test_one_brings_a_removed_part_back(self, patient: Engine):
        with Session(patient) as session:
            remove(session, Queue("vip"))

        ended = race(patient, adding(Queue("vip"), "Bob"), adding(Queue("vip"), "Cid"))

        assert ended == ["KeyTaken", "saved"]

    def test_one_takes_a_name(self, patient: Engine):
        nights = Queue("nights")

        ended = race(patient, writing(Queue("vip"), nights), writing(Queue("general"), nights))

        assert ended[0] in ("ChangedMeanwhile", "KeyTaken")
        assert ended[1] == "saved"

    def test_menus_that_lead_to_each_other_are_renamed_without_waiting_for_each_other(
        self, patient: Engine
    ):
        ended = race(
            patient,
            writing(MAIN, replace(MAIN, number="811")),
            writing(SECOND, replace(SECOND, number="812")),
        )

        assert "saved" in ended
        assert set(ended) <= {"ChangedMeanwhile", "saved"}
        with Session(patient) as session:
            plan = draft.read(session)
        led = {one.option for ivr in plan.ivrs for one in ivr.keys.values() if one.kind == "ivr"}
        assert led == {ivr.number for ivr in plan.ivrs}
