"""A small Freshsales: filtered searches, lookups, settings and selectors behind an API key."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, ClassVar

from tests.wire.standin import Entry, Names, Request, Response, StandIn

ENTITIES = {
    "contact": "contacts",
    "lead": "leads",
    "sales_account": "sales_accounts",
    "deal": "deals",
}
_MODULES = {"Contacts": "contact", "Leads": "contact", "Accounts": "sales_account", "Deals": "deal"}
_PERSON = ("mobile_number", "work_number")
_OWN = {
    "contact": {*_PERSON, "lifecycle_stage_id", "contact_status_id", "owner_id"},
    "lead": {*_PERSON, "owner_id"},
    "sales_account": {"phone", "contact_status_id", "owner_id"},
    "deal": {"amount", "owner_id"},
}
_KEPT = {"id", "created_at", "updated_at", "is_deleted"}
_FIELDS: dict[str, dict[str, Any]] = {
    "mobile_number": {"label": "Mobile", "type": "text"},
    "work_number": {"label": "Work", "type": "text"},
    "phone": {"label": "Phone", "type": "text"},
    "lifecycle_stage_id": {"label": "Lifecycle stage", "type": "dropdown"},
    "contact_status_id": {"label": "Status", "type": "dropdown"},
    "owner_id": {"label": "Sales owner", "type": "auto_complete"},
    "external_id": {"label": "External ID", "type": "text"},
    "amount": {"label": "Deal value", "type": "decimal"},
    "emails": {"label": "Emails", "type": "group_field"},
    "phone_numbers": {"label": "Other phone numbers", "type": "group_field"},
    "tags": {"label": "Tags", "type": "group_field"},
    "cf_tier": {"label": "Tier", "type": "text"},
    "cf_stage": {
        "label": "Plan",
        "type": "dropdown",
        "choices": [{"id": 1, "value": "Gold"}, {"id": 2, "value": "Silver"}],
    },
    "cf_balance": {"label": "Balance", "type": "decimal"},
    "cf_number": {"label": "Number", "type": "number"},
    "cf_vip": {"label": "VIP", "type": "checkbox"},
    "cf_since": {"label": "Customer since", "type": "date"},
    "cf_interests": {
        "label": "Interests",
        "type": "multi_select_dropdown",
        "choices": [{"id": 1, "value": "Tea"}, {"id": 2, "value": "Coffee"}],
    },
    "cf_account": {"label": "Account No.", "type": "text"},
}
_COMMON = {"external_id", "emails", "phone_numbers", "tags"}
LEAD, CUSTOMER = 71001, 71003
STAGES = {LEAD: "Lead", 71002: "Sales Qualified Lead", CUSTOMER: "Customer"}
_STATUSES = {4001: "Hot Prospect", 4002: "Cold"}


class Freshsales(StandIn):
    kind = "freshsales"
    hosts = ("acme.myfreshworks.com", "acme.freshsales.io")
    url = "https://acme.myfreshworks.com/crm/sales"
    finds_extensions = False
    secrets: ClassVar = {"password": "api-key-4711-secret"}
    most_requests = 2
    names = Names(
        phones=_PERSON,
        tier="cf_tier",
        stage="contact_status_id",
        hot=4001,
        balance="cf_balance",
        vip="cf_vip",
        since="cf_since",
        account="cf_account",
    )
    phones_in: ClassVar = {"Accounts": "phone"}

    def __init__(self) -> None:
        super().__init__()
        self.records: dict[str, list[Entry]] = defaultdict(list)
        self.base = "/crm/sales/api"
        self.stages = STAGES
        self.selectors = {"lifecycle_stages", "contact_statuses", "owners"}
        """Those that this user may see."""
        self.undescribed: set[str] = set()
        self.further: dict[str, dict[str, Any]] = {}
        """Fields that this account has beside the usual ones."""
        self.is_thin = False
        """Leaves out of what a search finds all but a few fields, whatever it was asked."""

    def add(self, module: str, **fields: Any) -> str:
        is_classic_lead = module == "Leads" and self.base == "/api"
        kept = self.records["lead" if is_classic_lead else _MODULES[module]]
        id_ = 15001 + len(kept)
        start = {
            "id": id_,
            "created_at": f"2026-01-{len(kept) % 28 + 1:02}T10:{len(kept) // 28:02}:00-08:00",
            "is_deleted": False,
            "custom_field": {},
        }
        if module in ("Contacts", "Leads"):
            start["lifecycle_stage_id"] = LEAD if module == "Leads" else CUSTOMER
        own = {name: value for name, value in fields.items() if not name.startswith("cf_")}
        custom = {name: _sent(name, fields[name]) for name in fields if name not in own}
        kept.append(Entry(str(id_), {**start, **own, "custom_field": custom}))
        return str(id_)

    def is_search(self, request: Request) -> bool:
        return "/filtered_search/" in request.path or request.path.endswith("/lookup")

    def answer(self, request: Request) -> Response:
        if request.headers.get("accept") != "application/json":
            return Response(302, headers={"Location": "/login"})
        key = f"Token token={self.secrets['password']}"
        if self.refuses_signing_in or request.headers.get("authorization") != key:
            return Response(401, {"login": "failed", "message": None})
        if self.is_throttled:
            return Response(429, b"Too many requests", {"Content-Type": "text/plain"})
        if not request.path.startswith(f"{self.base}/"):
            return Response(404)
        path = request.path.removeprefix(f"{self.base}/").split("/")
        return self._served(request, path)

    def _served(self, request: Request, path: list[str]) -> Response:
        match request.method, path:
            case "GET", ["settings", plural, "fields"] if plural in self._entities().values():
                (entity,) = (one for one, named in ENTITIES.items() if named == plural)
                return Response(body={"fields": list(self._described(entity))})
            case "GET", ["selector", selector]:
                return self._selector(selector)
            case "POST", ["filtered_search", entity] if entity in self._entities():
                return self._filtered(request, entity)
            case "GET", ["lookup"]:
                return self._lookup(request)
            case "GET", [plural, id_] if plural in ENTITIES.values():
                return self._record(plural, id_)
        return Response(404)

    def _entities(self) -> dict[str, str]:
        return {
            one: plural for one, plural in ENTITIES.items() if one != "lead" or self.base == "/api"
        }

    def _known(self, entity: str) -> list[str]:
        known = _OWN[entity] | _COMMON | {name for name in _FIELDS if name.startswith("cf_")}
        return [*self.further, *(name for name in _FIELDS if name in known)]

    def _described(self, entity: str) -> Iterable[dict[str, Any]]:
        for name in self._known(entity):
            if name not in self.undescribed:
                is_own = not name.startswith("cf_")
                told = {**_FIELDS, **self.further}[name]
                yield {"name": name, "choices": [], "default": is_own, **told}

    def _selector(self, selector: str) -> Response:
        if selector not in self.selectors:
            return error(403, "You are not authorized to perform this action.")
        match selector:
            case "lifecycle_stages":
                return Response(body={selector: _listed(self.stages)})
            case "contact_statuses":
                return Response(body={selector: _listed(_STATUSES)})
        return Response(body={"users": [{"id": 7, "display_name": "Jo Doe", "email": "jo@x.test"}]})

    def _filtered(self, request: Request, entity: str) -> Response:
        if self.forbids:
            return error(403, "You are not authorized to perform this action.")
        body, query = request.json, request.query
        known = {*self._known(entity), *_KEPT}
        if query.keys() != {"page", "per_page"} or not 1 <= int(query["per_page"]) <= 100:
            return error(400, "Page is invalid")
        if body.keys() != {"filter_rule", "detail", "sort", "sort_type"}:
            return error(400, "Unpermitted parameter")
        if body["sort"] not in known or body["sort"].startswith("cf_"):
            return error(400, f"Cannot sort by {body['sort']}")
        for rule in body["filter_rule"]:
            if rule.keys() != {"attribute", "operator", "value"} or rule["operator"] != "is_in":
                return error(400, "Filter rule is invalid")
            if rule["attribute"] not in known or not rule["value"]:
                return error(400, f"Attribute {rule['attribute']} is invalid")
            if _FIELDS.get(rule["attribute"], {}).get("type") in ("number", "decimal"):
                return error(400, "Operator is_in is invalid")
        hits = [
            one.fields
            for one in self.records[entity]
            if not one.fields["is_deleted"]
            and (self.is_vague or all(_holds(rule, one.fields) for rule in body["filter_rule"]))
        ]
        hits.sort(
            key=lambda one: (one.get(body["sort"]) is not None, one.get(body["sort"]) or 0),
            reverse=body["sort_type"] == "desc",
        )
        shown = [self._row(one, body["detail"], entity) for one in hits[: int(query["per_page"])]]
        return Response(
            body={ENTITIES[entity]: shown, "meta": {"total_pages": 1, "total": len(hits)}}
        )

    def _lookup(self, request: Request) -> Response:
        asked = request.query
        assert asked.keys() == {"q", "f", "entities"}
        field, entity = asked["f"], asked["entities"]
        usual = ("email", "name", *_PERSON)
        if entity not in self._entities() or field not in (*self._known(entity), *usual):
            return error(400, "Field is invalid")
        hits = [
            self._row(one.fields, True, entity)
            for one in self.records[entity]
            if str(_value(one.fields, field)) == asked["q"]
        ]
        plural = ENTITIES[entity]
        return Response(body={plural: {plural: hits[:10], "meta": {"total": len(hits)}}})

    def _record(self, plural: str, id_: str) -> Response:
        (entity,) = (one for one, named in ENTITIES.items() if named == plural)
        for one in self.records[entity]:
            if one.id == id_:
                return Response(body={entity: self._whole(one.fields, entity)})
        return error(404, "Not found")

    def _row(self, fields: dict[str, Any], detail: bool, entity: str) -> dict[str, Any]:
        whole = self._whole(fields, entity)
        if detail and not self.is_thin:
            return whole
        kept = ("id", "created_at", "is_deleted", *_PERSON)
        thin = {name: whole[name] for name in kept if name in whole}
        return {**thin, "custom_field": {}}

    def _whole(self, fields: dict[str, Any], entity: str) -> dict[str, Any]:
        custom = {name: None for name in self._known(entity) if name.startswith("cf_")}
        own = {name: None for name in self._known(entity) if name not in custom}
        return {**own, **fields, "custom_field": {**custom, **fields["custom_field"]}}


def _value(fields: dict[str, Any], name: str) -> Any:
    return fields["custom_field"].get(name) if name.startswith("cf_") else fields.get(name)


def _holds(rule: dict[str, Any], fields: dict[str, Any]) -> bool:
    value = _value(fields, rule["attribute"])
    return value is not None and str(value) in rule["value"]


def _sent(name: str, value: Any) -> Any:
    """Return a value as Freshsales sends it: money as a text, a day as a midnight."""
    type_ = _FIELDS.get(name, {}).get("type")
    if type_ == "decimal":
        return f"{value:.1f}"
    return f"{value}T00:00:00-08:00" if type_ == "date" else value


def _listed(labels: dict[int, str]) -> list[dict[str, Any]]:
    return [{"id": key, "name": label, "position": key} for key, label in labels.items()]


def error(status: int, message: str) -> Response:
    return Response(status, {"errors": {"code": status, "message": [message]}})
