"""Odoo's models: which records a domain names, what their fields hold, and what errors mean.

Sources: “ORM API” (search domains, fields) at odoo.com/documentation, the code of the modules
phone_validation and web, and a running Odoo 19.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from voiceapp.crm.answers import name, not_permitted, refused, rows, text, unknown, without_phones
from voiceapp.crm.contract import (
    Caller,
    CrmError,
    CrmRefused,
    FieldValue,
    KeyedDigits,
    Order,
    Search,
)
from voiceapp.crm.fields import Field, FieldType, phones, read_as
from voiceapp.crm.payload import at_path
from voiceapp.crm.phone import compact, spellings

TITLE = "Odoo"
CREATED = "create_date"
TOLD = ["string", "type", "selection", "searchable"]
"""What is asked about each field."""
_ANY_NUMBER = "phone_mobile_search"
"""A field that can only be searched: it is any number of a record, without blanks and signs."""
_COVERED = ("phone", "mobile")
"""The fields that it looks at; unlike themselves it has an index."""
_E164 = "phone_sanitized"
"""The first number of a record, read as one of its country; false if that fails."""
_PHONE = re.compile(r"(^|_)(phone|mobile|telephone|tel)\d*(_|$)")
_TYPES = {
    "char": FieldType.TEXT,
    "text": FieldType.TEXT,
    "html": FieldType.TEXT,
    "integer": FieldType.NUMBER,
    "float": FieldType.NUMBER,
    "monetary": FieldType.NUMBER,
    "date": FieldType.DATE,
    "datetime": FieldType.MOMENT,
    "boolean": FieldType.YES_NO,
    "selection": FieldType.CHOICE,
    "many2one": FieldType.LINK,
    "many2many": FieldType.CHOICES,
    "one2many": FieldType.CHOICES,
}
_MOST_DIGITS = 18  # of a number that PostgreSQL can compare a column with


def field_of(called: str, told: Mapping[str, FieldValue]) -> Field | None:
    """Return a field as `fields_get` tells of it; None for one that holds no value for rules."""
    type_ = _TYPES.get(text(told.get("type")))
    if called == _ANY_NUMBER:
        type_ = FieldType.OTHER
    elif type_ is FieldType.TEXT and _PHONE.search(called) and told.get("searchable") is not False:
        type_ = FieldType.PHONE
    if type_ is None:
        return None
    listed = told.get("selection")
    choices = tuple(
        (text(one[0]), text(one[1]))
        for one in (listed if isinstance(listed, list) else ())
        if isinstance(one, list) and len(one) == 2
    )
    return Field(called, text(told.get("string")) or called, type_, choices)


def numbers_of(known: Mapping[str, Field]) -> tuple[str, ...]:
    """Return the fields for numbers; in Odoo they are known by their names."""
    return phones(tuple(known.values()), ("phone",))


def domain(search: Search, known: Mapping[str, Field], country: str) -> list[Any] | None:
    """Return the domain of the records that may be the caller's; None if none can be."""
    match search.who:
        case Caller(number):
            tried = spellings(number, country)
            numbers = numbers_of(known)
            conditions: list[Any] = []
            if _ANY_NUMBER in known:
                # Odoo finds 00 in the place of a plus sign by itself
                bare = dict.fromkeys(compact(one) for one in tried if not one.startswith("00"))
                conditions = [[_ANY_NUMBER, "=", one] for one in bare]
                numbers = tuple(one for one in numbers if one not in _COVERED)
            conditions += [
                [one, "=", number] if one == _E164 else [one, "in", list(tried)] for one in numbers
            ]
            if not conditions:
                raise without_phones(TITLE, search.module, known)
            return ["|"] * (len(conditions) - 1) + conditions
        case KeyedDigits(digits, field):
            literal = _literal(known.get(field), digits)
            return None if literal is None else [[field, "=", literal]]


