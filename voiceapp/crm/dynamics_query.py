"""Queries of OData as a Dataverse understands them, and the rows that it answers with.

Sources: “Query data using the Web API” with its pages on filters, order, joins and formatted
values, learn.microsoft.com.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence

from voiceapp.crm.answers import name, unknown, without_phones
from voiceapp.crm.contract import Caller, FieldValue, KeyedDigits, Order, Search
from voiceapp.crm.dynamics_schema import TITLE
from voiceapp.crm.fields import Field, FieldType, read_as
from voiceapp.crm.match import is_number
from voiceapp.crm.payload import at_path
from voiceapp.crm.phone import beginnings, spellings

SHOWN = "OData.Community.Display.V1.FormattedValue"
"""The annotation that has a value as people see it."""


def query(
    search: Search, known: Mapping[str, Field], numbers: Sequence[str], where: str
) -> Mapping[str, str]:
    """Return the parameters that ask for the rows of a search; `where` is their condition."""
    selected = dict.fromkeys(numbers)
    joined: dict[str, list[str]] = defaultdict(list)
    for one in search.needed():
        link, _, column = name(TITLE, one).rpartition(".")
        if "." in link:
            raise unknown(TITLE, one)
        if link:
            joined[link].append(column)
        else:
            selected[_column(known, one)] = None
    is_dated = not known or "createdon" in known
    if is_dated:
        selected["createdon"] = None
    params = {"$select": ",".join(selected), "$filter": where, "$top": str(search.limit)}
    if joined:
        params["$expand"] = ",".join(
            f"{link}($select={','.join(columns)})" for link, columns in joined.items()
        )
    order = search.order or Order()
    if order.field or is_dated:
        column = _path(known, order.field or "createdon")
        params["$orderby"] = f"{column} {'desc' if order.is_highest else 'asc'}"
    return params


def where(
    search: Search, known: Mapping[str, Field], numbers: Sequence[str], country: str
) -> str | None:
    """Return the condition for a row to be the caller's; None if no row can be."""
    match search.who:
        case Caller(number):
            if not numbers:
                raise without_phones(TITLE, search.module, known)
            tried = json.dumps(spellings(number, country), separators=(",", ":"))
            extended = beginnings(number, country)
            return " or ".join(
                test
                for one in numbers
                for test in (
                    f"Microsoft.Dynamics.CRM.In(PropertyName='{one}',PropertyValues={tried})",
                    *(f"startswith({one},'{written}')" for written in extended),
                )
            )
        case KeyedDigits(digits, field):
            literal = _literal(known.get(field), digits)
            return None if literal is None else f"{_path(known, field)} eq {literal}"


def _column(known: Mapping[str, Field], typed: str) -> str:
    """Return what a column is called in a query: a lookup has another name there."""
    field = known.get(typed)
    is_link = field is not None and field.type is FieldType.LINK
    return f"_{typed}_value" if is_link else name(TITLE, typed)


def _path(known: Mapping[str, Field], typed: str) -> str:
    return _column(known, typed).replace(".", "/")


def _literal(field: Field | None, digits: str) -> str | None:
    """Return digits as a column is compared with them; None for what it can't hold."""
    type_ = field.type if field else FieldType.TEXT
    if field and type_ is FieldType.CHOICE:
        return next((key for key, label in field.choices if label == digits), None)
    if type_ is FieldType.NUMBER:
        return digits if is_number(digits) else None
    return quoted(digits)


def quoted(typed: str) -> str:
    """
    Return a text as a string of OData.

    >>> quoted("O'Hara")
    "'O''Hara'"
    """
    return "'" + typed.replace("'", "''") + "'"


def value(known: Mapping[str, Field], typed: str, row: Mapping[str, FieldValue]) -> FieldValue:
    """Return a value of a row: of a lookup the name of the record, of a choice its label."""
    field, column = known.get(typed), _column(known, typed)
    sent, shown = at_path(row, column), at_path(row, f"{column}@{SHOWN}")
    if field is None:
        return shown if isinstance(shown, str) and _is_key(column, sent, shown) else sent
    if field.type in (FieldType.CHOICE, FieldType.LINK) and shown is not None:
        return shown
    if field.type is FieldType.CHOICES and isinstance(sent, str):
        return read_as(field, sent.split(","))
    return read_as(field, sent)


def _is_key(column: str, sent: FieldValue, shown: str) -> bool:
    """
    Say whether a value is a key that people see in words, of a column that no metadata tells of.

    >>> _is_key("parent.ratingcode", 727000001, "Hot"), _is_key("parent.revenue", 1000, "$1,000")
    (True, False)
    """
    is_lookup = column.rpartition(".")[2].startswith("_")
    is_number = isinstance(sent, int) and not isinstance(sent, bool)
    return is_lookup or (is_number and not any(one.isdigit() for one in shown))
