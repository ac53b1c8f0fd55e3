"""A small EspoCRM: search parameters in JSON, several numbers a record, reasons in a header."""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeAlias

from tests.wire.standin import Entry, Names, Request, Response, StandIn

_ENTITIES = {"Contacts": "Contact", "Leads": "Lead", "Accounts": "Account"}
_COMMON: dict[str, dict[str, Any]] = {
    "name": {"type": "varchar"},
    "createdAt": {"type": "datetime", "readOnly": True},
    "assignedUser": {"type": "link"},
}
_PERSON: dict[str, dict[str, Any]] = {
    "phoneNumber": {"type": "phone", "typeList": ["Mobile", "Office"]},
    "cTier": {"type": "varchar"},
    "cStage": {"type": "enum", "options": ["", "hot", "cold"]},
    "cBalance": {"type": "currency"},
    "cVip": {"type": "bool"},
    "cSince": {"type": "date"},
    "cAccountNo": {"type": "varchar"},
}
_DEFS: dict[str, dict[str, dict[str, Any]]] = {
    "Contact": {
        **_COMMON,
        **_PERSON,
        "account": {"type": "link"},
        "teams": {"type": "linkMultiple"},
        "targetLists": {"type": "linkMultiple", "noLoad": True},
        "address": {"type": "address"},
        "cTags": {"type": "multiEnum", "options": ["new", "vip"]},
        "cLevel": {"type": "enumInt", "options": [0, 1, 2]},
        "cIndustry": {"type": "enum", "optionsReference": "Account.industry"},
        "cSource": {"type": "enum", "translation": "Lead.options.source", "options": ["Call"]},
        "cRating": {"type": "enum", "options": ["A", "B"]},
        "cNumber": {"type": "int"},
        "cSeenAt": {"type": "datetime"},
        "cOld": {"type": "varchar", "disabled": True},
        "acceptanceStatus": {"type": "varchar", "utility": True},
        "cSecret": {"type": "varchar"},
    },
    "Lead": {
        **_COMMON,
        **_PERSON,
        "status": {"type": "enum", "options": ["New", "Converted", "Dead"]},
    },
    "Account": {**_COMMON, **_PERSON, "industry": {"type": "enum", "options": ["food"]}},
    "CStudent": {**_COMMON, **_PERSON},
    "Case": {**_COMMON, "number": {"type": "autoincrement"}},
}
_LABELS = {
    "Global": {
        "fields": {"createdAt": "Created At", "name": "Name"},
        "options": {"cRating": {"A": "Excellent", "B": "Good"}},
        "scopeNames": {"CStudent": "Student"},
    },
    "Account": {"options": {"industry": {"food": "Food & Drink"}}},
    "Lead": {"options": {"source": {"Call": "By phone"}}},
    "Contact": {
        "fields": {"cTier": "Tier", "account": "Account", "teams": "Teams"},
        "options": {
            "cStage": {"": "", "hot": "Hot Prospect", "cold": "Cold"},
            "cTags": {"new": "New", "vip": "Very Important"},
            "cLevel": ["None", "Basic", "Pro"],  # as PHP writes an array with the keys 0, 1, 2
        },
    },
}
_NUMBERS = {"currency", "int", "autoincrement", "enumInt"}

_Holds: TypeAlias = Callable[[Mapping[str, Any]], bool]


