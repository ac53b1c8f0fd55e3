"""A small Pipedrive: its index, records by version 2, leads by version 1, fields by pages."""

import re
from typing import Any, ClassVar

from tests.wire.standin import Names, Request, Response, StandIn

TIER = "1a" * 20
STAGE = "2b" * 20
BALANCE = "3c" * 20
SINCE = "4d" * 20
ACCOUNT = "5e" * 20
OTHER_PHONE = "6f" * 20
TAGS = "7a" * 20
PLACE = "8b" * 20
COUNT = "9c" * 20
MANY = [f"{number:040x}" for number in range(16)]

_CUSTOM = {
    TIER: ("Tier", "varchar"),
    STAGE: ("Stage", "enum"),
    BALANCE: ("Balance", "monetary"),
    SINCE: ("Since", "date"),
    ACCOUNT: ("Account number", "varchar"),
    OTHER_PHONE: ("Other phone", "phone"),
    TAGS: ("Tags", "set"),
    PLACE: ("Place", "address"),
    COUNT: ("Count", "double"),
} | {code: (f"Extra {code[-1]}", "varchar") for code in MANY}
_OPTIONS = {
    STAGE: [{"id": 12, "label": "Hot Prospect"}, {"id": 13, "label": "Cold"}],
    TAGS: [{"id": 1, "label": "vip"}, {"id": 2, "label": "new"}],
    "label_ids": [{"id": 7, "label": "Customer"}],
}
_PARTS = {"monetary": ("value", "currency"), "address": ("value", "locality", "country")}
_SEARCHABLE = {"address", "varchar", "text", "varchar_auto", "double", "monetary", "phone"}

_COMMON = {
    "id": "int",
    "name": "varchar",
    "owner_id": "user",
    "add_time": "date",
    "update_time": "date",
    "label_ids": "set",
    "is_deleted": "boolean",
}
# nobody can add a yes/no field to Pipedrive, but some of its own are
_OWN = {
    "person": _COMMON
    | {"phones": "phone", "emails": "varchar", "org_id": "org", "is_subscribed": "boolean"},
    "organization": _COMMON | {"address": "address"},
    "deal": {
        "title": "varchar",
        "value": "double",
        "currency": "varchar",
        "status": "status",
        "stage_id": "stage",
        "pipeline_id": "int",
        "person_id": "people",
        "is_archived": "boolean",
    }
    | {name: type_ for name, type_ in _COMMON.items() if name != "name"},
}
_COUNTS = {"won_deals_count": 3, "open_deals_count": 1}
_PATHS = {"persons": "person", "organizations": "organization", "deals": "deal"}
_MODULES = {"Contacts": "person", "Accounts": "organization", "Deals": "deal", "Leads": "lead"}
_READING = {
    "ids", "person_id", "org_id", "owner_id", "sort_by", "sort_direction", "include_fields",
    "custom_fields", "limit", "cursor",
}  # fmt: skip


