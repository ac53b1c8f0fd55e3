"""Salesforce: asked in SOQL over its REST API.

Sources: the REST API Developer Guide and the SOQL Reference, developer.salesforce.com/docs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
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
    CrmUnavailable,
    FieldValue,
    NotFound,
    Search,
)
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.door import HttpAnswer
from voiceapp.crm.fields import Field, FieldType, by_name, phones, read_as
from voiceapp.crm.kind import PASSWORD, TOKEN, URL, USERNAME, Ask, Connection, Kind, Surroundings
from voiceapp.crm.match import Candidate, settle
from voiceapp.crm.oauth import grant
from voiceapp.crm.payload import at_path
from voiceapp.crm.salesforce_soql import TITLE, query
from voiceapp.crm.tokens import Token

_DATA = "/services/data/v62.0"
_REFRESH = "refresh_token"
_OBJECTS = {"Contacts": "Contact", "Leads": "Lead", "Accounts": "Account"}
_USUAL_PHONES = {
    "Contact": ("Phone", "MobilePhone", "HomePhone", "OtherPhone"),
    "Lead": ("Phone", "MobilePhone"),
    "Account": ("Phone",),
}
_NOT_THEIRS = {"AssistantPhone", "Fax"}
"""Numbers that nobody calls from, or somebody else does: who has one is not the caller."""
_TYPES = {
    "phone": FieldType.PHONE,
    "int": FieldType.NUMBER,
    "long": FieldType.NUMBER,
    "double": FieldType.NUMBER,
    "currency": FieldType.NUMBER,
    "percent": FieldType.NUMBER,
    "date": FieldType.DATE,
    "datetime": FieldType.MOMENT,
    "boolean": FieldType.YES_NO,
    "picklist": FieldType.CHOICE,
    "multipicklist": FieldType.CHOICES,
    "reference": FieldType.LINK,
    "address": FieldType.OTHER,
    "location": FieldType.OTHER,
    "base64": FieldType.OTHER,
}


class SalesforceClient:
    """Asks one organisation of Salesforce."""

    def __init__(self, api: Api, book: Book, country: str) -> None:
        self._api = api
        self._book = book
        self._country = country

    def find(self, search: Search, call: CallFacts, deadline: Deadline) -> Answer:
        """Return the record that has the caller's number in one of its phone fields."""
        known = by_name(self._book.fields(search.module, self.fields, deadline))
        object_ = _object(search.module)
        told = tuple(field for field in known.values() if field.name not in _NOT_THEIRS)
        numbers = phones(told, _USUAL_PHONES.get(object_, ()))
        asked = query(search, object_, known, numbers, self._country)
        if asked is None:
            return NotFound()
        payload = self._api.get(f"{_DATA}/query", deadline, {"q": asked})
        candidates = [
            Candidate(
                phones=[row.get(one) for one in numbers],
                fields={one: _value(known.get(one), row, one) for one in search.needed()},
                created=row.get("CreatedDate"),
            )
            for row in rows(TITLE, payload, "records")
        ]
        return settle(search, candidates, self._country)

    def sign_in(self, deadline: Deadline) -> None:
        """See that a token is there, and stays for a while."""
        self._api.sign_in(deadline)

    def modules(self, deadline: Deadline) -> Sequence[str]:
        """Return the three usual ones and the organisation's own objects."""
        payload = self._api.describe(f"{_DATA}/sobjects", deadline)
        names = {
            text(row.get("name"))
            for row in rows(TITLE, payload, "sobjects")
            if row.get("queryable") is True
        }
        usual = [ours for ours, theirs in _OBJECTS.items() if theirs in names]
        return (*usual, *sorted(one for one in names if one.endswith("__c")))

    def fields(self, module: str, deadline: Deadline) -> Sequence[Field]:
        """Return the fields that these credentials may read."""
        path = f"{_DATA}/sobjects/{_object(module)}/describe"
        payload = self._api.describe(path, deadline)
        return tuple(_field(row) for row in rows(TITLE, payload, "fields") if text(row.get("name")))


def _object(module: str) -> str:
    return _OBJECTS.get(module) or name(TITLE, module)


def _field(row: Mapping[str, FieldValue]) -> Field:
    choices = tuple(
        (text(one.get("label")),) * 2  # as toLabel() sends them
        for one in rows(TITLE, row, "picklistValues")
        if one.get("active") is True
    )
    type_ = _TYPES.get(text(row.get("type")), FieldType.TEXT)
    if type_ is FieldType.PHONE and row.get("filterable") is False:
        type_ = FieldType.TEXT  # encrypted, say: one of them in a query, and all of it is refused
    return Field(text(row.get("name")), text(row.get("label")), type_, choices)


