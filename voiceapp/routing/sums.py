"""How many real calls there were: what the worker has counted, and what came in since."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import Session

from voiceapp.models.counts import CallCount
from voiceapp.models.journal import DecisionRow
from voiceapp.routing.counts import What, counted_up_to, differences

FRESH = 1000
"""Rows not counted yet that a page looks at itself; what is beyond them has to wait."""
_ATTEMPTS = 3


def sums(
    session: Session,
    whats: Sequence[What],
    edges: Sequence[datetime],
    until: datetime | None = None,
) -> Mapping[tuple[What, str], tuple[int, ...]]:
    """Return how many calls there were between each of some moments and the next.

    The moments are beginnings of quarters of an hour. None is left out unless the counting
    `is_behind`.
    """
    for _ in range(_ATTEMPTS):
        mark = counted_up_to(session)
        found = Counter(dict(_kept(session, whats, edges, until)))
        fresh = differences(session, mark, None, limit=FRESH)
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


def is_behind(session: Session) -> bool:
    """Say whether there are calls that neither counts nor `sums` have yet."""
    fresh = select(DecisionRow.id).where(
        DecisionRow.test.is_(False), DecisionRow.id > counted_up_to(session)
    )
    beyond = fresh.order_by(DecisionRow.id).offset(FRESH).limit(1)
    return session.scalar(beyond) is not None


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
