"""Entries are kept whatever the disk, the threads and the processes do, or counted as lost."""

import fcntl
import json
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine

from tests.databases import engine_for
from tests.routing.journals import (
    calls_in,
    calls_stored,
    decision,
    end,
    entries_in,
    eventually,
    files_in,
    run_python,
)
from voiceapp.extensions import db
from voiceapp.routing import journal_files
from voiceapp.routing.entry import Entry
from voiceapp.routing.journal import MAX_WAITING, Journal
from voiceapp.routing.journal_files import bytes_in
from voiceapp.routing.ledger import Collector, straight_to


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "instance" / "journal"


@pytest.fixture
def no_directory(tmp_path: Path) -> Path:
    """A place where no directory can be made, also not by root."""
    place = tmp_path / "journal"
    place.write_text("a file is in the way")
    return place


def _is_locked(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def _in_threads(count: int, work: Callable[[int], None]) -> None:
    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_entries_are_in_the_file_in_order_when_append_returns(directory: Path) -> None:
    journal = Journal(directory)

    journal.append(decision("CA1"))
    journal.append(end("CA1"))

    assert entries_in(directory) == [decision("CA1"), end("CA1")]
    assert journal.lost == 0
    journal.close()


def test_only_the_owner_may_read_the_journal(directory: Path) -> None:
    journal = Journal(directory)

    journal.append(decision())

    [file] = files_in(directory)
    assert directory.stat().st_mode & 0o077 == 0
    assert file.stat().st_mode & 0o077 == 0
    journal.close()


def test_threads_do_not_mix_their_lines(directory: Path) -> None:
    journal = Journal(directory, max_bytes=5_000)

    def append(thread: int) -> None:
        for number in range(50):
            journal.append(decision(f"CA{thread}-{number}"))

    _in_threads(8, append)
    journal.close()

    assert Counter(calls_in(directory)) == Counter(
        f"CA{t}-{n}" for t in range(8) for n in range(50)
    )


def test_a_file_is_locked_for_as_long_as_it_is_written(directory: Path) -> None:
    journal = Journal(directory)

    journal.append(decision())

    [file] = files_in(directory)
    assert _is_locked(file)
    journal.close()
    assert not _is_locked(file)


@pytest.mark.parametrize("limits", [{"max_bytes": 1}, {"max_age": 0.0}])
def test_a_worn_file_is_left_for_a_new_one(directory: Path, limits: dict[str, Any]) -> None:
    journal = Journal(directory, **limits)

    for call_sid in ("CA1", "CA2", "CA3"):
        journal.append(decision(call_sid))

    assert calls_in(directory) == ["CA1", "CA2", "CA3"]
    assert [_is_locked(file) for file in files_in(directory)] == [False, False, True]
    journal.close()


def test_a_file_that_somebody_deleted_takes_no_more_entries_from_the_next_look_on(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(directory)
    journal.append(decision("CA1"))
    files_in(directory)[0].unlink()
    monkeypatch.setattr(journal_files, "LOOK_EVERY", 0.0)

    journal.append(decision("CA2"))

    assert calls_in(directory) == ["CA2"]
    journal.close()


def test_an_append_after_close_begins_a_new_file(directory: Path) -> None:
    journal = Journal(directory)
    journal.append(decision("CA1"))
    journal.close()

    journal.append(decision("CA2"))
    journal.close()

    assert len(files_in(directory)) == 2
    assert calls_in(directory) == ["CA1", "CA2"]


_FORKING = """
import os, sys, threading
from pathlib import Path
from tests.routing.journals import decision
from voiceapp.routing.journal import Journal

journal = Journal(Path(sys.argv[1]), max_bytes=10**9, max_age=3600)  # one file for each process
stop = threading.Event()

def append_always():
    number = 0
    while not stop.is_set():
        journal.append(decision(f"CA-parent-{number}"))
        number += 1
    print(number)

thread = threading.Thread(target=append_always)
thread.start()
for number in range(20):
    if (child := os.fork()) == 0:
        journal.append(decision(f"CA-child-{number}"))
        os._exit(0)
    os.waitpid(child, 0)
stop.set()
thread.join()
"""


def test_forked_children_write_to_files_of_their_own(directory: Path) -> None:
    by_parent = int(run_python(_FORKING, directory))

    calls = [f"CA-parent-{number}" for number in range(by_parent)]
    calls += [f"CA-child-{number}" for number in range(20)]
    assert Counter(calls_in(directory)) == Counter(calls)
    assert len(files_in(directory)) == 21


_FULL_DISK = """
import json, os, resource, signal, sys
from pathlib import Path
from tests.routing.journals import decision
from voiceapp.routing.journal import Journal

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))

straight = []
with_database = sys.argv[2] == "with database"
journal = Journal(Path(sys.argv[1]), straight.append if with_database else None)
for number in range(10):
    journal.append(decision(f"CA{number}"))
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
journal.append(decision("CA-after"))
journal.close()
print(json.dumps({"straight": [e.call_sid for e in straight], "lost": journal.lost}))
"""


def test_what_a_full_disk_refuses_goes_straight_to_the_database(directory: Path) -> None:
    result = json.loads(run_python(_FULL_DISK, directory, "with database"))

    kept = calls_in(directory)  # reads whole lines only
    assert len(kept) > 1
    assert len(result["straight"]) > 1
    assert kept[-1] == "CA-after"
    assert sorted(kept[:-1] + result["straight"]) == [f"CA{number}" for number in range(10)]
    assert result["lost"] == 0


_HALF_A_LINE = """
import resource, signal, sys
from pathlib import Path
from tests.routing.journals import decision
from voiceapp.routing.journal_files import File
from voiceapp.routing.lines import encode

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
file = File(Path(sys.argv[1]), 1_000_000)
for _ in range(2):
    file.enter()
resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
try:
    file.write(encode(decision("CA-half")))
except OSError:
    print("not kept")
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
file.write(encode(decision("CA-behind")))
"""


def test_half_a_line_spoils_none_that_another_thread_writes_behind_it(
    directory: Path, tmp_path: Path
) -> None:
    assert run_python(_HALF_A_LINE, directory, "").strip() == "not kept"

    with engine_for(f"sqlite:///{tmp_path / 'test.sqlite'}") as engine:
        db.metadata.create_all(engine)
        collector = Collector(directory, engine)
        assert collector.collect() == 2
        assert calls_stored(engine) == ["CA-behind"]
    assert collector.refused == 1


def test_what_a_full_disk_refuses_is_lost_without_a_database(directory: Path) -> None:
    result = json.loads(run_python(_FULL_DISK, directory, "without database"))

    assert result["lost"] > 1
    assert len(calls_in(directory)) + result["lost"] == 11


def _fill(journal: Journal, count: int) -> None:
    for number in range(count):
        journal.append(decision(f"CA{number}"))


def test_files_grow_to_a_bound_and_what_is_beyond_goes_straight_to_the_database(
    directory: Path,
) -> None:
    straight: list[Entry] = []
    journal = Journal(directory, straight.append, max_bytes=5_000, most_bytes=50_000)

    _fill(journal, 200)
    journal.close()

    kept = calls_in(directory)
    assert kept + [entry.call_sid for entry in straight] == [f"CA{n}" for n in range(200)]
    assert bytes_in(directory) == pytest.approx(50_000, rel=0.1)
    assert journal.lost == 0


def test_what_is_beyond_the_bound_is_lost_exactly_without_a_database(directory: Path) -> None:
    journal = Journal(directory, max_bytes=5_000, most_bytes=50_000)

    _fill(journal, 200)

    assert len(calls_in(directory)) + journal.lost == 200
    assert journal.lost > 50
    journal.close()


def test_several_processes_share_the_bound(directory: Path) -> None:
    journals = [Journal(directory, most_bytes=1_000_000) for _ in range(4)]

    def append(thread: int) -> None:
        _fill(journals[thread], 800)

    _in_threads(4, append)

    assert sum(journal.lost for journal in journals) > 800
    assert bytes_in(directory) == pytest.approx(1_000_000, rel=0.2)
    for journal in journals:
        journal.close()


def test_files_grow_again_when_the_worker_has_made_room(directory: Path, sqlite_url: str) -> None:
    journal = Journal(directory, max_bytes=5_000, most_bytes=50_000)
    _fill(journal, 200)
    lost = journal.lost
    with engine_for(sqlite_url) as engine:
        db.metadata.create_all(engine)
        Collector(directory, engine).collect()

        time.sleep(1.1)  # it looks for room once a second
        journal.append(decision("CA-after"))
        journal.close()
        Collector(directory, engine).collect()

        assert journal.lost == lost
        assert len(calls_stored(engine)) == 201 - lost
    assert files_in(directory) == []


def test_with_the_database_away_all_but_what_is_lost_becomes_one_row_when_it_returns(
    directory: Path, sqlite_url: str
) -> None:
    with engine_for(sqlite_url) as engine:  # without tables: every insert fails
        straight = straight_to(engine)
        journal = Journal(directory, straight, max_bytes=5_000, most_bytes=50_000, patience=30)
        _fill(journal, 200)
        db.metadata.create_all(engine)

        time.sleep(1.1)
        journal.append(decision("CA-straight"))
        journal.close()
        for _ in range(2):
            Collector(directory, engine).collect()

        stored = calls_stored(engine)
        assert journal.lost > 0
        assert len(stored) == len(set(stored)) == 201 - journal.lost
        assert "CA-straight" in stored
    assert files_in(directory) == []


def test_the_log_says_once_that_files_fail_and_once_that_they_work(
    no_directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    journal = Journal(no_directory, lambda entry: None)

    journal.append(decision("CA1"))
    journal.append(decision("CA2"))
    no_directory.unlink()
    journal.append(decision("CA3"))
    journal.append(decision("CA4"))

    assert [record.levelno for record in caplog.records] == [logging.WARNING, logging.INFO]
    assert calls_in(no_directory) == ["CA3", "CA4"]
    journal.close()


def test_an_entry_is_lost_when_neither_file_nor_database_takes_it(
    no_directory: Path, sqlite_url: str
) -> None:
    engine = create_engine(sqlite_url)  # without tables: every insert fails
    journal = Journal(no_directory, straight_to(engine), patience=30)

    def append(thread: int) -> None:
        for number in range(25):
            journal.append(decision(f"CA{thread}-{number}"))

    _in_threads(8, append)

    assert journal.lost == 200
    journal.close()
    engine.dispose()


class _SlowDatabase:
    """Takes or refuses an entry only once it is let go."""

    def __init__(self, error: Exception | None = None) -> None:
        self.may_answer = threading.Event()
        self.stored: list[Entry] = []
        self._error = error

    def __call__(self, entry: Entry) -> None:
        self.may_answer.wait(30)
        if self._error is not None:
            raise self._error
        self.stored.append(entry)


def test_an_insert_that_arrives_late_is_not_lost(no_directory: Path) -> None:
    database = _SlowDatabase()
    journal = Journal(no_directory, database, patience=0.01)

    journal.append(decision())
    assert (database.stored, journal.lost) == ([], 0)
    database.may_answer.set()
    journal.close()

    assert (database.stored, journal.lost) == ([decision()], 0)


def test_an_insert_that_fails_late_is_counted_when_it_fails(no_directory: Path) -> None:
    database = _SlowDatabase(OSError("the network is gone"))
    journal = Journal(no_directory, database, patience=0.01)

    journal.append(decision())
    assert journal.lost == 0
    database.may_answer.set()

    assert eventually(lambda: journal.lost == 1)
    journal.close()
    assert journal.lost == 1


def test_what_waits_for_a_hanging_database_is_bounded(no_directory: Path) -> None:
    database = _SlowDatabase()
    journal = Journal(no_directory, database, patience=0)

    for number in range(MAX_WAITING + 3):
        journal.append(decision(f"CA{number}"))
    assert journal.lost == 3
    database.may_answer.set()
    journal.close()

    assert len(database.stored) == MAX_WAITING
    assert journal.lost == 3


def test_a_journal_that_is_closed_counts_what_no_file_takes(no_directory: Path) -> None:
    journal = Journal(no_directory, lambda entry: None)
    journal.close()

    journal.append(decision())

    assert journal.lost == 1


def test_the_log_of_a_loss_names_the_call_but_no_number(
    no_directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    database = _SlowDatabase(ValueError("no room for +12025550101"))
    database.may_answer.set()
    journal = Journal(no_directory, database)

    journal.append(decision("CA7"))
    journal.close()

    assert "CA7" in caplog.text
    assert "12025550101" not in caplog.text
