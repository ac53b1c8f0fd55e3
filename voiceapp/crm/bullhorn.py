"""Bullhorn: asked in Lucene's query language over its REST API.

Every module is searched in its index (`/search`), as candidates can be found in no other way. The
index has what was deleted, too, and finds a phrase within longer texts: both are sorted out.

Sources: the reference of the REST API, bullhorn.github.io/rest-api-docs; Bullhorn's own sdk-rest,
dataloader and novo-elements, github.com/bullhorn.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from voiceapp.crm.address import only_at
from voiceapp.crm.answers import (
    bad,
    by_status,
    name,
    not_permitted,
    refused,
    rows,
    text,
    unknown,
    without_phones,
)
from voiceapp.crm.api import Access, Api, TokenSignIn
from voiceapp.crm.book import Book
from voiceapp.crm.bullhorn_fields import (
    USUAL_PHONES,
    described,
    read_moment,
    read_value,
    value_at,
)
from voiceapp.crm.bullhorn_query import is_no_number, lucene, selected, sort
from voiceapp.crm.bullhorn_session import (
    OWN_HOST,
    REST_URL,
    SITE,
    TITLE,
    Credentials,
    new_session,
)
from voiceapp.crm.contract import (
    Answer,
    Caller,
    CallFacts,
    CrmClient,
    CrmError,
    FieldValue,
    NotFound,
    Search,
)
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.door import HttpAnswer
from voiceapp.crm.fields import Field, by_name, phones
from voiceapp.crm.kind import (
    ACCOUNT,
    PASSWORD,
    TOKEN,
    USERNAME,
    Ask,
    Connection,
    Kind,
    Surroundings,
)
from voiceapp.crm.match import Candidate, settle
from voiceapp.crm.tokens import Token

_ENTITIES = {
    "Contacts": "ClientContact",
    "Leads": "Lead",
    "Accounts": "ClientCorporation",
    "Candidates": "Candidate",
}
_FURTHER = ("JobOrder", "Opportunity", "Placement")  # no telephone, but a number to key in


class BullhornClient:
    """Asks one company's Bullhorn."""

    def __init__(self, api: Api, book: Book, country: str) -> None:
        self._api = api
        self._book = book
        self._country = country

    def find(self, search: Search, call: CallFacts, deadline: Deadline) -> Answer:
        """Return the record that has the caller's number in one of its phone fields."""
        entity = _entity(search.module)
        known = by_name(self._book.fields(search.module, self.fields, deadline))
        if is_no_number(search, known):
            return NotFound()
        numbers = _numbers(search, known)
        needed = [name(TITLE, one) for one in search.needed()]
        payload = self._api.send(
            "POST",
            f"/search/{entity}",
            deadline,
            params={
                "fields": selected(("id", "dateAdded", *numbers, *needed)),
                "count": str(search.limit),
                "sort": sort(search.order),
            },
            json={"query": lucene(entity, search, known, numbers, self._country)},
            repeatable=True,
        )
        candidates = [
            Candidate(
                phones=[row.get(one) for one in numbers],
                fields={one: read_value(known.get(one), value_at(row, one)) for one in needed},
                created=read_moment(row.get("dateAdded")),
            )
            for row in _records(payload)
        ]
        return settle(search, candidates, self._country)

    def sign_in(self, deadline: Deadline) -> None:
        """See that a session is there, and stays for a while."""
        self._api.sign_in(deadline)

    def modules(self, deadline: Deadline) -> Sequence[str]:
        """Return the modules with telephone numbers, and those whose numbers can be keyed in."""
        names = {text(row.get("entity")) for row in rows(TITLE, self._api.get("/meta", deadline))}
        usual = [ours for ours, theirs in _ENTITIES.items() if theirs in names]
        return (*usual, *(one for one in _FURTHER if one in names))

    def fields(self, module: str, deadline: Deadline) -> Sequence[Field]:
        """Return the fields of a module, and those of addresses and records it links to."""
        path = f"/meta/{_entity(module)}"
        payload = self._api.describe(path, deadline, {"fields": "*", "meta": "full"})
        return tuple(described(rows(TITLE, payload, "fields")))


def _entity(module: str) -> str:
    return _ENTITIES.get(module) or name(TITLE, module)


def _numbers(search: Search, known: Mapping[str, Field]) -> Sequence[str]:
    """Return the fields that a caller's number may stand in; none if other digits are sought."""
    if not isinstance(search.who, Caller):
        return ()
    usual = USUAL_PHONES.get(_entity(search.module), ())
    numbers = phones(tuple(known.values()), usual)
    if not numbers:
        raise without_phones(TITLE, search.module, known)
    return numbers


def _records(payload: FieldValue) -> Sequence[Mapping[str, FieldValue]]:
    """Return the records of an answer, without those that are in the index only."""
    if not isinstance(payload, Mapping) or payload.get("data") is None:
        raise bad(TITLE)
    return [row for row in rows(TITLE, payload, "data") if "_error" not in row]


_FAULTS = {
    "errors.authentication.invalidRestToken": refused,
    "errors.allFieldsNotAllowed": not_permitted,
    "errors.badSearchQuery": unknown,
}


def _fault(answer: HttpAnswer, payload: FieldValue) -> CrmError | None:
    """Read the key of an error, or its code where the status hides it."""
    if not isinstance(payload, Mapping):
        return None
    make = _FAULTS.get(text(payload.get("errorMessageKey")))
    if make:
        return make(TITLE)
    code = text(payload.get("errorCode"))
    if answer.status < 300 and code.isdecimal():
        return by_status(TITLE, replace(answer, status=int(code)))
    return None


def _build(connection: Connection, around: Surroundings) -> CrmClient:
    who = Credentials(
        username=connection.option(USERNAME),
        password=connection.secret(PASSWORD),
        client_id=connection.option(ACCOUNT),
        client_secret=connection.secret(TOKEN),
    )

    def fetch(before: Token | None, deadline: Deadline) -> Token:
        return new_session(around.door, connection.url, who, deadline)

    sign_in = TokenSignIn(around.tokens(connection), fetch, _access)
    api = Api(TITLE, around.door, "", sign_in, _fault)
    return BullhornClient(api, around.book(connection), connection.country)


def _access(token: Token) -> Access:
    return Access({"BhRestToken": token.value}, base=token.extra[REST_URL])


KIND = Kind(
    title=TITLE,
    build=_build,
    check=only_at(OWN_HOST),
    asks=(
        Ask(
            USERNAME,
            "API Username",
            "Of the API user that Bullhorn Support sets up when a ticket asks for access to the "
            "REST API. Sign in with it in a browser once, and agree to the terms.",
        ),
        Ask(PASSWORD, "API Password", "Of the same user; it came in the answer to the ticket."),
        Ask(ACCOUNT, "Client ID", "The OAuth key, in the answer to the same ticket."),
        Ask(TOKEN, "Client Secret", "Beside the Client ID."),
    ),
    modules={
        "Contacts": "ClientContact, unless archived",
        "Leads": "Lead, unless converted or archived",
        "Accounts": "ClientCorporation (company), unless archived",
        "Candidates": "Candidate, unless archived",
    },
    site=SITE,
    signs_in="OAuth by the API user's name and password, then a REST session",
)
