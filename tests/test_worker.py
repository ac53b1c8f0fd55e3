"""The worker does what must not happen in a call, alone, and through every trouble."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from flask import Flask
from sqlalchemy import Engine, create_engine, select, text, update
from sqlalchemy.orm import Session

from tests.databases import engine_for
from tests.routing.journals import calls_stored, decision, eventually, files_in, start_python
from voiceapp import chores
from voiceapp.chores import sweep_recordings
from voiceapp.crm.bounded import Bounded
from voiceapp.crm.directory import DirectoryClient
from voiceapp.extensions import db
from voiceapp.models.draft import DraftPart
from voiceapp.models.imports import PendingImport
from voiceapp.models.recordings import RecordingContent
from voiceapp.models.releases import Release
from voiceapp.models.types import now
from voiceapp.recordings import KEPT_UNUSED, RecordingStore
from voiceapp.routing import draft
from voiceapp.routing.clients import Clients
from voiceapp.routing.document import UnreadableDocument, dump
from voiceapp.routing.journal import Journal
from voiceapp.routing.live import Live
from voiceapp.rules.plan import Installation, Plan, Recording
from voiceapp.rules.rule import Destination, DestinationKind
from voiceapp.task import LONGEST_PAUSE, Task
from voiceapp.vault import Vault
from voiceapp.worker import run_worker

KEY = Fernet.generate_key().decode()


def make_app(instance: Path | str, database_url: str) -> Flask:
    """Return an application that has just what the worker needs."""
    app = Flask("voiceapp", instance_path=str(instance))
    app.config["SQLALCHEMY_DATABASE_URI"] = database_url
    if database_url.startswith("sqlite"):
        app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"connect_args": {"timeout": 0.05}}
    db.init_app(app)
    return app


def live_of(app: Flask) -> Live:
    """Return what follows releases over an application's database; it has no CRM to ask."""
    clients = Clients(lambda *_: DirectoryClient(lambda *_: (), "US", Bounded()), Vault([KEY]))
    with app.app_context():
        return Live(db.engine, clients, Bounded(), Path(app.instance_path))


@pytest.fixture
def app(tmp_path: Path, engine: Engine, database_url: str) -> Iterator[Flask]:
    if database_url.startswith("sqlite"):
        with engine.connect() as connection:  # as the application does: readers wait for nobody
            connection.execute(text("PRAGMA journal_mode = WAL"))
    app = make_app(tmp_path / "instance", database_url)
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def journal(app: Flask) -> Iterator[Journal]:
    journal = Journal(Path(app.instance_path) / "journal")
    yield journal
    journal.close()


@contextmanager
def _working(app: Flask) -> Iterator[None]:
    stop = threading.Event()
    worker = threading.Thread(target=run_worker, args=(app, live_of(app), stop))
    worker.start()
    try:
        yield
    finally:
        stop.set()
        worker.join()


def test_the_worker_turns_what_is_appended_into_rows(
    app: Flask, journal: Journal, engine: Engine
) -> None:
    with _working(app):
        journal.append(decision("CA1"))
        assert eventually(lambda: calls_stored(engine) == ["CA1"])
        journal.append(decision("CA2"))

        assert eventually(lambda: calls_stored(engine) == ["CA1", "CA2"])


def test_a_worker_that_is_told_to_stop_makes_a_last_pass(
    app: Flask, journal: Journal, engine: Engine
) -> None:
    journal.append(decision("CA1"))
    journal.close()
    stop = threading.Event()
    stop.set()

    run_worker(app, live_of(app), stop)

    assert calls_stored(engine) == ["CA1"]
    assert files_in(Path(app.instance_path) / "journal") == []


def test_a_second_worker_says_why_it_ends(app: Flask, journal: Journal, engine: Engine) -> None:
    journal.append(decision("CA1"))

    with _working(app):
        assert eventually(lambda: calls_stored(engine) == ["CA1"])

        with pytest.raises(SystemExit, match="A worker is running already"):
            run_worker(app, live_of(app), threading.Event())


