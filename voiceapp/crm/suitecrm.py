"""SuiteCRM: asked over its V8 JSON API, as both version 7 and 8 have it.

Sources: docs.suitecrm.com/developer/api, the source of the API at github.com/SuiteCRM (folder
Api/V8), and how 7.15.0 behaves.
"""

from collections.abc import Iterable, Mapping, Sequence
from html import unescape

from voiceapp.crm.address import base_of, refuse_no_site
from voiceapp.crm.answers import bad, not_permitted, refused, rows, text, unknown, without_phones
from voiceapp.crm.api import Access, Api, TokenSignIn
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
    Order,
    Search,
)
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.door import HttpAnswer
from voiceapp.crm.fields import Field, by_name, phones
from voiceapp.crm.kind import (
    ACCOUNT,
    PASSWORD,
    TOKEN,
    URL,
    USERNAME,
    VERSION,
    Ask,
    Connection,
    Kind,
    Surroundings,
)
from voiceapp.crm.match import settle
from voiceapp.crm.oauth import grant
from voiceapp.crm.payload import at_path
from voiceapp.crm.phone import compact, spellings
from voiceapp.crm.sugarcrm_records import (
    CREATED,
    MODULES,
    USUAL_PHONES,
    candidate,
    field_of,
    plain_name,
    usual_first,
    wanted_of,
)
from voiceapp.crm.tokens import Token

TITLE = "SuiteCRM"
_BASES = {"7": "/Api", "8": "/legacy/Api"}


class SuiteCrmClient:
    """Asks one site of SuiteCRM."""

    def __init__(self, api: Api, book: Book, country: str) -> None:
        self._api = api
        self._book = book
        self._country = country

    def find(self, search: Search, call: CallFacts, deadline: Deadline) -> Answer:
        """Return the record that has the caller's number in one of its phone fields."""
        module = plain_name(TITLE, search.module)
        known = by_name(self._book.fields(module, self.fields, deadline))
        numbers = phones(tuple(known.values()), USUAL_PHONES.get(module, ()))
        wanted = [plain_name(TITLE, one) for one in wanted_of(search, known, numbers)]
        query = {
            f"fields[{module}]": ",".join(wanted),
            **_filter(search, known, numbers, self._country),
            **_sort(search.order, is_dated=CREATED in wanted),
            "page[size]": str(search.limit),
        }
        payload = self._api.get(f"/V8/module/{module}", deadline, query)
        candidates = [
            candidate(search, known, numbers, _unescaped(row.get("attributes")))
            for row in rows(TITLE, payload, "data")
        ]
        return settle(search, candidates, self._country)

    def sign_in(self, deadline: Deadline) -> None:
        """See that a token is there, and stays for a while."""
        self._api.sign_in(deadline)

    def modules(self, deadline: Deadline) -> Sequence[str]:
        """Return the modules that the client's user may view, the three usual ones first."""
        told = _attributes(self._api.describe("/V8/meta/modules", deadline))
        return usual_first(
            {one for one, about in told.items() if "view" in _items(at_path(about, "access"))}
        )

    def fields(self, module: str, deadline: Deadline) -> Sequence[Field]:
        """Return the fields of a module.

        Their labels are made from their names, and what is on a list stays unsaid: SuiteCRM tells
        neither. SinergiaCRM, which is made of it, tells the items of lists.
        """
        path = f"/V8/meta/fields/{plain_name(TITLE, module)}"
        return tuple(
            field_of(one, about, "", about.get("option_items"))
            for one, about in _attributes(self._api.describe(path, deadline)).items()
            if isinstance(about, Mapping) and about.get("type") != "link"
        )


def _filter(
    search: Search, known: Mapping[str, Field], numbers: Sequence[str], country: str
) -> Mapping[str, str]:
    """Return the parameters that say who is looked for; the server quotes the values itself."""
    match search.who:
        case Caller(number):
            if not numbers:
                raise without_phones(TITLE, search.module, known)
            pattern = _pattern(number, country)
            like = {f"filter[{one}][like]": pattern for one in numbers}
            return {"filter[operator]": "or", **like}
        case KeyedDigits(digits, field):
            return {f"filter[{plain_name(TITLE, field)}][eq]": digits}


def _pattern(number: str, country: str) -> str:
    """
    Return a pattern for LIKE that fits a number in whatever way it is spaced.

    The API takes one condition of a kind for each field, so not one spelling after another.

    >>> _pattern("+12025550101", "US"), _pattern("+49301234", "US")
    ('%2%0%2%5%5%5%0%1%0%1%', '%4%9%3%0%1%2%3%4%')
    """
    digits = min((compact(one).lstrip("+") for one in spellings(number, country)), key=len)
    return f"%{'%'.join(digits)}%"


