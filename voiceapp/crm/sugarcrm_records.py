"""Fields and records as SugarCRM has them, and SuiteCRM, which began as a copy of it."""

import re
from collections.abc import Iterable, Mapping, Sequence, Set
from decimal import Decimal

from voiceapp.crm.answers import name, text, unknown
from voiceapp.crm.contract import FieldValue, Search
from voiceapp.crm.fields import Field, FieldType, read_as
from voiceapp.crm.match import Candidate

CREATED, CONVERTED = "date_entered", "converted"
_OF_PEOPLE = ("phone_mobile", "phone_work", "phone_home", "phone_other", "assistant_phone")
USUAL_PHONES = {
    "Contacts": _OF_PEOPLE,
    "Leads": _OF_PEOPLE,
    "Prospects": _OF_PEOPLE,
    "Accounts": ("phone_office", "phone_alternate"),
}
MODULES = {"Contacts": "Contacts", "Leads": "Leads, unless converted", "Accounts": "Accounts"}
_TYPES = {
    "phone": FieldType.PHONE,
    "int": FieldType.NUMBER,
    "uint": FieldType.NUMBER,
    "long": FieldType.NUMBER,
    "tinyint": FieldType.NUMBER,
    "bigint": FieldType.NUMBER,
    "decimal": FieldType.NUMBER,
    "float": FieldType.NUMBER,
    "double": FieldType.NUMBER,
    "currency": FieldType.NUMBER,
    "date": FieldType.DATE,
    "datetime": FieldType.MOMENT,
    "datetimecombo": FieldType.MOMENT,
    "bool": FieldType.YES_NO,
    "enum": FieldType.CHOICE,
    "radioenum": FieldType.CHOICE,
    "dynamicenum": FieldType.CHOICE,
    "parent_type": FieldType.CHOICE,
    "multienum": FieldType.CHOICES,
    "tag": FieldType.CHOICES,
    "relate": FieldType.LINK,
    "parent": FieldType.LINK,
    "id": FieldType.LINK,
    "collection": FieldType.OTHER,
    "team_list": FieldType.OTHER,
    "json": FieldType.OTHER,
    "image": FieldType.OTHER,
    "file": FieldType.OTHER,
}
_LISTS = (FieldType.CHOICE, FieldType.CHOICES)
_NUMBER = re.compile(r"-?\d{1,60}(\.\d{1,60})?", re.ASCII)


def plain_name(title: str, typed: str) -> str:
    """Return the name of a module or field as it is; none of them has steps.

    Raises `CrmMisconfigured` for anything else than letters, digits and underscores.
    """
    if "." in typed:
        raise unknown(title, typed)
    return name(title, typed)


def usual_first(names: Set[str]) -> Sequence[str]:
    """Return the names of modules, the three usual ones first.

    >>> usual_first({"Bugs", "Accounts", "Contacts"})
    ('Contacts', 'Accounts', 'Bugs')
    """
    usual = [one for one in MODULES if one in names]
    return (*usual, *sorted(names - set(usual)))


def field_of(field: str, about: Mapping[str, FieldValue], label: str, choices: FieldValue) -> Field:
    """Return a field as its definition tells it; without a label, its name has to do."""
    type_ = _TYPES.get(text(about.get("type")), FieldType.TEXT)
    if type_ is FieldType.PHONE and about.get("source") == "non-db":
        type_ = FieldType.TEXT  # nothing that a search could look at
    spelled = field.removesuffix("_c").replace("_", " ").strip().capitalize()
    listed = _choices(choices) if type_ in _LISTS else ()
    return Field(field, label or spelled or field, type_, listed)


def _choices(told: FieldValue) -> tuple[tuple[str, str], ...]:
    """Return the keys of a list with their labels; PHP writes keys from 0 on as a JSON list."""
    if isinstance(told, list):
        told = {str(key): label for key, label in enumerate(told)}
    if not isinstance(told, Mapping):
        return ()
    return tuple((key, text(label)) for key, label in told.items() if key and text(label))


def wanted_of(search: Search, known: Mapping[str, Field], numbers: Iterable[str]) -> Sequence[str]:
    """Return the names of all fields to be read, those for our own use first."""
    own = (CREATED, CONVERTED) if search.module == "Leads" else (CREATED,)
    there = [one for one in own if not known or one in known]
    return tuple(dict.fromkeys((*there, *numbers, *search.needed())))


def candidate(
    search: Search,
    known: Mapping[str, Field],
    numbers: Iterable[str],
    row: Mapping[str, FieldValue],
) -> Candidate:
    """Return what a record may be to the caller; a lead that was converted is nobody's."""
    if search.module == "Leads" and row.get(CONVERTED) in (True, 1, "1"):
        return Candidate(phones=(), fields={})  # but it counts for a full page
    return Candidate(
        phones=[row.get(one) for one in numbers],
        fields={one: value_of(known.get(one), row.get(one)) for one in search.needed()},
        created=row.get(CREATED),
    )


def value_of(field: Field | None, sent: FieldValue) -> FieldValue:
    """
    Return a value as rules want it, from whatever either CRM sends.

    >>> tags = Field("tags_c", "Tags", FieldType.CHOICES, (("a", "Alpha"), ("b", "Beta")))
    >>> value_of(tags, "^a^,^b^"), value_of(tags, ["a"]), value_of(tags, "")
    (['Alpha', 'Beta'], ['Alpha'], [])
    >>> value_of(Field("balance_c", "", FieldType.NUMBER), "12.500000")
    Decimal('12.500000')
    """
    if isinstance(sent, list):
        return read_as(field, [_named(one) for one in sent])
    if field is None or not isinstance(sent, str):
        return read_as(field, sent)
    if field.type is FieldType.CHOICES:
        return read_as(field, [key for key in sent.strip("^").split("^,^") if key])
    if field.type is FieldType.NUMBER and _NUMBER.fullmatch(sent):
        return Decimal(sent)
    return read_as(field, sent)


def _named(one: FieldValue) -> FieldValue:
    """Return the name of a tag or team, the text of an e-mail address, anything else as it is."""
    if not isinstance(one, Mapping):
        return one
    return one.get("name") or one.get("email_address") or one
