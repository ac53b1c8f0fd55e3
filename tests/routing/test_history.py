"""What is read from the journal is the same on both databases, and found by its indexes."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.orm import Session

from tests.routing.journals import decision, end
from voiceapp.routing.counts import What, differences
from voiceapp.routing.history import (
    BadKey,
    Tally,
    Wanted,
    calls_of_rules,
    decisions_of,
    end_of,
    has_real_calls,
    latest_calls,
    latest_safe,
    listed,
    tally,
    week_begin,
)
from voiceapp.routing.ledger import write_rows
from voiceapp.routing.sums import _kept
from voiceapp.rules.rule import Outcome

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with Session(engine) as session:
        yield session


def minutes(number: float) -> datetime:
    return NOON + timedelta(minutes=number)


def sids(page) -> list[str]:
    return [entry.call_sid for entry in page.entries]


def test_decisions_are_listed_newest_first_without_their_bodies(engine, session):
    write_rows(engine, [decision("CA1", at=minutes(0)), decision("CA2", at=minutes(1))])

    page = listed(session, Wanted())

    assert sids(page) == ["CA2", "CA1"]
    assert page.older == ""
    assert page.entries[1] == decision("CA1", at=minutes(0), lookup=None, explanation=())


def test_pages_follow_each_other_by_key_even_within_one_moment(engine, session):
    write_rows(engine, [decision(f"CA{number}", at=minutes(number // 3)) for number in range(8)])

    found, key = [], ""
    for _ in range(5):
        page = listed(session, Wanted(), key, limit=2)
        found.append(sids(page))
        key = page.older
        if not key:
            break

    assert found == [["CA7", "CA6"], ["CA5", "CA4"], ["CA3", "CA2"], ["CA1", "CA0"]]


def test_rows_that_come_meanwhile_move_no_page(engine, session):
    write_rows(engine, [decision(f"CA{number}", at=minutes(number)) for number in range(4)])
    first = listed(session, Wanted(), limit=2)
    session.commit()
    write_rows(engine, [decision("CA9", at=minutes(9))])

    assert sids(listed(session, Wanted(), first.older, limit=2)) == ["CA1", "CA0"]


@pytest.mark.parametrize("key", ["x", "1", "1-", "-1-2", "١-٢", "1" * 18 + "-1", "1-" + "1" * 19])
def test_a_key_that_is_none_is_refused(session, key):
    with pytest.raises(BadKey):
        listed(session, Wanted(), key)


def test_the_largest_key_that_is_one_is_read(engine, session):
    write_rows(engine, [decision("CA1")])

    assert sids(listed(session, Wanted(), "9" * 17 + "-" + "9" * 18)) == ["CA1"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(caller="anonymous"), ["CA2"]),
        (Wanted(called="+12025550181"), ["CA3"]),
        (Wanted(outcome=Outcome.FAILED), ["CA3"]),
        (Wanted(since=minutes(2)), ["CA3", "CA2"]),
        (Wanted(until=minutes(2)), ["CA1"]),
        (Wanted(since=minutes(2), until=minutes(3)), ["CA2"]),
        (Wanted(is_real=True), ["CA3", "CA1"]),
        (Wanted(caller="+12025550101", is_real=True, since=minutes(3)), ["CA3"]),
        (Wanted(caller="x' OR ''='"), []),
    ],
)
def test_only_what_is_wanted_is_listed(engine, session, wanted, found):
    write_rows(
        engine,
        [
            decision("CA1", at=minutes(1)),
            decision("CA2", at=minutes(2), caller="anonymous", test=True),
            decision("CA3", at=minutes(3), called="+12025550181", outcome="CRM failed"),
        ],
    )

    assert sids(listed(session, wanted)) == found


def test_a_call_is_told_in_the_order_of_its_steps(engine, session):
    first, second = decision("CA1", step=0), decision("CA1", step=2, at=minutes(-9))
    write_rows(engine, [second, first, decision("CA2"), end("CA1")])

    assert decisions_of(session, "CA1") == (first, second)
    assert end_of(session, "CA1") == end("CA1")
    assert decisions_of(session, "CA9") == ()
    assert end_of(session, "CA2") is None


def test_the_last_calls_are_shown_by_their_last_decision(engine, session):
    write_rows(
        engine,
        [
            decision("CA1", step=0, at=minutes(0)),
            decision("CA2", step=0, at=minutes(1)),
            decision("CA1", step=1, at=minutes(2), key="1"),
        ],
    )

    latest = latest_calls(session, 8)

    assert [(one.call_sid, one.key) for one in latest] == [("CA1", "1"), ("CA2", "")]
    assert latest_calls(session, 1) == latest[:1]


def test_real_calls_are_counted_by_day_and_outcome_each_once(engine, session):
    days = [NOON, NOON + timedelta(days=1)]
    write_rows(
        engine,
        [
            decision("CA0", at=NOON - timedelta(seconds=1)),
            decision("CA1", at=NOON),
            decision("CA1", step=2, at=minutes(1)),
            decision("CA1", step=3, at=minutes(2), rule="", outcome="", safe=True),
            decision("CA2", at=minutes(3), test=True),
            decision("CA3", at=minutes(24 * 60), outcome="CRM failed", safe=True),
            decision("CA4", at=minutes(24 * 60), outcome="CRM failed"),
            decision("CA5", at=minutes(24 * 60)),
        ],
    )

    assert tally(session, days) == Tally(
        calls=(1, 3), outcomes={"matched": (1, 1), "CRM failed": (0, 2)}, safe=(1, 1)
    )
    assert [one.call_sid for one in latest_safe(session, NOON, 3)] == ["CA3", "CA1"]


def test_an_empty_journal_counts_nothing(session):
    assert tally(session, [NOON, minutes(1)]) == Tally((0, 0), {}, (0, 0))
    assert calls_of_rules(session, NOON) == {}
    assert not has_real_calls(session)


def test_a_test_call_is_no_real_one(engine, session):
    write_rows(engine, [decision("CA1", test=True)])
    assert not has_real_calls(session)
    session.commit()

    write_rows(engine, [decision("CA2")])
    assert has_real_calls(session)


def test_calls_of_rules_are_counted_for_seven_days_of_utc(engine, session):
    day = timedelta(days=1)
    write_rows(
        engine,
        [
            decision("CA0", at=NOON - day),
            decision("CA1", at=NOON - timedelta(hours=12)),
            decision("CA2", at=NOON),
            decision("CA2", step=2, at=minutes(1)),
            decision("CA3", at=NOON + 6 * day),
            decision("CA4", at=NOON + 6 * day, rule="Balance check"),
            decision("CA5", at=NOON + 6 * day, rule=""),
            decision("CA6", at=NOON + 6 * day, test=True),
            decision("CA7", at=NOON + 7 * day),
        ],
    )

    assert calls_of_rules(session, NOON) == {
        "VIP customers": (2, 0, 0, 0, 0, 0, 1),
        "Balance check": (0, 0, 0, 0, 0, 0, 1),
    }


def test_a_call_of_today_is_in_the_last_number_of_the_week(engine, session):
    write_rows(engine, [decision("CA1", at=datetime.now(UTC))])

    assert calls_of_rules(session, week_begin()) == {"VIP customers": (0, 0, 0, 0, 0, 0, 1)}


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (Wanted(), "ix_decisions_at_decisions_id"),
        (Wanted(caller="+12025550101"), "ix_decisions_caller_decisions_at_decisions_id"),
        (Wanted(called="+12025550180"), "ix_decisions_called_decisions_at_decisions_id"),
        (Wanted(outcome="CRM failed"), "ix_decisions_outcome_decisions_at_decisions_id"),
    ],
)
@pytest.mark.parametrize("before", ["", "1772368200000000-17"])
def test_a_page_is_found_by_an_index_and_never_sorted(engine, session, wanted, index, before):
    plan = plan_of(engine, session, lambda: listed(session, wanted, before))

    assert index in plan
    assert "B-TREE" not in plan
    assert "Sort" not in plan


@pytest.mark.parametrize(
    ("ask", "index"),
    [
        (lambda session: latest_safe(session, NOON, 3), "ix_decisions_safe"),
        (lambda session: decisions_of(session, "CA1"), "call_sid"),
        (lambda session: end_of(session, "CA1"), "call_sid"),
        (lambda session: list(_kept(session, [What.CALL], [NOON], None)), "call_counts"),
        (lambda session: differences(session, 7, None, limit=9), "PRIMARY KEY|pk_decisions"),
    ],
)
def test_what_pages_ask_for_is_found_by_an_index(engine, session, ask, index):
    write_rows(engine, [decision("CA1", safe=True)])

    plan = plan_of(engine, session, lambda: ask(session))

    assert re.search(index, plan)
    assert not re.search("SCAN (?!.*INDEX)|Seq Scan", plan)


def plan_of(engine: Engine, session: Session, ask: Callable[[], object]) -> str:
    """Return how a database goes about the first thing it is asked."""
    is_sqlite = engine.dialect.name == "sqlite"
    asked = []
    event.listen(
        engine,
        "before_cursor_execute",
        lambda conn, cursor, statement, parameters, *_: asked.append((statement, parameters)),
    )
    ask()
    statement, parameters = asked[0]
    explain = "EXPLAIN QUERY PLAN " if is_sqlite else "EXPLAIN "
    if not is_sqlite:  # of a table as small as this one it would read all
        session.execute(text("SET enable_seqscan = off"))
        session.execute(text("SET enable_bitmapscan = off"))
    rows = session.connection().exec_driver_sql(explain + statement, parameters).all()
    return "\n".join(str(row[-1]) for row in rows)
