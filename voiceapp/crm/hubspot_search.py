"""What HubSpot is sent to find somebody: the body of a search.

Five groups of filters at most, which are alternatives; each has one filter here. Telephone
numbers are kept as people typed them. For two properties HubSpot works out digits to search by,
without country code and leading zeros.

Source: developers.hubspot.com/docs, CRM search.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from voiceapp.crm.answers import without_phones
from voiceapp.crm.contract import Caller, KeyedDigits, Order, Search
from voiceapp.crm.fields import Field, FieldType
from voiceapp.crm.match import is_number
from voiceapp.crm.phone import national, spellings

TITLE = "HubSpot"
Body: TypeAlias = dict[str, Any]
WORKED_OUT = {
    "phone": "hs_searchable_calculated_phone_number",
    "mobilephone": "hs_searchable_calculated_mobile_number",
}
_MOST_GROUPS, _MOST_BODIES = 5, 2


def bodies(
    search: Search, known: Mapping[str, Field], numbers: Sequence[str], country: str
) -> list[Body]:
    """Return what to search with, one after the other; nothing if nobody can be found.

    It is one, unless there are more than five properties for telephone numbers: `numbers`.
    """
    wanted = {
        "sorts": [_sort(search.order, known)],
        "properties": list(dict.fromkeys((*numbers, *search.needed()))),
        "limit": search.limit,
    }
    groups = [{"filters": [one]} for one in _filters(search, known, numbers, country)]
    return [
        {"filterGroups": groups[first : first + _MOST_GROUPS], **wanted}
        for first in range(0, len(groups), _MOST_GROUPS)
    ][:_MOST_BODIES]


def _filters(
    search: Search, known: Mapping[str, Field], numbers: Sequence[str], country: str
) -> Sequence[Body]:
    match search.who:
        case Caller(number):
            if not numbers:
                raise without_phones(TITLE, search.module, known)
            worked_out = {one: WORKED_OUT[one] for one in numbers if WORKED_OUT.get(one) in known}
            if len(numbers) + len(worked_out) > _MOST_GROUPS:
                numbers = [one for one in numbers if one not in worked_out]
            digits, typed = _digits(number), spellings(number, country)
            return [
                *(_is_one_of(one, digits) for one in worked_out.values()),
                *(_is_one_of(one, typed) for one in numbers),
            ]
        case KeyedDigits(keyed, field):
            searched = known.get(field)
            is_numeric = searched is not None and searched.type is FieldType.NUMBER
            if is_numeric and not is_number(keyed):
                return ()  # 0042 is no number, and 42 is not what was keyed in
            return [{"propertyName": field, "operator": "EQ", "value": keyed}]


def _is_one_of(name: str, values: Sequence[str]) -> Body:
    return {"propertyName": name, "operator": "IN", "values": list(values)}


def _digits(number: str) -> Sequence[str]:
    """
    Return what HubSpot may have worked out of a number (E.164), the likeliest first.

    That has the country code where it could not tell the country.

    >>> _digits("+12025550104"), _digits("+390612345678")
    (('2025550104', '12025550104'), ('612345678', '0612345678', '390612345678'))
    """
    worked_out = (national(number).lstrip("0"), national(number), number.lstrip("+"))
    return tuple(dict.fromkeys(filter(None, worked_out)))


def _sort(order: Order | None, known: Mapping[str, Field]) -> Body:
    created = "createdate" if "createdate" in known or not known else "hs_createdate"
    is_highest = order is None or order.is_highest
    return {
        "propertyName": order.field if order and order.field else created,
        "direction": "DESCENDING" if is_highest else "ASCENDING",
    }
