"""Microsoft Dynamics 365: asked by OData over the Web API of its Dataverse.

Sources: “Use the Microsoft Dataverse Web API” with the pages on filters, order, joins and schema
definitions, and “OAuth 2.0 client credentials flow”, learn.microsoft.com.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from voiceapp.crm.address import only_at
from voiceapp.crm.answers import name, not_permitted, refused, rows, text, throttled, unknown
from voiceapp.crm.api import Access, Api, TokenSignIn
from voiceapp.crm.book import Book
from voiceapp.crm.contract import (
    Answer,
    CallFacts,
    CrmClient,
    CrmError,
    CrmRefused,
    FieldValue,
    NotFound,
    Search,
)
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.door import HttpAnswer
from voiceapp.crm.dynamics_query import SHOWN, query, quoted, value, where
from voiceapp.crm.dynamics_schema import TITLE, definition_of, field_of
from voiceapp.crm.fields import Field, FieldType, by_name
from voiceapp.crm.kind import (
    ACCOUNT,
    PASSWORD,
    URL,
    USERNAME,
    Ask,
    Connection,
    Kind,
    Surroundings,
    Told,
    Wrong,
)
from voiceapp.crm.match import Candidate, settle
from voiceapp.crm.oauth import grant
from voiceapp.crm.payload import at_path
from voiceapp.crm.tokens import Token

_DATA = "/api/data/v9.2"
_HEADERS = {
    "OData-Version": "4.0",
    "OData-MaxVersion": "4.0",
    "Prefer": f'odata.include-annotations="{SHOWN}"',
}
_SETS = {"Contacts": "contacts", "Leads": "leads", "Accounts": "accounts"}
_TABLES = {"contacts": "contact", "leads": "lead", "accounts": "account"}
_USUAL_PHONES = {
    "Contacts": ("telephone1", "mobilephone", "telephone2", "telephone3"),
    "Leads": ("telephone1", "mobilephone", "telephone2", "telephone3"),
    "Accounts": ("telephone1", "telephone2", "telephone3"),
}
_OF_OTHERS = {"managerphone", "assistantphone"}
"""Numbers in a contact that are somebody else's: to call from one is not to be the contact."""
_TENANT = re.compile(
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63}){1,9}",
    re.ASCII | re.IGNORECASE,
)
_AUTHORITIES = {
    ".dynamics.cn": "login.partner.microsoftonline.cn",
    ".microsoftdynamics.us": "login.microsoftonline.us",
    ".appsplatform.us": "login.microsoftonline.us",
}
"""Where an app signs in to one of the national clouds; the others share one address."""


class DynamicsClient:
    """Asks one environment of Dynamics 365."""

    def __init__(self, api: Api, book: Book, country: str) -> None:
        self._api = api
        self._book = book
        self._country = country

    def find(self, search: Search, call: CallFacts, deadline: Deadline) -> Answer:
        """Return the record that has the caller's number in one of its phone fields."""
        known = by_name(self._book.fields(search.module, self.fields, deadline))
        numbers = _numbers(search.module, known)
        is_theirs = where(search, known, numbers, self._country)
        if is_theirs is None:
            return NotFound()
        if search.module in _SETS:
            is_theirs = f"statecode eq 0 and ({is_theirs})"
        path = f"{_DATA}/{_set(search.module)}"
        payload = self._api.get(path, deadline, query(search, known, numbers, is_theirs))
        candidates = [
            Candidate(
                phones=[row.get(one) for one in numbers],
                fields={one: value(known, one, row) for one in search.needed()},
                created=row.get("createdon"),
            )
            for row in rows(TITLE, payload, "value")
        ]
        return settle(search, candidates, self._country)

    def sign_in(self, deadline: Deadline) -> None:
        """See that a token is there, and stays for a while."""
        self._api.sign_in(deadline)

    def modules(self, deadline: Deadline) -> Sequence[str]:
        """Return the three usual ones, and the entity sets of all tables that people search."""
        payload = self._tables(
            "IsValidForAdvancedFind eq true and IsIntersect eq false and IsPrivate eq false",
            deadline,
        )
        names = {text(row.get("EntitySetName")) for row in payload} - {""}
        usual = [ours for ours, theirs in _SETS.items() if theirs in names]
        return (*usual, *sorted(names - set(_SETS.values())))

    def fields(self, module: str, deadline: Deadline) -> Sequence[Field]:
        """Return the columns of a table, each with its choices."""
        asked = json.dumps(definition_of(self._table(_set(module), deadline)))
        path = f"{_DATA}/RetrieveMetadataChanges(Query=@p1)"
        payload = self._api.describe(path, deadline, {"@p1": asked})
        columns = [
            column
            for table in rows(TITLE, payload, "EntityMetadata")
            for column in rows(TITLE, table, "Attributes")
        ]
        if not columns:
            raise unknown(TITLE)
        return tuple(field for field in map(field_of, columns) if field is not None)

    def _table(self, entity_set: str, deadline: Deadline) -> str:
        """Return the name of the table behind an entity set, which no rule derives from it."""
        if entity_set in _TABLES:
            return _TABLES[entity_set]
        for row in self._tables(f"EntitySetName eq {quoted(entity_set)}", deadline):
            return text(row.get("LogicalName"))
        raise unknown(TITLE)

    def _tables(self, condition: str, deadline: Deadline) -> list[Mapping[str, FieldValue]]:
        params = {"$select": "LogicalName,EntitySetName", "$filter": condition}
        payload = self._api.describe(f"{_DATA}/EntityDefinitions", deadline, params)
        return rows(TITLE, payload, "value")


