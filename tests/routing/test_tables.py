"""Which table a call follows: the one that it began with, as long as that can be had."""

import logging

import pytest

from voiceapp.routing.document import UnreadableDocument, dump
from voiceapp.routing.table import compile_plan
from voiceapp.routing.tables import NoTable, Tables
from voiceapp.rules.plan import Installation, Plan
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
    assert tables.newest_number is None
    with pytest.raises(NoTable, match=r"^No release has been published yet\.$"):
        _ = tables.newest
    for number in (None, 1):
        with pytest.raises(NoTable):
            tables.following(number)


def test_a_call_that_begins_follows_the_newest(tables, releases):
    take(tables, 1, 2)

    assert tables.following(None) == (table(2), "")
    assert tables.newest == table(2)
    assert tables.newest_number == 2


@pytest.mark.parametrize("number", [2, 3, 4])
def test_the_last_three_are_at_hand(tables, releases, number):
    take(tables, 1, 2, 3, 4)

    assert tables.following(number) == (table(number), "")
    assert releases.reads == []


def test_an_older_one_is_fetched_once(tables, releases):
    releases.publish(1)
    take(tables, 1, 2, 3, 4)

    assert tables.following(1) == (table(1), "")
    assert tables.following(1) == (table(1), "")
    assert releases.reads == [1]


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


def test_an_older_release_does_not_take_the_place_of_a_newer(tables):
    take(tables, 2, 1)

    assert tables.newest == table(2)