def _literal(field: Field | None, digits: str) -> str | int | None:
    """Return digits as a field is compared with them; None for what it can't hold."""
    type_ = field.type if field else FieldType.TEXT
    if field and type_ is FieldType.CHOICE:
        return next((key for key, label in field.choices if label == digits), None)
    if type_ is FieldType.NUMBER:
        is_number = digits.isascii() and digits.isdecimal() and len(digits) <= _MOST_DIGITS
        return int(digits) if is_number else None
    return None if type_ is FieldType.YES_NO else digits  # any text is “yes” to Odoo


def specification(paths: Iterable[str]) -> Mapping[str, Any]:
    """
    Return what to read for fields at dotted paths, with the names of the records in between.

    >>> specification(["phone"])
    {'phone': {'fields': {'display_name': {}}}}
    """
    wanted: dict[str, Any] = {}
    for path in paths:
        fields = wanted
        for step in name(TITLE, path).split("."):
            fields = fields.setdefault(step, {"fields": {"display_name": {}}})["fields"]
    return wanted


def ordered(order: Order | None) -> str:
    """Return by what records are sorted: the newest first, if nothing else is wanted."""
    if order is None or not order.field:
        return "id desc"  # they are counted up
    return f"{name(TITLE, order.field)} {'desc' if order.is_highest else 'asc'}, id desc"


def refuse_what_leads_on(paths: Iterable[str], known: Mapping[str, Field]) -> None:
    """Raise `CrmMisconfigured` for fields that need more than the record itself is read for."""
    for path in paths:
        if "." in name(TITLE, path) or (known and path not in known):
            raise unknown(TITLE, path)


def value(known: Mapping[str, Field], path: str, row: Mapping[str, FieldValue]) -> FieldValue:
    """Return a value of a record: of those it leads to their names, None for nothing."""
    field = known.get(path)
    sent = _at(row, path.split("."))
    if isinstance(sent, list) and field is not None and field.type is FieldType.LINK:
        sent = sent[1] if len(sent) == 2 else None  # id and name, as older ones send it
    shown = _shown(sent)
    if shown is False and (field is None or field.type is not FieldType.YES_NO):
        return None
    if isinstance(shown, str) and field is not None and field.type is FieldType.MOMENT:
        return shown.replace(" ", "T") + "Z"  # it is UTC, and does not say so
    return read_as(field, shown)


def _at(sent: FieldValue, steps: Sequence[str]) -> FieldValue:
    if not steps:
        return sent
    if isinstance(sent, list):
        return [_at(one, steps) for one in sent]
    return _at(sent.get(steps[0]), steps[1:]) if isinstance(sent, Mapping) else None


def _shown(sent: FieldValue) -> FieldValue:
    if isinstance(sent, list):
        return [_shown(one) for one in sent]
    return sent.get("display_name") if isinstance(sent, Mapping) else sent


def models_in(payload: FieldValue) -> list[str]:
    """Return the models that people work with, of a list of all."""
    names = {text(row.get("model")) for row in rows(TITLE, payload)} - {""}
    return sorted(one for one in names if not one.startswith("ir."))


_FAULTS: Mapping[str, Callable[[str], CrmError]] = {
    "builtins.AttributeError": unknown,
    "builtins.KeyError": unknown,
    "builtins.TypeError": unknown,
    "builtins.ValueError": unknown,
    "odoo.exceptions.UserError": unknown,
    "odoo.exceptions.ValidationError": unknown,
    "psycopg2.errors.InvalidTextRepresentation": unknown,
    "psycopg2.errors.UndefinedFunction": unknown,
    "werkzeug.exceptions.NotFound": unknown,
    "odoo.exceptions.AccessError": not_permitted,
    "odoo.exceptions.AccessDenied": refused,
    "odoo.http.SessionExpiredException": refused,
    "werkzeug.exceptions.Unauthorized": refused,
}


def fault_of(error: FieldValue) -> CrmError | None:
    """Return what an exception of Odoo's means, which it names, whatever the status is."""
    make = _FAULTS.get(text(at_path(error, "name")))
    return make(TITLE) if make else None


def no_database() -> CrmRefused:
    """Return the error for a database that there is not."""
    return CrmRefused(f"{TITLE} has no such database, or is of another version than was chosen.")
