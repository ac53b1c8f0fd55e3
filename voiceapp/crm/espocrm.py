"""EspoCRM: asked over its REST API, by the key of an API user.

Sources: the API pages of docs.espocrm.com; where they are silent, the server's own sources
(github.com/espocrm/espocrm, versions 7 to 9).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from voiceapp.crm.address import base_of, refuse_no_site
from voiceapp.crm.answers import bad, name, rows, text, throttled, unknown, without_phones
from voiceapp.crm.api import Api, KeySignIn
from voiceapp.crm.book import Book
from voiceapp.crm.contract import (
    Answer,
    Caller,
    CallFacts,
    CrmClient,
    CrmError,
    FieldValue,
    KeyedDigits,
    NotFound,
    Search,
)
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.door import HttpAnswer
from voiceapp.crm.espocrm_fields import read_fields, read_moment, read_value
from voiceapp.crm.fields import Field, FieldType, by_name, phones
from voiceapp.crm.kind import PASSWORD, URL, Ask, Connection, Kind, Surroundings
from voiceapp.crm.match import Candidate, is_number, settle
from voiceapp.crm.payload import at_path
from voiceapp.crm.phone import compact, is_anothers, is_same, national, spellings

TITLE = "EspoCRM"
_API = "/api/v1"
_ENTITIES = {"Contacts": "Contact", "Leads": "Lead", "Accounts": "Account"}
_USUAL_PHONES = ("phoneNumber",)
_CREATED = "createdAt"

_Row: TypeAlias = Mapping[str, FieldValue]
_Condition: TypeAlias = Mapping[str, Any]


class EspoCrmClient:
    """Asks one site with EspoCRM."""

    def __init__(self, api: Api, book: Book, country: str) -> None:
        self._api = api
        self._book = book
        self._country = country

    def find(self, search: Search, call: CallFacts, deadline: Deadline) -> Answer:
        """Return the record that has the caller's number among its phone numbers."""
        entity = _entity(search.module)
        needed = [name(TITLE, one) for one in search.needed()]
        known = by_name(self._book.fields(search.module, self.fields, deadline))
        numbers = phones(tuple(known.values()), _USUAL_PHONES)
        where = _where(search, known, numbers)
        if where is None:
            return NotFound()
        if entity == "Lead" and (not known or "status" in known):
            where = [*where, _NOT_CONVERTED]
        asked = {
            "where": where,
            "select": list(dict.fromkeys(("id", _CREATED, *numbers, *needed))),
            "orderBy": _order_by(search, known),
            "order": "DESC" if search.order is None or search.order.is_highest else "ASC",
            "maxSize": search.limit,
        }
        found = self._list(entity, asked, deadline)
        _refuse_unknown_fields(needed, known, found)
        further = self._further_numbers(search, entity, found, numbers, deadline)
        candidates = [
            Candidate(
                phones=[*(row.get(one) for one in numbers), further.get(text(row.get("id")))],
                fields={one: read_value(known.get(one), row.get(one)) for one in needed},
                created=read_moment(row.get(_CREATED)),
            )
            for row in found
        ]
        return settle(search, candidates, self._country)

    def sign_in(self, deadline: Deadline) -> None:
        """Need nothing beforehand."""
        self._api.sign_in(deadline)

    def modules(self, deadline: Deadline) -> Sequence[str]:
        """Return the three usual ones and what else this user may read."""
        names = {
            one
            for one, scope in self._metadata("scopes", deadline).items()
            if isinstance(scope, Mapping)
            and scope.get("entity") is True
            and scope.get("object") is True
            and not scope.get("disabled")
        }
        usual = [ours for ours, theirs in _ENTITIES.items() if theirs in names]
        return (*usual, *sorted(names - set(_ENTITIES.values())))

    def fields(self, module: str, deadline: Deadline) -> Sequence[Field]:
        """Return the fields that this user may read, with labels in the site's language."""
        entity = _entity(module)
        described = self._metadata(f"entityDefs.{entity}.fields", deadline)
        words = self._api.describe(f"{_API}/I18n", deadline, {"default": "true"})
        return read_fields(entity, described, words)

    def _list(self, entity: str, asked: Mapping[str, Any], deadline: Deadline) -> Sequence[_Row]:
        params = {"searchParams": json.dumps(asked, separators=(",", ":"))}
        headers = {"X-No-Total": "true"}  # or the server counts all that match
        path = f"{_API}/{entity}"
        payload = self._api.send("GET", path, deadline, params=params, headers=headers)
        if not isinstance(payload, Mapping) or "list" not in payload:
            raise bad(TITLE)
        return rows(TITLE, payload, "list")

    def _further_numbers(
        self,
        search: Search,
        entity: str,
        found: Sequence[_Row],
        numbers: Sequence[str],
        deadline: Deadline,
    ) -> Mapping[str, str]:
        """Return the caller's number by the ids of the records that have it as a further one.

        All numbers of a record are searched, but a list shows only its first. So the server is
        asked once more, and exactly, about those whose first number is not the caller's.
        """
        if not isinstance(search.who, Caller):
            return {}
        number = search.who.number
        unclear = [
            text(row.get("id"))
            for row in found
            if not any(is_same(text(row.get(one)), number, self._country) for one in numbers)
        ]
        if not unclear:
            return {}
        exactly = _any_of([_is_exactly(one, number, self._country) for one in numbers])
        where = [_condition("in", "id", unclear), exactly]
        asked = {"where": where, "select": ["id"], "maxSize": len(unclear)}
        return {text(row.get("id")): number for row in self._list(entity, asked, deadline)}

    def _metadata(self, key: str, deadline: Deadline) -> Mapping[str, FieldValue]:
        payload = self._api.describe(f"{_API}/Metadata", deadline, {"key": key})
        if payload is None:
            raise unknown(TITLE)
        part = at_path(payload, key)  # before 8.2 all of it comes, whatever key is asked for
        described = payload if part is None else part
        if not isinstance(described, Mapping):
            raise bad(TITLE)
        return described