def _set(module: str) -> str:
    return _SETS.get(module) or name(TITLE, module)


def _numbers(module: str, known: Mapping[str, Field]) -> tuple[str, ...]:
    """Return the fields for numbers: the usual ones, and all that are told to be such."""
    usual = [one for one in _USUAL_PHONES.get(module, ()) if not known or one in known]
    told = [one for one, field in known.items() if field.type is FieldType.PHONE]
    return tuple(one for one in dict.fromkeys((*usual, *told)) if one not in _OF_OTHERS)


_FAULTS: Mapping[str, Callable[[str], CrmError]] = {
    "0x80040220": not_permitted,  # a privilege is missing
    "0x80048306": not_permitted,
    "0x80072560": not_permitted,  # no application user, with 401 or 403
    "0x80060888": unknown,
}


def _fault(answer: HttpAnswer, payload: FieldValue) -> CrmError | None:
    code = text(at_path(payload, "error.code"))
    if code in ("0x80072321", "0x80072322", "0x80072326"):
        return throttled(TITLE, answer)
    make = _FAULTS.get(code)
    return make(TITLE) if make else None


def _sign_in_fault(answer: HttpAnswer, payload: FieldValue) -> CrmError | None:
    match text(at_path(payload, "error")):
        case "invalid_request":  # so Microsoft calls a tenant that there is not
            return refused(TITLE)
        case "invalid_resource" | "invalid_scope":
            return CrmRefused(f"The tenant knows no {TITLE} at this environment's address.")
    return None


def _build(connection: Connection, around: Surroundings) -> CrmClient:
    tenant = connection.option(ACCOUNT).strip()
    parts = urlsplit(connection.url)
    base = f"https://{parts.netloc.lower()}"  # of whatever page of it the address is
    host = parts.hostname or ""
    authority = next(
        (one for ending, one in _AUTHORITIES.items() if host.endswith(ending)),
        "login.microsoftonline.com",
    )
    form = {
        "grant_type": "client_credentials",
        "client_id": connection.option(USERNAME),
        "client_secret": connection.secret(PASSWORD),
        "scope": f"{base}/.default",
    }

    def fetch(before: Token | None, deadline: Deadline) -> Token:
        url = f"https://{authority}/{tenant}/oauth2/v2.0/token"
        return grant(TITLE, around.door, url, form, deadline, fault=_sign_in_fault)

    sign_in = TokenSignIn(around.tokens(connection), fetch, _access)
    api = Api(TITLE, around.door, base, sign_in, _fault)
    return DynamicsClient(api, around.book(connection), connection.country)


def _access(token: Token) -> Access:
    return Access({"Authorization": f"Bearer {token.value}", **_HEADERS})


def _also(told: Told) -> Iterator[Wrong]:
    if not _TENANT.fullmatch(told.options.get(ACCOUNT, "").strip()):
        what = "The tenant must be an ID as Microsoft shows it, or a domain name."
        yield Wrong(ACCOUNT, what)


KIND = Kind(
    title=TITLE,
    build=_build,
    check=only_at(".dynamics.com", *_AUTHORITIES),
    also=_also,
    asks=(
        Ask(
            URL,
            "Environment URL",
            "What the address bar begins with when you work in Dynamics 365, e.g. "
            "https://acme.crm4.dynamics.com.",
        ),
        Ask(
            ACCOUNT,
            "Directory (tenant) ID",
            "In the Microsoft Entra admin center: App registrations › your app › Overview.",
        ),
        Ask(
            USERNAME,
            "Application (client) ID",
            "Beside it. The app has to be an application user as well, with a role that may read "
            "the modules: Power Platform admin center › your environment › Settings › "
            "Application users.",
        ),
        Ask(
            PASSWORD,
            "Client secret",
            "App registrations › your app › Certificates & secrets. Its Value, not its Secret ID; "
            "it has a day on which it expires.",
        ),
    ),
    modules={
        "Contacts": "contact, while active",
        "Leads": "lead, while open: neither qualified nor disqualified",
        "Accounts": "account, while active",
    },
    signs_in="OAuth, client credentials of an app in Microsoft Entra ID",
)
