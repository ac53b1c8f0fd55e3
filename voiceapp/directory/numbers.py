"""Telephone numbers in the directory: how one is kept, so that a call from it finds the contact."""

import re
import unicodedata

from voiceapp.crm.phone import compact, read_e164, spellings

SEPARATORS = re.compile(r"[;|\r\n]")
"""What stands between several numbers in one cell."""

_EXTENSION = re.compile(r"[\d ().-]+", re.ASCII)
_SHORTEST_EXTENSION, _LONGEST_EXTENSION = 2, 6
_TELLING = 7  # digits at the end by which a number is known again


def findable(text: str, country: str) -> str | None:
    """
    Return a number as it can be kept, or None for what is no number.

    It stays as typed where a call is found by that, and is written in E.164 otherwise.

    >>> findable(" (202) 555-0104 ", "US"), findable("204", "US"), findable("Gold", "US")
    ('(202) 555-0104', '204', None)
    >>> findable("+49 (0)30 1234567", "US"), findable("011 49 30 1234567", "US")
    ('+49301234567', '+49301234567')

    Letters are not read as digits, and an extension behind a number is no part of it.

    >>> findable("1-800-FLOWERS", "US"), findable("+1 202 555 0104 ext. 5", "US")
    (None, None)
    """
    text = unicodedata.normalize("NFKC", text).strip()
    digits = compact(text)
    if _EXTENSION.fullmatch(text) and _SHORTEST_EXTENSION <= len(digits) <= _LONGEST_EXTENSION:
        return text
    number = read_e164(text, country)
    if number is None:
        return None
    if _is_found_by(digits, number, country) and not SEPARATORS.search(text):
        return text
    return number if digits.endswith(number[-_TELLING:]) else None


def one_spelling(text: str, country: str) -> str:
    """
    Return the same text for every spelling of a number.

    >>> one_spelling("(202) 555-0104", "US"), one_spelling("2-04", "US")
    ('+12025550104', '204')
    """
    return read_e164(text, country) or compact(text)


def _is_found_by(digits: str, number: str, country: str) -> bool:
    return digits == number or digits in map(compact, spellings(number, country))