def test_a_worker_may_follow_one_that_has_ended(
    app: Flask, journal: Journal, engine: Engine
) -> None:
    with _working(app):
        pass
    journal.append(decision("CA1"))

    with _working(app):
        assert eventually(lambda: calls_stored(engine) == ["CA1"])


_WORKER = """
import sys
from tests.test_worker import live_of, make_app
from voiceapp.worker import run_worker

app = make_app(sys.argv[1], sys.argv[2])
run_worker(app, live_of(app))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_worker_after_a_last_pass(
    app: Flask, journal: Journal, engine: Engine, database_url: str, number: signal.Signals
) -> None:
    journal.append(decision("CA1"))
    with start_python(_WORKER, app.instance_path, database_url) as process:
        assert eventually(lambda: calls_stored(engine) == ["CA1"])
        journal.append(decision("CA2"))

        process.send_signal(number)
        process.communicate(timeout=60)

    assert process.returncode == 0
    assert calls_stored(engine) == ["CA1", "CA2"]


def test_a_second_worker_process_ends_with_exit_code_1(
    app: Flask, journal: Journal, engine: Engine, database_url: str
) -> None:
    journal.append(decision("CA1"))

    with _working(app):
        assert eventually(lambda: calls_stored(engine) == ["CA1"])
        with start_python(_WORKER, app.instance_path, database_url) as process:
            process.communicate(timeout=60)

    assert process.returncode == 1


def test_rows_arrive_when_a_lost_database_is_back_and_the_log_says_so_once(
    tmp_path: Path, sqlite_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "voiceapp")
    app = make_app(tmp_path / "instance", sqlite_url)
    journal = Journal(Path(app.instance_path) / "journal")
    journal.append(decision("CA1"))
    journal.close()
    with engine_for(sqlite_url) as engine:
        db.metadata.create_all(engine)
        with create_engine(sqlite_url).connect() as other:
            other.execute(text("BEGIN EXCLUSIVE"))

            with _working(app):
                assert eventually(lambda: "task journal has to wait" in caplog.text)
                other.rollback()
                assert eventually(lambda: calls_stored(engine) == ["CA1"])
                assert eventually(lambda: "task journal goes on" in caplog.text)
    with app.app_context():
        db.engine.dispose()

    of_journal = [one for one in caplog.messages if "task journal" in one]
    assert len(of_journal) == 2


class _Away(Exception):
    pass


def test_a_task_that_has_to_wait_is_tried_less_and_less_often_and_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "voiceapp")
    answers: Iterator[Exception | None] = iter([_Away("the database is away")] * 6 + [None, None])

    def run() -> None:
        if error := next(answers):
            raise error

    task = Task("journal", run, every=0.25, expected=(_Away,))
    pauses = []
    for _ in range(8):
        task.attempt()
        pauses.append(task.pause)

    assert pauses == [0.5, 1, 2, 4, LONGEST_PAUSE, LONGEST_PAUSE, 0.25, 0.25]
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "The worker's task journal has to wait: the database is away"),
        ("INFO", "The worker's task journal goes on"),
    ]


def test_a_bug_in_a_task_is_logged_and_does_not_end_the_worker(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def run() -> None:
        raise ZeroDivisionError

    task = Task("journal", run, every=0.25, expected=(_Away,))

    task.attempt()

    [record] = caplog.records
    assert record.exc_info is not None
    assert record.exc_info[0] is ZeroDivisionError


def test_files_of_contacts_that_nobody_imports_go(app: Flask, engine: Engine) -> None:
    file = {"person": "ada", "module": "Contacts", "content": b"Ada,+12025550101"}
    with Session(engine) as session:
        for name, age in (("old", timedelta(days=2)), ("new", timedelta(hours=1))):
            session.add(PendingImport(id=name, created_at=now() - age, **file))
        session.commit()

    def kept() -> list[str]:
        with Session(engine) as session:
            return list(session.scalars(select(PendingImport.id)))

    with _working(app):
        assert eventually(lambda: kept() == ["new"])


def test_a_long_look_at_all_releases_keeps_no_row_from_being_written(
    app: Flask, journal: Journal, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking, seen = threading.Event(), threading.Event()

    def look_for_long(*_: object) -> None:
        looking.set()
        seen.wait(30)

    monkeypatch.setattr(chores, "sweep_recordings", look_for_long)

    with _working(app):
        try:
            assert looking.wait(20)
            journal.append(decision("CA1"))
            assert eventually(lambda: calls_stored(engine) == ["CA1"])
        finally:
            seen.set()


SAFE = Installation(Destination(DestinationKind.HANGUP))


@pytest.fixture
def recordings(app: Flask, engine: Engine) -> RecordingStore:
    """The recordings of the application that the worker works for."""
    return RecordingStore(engine, Path(app.instance_path) / "recordings")


def sent(engine: Engine, recordings: RecordingStore, content: bytes, ago: timedelta) -> str:
    """Send a content as if it were some time ago, and return its hash."""
    digest = recordings.add(content, "audio/wav")
    row = update(RecordingContent).where(RecordingContent.hash == digest)
    with Session(engine) as session:
        session.execute(row.values(created_at=now() - ago))
        session.commit()
    return digest


def named(digest: str) -> Recording:
    return Recording("one.wav", digest, "audio/wav")


def contents(engine: Engine) -> set[str]:
    with Session(engine) as session:
        return set(session.scalars(select(RecordingContent.hash)))


def copies(app: Flask) -> set[str]:
    return {path.stem for path in (Path(app.instance_path) / "recordings").iterdir()}


def test_the_worker_drops_uploads_that_nothing_came_of(
    app: Flask, engine: Engine, recordings: RecordingStore
) -> None:
    abandoned = sent(engine, recordings, b"abandoned", KEPT_UNUSED)
    new = sent(engine, recordings, b"new", KEPT_UNUSED - timedelta(minutes=5))

    with _working(app):
        assert eventually(lambda: abandoned not in copies(app))

    assert contents(engine) == copies(app) == {new}


def test_what_the_draft_or_any_release_names_is_kept(
    app: Flask, engine: Engine, recordings: RecordingStore
) -> None:
    drafted, first, last, removed = (
        sent(engine, recordings, content, timedelta(days=400))
        for content in (b"drafted", b"first", b"last", b"removed")
    )
    with Session(engine) as session:
        draft.save(session, named(removed), "Ann")
        session.flush()
        draft.remove(session, Recording, draft.ids(session)[Recording, "one.wav"], 1, "Ann")
        draft.save(session, Recording("drafted.wav", drafted, "audio/wav"), "Ann")
        for number in range(1, 51):
            parts = {1: (named(first),), 50: (named(last),)}.get(number, ())
            session.add(Release(number=number, document=dump(Plan(SAFE, recordings=parts))))
        session.commit()

    sweep_recordings(engine, recordings)

    assert contents(engine) == copies(app) == {drafted, first, last}


def test_what_is_sent_once_more_is_kept_another_day(
    engine: Engine, recordings: RecordingStore
) -> None:
    digest = sent(engine, recordings, b"twice", KEPT_UNUSED)

    recordings.add(b"twice", "audio/wav")
    sweep_recordings(engine, recordings)

    assert contents(engine) == {digest}


def test_copies_of_what_another_machine_dropped_go_too_and_no_other_file(
    app: Flask, engine: Engine, recordings: RecordingStore, tmp_path: Path
) -> None:
    digest = sent(engine, recordings, b"dropped", KEPT_UNUSED)
    sweep_recordings(engine, RecordingStore(engine, tmp_path / "another"))
    assert copies(app) == {digest}
    (Path(app.instance_path) / "recordings" / "notes.txt").touch()

    sweep_recordings(engine, recordings)

    assert copies(app) == {"notes"}


def test_nothing_is_dropped_while_the_draft_can_not_be_read(
    engine: Engine, recordings: RecordingStore
) -> None:
    digest = sent(engine, recordings, b"anything", KEPT_UNUSED)
    with Session(engine) as session:
        session.add(DraftPart(kind="rule", key="x", body={"from": "the future"}))
        session.commit()

    with pytest.raises(UnreadableDocument):
        sweep_recordings(engine, recordings)

    assert contents(engine) == {digest}
