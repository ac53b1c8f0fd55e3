"""A small HubSpot: properties, schemas, and the CRM search with its limits."""

from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar

import phonenumbers

from tests.wire.standin import Entry, Names, Request, Response, StandIn

_PHONE, _TEXT = ("string", "phonenumber"), ("string", "text")
_WORKED_OUT = {
    "hs_searchable_calculated_phone_number": "phone",
    "hs_searchable_calculated_mobile_number": "mobilephone",
}
_COMMON = {
    "createdate": ("datetime", "date"),
    "phone": _PHONE,
    "tier": _TEXT,
    "stage": ("enumeration", "radio"),
    "interests": ("enumeration", "checkbox"),
    "hubspot_owner_id": ("enumeration", "select"),
    "balance": ("number", "number"),
    "member_no": ("number", "number"),
    "vip": ("enumeration", "booleancheckbox"),
    "opted_out": ("bool", "calculation_equation"),
    "since": ("date", "date"),
    "customer_no": _TEXT,
    "hs_map": ("object_coordinates", "text"),
    "hs_secret": _TEXT,
}
_PROPERTIES = {
    "contacts": _COMMON
    | {
        "mobilephone": _PHONE,
        "hs_whatsapp_phone_number": _PHONE,
        "hs_calculated_phone_number": _PHONE,
    }
    | dict.fromkeys(_WORKED_OUT, ("phone_number", "phonenumber")),
    "companies": _COMMON | {"name": _TEXT},
    "deals": {"createdate": ("datetime", "date"), "dealname": _TEXT, "ticket_no": _TEXT},
    "p8_visitors": {"hs_createdate": ("datetime", "date"), "tier": _TEXT, "code": _TEXT}
    | {f"phone_{number}": _PHONE for number in range(11)},
}
_HIDDEN = {"hs_secret", *_WORKED_OUT}
_OPTIONS = {
    "stage": {"hot": "Hot Prospect", "cold": "Cold", "off": "Out of use"},
    "interests": {"tea": "Tea", "fine_arts": "Fine Arts"},
    "vip": {"true": "Yes", "false": "No"},
}
_MOST_GROUPS, _MOST_CHARACTERS, _MOST_ROWS, _MOST_VALUES = 5, 3000, 200, 100


class HubSpot(StandIn):
    kind = "hubspot"
    hosts = ("api.hubapi.com",)
    url = "https://api.hubapi.com"
    secrets: ClassVar = {"password": "pat-eu1-secret-4711"}
    names = Names(
        phones=("phone", "mobilephone", "hs_whatsapp_phone_number"),
        tier="tier",
        stage="stage",
        hot="hot",
        balance="balance",
        vip="vip",
        since="since",
        account="customer_no",
    )

    def __init__(self) -> None:
        super().__init__()
        self.records: dict[str, list[Entry]] = defaultdict(list)
        self.has_own_objects = True
        self.tells_properties = True
        self.further: dict[str, tuple[str, str]] = {}
        """Properties that an account has added to its contacts, with type and field type."""

    def add(self, module: str, **fields: Any) -> str:
        object_ = {"Contacts": "contacts", "Leads": "contacts", "Accounts": "companies"}
        kept = self.records[object_.get(module, module)]
        id_ = str(501 + len(kept))
        created = f"2026-01-{len(kept) // 60 + 1:02}T10:{len(kept) % 60:02}:00.678Z"
        worked_out = {
            name: _digits(fields[typed]) for name, typed in _WORKED_OUT.items() if typed in fields
        }
        stored = {name: _stored(value) for name, value in fields.items()}
        times = {"createdate": created, "hs_createdate": created}
        kept.append(Entry(id_, times | stored | worked_out))
        return id_

    def is_search(self, request: Request) -> bool:
        return request.path.endswith("/search")

    def answer(self, request: Request) -> Response:
        expected = f"Bearer {self.secrets['password']}"
        if self.refuses_signing_in or request.headers.get("authorization") != expected:
            said = "Authentication credentials not found."
            return _error(401, said, "INVALID_AUTHENTICATION")
        match request.method, request.path.removeprefix("/crm/v3/").split("/"):
            case "GET", ["schemas"]:
                return self._schemas()
            case "GET", ["properties", object_]:
                return self._properties(object_)
            case "POST", ["objects", object_, "search"]:
                return self._search(object_, request)
        return Response(404, b"<h1>Not found</h1>")

    def _schemas(self) -> Response:
        if not self.has_own_objects:
            return _error(403, "This app hasn't been granted all required scopes", "MISSING_SCOPES")
        own = {"name": "visitors", "fullyQualifiedName": "p8_visitors", "objectTypeId": "2-123"}
        return Response(body={"results": [own]})

    def _properties(self, object_: str) -> Response:
        if object_ not in _PROPERTIES:
            return _error(400, f"Unable to infer object type from: {object_}")
        if not self.tells_properties:
            return _error(403, "This app hasn't been granted all required scopes", "MISSING_SCOPES")
        listed = self._known(object_).items()
        return Response(body={"results": [_described(name, *types) for name, types in listed]})

    def _known(self, object_: str) -> dict[str, tuple[str, str]]:
        return _PROPERTIES[object_] | (self.further if object_ == "contacts" else {})

    def _search(self, object_: str, request: Request) -> Response:
        assert request.headers["content-type"] == "application/json"
        if self.is_throttled:
            return _error(429, "You have reached your secondly limit.", "RATE_LIMITS")
        if self.forbids:
            return _error(403, "This app hasn't been granted all required scopes", "MISSING_SCOPES")
        if object_ not in _PROPERTIES:
            return _error(400, f"Unable to infer object type from: {object_}")
        try:
            search = _Search(request.json, self._known(object_))
        except _Refused as refused:
            return _error(
                400, f"There was a problem with the request: {refused}", "VALIDATION_ERROR"
            )
        if len(request.body) > _MOST_CHARACTERS:
            return _error(400, "The request is too long", "VALIDATION_ERROR")
        found = [one for one in self.records[object_] if self.is_vague or search.holds(one.fields)]
        found.sort(key=lambda one: search.rank(one.fields), reverse=search.is_descending)
        known = self._known(object_)
        wanted = [one for one in search.properties if one in known]  # and not a word of others
        results = [_row(one, wanted) for one in found[: search.limit]]
        return Response(body={"total": len(found), "results": results})


