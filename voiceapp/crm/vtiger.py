"""vtiger: asked in VTQL, its own small SQL, in the cloud or on a server of one's own.

Sources: as in vtiger_session; for VTQL its grammar in the open-source edition
(include/Webservices/VTQL_Lexer.php and VTQL_Parser.php): conditions without brackets, joined by
one of AND and OR; texts in single quotes, of which a backslash would reach MySQL as it is; order
only by columns that are selected; at most 100 rows; a semicolon at the end.
"""

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from voiceapp.crm.address import base_of, only_at, refuse_no_site
from voiceapp.crm.answers import rows, text, unknown, without_phones
from voiceapp.crm.api import Access, Api, KeySignIn, TokenSignIn
from voiceapp.crm.book import Book
from voiceapp.crm.contract import (
    Answer,
    Caller,
    CallFacts,
    CrmClient,
    CrmNotPermitted,
    FieldValue,
    KeyedDigits,
    NotFound,
    Search,
)
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.fields import Field, FieldType, by_name, phones, read_as
from voiceapp.crm.kind import (
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
from voiceapp.crm.match import Candidate, settle
from voiceapp.crm.phone import compact, spellings
from voiceapp.crm.tokens import Token
from voiceapp.crm.vtiger_session import REST, SCRIPT, TITLE, Operations, fault, open_session

CLOUD, SERVER = "cloud", "server"
_MODULES = ("Contacts", "Leads", "Accounts")
_USUAL_PHONES = {
    "Contacts": ("phone", "mobile", "homephone", "otherphone"),
    "Leads": ("phone", "mobile"),
    "Accounts": ("phone", "otherphone"),
}
_CREATED = "createdtime"
_TYPES = {
    "phone": FieldType.PHONE,
    "integer": FieldType.NUMBER,
    "double": FieldType.NUMBER,
    "percentage": FieldType.NUMBER,
    "currency": FieldType.NUMBER,
    "date": FieldType.DATE,
    "datetime": FieldType.MOMENT,
    "boolean": FieldType.YES_NO,
    "picklist": FieldType.CHOICE,
    "multipicklist": FieldType.CHOICES,
    "reference": FieldType.LINK,
    "owner": FieldType.LINK,
    "file": FieldType.OTHER,
    "image": FieldType.OTHER,
}
_NAME = re.compile(r"[A-Za-z]\w*", re.ASCII)
_HARMLESS = re.compile(r"[0-9A-Za-z+*#(). -]+", re.ASCII)
_NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", re.ASCII)


class VtigerClient:
    """Asks one vtiger."""

    def __init__(self, operations: Operations, book: Book, country: str) -> None:
        self._operations = operations
        self._book = book
        self._country = country

    def find(self, search: Search, call: CallFacts, deadline: Deadline) -> Answer:
        """Return the record that has the caller's number in one of its phone fields."""
        known = by_name(self._book.fields(search.module, self.fields, deadline))
        numbers = phones(tuple(known.values()), _USUAL_PHONES.get(search.module, ()))
        query = _query(search, known, numbers, self._country)
        if query is None:
            return NotFound()
        try:
            result = self._operations.query(query, deadline)
        except CrmNotPermitted:
            if known or search.module in _MODULES:
                raise
            raise unknown(
                TITLE, search.module
            ) from None  # vtiger says the same of a module that there is not
        candidates = [
            Candidate(
                phones=[row.get(one) for one in numbers],
                fields={one: _value(known.get(one), row.get(one)) for one in search.needed()},
                created=_moment(row.get(_CREATED)),
            )
            for row in rows(TITLE, {"result": result}, "result")
        ]
        return settle(search, candidates, self._country)

    def sign_in(self, deadline: Deadline) -> None:
        """See that a session is there, and stays for a while, where one is needed."""
        self._operations.api.sign_in(deadline)

    def modules(self, deadline: Deadline) -> Sequence[str]:
        """Return the three usual ones and the others with records of their own."""
        listed = self._operations.describe("listtypes", {"fieldTypeList": "null"}, deadline)
        types, about = listed.get("types"), listed.get("information")
        names = {text(one) for one in types} if isinstance(types, list) else set()
        if isinstance(about, Mapping):
            names = {one for one in names if _is_entity(about.get(one))}
        usual = [one for one in _MODULES if one in names]
        return (*usual, *sorted(names.difference(_MODULES, {""})))

    def fields(self, module: str, deadline: Deadline) -> Sequence[Field]:
        """Return the fields that this user may read."""
        about = self._operations.describe("describe", {"elementType": _name(module)}, deadline)
        return tuple(_field(row) for row in rows(TITLE, about, "fields") if text(row.get("name")))


def _is_entity(about: FieldValue) -> bool:
    return not isinstance(about, Mapping) or about.get("isEntity") is not False


def _name(typed: str, known: Mapping[str, Field] | None = None) -> str:
    """Return the name of a module or field, if it can be one, and is one as far as is known."""
    if not _NAME.fullmatch(typed) or (known and typed not in known):
        raise unknown(TITLE, typed)
    return typed


def _query(
    search: Search, known: Mapping[str, Field], numbers: Sequence[str], country: str
) -> str | None:
    """Return what is asked; None where no record can have what is searched for."""
    where = _where(search, known, numbers, country)
    if where is None:
        return None
    needed = [_name(one, known) for one in search.needed()]
    created = [_CREATED] if not known or _CREATED in known else []
    wanted = dict.fromkeys(("id", *created, *numbers, *needed))
    by = search.order.field if search.order and search.order.field else "".join(created)
    way = "DESC" if search.order is None or search.order.is_highest else "ASC"
    order = f" ORDER BY {by} {way}" if by else ""
    return (
        f"SELECT {', '.join(wanted)} FROM {_name(search.module)} "  # noqa: S608  # names are checked
        f"WHERE {where}{order} LIMIT {search.limit};"
    )


def _where(
    search: Search, known: Mapping[str, Field], numbers: Sequence[str], country: str
) -> str | None:
    match search.who:
        case Caller(number):
            if not numbers:
                raise without_phones(TITLE, search.module, known)
            digits = min((compact(one) for one in spellings(number, country)), key=len)
            pattern = f"%{'%'.join(digits)}%"  # whatever stands between, before and behind them
            return " OR ".join(f"{_name(one)} LIKE '{pattern}'" for one in numbers)
        case KeyedDigits(digits, name):
            if not _HARMLESS.fullmatch(digits):
                return None
            field = known.get(name)
            is_list = field is not None and field.type is FieldType.CHOICES
            test = f"LIKE '%{digits}%'" if is_list else f"= '{digits}'"
            return f"{_name(name, known)} {test}"


def _field(row: Mapping[str, FieldValue]) -> Field:
    about = row.get("type")
    about = about if isinstance(about, Mapping) else {}
    listed = about.get("picklistValues")
    choices = tuple(
        (text(one.get("value")), text(one.get("label")))
        for one in (listed if isinstance(listed, list) else ())
        if isinstance(one, Mapping)
    )
    type_ = _TYPES.get(text(about.get("name")), FieldType.TEXT)
    return Field(text(row.get("name")), text(row.get("label")), type_, choices)


def _value(field: Field | None, sent: FieldValue) -> FieldValue:
    """
    Return a value as rules want it; all of vtiger's are texts.

    >>> _value(Field("cf_1", "", FieldType.NUMBER), "12.50000000")
    Decimal('12.50000000')
    >>> _value(Field("cf_2", "", FieldType.CHOICES, (("a", "A"),)), "a |##| b")
    ['A', 'b']
    """
    type_ = field.type if field else FieldType.TEXT
    if type_ is FieldType.NUMBER and isinstance(sent, str) and _NUMBER.fullmatch(sent):
        return Decimal(sent)
    if type_ is FieldType.MOMENT:
        return _moment(sent)
    if type_ is FieldType.CHOICES and isinstance(sent, str):
        sent = [one.strip() for one in sent.split("|##|") if one.strip()]
    return read_as(field, sent)


def _moment(sent: FieldValue) -> FieldValue:
    """
    Return a moment with its zone: UTC, unless somebody changed it in the server's settings.

    >>> _moment("2026-11-22 10:00:00"), _moment("")
    ('2026-11-22T10:00:00Z', '')
    """
    is_moment = isinstance(sent, str) and _MOMENT.fullmatch(sent)
    return f"{sent}Z".replace(" ", "T") if is_moment else sent


def _build(connection: Connection, around: Surroundings) -> CrmClient:
    site, user = base_of(connection.url), connection.option(USERNAME)
    access_key = connection.secret(PASSWORD)
    is_cloud = _is_cloud(connection.options)
    if is_cloud:
        basic = b64encode(f"{user}:{access_key}".encode()).decode()
        key = KeySignIn({"Authorization": f"Basic {basic}"})
        api = Api(TITLE, around.door, site + REST, key, fault)
    else:

        def fetch(before: Token | None, deadline: Deadline) -> Token:
            return open_session(around.door, site + SCRIPT, user, access_key, deadline)

        session = TokenSignIn(around.tokens(connection), fetch, _access)
        api = Api(TITLE, around.door, site + SCRIPT, session, fault)
    return VtigerClient(Operations(api, is_cloud), around.book(connection), connection.country)


def _access(token: Token) -> Access:
    return Access(params={"sessionName": token.value})


def _is_cloud(options: Mapping[str, str]) -> bool:
    return options.get(VERSION) != SERVER


def _also(told: Told) -> Iterator[Wrong]:
    """Refuse what is none of the vendor's hosts, if it is said to be in the cloud."""
    if _is_cloud(told.options):
        try:
            only_at(".vtiger.com")(told.url)
        except ValueError as error:
            yield Wrong(URL, str(error))


KIND = Kind(
    title=TITLE,
    build=_build,
    check=refuse_no_site,
    also=_also,
    asks=(
        Ask(
            VERSION,
            "Edition",
            "Where your vtiger runs. In the cloud its address ends in vtiger.com.",
            choices=((CLOUD, "Vtiger cloud"), (SERVER, "On a server of our own")),
        ),
        Ask(
            URL,
            "Address",
            "The address in the browser when you work in vtiger, up to “index.php” or “view”, e.g. "
            "https://acme.od2.vtiger.com.",
        ),
        Ask(USERNAME, "User Name", "In vtiger: your picture at the top › My Preferences."),
        Ask(
            PASSWORD,
            "Access Key",
            "My Preferences › User Advanced Options › Access Key. It is not your password.",
        ),
    ),
    modules={
        "Contacts": "Contacts",
        "Leads": "Leads, unless converted",
        "Accounts": "Organizations",
    },
    signs_in="user name and access key",
)
