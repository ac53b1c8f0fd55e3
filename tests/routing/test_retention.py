"""What is older than it is kept goes, in small steps; counts and what is not counted stay."""

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, select
from sqlalchemy.orm import Session

from tests.routing.journals import calls_stored, decision, end
from voiceapp.models.audit import Action, AuditRow, note
from voiceapp.models.journal import CallEndRow
from voiceapp.models.releases import Release
from voiceapp.models.types import now
from voiceapp.routing.counts import count_more
from voiceapp.routing.document import dump
from voiceapp.routing.history import tally
from voiceapp.routing.journal_files import REFUSED
from voiceapp.routing.ledger import write_rows
from voiceapp.routing.retention import (
    BATCH,
    KEPT_ANYWAY,
    MOST_BATCHES,
    forget_old,
    forget_old_files,
)
from voiceapp.rules.plan import Installation, Plan
from voiceapp.rules.rule import Destination, DestinationKind

NOW = now()
DAY = timedelta(days=1)


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with Session(engine) as session:
        yield session


def keep_for(session: Session, days: int) -> None:
    """Let a release say for how long calls are kept."""
    safe = Destination(DestinationKind.HANGUP)
    document = dump(Plan(Installation(safe, journal_days=days)))
    session.add(Release(number=1, document=document))
    session.commit()


def count_all(session: Session) -> None:
    while count_more(session):
        pass


def forget(engine: Engine) -> int:
    return forget_old(engine, clock=lambda: NOW, pause=lambda _: None)


def ends(session: Session) -> list[str]:
    return list(session.scalars(select(CallEndRow.call_sid).order_by(CallEndRow.call_sid)))


def test_calls_go_when_they_are_older_than_the_release_says(engine, session):
    keep_for(session, 90)
    for sid, age in (("CA1", 91 * DAY), ("CA2", 89 * DAY), ("CA3", DAY)):
        write_rows(engine, [decision(sid, at=NOW - age), end(sid, at=NOW - age)])
    count_all(session)

    assert forget(engine) == 2

    assert calls_stored(engine) == ["CA2", "CA3"]
    assert ends(session) == ["CA2", "CA3"]


@pytest.mark.parametrize("has_release", [True, False])
def test_calls_stay_for_ever_where_nothing_else_is_said(engine, session, has_release):
    if has_release:
        keep_for(session, 0)
    write_rows(engine, [decision("CA1", at=NOW - 700 * DAY), end("CA1", at=NOW - 700 * DAY)])
    write_rows(engine, [decision("CA2")])
    count_all(session)

    assert forget(engine) == 0


def test_an_older_release_that_says_nothing_keeps_calls(engine, session):
    session.add(
        Release(
            number=1,
            document='{"format": 1, "plan": {"installation": {"safe": {"kind": "hangup"}}}}',
        )
    )
    session.commit()
    write_rows(engine, [decision("CA1", at=NOW - 700 * DAY), decision("CA2")])
    count_all(session)

    assert forget(engine) == 0


def test_what_is_not_counted_yet_stays_until_it_is(engine, session):
    keep_for(session, 1)
    write_rows(engine, [decision("CA1", at=NOW - 3 * DAY), decision("CA2", at=NOW)])

    assert forget(engine) == 0
    count_all(session)
    assert forget(engine) == 1

    assert tally(session, [NOW - 7 * DAY, NOW - DAY]).calls == (1, 1)


def test_a_late_row_is_counted_and_then_forgotten(engine, session):
    keep_for(session, 1)
    write_rows(engine, [decision(f"CA{number}", at=NOW - 3 * DAY) for number in range(5)])
    count_all(session)
    forget(engine)
    assert calls_stored(engine) == ["CA4"]  # the newest keeps the next id from being given again

    write_rows(engine, [decision("CA9", at=NOW - 2 * DAY)])
    count_all(session)
    write_rows(engine, [decision("CA10", at=NOW)])
    forget(engine)

    assert calls_stored(engine) == ["CA10"]
    assert tally(session, [NOW - 7 * DAY]).calls == (7,)


def test_no_transaction_deletes_more_than_a_batch_and_no_pass_goes_on_for_long(engine, session):
    keep_for(session, 1)
    number = BATCH * 2 + 100
    write_rows(engine, [decision(f"CA{one}", at=NOW - 3 * DAY) for one in range(number)])
    write_rows(engine, [decision("CAX", at=NOW)])
    count_all(session)
    session.commit()
    deleted: list[int] = []
    event.listen(
        engine,
        "after_cursor_execute",
        lambda conn, cursor, statement, *_: (
            deleted.append(cursor.rowcount) if statement.startswith("DELETE FROM dec") else None
        ),
    )

    assert forget(engine) == number

    assert deleted == [BATCH, BATCH, 100]
    assert MOST_BATCHES * BATCH < 100_000


def test_the_audit_log_is_kept_for_two_years(engine, session):
    note(session, Action.ADDED, "Queue old")
    note(session, Action.ADDED, "Queue new")
    session.flush()
    session.execute(
        AuditRow.__table__.update()
        .where(AuditRow.subject == "Queue old")
        .values(at=NOW - KEPT_ANYWAY - DAY)
    )
    session.commit()

    forget(engine)

    assert list(session.scalars(select(AuditRow.subject))) == ["Queue new"]


def left(folder: Path, name: str, age: timedelta) -> Path:
    """Leave a file of an age."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(b"+12025550101")
    os.utime(path, ((NOW - age).timestamp(),) * 2)
    return path


@pytest.mark.parametrize(("days", "kept"), [(90, ["new.jsonl"]), (0, ["new.jsonl", "old.jsonl"])])
def test_lines_that_were_set_aside_go_with_the_calls(engine, session, tmp_path, days, kept):
    keep_for(session, days)
    refused = tmp_path / REFUSED
    left(refused, "old.jsonl", 91 * DAY)
    left(refused, "new.jsonl", 89 * DAY)
    waiting = left(tmp_path, "waiting.jsonl", 700 * DAY)

    forget_old_files(engine, tmp_path, clock=lambda: NOW)

    assert sorted(path.name for path in refused.iterdir()) == kept
    assert waiting.exists()


def test_files_whose_writer_died_before_the_first_line_go(engine, session, tmp_path):
    keep_for(session, 0)
    dead = left(tmp_path, "1.new", timedelta(hours=2))
    begun = left(tmp_path, "2.new", timedelta(minutes=1))

    forget_old_files(engine, tmp_path, clock=lambda: NOW)

    assert (dead.exists(), begun.exists()) == (False, True)


def test_without_a_journal_there_is_nothing_to_forget(engine, session, tmp_path):
    keep_for(session, 90)

    forget_old_files(engine, tmp_path / "nowhere", clock=lambda: NOW)
