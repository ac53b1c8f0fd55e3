"""Zoho CRM: asked in COQL, its own SQL, over version 8 of its API.

COQL reads the database and compares exactly. Zoho's search reads an index instead, which takes
what looks alike for the same and knows new records only after a while.

Sources: zoho.com/crm/developer/docs/api/v8 (tokens, COQL, fields, modules, multi-DC, errors) and
the published description, github.com/zoho/crm-oas.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from voiceapp.crm.address import base_of
from voiceapp.crm.answers import bad, name, not_permitted, refused, rows, text, throttled, unknown
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
from voiceapp.crm.door import Door, HttpAnswer
from voiceapp.crm.fields import Field, FieldType, by_name, phones, read_as
from voiceapp.crm.kind import PASSWORD, TOKEN, URL, USERNAME, Ask, Connection, Kind, Surroundings
from voiceapp.crm.match import Candidate, settle
from voiceapp.crm.oauth import HOUR, grant
from voiceapp.crm.payload import at_path
from voiceapp.crm.tokens import Token
from voiceapp.crm.zoho_coql import TITLE, query

_API = "/crm/v8"
_CENTRES = (
    ("https://accounts.zoho.com", "https://www.zohoapis.com", "United States (zoho.com)"),
    ("https://accounts.zoho.eu", "https://www.zohoapis.eu", "Europe (zoho.eu)"),
    ("https://accounts.zoho.uk", "https://www.zohoapis.uk", "United Kingdom (zoho.uk)"),
    ("https://accounts.zoho.in", "https://www.zohoapis.in", "India (zoho.in)"),
    ("https://accounts.zoho.com.au", "https://www.zohoapis.com.au", "Australia (zoho.com.au)"),
    ("https://accounts.zoho.jp", "https://www.zohoapis.jp", "Japan (zoho.jp)"),
    ("https://accounts.zohocloud.ca", "https://www.zohoapis.ca", "Canada (zohocloud.ca)"),
    ("https://accounts.zoho.sa", "https://www.zohoapis.sa", "Saudi Arabia (zoho.sa)"),
    ("https://accounts.zoho.ae", "https://www.zohoapis.ae", "United Arab Emirates (zoho.ae)"),
    ("https://accounts.zoho.com.cn", "https://www.zohoapis.com.cn", "China (zoho.com.cn)"),
)
"""The data centres: where each gives tokens, where it answers, and what it is called."""
_HOSTS = {accounts: api for accounts, api, _ in _CENTRES}
_USUAL_PHONES = {
    "Contacts": ("Phone", "Mobile", "Home_Phone", "Other_Phone"),
    "Leads": ("Phone", "Mobile"),
    "Accounts": ("Phone",),
}
_NOT_THEIRS = {"Asst_Phone", "Fax"}
"""Numbers that nobody calls from, or somebody else does: who has one is not the caller."""
_TYPES = {
    "phone": FieldType.PHONE,
    **dict.fromkeys(
        ("integer", "bigint", "double", "decimal", "currency", "percent", "rollup_summary"),
        FieldType.NUMBER,
    ),
    "date": FieldType.DATE,
    "datetime": FieldType.MOMENT,
    "boolean": FieldType.YES_NO,
    "picklist": FieldType.CHOICE,
    "multiselectpicklist": FieldType.CHOICES,
    **dict.fromkeys(
        ("lookup", "ownerlookup", "userlookup", "multiselectlookup", "multiuserlookup"),
        FieldType.LINK,
    ),
    **dict.fromkeys(("subform", "fileupload", "imageupload", "profileimage"), FieldType.OTHER),
}


class ZohoClient:
    """Asks one organisation of Zoho CRM."""

    def __init__(self, api: Api, book: Book, country: str) -> None:
        self._api = api
        self._book = book
        self._country = country

    def find(self, search: Search, call: CallFacts, deadline: Deadline) -> Answer:
        """Return the record that has the caller's number in one of its phone fields."""
        known = by_name(self._book.fields(search.module, self.fields, deadline))
        told = tuple(field for field in known.values() if field.name not in _NOT_THEIRS)
        numbers = phones(told, _USUAL_PHONES.get(search.module, ()))
        asked = query(search, known, numbers, self._country)
        if asked is None:
            return NotFound()
        payload = self._api.search(f"{_API}/coql", deadline, {"select_query": asked})
        candidates = [
            Candidate(
                phones=[row.get(one) for one in numbers],
                fields={one: _value(known.get(one), row.get(one)) for one in search.needed()},
                created=row.get("Created_Time"),
            )
            for row in _found(payload)
        ]
        return settle(search, candidates, self._country)

    def sign_in(self, deadline: Deadline) -> None:
        """See that a token is there, and stays for a while."""
        self._api.sign_in(deadline)

    def modules(self, deadline: Deadline) -> Sequence[str]:
        """Return the three usual ones, the others of Zoho's, and the organisation's own."""
        payload = self._api.describe(f"{_API}/settings/modules", deadline)
        names = {
            text(row.get("api_name"))
            for row in rows(TITLE, payload, "modules")
            if row.get("api_supported") is True
            and row.get("viewable") is True
            and row.get("generated_type") in ("default", "custom")
        }
        usual = [one for one in _USUAL_PHONES if one in names]
        return (*usual, *sorted(names - {*usual, ""}))

    def fields(self, module: str, deadline: Deadline) -> Sequence[Field]:
        """Return the fields that these credentials may read."""
        params = {"module": name(TITLE, module)}
        payload = self._api.describe(f"{_API}/settings/fields", deadline, params)
        return tuple(
            _field(row)
            for row in rows(TITLE, payload, "fields")
            if text(row.get("api_name")) and row.get("visible") is not False
        )


