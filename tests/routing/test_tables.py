"""Which table a call follows: the one that it began with, as long as that can be had."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from voiceapp.routing.document import UnreadableDocument, dump
from voiceapp.routing.table import compile_plan
from voiceapp.routing.tables import Loaded, NoTable, Tables
from voiceapp.rules.plan import Installation, Plan, Recording
from voiceapp.rules.rule import Destination, DestinationKind


def plan(number: int) -> Plan:
    return Plan(Installation(safe=Destination(DestinationKind.QUEUE, f"queue {number}")))


def table(number: int):
    return compile_plan(plan(number), number)


class Releases:
    """Published documents, and which of them were read."""

    def __init__(self) -> None:
        self.documents: dict[int, str] = {}
        self.reads: list[int] = []

    def publish(self, *numbers: int) -> None:
        self.documents |= {number: dump(plan(number)) for number in numbers}

    def read(self, number: int) -> str | None:
        self.reads.append(number)
        return self.documents.get(number)


@pytest.fixture
def releases() -> Releases:
    return Releases()


@pytest.fixture
def tables(releases: Releases) -> Tables:
    return Tables(releases.read)


def take(tables: Tables, *numbers: int) -> None:
    for number in numbers:
        tables.take(number, dump(plan(number)))


def test_before_the_first_release_there_is_nothing_to_follow(tables, releases):
    assert tables.loaded is None
    with pytest.raises(NoTable, match=r"^No release has been published yet\.$"):
        _ = tables.newest
    for number in (None, 1):
        with pytest.raises(NoTable):
            tables.following(number)


def test_a_call_that_begins_follows_the_newest(tables, releases):
    take(tables, 1, 2)

    assert tables.following(None) == (table(2), "")
    assert tables.newest == table(2)
    assert tables.loaded == Loaded(table(2), dump(plan(2)))


@pytest.mark.parametrize("number", [2, 3, 4])
def test_the_last_three_are_at_hand(tables, releases, number):
    take(tables, 1, 2, 3, 4)

    assert tables.following(number) == (table(number), "")
    assert releases.reads == []


def test_the_newest_three_stay_at_hand_however_much_older_ones_are_used(tables, releases):
    releases.publish(1, 2, 3, 4)
    take(tables, 5, 6, 7)

    for number in (1, 2, 3, 4, 3, 2, 1) * 10:
        assert tables.following(number) == (table(number), "")
    releases.reads.clear()

    for number in (5, 6, 7):
        assert tables.following(number) == (table(number), "")
    assert releases.reads == []


def test_of_older_ones_the_three_used_last_are_at_hand(tables, releases):
    releases.publish(1, 2, 3, 4)
    take(tables, 5, 6, 7)

    for number in (1, 2, 3, 1, 4, 1, 3, 4, 2):
        tables.following(number)

    assert releases.reads == [1, 2, 3, 4, 2]


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 3, 1)])
def test_in_whatever_order_they_come_the_newest_is_the_one_with_the_largest_number(tables, order):
    take(tables, *order)

    assert tables.loaded == Loaded(table(3), dump(plan(3)))
    assert tables.following(None) == (table(3), "")


def test_a_release_is_not_fetched_where_there_is_no_time_for_it(tables, releases):
    releases.publish(1)
    take(tables, 2, 3, 4)

    assert tables.following(3, may_fetch=False) == (table(3), "")
    assert tables.following(1, may_fetch=False) == (
        table(4),
        "The call began with release 1, which is not at hand; release 4 decided.",
    )
    assert releases.reads == []


def test_a_release_that_was_fetched_is_at_hand_without_another_fetch(tables, releases):
    releases.publish(1)
    take(tables, 2, 3, 4)
    tables.following(1)

    assert tables.following(1, may_fetch=False) == (table(1), "")
    assert releases.reads == [1]


def test_the_recordings_of_all_releases_at_hand_are_known(tables):
    assert not tables.knows_recording("1" * 64)

    for number in (1, 2, 3, 4, 5):
        recording = Recording("offer.wav", f"{number}" * 64, "audio/wav")
        tables.take(number, dump(replace(plan(number), recordings=(recording,))))
    older = Recording("offer.wav", "2" * 64, "audio/wav")
    tables.take(2, dump(replace(plan(2), recordings=(older,))))

    known = [number for number in range(1, 7) if tables.knows_recording(f"{number}" * 64)]
    assert known == [1, 2, 3, 4, 5]
    assert not tables.knows_recording("offer.wav")


def test_an_older_one_is_fetched_once(tables, releases):
    releases.publish(1)
    take(tables, 2, 3, 4)

    assert tables.following(1) == (table(1), "")
    assert tables.following(1) == (table(1), "")
    assert releases.reads == [1]


def test_one_that_is_no_longer_among_the_newest_stays_at_hand_for_its_calls(tables, releases):
    take(tables, 1, 2, 3, 4)

    assert tables.following(1) == (table(1), "")
    assert releases.reads == []


def test_new_calls_follow_the_newest_whatever_was_fetched_since(tables, releases):
    releases.publish(1, 2, 3)
    take(tables, 4)

    for number in (1, 2, 3):
        assert tables.following(number) == (table(number), "")

    assert tables.following(None) == (table(4), "")
    assert tables.following(4) == (table(4), "")
    assert releases.reads == [1, 2, 3]


def test_a_call_that_began_with_a_newer_one_elsewhere_follows_it_here(tables, releases):
    releases.publish(5)
    take(tables, 4)

    assert tables.following(5) == (table(5), "")
    assert tables.following(None) == (table(5), "")


def test_a_release_that_can_not_be_had_is_stood_in_for_with_a_note(tables, releases):
    take(tables, 4)

    assert tables.following(1) == (
        table(4),
        "The call began with release 1, which is not at hand; release 4 decided.",
    )
    assert releases.reads == [1]


def test_a_release_that_can_not_be_read_is_stood_in_for_and_logged(tables, releases, caplog):
    releases.documents[1] = "{"
    take(tables, 4)

    followed, note = tables.following(1)

    assert (followed, note != "") == (table(4), True)
    assert caplog.record_tuples == [
        (
            "voiceapp.routing.tables",
            logging.ERROR,
            "Release 1 can't be read: A stored release is no JSON.",
        )
    ]


def test_a_newer_release_that_can_not_be_read_changes_nothing(tables):
    take(tables, 1)

    with pytest.raises(UnreadableDocument):
        tables.take(2, "{}")

    assert tables.following(None) == (table(1), "")
    assert tables.loaded == Loaded(table(1), dump(plan(1)))


def test_an_older_release_does_not_take_the_place_of_a_newer(tables):
    take(tables, 2, 1)

    assert tables.newest == table(2)


class SlowReleases(Releases):
    """Documents that are read when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.is_read = threading.Event()
        self.may_be_read = threading.Event()

    def read(self, number: int) -> str | None:
        document = super().read(number)
        self.is_read.set()
        assert self.may_be_read.wait(20)
        return document


