"""Pipedrive: searched and read over its API v2; over v1 where v2 has nothing (leads, users).

Numbers are found by the search index, which knows those of people only: organizations, leads and
deals are found through the person. Two requests: one searches, one reads all that it came upon
(of leads that have digits in a field only a single one is read: there is no list of them).

Sources: the API reference, developers.pipedrive.com/docs/api/v1, and the pages on API v2 and rate
limiting, pipedrive.readme.io/docs.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from voiceapp.crm.address import only_at
from voiceapp.crm.answers import bad, by_status, not_permitted, rows, text, throttled
from voiceapp.crm.api import Api, KeySignIn
from voiceapp.crm.book import Book
from voiceapp.crm.contract import (
    Answer,
    Caller,
    CallFacts,
    CrmClient,
    CrmError,
    CrmMisconfigured,
    CrmRefused,
    FieldValue,
    Found,
    KeyedDigits,
    Search,
    Several,
)
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.door import HttpAnswer
from voiceapp.crm.fields import Field, by_name
from voiceapp.crm.kind import PASSWORD, URL, Ask, Connection, Kind, Surroundings
from voiceapp.crm.match import Candidate, settle
from voiceapp.crm.payload import at_path
from voiceapp.crm.phone import is_same, national
from voiceapp.crm.pipedrive_fields import (
    ALIASES,
    LEAD_FIELDS,
    TITLE,
    head_of,
    is_custom,
    read_fields,
)
from voiceapp.crm.pipedrive_query import PLACES, Asked, live, numbers_of, place_of

_MOST_PAGES = 8
_MOST_LEADS = 1
"""How many leads are read to see which of them count, as each takes a request of its own."""
_SEARCHED_AS = {sent: searched for searched, sent in ALIASES.items()}
_ID = re.compile(r"[0-9A-Za-z-]+", re.ASCII)


class PipedriveClient:
    """Asks one company's Pipedrive."""

    def __init__(self, api: Api, book: Book, country: str) -> None:
        self._api = api
        self._book = book
        self._country = country

    def find(self, search: Search, call: CallFacts, deadline: Deadline) -> Answer:
        """Return the record whose person has the caller's number, or that has the digits."""
        place = place_of(search.module)
        known = by_name(self._book.fields(search.module, self.fields, deadline))
        asked = Asked(search, place, known)
        asked.refuse_unknown()
        match search.who:
            case KeyedDigits(digits, field):
                return self._by_field(asked, digits, head_of(field), deadline)
            case Caller(number) if place.is_numbered:
                return self._by_number(asked, number, deadline)
            case Caller(number):
                return self._through_person(asked, number, deadline)

    def sign_in(self, deadline: Deadline) -> None:
        """Need nothing: the token goes with every request."""
        self._api.sign_in(deadline)

    def modules(self, deadline: Deadline) -> Sequence[str]:
        """Return the modules that a person leads to, once the token has been accepted."""
        self._api.get("/api/v1/users/me", deadline)
        return tuple(PLACES)

    def fields(self, module: str, deadline: Deadline) -> Sequence[Field]:
        """Return the fields of a module; those that the company added have a hash for a name."""
        place = place_of(module)
        listed = read_fields(self._pages(place.fields, deadline))
        if place.entity == "lead":
            listed = (*LEAD_FIELDS, *(one for one in listed if is_custom(head_of(one.name))))
        choices = {
            one.name: self._names(place.names[one.name], deadline)
            for one in listed
            if one.name in place.names
        }
        return [replace(one, choices=choices.get(one.name) or one.choices) for one in listed]

    def _pages(self, path: str, deadline: Deadline) -> list[Mapping[str, FieldValue]]:
        listed: list[Mapping[str, FieldValue]] = []
        params = {"limit": "500"}
        for _ in range(_MOST_PAGES):
            payload = self._api.describe(path, deadline, params)
            listed += rows(TITLE, payload, "data")
            params["cursor"] = text(at_path(payload, "additional_data.next_cursor"))
            if not params["cursor"]:
                break
        return listed

    def _names(self, path: str, deadline: Deadline) -> tuple[tuple[str, str], ...]:
        """Return ids and what they are called; none if these credentials may not list them."""
        try:
            listed = rows(TITLE, self._api.describe(path, deadline), "data")
        except CrmRefused:
            return ()
        return tuple((text(row.get("id")), text(row.get("name"))) for row in listed)

    def _by_field(self, asked: Asked, digits: str, field: str, deadline: Deadline) -> Answer:
        """Find the records that have exactly the digits in a field."""
        params = {
            "term": digits,
            "entity_type": asked.place.entity,
            "field": _SEARCHED_AS.get(field, field),
            "match": "exact",
            "limit": str(asked.search.limit),
        }
        payload = self._api.get("/api/v2/itemSearch/field", deadline, params)
        ids = dict.fromkeys(text(row.get("id")) for row in rows(TITLE, payload, "data"))
        if asked.place.entity == "lead" and len(ids) > _MOST_LEADS:
            return Several(len(ids))
        read = self._read(asked, list(ids), deadline)
        return settle(asked.search, [asked.candidate(row, ()) for row in read], self._country)

    def _by_number(self, asked: Asked, number: str, deadline: Deadline) -> Answer:
        """Find people by their numbers, or the organizations that these people are of.

        Telephone fields that the company added are searched as well.
        """
        is_account = asked.place.entity == "organization"
        types = "person,organization" if is_account and asked.phones() else "person"
        in_fields = "phone,custom_fields" if asked.phones() else "phone"
        numbers: dict[str, list[FieldValue]] = defaultdict(list)
        others = []
        for hit in self._search(asked.search, number, types, in_fields, deadline):
            if not is_account or hit.get("type") == "organization":
                numbers[text(hit.get("id"))] += []
            elif account := self._account_of(hit, number):
                numbers[account] += numbers_of(hit)
            else:
                others.append(Candidate((), {}))  # fills the page, and is not the caller's
        read = [
            asked.candidate(row, [*numbers[text(row.get("id"))], *numbers_of(row)])
            for row in self._read(asked, list(numbers), deadline)
        ]
        return settle(asked.search, [*read, *others], self._country)

    def _account_of(self, person: Mapping[str, FieldValue], number: str) -> str:
        """Return the organization of a person who was found; blank if the number is another."""
        numbers = filter(lambda one: isinstance(one, str), numbers_of(person))
        is_callers = any(is_same(str(one), number, self._country) for one in numbers)
        return text(at_path(person, "organization.id")) if is_callers else ""

    def _through_person(self, asked: Asked, number: str, deadline: Deadline) -> Answer:
        """Find the leads or deals of the one person who has the number."""
        hits = self._search(asked.search, number, "person", "phone", deadline)
        people = [Candidate(numbers_of(hit), {"id": text(hit.get("id"))}) for hit in hits]
        person = settle(replace(asked.search, fields=("id",)), people, self._country)
        if isinstance(person, Several):
            return Several(person.count)  # nobody can say whose lead is meant
        if not isinstance(person, Found):
            return person
        params = asked.of_person(text(person.values["id"]))
        read = live(self._api.get(asked.place.path, deadline, params))
        candidates = [asked.candidate(row, (person.stored,)) for row in read]
        return settle(asked.search, candidates, self._country)

    def _search(
        self, search: Search, number: str, types: str, in_fields: str, deadline: Deadline
    ) -> list[Mapping[str, FieldValue]]:
        params = {
            "term": national(number),  # the index looks within numbers, at their digits only
            "item_types": types,
            "fields": in_fields,
            "limit": str(search.limit),
        }
        payload = self._api.get("/api/v2/itemSearch", deadline, params)
        hits = rows(TITLE, payload, "data", "items")
        return rows(TITLE, {"items": [hit.get("item") for hit in hits]}, "items")

    def _read(
        self, asked: Asked, ids: Sequence[str], deadline: Deadline
    ) -> list[Mapping[str, FieldValue]]:
        """Return the records that have these ids, by one request, or by one for each lead."""
        if not ids:
            return []
        if not all(map(_ID.fullmatch, ids)):
            raise bad(TITLE)
        if asked.place.entity != "lead":
            params = asked.read() | {"ids": ",".join(ids)}
            return live(self._api.get(asked.place.path, deadline, params))
        return [row for id_ in ids for row in self._lead(f"{asked.place.path}/{id_}", deadline)]

    def _lead(self, path: str, deadline: Deadline) -> list[Mapping[str, FieldValue]]:
        try:
            lead = at_path(self._api.get(path, deadline), "data")
        except CrmMisconfigured:  # deleted, and the index has not heard of it yet
            return []
        return live({"data": [lead]})


