"""Reading the journal: what calls came to, newest first, and how many there were."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, time, timedelta
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, literal, select, tuple_
from sqlalchemy.orm import Session

from voiceapp.models.journal import CallEndRow, DecisionRow
from voiceapp.models.types import now
from voiceapp.routing.counts import What
from voiceapp.routing.entry import DecisionEntry, EndEntry
from voiceapp.routing.sums import has_any, sums

PAGE = 50
WEEK = 7
"""Days."""

Numbers: TypeAlias = tuple[int, ...]
"""How many calls there were on each of some days."""

_KEY = re.compile(r"(\d{1,17})-(\d{1,18})", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_BODIES = ("lookup", "explanation")  # long, and not shown in lists
_WHOLE = tuple(getattr(DecisionRow, one.name) for one in fields(DecisionEntry))
_BRIEF = tuple(column for column in _WHOLE if column.key not in _BODIES)
_END = tuple(getattr(CallEndRow, one.name) for one in fields(EndEntry))
_NEWEST_FIRST = (DecisionRow.at.desc(), DecisionRow.id.desc())


class BadKey(ValueError):
    """What was handed in as the key of a page is none."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which decisions to list; what is blank does not matter. `until` is the first moment after."""

    caller: str = ""
    called: str = ""
    outcome: str = ""
    since: datetime | None = None
    until: datetime | None = None
    is_real: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """Some decisions without lookups and explanations; `older` is the key of those that follow."""

    entries: tuple[DecisionEntry, ...]
    older: str


@dataclass(frozen=True, slots=True)
class Tally:
    """How many real calls there were on each of some days: in all, by outcome, sent to safety."""

    calls: Numbers
    outcomes: Mapping[str, Numbers]
    safe: Numbers


def listed(session: Session, wanted: Wanted, before: str = "", limit: int = PAGE) -> Page:
    """Return decisions, newest first; `before` is what the page before had as `older`.

    Raises BadKey.
    """
    query = select(DecisionRow.id, *_BRIEF).where(*_where(wanted)).order_by(*_NEWEST_FIRST)
    if before:
        at, id_ = _read_key(before)
        place = tuple_(literal(at, DecisionRow.at.type), literal(id_, DecisionRow.id.type))
        query = query.where(tuple_(DecisionRow.at, DecisionRow.id) < place)
    rows = session.execute(query.limit(limit + 1)).all()
    shown = rows[:limit]
    older = _key(shown[-1].at, shown[-1].id) if len(rows) > limit else ""
    return Page(tuple(_entry(row, _BRIEF, 1) for row in shown), older)


def decisions_of(session: Session, call_sid: str) -> tuple[DecisionEntry, ...]:
    """Return all decisions about a call in the order they were taken; none for an unknown one."""
    query = select(*_WHOLE).where(DecisionRow.call_sid == call_sid)
    rows = session.execute(query.order_by(DecisionRow.step, DecisionRow.at, DecisionRow.id))
    return tuple(_entry(row, _WHOLE) for row in rows)


def end_of(session: Session, call_sid: str) -> EndEntry | None:
    """Return how a call ended; None as long as nobody has reported it."""
    row = session.execute(select(*_END).where(CallEndRow.call_sid == call_sid)).first()
    return None if row is None else EndEntry(*row)


def latest_calls(session: Session, count: int) -> tuple[DecisionEntry, ...]:
    """Return the last decision about each of the last calls, without its explanation."""
    entries = listed(session, Wanted(), limit=count * 5).entries
    latest: dict[str, DecisionEntry] = {}
    for entry in entries:
        latest.setdefault(entry.call_sid, entry)
    return tuple(latest.values())[:count]


def latest_safe(session: Session, since: datetime, count: int) -> tuple[DecisionEntry, ...]:
    """Return the last decisions that sent a real call to safety, without their explanations."""
    query = select(*_BRIEF).where(*_real_since(since), DecisionRow.safe).order_by(*_NEWEST_FIRST)
    return tuple(_entry(row, _BRIEF) for row in session.execute(query.limit(count)))


def has_real_calls(session: Session) -> bool:
    """Say whether Twilio has ever sent us a call, be it forgotten by now."""
    query = select(DecisionRow.id).where(DecisionRow.test.is_(False)).limit(1)
    return has_any(session) or session.scalar(query) is not None


def tally(session: Session, days: Sequence[datetime]) -> Tally:
    """Count the real calls of each day; `days` has the moments at which they begin.

    A call counts on the day on which it was first decided about, or first had an outcome.
    """
    nobody = (0,) * len(days)
    found = sums(session, (What.CALL, What.OUTCOME, What.SAFE), days)
    return Tally(
        calls=found.get((What.CALL, ""), nobody),
        outcomes={name: numbers for (what, name), numbers in found.items() if what is What.OUTCOME},
        safe=found.get((What.SAFE, ""), nobody),
    )


def calls_of_rules(session: Session, since: datetime) -> Mapping[str, Numbers]:
    """Return how many real calls asked each rule on each of seven days; rules without any lack.

    The days are those of UTC, the first is that of `since`. See `week_begin`.
    """
    first = _midnight(since)
    days = [first + timedelta(days=day) for day in range(WEEK)]
    found = sums(session, (What.RULE,), days, until=days[-1] + timedelta(days=1))
    return {rule: numbers for (_, rule), numbers in found.items()}


def week_begin() -> datetime:
    """Return the moment at which the last seven days of UTC, today included, began."""
    return _midnight(now()) - timedelta(days=WEEK - 1)


def _midnight(moment: datetime) -> datetime:
    return datetime.combine(moment.astimezone(UTC), time.min, UTC)


def _where(wanted: Wanted) -> list[ColumnElement[bool]]:
    conditions = [
        column == value
        for column, value in (
            (DecisionRow.caller, wanted.caller),
            (DecisionRow.called, wanted.called),
            (DecisionRow.outcome, wanted.outcome),
        )
        if value
    ]
    if wanted.since is not None:
        conditions.append(DecisionRow.at >= wanted.since)
    if wanted.until is not None:
        conditions.append(DecisionRow.at < wanted.until)
    if wanted.is_real:
        conditions.append(DecisionRow.test.is_(False))
    return conditions


def _real_since(since: datetime) -> tuple[ColumnElement[bool], ...]:
    return DecisionRow.at >= since, DecisionRow.test.is_(False)


def _entry(row: Sequence[Any], columns: Sequence[Any], start: int = 0) -> DecisionEntry:
    values = dict(zip((column.key for column in columns), row[start:], strict=True))
    if "explanation" in values:
        values["explanation"] = tuple(values["explanation"])
    return DecisionEntry(**values)


def _key(at: datetime, id_: int) -> str:
    """
    Write the place of a row as the key of the page behind it.

    >>> _key(datetime(2026, 3, 1, 12, 30, tzinfo=UTC), 17)
    '1772368200000000-17'
    """
    return f"{(at - _EPOCH) // timedelta(microseconds=1)}-{id_}"


def _read_key(key: str) -> tuple[datetime, int]:
    match = _KEY.fullmatch(key)
    if match is None:
        raise BadKey
    return _EPOCH + timedelta(microseconds=int(match[1])), int(match[2])