def _found(payload: FieldValue) -> Sequence[Mapping[str, FieldValue]]:
    """Return the records of an answer; one without a body says that there are none."""
    if payload is not None and not (isinstance(payload, Mapping) and "data" in payload):
        raise bad(TITLE)
    return rows(TITLE, payload, "data")


def _field(row: Mapping[str, FieldValue]) -> Field:
    sent = text(row.get("data_type"))
    if sent == "formula":
        sent = text(at_path(row, "formula.return_type"))
    type_ = _TYPES.get(sent, FieldType.TEXT)
    if type_ is FieldType.PHONE and row.get("crypt"):
        type_ = FieldType.TEXT  # encrypted: one of them in a query, and COQL refuses all of it
    choices = tuple(
        (text(one.get("actual_value")), text(one.get("display_value")))
        for one in rows(TITLE, row, "pick_list_values")
    )
    label = text(row.get("display_label")) or text(row.get("field_label"))
    return Field(text(row.get("api_name")), label or text(row.get("api_name")), type_, choices)


def _value(field: Field | None, sent: FieldValue) -> FieldValue:
    """Return a value as rules want it: of a link the name, or the id where there is none."""
    if isinstance(sent, list):
        return [_value(field, one) for one in sent]
    if isinstance(sent, Mapping) and "id" in sent:
        return text(sent.get("name")) or text(sent["id"])
    if field is not None and any(sent == label for _, label in field.choices):
        return sent  # Zoho sends what people read, mostly
    return read_as(field, sent)


_FAULTS = {
    "INVALID_TOKEN": refused,
    "AUTHENTICATION_FAILURE": refused,
    "OAUTH_SCOPE_MISMATCH": not_permitted,  # with status 401
    "NO_PERMISSION": not_permitted,
    "AUTHORIZATION_FAILED": not_permitted,  # with status 400
    "INVALID_MODULE": unknown,
    "INVALID_QUERY": unknown,
    "INVALID_DATA": unknown,
    "NOT_SUPPORTED": unknown,
    "SYNTAX_ERROR": unknown,
}


