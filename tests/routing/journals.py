"""Journal entries, files and child processes for tests."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select

from voiceapp.models.journal import DecisionRow
from voiceapp.routing.entry import DecisionEntry, EndEntry, Entry
from voiceapp.routing.journal_files import SUFFIX, whole_lines
from voiceapp.routing.lines import decode

_ROOT = Path(__file__).parents[2]

_DECISION = DecisionEntry(
    call_sid="CA1",
    step=1,
    door="did",
    at=datetime(2026, 3, 1, 12, 30, 15, 250_000, tzinfo=UTC),
    release=7,
    test=False,
    caller="+12025550101",
    called="+12025550180",
    ivr="",
    key="",
    rule="VIP customers",
    outcome="matched",
    destination_kind="queue",
    destination_option="vip",
    ms=12.5,
    lookup={"field": "Tier", "values": {"Tier": "Gold", "Balance": "1250.00"}},
    explanation=("Tier is Gold.", "So the call goes to Queue vip."),
)
_END = EndEntry(
    call_sid="CA1",
    at=datetime(2026, 3, 1, 12, 31, tzinfo=UTC),
    status="completed",
    duration=45,
    test=False,
)


def decision(call_sid: str = "CA1", **changes: Any) -> DecisionEntry:
    return replace(_DECISION, call_sid=call_sid, **changes)


def end(call_sid: str = "CA1", **changes: Any) -> EndEntry:
    return replace(_END, call_sid=call_sid, **changes)


def files_in(directory: Path) -> list[Path]:
    return sorted(directory.glob(f"*{SUFFIX}"))


def entries_in(directory: Path) -> list[Entry]:
    """Return what all files hold in whole lines, oldest first."""
    entries: list[Entry] = []
    for path in files_in(directory):
        with path.open("rb") as file:
            entries += map(decode, whole_lines(file))
    return entries


def calls_in(directory: Path) -> list[str]:
    return [entry.call_sid for entry in entries_in(directory)]


def calls_stored(engine: Engine) -> list[str]:
    """Return the calls of all decisions stored, a call as often as it has rows."""
    with engine.connect() as connection:
        return list(connection.scalars(select(DecisionRow.call_sid).order_by(DecisionRow.id)))


@contextmanager
def start_python(script: str, *arguments: str | Path) -> "Iterator[subprocess.Popen[str]]":
    """Run `script` in a process of its own, input and output on pipes; end it and its children."""
    process = subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        try:
            yield process
        finally:
            # also a forked child that hangs; without this a failed test would wait for it forever
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def run_python(script: str, *arguments: str | Path) -> str:
    """Run `script` in a process of its own to its good end, and return what it printed."""
    with start_python(script, *arguments) as process:
        output, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    return output


def eventually(is_so: Callable[[], bool], seconds: float = 20.0) -> bool:
    """Wait until it is so; return whether it came to be."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