def _sort(order: Order | None, *, is_dated: bool) -> Mapping[str, str]:
    field = order.field if order else ""
    if not field and not is_dated:
        return {}
    is_highest = order is None or order.is_highest
    return {"sort": ("-" if is_highest else "") + (field or CREATED)}


def _unescaped(attributes: FieldValue) -> Mapping[str, FieldValue]:
    """Return a record's fields; their texts come as they would stand in a page."""
    row = attributes if isinstance(attributes, Mapping) else {}
    return {one: unescape(sent) if isinstance(sent, str) else sent for one, sent in row.items()}


def _attributes(payload: FieldValue) -> Mapping[str, FieldValue]:
    told = at_path(payload, "data.attributes")
    if not isinstance(told, Mapping | list):
        raise bad(TITLE)
    return told if isinstance(told, Mapping) else {}  # PHP writes an empty object as a list


def _items(told: FieldValue) -> Iterable[FieldValue]:
    """Return the elements of a list, which PHP writes as an object if one was left out."""
    if isinstance(told, Mapping):
        return told.values()
    return told if isinstance(told, list) else ()


_FORBIDDEN = ("[Not Allowed]", "[AccessDeniedException]")
_TOO_OLD = "Filter operator like is invalid"


def _fault(answer: HttpAnswer, payload: FieldValue) -> CrmError | None:
    """Read the one status there is, 400, by the words that come with it."""
    detail = text(at_path(payload, "errors.detail"))
    if any(sign in detail for sign in _FORBIDDEN):
        return not_permitted(TITLE)
    if _TOO_OLD in detail:
        return CrmRefused(f"{TITLE} is too old to search by a part of a number; 7.12 can.")
    return unknown(TITLE) if detail and answer.status in (200, 400) else None


_NOBODY = (b"The password is invalid", b"No user found", b"OAuth2Clients module with id")


def _sign_in_fault(answer: HttpAnswer, payload: FieldValue) -> CrmError | None:
    """Tell a fault that SuiteCRM has itself from one of who signs in; both come as 500."""
    if answer.status == 404:
        return CrmRefused(f"{TITLE} of the version that was chosen is not at this address.")
    is_unknown = answer.status == 500 and any(sign in answer.body for sign in _NOBODY)
    return refused(TITLE) if is_unknown else None


def _build(connection: Connection, around: Surroundings) -> CrmClient:
    base = base_of(connection.url) + _BASES.get(connection.option(VERSION), _BASES["7"])
    form = {
        "grant_type": "client_credentials",
        "client_id": connection.option(USERNAME),
        "client_secret": connection.secret(PASSWORD),
    }
    user = connection.option(ACCOUNT)
    if user:
        form |= {"grant_type": "password", "username": user, "password": connection.secret(TOKEN)}

    def fetch(before: Token | None, deadline: Deadline) -> Token:
        url = f"{base}/access_token"
        return grant(TITLE, around.door, url, form, deadline, fault=_sign_in_fault)

    sign_in = TokenSignIn(around.tokens(connection), fetch, _access)
    api = Api(TITLE, around.door, base, sign_in, _fault)
    return SuiteCrmClient(api, around.book(connection), connection.country)


def _access(token: Token) -> Access:
    return Access({"Authorization": f"Bearer {token.value}"})


KIND = Kind(
    title=TITLE,
    build=_build,
    check=refuse_no_site,
    asks=(
        Ask(
            URL,
            "Address of SuiteCRM",
            "As in the address bar when you work in it, up to where “index.php” or “#” begins, "
            "e.g. https://crm.example.com.",
        ),
        Ask(
            VERSION,
            "Version",
            "In SuiteCRM: your name at the top right › About. Of 7 it has to be 7.12 or later.",
            choices=(("7", "SuiteCRM 7"), ("8", "SuiteCRM 8")),
        ),
        Ask(
            USERNAME,
            "Client ID",
            "Admin › OAuth2 Clients and Tokens › New Client Credentials Client; shown once it is "
            "saved. Its Associated User has to be one who may view the records.",
        ),
        Ask(PASSWORD, "Client secret", "As it was typed when the client was made."),
        Ask(
            ACCOUNT,
            "User name",
            "Only for a Password Client instead: the user whose rights count.",
            is_required=False,
        ),
        Ask(
            TOKEN,
            "User's password",
            "Only together with a user name.",
            is_required=False,
            needed_with=(ACCOUNT, ""),
        ),
    ),
    modules=MODULES,
    signs_in="OAuth, client credentials or user and password",
)