class _Refused(Exception):
    pass


class _Search:
    """A search as HubSpot reads it; raises _Refused for what it doesn't take."""

    def __init__(self, body: dict[str, Any], known: dict[str, tuple[str, str]]) -> None:
        self._known = known
        if not body.keys() <= {"filterGroups", "sorts", "properties", "limit", "after", "query"}:
            raise _Refused("unknown key")
        groups = [group["filters"] for group in body["filterGroups"]]
        if not 0 < len(groups) <= _MOST_GROUPS or any(len(filters) > 6 for filters in groups):
            raise _Refused("too many filters")
        self._groups = [[self._filter(one) for one in filters] for filters in groups]
        [sort] = body["sorts"]
        self._sorted_by = self._property(sort["propertyName"])
        self.is_descending = {"DESCENDING": True, "ASCENDING": False}[sort["direction"]]
        self.properties: list[str] = body["properties"]
        self.limit: int = body["limit"]
        if not 0 < self.limit <= _MOST_ROWS:
            raise _Refused("limit")

    def holds(self, fields: dict[str, Any]) -> bool:
        return any(all(one(fields) for one in filters) for filters in self._groups)

    def rank(self, fields: dict[str, Any]) -> tuple[bool, Any]:
        value = fields.get(self._sorted_by)
        is_number = self._known[self._sorted_by][0] == "number"
        return value is not None, Decimal(value or 0) if is_number else value or ""

    def _property(self, name: str) -> str:
        if name not in self._known:
            raise _Refused(f"Property {name} does not exist")
        return name

    def _filter(self, sent: dict[str, Any]) -> Callable[[dict[str, Any]], bool]:
        name = self._property(sent["propertyName"])
        type_ = self._known[name][0]
        match sent:
            case {"operator": "EQ", "value": str(value), **rest} if len(rest) == 1:
                return lambda fields: _same(type_, fields.get(name), value)
            case {"operator": "IN", "values": [*values], **rest} if len(rest) == 1:
                # in a list, texts are compared with stored ones made small: send them small
                if not 0 < len(values) <= _MOST_VALUES:
                    raise _Refused("values")
                return lambda fields: str(fields.get(name) or "").lower() in values
        raise _Refused("operator")


def _same(type_: str, stored: str | None, value: str) -> bool:
    match type_:
        case "number":
            try:
                return Decimal(value) == Decimal(stored or "NaN")
            except InvalidOperation as error:
                raise _Refused("not a number") from error
        case "enumeration":
            return stored == value
    return (stored or "").lower() == value.lower()


def _digits(typed: str) -> str:
    """Return what HubSpot works out of a number: neither country code nor leading zeros."""
    try:
        parsed = phonenumbers.parse(typed, "US")
    except phonenumbers.NumberParseException:
        return ""
    return str(parsed.national_number)


def _stored(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)


def _row(entry: Entry, properties: list[str]) -> dict[str, Any]:
    usual = {"hs_object_id": entry.id, "createdate": entry.fields["createdate"]}
    sent = {name: entry.fields.get(name) for name in properties}
    return {
        "id": entry.id,
        "properties": usual | sent,
        "createdAt": entry.fields["createdate"],
        "updatedAt": entry.fields["createdate"],
        "archived": False,
    }


def _described(name: str, type_: str, field_type: str) -> dict[str, Any]:
    return {
        "name": name,
        "label": f"Our {name}",
        "type": type_,
        "fieldType": field_type,
        "hidden": name in _HIDDEN,
        "calculated": name in _WORKED_OUT,
        "externalOptions": name == "hubspot_owner_id",
        "options": [
            {"value": value, "label": label, "hidden": value == "off", "displayOrder": 0}
            for value, label in _OPTIONS.get(name, {}).items()
        ],
    }


def _error(status: int, message: str, category: str = "") -> Response:
    body = {"status": "error", "message": message, "correlationId": "aeb5f871-7f07-4993"}
    return Response(status, body | ({"category": category} if category else {}))
