"""Zendesk Support: asked in its search language over the Ticketing API.

End users have the telephone numbers; organizations and tickets are found through them, by a
second request. What is new takes some minutes until it is found.

Sources: the Ticketing API, developer.zendesk.com/api-reference/ticketing, and the Zendesk Support
search reference, support.zendesk.com/hc/en-us/articles/4408886879258.
"""

import base64
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from voiceapp.crm.address import only_at
from voiceapp.crm.answers import bad, by_status, not_permitted, refused, rows, text, unknown
from voiceapp.crm.api import Api, KeySignIn
from voiceapp.crm.book import Book
from voiceapp.crm.contract import (
    Answer,
    Caller,
    CallFacts,
    CrmClient,
    CrmError,
    CrmRefused,
    FieldValue,
    KeyedDigits,
    Search,
)
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.door import HttpAnswer
from voiceapp.crm.fields import Field, by_name
from voiceapp.crm.kind import PASSWORD, URL, USERNAME, Ask, Connection, Kind, Surroundings
from voiceapp.crm.match import Candidate, settle
from voiceapp.crm.payload import at_path
from voiceapp.crm.phone import is_same
from voiceapp.crm.zendesk_fields import PLACES, TITLE, place_of, read_fields
from voiceapp.crm.zendesk_query import Asked, by_number, of_people

_MOST_PAGES = 8


class ZendeskClient:
    """Asks one account of Zendesk Support."""

    def __init__(self, api: Api, book: Book, country: str) -> None:
        self._api = api
        self._book = book
        self._country = country

    def find(self, search: Search, call: CallFacts, deadline: Deadline) -> Answer:
        """Return the end user who has the caller's number, or what is theirs."""
        place = place_of(search.module)
        known = by_name(self._book.fields(search.module, self.fields, deadline))
        asked = Asked(search, place, known)
        match search.who:
            case KeyedDigits(digits, "id"):
                ids = [digits] if digits.isascii() and digits.isdecimal() else []
                found = [asked.candidate(row) for row in self._read(asked, ids, deadline)]
            case KeyedDigits(digits, field):
                query = asked.by_digits(digits, field)
                found = [asked.candidate(row) for row in self._search(asked, query, deadline)]
            case Caller(number):
                found = self._of_caller(asked, number, deadline)
        return settle(search, found, self._country)

    def sign_in(self, deadline: Deadline) -> None:
        """Need nothing: the token goes with every request."""
        self._api.sign_in(deadline)

    def modules(self, deadline: Deadline) -> Sequence[str]:
        """Return what end users lead to, once it is seen that an agent asks."""
        me = self._api.get("/api/v2/users/me.json", deadline)
        if not text(at_path(me, "user.id")):
            raise refused(TITLE)  # it answers strangers, too
        if at_path(me, "user.role") == "end-user":
            raise not_permitted(TITLE)
        return tuple(PLACES)

    def fields(self, module: str, deadline: Deadline) -> Sequence[Field]:
        """Return the fields of a module, with the account's own."""
        place = place_of(module)
        listed = read_fields(place, self._pages(place.listed, deadline))
        if all(one.name != "group_id" for one in listed):
            return listed
        groups = self._groups(deadline)
        return [replace(one, choices=groups) if one.name == "group_id" else one for one in listed]

    def _pages(self, name: str, deadline: Deadline) -> list[Mapping[str, FieldValue]]:
        listed: list[Mapping[str, FieldValue]] = []
        params = {"page[size]": "100"}
        for _ in range(_MOST_PAGES):
            payload = self._api.describe(f"/api/v2/{name}.json", deadline, params)
            listed += _listed(payload, name)
            if at_path(payload, "meta.has_more") is not True:
                break
            params["page[after]"] = text(at_path(payload, "meta.after_cursor"))
        return listed

    def _groups(self, deadline: Deadline) -> tuple[tuple[str, str], ...]:
        """Return the groups of agents; none if these credentials may not list them."""
        try:
            groups = _listed(self._api.describe("/api/v2/groups.json", deadline), "groups")
        except CrmRefused:
            return ()
        return tuple((text(row.get("id")), text(row.get("name"))) for row in groups)

    def _of_caller(self, asked: Asked, number: str, deadline: Deadline) -> list[Candidate]:
        """Find end users by their number, and what belongs to them."""
        users = self._search(asked, by_number(number, self._country), deadline)
        if asked.place.type == "user":
            return [asked.candidate(row, [row.get("phone")]) for row in users]
        is_ticket = asked.place.type == "ticket"
        numbers: dict[str, list[FieldValue]] = defaultdict(list)
        others = []
        for user in users:
            phone = user.get("phone")
            is_callers = isinstance(phone, str) and is_same(phone, number, self._country)
            id_ = text(user.get("id" if is_ticket else "organization_id"))
            if is_callers and id_.isdecimal():
                numbers[id_].append(phone)
            else:
                others.append(Candidate((), {}))  # fills the page, and is not the caller's
        if is_ticket:
            query = of_people(numbers) if numbers else ""
            read = self._search(asked, query, deadline)
        else:
            read = self._read(asked, list(numbers), deadline)
        back = "requester_id" if is_ticket else "id"
        return [*(asked.candidate(row, numbers[text(row.get(back))]) for row in read), *others]

    def _search(
        self, asked: Asked, query: str, deadline: Deadline
    ) -> list[Mapping[str, FieldValue]]:
        """Return what a query finds; nothing for a blank one, unasked."""
        if not query:
            return []
        payload = self._api.get("/api/v2/search.json", deadline, asked.params(query))
        return _listed(payload, "results")

    def _read(
        self, asked: Asked, ids: Sequence[str], deadline: Deadline
    ) -> list[Mapping[str, FieldValue]]:
        """Return the records that have these ids, by one request if there are any."""
        if not ids:
            return []
        path = f"/api/v2/{asked.place.plural}/show_many.json"
        return _listed(self._api.get(path, deadline, {"ids": ",".join(ids)}), asked.place.plural)