class _Refused(Exception):
    """Says no with a status and a reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.answer = Response(status, None, {"X-Status-Reason": reason} if reason else {})


class EspoCrm(StandIn):
    kind = "espocrm"
    hosts = ("crm.espo.test",)
    url = "https://crm.espo.test/"
    secrets: ClassVar = {"password": "d5f0e6a1c2b34711c0ffee"}
    names = Names(
        phones=("phoneNumber",),
        tier="cTier",
        stage="cStage",
        hot="hot",
        balance="cBalance",
        vip="cVip",
        since="cSince",
        account="cAccountNo",
    )

    def __init__(self) -> None:
        super().__init__()
        self.records: dict[str, list[Entry]] = defaultdict(list)
        self.hidden = {"cSecret"}
        """Fields that the user's role forbids."""
        self.knows_keys = True
        """Returns parts of the metadata; versions before 8.2 return all of it."""
        self.path = "/api/v1/"

    def add(self, module: str, further: tuple[str, ...] = (), **fields: Any) -> str:
        """Keep a record; `further` are its phone numbers after the first."""
        kept = self.records[_ENTITIES.get(module, module)]
        id_ = f"6b03{len(kept):013}"
        first = fields.pop("phoneNumber", None)
        known = {
            "id": id_,
            "createdAt": f"2026-01-01 10:{len(kept):02}:00",
            "numbers": [one for one in (first, *further) if one],
        }
        if module == "Leads":
            known["status"] = "New"
        kept.append(Entry(id_, known | fields))
        return id_

    def is_search(self, request: Request) -> bool:
        return request.path.rpartition("/")[2] not in ("Metadata", "I18n")

    def answer(self, request: Request) -> Response:
        if self.is_throttled:
            reason = "Max failed login attempts exceeded for IP address 192.0.2.7."
            return Response(403, None, {"X-Status-Reason": reason})
        key = request.headers.get("x-api-key")
        if self.refuses_signing_in or key != self.secrets["password"]:
            return Response(401)
        assert request.method == "GET"
        assert request.path.startswith(self.path)
        called = request.path.removeprefix(self.path)
        if called == "Metadata":
            return self._metadata(request.query.get("key", ""))
        if called == "I18n":
            assert request.query == {"default": "true"}
            return Response(body=_LABELS)
        try:
            return self._list(called, request)
        except _Refused as refused:
            return refused.answer

    def _metadata(self, key: str) -> Response:
        defs = {
            entity: {
                "fields": {one: about for one, about in fields.items() if one not in self.hidden}
            }
            for entity, fields in _DEFS.items()
        }
        business = {"entity": True, "object": True, "acl": True}
        scopes: dict[str, Any] = dict.fromkeys(_DEFS, business)
        scopes |= {"Team": {"entity": True}, "Calendar": {"entity": False}}
        scopes["CGone"] = business | {"disabled": True}
        part: Any = {"entityDefs": defs, "scopes": scopes, "clientDefs": {}}
        for step in key.split(".") if self.knows_keys else ():
            part = part.get(step) if isinstance(part, dict) else None
        return Response(body=b"null" if part is None else part)

    def _list(self, entity: str, request: Request) -> Response:
        if entity not in _DEFS:
            raise _Refused(404, f"Controller '{entity}' does not exist.")
        if self.forbids:
            raise _Refused(403, "No read access.")
        asked = self._asked(request.query.get("searchParams", ""))
        holds = [self._condition(entity, item) for item in asked.get("where", [])]
        hits = [one for one in self.records[entity] if all(hold(one.fields) for hold in holds)]
        self._sort(entity, hits, asked)
        found = [self._row(entity, one, asked) for one in hits[: asked["maxSize"]]]
        is_uncounted = request.headers.get("x-no-total") == "true"
        return Response(body={"total": -1 if is_uncounted else len(hits), "list": found})

    def _asked(self, sent: str) -> dict[str, Any]:
        try:
            asked: dict[str, Any] = json.loads(sent)
        except ValueError:
            raise _Refused(400, "Invalid search params JSON.") from None
        select, order, size = asked.get("select"), asked.get("order", "ASC"), asked.get("maxSize")
        if not (isinstance(select, list) and all(isinstance(one, str) for one in select)):
            raise _Refused(400, "select should be array.")
        if order not in ("ASC", "DESC"):
            raise _Refused(400, "order value is bad.")
        if not isinstance(size, int):
            raise _Refused(400, "maxSize must be integer.")
        if size > 200:
            raise _Refused(403, "Max size should not exceed 200. Use offset and limit.")
        return asked

    def _attributes(self, entity: str) -> dict[str, str]:
        """Return the attributes of an entity with their types."""
        attributes = {"id": "id", "deleted": "bool"}
        for one, about in _DEFS[entity].items():
            match about["type"]:
                case "phone":
                    attributes |= {one: "phone", f"{one}Numeric": "numeric", f"{one}Data": "data"}
                case "link":
                    attributes |= {f"{one}Id": "id", f"{one}Name": "varchar"}
                case "linkMultiple":
                    attributes |= {f"{one}Ids": "data", f"{one}Names": "data"}
                case "address":
                    attributes |= {f"{one}City": "varchar"}
                case type_:
                    attributes[one] = type_
        return attributes

    def _condition(self, entity: str, item: Any) -> _Holds:
        if not isinstance(item, dict) or not item.get("type"):
            raise _Refused(400, "Bad where item. No 'type'.")
        type_, value = item["type"], item.get("value")
        if type_ in ("or", "and"):
            if not isinstance(value, list):
                raise _Refused(400, "Bad where item.")
            parts = [self._condition(entity, one) for one in value]
            joined = any if type_ == "or" else all
            return lambda fields: joined(part(fields) for part in parts)
        attribute = item.get("attribute")
        if not attribute:
            raise _Refused(400, "Bad where item. No 'attribute'.")
        if re.search(r"[.:]", attribute):
            raise _Refused(403, "Complex expressions are forbidden in where.")
        kind = self._attributes(entity).get(attribute)
        if kind is None:
            raise _Refused(400, f"Not existing attribute '{attribute}' in where.")
        if attribute in self.hidden:
            raise _Refused(403, f"Forbidden attribute '{attribute}' in where.")
        return self._test(type_, attribute, kind, value)

    def _test(self, type_: str, attribute: str, kind: str, value: Any) -> _Holds:
        def stored(fields: Mapping[str, Any]) -> list[Any]:
            return _stored(fields, attribute, kind)

        match type_:
            case "equals" | "in":
                wanted = value if type_ == "in" else [value]
                return _is_any(stored, kind, wanted)
            case "notEquals":
                return lambda fields: any(_folded(one) != _folded(value) for one in stored(fields))
            case "isNull":
                return lambda fields: not stored(fields)
            case "arrayAnyOf":
                return lambda fields: bool(set(fields.get(attribute) or ()) & set(value))
            case "contains":
                pattern = _like(f"%{value}%")
                return lambda fields: any(
                    self.is_vague or pattern.fullmatch(str(one)) for one in stored(fields)
                )
        raise _Refused(400, f"Unknown where item type '{type_}'.")

    def _sort(self, entity: str, hits: list[Entry], asked: dict[str, Any]) -> None:
        by = asked.get("orderBy", "createdAt")
        if re.search(r"[.:]", by):
            raise _Refused(403, "Complex expressions are forbidden in 'orderBy'.")
        if by not in self._attributes(entity):
            raise _Refused(500, f"Order by non-existing field '{by}'.")
        hits.sort(
            key=lambda one: (one.fields.get(by) is not None, one.fields.get(by) or 0),
            reverse=asked.get("order") == "DESC",
        )

    def _row(self, entity: str, entry: Entry, asked: dict[str, Any]) -> dict[str, Any]:
        row = {"id": entry.id}
        for one in asked["select"]:
            kind = self._attributes(entity).get(one)
            if kind is None or one in self.hidden or one == "phoneNumberData":
                continue  # unknown names are ignored; data is loaded for single records only
            if kind == "phone":
                row[one] = next(iter(entry.fields["numbers"]), None)
            elif kind != "numeric":
                row[one] = entry.fields.get(one)
        return row


