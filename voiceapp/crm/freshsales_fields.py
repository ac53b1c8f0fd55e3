"""What Freshsales says about the fields of a module, and the values in its answers read by it.

Sources: developers.freshworks.com/crm/api (Fields, Selectors); open-source clients in use.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal

from voiceapp.crm.answers import rows, text
from voiceapp.crm.contract import FieldValue
from voiceapp.crm.fields import Field, FieldType, read_as
from voiceapp.crm.payload import at_path

TITLE = "Freshsales"
CUSTOM = ("cf_", "custom_field.")
"""How the names of fields begin that an account has added."""
_PHONES = {"mobile_number", "work_number", "phone"}
_TYPES = {
    "phone_number": FieldType.PHONE,
    "number": FieldType.NUMBER,
    "decimal": FieldType.NUMBER,
    "formula": FieldType.NUMBER,
    "date": FieldType.DATE,
    "date_time": FieldType.MOMENT,
    "checkbox": FieldType.YES_NO,
    "dropdown": FieldType.CHOICE,
    "radio": FieldType.CHOICE,
    "multi_select_dropdown": FieldType.CHOICES,
    "auto_complete": FieldType.LINK,
    "group_field": FieldType.OTHER,  # a list of telephone numbers, of accounts
}
_SELECTORS = {
    "contact_status_id": "contact_statuses",
    "lifecycle_stage_id": "lifecycle_stages",
    "lead_source_id": "lead_sources",
    "owner_id": "owners",
    "territory_id": "territories",
    "industry_type_id": "industry_types",
    "deal_stage_id": "deal_stages",
    "deal_pipeline_id": "deal_pipelines",
}
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?", re.ASCII)
_CALLED = ("value", "name", "display_name", "id")


def described(row: Mapping[str, FieldValue], select: Callable[[str], FieldValue]) -> Field:
    """Return a field as Freshsales describes it; `select` gets a list that is kept apart."""
    named = text(row.get("name"))
    listed = rows(TITLE, row, "choices")
    if not listed and named in _SELECTORS:
        listed = _selectable(select(_SELECTORS[named]))
    # of its own fields a record holds the number of a choice, of custom ones the words
    kept = "id" if named.endswith("_id") and not named.startswith(CUSTOM) else "value"
    choices = tuple((stored, _called(one)) for one in listed if (stored := text(one.get(kept))))
    type_ = _TYPES.get(text(row.get("type")), FieldType.TEXT)
    if named in _PHONES:
        type_ = FieldType.PHONE
    elif choices and type_ is not FieldType.CHOICES:
        type_ = FieldType.CHOICE
    return Field(named, text(row.get("label")) or named, type_, choices)


def _selectable(payload: FieldValue) -> list[Mapping[str, FieldValue]]:
    """Return the rows of a selector, whose list has another name than it at times."""
    listed = payload.values() if isinstance(payload, Mapping) else ()
    return next((rows(TITLE, {"": one}, "") for one in listed if isinstance(one, list)), [])


def _called(one: Mapping[str, FieldValue]) -> str:
    return next((text(one.get(key)) for key in _CALLED if text(one.get(key))), "")


def has_field(record: Mapping[str, FieldValue], name: str) -> bool:
    """Say whether a record has a field at all, filled or not."""
    first = name.partition(".")[0]
    return first in record or first in _custom(record)


def value_of(record: Mapping[str, FieldValue], field: Field | None, name: str) -> FieldValue:
    """Return what a record has in a field, as rules want it.

    >>> ada = {"custom_field": {"cf_tier": "Gold"}, "emails": [{"value": "a@b.test"}]}
    >>> value_of(ada, None, "cf_tier"), value_of(ada, None, "emails")
    ('Gold', ['a@b.test'])
    """
    own = at_path(record, name)
    return _read(field, _plain(at_path(_custom(record), name) if own is None else own))


def _custom(record: Mapping[str, FieldValue]) -> Mapping[str, FieldValue]:
    custom = record.get("custom_field")
    return custom if isinstance(custom, Mapping) else {}


def _plain(sent: FieldValue) -> FieldValue:
    """Return what people call a record that is linked to; a list of them one by one."""
    if isinstance(sent, list):
        return [_plain(one) for one in sent]
    if isinstance(sent, Mapping):
        return _called(sent) or sent
    return sent


def _read(field: Field | None, sent: FieldValue) -> FieldValue:
    """
    Return a value as rules want it: a day without its time, numbers and lists out of texts.

    >>> _read(Field("cf_day", "", FieldType.DATE), "2026-11-22T00:00:00-08:00")
    '2026-11-22'
    >>> _read(Field("cf_sum", "", FieldType.NUMBER), "12.50")
    Decimal('12.50')
    >>> _read(Field("cf_tags", "", FieldType.CHOICES), "New;VIP")
    ['New', 'VIP']
    """
    if field is None or not isinstance(sent, str):
        return read_as(field, sent)
    match field.type:
        case FieldType.DATE:
            return sent[:10]  # a midnight of the account's own zone
        case FieldType.NUMBER if _NUMBER.fullmatch(sent):
            return Decimal(sent)
        case FieldType.CHOICES if sent:
            return read_as(field, [one.strip() for one in sent.split(";")])
    return read_as(field, sent)
