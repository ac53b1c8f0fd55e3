"""Which of the records a CRM returned are really the caller's."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from voiceapp.crm.answers import text
from voiceapp.crm.contract import (
    Answer,
    Caller,
    CrmTooMany,
    FieldValue,
    Found,
    KeyedDigits,
    NotFound,
    Record,
    Search,
    Several,
)
from voiceapp.crm.phone import is_same

_WHOLE_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)  # as a database holds at least


@dataclass(frozen=True, slots=True)
class Candidate:
    """A record that came near: its numbers as stored, and what was read of it.

    `fields` has what `Search.needed` names, as far as the record has it. `key` tells records
    apart that more than one request may return.
    """

    phones: Sequence[FieldValue]
    fields: Mapping[str, FieldValue]
    created: FieldValue = None
    key: str = ""


def settle(search: Search, candidates: Sequence[Candidate], country: str) -> Answer:
    """Return what the candidates come to, counting only those that are the caller's.

    Numbers without a country code are of `country`. Raises `CrmTooMany` for a full page without
    any of them, as the caller's may be on the next one.
    """
    distinct = _distinct(candidates)
    hits = [hit for one in distinct for hit in _hits(search, one, country)]
    if not hits:
        if len(distinct) >= search.limit:
            raise CrmTooMany("Many records have a number like this one, and none of those is it.")
        return NotFound()
    if len(hits) > 1:
        return Several(len(hits), tuple(hits))
    by_number = isinstance(search.who, Caller)
    matched_by = "phone number" if by_number else _searched_field(search)
    return Found(hits[0].values, matched_by, hits[0].stored)


def is_callers(search: Search, candidate: Candidate, country: str) -> bool:
    """Say whether a candidate is the caller's; a number without a country code is of `country`."""
    return bool(_hits(search, candidate, country))


def _searched_field(search: Search) -> str:
    return search.who.field if isinstance(search.who, KeyedDigits) else ""


def _distinct(candidates: Sequence[Candidate]) -> Sequence[Candidate]:
    """Return the candidates once each, as far as their keys tell them apart."""
    with_key = {one.key: one for one in reversed(candidates) if one.key}
    return [*reversed(with_key.values()), *(one for one in candidates if not one.key)]


def _hits(search: Search, candidate: Candidate, country: str) -> Sequence[Record]:
    """Return the candidate as a record, if it is the caller's."""
    match search.who:
        case Caller(number):
            written = (text(one) for one in candidate.phones)
            same = (one for one in written if one and is_same(one, number, country))
            stored = next(same, None)
            if stored is None:
                return ()
        case KeyedDigits(digits, field):
            stored = None
            if not has_digits(candidate.fields.get(field), digits):
                return ()
    ordered = (search.order.field,) if search.order and search.order.field else ()
    values = {name: candidate.fields.get(name) for name in (*search.fields, *ordered)}
    return (Record(values, candidate.created, stored),)


def is_number(digits: str) -> bool:
    """
    Say whether digits are how a whole number is written, so that a field of numbers may hold it.

    >>> is_number("42"), is_number("0042"), is_number("4*"), is_number("4" * 99)
    (True, False, False, False)
    """
    return bool(_WHOLE_NUMBER.fullmatch(digits))


def has_digits(value: FieldValue, digits: str) -> bool:
    """
    Say whether a value is what was keyed in, digit for digit; one of several will do.

    >>> has_digits(" 1001", "1001"), has_digits(1001, "1001"), has_digits(1001, "01001")
    (True, True, False)
    """
    match value:
        case str():
            return value.strip() == digits
        case bool():
            return False
        case int():
            return str(value) == digits
        case Decimal():
            return value.is_finite() and value == value.to_integral() and f"{value:.0f}" == digits
        case list() | tuple():
            return any(has_digits(one, digits) for one in value)
    return False
