"""SugarCRM: asked over version 11 of its REST API, with filters written in JSON.

Sources: the Sugar Developer Guide and the SugarClub developer blog, support.sugarcrm.com and
sugarclub.sugarcrm.com.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from voiceapp.crm.address import base_of, refuse_no_site
from voiceapp.crm.answers import bad, rows, text, unknown, without_phones
from voiceapp.crm.api import Access, Api, TokenSignIn
from voiceapp.crm.book import Book
from voiceapp.crm.contract import (
    Answer,
    Caller,
    CallFacts,
    CrmBadAnswer,
    CrmClient,
    CrmCredentialsRefused,
    CrmError,
    CrmRefused,
    CrmUnavailable,
    FieldValue,
    KeyedDigits,
    Order,
    Search,
)
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.door import HttpAnswer
from voiceapp.crm.fields import Field, FieldType, by_name, phones
from voiceapp.crm.kind import ACCOUNT, PASSWORD, URL, USERNAME, Ask, Connection, Kind, Surroundings
from voiceapp.crm.match import settle
from voiceapp.crm.oauth import grant
from voiceapp.crm.payload import at_path
from voiceapp.crm.phone import national, show, spellings
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

TITLE = "SugarCRM"
_REST = "/rest/v11"
_REFRESH = "refresh_token"
_PAIR, _TELLING = 2, 7
"""Digits of a group that says little, and how many it takes to tell a number from most others."""


class SugarCrmClient:
    """Asks one site of SugarCRM."""

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
        body = {
            "filter": [_filter(search, known, numbers, self._country)],
            "fields": ",".join(wanted),
            "max_num": search.limit,
            **_order(search.order, is_dated=CREATED in wanted),
        }
        payload = self._api.search(f"/{module}/filter", deadline, body)
        records = rows(TITLE, payload, "records")
        _refuse_unknown_fields(search, known, records)
        candidates = [candidate(search, known, numbers, row) for row in records]
        return settle(search, candidates, self._country)

    def sign_in(self, deadline: Deadline) -> None:
        """See that a token is there, and stays for a while."""
        self._api.sign_in(deadline)

    def modules(self, deadline: Deadline) -> Sequence[str]:
        """Return the modules that the user may list, the three usual ones first."""
        told = self._api.describe("/metadata", deadline, {"type_filter": "full_module_list"})
        names = at_path(told, "full_module_list")
        if not isinstance(names, Mapping):
            raise bad(TITLE)
        rights = at_path(self._api.describe("/me", deadline), "current_user.acl")
        return usual_first({one for one in names if one != "_hash" and _may_list(rights, one)})

    def fields(self, module: str, deadline: Deadline) -> Sequence[Field]:
        """Return the fields of a module, called as in the language that Sugar has by default."""
        query = {"type_filter": "modules,labels", "module_filter": plain_name(TITLE, module)}
        told = self._api.describe("/metadata", deadline, query)
        fields = at_path(told, f"modules.{module}.fields")
        if not isinstance(fields, Mapping):
            raise unknown(TITLE)
        words = self._words(text(at_path(told, "labels.default")) or "en_us", deadline)
        return tuple(
            field_of(one, about, _label(about, module, words), _items(about, words))
            for one, about in fields.items()
            if isinstance(about, Mapping) and about.get("type") != "link"
        )

    def _words(self, language: str, deadline: Deadline) -> FieldValue:
        """Return what fields and the items of lists are called; nothing if it can't be had."""
        try:
            return self._api.describe(f"/lang/{plain_name(TITLE, language)}", deadline)
        except (CrmUnavailable, CrmCredentialsRefused):
            raise
        except (CrmRefused, CrmBadAnswer):
            return None


def _filter(
    search: Search, known: Mapping[str, Field], numbers: Sequence[str], country: str
) -> Mapping[str, Any]:
    match search.who:
        case Caller(number):
            if not numbers:
                raise without_phones(TITLE, search.module, known)
            tests = _tests(number, country)
            return {"$or": [_applied(one, field) for field in numbers for one in tests]}
        case KeyedDigits(digits, field):
            searched = known.get(field)
            is_number = searched is not None and searched.type is FieldType.NUMBER
            is_whole = digits.isascii() and digits.isdecimal()
            return {field: {"$equals": int(digits) if is_number and is_whole else digits}}


def _tests(number: str, country: str) -> Sequence[Sequence[Mapping[str, Any]]]:
    """Return what a field may be put to that has a number; all parts of one test have to hold.

    Sugar compares texts, and its users write numbers as they like. So there are the usual
    spellings, the usual groups of digits with anything between them, and the digits with anything
    between them; to an edition that takes “%” for nothing but itself the last fits no number.
    What would fit too many other numbers is left out.
    """
    tests: list[Sequence[Mapping[str, Any]]] = [[{"$in": spellings(number, country)}]]
    groups = re.findall(r"\d+", show(number))[1:]
    if sum(len(one) for one in groups if len(one) > _PAIR) >= _TELLING:
        tests.append([{"$contains": one} for one in groups])
    digits = national(number)
    if len(digits) >= _TELLING:
        tests.append([{"$contains": "%".join(digits)}])
    return tests