def _fault(answer: HttpAnswer, payload: FieldValue) -> CrmError | None:
    """Read the code of an error."""
    code = text(payload.get("code")) if isinstance(payload, Mapping) else ""
    make = _FAULTS.get(code)
    return make(TITLE) if make else None


def _token_fault(answer: HttpAnswer, payload: FieldValue) -> CrmError | None:
    """Tell what passes by from wrong credentials; all of it comes with status 200 or 400."""
    match text(payload.get("error")) if isinstance(payload, Mapping) else "":
        case "Access Denied":  # ten tokens were asked for within ten minutes
            return throttled(TITLE, answer)
        case "general_error":
            return CrmUnavailable(f"{TITLE} has a fault of its own.")
    return None


def _build(connection: Connection, around: Surroundings) -> CrmClient:
    accounts = base_of(connection.url)
    form = {
        "grant_type": "refresh_token",
        "client_id": connection.option(USERNAME),
        "client_secret": connection.secret(PASSWORD),
        "refresh_token": connection.secret(TOKEN),
    }

    def fetch(before: Token | None, deadline: Deadline) -> Token:
        url = f"{accounts}/oauth/v2/token"
        token = grant(TITLE, around.door, url, form, deadline, fault=_token_fault)
        # no longer than Zoho documents, whatever unit the answer counts in
        return replace(token, expires_at=min(token.expires_at, token.fetched_at + HOUR))

    sign_in = TokenSignIn(around.tokens(connection), fetch, _access)
    api = Api(TITLE, around.door, _HOSTS[accounts], sign_in, _fault)
    return ZohoClient(api, around.book(connection), connection.country)


def _redeem(connection: Connection, door: Door, deadline: Deadline) -> str:
    """Return the refresh token for a code of “Generate Code”; what is none stays as it is."""
    typed = connection.secret(TOKEN)
    form = {
        "grant_type": "authorization_code",
        "client_id": connection.option(USERNAME),
        "client_secret": connection.secret(PASSWORD),
        "code": typed,
    }
    url = f"{base_of(connection.url)}/oauth/v2/token"
    try:
        token = grant(TITLE, door, url, form, deadline, keep=("refresh_token",), fault=_token_fault)
    except CrmError:
        return typed  # no code, or a used one: whether it is a refresh token shows when it is used
    return token.extra.get("refresh_token", typed)


def _access(token: Token) -> Access:
    return Access({"Authorization": f"Zoho-oauthtoken {token.value}"})


def _check(address: str) -> None:
    """Refuse what is none of Zoho's data centres; they alone get to see the credentials."""
    if base_of(address) not in _HOSTS:
        raise ValueError("Choose the data centre that your Zoho CRM is at.")


KIND = Kind(
    title=TITLE,
    build=_build,
    check=_check,
    asks=(
        Ask(
            URL,
            "Data centre",
            "As the address ends when you work in Zoho CRM, e.g. crm.zoho.eu.",
            choices=tuple((accounts, label) for accounts, _, label in _CENTRES),
        ),
        Ask(
            USERNAME,
            "Client ID",
            "Of a Self Client. Make one at api-console.zoho.com (or .eu, .in …): Add Client › Self "
            "Client › Client Secret.",
        ),
        Ask(PASSWORD, "Client Secret", "Beside the Client ID."),
        Ask(
            TOKEN,
            "Code or refresh token",
            "In the Self Client › Generate Code, with the scopes ZohoCRM.modules.READ,"
            "ZohoCRM.coql.READ,ZohoCRM.settings.modules.READ,ZohoCRM.settings.fields.READ. Type "
            "the code here and save before its minutes are over: it is exchanged for the token. "
            "Test it then.",
        ),
    ),
    modules={
        "Contacts": "Contact",
        "Leads": "Lead, unless converted",
        "Accounts": "Account, a company",
    },
    redeem=_redeem,
    signs_in="OAuth, refresh token",
)
