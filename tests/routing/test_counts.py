"""Counts kept by the worker say what counting all rows would, on both databases."""

import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, Engine, delete, insert, select
from sqlalchemy.orm import Session

from tests.databases import engine_for
from tests.routing.journals import decision, eventually
from voiceapp.extensions import db
from voiceapp.models.counts import CallCount
from voiceapp.models.journal import DecisionRow
from voiceapp.routing import sums as reading
from voiceapp.routing.counts import What, count_more, counted_up_to
from voiceapp.routing.history import has_real_calls, tally
from voiceapp.routing.ledger import write_rows
from voiceapp.routing.sums import is_behind, sums

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with Session(engine) as session:
        yield session


def count_all(session: Session) -> int:
    """Count until nothing is left to be counted, and return how many passes that took."""
    passes = 1
    while count_more(session):
        passes += 1
    return passes


def by_hand(session: Session, days: list[datetime]) -> dict[tuple[What, str], tuple[int, ...]]:
    """Count rows one by one: each call once for each thing, on the day it first came to it."""
    firsts: dict[tuple[str, What, str], datetime] = {}
    for row in session.scalars(select(DecisionRow).where(DecisionRow.test.is_(False))):
        things = [
            (What.CALL, ""),
            (What.DESTINATION, f"{row.destination_kind} {row.destination_option}"),
        ]
        things += [(What.OUTCOME, row.outcome)] if row.outcome else []
        things += [(What.RULE, row.rule)] if row.rule else []
        things += [(What.SAFE, "")] if row.safe else []
        for what, name in things:
            key = row.call_sid, what, name
            firsts[key] = min(firsts.get(key, row.at), row.at)
    found: dict[tuple[What, str], list[int]] = {}
    for (_, what, name), at in firsts.items():
        if at >= days[0]:
            numbers = found.setdefault((what, name), [0] * len(days))
            numbers[sum(day <= at for day in days) - 1] += 1
    session.commit()
    return {key: tuple(numbers) for key, numbers in found.items()}


def some_rows(chance: random.Random, number: int) -> list:
    """Return rows of few calls within some days, in no order, with steps and tests among them."""
    return [
        decision(
            f"CA{chance.randrange(number // 3)}",
            step=step,
            at=NOON + timedelta(seconds=chance.randrange(-4 * 86_400, 3 * 86_400)),
            test=chance.random() < 0.1,
            rule=chance.choice(["", "VIP", "Balance"]),
            outcome=chance.choice(["", "matched", "CRM failed"]),
            safe=chance.random() < 0.2,
            destination_option=chance.choice(["vip", "general"]),
        )
        for step in range(number)
    ]


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "Asia/Kathmandu", "America/St_Johns"])
def test_counts_are_those_of_the_rows_whatever_comes_in_which_order(engine, session, zone):
    chance = random.Random(zone)
    first = NOON.astimezone(ZoneInfo(zone)).replace(hour=0) - timedelta(days=3)
    days = [first + timedelta(days=day) for day in range(7)]
    rows = some_rows(chance, 600)

    for start in range(0, len(rows), 150):
        write_rows(engine, rows[start : start + 150])
        if start != 300:  # that part is counted together with what comes later
            count_all(session)
        expected = by_hand(session, days)
        assert sums(session, tuple(What), days) == expected

    assert counted_up_to(session) == len(rows)
    assert expected


def test_no_pass_counts_more_than_a_batch(engine, session):
    write_rows(engine, [decision(f"CA{number}") for number in range(1200)])

    assert count_all(session) == 3

    assert tally(session, [NOON]).calls == (1200,)


def test_counting_again_counts_nothing_twice(engine, session):
    write_rows(engine, [decision("CA1"), decision("CA1", step=2)])
    count_all(session)
    write_rows(engine, [decision("CA1"), decision("CA1", step=2)])  # a file read once more

    count_all(session)

    assert tally(session, [NOON]).calls == (1,)


def test_a_late_row_moves_its_call_to_where_it_began(engine, session):
    days = [NOON - timedelta(days=1), NOON]
    write_rows(engine, [decision("CA1", step=2, at=NOON + timedelta(minutes=1))])
    count_all(session)
    assert tally(session, days).calls == (0, 1)
    session.commit()

    write_rows(engine, [decision("CA1", step=1, at=NOON - timedelta(minutes=1))])

    assert tally(session, days).calls == (1, 0)
    count_all(session)
    assert tally(session, days).calls == (1, 0)


def test_what_is_counted_stays_when_its_rows_are_forgotten(engine, session):
    write_rows(engine, [decision(f"CA{number}") for number in range(5)])
    count_all(session)
    before = tally(session, [NOON])
    session.execute(delete(DecisionRow).where(DecisionRow.id < 5))
    session.commit()

    assert tally(session, [NOON]) == before
    session.execute(delete(DecisionRow))
    session.commit()
    assert has_real_calls(session)


def test_rows_beyond_what_a_page_looks_at_wait_for_the_worker(engine, session, monkeypatch):
    monkeypatch.setattr(reading, "FRESH", 10)
    write_rows(engine, [decision(f"CA{number}") for number in range(10)])
    write_rows(engine, [decision(f"CT{number}", test=True) for number in range(10)])
    assert not is_behind(session)
    assert tally(session, [NOON]).calls == (10,)
    session.commit()

    write_rows(engine, [decision(f"CB{number}") for number in range(15)])

    assert is_behind(session)
    assert tally(session, [NOON]).calls[0] < 25
    count_all(session)
    assert not is_behind(session)
    assert tally(session, [NOON]).calls == (25,)


def write_one(connection: Connection, sid: str) -> None:
    """Write a row within a transaction that goes on."""
    row = decision(sid)
    connection.execute(
        insert(DecisionRow), {one.name: getattr(row, one.name) for one in fields(row)}
    )


def test_a_row_that_is_committed_late_is_counted_all_the_same(postgres_engine):
    with postgres_engine.connect() as slow, Session(postgres_engine) as session:
        write_one(slow, "CA1")  # has the lower id
        write_rows(postgres_engine, [decision("CA2")])

        count_all(session)
        assert counted_up_to(session) == 0
        assert tally(session, [NOON]).calls == (1,)
        session.commit()

        slow.commit()
        count_all(session)

        assert counted_up_to(session) == 2
        assert tally(session, [NOON]).calls == (2,)


def test_counting_comes_to_its_turn_though_somebody_writes_at_every_moment(postgres_engine):
    stop = threading.Event()

    def write_in_relay() -> None:
        writer, number = postgres_engine.connect(), 0
        write_one(writer, "CA0")
        while not stop.wait(0.05):
            following = postgres_engine.connect()
            write_one(following, f"CA{(number := number + 1)}")
            writer.commit()
            writer.close()
            writer = following
        writer.close()

    with ThreadPoolExecutor(1) as threads, Session(postgres_engine) as session:
        writing = threads.submit(write_in_relay)
        try:
            assert eventually(lambda: count_more(session) or counted_up_to(session) > 0)
        finally:
            stop.set()
        writing.result()


def test_several_workers_count_each_row_once(postgres_engine):
    engine = postgres_engine
    write_rows(engine, [decision(f"CA{number}") for number in range(3000)])

    def work(_: int) -> None:
        with Session(engine) as session:
            count_all(session)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(4)))

    with Session(engine) as session:
        kept = session.scalars(select(CallCount.calls).where(CallCount.what == What.CALL)).all()
        assert sum(kept) == 3000


@pytest.fixture
def postgres_engine(postgres_url: str) -> Iterator[Engine]:
    with engine_for(postgres_url) as engine:
        db.metadata.create_all(engine)
        yield engine
