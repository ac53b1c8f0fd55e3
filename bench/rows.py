"""The journal's rows: counted, and a million of them made by the product's own code."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

from bench.calls import did
from bench.installation import application
from voiceapp.extensions import db
from voiceapp.routing.counts import count_more
from voiceapp.routing.entry import DecisionEntry
from voiceapp.routing.ledger import Collector
from voiceapp.routing.lines import encode
from voiceapp.routing.values import plain_value, to_value

_LINES = 50_000  # in one file
_SPAN = timedelta(days=90)
_PEOPLE = 20_000
_OUTCOMES = ("matched", "matched", "matched", "not found", "no condition matched", "CRM failed")


_ASKED = {"integration": "crm0", "module": "", "by": "caller", "ms": 8.1, "age": 0.0}
_FOUND = {**_ASKED, "answer": "found", "matched_by": "Custom URL", "stored": None}
_FAILED = {**_ASKED, "answer": "CRM failed", "error": "CrmUnavailable", "reason": "It broke off."}
_LOOKUPS = {
    "matched": {**_FOUND, "values": {"tier": plain_value(to_value("Gold"))}},
    "no condition matched": {**_FOUND, "values": {"tier": plain_value(to_value("Bronze"))}},
    "not found": {**_ASKED, "answer": "not found"},
}


def rows_of(settings: Mapping[str, str]) -> int:
    """Return how many decisions are in the database of an installation on SQLite."""
    with closing(sqlite3.connect(_folder(settings) / "voiceapp.db", timeout=30)) as database:
        count: int = database.execute("SELECT count(*) FROM decisions").fetchone()[0]
        return count


def fill(settings: Mapping[str, str], count: int) -> None:
    """Let `count` past calls become rows the way all do: lines, collected and counted."""
    folder = _folder(settings) / "past"
    folder.mkdir()
    entries = _past(count)
    with application(settings):
        collector = Collector(folder, db.engine, batch=10_000)
        number = 0
        while lines := list(map(encode, islice(entries, _LINES))):
            (folder / f"{number}.jsonl").write_bytes(b"".join(lines))
            collector.collect()
            number += 1
        while count_more(db.session()):
            pass
    folder.rmdir()


def caller(number: int) -> str:
    """Return who places a past call, counted from 0."""
    return f"+{12_132_000_000 + number % _PEOPLE}"


def _past(count: int) -> Iterator[DecisionEntry]:
    """Yield calls spread evenly over the last months, oldest first."""
    now = datetime.now(UTC)
    for number in range(count):
        yield _decision(number, now - (count - number) / count * _SPAN)


def _decision(number: int, at: datetime) -> DecisionEntry:
    called, who, outcome = did(number % 10), caller(number * 7), _OUTCOMES[number % len(_OUTCOMES)]
    queue = "vip" if outcome == "matched" else "general"
    return DecisionEntry(
        call_sid=f"CAffff{number:028x}",
        step=0,
        door="did",
        at=at,
        release=1,
        test=False,
        caller=who,
        called=called,
        ivr="",
        key="",
        rule=f"Customers of line {number % 10}",
        outcome=outcome,
        destination_kind="queue",
        destination_option=queue,
        ms=12.5,
        lookup=_LOOKUPS.get(outcome, _FAILED),
        explanation=(
            f"{who} called {called} Line {number % 10}.",
            f"This asks the CRM rule Customers of line {number % 10}.",
            f"It came to: {outcome}.",
            f"Sent to Queue {queue}.",
        ),
    )


def _folder(settings: Mapping[str, str]) -> Path:
    return Path(settings["INSTANCE_PATH"])
