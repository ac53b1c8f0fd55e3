"""How a value of the CRM stands to one that an admin typed: on what grounds, and in which order."""

from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from decimal import Decimal
from enum import StrEnum

from voiceapp.rules.values import (
    day_of,
    fold,
    read_date,
    read_instant,
    read_number,
    write_number,
)


class Ground(StrEnum):
    """On what grounds two values were compared, or why they could not be; ends a sentence."""

    NUMBERS = "compared as numbers"
    DATES = "compared as dates"
    INSTANTS = "compared as moments in time"
    DAYS = "compared by the day"
    YES_NO = "compared as yes and no"
    TEXT = "compared as text"
    FOLDED = "the same text, as letter case and outer blanks don't count"
    UNORDERED_TEXT = "text has no larger and smaller"
    UNORDERED_YES_NO = "yes and no have no larger and smaller"
    UNORDERED_LIST = "a list has no larger and smaller"
    NO_ELEMENT = "no element of the list fits"
    EMPTY = "the field is empty"
    NOT_EMPTY = "the field is not empty"
    STRUCTURE = "the CRM sent a structure, not a value"


@dataclass(frozen=True, slots=True)
class Relation:
    """How two values stand to each other; `order` is -1, 0 or 1, None where there is no order."""

    same: bool
    order: int | None
    ground: Ground


def relate(actual: str | bool | Decimal, expected: str, zone: tzinfo) -> Relation:
    """
    Say how `actual` (the CRM's) stands to `expected` (the admin's).

    Tried in turn: yes/no, numbers, dates and moments, text; the first that both sides are.

    >>> from datetime import UTC
    >>> relate("1,250.00", "$1250", UTC).order, relate(True, "Yes", UTC).same
    (0, True)
    >>> relate("2026-11-22T23:30:00-05:00", "2026-11-23", UTC).ground.value
    'compared by the day'
    >>> relate("Gold ", "gold", UTC) == Relation(True, None, Ground.FOLDED)
    True
    """
    if isinstance(actual, bool):
        return Relation(fold(expected) in readings(actual), None, Ground.YES_NO)
    return (
        _as_numbers(actual, expected)
        or _as_times(actual, expected, zone)
        or _as_texts(actual, expected)
    )


def readings(value: str | bool | Decimal) -> tuple[str, ...]:
    """Return the folded texts that a value reads as; a yes/no value has two of them."""
    if isinstance(value, bool):
        return ("yes", "true") if value else ("no", "false")
    return (fold(write_number(value) if isinstance(value, Decimal) else value),)


def _as_numbers(actual: str | Decimal, expected: str) -> Relation | None:
    left = actual if isinstance(actual, Decimal) else read_number(actual)
    right = read_number(expected)
    if left is None or right is None or not left.is_finite():
        return None
    return _ordered(left == right, left < right, Ground.NUMBERS)


def _as_times(actual: str | Decimal, expected: str, zone: tzinfo) -> Relation | None:
    if isinstance(actual, Decimal):
        return None
    left, right = _read_time(actual), _read_time(expected)
    if left is None or right is None:
        return None
    if isinstance(left, datetime) and isinstance(right, datetime):
        return _ordered(left == right, left < right, Ground.INSTANTS)
    ground = (
        Ground.DAYS if isinstance(left, datetime) or isinstance(right, datetime) else Ground.DATES
    )
    left, right = _day(left, zone), _day(right, zone)
    if left is None or right is None:
        return None
    return _ordered(left == right, left < right, ground)


def _read_time(text: str) -> date | datetime | None:
    return read_instant(text) or read_date(text)


def _day(time: date | datetime, zone: tzinfo) -> date | None:
    return day_of(time, zone) if isinstance(time, datetime) else time


def _as_texts(actual: str | Decimal, expected: str) -> Relation:
    same = fold(expected) in readings(actual)
    return Relation(same, None, Ground.FOLDED if same and actual != expected else Ground.TEXT)


def _ordered(same: bool, less: bool, ground: Ground) -> Relation:
    return Relation(same, 0 if same else -1 if less else 1, ground)
