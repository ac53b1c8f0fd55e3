"""Telephone numbers as people write them: which spellings to try, and whether two are the same."""

import re
from functools import lru_cache

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberFormat

_KEPT = re.compile(r"[^0-9+]")
_SHOWN = 32_768
"""Numbers that are kept as people read them: a large installation's, and who called lately."""


def spellings(number: str, country: str) -> tuple[str, ...]:
    """
    Return the ways in which a CRM may hold a number (E.164), the likeliest first; about twenty.

    `country` (ISO 3166) is the one whose numbers are written without a country code.

    >>> spellings("+12025550104", "US")[:4]
    ('+12025550104', '12025550104', '2025550104', '(202) 555-0104')
    >>> {"202-555-0104", "202.555.0104", "1-202-555-0104"} <= set(spellings("+12025550104", "US"))
    True
    >>> {"030 1234567", "030/1234567", "+49 (0)30 1234567"} <= set(spellings("+49301234567", "DE"))
    True
    >>> spellings("+49301234567", "US")[:4]
    ('+49301234567', '49301234567', '+49 30 1234567', '0049301234567')
    """
    parsed = _parse(number, country)
    if parsed is None:
        return (number,)
    digits = _e164(parsed)[1:]
    code, *groups = _groups(parsed)
    tried = [f"+{digits}", digits]
    is_home = parsed.country_code == phonenumbers.country_code_for_region(country)
    if is_home:
        written = phonenumbers.format_number(parsed, PhoneNumberFormat.NATIONAL)
        tried += [national(number), written, compact(written)]
    international = phonenumbers.format_number(parsed, PhoneNumberFormat.INTERNATIONAL)
    tried += [international, f"00{digits}"]
    tried += [f"+{code}{joint}{joint.join(groups)}" for joint in (" ", "-", ".")]
    if is_home:
        tried += _at_home(code, groups, compact(written))
    return tuple(dict.fromkeys(tried))


def beginnings(number: str, country: str) -> tuple[str, ...]:
    """
    Return how texts most likely begin that have an extension behind a number (E.164).

    >>> beginnings("+12025550104", "US")
    ('+12025550104', '2025550104', '(202) 555-0104', '202-555-0104', '+1 202-555-0104')
    >>> beginnings("+49301234567", "US")
    ('+49301234567', '+49 30 1234567')
    """
    parsed = _parse(number, country)
    if parsed is None:
        return (number,)
    tried = [_e164(parsed)]
    if parsed.country_code == phonenumbers.country_code_for_region(country):
        written = phonenumbers.format_number(parsed, PhoneNumberFormat.NATIONAL)
        tried += [compact(written), written, "-".join(re.findall("[0-9]+", written))]
    tried.append(phonenumbers.format_number(parsed, PhoneNumberFormat.INTERNATIONAL))
    return tuple(dict.fromkeys(tried))


def _at_home(code: str, groups: list[str], dialled: str) -> list[str]:
    """Return how people set the groups of a number apart, with what is dialled before them."""
    area, *rest = groups
    trunk = dialled[: len(dialled) - len("".join(groups))]  # the 0 before an area code, if any
    local = [f"{trunk}{area}", *rest]
    tried = [joint.join(local) for joint in ("-", " ", ".", "/")]
    if rest:
        tried += [f"{local[0]}{joint}{''.join(rest)}" for joint in (" ", "-", "/")]
        tried += [f"({local[0]}) {joint.join(rest)}" for joint in ("-", " ")]
    if trunk:
        return [*tried, f"+{code} ({trunk}){' '.join(groups)}"]
    return [*tried, f"+{code} ({area}) {'-'.join(rest)}", f"{code}-{'-'.join(groups)}"]


def _groups(parsed: PhoneNumber) -> list[str]:
    """Return the country code, and the groups in which a number is written."""
    written = phonenumbers.format_number(parsed, PhoneNumberFormat.INTERNATIONAL)
    return re.findall("[0-9]+", written)


def national(number: str) -> str:
    """
    Return the digits of a number (E.164) without its country code: its ending in every spelling.

    >>> national("+12025550104"), national("+49301234567"), national("+390612345")
    ('2025550104', '301234567', '0612345')
    """
    parsed = _parse(number, "ZZ")
    return (
        number.lstrip("+") if parsed is None else phonenumbers.national_significant_number(parsed)
    )


def compact(text: str) -> str:
    """
    Return a number without anything but its digits and plus sign.

    >>> compact("(202) 555-0104"), compact("+1 202.555.0104")
    ('2025550104', '+12025550104')
    """
    return _KEPT.sub("", text)


def is_same(stored: str, number: str, country: str) -> bool:
    """
    Say whether a number as somebody typed it is the given one (E.164).

    With the country code it may also be written without a plus, or with 00 instead.

    >>> is_same("(202) 555-0104", "+12025550104", "US")
    True
    >>> is_same("(202) 555-0104", "+492025550104", "US"), is_same("call me", "+1202", "US")
    (False, False)
    >>> is_same("3235550101", "+3235550101", "US"), is_same("49301234567", "+49301234567", "US")
    (False, True)
    """
    if not number.startswith("+"):
        return False
    bare = compact(stored)
    if bare in (number, "00" + number[1:]):
        return True
    left, right = _parse(stored, country), _parse(number, country)
    if left is not None and right is not None and _e164(left) == _e164(right):
        return True
    # without a plus it is a number from home, wherever it may be one
    return bare == number[1:] and not is_anothers(stored, number, country)


def is_anothers(written: str, number: str, country: str) -> bool:
    """
    Say whether what is written is a valid number, and another one than the given (E.164).

    >>> is_anothers("3235550101", "+3235550101", "US"), is_anothers("555", "+3235550101", "US")
    (True, False)
    """
    parsed = _parse(written, country)
    return parsed is not None and phonenumbers.is_valid_number(parsed) and _e164(parsed) != number


def read_e164(text: str, country: str) -> str | None:
    """
    Read a number as people type it, or return None.

    >>> read_e164("(202) 555-0104", "US"), read_e164("Gold", "US")
    ('+12025550104', None)
    """
    parsed = _parse(text, country)
    return None if parsed is None else _e164(parsed)


@lru_cache(_SHOWN)
def show(number: str) -> str:
    """
    Return a number as people read it; anything that is no number as it is.

    >>> show("+12025550104"), show("anonymous"), show("")
    ('+1 202-555-0104', 'anonymous', 'somebody without a number')
    """
    if not number:
        return "somebody without a number"
    parsed = _parse(number, "ZZ") if number.startswith("+") else None
    if parsed is None:
        return number
    return phonenumbers.format_number(parsed, PhoneNumberFormat.INTERNATIONAL)


def _e164(parsed: PhoneNumber) -> str:
    return phonenumbers.format_number(parsed, PhoneNumberFormat.E164)


def _parse(text: str, country: str) -> PhoneNumber | None:
    try:
        parsed = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    reason = phonenumbers.is_possible_number_with_reason(parsed)
    return parsed if reason == phonenumbers.ValidationResult.IS_POSSIBLE else None
