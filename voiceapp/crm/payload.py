"""What a CRM sent as JSON, read exactly and made safe to store and to show."""

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from voiceapp.crm.contract import CrmBadAnswer, FieldValue

_MAX_DEPTH = 100
_MAX_DIGITS = 400  # a double ends at 309; "1e999999999" would fill the memory when written out

# What XML 1.0 cannot hold (section 2.2), and so no TwiML and no page; NUL and lone surrogates,
# which databases refuse, are among it.
_UNSAFE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def parse_json(body: bytes) -> FieldValue:
    """Return what a JSON body says, with exact numbers: int, or Decimal if it has a fraction.

    UTF-8, with or without a byte order mark. Characters that neither a database nor XML can hold
    become U+FFFD. Raises `CrmBadAnswer` for anything that is not JSON as in RFC 8259 (`NaN`
    included), is nested deeper than 100 levels, or has numbers of more than 400 digits.

    >>> parse_json(b'{"balance": 0.10}')
    {'balance': Decimal('0.10')}
    """
    try:
        parsed = json.loads(
            body.decode("utf-8-sig"),
            parse_int=_whole_number,
            parse_float=_fraction,
            parse_constant=_refuse,
        )
        return _made_safe(parsed, _MAX_DEPTH)
    except (ValueError, RecursionError) as error:
        why = "is not UTF-8 text" if isinstance(error, UnicodeError) else "is not proper JSON"
        raise CrmBadAnswer(f"The answer of the CRM {why}.") from error


def at_path(record: FieldValue, path: str) -> FieldValue:
    """Return what stands at a dotted path, or None where it leads nowhere.

    Numbers count the elements of a list from 0. A key that has dots itself wins over the same
    dots read as steps, the longest such key first.

    >>> at_path({"customer": {"tags": ["vip", "new"]}}, "customer.tags.0")
    'vip'
    >>> at_path({"a.b": 1, "a": {"b": 2}}, "a.b")
    1
    """
    value, steps = record, path.split(".")
    while steps:
        if isinstance(value, Mapping):
            key = _longest_key(value, steps)
            if key is None:
                return None
            value, steps = value[key], steps[key.count(".") + 1 :]
        elif isinstance(value, list) and _is_index(steps[0], len(value)):
            value, steps = value[int(steps[0])], steps[1:]
        else:
            return None
    return value


def _longest_key(record: Mapping[str, FieldValue], steps: list[str]) -> str | None:
    keys = (".".join(steps[:taken]) for taken in range(len(steps), 0, -1))
    return next((key for key in keys if key in record), None)


def _is_index(step: str, length: int) -> bool:
    # short before it is a number: Python refuses to read thousands of digits
    return step.isascii() and step.isdigit() and len(step) <= 9 and int(step) < length


def _whole_number(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise ValueError("too many digits")
    return int(text)


def _fraction(text: str) -> Decimal:
    exponent = text.lower().partition("e")[2]
    if len(text) > _MAX_DIGITS or abs(int(exponent or 0)) > _MAX_DIGITS:
        raise ValueError("too many digits")
    return Decimal(text)


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _made_safe(value: Any, depth: int) -> FieldValue:
    if isinstance(value, str):
        return _UNSAFE.sub("\N{REPLACEMENT CHARACTER}", value)
    if not isinstance(value, dict | list):
        return value  # type: ignore[no-any-return]  # JSON's other kinds
    if depth == 0:
        raise ValueError("nested too deeply")
    if isinstance(value, list):
        return [_made_safe(element, depth - 1) for element in value]
    return {
        _UNSAFE.sub("\N{REPLACEMENT CHARACTER}", key): _made_safe(element, depth - 1)
        for key, element in value.items()
    }