def _value(field: Field | None, row: Mapping[str, FieldValue], path: str) -> FieldValue:
    """Return a value as rules want it.

    Salesforce takes a name in any case and answers in its own: what then is not there under the
    name as typed would be empty in silence. Raises `CrmMisconfigured` for it.
    """
    link, _, last = path.rpartition(".")
    holder = at_path(row, link) if link else row
    if path.partition(".")[0] not in row or (isinstance(holder, Mapping) and last not in holder):
        raise unknown(TITLE, path)
    sent = at_path(row, path)
    if field is not None and field.type is FieldType.CHOICES and isinstance(sent, str):
        return sent.split(";")
    return read_as(field, sent)


_FAULTS: Mapping[str, Callable[[str], CrmError]] = {
    "INVALID_SESSION_ID": refused,
    "INVALID_FIELD": unknown,
    "INVALID_TYPE": unknown,
    "INVALID_QUERY_FILTER_OPERATOR": unknown,
    "MALFORMED_QUERY": unknown,
    "NOT_FOUND": unknown,
    "API_DISABLED_FOR_ORG": not_permitted,
    "INSUFFICIENT_ACCESS": not_permitted,
    **dict.fromkeys(
        ("QUERY_TIMEOUT", "OPERATION_TOO_LARGE", "QUERY_TOO_COMPLICATED"),  # with status 400
        lambda title: CrmUnavailable(f"{title} was too busy for this query."),
    ),
}


def _fault(answer: HttpAnswer, payload: FieldValue) -> CrmError | None:
    """Read the code of an error, which comes as a list of one."""
    first = payload[0] if isinstance(payload, list) and payload else None
    code = text(first.get("errorCode")) if isinstance(first, Mapping) else ""
    if code in ("REQUEST_LIMIT_EXCEEDED", "CONCURRENT_REQUESTS_LIMIT_EXCEEDED"):
        return throttled(TITLE, answer)  # with status 403
    make = _FAULTS.get(code)
    return make(TITLE) if make else None


def _token_fault(answer: HttpAnswer, payload: FieldValue) -> CrmError | None:
    is_hurried = text(at_path(payload, "error")) == "rate_limit_exceeded"
    return throttled(TITLE, answer) if is_hurried else None


def _build(connection: Connection, around: Surroundings) -> CrmClient:
    base = f"https://{urlsplit(connection.url).netloc.lower()}"  # of whatever page is pasted
    url = f"{base}/services/oauth2/token"
    app = {"client_id": connection.option(USERNAME), "client_secret": connection.secret(PASSWORD)}
    typed = connection.secret(TOKEN) if connection.has_secret(TOKEN) else ""

    def fetch(before: Token | None, deadline: Deadline) -> Token:
        if not typed:
            form = {**app, "grant_type": "client_credentials"}
            return grant(TITLE, around.door, url, form, deadline, fault=_token_fault)
        # an app may give a new one each time; whoever uses an older one again is locked out
        newest = before.extra.get(_REFRESH, typed) if before is not None else typed
        form = {**app, "grant_type": _REFRESH, _REFRESH: newest}
        token = grant(TITLE, around.door, url, form, deadline, keep=(_REFRESH,), fault=_token_fault)
        return replace(token, extra={_REFRESH: newest, **token.extra})

    tokens = around.tokens(replace(connection, url=base))
    sign_in = TokenSignIn(tokens.never_alone() if typed else tokens, fetch, _access)
    api = Api(TITLE, around.door, base, sign_in, _fault)
    return SalesforceClient(api, around.book(connection), connection.country)


def _access(token: Token) -> Access:
    return Access({"Authorization": f"Bearer {token.value}"})


KIND = Kind(
    title=TITLE,
    build=_build,
    check=only_at(
        ".my.salesforce.com",
        ".my.salesforce.mil",
        hint="as Setup › My Domain shows it; not the address with “lightning”",
    ),
    asks=(
        Ask(
            URL,
            "My Domain",
            "In Salesforce: Setup › My Domain, e.g. https://acme.my.salesforce.com. "
            "Not the address with “lightning” in it.",
        ),
        Ask(
            USERNAME,
            "Consumer Key",
            "Setup › External Client App Manager › your app › Settings › OAuth Settings. The app "
            "needs the scope “api” and the Client Credentials Flow with a run-as user, whose "
            "permissions are “API Enabled” and to read the objects and their fields.",
        ),
        Ask(PASSWORD, "Consumer Secret", "Beside the Consumer Key."),
        Ask(
            TOKEN,
            "Refresh token",
            "Only for an app with the Refresh Token Flow instead of Client Credentials. Where the "
            "app rotates them, voiceapp keeps the newest by itself; type a new one whenever you "
            "change something here.",
            is_required=False,
        ),
    ),
    modules={
        "Contacts": "Contact",
        "Leads": "Lead, unless converted",
        "Accounts": "Account, person accounts too",
    },
    signs_in="OAuth, client credentials or refresh token",
)
