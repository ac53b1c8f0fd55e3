"""Values as rules see them: what a CRM sent, and how text is read as number, date or text.

Nothing here raises on data. What cannot be read as a kind is simply not of that kind.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from decimal import Decimal
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Structure:
    """A value with parts of its own (a JSON object), which no operator can read."""


Scalar: TypeAlias = str | bool | Decimal | Structure
Value: TypeAlias = Scalar | tuple[Scalar, ...] | None

_PLAIN = r"\d+|\d{1,3}(?:,\d{3})+"
_NUMBER = re.compile(rf"[+-]?(?P<whole>{_PLAIN})(?:\.\d+)?", re.ASCII)
_CURRENCY = "$£€"
_MOST_DIGITS = 40
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_INSTANT = re.compile(
    r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})", re.ASCII
)


def read_number(text: str) -> Decimal | None:
    """
    Read a number as people write it in a CRM, or return None.

    A number is an optional sign, digits or groups of three set off by commas, an optional
    fraction, and at most one currency sign before or behind. Digits with a leading zero are
    text (account numbers, postcodes), and so is everything else.

    >>> read_number(" 1,250.00 "), read_number("$ -5"), read_number("-€5"), read_number("40 €")
    (Decimal('1250.00'), Decimal('-5'), Decimal('-5'), Decimal('40'))
    >>> [read_number(text) for text in ("007", "1e3", "NaN", "1,25", "１２", "$5€", "")]
    [None, None, None, None, None, None, None]
    >>> read_number("0"), read_number("0.50")
    (Decimal('0'), Decimal('0.50'))
    """
    match = _NUMBER.fullmatch(_without_currency(text.strip()))
    if match is None:
        return None
    whole = match["whole"]
    if whole.startswith("0") and whole != "0":
        return None
    return Decimal(match[0].replace(",", ""))


def _without_currency(text: str) -> str:
    """Take one currency sign off: before or behind the number, or between sign and digits."""
    if text[-1:] in _CURRENCY:
        return text[:-1].rstrip()
    if text[:1] in _CURRENCY:
        return text[1:].lstrip()
    if text[:1] in ("+", "-") and text[1:2] in _CURRENCY:
        return text[0] + text[2:].lstrip()
    return text


def read_date(text: str) -> date | None:
    """
    Read an ISO date (`2026-11-22`), or return None.

    >>> read_date("2026-11-22"), read_date("2026-02-30"), read_date("20261122")
    (datetime.date(2026, 11, 22), None, None)
    """
    text = text.strip()
    if not _DATE.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def read_instant(text: str) -> datetime | None:
    """
    Read an ISO date-time that names its zone (`2026-11-22T10:00:00Z`), or return None.

    One without a zone is not an instant: nobody can say when it was.

    >>> read_instant("2026-11-22T10:00+01:00") == read_instant("2026-11-22 09:00:00.000Z")
    True
    >>> read_instant("2026-11-22T10:00:00") is None
    True
    """
    text = text.strip().upper()
    if not _INSTANT.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def day_of(instant: datetime, zone: tzinfo) -> date | None:
    """Return the day that an instant falls on in a zone; None at the very ends of the calendar."""
    try:
        return instant.astimezone(zone).date()
    except OverflowError:
        return None


def write_number(number: Decimal) -> str:
    """
    Return a number in plain digits; one of more than forty in powers of ten.

    >>> write_number(Decimal("1.50")), write_number(Decimal("1E+3")), write_number(Decimal("1E+99"))
    ('1.50', '1000', '1E+99')
    """
    return f"{number:f}" if abs(number.adjusted()) <= _MOST_DIGITS else str(number)


def fold(text: str) -> str:
    """
    Return text as it is compared: trimmed, NFKC, letter case folded.

    >>> fold(" Gold\\u00a0") == fold("ＧＯＬＤ") == "gold"
    True
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return folded.strip()


def is_empty(value: Value) -> bool:
    """
    Say whether there is nothing in a value: missing, null, blank, or a list of such.

    >>> is_empty(None), is_empty("  "), is_empty(()), is_empty(Decimal(0)), is_empty(False)
    (True, True, True, False, False)
    """
    if isinstance(value, tuple):
        return all(is_empty(element) for element in value)
    return value is None or (isinstance(value, str) and not fold(value))


def spell(value: Value) -> str:
    """
    Return a value as people read it.

    >>> spell(("a", Decimal("1.50"))), spell(True), spell(None)
    ('a, 1.50', 'yes', '')
    """
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case Decimal():
            return write_number(value)
        case Structure():
            return "a structure, not a value"
        case tuple():
            return ", ".join(spell(element) for element in value)
    return value
