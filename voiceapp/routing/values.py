"""What a CRM sent, as the values of rules and of the journal."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from voiceapp.crm import contract as crm
from voiceapp.rules.values import Structure, Value, is_empty, spell

_LONGEST_TEXT = 4000
_MOST_ELEMENTS = 100
_TELLING = 4
"""How many keyed digits make a value tell them when it contains them, in whatever setting."""


def to_value(sent: crm.FieldValue) -> Value:
    """
    Return what a CRM sent for a field as a value that rules compare.

    >>> to_value(["vip", 3, None]), to_value({"id": 1}), to_value({})
    (('vip', Decimal('3')), Structure(), None)
    """
    match sent:
        case None | str() | bool():
            return sent
        case int() | Decimal():
            number = Decimal(sent)
            return number if number.is_finite() else str(number)
        case Mapping():
            return Structure() if sent else None
    elements = [to_value(element) for element in sent]
    return tuple(
        Structure() if isinstance(element, tuple) else element
        for element in elements
        if element is not None and not is_empty(element)
    )


def plain_value(value: Value) -> Any:
    """
    Return a value as JSON that tells numbers and structures from texts.

    Of a text the first 4,000 characters are kept, of a list the first 100 elements.

    >>> plain_value((Decimal("1.50"), "a", True, Structure()))
    [{'number': '1.50'}, 'a', True, {'structure': True}]
    """
    match value:
        case Decimal():
            return {"number": str(value)}
        case Structure():
            return {"structure": True}
        case tuple():
            return [plain_value(element) for element in value[:_MOST_ELEMENTS]]
        case str():
            return value[:_LONGEST_TEXT]
    return value


def shows_digits(value: Value, who: crm.Who) -> bool:
    """Say whether a value would tell what the caller keyed in, whatever field it stands in."""
    if not isinstance(who, crm.KeyedDigits):
        return False
    elements = value if isinstance(value, tuple) else (value,)
    return any(_tells(spell(element), who.digits) for element in elements)


def _tells(text: str, digits: str) -> bool:
    """Say whether a text is the digits, or has them in it, however it sets them apart."""
    if len(digits) < _TELLING:
        return text.strip() == digits
    keyed, shown = (re.sub(r"\D", "", one) for one in (digits, text))
    bare = keyed.lstrip("0")
    if not keyed:  # stars and hashes alone
        return digits in text
    return keyed in shown or (bool(bare) and shown.lstrip("0") == bare)