class Pipedrive(StandIn):
    kind = "pipedrive"
    hosts = ("acme.pipedrive.com",)
    url = "https://acme.pipedrive.com/pipeline/1/user/everyone"
    needs_phone_fields = False
    secrets: ClassVar = {"password": "0123456789abcdef-api-token"}
    most_requests = 2
    names = Names(
        phones=("phones", OTHER_PHONE),
        tier=TIER,
        stage=STAGE,
        hot=12,
        balance=BALANCE,
        vip="is_subscribed",
        since=SINCE,
        account=ACCOUNT,
    )

    def __init__(self) -> None:
        super().__init__()
        self.records: dict[str, dict[str, dict[str, Any]]] = {
            entity: {} for entity in _MODULES.values()
        }
        self.page = 500
        """How many fields it lists at once, at most."""
        self.hides_users = False
        self.index_is_old = False
        """Its search still finds what has been deleted."""

    def add(self, module: str, **fields: Any) -> str:
        """Keep a record; one that has no numbers by itself gets a person who has them."""
        entity = _MODULES[module]
        if entity == "person":
            return self._keep(entity, fields)
        numbers = fields.pop("phones", None)
        if entity == "organization":
            id_ = self._keep(entity, fields)
            if numbers:
                self._keep("person", {"phones": numbers, "org_id": int(id_)})
            return id_
        if numbers:
            fields["person_id"] = int(self._keep("person", {"phones": numbers}))
        return self._keep(entity, fields)

    def _keep(self, entity: str, fields: dict[str, Any]) -> str:
        kept = self.records[entity]
        number = len(kept) + 1
        id_ = f"adf21080-0e10-11eb-879b-{number:012}" if entity == "lead" else str(number)
        record = {
            "id": id_ if entity == "lead" else number,
            "add_time": f"2026-01-{number:02}T10:00:00Z",
            "is_deleted": False,
            "is_archived": False,
        }
        for name, value in fields.items():
            record[name] = _stored(name, value)
        kept[id_] = record
        return id_

    def is_search(self, request: Request) -> bool:
        path = request.path
        return path.startswith("/api/v2/itemSearch") or path.rpartition("/")[2] in (
            *_PATHS,
            "leads",
        )

    def answer(self, request: Request) -> Response:
        assert request.method == "GET"
        assert "api_token" not in request.query
        token = request.headers.get("x-api-token")
        if self.refuses_signing_in or token != self.secrets["password"]:
            return _error(401, f"unauthorized access: {token}")
        if self.is_throttled:
            return _error(429, "Rate limit exceeded", {"x-ratelimit-reset": "2"})
        version, _, path = request.path.removeprefix("/api/").partition("/")
        if version == "v1":
            return self._version_1(path, request.query)
        assert version == "v2", request.path
        if path.endswith("Fields"):
            return self._fields(path.removesuffix("Fields"), request.query)
        if path in ("stages", "pipelines"):
            names = {"stages": ["Qualified", "Offer"], "pipelines": ["Sales"]}[path]
            return _ok([{"id": at, "name": name} for at, name in enumerate(names, 1)])
        if self.forbids:
            return _error(403, "You do not have permissions to do this")
        if path == "itemSearch":
            return self._item_search(request.query)
        if path == "itemSearch/field":
            return self._field_search(request.query)
        if path in _PATHS:
            return self._list(_PATHS[path], request.query)
        return _error(404, "Unknown method .")

    def _version_1(self, path: str, query: Any) -> Response:
        if path == "users/me":
            return _ok({"id": 7, "name": "Ada Agent", "company_domain": "acme"})
        if path == "users":
            if self.hides_users:
                return _error(403, "Forbidden")
            return _ok([{"id": 7, "name": "Ada Agent"}, {"id": 8, "name": "Bo Agent"}])
        if path == "leadLabels":
            return _ok([{"id": "f08b42a0-4e75", "name": "Hot lead", "color": "red"}])
        if self.forbids:
            return _error(403, "You do not have permissions to do this")
        if path == "leads":
            return self._leads(query)
        lead = self.records["lead"].get(path.removeprefix("leads/"))
        if lead is None or lead["is_deleted"]:
            return _error(404, "Lead not found")
        return _ok(_lead(lead))

    def _fields(self, entity: str, query: Any) -> Response:
        if entity not in _OWN:
            return _error(404, "Unknown method .")
        listed = [
            {"field_code": code, "field_name": code, "field_type": type_, "is_custom_field": False}
            for code, type_ in _OWN[entity].items()
        ]
        listed += [
            {"field_code": code, "field_name": name, "field_type": type_, "is_custom_field": True}
            for code, (name, type_) in _CUSTOM.items()
            if entity != "organization" or code != OTHER_PHONE or self._has_company_phones()
        ]
        for row in listed:
            row["options"] = _OPTIONS.get(row["field_code"])
            parts = _PARTS.get(row["field_type"])
            row["subfields"] = parts and [
                {"field_code": part, "field_name": f"{part} of it", "field_type": "varchar"}
                for part in parts
            ]
        start = int(query.get("cursor") or 0)
        end = start + min(int(query.get("limit", 100)), self.page)
        more = {"next_cursor": str(end) if end < len(listed) else None}
        return _ok(listed[start:end], more)

    def _has_company_phones(self) -> bool:
        return any(OTHER_PHONE in one for one in self.records["organization"].values())

    def _item_search(self, query: Any) -> Response:
        wrong = _not_allowed(query, {"term", "item_types", "fields", "limit", "cursor"})
        if wrong or not 1 <= int(query["limit"]) <= 100:
            return _error(400, wrong or "Validation failed: limit")
        if len(query["term"]) < 2:
            return _error(400, "Search term must have at least 2 characters.")
        fields = set(query["fields"].split(","))
        assert fields <= {"phone", "custom_fields"}
        items = [
            _item(entity, record, self.records["organization"])
            for entity in query["item_types"].split(",")
            for record in self.records[entity].values()
            if self._is_indexed(record) and self._is_hit(record, query["term"], fields)
        ]
        return _ok({"items": items[: int(query["limit"])]}, {"next_cursor": None})

    def _is_indexed(self, record: dict[str, Any]) -> bool:
        return self.index_is_old or not record["is_deleted"]

    def _is_hit(self, record: dict[str, Any], term: str, fields: set[str]) -> bool:
        """Look for the digits of a term within a number's, as the index does."""
        numbers = [one["value"] for one in record.get("phones", ())] if "phone" in fields else []
        texts = [
            str(record[code])
            for code, (_, type_) in _CUSTOM.items()
            if code in record and type_ in _SEARCHABLE and "custom_fields" in fields
        ]
        if self.is_vague:
            return bool(numbers)
        return any(_digits(term) in _digits(one) for one in [*numbers, *texts])

    def _field_search(self, query: Any) -> Response:
        wrong = _not_allowed(query, {"term", "entity_type", "field", "match", "limit", "cursor"})
        entity, field = query["entity_type"], query["field"]
        is_known = field in _OWN.get(entity, _OWN["deal"]).keys() - {"phones", "emails"}
        is_known = is_known or field in ("phone", "email")  # so they are called here
        if field in _CUSTOM:
            is_known = _CUSTOM[field][1] in _SEARCHABLE
        if wrong or query["match"] != "exact" or not is_known:
            return _error(400, wrong or "Validation failed: field")
        hits = [
            {"id": record["id"], field: query["term"]}
            for record in self.records[entity].values()
            if self._is_indexed(record)
            and query["term"] in _texts(record.get({"phone": "phones"}.get(field, field)))
        ]
        return _ok(hits[: int(query["limit"])], {"next_cursor": None})

    def _list(self, entity: str, query: Any) -> Response:
        wrong = _not_allowed(query, _READING)
        custom = query["custom_fields"].split(",") if "custom_fields" in query else list(_CUSTOM)
        ids = query["ids"].split(",") if "ids" in query else None
        included = query["include_fields"].split(",") if "include_fields" in query else []
        sort = query.get("sort_by", "id"), query.get("sort_direction", "asc")
        if (
            wrong
            or not set(custom) <= _CUSTOM.keys()
            or ("custom_fields" in query and len(custom) > 15)
            or not set(included) <= _COUNTS.keys()
            or sort[0] not in ("id", "add_time", "update_time")
            or sort[1] not in ("asc", "desc")
            or len(ids or ()) > 100
            or not all(id_.isdigit() for id_ in ids or ())
        ):
            return _error(400, wrong or "Validation failed")
        kept = [
            record
            for id_, record in self.records[entity].items()
            if (ids is None or id_ in ids)
            and ("person_id" not in query or str(record.get("person_id")) == query["person_id"])
        ]
        kept.sort(key=lambda one: one.get(sort[0]), reverse=sort[1] == "desc")
        listed = [
            {code: record.get(code) for code in _OWN[entity]}
            | {code: _COUNTS[code] for code in included}
            | {"custom_fields": {code: record.get(code) for code in custom}}
            for record in kept[: int(query.get("limit", 100))]
        ]
        return _ok(listed, {"next_cursor": None})

    def _leads(self, query: Any) -> Response:
        wrong = _not_allowed(query, {"person_id", "organization_id", "sort", "limit", "start"})
        by = "id|title|owner_id|creator_id|was_seen|expected_close_date|add_time|update_time"
        sort = re.fullmatch(rf"({by}) (ASC|DESC)", query.get("sort", "add_time ASC"))
        if wrong or sort is None:
            return _error(400, wrong or "Invalid sort")
        kept = [
            record
            for record in self.records["lead"].values()
            if not record["is_archived"] and str(record.get("person_id")) == query["person_id"]
        ]
        kept.sort(key=lambda one: one.get(sort[1]), reverse=sort[2] == "DESC")
        return _ok([_lead(one) for one in kept[: int(query["limit"])]] or None)


