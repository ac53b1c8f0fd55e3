"""Odoo's contacts: who of them is somebody, and whose the addresses are that stand among them.

Sources: “Contacts” at odoo.com/documentation, the code of the model res.partner, and a running
Odoo 19.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from voiceapp.crm.contract import FieldValue, KeyedDigits, Search
from voiceapp.crm.fields import Field
from voiceapp.crm.match import Candidate
from voiceapp.crm.odoo_model import CREATED, value

PEOPLE = "res.partner"
_TYPE, _PARENT = "type", "parent_id"
OWNED = (_TYPE, _PARENT)
"""The fields that tell whose address a contact is."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record that came near; `owner` is whose address it is, 0 for one that is nobody's."""

    id: int
    candidate: Candidate
    owner: int = 0


def record(
    search: Search,
    numbers: Sequence[str],
    known: Mapping[str, Field],
    row: Mapping[str, FieldValue],
) -> Record:
    """Return a record as it was read; `numbers` are its fields for telephone numbers."""
    candidate = Candidate(
        phones=[row.get(one) for one in numbers],
        fields={one: value(known, one, row) for one in search.needed()},
        created=value(known, CREATED, row),
    )
    return Record(_id(row.get("id")), candidate, _owner(row))


def as_found_by(address: Candidate, owner: Candidate, search: Search) -> Candidate:
    """Return somebody as found by an address of theirs, which has what was looked for."""
    fields = dict(owner.fields)
    if isinstance(search.who, KeyedDigits):
        fields[search.who.field] = address.fields.get(search.who.field)
    return replace(owner, phones=address.phones, fields=fields)


def _owner(row: Mapping[str, FieldValue]) -> int:
    """
    Return the id of the contact whose address for deliveries, invoices and the like this one is.

    >>> _owner({"type": "delivery", "parent_id": [7, "Initech"]})
    7
    >>> _owner({"type": "contact", "parent_id": [7, "Initech"]}), _owner({"type": "other"})
    (0, 0)
    """
    if row.get(_TYPE) in (None, False, "contact"):
        return 0
    parent = row.get(_PARENT)
    if isinstance(parent, Mapping):
        return _id(parent.get("id"))
    return _id(parent[0]) if isinstance(parent, list) and parent else 0


def _id(sent: FieldValue) -> int:
    return sent if isinstance(sent, int) else 0