def _applied(test: Sequence[Mapping[str, Any]], field: str) -> Mapping[str, Any]:
    conditions = [{field: one} for one in test]
    return {"$and": conditions} if len(conditions) > 1 else conditions[0]


def _order(order: Order | None, *, is_dated: bool) -> Mapping[str, Any]:
    if order and order.field:
        direction = "DESC" if order.is_highest else "ASC"
        return {"order_by": f"{order.field}:{direction}"}
    return {"order_by": f"{CREATED}:DESC"} if is_dated else {}


def _refuse_unknown_fields(
    search: Search, known: Mapping[str, Field], records: Sequence[Mapping[str, FieldValue]]
) -> None:
    """Raise `CrmMisconfigured` for a field that there is not; Sugar leaves it out in silence."""
    for one in search.needed():
        is_there = not known or one in known or any(one in row for row in records)
        if records and not is_there:
            raise unknown(TITLE, one)


def _may_list(rights: FieldValue, module: str) -> bool:
    """Say whether a user may list a module; Sugar names only what is not allowed."""
    told = (at_path(rights, f"{module}.{right}") for right in ("access", "list"))
    return "no" not in told


def _label(about: Mapping[str, FieldValue], module: str, words: FieldValue) -> str:
    key = text(about.get("vname"))
    found = (at_path(words, f"{where}.{key}") for where in (f"mod_strings.{module}", "app_strings"))
    label = next((text(one) for one in found if text(one)), text(about.get("labelValue")))
    return label.strip().removesuffix(":")


def _items(about: Mapping[str, FieldValue], words: FieldValue) -> FieldValue:
    """Return the items of a field's list, which is told itself or by its name."""
    told = about.get("options")
    return at_path(words, f"app_list_strings.{told}") if isinstance(told, str) else told


_UNKNOWN = ("not_found", "no_method", "invalid_parameter", "missing_parameter")


def _fault(answer: HttpAnswer, payload: FieldValue) -> CrmError | None:
    """Read the code of an error, where it says more than the status."""
    code = text(payload.get("error")) if isinstance(payload, Mapping) else ""
    if code in _UNKNOWN:
        return unknown(TITLE)
    if code == "metadata_out_of_date":
        return CrmUnavailable(f"{TITLE} is being changed, and not ready yet ({answer.status}).")
    return _refusal(code)


def _refusal(code: str) -> CrmError | None:
    """Read what is wrong with the client rather than with its question."""
    if code == "incorrect_version":
        return CrmRefused(f"{TITLE} has no version 11 of its REST API.")
    if code == "client_not_allowed":
        return CrmRefused(f"{TITLE} is set up to let only certain programs use its REST API.")
    return None


def _sign_in_fault(answer: HttpAnswer, payload: FieldValue) -> CrmError | None:
    """Tell a wrong platform or address, or what is wrong with the client, from credentials."""
    code = text(payload.get("error")) if isinstance(payload, Mapping) else ""
    if answer.status == 422 and code == "invalid_parameter":
        return CrmRefused(
            f"{TITLE} does not know the platform; it is added under Configure API Platforms."
        )
    if answer.status == 404:
        return CrmRefused(f"{TITLE} is not at this address.")
    return _refusal(code)


def _build(connection: Connection, around: Surroundings) -> CrmClient:
    base = base_of(connection.url) + _REST
    client = {"client_id": "sugar", "client_secret": "", "platform": connection.option(ACCOUNT)}
    user = {
        "grant_type": "password",
        "username": connection.option(USERNAME),
        "password": connection.secret(PASSWORD),
    }

    def token(form: Mapping[str, str], deadline: Deadline) -> Token:
        url = f"{base}/oauth2/token"
        asked = {**client, **form}
        return grant(
            TITLE,
            around.door,
            url,
            asked,
            deadline,
            keep=(_REFRESH,),
            as_json=True,
            fault=_sign_in_fault,
        )

    def fetch(before: Token | None, deadline: Deadline) -> Token:
        if before is not None and _REFRESH in before.extra:
            with suppress(CrmCredentialsRefused):  # signing in elsewhere ends the refresh token
                kept = {_REFRESH: before.extra[_REFRESH]}
                return token({"grant_type": _REFRESH, **kept}, deadline)
        return token(user, deadline)

    sign_in = TokenSignIn(around.tokens(connection), fetch, _access)
    api = Api(TITLE, around.door, base, sign_in, _fault)
    return SugarCrmClient(api, around.book(connection), connection.country)


def _access(token: Token) -> Access:
    return Access({"OAuth-Token": token.value})


KIND = Kind(
    title=TITLE,
    build=_build,
    check=refuse_no_site,
    asks=(
        Ask(
            URL,
            "Address of SugarCRM",
            "As in the address bar when you work in it, up to where “#” begins, e.g. "
            "https://acme.sugarondemand.com.",
        ),
        Ask(
            USERNAME,
            "User name",
            "Of a user made for voiceapp, with a role that may list and view the records.",
        ),
        Ask(PASSWORD, "Password", "Of that user."),
        Ask(
            ACCOUNT,
            "Platform",
            "Admin › Configure API Platforms: add one for voiceapp alone and type its name here. "
            "Whoever signs in with the same user and platform ends the other's session.",
        ),
    ),
    modules=MODULES,
    signs_in="user, password and platform",
)