def test_of_many_calls_that_follow_an_older_release_one_fetches_it():
    releases = SlowReleases()
    releases.publish(1)
    tables = Tables(releases.read)
    take(tables, 2, 3, 4)

    with ThreadPoolExecutor(8) as pool:
        followed = [pool.submit(tables.following, 1) for _ in range(8)]
        assert releases.is_read.wait(20)
        releases.may_be_read.set()

    assert [one.result() for one in followed] == [(table(1), "")] * 8
    assert releases.reads == [1]


def test_who_has_waited_long_enough_for_another_follows_the_newest():
    releases = SlowReleases()
    releases.publish(1)
    tables = Tables(releases.read, patience=0.05)
    take(tables, 2, 3, 4)

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(tables.following, 1)
        assert releases.is_read.wait(20)
        followed, note = tables.following(1)
        releases.may_be_read.set()

    assert (followed, note != "") == (table(4), True)
    assert first.result() == (table(1), "")


@pytest.mark.parametrize("document", [None, "{"], ids=["not to be had", "unreadable"])
def test_a_release_that_can_not_be_had_is_asked_for_again_after_some_seconds(releases, document):
    now = [0.0]
    tables = Tables(releases.read, clock=lambda: now[0])
    take(tables, 4)
    if document:
        releases.documents[1] = document

    for _ in range(3):
        assert tables.following(1)[0] == table(4)
    assert releases.reads == [1]

    releases.publish(1)
    now[0] = 5
    assert tables.following(1) == (table(1), "")
    assert releases.reads == [1, 1]


def test_a_release_that_comes_by_itself_is_followed_at_once(tables, releases):
    take(tables, 4)
    tables.following(5)

    take(tables, 5)

    assert tables.following(5) == (table(5), "")