def _entity(module: str) -> str:
    return _ENTITIES.get(module) or name(TITLE, module)


def _condition(type_: str, attribute: str, value: Any) -> _Condition:
    return {"type": type_, "attribute": attribute, "value": value}


def _any_of(conditions: Sequence[_Condition]) -> _Condition:
    return {"type": "or", "value": conditions} if len(conditions) > 1 else conditions[0]


_NOT_CONVERTED = _any_of(
    [
        _condition("notEquals", "status", "Converted"),
        {"type": "isNull", "attribute": "status"},  # as SQL's “not equal” leaves those out
    ]
)


def _where(
    search: Search, known: Mapping[str, Field], numbers: Sequence[str]
) -> list[_Condition] | None:
    """Return what is searched for; None for what no record can have."""
    match search.who:
        case Caller(number):
            if not numbers:
                raise without_phones(TITLE, search.module, known)
            digits = national(number)  # before them a country code, behind them an extension
            return [_any_of([_condition("contains", f"{one}Numeric", digits) for one in numbers])]
        case KeyedDigits(digits, field):
            return _where_keyed(field, digits, known.get(field))


def _where_keyed(attribute: str, digits: str, field: Field | None) -> list[_Condition] | None:
    if field is not None and field.type is FieldType.NUMBER:
        if not is_number(digits):
            return None  # and PostgreSQL would fail: it compares no number with a text
        return [_condition("equals", attribute, int(digits))]
    if field is not None and field.type is FieldType.CHOICES:
        return [_condition("arrayAnyOf", attribute, [digits])]
    return [_condition("equals", attribute, digits)]


def _is_exactly(field: str, number: str, country: str) -> _Condition:
    """Return what the caller's number meets only: all its digits, or a spelling as it stands.

    Digits with a country code or a trunk zero will do in any layout. Without both, another
    country's number may have the same, as +20 25550101 and 202 555 0101.
    """
    digits, tried = number.removeprefix("+"), spellings(number, country)
    bare = (compact(one).removeprefix("+") for one in tried)
    dialled = (one for one in bare if one.startswith("0") or one != national(number))
    numeric = dict.fromkeys((digits, f"00{digits}", *dialled))

    def own(written: Iterable[str]) -> list[str]:
        return [one for one in written if not is_anothers(one, number, country)]

    return _any_of(
        [
            _condition("in", f"{field}Numeric", own(numeric)),
            _condition("in", field, own(tried)),
        ]
    )


def _refuse_unknown_fields(
    needed: Sequence[str], known: Mapping[str, Field], found: Sequence[_Row]
) -> None:
    """Raise `CrmMisconfigured` for a field that there is not; the server leaves it out in silence.

    Some that are there have no definition of their own, as accountId.
    """
    for one in needed if known and found else ():
        if one not in known and not any(one in row for row in found):
            raise unknown(TITLE, one)


def _order_by(search: Search, known: Mapping[str, Field]) -> str:
    field = name(TITLE, search.order.field) if search.order and search.order.field else _CREATED
    if known and field not in known and field != _CREATED:
        raise unknown(TITLE, field)  # the server would fail without saying why
    return field


def _fault(answer: HttpAnswer, payload: FieldValue) -> CrmError | None:
    """Read the reason, which stands in a header over an empty body."""
    reason = answer.headers.get("X-Status-Reason", "")
    if answer.status == 403 and reason.startswith("Max failed login attempts"):
        return throttled(TITLE, answer)
    return unknown(TITLE) if answer.status in (400, 404) and reason else None


def _build(connection: Connection, around: Surroundings) -> CrmClient:
    key = KeySignIn({"X-Api-Key": connection.secret(PASSWORD)})
    api = Api(TITLE, around.door, base_of(connection.url), key, _fault)
    return EspoCrmClient(api, around.book(connection), connection.country)


KIND = Kind(
    title=TITLE,
    build=_build,
    check=refuse_no_site,
    asks=(
        Ask(
            URL,
            "Site URL",
            "The address in the browser when you work in EspoCRM, up to the “#”, e.g. "
            "https://crm.example.com.",
        ),
        Ask(
            PASSWORD,
            "API Key",
            "In EspoCRM: Administration › API Users › your user, made with the authentication "
            "method “API Key” and a role that may read all records of what you search.",
        ),
    ),
    modules={
        "Contacts": "Contact",
        "Leads": "Lead, unless converted",
        "Accounts": "Account",
    },
    signs_in="API key of an API user",
)
