"""A small Zendesk Support: its search language over users, organizations and tickets."""

import base64
import re
from collections.abc import Mapping
from typing import Any, ClassVar

from tests.wire.standin import Names, Request, Response, StandIn

_OPTIONS = {
    "stage": [{"name": "Hot Prospect", "value": "stage_hot"}, {"name": "Cold", "value": "cold"}],
    "products": [{"name": "Phone System", "value": "prod_phone"}, {"name": "Fax", "value": "fax"}],
}
_CUSTOM = {
    "tier": "text",
    "stage": "dropdown",
    "balance": "decimal",
    "vip": "checkbox",
    "since": "date",
    "account_no": "text",
    "number": "integer",
    "products": "multiselect",
    "notes": "textarea",
    "retired": "text",
}
ORDER_NO, TOPIC = 360001, 360002
_OF_TICKETS = {ORDER_NO: "text", TOPIC: "tagger", 1: "status", 2: "subject"}
_TOPICS = [{"name": "Billing question", "value": "billing"}]
_MODULES = {"Contacts": "users", "Accounts": "organizations", "Tickets": "tickets"}
_HOLDERS = {"users": "user_fields", "organizations": "organization_fields"}
_STATUSES = ["new", "open", "pending", "hold", "solved", "closed"]
_TERM = re.compile(r'(\w+)(:|<)("[^"]*"|[^\s"]+)')