def _with_pause(answer: HttpAnswer) -> HttpAnswer:
    """Return an answer that tells its pause in the usual header, if it does in Pipedrive's own.

    When it is the day's budget that is spent, that one would be too short by hours.
    """
    is_spent = answer.headers.get("x-daily-ratelimit-token-remaining") == "0"
    if is_spent or answer.headers.get("Retry-After"):
        return answer
    return replace(answer, headers={"Retry-After": answer.headers.get("x-ratelimit-reset", "")})


def _fault(answer: HttpAnswer, payload: FieldValue) -> CrmError | None:
    """Read what is wrong: a page instead of JSON, or a failure within a 200, among others."""
    if answer.status == 429:
        return throttled(TITLE, _with_pause(answer))
    if answer.status == 403 and payload is None:
        return throttled(TITLE, answer)  # the page for those who go on after many a 429
    if answer.status == 402:
        return not_permitted(TITLE)  # the company's account is not open
    if not 200 <= answer.status < 300:
        return None
    if isinstance(payload, Mapping) and payload.get("success") is True:
        return None
    code = text(payload.get("errorCode")) if isinstance(payload, Mapping) else ""
    if code.isascii() and code.isdigit() and 400 <= int(code) < 600:
        return by_status(TITLE, replace(answer, status=int(code)))
    return bad(TITLE)


def _build(connection: Connection, around: Surroundings) -> CrmClient:
    site = f"https://{urlsplit(connection.url).netloc}"  # whatever page of it was pasted
    sign_in = KeySignIn({"x-api-token": connection.secret(PASSWORD)})
    api = Api(TITLE, around.door, site, sign_in, _fault)
    return PipedriveClient(api, around.book(connection), connection.country)


KIND = Kind(
    title=TITLE,
    build=_build,
    check=only_at(".pipedrive.com"),
    asks=(
        Ask(
            URL,
            "Company address",
            "As in the address bar when you work in Pipedrive, e.g. https://acme.pipedrive.com.",
        ),
        Ask(
            PASSWORD,
            "API token",
            "In Pipedrive: your picture at the top right › Personal preferences › API. It reads "
            "what its user may see. Where there is no API tab, an admin has to allow it: Company "
            "settings › Manage users › Permission sets › Use API.",
        ),
    ),
    modules={
        "Contacts": "Person",
        "Leads": "Lead of the person who has the number, unless archived",
        "Accounts": "Organization of the person who has the number, or with a phone field itself",
        "Deals": "Deal of the person who has the number, unless archived",
    },
    signs_in="API token",
    by_phones=False,
)
