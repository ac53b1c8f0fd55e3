"""Odoo: asked by JSON-2 from version 19 on, by JSON-RPC before.

Sources: “External JSON-2 API” at odoo.com/documentation, and a running Odoo 19.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import urlsplit

from voiceapp.crm.address import refuse_no_site
from voiceapp.crm.answers import bad, name, rows
from voiceapp.crm.api import LARGEST_DESCRIPTION, Api, KeySignIn
from voiceapp.crm.book import Book
from voiceapp.crm.contract import (
    Answer,
    CallFacts,
    CrmClient,
    CrmError,
    CrmMisconfigured,
    FieldValue,
    NotFound,
    Search,
)
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.door import HttpAnswer
from voiceapp.crm.fields import Field, FieldType, by_name
from voiceapp.crm.kind import (
    ACCOUNT,
    PASSWORD,
    URL,
    USERNAME,
    VERSION,
    Ask,
    Connection,
    Kind,
    Surroundings,
    Told,
    Wrong,
)
from voiceapp.crm.match import Candidate, is_callers, settle
from voiceapp.crm.odoo_model import (
    CREATED,
    TITLE,
    TOLD,
    domain,
    fault_of,
    field_of,
    models_in,
    no_database,
    numbers_of,
    ordered,
    refuse_what_leads_on,
    specification,
)
from voiceapp.crm.odoo_people import OWNED, PEOPLE, Record, as_found_by, record
from voiceapp.crm.odoo_rpc import JsonRpc

_JSON_2, _JSON_RPC = "19", "14"
_MODULES: Mapping[str, tuple[str, list[Any]]] = {
    "Contacts": (PEOPLE, [["is_company", "=", False]]),
    "Leads": ("crm.lead", []),
    "Accounts": (PEOPLE, [["is_company", "=", True]]),
    "Opportunities": ("crm.lead", [["type", "=", "opportunity"]]),
}
"""The model of each of our modules, and which of its records are in it."""
_DATABASE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*", re.ASCII)


class Interface(Protocol):
    """One of the ways to call methods of models."""

    def call(
        self, model: str, method: str, arguments: Mapping[str, Any], deadline: Deadline, **rest: Any
    ) -> FieldValue:
        """Return what a method returns for named arguments. Raises `CrmError`."""
        ...

    def reads_on(self, deadline: Deadline) -> bool:
        """Say whether fields of the records that a record leads to are read with it."""
        ...

    def sign_in(self, deadline: Deadline) -> None:
        """See that what it takes to call is there. Raises `CrmError`."""
        ...


class Json2:
    """Calls methods of models with a key in the header."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def call(
        self, model: str, method: str, arguments: Mapping[str, Any], deadline: Deadline, **rest: Any
    ) -> FieldValue:
        """Return what a method returns for named arguments. Raises `CrmError`."""
        path = f"/json/2/{model}/{method}"
        return self._api.send("POST", path, deadline, json=arguments, repeatable=True, **rest)

    def reads_on(self, deadline: Deadline) -> bool:
        """Say that fields of the records that a record leads to are read with it."""
        return True

    def sign_in(self, deadline: Deadline) -> None:
        """Need nothing."""


