"""HubSpot: asked with a service key or a private app's token, through version 3 of its CRM API.

A search finds records by an index, some moments after they were changed. All of an account share
a few searches per second, so there is one for each lookup.

Sources: developers.hubspot.com/docs (CRM search, properties, schemas, errors, usage limits) and
the API descriptions that HubSpot publishes.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from voiceapp.crm.address import base_of
from voiceapp.crm.answers import bad, not_permitted, rows, text, throttled, unknown
from voiceapp.crm.api import Api, KeySignIn
from voiceapp.crm.book import Book
from voiceapp.crm.contract import (
    Answer,
    CallFacts,
    CrmClient,
    CrmError,
    CrmNotPermitted,
    CrmUnavailable,
    FieldValue,
    Search,
)
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.door import HttpAnswer
from voiceapp.crm.fields import Field, FieldType, by_name, phones, read_as
from voiceapp.crm.hubspot_search import TITLE, WORKED_OUT, bodies
from voiceapp.crm.kind import PASSWORD, Ask, Connection, Kind, Surroundings
from voiceapp.crm.match import Candidate, settle

_SITE = "https://api.hubapi.com"
_CRM = "/crm/v3"
_OBJECTS = {"Contacts": "contacts", "Leads": "contacts", "Accounts": "companies"}
_FURTHER = ("deals", "tickets")
_OBJECT = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_USUAL_PHONES = {
    "contacts": ("phone", "mobilephone"),
    "companies": ("phone",),
}
_TYPES = {
    "phone_number": FieldType.PHONE,
    "number": FieldType.NUMBER,
    "bool": FieldType.YES_NO,
    "date": FieldType.DATE,
    "datetime": FieldType.MOMENT,
    "json": FieldType.OTHER,
    "object_coordinates": FieldType.OTHER,
}
_NUMBER = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?", re.ASCII)
_MILLISECONDS = re.compile(r"-?[0-9]{9,13}", re.ASCII)


class HubSpotClient:
    """Asks one account of HubSpot."""

    def __init__(self, api: Api, book: Book, country: str) -> None:
        self._api = api
        self._book = book
        self._country = country

    def find(self, search: Search, call: CallFacts, deadline: Deadline) -> Answer:
        """Return the record that has the caller's number in one of its phone properties."""
        object_ = _object(search.module)
        known = by_name(self._book.fields(search.module, self.fields, deadline))
        numbers = phones(tuple(known.values()), _USUAL_PHONES.get(object_, ()))
        candidates = [
            _candidate(row, search, known, numbers)
            for body in bodies(search, known, numbers, self._country)
            for row in _found(self._api.search(f"{_CRM}/objects/{object_}/search", deadline, body))
        ]
        return settle(search, candidates, self._country)

    def sign_in(self, deadline: Deadline) -> None:
        """Need nothing: the key does not end."""
        self._api.sign_in(deadline)

    def modules(self, deadline: Deadline) -> Sequence[str]:
        """Return what every account has, and the account's own objects if it may have some."""
        try:
            payload = self._api.describe(f"{_CRM}/schemas", deadline)
        except CrmNotPermitted:  # without the scope for them, or the edition that has them
            payload = None
        own = (text(row.get("fullyQualifiedName")) for row in rows(TITLE, payload, "results"))
        return (*_OBJECTS, *_FURTHER, *sorted(filter(None, own)))

    def fields(self, module: str, deadline: Deadline) -> Sequence[Field]:
        """Return the properties that the token may read."""
        payload = self._api.describe(f"{_CRM}/properties/{_object(module)}", deadline)
        return tuple(
            _field(row)
            for row in rows(TITLE, payload, "results")
            if text(row.get("name"))
            and (row.get("hidden") is not True or row.get("name") in WORKED_OUT.values())
        )


def _object(module: str) -> str:
    if module not in _OBJECTS and not _OBJECT.fullmatch(module):
        raise unknown(TITLE, module)
    return _OBJECTS.get(module, module)


def _found(payload: FieldValue) -> Sequence[Mapping[str, FieldValue]]:
    if not isinstance(payload, Mapping) or "results" not in payload:
        raise bad(TITLE)
    return rows(TITLE, payload, "results")


