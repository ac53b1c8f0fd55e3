"""Searches of Freshsales: what its modules are called, rules of a filter, and what they find.

Sources: developers.freshworks.com/crm/api (Search, Lookup).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from voiceapp.crm.answers import bad, name, rows, text, unknown, without_phones
from voiceapp.crm.contract import (
    Caller,
    CrmMisconfigured,
    FieldValue,
    KeyedDigits,
    Order,
    Search,
)
from voiceapp.crm.fields import Field, FieldType, phones
from voiceapp.crm.freshsales_fields import CUSTOM, TITLE, has_field
from voiceapp.crm.phone import spellings

Row: TypeAlias = Mapping[str, FieldValue]
Rule: TypeAlias = Mapping[str, str | Sequence[str]]
"""One condition of a filter; all of them have to hold."""

STAGE = "lifecycle_stage_id"
MOST_REQUESTS = 3


@dataclass(frozen=True, slots=True)
class Module:
    """How Freshsales calls one record of a module, and all of them.

    `are_leads` says that it is only those of them whose stage is called a lead.
    """

    one: str
    all: str
    phones: tuple[str, ...] = ()
    are_leads: bool = False


_CONTACT = Module("contact", "contacts", ("mobile_number", "work_number"))
MODULES = {
    "Contacts": _CONTACT,
    "Leads": replace(_CONTACT, are_leads=True),
    "Accounts": Module("sales_account", "sales_accounts", ("phone",)),
    "Deals": Module("deal", "deals"),
}
CLASSIC_MODULES = MODULES | {"Leads": Module("lead", "leads", _CONTACT.phones)}


def numbers_of(module: Module, known: Mapping[str, Field]) -> Sequence[str]:
    """Return the fields to look for a caller in, no more than requests may be sent."""
    told = phones(tuple(known.values()), module.phones)
    return sorted(told, key=lambda one: one not in module.phones)[:MOST_REQUESTS]


def filters(
    search: Search, module: Module, known: Mapping[str, Field], country: str
) -> list[list[Rule]]:
    """Return the filters that together find whoever is looked for, each to be sent alone."""
    match search.who:
        case Caller(number):
            tried = spellings(number, country)
            near = [_rule(one, tried) for one in numbers_of(module, known)]
        case KeyedDigits(digits, field):
            near = [_rule(name(TITLE, field), (digits,))]
    if not near:
        raise without_phones(TITLE, search.module, known)
    if not module.are_leads:
        return [[rule] for rule in near]
    return [[rule, _rule(STAGE, lead_stages(known))] for rule in near]


def _rule(attribute: str, values: Sequence[str]) -> Rule:
    return {"attribute": attribute, "operator": "is_in", "value": list(values)}


def lead_stages(known: Mapping[str, Field]) -> Sequence[str]:
    """Return the stages of contacts that are called some lead. Raises `CrmMisconfigured` for none.

    >>> choices = (("1", "Lead"), ("2", "Sales Qualified Lead"), ("3", "Customer"))
    >>> lead_stages({STAGE: Field(STAGE, "Stage", FieldType.CHOICE, choices)})
    ('1', '2')
    """
    choices = known[STAGE].choices if STAGE in known else ()
    stages = tuple(key for key, label in choices if "lead" in label.casefold())
    if not stages:
        raise CrmMisconfigured(
            f"{TITLE} has no lifecycle stage that is called a lead, so leads can't be told from "
            "other contacts. Choose another module."
        )
    return stages


def sort(order: Order | None) -> Mapping[str, str]:
    """Return how records are sorted: by a field of Freshsales' own, or the newest first."""
    if order is None or not order.field or order.field.startswith(CUSTOM):
        return {"sort": "created_at", "sort_type": "desc"}
    way = "desc" if order.is_highest else "asc"
    return {"sort": name(TITLE, order.field), "sort_type": way}


def looks_up_number(search: Search, known: Mapping[str, Field]) -> bool:
    """Say whether what was keyed in is looked for in a field that holds a number."""
    who = search.who
    return isinstance(who, KeyedDigits) and _type(known, who.field) is FieldType.NUMBER


def _type(known: Mapping[str, Field], name: str) -> FieldType | None:
    return known[name].type if name in known else None


def records(payload: FieldValue, *path: str) -> list[Row]:
    """Return the records of an answer that are not deleted. Raises `CrmBadAnswer`."""
    at: FieldValue = payload
    for step in path:
        if not isinstance(at, Mapping) or step not in at:
            raise bad(TITLE)
        at = at[step]
    return [row for row in rows(TITLE, payload, *path) if row.get("is_deleted") is not True]


def each_once(near: Iterable[Row]) -> list[Row]:
    """Return records without those that were found before."""
    return list({text(row.get("id")): row for row in near}.values())


def refuse_unknown(needed: Sequence[str], known: Mapping[str, Field], found: Sequence[Row]) -> None:
    """Raise `CrmMisconfigured` for a field that is nowhere: Freshsales says nothing of it."""
    for one in needed:
        if known and found and one not in known and not any(has_field(row, one) for row in found):
            raise unknown(TITLE, one)