def _stored(name: str, value: Any) -> Any:
    if name == "phones":
        numbers = [value] if isinstance(value, str) else value
        labels = ("work", "mobile", "home")
        return [
            {"value": one, "primary": at == 0, "label": labels[at % 3]}
            for at, one in enumerate(numbers)
        ]
    if name == BALANCE and not isinstance(value, dict):
        return {"value": value, "currency": "USD"}
    return value


def _item(entity: str, record: dict[str, Any], accounts: dict[str, Any]) -> dict[str, Any]:
    item = {"id": record["id"], "type": entity, "name": record.get("name"), "custom_fields": []}
    if entity == "person":
        account = accounts.get(str(record.get("org_id")))
        item["phones"] = [one["value"] for one in record.get("phones", ())]
        item["organization"] = account and {"id": account["id"], "name": account.get("name")}
    return {"result_score": 0.3, "item": item}


def _lead(record: dict[str, Any]) -> dict[str, Any]:
    """Return a lead as version 1 does: custom fields beside its own, and only those filled."""
    lead = {"title": None, "value": None, "label_ids": [], "owner_id": 7, "was_seen": False}
    for name, value in record.items():
        if name in _CUSTOM and isinstance(value, dict):
            lead |= {name if part == "value" else f"{name}_{part}": value[part] for part in value}
        elif name in _CUSTOM and isinstance(value, list):
            lead[name] = ",".join(map(str, value))
        else:
            lead[name] = value
    return {name: value for name, value in lead.items() if name != "is_deleted"}


def _texts(value: Any) -> list[str]:
    if isinstance(value, list):
        return [text for one in value for text in _texts(one)]
    if isinstance(value, dict):
        return _texts(value.get("value"))
    return [] if value is None else [str(value)]


def _digits(text: str) -> str:
    return re.sub(r"[^0-9A-Za-z]", "", text).lower()


def _not_allowed(query: Any, allowed: set[str]) -> str:
    others = [name for name in query if name not in allowed]
    return f"Validation failed: Parameter {others} is not allowed" if others else ""


def _ok(data: Any, more: Any = None) -> Response:
    return Response(body={"success": True, "data": data, "additional_data": more})


def _error(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    body = {
        "success": False,
        "error": message,
        "errorCode": status,
        "error_info": "Please check developers.pipedrive.com",
    }
    return Response(status, body, headers or {})