class OdooClient:
    """Asks one database of Odoo."""

    def __init__(self, interface: Interface, book: Book, country: str) -> None:
        self._interface = interface
        self._book = book
        self._country = country

    def find(self, search: Search, call: CallFacts, deadline: Deadline) -> Answer:
        """Return the record that has the caller's number."""
        known = by_name(self._book.fields(search.module, self.fields, deadline))
        where = domain(search, known, self._country)
        if where is None:
            return NotFound()
        _, always = _model(search.module)
        near = self._records(search, [*always, *where], known, deadline)
        theirs = [one for one in near if is_callers(search, one.candidate, self._country)]
        owners = {one.owner: one.candidate for one in reversed(theirs) if one.owner}
        people = [one.candidate for one in theirs if not one.owner]
        if owners and not people:
            people = self._owners(search, owners, known, deadline)
        return settle(search, people or [one.candidate for one in near], self._country)

    def sign_in(self, deadline: Deadline) -> None:
        """See that what it takes to ask is there."""
        self._interface.sign_in(deadline)

    def modules(self, deadline: Deadline) -> Sequence[str]:
        """Return the usual ones, and the models that this user may read."""
        try:
            payload = self._call("ir.model", "get_available_models", {}, deadline)
        except CrmMisconfigured:  # older ones can't tell
            return tuple(_MODULES)
        models = models_in(payload)
        usual = [ours for ours, (theirs, _) in _MODULES.items() if theirs in models]
        return (*usual, *models)

    def fields(self, module: str, deadline: Deadline) -> Sequence[Field]:
        """Return the fields that this user may read."""
        model, _ = _model(module)
        payload = self._call(model, "fields_get", {"attributes": TOLD}, deadline)
        if not isinstance(payload, Mapping):
            raise bad(TITLE)
        told = (
            field_of(called, about)
            for called, about in payload.items()
            if isinstance(about, Mapping)
        )
        reads_on = self._interface.reads_on(deadline)
        return tuple(
            field
            for field in told
            if field is not None and (reads_on or field.type is not FieldType.CHOICES)
        )

    def _call(
        self, model: str, method: str, arguments: Mapping[str, Any], deadline: Deadline
    ) -> FieldValue:
        return self._interface.call(
            model, method, arguments, deadline, max_body=LARGEST_DESCRIPTION
        )

    def _owners(
        self,
        search: Search,
        addresses: Mapping[int, Candidate],
        known: Mapping[str, Field],
        deadline: Deadline,
    ) -> list[Candidate]:
        """Return whose the addresses are; an address stays where its owner may not be read."""
        rest = dict(addresses)
        people = [
            as_found_by(rest.pop(one.id), one.candidate, search)
            for one in self._records(search, [["id", "in", [*addresses]]], known, deadline)
            if one.id in rest
        ]
        return [*people, *rest.values()]

    def _records(
        self, search: Search, where: list[Any], known: Mapping[str, Field], deadline: Deadline
    ) -> list[Record]:
        numbers = numbers_of(known)
        told = (CREATED, *(OWNED if _model(search.module)[0] == PEOPLE else ()))
        there = [one for one in told if not known or one in known]
        paths = dict.fromkeys((*numbers, *search.needed(), *there))
        return [
            record(search, numbers, known, row)
            for row in self._rows(search, where, paths, known, deadline)
        ]

    def _rows(
        self,
        search: Search,
        where: list[Any],
        paths: Iterable[str],
        known: Mapping[str, Field],
        deadline: Deadline,
    ) -> list[Mapping[str, FieldValue]]:
        model, _ = _model(search.module)
        asked = {"domain": where, "limit": search.limit, "order": ordered(search.order)}
        if self._interface.reads_on(deadline):
            asked["specification"] = specification(paths)
            payload = self._interface.call(model, "web_search_read", asked, deadline)
            return rows(TITLE, payload, "records")
        refuse_what_leads_on(paths, known)
        asked["fields"] = list(paths)
        return rows(TITLE, self._interface.call(model, "search_read", asked, deadline))


def _model(module: str) -> tuple[str, list[Any]]:
    return _MODULES.get(module) or (name(TITLE, module), [])


def _fault(answer: HttpAnswer, payload: FieldValue) -> CrmError | None:
    if 200 <= answer.status < 300:
        return None
    if answer.status == 404 and payload is None:  # a page for people
        return no_database()
    return fault_of(payload)


def _build(connection: Connection, around: Surroundings) -> CrmClient:
    base = f"https://{urlsplit(connection.url).netloc}"  # of whatever page of it the address is
    database, login = connection.option(ACCOUNT).strip(), connection.option(USERNAME)
    key = connection.secret(PASSWORD)
    interface: Interface
    if connection.option(VERSION) == _JSON_RPC:
        tokens = around.tokens(connection)
        interface = JsonRpc(around.door, base, database, login, key, tokens)
    else:
        headers = {"Authorization": f"bearer {key}"}
        named = {"X-Odoo-Database": database} if database else {}
        interface = Json2(Api(TITLE, around.door, base, KeySignIn(headers | named), _fault))
    return OdooClient(interface, around.book(connection), connection.country)


def _also(told: Told) -> Iterator[Wrong]:
    database = told.options.get(ACCOUNT, "").strip()
    if database and not _DATABASE.fullmatch(database):
        what = "The name of the database has letters, digits, dots, _ and - only."
        yield Wrong(ACCOUNT, what)


KIND = Kind(
    title=TITLE,
    build=_build,
    check=refuse_no_site,
    also=_also,
    asks=(
        Ask(
            VERSION,
            "Version",
            "In Odoo: Settings, at the end of the page.",
            choices=((_JSON_2, "19 or later"), (_JSON_RPC, "14 to 18")),
        ),
        Ask(URL, "Address", "What you type to open Odoo, e.g. https://acme.odoo.com."),
        Ask(
            ACCOUNT,
            "Database",
            "For 14 to 18, and for a server that has several. On Odoo Online usually what stands "
            "before .odoo.com; else the administrator of the server knows it.",
            is_required=False,
            needed_with=(VERSION, _JSON_RPC),
        ),
        Ask(
            USERNAME,
            "Login",
            "For 14 to 18 only: what the user whose key it is types to sign in, often an e-mail "
            "address.",
            is_required=False,
            needed_with=(VERSION, _JSON_RPC),
        ),
        Ask(
            PASSWORD,
            "API key",
            "Signed in as a user who may read contacts and leads: the picture at the top right › "
            "My Preferences › Security › Add API Key, and note the day on which it ends. On Odoo "
            "Online only in the Custom plan.",
        ),
    ),
    modules={
        "Contacts": "individuals of res.partner",
        "Leads": "all of crm.lead, unless lost or archived",
        "Accounts": "companies of res.partner",
        "Opportunities": "opportunities of crm.lead, unless lost or archived",
    },
    signs_in="API key",
    tried="Odoo 19.0 (both interfaces)",
)
