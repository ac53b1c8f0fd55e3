"""Salesforce: asked in SOQL over its REST API.

Sources: the REST API Developer Guide and the SOQL Reference, developer.salesforce.com/docs.
"""

from collections.abc import Callable, Mapping, Sequence

from voiceapp.crm.address import base_of, only_at
from voiceapp.crm.answers import name, not_permitted, refused, rows, text, throttled, unknown
from voiceapp.crm.api import Access, Api, TokenSignIn
from voiceapp.crm.book import Book
from voiceapp.crm.contract import (
    Answer,
    Caller,
    CallFacts,
    CrmClient,
    CrmError,
    FieldValue,
    KeyedDigits,
    Order,
    Search,
)
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.door import HttpAnswer
from voiceapp.crm.fields import Field, FieldType, by_name, phones, read_as
from voiceapp.crm.kind import PASSWORD, TOKEN, URL, USERNAME, Ask, Connection, Kind, Surroundings
from voiceapp.crm.match import Candidate, is_number, settle
from voiceapp.crm.oauth import grant
from voiceapp.crm.payload import at_path
from voiceapp.crm.phone import spellings
from voiceapp.crm.tokens import Token

TITLE = "Salesforce"
_DATA = "/services/data/v62.0"
_OBJECTS = {"Contacts": "Contact", "Leads": "Lead", "Accounts": "Account"}
_USUAL_PHONES = {
    "Contact": ("Phone", "MobilePhone", "HomePhone", "OtherPhone"),
    "Lead": ("Phone", "MobilePhone"),
    "Account": ("Phone",),
}
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
_ESCAPED = str.maketrans(
    {"\\": r"\\", "'": r"\'", '"': r"\"", "\n": r"\n", "\r": r"\r", "\t": r"\t"}
)


class SalesforceClient:
    """Asks one organisation of Salesforce."""

    def __init__(self, api: Api, book: Book, country: str) -> None:
        self._api = api
        self._book = book
        self._country = country

    def find(self, search: Search, call: CallFacts, deadline: Deadline) -> Answer:
        """Return the record that has the caller's number in one of its phone fields."""
        known = by_name(self._book.fields(search.module, self.fields, deadline))
        numbers = phones(tuple(known.values()), _USUAL_PHONES.get(_object(search.module), ()))
        query = _soql(search, known, numbers, self._country)
        payload = self._api.get(f"{_DATA}/query", deadline, {"q": query})
        candidates = [
            Candidate(
                phones=[row.get(one) for one in numbers],
                fields={one: _value(known.get(one), at_path(row, one)) for one in search.needed()},
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


def _soql(search: Search, known: Mapping[str, Field], numbers: Sequence[str], country: str) -> str:
    needed = [name(TITLE, one) for one in search.needed()]
    wanted = dict.fromkeys(("Id", "CreatedDate", *numbers, *map(_labelled(known), needed)))
    where = _where(search, known, numbers, country)
    if _object(search.module) == "Lead":
        where = f"({where}) AND IsConverted = false"
    return (
        f"SELECT {', '.join(wanted)} "  # noqa: S608  # names are checked, values are quoted
        f"FROM {_object(search.module)} WHERE {where} "
        f"ORDER BY {_order(search.order)} LIMIT {search.limit}"
    )


def _labelled(known: Mapping[str, Field]) -> Callable[[str], str]:
    """Return what selects a field: of a pick list its label, under the field's own name."""

    def select(one: str) -> str:
        field = known.get(one)
        is_list = field is not None and field.type in (FieldType.CHOICE, FieldType.CHOICES)
        return f"toLabel({one})" if is_list else one

    return select


def _where(search: Search, known: Mapping[str, Field], numbers: Sequence[str], country: str) -> str:
    match search.who:
        case Caller(number):
            if not numbers:
                raise unknown(TITLE)
            tried = ", ".join(map(_quoted, spellings(number, country)))
            return " OR ".join(f"{one} IN ({tried})" for one in numbers)
        case KeyedDigits(digits, field):
            searched = known.get(field)
            is_numeric = searched is not None and searched.type is FieldType.NUMBER
            literal = digits if is_numeric and is_number(digits) else _quoted(digits)
            return f"{name(TITLE, field)} = {literal}"


def _order(order: Order | None) -> str:
    field = name(TITLE, order.field) if order and order.field else "CreatedDate"
    return f"{field} {'DESC' if order is None or order.is_highest else 'ASC'} NULLS LAST"


def _quoted(typed: str) -> str:
    """
    Return a text as a string of SOQL.

    >>> print(_quoted("O'Hara\\n"))
    'O\\'Hara\\n'
    """
    return f"'{typed.translate(_ESCAPED)}'"


def _field(row: Mapping[str, FieldValue]) -> Field:
    choices = tuple(
        (text(one.get("label")),) * 2  # as toLabel() sends them
        for one in rows(TITLE, row, "picklistValues")
        if one.get("active") is True
    )
    type_ = _TYPES.get(text(row.get("type")), FieldType.TEXT)
    return Field(text(row.get("name")), text(row.get("label")), type_, choices)


def _value(field: Field | None, sent: FieldValue) -> FieldValue:
    if field is not None and field.type is FieldType.CHOICES and isinstance(sent, str):
        return sent.split(";")
    return read_as(field, sent)


_FAULTS = {
    "INVALID_SESSION_ID": refused,
    "INVALID_FIELD": unknown,
    "INVALID_TYPE": unknown,
    "INVALID_QUERY_FILTER_OPERATOR": unknown,
    "MALFORMED_QUERY": unknown,
    "NOT_FOUND": unknown,
    "API_DISABLED_FOR_ORG": not_permitted,
    "INSUFFICIENT_ACCESS": not_permitted,
}


def _fault(answer: HttpAnswer, payload: FieldValue) -> CrmError | None:
    """Read the code of an error, which comes as a list of one."""
    first = payload[0] if isinstance(payload, list) and payload else None
    code = text(first.get("errorCode")) if isinstance(first, Mapping) else ""
    if code in ("REQUEST_LIMIT_EXCEEDED", "CONCURRENT_REQUESTS_LIMIT_EXCEEDED"):
        return throttled(TITLE, answer)  # with status 403
    make = _FAULTS.get(code)
    return make(TITLE) if make else None


def _build(connection: Connection, around: Surroundings) -> CrmClient:
    base = base_of(connection.url)
    form = {
        "client_id": connection.option(USERNAME),
        "client_secret": connection.secret(PASSWORD),
        "grant_type": "client_credentials",
    }
    if connection.has_secret(TOKEN):
        form |= {"grant_type": "refresh_token", "refresh_token": connection.secret(TOKEN)}

    def fetch(before: Token | None, deadline: Deadline) -> Token:
        return grant(TITLE, around.door, f"{base}/services/oauth2/token", form, deadline)

    sign_in = TokenSignIn(around.tokens(connection), fetch, _access)
    api = Api(TITLE, around.door, base, sign_in, _fault)
    return SalesforceClient(api, around.book(connection), connection.country)


def _access(token: Token) -> Access:
    return Access({"Authorization": f"Bearer {token.value}"})


KIND = Kind(
    title=TITLE,
    build=_build,
    check=only_at(".my.salesforce.com", ".my.salesforce.mil"),
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
            "needs the scope “api” and the Client Credentials Flow with a run-as user.",
        ),
        Ask(PASSWORD, "Consumer Secret", "Beside the Consumer Key."),
        Ask(
            TOKEN,
            "Refresh token",
            "Only for an app with the Refresh Token Flow instead of Client Credentials.",
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