def _candidate(
    row: Mapping[str, FieldValue],
    search: Search,
    known: Mapping[str, Field],
    numbers: Sequence[str],
) -> Candidate:
    sent = row.get("properties")
    if not isinstance(sent, Mapping):
        raise bad(TITLE)
    for one in search.needed() if known else ():
        if one not in known and one not in sent:
            raise unknown(TITLE, one)  # HubSpot leaves it out, and says nothing of it
    return Candidate(
        phones=[sent.get(one) for one in numbers],
        fields={one: _value(known.get(one), sent.get(one)) for one in search.needed()},
        created=row.get("createdAt"),
        key=text(row.get("id")),
    )


def _field(row: Mapping[str, FieldValue]) -> Field:
    name = text(row.get("name"))
    choices = tuple(
        (text(one.get("value")), text(one.get("label"))) for one in rows(TITLE, row, "options")
    )
    return Field(name, text(row.get("label")) or name, _type(row), choices)


def _type(row: Mapping[str, FieldValue]) -> FieldType:
    is_worked_out = text(row.get("name")).startswith(("hs_calculated_", "hs_searchable_"))
    match text(row.get("type")), text(row.get("fieldType")):
        case _, "booleancheckbox":
            return FieldType.YES_NO
        case "string", "phonenumber" if not is_worked_out:
            return FieldType.PHONE
        case "enumeration", _ if row.get("externalOptions") is True:
            return FieldType.LINK  # an owner, say: HubSpot sends the id
        case "enumeration", "checkbox":
            return FieldType.CHOICES
        case "enumeration", _:
            return FieldType.CHOICE
        case type_, _:
            return FieldType.TEXT if is_worked_out else _TYPES.get(type_, FieldType.TEXT)


def _value(field: Field | None, sent: FieldValue) -> FieldValue:
    """Return a value as rules want it; HubSpot sends every one as a text.

    >>> _value(Field("price", "Price", FieldType.NUMBER), "12.50")
    Decimal('12.50')
    >>> _value(Field("likes", "Likes", FieldType.CHOICES, (("a", "Tea"),)), ";a;b")
    ['Tea', 'b']
    >>> _value(Field("since", "Since", FieldType.DATE), "1572480000000")
    '2019-10-31'
    """
    if field is None or not isinstance(sent, str):
        return sent
    match field.type:
        case FieldType.NUMBER if _NUMBER.fullmatch(sent):
            return Decimal(sent)
        case FieldType.DATE if _MILLISECONDS.fullmatch(sent):
            return datetime.fromtimestamp(int(sent) / 1000, UTC).date().isoformat()
        case FieldType.CHOICES:
            return read_as(field, [one for one in sent.split(";") if one])
    return read_as(field, sent)


def _fault(answer: HttpAnswer, payload: FieldValue) -> CrmError | None:
    """Read the category of an error, where it has one."""
    category = text(payload.get("category")) if isinstance(payload, Mapping) else ""
    if category == "RATE_LIMITS":
        return throttled(TITLE, answer)  # with status 429, and 500 as well
    if category == "MISSING_SCOPES":
        return not_permitted(TITLE)
    if category in ("VALIDATION_ERROR", "OBJECT_NOT_FOUND"):
        return unknown(TITLE)
    if answer.status in (423, 477):  # locked; being moved to another data centre
        return CrmUnavailable(f"{TITLE} keeps this account closed for a while ({answer.status}).")
    return None


def _build(connection: Connection, around: Surroundings) -> CrmClient:
    key = KeySignIn({"Authorization": f"Bearer {connection.secret(PASSWORD)}"})
    api = Api(TITLE, around.door, _SITE, key, _fault)
    return HubSpotClient(api, around.book(connection), connection.country)


def _check(address: str) -> None:
    """Refuse what is not HubSpot's one host; it alone gets to see the token."""
    if base_of(address) != _SITE:
        raise ValueError(f"The address of HubSpot is {_SITE}.")


KIND = Kind(
    title=TITLE,
    build=_build,
    check=_check,
    asks=(
        Ask(
            PASSWORD,
            "Service key",
            "In HubSpot: Development › Keys › Service keys › Create service key. It needs the "
            "scopes crm.objects.contacts.read and crm.objects.companies.read, for objects of your "
            "own crm.schemas.custom.read and crm.objects.custom.read, too. The access token of a "
            "private app will do as well: Development › Legacy apps › your app › Auth.",
        ),
    ),
    modules={
        "Contacts": "Contact",
        "Leads": "Contact, too, and every one: a lead is a contact there, whatever its stage",
        "Accounts": "Company",
    },
    site=_SITE,
    signs_in="service key or a private app's token",
)