def _listed(payload: FieldValue, name: str) -> list[Mapping[str, FieldValue]]:
    """Return what an answer lists under a name, without what is no longer active, and agents.

    Raises `CrmBadAnswer` if it lists nothing of the kind.
    """
    if not isinstance(payload, Mapping) or name not in payload:
        raise bad(TITLE)
    return [
        row
        for row in rows(TITLE, payload, name)
        if row.get("active") is not False and row.get("role") in (None, "end-user")
    ]


def _fault(answer: HttpAnswer, payload: FieldValue) -> CrmError | None:
    """Read an error within an answer whose status is good."""
    if not 200 <= answer.status < 300 or not isinstance(payload, Mapping):
        return None
    code = payload.get("error")
    if code == "unavailable":
        return by_status(TITLE, replace(answer, status=503))
    return unknown(TITLE) if code else None


def _build(connection: Connection, around: Surroundings) -> CrmClient:
    email = connection.option(USERNAME).strip().removesuffix("/token")
    pair = f"{email}/token:{connection.secret(PASSWORD)}"
    sign_in = KeySignIn({"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"})
    site = f"https://{urlsplit(connection.url).netloc}"  # whatever page of it was pasted
    api = Api(TITLE, around.door, site, sign_in, _fault)
    return ZendeskClient(api, around.book(connection), connection.country)


KIND = Kind(
    title=TITLE,
    build=_build,
    check=only_at(".zendesk.com"),
    asks=(
        Ask(
            URL,
            "Zendesk address",
            "As in the address bar when you work in Zendesk, e.g. https://acme.zendesk.com.",
        ),
        Ask(
            USERNAME,
            "E-mail",
            "Of an agent or admin, as they sign in to Zendesk. What they may not see isn't found.",
        ),
        Ask(
            PASSWORD,
            "API token",
            "In Zendesk: Admin Center › Apps and integrations › APIs › API tokens › Add API "
            "token. It is shown once.",
        ),
    ),
    modules={
        "Contacts": "End user",
        "Accounts": "Organization of the end user who has the number",
        "Tickets": "Ticket of the end user who has the number, unless solved",
    },
    signs_in="API token",
    by_phones=False,
)