def _stored(fields: Mapping[str, Any], attribute: str, kind: str) -> list[Any]:
    """Return the values of an attribute as they stand in the tables that SQL searches."""
    if kind == "phone":
        return list(fields["numbers"])
    if kind == "numeric":
        return [re.sub(r"\D", "", one) for one in fields["numbers"]]
    found = fields.get(attribute)
    if found is None:
        return []
    return [json.dumps(found)] if kind == "multiEnum" else [found]


def _is_any(stored: Callable[[Mapping[str, Any]], list[Any]], kind: str, wanted: Any) -> _Holds:
    if not isinstance(wanted, list):
        raise _Refused(400, "Bad where item 'in'.")
    if kind in _NUMBERS and any(isinstance(one, str) for one in wanted):
        raise _Refused(500, "")  # PostgreSQL: a number and a text have no operator in common
    folded = [_folded(one) for one in wanted]
    return lambda fields: any(_folded(one) in folded for one in stored(fields))


def _folded(value: Any) -> Any:
    """Return a value as MySQL compares it."""
    return value.rstrip(" ").casefold() if isinstance(value, str) else value


def _like(pattern: str) -> re.Pattern[str]:
    signs = {"%": ".*", "_": "."}
    return re.compile("".join(signs.get(one, re.escape(one)) for one in pattern), re.DOTALL)
