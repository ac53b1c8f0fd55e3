"""What Pipedrive says about its fields, and the values of records read by it."""

import re
from collections.abc import Iterator, Mapping, Sequence

from voiceapp.crm.answers import rows, text
from voiceapp.crm.contract import FieldValue
from voiceapp.crm.fields import Field, FieldType, read_as
from voiceapp.crm.payload import at_path

TITLE = "Pipedrive"
_HASH = re.compile(r"[0-9a-f]{40}", re.ASCII)
ALIASES = {"phone": "phones", "email": "emails"}
"""What fields are called where they are listed or searched, and in records of version 2."""
_TYPES = {
    "phone": FieldType.PHONE,
    "int": FieldType.NUMBER,
    "double": FieldType.NUMBER,
    "monetary": FieldType.NUMBER,
    "date": FieldType.DATE,
    "daterange": FieldType.DATE,
    "boolean": FieldType.YES_NO,
    "enum": FieldType.CHOICE,
    "set": FieldType.CHOICES,
    "user": FieldType.LINK,
    "org": FieldType.LINK,
    "people": FieldType.LINK,
    "deal": FieldType.LINK,
    "lead": FieldType.LINK,
    "activity": FieldType.LINK,
    "project": FieldType.LINK,
    "stage": FieldType.LINK,
    "json": FieldType.OTHER,
    "picture": FieldType.OTHER,
}
LEAD_FIELDS = (
    Field("title", "Title"),
    Field("value", "Value", FieldType.NUMBER),
    Field("value.currency", "Currency of the value"),
    Field("label_ids", "Labels", FieldType.CHOICES),
    Field("owner_id", "Owner", FieldType.LINK),
    Field("source_name", "Source"),
    Field("origin", "Source origin"),
    Field("was_seen", "Seen", FieldType.YES_NO),
    Field("expected_close_date", "Expected close date", FieldType.DATE),
    Field("person_id", "Contact person", FieldType.LINK),
    Field("organization_id", "Organization", FieldType.LINK),
    Field("add_time", "Lead created", FieldType.MOMENT),
    Field("update_time", "Last updated", FieldType.MOMENT),
)
"""What a lead has of its own; the fields a company adds are those of its deals."""


def is_custom(name: str) -> bool:
    """Say whether a field is one that the company added: it has a hash for a name."""
    return _HASH.fullmatch(name) is not None


def head_of(name: str) -> str:
    """
    Return the field that a name is a part of.

    >>> head_of("address.locality"), head_of("name")
    ('address', 'name')
    """
    return name.partition(".")[0]


def read_fields(listed: Sequence[Mapping[str, FieldValue]]) -> tuple[Field, ...]:
    """Return the fields that Pipedrive lists, each followed by its parts (`….currency`)."""
    return tuple(field for row in listed for field in _fields(row))


def _fields(row: Mapping[str, FieldValue]) -> Iterator[Field]:
    name, kind = text(row.get("field_code")), text(row.get("field_type"))
    if not name:
        return
    choices = tuple(
        (text(option.get("id")), text(option.get("label")))
        for option in rows(TITLE, row, "options")
        if text(option.get("label"))
    )
    yield Field(name, text(row.get("field_name")) or name, _type(name, kind, choices), choices)
    if is_custom(name) or kind == "address":
        for part in rows(TITLE, row, "subfields"):
            code = text(part.get("field_code"))
            if code and code != "value":  # that one is read by the field's own name
                label = text(part.get("field_name")) or code
                yield Field(f"{name}.{code}", label, _type(code, text(part.get("field_type"))))


def _type(name: str, kind: str, choices: Sequence[object] = ()) -> FieldType:
    if kind == "date" and name.endswith("_time"):
        return FieldType.MOMENT
    return _TYPES.get(kind, FieldType.CHOICE if choices else FieldType.TEXT)


def has_field(record: Mapping[str, FieldValue], head: str) -> bool:
    """Say whether a record has a field at all, filled or not."""
    return head in record or ALIASES.get(head) in record


def value(record: Mapping[str, FieldValue], name: str, field: Field | None = None) -> FieldValue:
    """Return a field of a record as rules want it.

    What has parts (an amount and its currency, an address) is read by its first one, and by the
    others where the name has them behind a dot; several telephone numbers become a list.
    """
    head, _, part = name.partition(".")
    held = _holder(record, head)
    sent = held.get(head, held.get(ALIASES.get(head, "")))
    if part and isinstance(sent, Mapping):
        sent = at_path(sent, part)
    elif part:
        sent = record.get(f"{head}_{part}")  # as version 1 writes the parts of a lead's fields
    elif isinstance(sent, Mapping):
        sent = _first(sent)
    elif isinstance(sent, list):
        sent = [_first(one) if isinstance(one, Mapping) else one for one in sent]
    if field is not None and field.type is FieldType.CHOICES and isinstance(sent, str):
        sent = sent.split(",")  # version 1 again
    return read_as(field, sent)


def _holder(record: Mapping[str, FieldValue], head: str) -> Mapping[str, FieldValue]:
    """Return where a field stands: those added by the company by themselves, save for leads."""
    apart = record.get("custom_fields") if is_custom(head) else None
    return apart if isinstance(apart, Mapping) else record


def _first(parts: Mapping[str, FieldValue]) -> FieldValue:
    return parts.get("value", parts.get("amount"))
