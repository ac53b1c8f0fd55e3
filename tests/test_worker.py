"""The worker does what must not happen in a call, alone, and through every trouble."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Engine, create_engine, text

from tests.databases import engine_for
from tests.routing.journals import calls_stored, decision, eventually, files_in, start_python
from voiceapp.extensions import db
from voiceapp.routing.journal import Journal
from voiceapp.worker import LONGEST_PAUSE, Task, run_worker


def make_app(instance: Path | str, database_url: str) -> Flask:
    """Return an application that has just what the worker needs."""
    app = Flask("voiceapp", instance_path=str(instance))
    app.config["SQLALCHEMY_DATABASE_URI"] = database_url
    if database_url.startswith("sqlite"):
        app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"connect_args": {"timeout": 0.05}}
    db.init_app(app)
    return app


@pytest.fixture
def app(tmp_path: Path, engine: Engine, database_url: str) -> Iterator[Flask]:
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
    worker = threading.Thread(target=run_worker, args=(app, stop))
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

    run_worker(app, stop)

    assert calls_stored(engine) == ["CA1"]
    assert files_in(Path(app.instance_path) / "journal") == []


def test_a_second_worker_says_why_it_ends(app: Flask, journal: Journal, engine: Engine) -> None:
    journal.append(decision("CA1"))

    with _working(app):
        assert eventually(lambda: calls_stored(engine) == ["CA1"])

        with pytest.raises(SystemExit, match="A worker is running already"):
            run_worker(app, threading.Event())


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
from tests.test_worker import make_app
from voiceapp.worker import run_worker

run_worker(make_app(sys.argv[1], sys.argv[2]))
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
    app = make_app(tmp_path / "instance", sqlite_url)
    journal = Journal(Path(app.instance_path) / "journal")
    journal.append(decision("CA1"))
    journal.close()
    with engine_for(sqlite_url) as engine:
        db.metadata.create_all(engine)
        with create_engine(sqlite_url).connect() as other:
            other.execute(text("BEGIN EXCLUSIVE"))

            with _working(app):
                assert eventually(lambda: "has to wait" in caplog.text)
                other.rollback()
                assert eventually(lambda: calls_stored(engine) == ["CA1"])
                assert eventually(lambda: "goes on" in caplog.text)
    with app.app_context():
        db.engine.dispose()

    assert len(caplog.records) == 2


class _Away(Exception):
    pass


def test_a_task_that_has_to_wait_is_tried_less_and_less_often_and_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
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
    assert [record.getMessage() for record in caplog.records] == [
        "The worker's task journal has to wait: the database is away",
        "The worker's task journal goes on",
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
