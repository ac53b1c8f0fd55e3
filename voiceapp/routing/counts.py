"""Counting real calls by quarters of an hour, so that nobody has to count a million rows again.

A call counts once for each outcome, rule and destination it came to, in the quarter of an hour in
which it first did. The worker counts rows in the order of their ids; one that comes late, with an
earlier moment, moves its call to the earlier quarter.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from voiceapp.models.counts import LONGEST_NAME, CallCount, CountMark
from voiceapp.models.journal import DecisionRow

BATCH = 500
"""Rows that are counted in one transaction, in some hundredths of a second."""

_WRITERS_TAKE = 0.5
"""Seconds in which whoever writes rows at a moment is waited for."""
_LOOK_EVERY = 0.02
_SLOT_SECONDS = 15 * 60
_SIDS_AT_ONCE = 400
_MOST_THINGS = 4096
_INSERTS: Mapping[str, Callable[[Any], Any]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}
# a transaction has the lock before its first row has an id, and keeps it to its end
_WRITERS = text("""
    SELECT virtualtransaction FROM pg_locks
    WHERE relation = CAST(:table AS regclass) AND mode = 'RowExclusiveLock'
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
""")
_COLUMNS = (
    DecisionRow.id,
    DecisionRow.call_sid,
    DecisionRow.at,
    DecisionRow.outcome,
    DecisionRow.rule,
    DecisionRow.safe,
    DecisionRow.destination_kind,
    DecisionRow.destination_option,
)


class What(StrEnum):
    """What calls are counted by."""

    CALL = "call"
    OUTCOME = "outcome"
    RULE = "rule"
    DESTINATION = "destination"
    SAFE = "safe"


class Key(NamedTuple):
    """One number: of what, in which quarter of an hour, and of which name."""

    what: What
    slot: datetime
    name: str


class _Thing(NamedTuple):
    call_sid: str
    what: What
    name: str


def slot_of(at: datetime) -> datetime:
    """Return when the quarter of an hour began that a moment lies in."""
    seconds = int(at.timestamp())
    return datetime.fromtimestamp(seconds - seconds % _SLOT_SECONDS, UTC)


def count_more(session: Session) -> bool:
    """Count the next rows, commit, and say whether there are more that can be counted now.

    Whoever else counts waits meanwhile, and goes on where this one has ended.
    """
    mark = _locked_mark(session)
    if mark.counted >= mark.settled:
        mark.settled = max(mark.settled, _settled(session))
    if mark.counted < mark.settled:
        ids = select(DecisionRow.id).where(
            DecisionRow.id > mark.counted, DecisionRow.id <= mark.settled
        )
        some = session.scalars(ids.order_by(DecisionRow.id).limit(BATCH)).all()
        upto = some[-1] if len(some) == BATCH else mark.settled
        _add(session, differences(session, mark.counted, upto))
        mark.counted = upto
    is_more = mark.counted < mark.settled
    session.commit()
    return is_more


def counted_up_to(session: Session) -> int:
    """Return the highest id of a row that is in the counts; 0 before any is."""
    return session.scalar(select(CountMark.counted)) or 0


def differences(
    session: Session, above: int, upto: int | None, *, limit: int | None = None
) -> Counter[Key]:
    """Return what the rows with an id above one, and up to another, change in the counts."""
    real = select(*_COLUMNS).where(DecisionRow.test.is_(False))
    query = real.where(DecisionRow.id > above).order_by(DecisionRow.id).limit(limit)
    if upto is not None:
        query = query.where(DecisionRow.id <= upto)
    fresh = session.execute(query).all()
    sids = list(dict.fromkeys(row.call_sid for row in fresh))
    known: list[Any] = []
    for start in range(0, len(sids), _SIDS_AT_ONCE):
        asked = real.where(
            DecisionRow.call_sid.in_(sids[start : start + _SIDS_AT_ONCE]), DecisionRow.id <= above
        )
        known += session.execute(asked)
    # most calls have one row, which is quickly counted
    often = {row.call_sid for row in known}
    often |= {sid for sid, rows in Counter(row.call_sid for row in fresh).items() if rows > 1}
    found = _counted(row for row in fresh if row.call_sid not in often)
    before, came = _firsts(known), _firsts(row for row in fresh if row.call_sid in often)
    for thing, at in came.items():
        if thing in before:
            if at >= before[thing]:
                continue
            found[Key(thing.what, slot_of(before[thing]), thing.name)] -= 1
        found[Key(thing.what, slot_of(at), thing.name)] += 1
    return found


def _counted(rows: Iterable[Any]) -> Counter[Key]:
    """Return the counts of calls that have one row each."""
    found: Counter[Key] = Counter()
    for (things, slot), number in Counter(
        (_things_of(row), slot_of(row.at)) for row in rows
    ).items():
        for what, name in things:
            found[Key(what, slot, name)] += number
    return found


def _firsts(rows: Iterable[Any]) -> dict[_Thing, datetime]:
    """Return when calls first came to each thing they came to."""
    firsts: dict[_Thing, datetime] = {}
    for row in rows:
        for what, name in _things_of(row):
            thing = _Thing(row.call_sid, what, name)
            firsts[thing] = min(firsts.get(thing, row.at), row.at)
    return firsts


def _things_of(row: Any) -> tuple[tuple[What, str], ...]:
    return _things(
        row.destination_kind, row.destination_option, row.outcome, row.rule, is_safe=row.safe
    )


@lru_cache(_MOST_THINGS)
def _things(
    kind: str, option: str, outcome: str, rule: str, *, is_safe: bool
) -> tuple[tuple[What, str], ...]:
    """Return what a call came to by a decision."""
    things = [(What.CALL, ""), (What.DESTINATION, f"{kind} {option}".strip()[:LONGEST_NAME])]
    if outcome:
        things.append((What.OUTCOME, outcome))
    if rule:
        things.append((What.RULE, rule))
    if is_safe:
        things.append((What.SAFE, ""))
    return tuple(things)


def _add(session: Session, differences: Mapping[Key, int]) -> None:
    rows = [
        {"what": key.what, "slot": key.slot, "name": key.name, "calls": number}
        for key, number in sorted(differences.items())
        if number
    ]
    if rows:
        insert = _INSERTS[_dialect(session)](CallCount)
        known = [CallCount.what, CallCount.slot, CallCount.name]
        summed = {"calls": CallCount.calls + insert.excluded.calls}
        session.execute(insert.on_conflict_do_update(index_elements=known, set_=summed), rows)


def _settled(session: Session) -> int:
    """Return up to which id no row can appear any more that is not there; 0 for unknown.

    SQLite has one writer at a time: rows appear in the order of their ids. PostgreSQL gives ids
    before rows are committed, so whoever is writing once the newest row was seen has to end.
    """
    newest = session.scalar(select(func.max(DecisionRow.id))) or 0
    if _dialect(session) == "sqlite":
        return newest
    until = time.monotonic() + _WRITERS_TAKE
    writers = _writers(session)
    while writers and time.monotonic() < until:
        time.sleep(_LOOK_EVERY)
        writers &= _writers(session)
    return 0 if writers else newest


def _writers(session: Session) -> set[str]:
    """Return the transactions of PostgreSQL that have begun to write decisions, and not ended."""
    return set(session.scalars(_WRITERS, {"table": DecisionRow.__tablename__}))


def _locked_mark(session: Session) -> CountMark:
    """Return the mark, which is ours until the transaction ends."""
    first = {"id": 1, "counted": 0, "settled": 0}
    insert = _INSERTS[_dialect(session)](CountMark).values(first)
    session.execute(insert.on_conflict_do_nothing(index_elements=[CountMark.id]))
    # SQLite locks no rows: who writes, be it nothing, is its only writer until the commit
    session.execute(update(CountMark).values(counted=CountMark.counted))
    return session.scalars(select(CountMark).execution_options(populate_existing=True)).one()


def _dialect(session: Session) -> str:
    return session.get_bind().dialect.name
