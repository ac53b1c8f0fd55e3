"""What a CRM says about the fields of a module, and values read by it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from voiceapp.crm.contract import FieldValue


class FieldType(StrEnum):
    """What a field holds, as far as rules care."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    MOMENT = "date and time"
    YES_NO = "yes/no"
    CHOICE = "pick list"
    CHOICES = "several of a list"
    PHONE = "phone"
    LINK = "link to a record"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Field:
    """A field: its name in the CRM's interface, what people call it, and what it holds.

    `choices` are the values of a pick list, as stored and as people read them.
    """

    name: str
    label: str
    type: FieldType = FieldType.TEXT
    choices: tuple[tuple[str, str], ...] = ()


_YES, _NO = {"true", "1", "yes", "on"}, {"false", "0", "no", "off"}


def read_as(field: Field | None, sent: "FieldValue") -> "FieldValue":
    """
    Return a value as rules want it: labels instead of keys, yes and no instead of their signs.

    >>> tier = Field("tier", "Tier", FieldType.CHOICE, (("1", "Gold"), ("2", "Silver")))
    >>> read_as(tier, 1), read_as(tier, "3"), read_as(tier, None)
    ('Gold', '3', None)
    >>> read_as(Field("vip", "VIP", FieldType.YES_NO), "0")
    False
    """
    if field is None or sent is None:
        return sent
    if field.type is FieldType.YES_NO:
        return _yes_no(sent)
    if not field.choices:
        return sent
    labels = dict(field.choices)
    if isinstance(sent, list | tuple):
        return [_label(labels, one) for one in sent]
    return _label(labels, sent)


def _yes_no(sent: "FieldValue") -> "FieldValue":
    text = str(sent).strip().lower() if isinstance(sent, str | int) else ""
    return True if text in _YES else False if text in _NO else sent


def _label(labels: Mapping[str, str], sent: "FieldValue") -> "FieldValue":
    if isinstance(sent, str | int) and not isinstance(sent, bool):
        return labels.get(str(sent), sent)
    return sent


def by_name(fields: Iterable[Field]) -> Mapping[str, Field]:
    """Return fields by their names."""
    return {field.name: field for field in fields}


_SOUNDS_LIKE_A_PHONE = re.compile("phone|mobile", re.IGNORECASE)


def may_hold_phones(fields: Iterable[Field]) -> bool:
    """
    Say whether one of a module's fields holds telephone numbers, or may by its name.

    >>> may_hold_phones([Field("Phone", "")]), may_hold_phones([Field("Subject", "")])
    (True, False)
    """
    return any(
        one.type is FieldType.PHONE or _SOUNDS_LIKE_A_PHONE.search(one.name) for one in fields
    )


def phones(fields: Sequence[Field], usual: Sequence[str]) -> tuple[str, ...]:
    """
    Return the fields that hold telephone numbers; the usual ones where the CRM did not say.

    >>> phones((), ("Phone",)), phones((Field("Mobile", "", FieldType.PHONE),), ("Phone",))
    (('Phone',), ('Mobile',))
    """
    told = tuple(field.name for field in fields if field.type is FieldType.PHONE)
    if told or not fields:
        return told or tuple(usual)
    names = {field.name for field in fields}
    return tuple(name for name in usual if name in names)
