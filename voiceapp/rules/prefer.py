"""Which of several records counts, where a rule says so."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TypeAlias

from voiceapp.rules.rule import Prefer
from voiceapp.rules.values import Value, read_date, read_instant, read_number

_Rank: TypeAlias = tuple[int, Decimal]


@dataclass(frozen=True, slots=True)
class Contender:
    """One of several records: the value it is preferred by, and when it was created."""

    value: Value
    created: Value = None


def choose(prefer: Prefer, contenders: Sequence[Contender]) -> int | None:
    """
    Return the index of the record that counts, or None if nothing tells them apart.

    The highest and lowest are of numbers or of dates; what is neither is passed over. Among equals
    the newest counts.

    >>> from decimal import Decimal
    >>> low, high = Contender(Decimal(10)), Contender("1,250.00")
    >>> choose(Prefer.HIGHEST, (low, high)), choose(Prefer.LOWEST, (low, high))
    (1, 0)
    >>> choose(Prefer.NEWEST, (low, high)) is None
    True
    """
    best: tuple[int, _Rank, _Rank] | None = None
    for index, contender in enumerate(contenders):
        rank = _rank(contender.created if prefer is Prefer.NEWEST else contender.value)
        if rank is None:
            continue
        if prefer is Prefer.LOWEST:
            rank = (-rank[0], -rank[1])
        age = _rank(contender.created) or (0, Decimal(0))
        if best is None or (rank, age) > best[1:]:
            best = (index, rank, age)
    return None if best is None else best[0]


def _rank(value: Value) -> _Rank | None:
    """Return what a value is ordered by: numbers among themselves, moments among themselves."""
    if isinstance(value, Decimal):
        return (0, value)
    if not isinstance(value, str):
        return None
    if (number := read_number(value)) is not None:
        return (0, number)
    moment = read_instant(value) or _read_naive(value)
    return None if moment is None else (1, Decimal(str(moment.timestamp())))


def _read_naive(text: str) -> datetime | None:
    """Read a date, or a time that names no zone; records of one CRM all leave out the same."""
    day = read_date(text)
    if day is not None:
        return _midnight(day)
    try:
        return datetime.fromisoformat(text.strip()).replace(tzinfo=UTC)
    except ValueError:
        return None


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
