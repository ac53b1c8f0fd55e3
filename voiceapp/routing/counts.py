"""Counting real calls by quarters of an hour, so that nobody has to count a million rows again.

A call counts once for each outcome, rule and destination it came to, in the quarter of an hour in
which it first did. The worker counts rows in the order of their ids; one that comes late, with an
earlier moment, moves its call to the earlier quarter.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, case, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from voiceapp.models.counts import LONGEST_NAME, CallCount, CountMark
from voiceapp.models.journal import DecisionRow
from voiceapp.models.types import now

BATCH = 500
"""Rows that are counted in one transaction, in some hundredths of a second."""

SETTLES_IN = timedelta(seconds=20)
"""PostgreSQL gives ids before rows are committed; no statement takes longer than 15 seconds."""

FRESH = 1000
"""Rows not counted yet that a page looks at itself; what is beyond them has to wait."""

_SLOT_SECONDS = 15 * 60
_SIDS_AT_ONCE = 400
_ATTEMPTS = 3
_INSERTS: Mapping[str, Callable[[Any], Any]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}
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


def count_more(
    session: Session, *, clock: Callable[[], datetime] = now, settles_in: timedelta | None = None
) -> bool:
    """Count the next rows, commit, and say whether there are more that can be counted now.

    Whoever else counts waits meanwhile, and goes on where this one has ended.
    """
    if settles_in is None:
        # SQLite has one writer at a time: rows appear in the order of their ids
        settles_in = SETTLES_IN if _dialect(session) == "postgresql" else timedelta(0)
    mark = _locked_mark(session, clock())
    if mark.counted >= mark.settled:
        newest = session.scalar(select(func.max(DecisionRow.id))) or 0
        if newest > mark.settled:
            mark.settled, mark.settled_at = newest, clock()
    if mark.counted < mark.settled and clock() - mark.settled_at >= settles_in:
        ids = select(DecisionRow.id).where(
            DecisionRow.id > mark.counted, DecisionRow.id <= mark.settled
        )
        some = session.scalars(ids.order_by(DecisionRow.id).limit(BATCH)).all()
        upto = some[-1] if len(some) == BATCH else mark.settled
        _add(session, _differences(session, mark.counted, upto))
        mark.counted = upto
    is_more = mark.counted < mark.settled and clock() - mark.settled_at >= settles_in
    session.commit()
    return is_more


def counted_up_to(session: Session) -> int:
    """Return the highest id of a row that is in the counts; 0 before any is."""
    return session.scalar(select(CountMark.counted)) or 0


def sums(
    session: Session,
    whats: Sequence[What],
    edges: Sequence[datetime],
    until: datetime | None = None,
) -> Mapping[tuple[What, str], tuple[int, ...]]:
    """Return how many calls there were between each of some moments and the next; none is left out.

    The moments are beginnings of quarters of an hour. Rows that are not counted yet are looked
    at, up to `FRESH` of them.
    """
    for _ in range(_ATTEMPTS):
        mark = counted_up_to(session)
        found = Counter(dict(_kept(session, whats, edges, until)))
        fresh = _differences(session, mark, None, limit=FRESH)
        if counted_up_to(session) == mark:  # else the worker has counted in between
            break
    for key, number in fresh.items():
        if key.what in whats and key.slot >= edges[0] and (until is None or key.slot < until):
            place = sum(edge <= key.slot for edge in edges) - 1
            found[key.what, key.name, place] += number
    lines: dict[tuple[What, str], list[int]] = {}
    for (what, name, place), number in found.items():
        if number:
            lines.setdefault((what, name), [0] * len(edges))[place] = number
    return {key: tuple(numbers) for key, numbers in lines.items()}


def has_any(session: Session) -> bool:
    """Say whether a real call was ever counted."""
    query = select(CallCount.calls).where(CallCount.what == What.CALL, CallCount.calls > 0)
    return session.scalar(query.limit(1)) is not None


def _kept(
    session: Session, whats: Sequence[What], edges: Sequence[datetime], until: datetime | None
) -> Iterator[tuple[tuple[What, str, int], int]]:
    places = range(len(edges))
    place = case(*((CallCount.slot >= edges[one], one) for one in reversed(places)))
    where: list[ColumnElement[bool]] = [CallCount.what.in_(whats), CallCount.slot >= edges[0]]
    if until is not None:
        where.append(CallCount.slot < until)
    query = select(CallCount.what, CallCount.name, place.label("place"), func.sum(CallCount.calls))
    # by its label: PostgreSQL would not see that an expression with parameters is the same
    grouped = query.where(*where).group_by(CallCount.what, CallCount.name, "place")
    for what, name, number, calls in session.execute(grouped):
        yield (What(what), name, number), int(calls)


def _differences(
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
    before, came = _firsts(known), _firsts(fresh)
    differences: Counter[Key] = Counter()
    for thing, at in came.items():
        if thing in before:
            if at >= before[thing]:
                continue
            differences[Key(thing.what, slot_of(before[thing]), thing.name)] -= 1
        differences[Key(thing.what, slot_of(at), thing.name)] += 1
    return differences


def _firsts(rows: Iterable[Any]) -> dict[_Thing, datetime]:
    """Return when calls first came to each thing they came to."""
    firsts: dict[_Thing, datetime] = {}
    for row in rows:
        for what, name in _things(row):
            thing = _Thing(row.call_sid, what, name)
            firsts[thing] = min(firsts.get(thing, row.at), row.at)
    return firsts


def _things(row: Any) -> Iterator[tuple[What, str]]:
    yield What.CALL, ""
    destination = f"{row.destination_kind} {row.destination_option}".strip()
    yield What.DESTINATION, destination[:LONGEST_NAME]
    if row.outcome:
        yield What.OUTCOME, row.outcome
    if row.rule:
        yield What.RULE, row.rule
    if row.safe:
        yield What.SAFE, ""


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


def _locked_mark(session: Session, at: datetime) -> CountMark:
    """Return the mark, which is ours until the transaction ends."""
    first = {"id": 1, "counted": 0, "settled": 0, "settled_at": at}
    insert = _INSERTS[_dialect(session)](CountMark).values(first)
    session.execute(insert.on_conflict_do_nothing(index_elements=[CountMark.id]))
    # SQLite locks no rows: who writes, be it nothing, is its only writer until the commit
    session.execute(update(CountMark).values(counted=CountMark.counted))
    return session.scalars(select(CountMark).execution_options(populate_existing=True)).one()


def _dialect(session: Session) -> str:
    return session.get_bind().dialect.name
