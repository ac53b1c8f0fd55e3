"""Which of several records counts, where a rule says so."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TypeAlias

from voiceapp.rules.rule import Prefer
from voiceapp.rules.values import Value, read_date, read_instant, read_number

_Rank: TypeAlias = tuple[int, Decimal]


_NEVER: _Rank = (-1, Decimal(0))


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
    ranked = [
        (rank, _rank(one.created) or _NEVER, index)
        for index, one in enumerate(contenders)
        if (rank := _rank(one.created if prefer is Prefer.NEWEST else one.value)) is not None
    ]
    if not ranked:
        return None
    first = (min if prefer is Prefer.LOWEST else max)(rank for rank, _, _ in ranked)
    best = [one for one in ranked if one[0] == first]
    newest = max(age for _, age, _ in best)
    chosen = [index for _, age, index in best if age == newest]
    return chosen[0] if len(chosen) == 1 else None


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
    """Read a date, or any ISO time; without a zone it is in UTC, as all of one CRM leave it out."""
    day = read_date(text)
    if day is not None:
        return _midnight(day)
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