class Zendesk(StandIn):
    kind = "zendesk"
    hosts = ("acme.zendesk.com",)
    url = "https://acme.zendesk.com/agent/dashboard"
    options: ClassVar = {"username": "ada@acme.example"}
    needs_phone_fields = False
    secrets: ClassVar = {"password": "zendesk-api-token-4711"}
    most_requests = 1
    finds_extensions = False
    names = Names(
        phones=("phone",),
        tier="tier",
        stage="stage",
        hot="stage_hot",
        balance="balance",
        vip="vip",
        since="since",
        account="account_no",
    )

    def __init__(self) -> None:
        super().__init__()
        self.records: dict[str, list[dict[str, Any]]] = {one: [] for one in _MODULES.values()}
        self.page = 100
        """How many fields it lists at once, at most."""
        self.index = "digits"
        """How it has numbers in its index: as `digits`, or as the `words` between punctuation."""
        self.answers_strangers = False
        """As to nobody, where the credentials are wrong, when it is asked who asks."""
        self.role = "admin"
        self.hides_groups = False
        self.hides_fields = False

    def add(self, module: str, **fields: Any) -> str:
        """Keep a record; one that has no number by itself gets an end user who has it."""
        plural = _MODULES[module]
        phone = fields.pop("phone", None)
        if plural == "users":
            return self._keep(plural, {"phone": phone} | fields)
        if plural == "tickets":
            if phone:
                fields["requester_id"] = int(self._keep("users", {"phone": phone}))
            return self._keep(plural, fields)
        id_ = self._keep(plural, fields)
        if phone:
            self._keep("users", {"phone": phone, "organization_id": int(id_)})
        return id_

    def _keep(self, plural: str, fields: dict[str, Any]) -> str:
        kept = self.records[plural]
        record: dict[str, Any] = {
            "id": len(kept) + 1,
            "name": None,
            "created_at": f"2026-01-{len(kept) + 1:02}T10:00:00Z",
            "result_type": plural[:-1],
        }
        if plural == "users":
            record |= {"phone": None, "role": "end-user", "active": True, "organization_id": None}
        if plural == "tickets":
            own = {ORDER_NO: None, TOPIC: None} | fields.pop("custom", {})
            record |= {"status": "open", "requester_id": None, "priority": None, "group_id": None}
            record["custom_fields"] = [{"id": id_, "value": value} for id_, value in own.items()]
            record |= fields
        else:
            holder = dict.fromkeys(key for key in _CUSTOM if key != "retired")
            for key, value in fields.items():
                if key in holder and not key.startswith("notes"):
                    holder[key] = f"{value}T00:00:00+00:00" if key == "since" else value
                else:
                    record[key] = value
            record[_HOLDERS[plural]] = holder
        kept.append(record)
        return str(record["id"])

    def is_search(self, request: Request) -> bool:
        return request.path.endswith(("/search.json", "/show_many.json"))

    def answer(self, request: Request) -> Response:
        assert request.method == "GET"
        path = request.path.removeprefix("/api/v2/")
        pair = f"{self.options['username']}/token:{self.secrets['password']}"
        expected = f"Basic {base64.b64encode(pair.encode()).decode()}"
        if self.refuses_signing_in or request.headers.get("authorization") != expected:
            if path == "users/me.json" and self.answers_strangers:
                return Response(body={"user": {"id": None, "name": "Anonymous user"}})
            return Response(401, {"error": "Couldn't authenticate you"})
        if self.is_throttled:
            body = b"Number of allowed API requests per minute exceeded"
            return Response(429, body, {"Retry-After": "55", "Content-Type": "text/plain"})
        if path in ("users/me.json", "groups.json"):
            return self._agents(path)
        if path.endswith("_fields.json"):
            return self._fields(path.removesuffix(".json"), request.query)
        if self.forbids:
            error = {"title": "Forbidden", "message": "You do not have access to this page."}
            return Response(403, {"error": error})
        if path == "search.json":
            return self._search(request.query)
        plural, _, name = path.partition("/")
        if plural in self.records and name == "show_many.json":
            return self._show_many(plural, request.query["ids"].split(","))
        return Response(404, {"error": "InvalidEndpoint", "description": "Not found"})

    def _agents(self, path: str) -> Response:
        if path == "users/me.json":
            return Response(body={"user": {"id": 1, "role": self.role}})
        if self.hides_groups:
            return Response(403, {"error": "Forbidden", "description": "No"})
        return Response(body={"groups": [{"id": 20, "name": "Level 2"}]})

    def _show_many(self, plural: str, ids: list[str]) -> Response:
        if len(ids) > 100 or not all(re.fullmatch(r"[0-9]+", one) for one in ids):
            return Response(400, {"error": "invalid", "description": "ids"})
        found = [one for one in self.records[plural] if str(one["id"]) in ids]
        return Response(body={plural: found, "count": len(found)})

    def _fields(self, name: str, query: Mapping[str, str]) -> Response:
        if self.hides_fields:
            return Response(403, {"error": "Forbidden", "description": "No"})
        if name == "ticket_fields":
            listed: list[dict[str, Any]] = [
                {"id": id_, "type": type_, "title": f"Field {id_}", "active": True}
                | ({"custom_field_options": _TOPICS} if type_ == "tagger" else {})
                for id_, type_ in _OF_TICKETS.items()
            ]
        elif name in _HOLDERS.values():
            listed = [
                {"id": at, "key": key, "type": type_, "title": key.title(), "raw_title": "{{x}}"}
                | {"active": key != "retired", "custom_field_options": _OPTIONS.get(key)}
                for at, (key, type_) in enumerate(_CUSTOM.items())
            ]
        else:
            return Response(404, {"error": "InvalidEndpoint", "description": "Not found"})
        start = int(query.get("page[after]") or 0)
        end = start + min(int(query["page[size]"]), self.page)
        meta = {"has_more": end < len(listed), "after_cursor": str(end)}
        return Response(body={name: listed[start:end], "meta": meta, "links": {}})

    def _search(self, query: Mapping[str, str]) -> Response:
        by = query.get("sort_by", "created_at")
        asked = query["query"]
        left = _TERM.sub("", asked)
        if (
            set(query) - {"query", "per_page", "page", "sort_by", "sort_order", "include"}
            or not 1 <= int(query["per_page"]) <= 100
            or by not in ("updated_at", "created_at", "priority", "status", "ticket_type")
            or query.get("sort_order", "desc") not in ("asc", "desc")
            or '"' in left
            or len(asked.split()) > 64
        ):
            return Response(422, {"error": "invalid", "description": f"Invalid search: {asked}"})
        terms: dict[str, list[tuple[str, str]]] = {}
        for keyword, operator, value in _TERM.findall(asked):
            terms.setdefault(keyword, []).append((operator, value))
        found = [
            record
            for plural, kept in self.records.items()
            for record in kept
            if not left.strip() and self._holds(plural, record, terms)
        ]
        is_up = query.get("sort_order") == "asc"
        found.sort(key=lambda one: str(one.get(by) or ""), reverse=not is_up)
        page = found[: int(query["per_page"])]
        return Response(body={"results": page, "facets": None, "count": len(found)})

    def _holds(
        self, plural: str, record: dict[str, Any], terms: dict[str, list[tuple[str, str]]]
    ) -> bool:
        """Say whether a record has one of the values of every keyword."""
        return all(
            any(self._has(plural, record, keyword, *one) for one in values)
            for keyword, values in terms.items()
        )

    def _has(
        self, plural: str, record: dict[str, Any], keyword: str, operator: str, value: str
    ) -> bool:
        if keyword == "type":
            return value == plural[:-1]
        if keyword == "status":
            at = _STATUSES.index(value)
            is_before = _STATUSES.index(record.get("status", "closed")) < at
            return is_before if operator == "<" else record.get("status") == value
        if keyword == "phone" and record.get("phone"):
            return self.is_vague or self._has_number(record["phone"], value)
        if keyword == "requester":
            return str(record.get("requester_id")) == value
        if keyword in ("role", "external_id"):
            return str(record.get(keyword)) == value.strip('"')
        own = record.get(_HOLDERS.get(plural, ""), {})
        type_ = _CUSTOM.get(keyword, "")
        if plural == "tickets":
            own = {f"custom_field_{one['id']}": one["value"] for one in record["custom_fields"]}
            type_ = "text"
        stored = own.get(keyword)
        if type_ in ("integer", "decimal"):
            return stored is not None and value.isdecimal() and float(stored) == float(value)
        return type_ in ("text", "textarea") and _words(value) <= _words(stored) != set()

    def _has_number(self, stored: str, value: str) -> bool:
        digits = re.sub(r"\D", "", value)
        if self.index == "words":
            if value.startswith("*"):
                return any(one.endswith(digits) for one in _words(stored))
            return _words(value) <= _words(stored)
        if value.startswith('"'):
            return False  # words that are not in this index
        kept = re.sub(r"\D", "", stored)
        return kept.endswith(digits) if value.startswith("*") else kept == digits


def _words(text: Any) -> set[str]:
    return set(re.findall(r"\w+", str(text or "").lower()))
