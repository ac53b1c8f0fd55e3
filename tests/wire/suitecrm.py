"""A small SuiteCRM: its token endpoint, V8 lists with filters as in SQL, and what it tells of both.

It answers as the source of the API and a running 7.15.0 do, with a version's own address.
"""

import html
import json
import re
from collections import defaultdict
from collections.abc import Callable
from typing import Any, ClassVar

from tests.wire.standin import Entry, Names, Request, Response, StandIn
from voiceapp.crm.kind import VERSION

_BEANS = {"Contacts": "Contact", "Leads": "Lead", "Accounts": "Account", "acme_Visits": "Visit"}
_COMMON = {
    "id": "id",
    "name": "name",
    "date_entered": "datetime",
    "deleted": "bool",
    "tier_c": "varchar",
    "stage_c": "enum",
    "balance_c": "currency",
    "vip_c": "bool",
    "since_c": "date",
    "tags_c": "multienum",
    "account_no_c": "varchar",
    "number_c": "int",
    "account_name": "relate",
    "accounts": "link",
}
_PERSON = dict.fromkeys(
    ("phone_mobile", "phone_work", "phone_home", "phone_other", "assistant_phone"), "phone"
)
_FIELDS = {
    "Contacts": _COMMON | _PERSON | {"account_phone": "phone"},
    "Leads": _COMMON | _PERSON | {"converted": "bool"},
    "Accounts": _COMMON | dict.fromkeys(("phone_office", "phone_alternate"), "phone"),
    "acme_Visits": {"tier_c": "varchar", "hotline_c": "phone", "converted": "bool"},
}
_WITHOUT_COLUMN = ("account_name", "accounts", "account_phone")
_STAGES = {"": "- none -", "Hot Prospect": "Hot Prospect", "Cold_Lead": "Cold lead"}
_NUMBERS = ("int", "currency", "bool")
_FILTER = re.compile(r"filter\[(\w+)\]\[(\w+)\]")
_LEADING_NUMBER = re.compile(r"\s*-?\d+(\.\d+)?")


class _Invalid(Exception):
    """What the API answers with 400."""


class SuiteCrm(StandIn):
    kind = "suitecrm"
    hosts = ("crm.acme.example",)
    url = "https://crm.acme.example/suite/"
    options: ClassVar = {"username": "6e9bc0de-client", VERSION: "8"}
    secrets: ClassVar = {"password": "client-secret-4711"}
    has_tokens = True
    has_labels = False
    names = Names(
        phones=tuple(_PERSON),
        tier="tier_c",
        stage="stage_c",
        hot="Hot Prospect",
        balance="balance_c",
        vip="vip_c",
        since="since_c",
        account="account_no_c",
    )
    phones_in: ClassVar = {"Accounts": "phone_office"}

    def __init__(self) -> None:
        super().__init__()
        self.records: dict[str, list[Entry]] = defaultdict(list)
        self.tokens: list[str] = []
        self.base = "/suite/legacy/Api"
        self.grant = "client_credentials"
        self.users = {"phone-system": "user-password-4711"}
        self.tells_items = False
        """As SinergiaCRM does."""
        self.knows_like = True
        """As since 7.12."""
        self.hidden_modules: set[str] = set()
        self.undescribed: set[str] = set()
        """Modules whose fields stay unsaid, as with those that no menu shows."""

    def add(self, module: str, **fields: Any) -> str:
        kept = self.records[module]
        id_ = f"{module.lower()}-{len(kept) + 1}"
        created = f"2026-01-{len(kept) + 1:02} 10:00:00"
        stored = {name: _stored(_FIELDS[module][name], value) for name, value in fields.items()}
        kept.append(Entry(id_, {"id": id_, "date_entered": created, "deleted": "0"} | stored))
        return id_

    def is_search(self, request: Request) -> bool:
        return "/V8/module/" in request.path

    def expire(self) -> None:
        self.tokens.clear()

    def answer(self, request: Request) -> Response:
        if not request.path.startswith(f"{self.base}/"):
            return Response(404, b"<h1>Not Found</h1>", {"Content-Type": "text/html"})
        path = request.path.removeprefix(self.base)
        if path == "/access_token":
            return self._token(request)
        if request.headers.get("authorization") not in [f"Bearer {one}" for one in self.tokens]:
            return _denied("access_denied", "Access token could not be verified")
        if self.is_throttled and self.is_search(request):
            return Response(429, b"Too Many Requests")
        try:
            return Response(body=self._told(path, request))
        except _Invalid as error:
            body = {"errors": {"status": 400, "title": None, "detail": str(error)}}
            return Response(400, body)

    def _token(self, request: Request) -> Response:
        form = request.form
        if form["client_id"] != self.options["username"]:
            return _fault(f"OAuth2Clients module with id {form['client_id']} is not found")
        is_right = form["client_secret"] == self.secrets["password"]
        if self.refuses_signing_in or not is_right or form["grant_type"] != self.grant:
            return _denied("invalid_client", "Client authentication failed")
        if self.grant == "password":
            if form["username"] not in self.users:
                return _fault(f"No user found with this username: {form['username']}")
            if self.users[form["username"]] != form["password"]:
                return _fault(f"The password is invalid: {form['password']}")
        self.given += 1
        self.tokens.append(f"eyJ0eXAi.suite-{self.given}.secret")
        return Response(
            body={"token_type": "Bearer", "expires_in": 3600, "access_token": self.tokens[-1]}
        )

    def _told(self, path: str, request: Request) -> Any:
        kind, _, module = path.removeprefix("/V8/").partition("/")
        if (kind, module) == ("meta", "modules"):
            return {"data": {"type": "modules", "id": "", "attributes": self._modules()}}
        module = module.removeprefix("fields/")
        if not re.fullmatch(r"[A-Za-z_]\w*", module, re.ASCII):
            raise _Invalid('The option "moduleName" is invalid.')
        is_unsaid = kind == "meta" and module in self.undescribed
        if self.forbids or is_unsaid or module in self.hidden_modules:
            raise _Invalid(
                "[SuiteCRM] [Not Allowed] The API user does not have access to this module. "
            )
        if module not in _BEANS:
            raise _Invalid(f"Module {module} does not exist")
        if kind == "meta":
            return {"data": {"type": "fields", "id": "", "attributes": self._fields(module)}}
        return self._list(module, request)

    def _modules(self) -> dict[str, Any]:
        rights = ["access", "view", "list", "edit"]
        some = {"0": "access", "2": "view"}  # as PHP writes a list with a gap in it
        listed = {one: {"label": one, "access": rights} for one in _BEANS}
        return listed | {"Calls": {"label": "", "access": some}, "Bugs": {"access": ["access"]}}

    def _fields(self, module: str) -> dict[str, Any]:
        told = {}
        for name, type_ in _FIELDS[module].items():
            about = {"type": type_, "dbType": type_, "required": False, "vname": f"LBL_{name}"}
            if name.endswith("_c"):
                about["source"] = "custom_fields"
            if name in _WITHOUT_COLUMN:
                about["source"] = "non-db"
            if self.tells_items and type_ in ("enum", "multienum"):
                about |= {"options": "stage_list", "option_items": _STAGES}
            told[name] = about
        return told

    def _list(self, module: str, request: Request) -> Any:
        known = {name: type_ for name, type_ in _FIELDS[module].items() if type_ != "link"}
        query = dict(request.query)
        asked = query.pop(f"fields[{module}]").split(",")
        if not set(asked) <= known.keys():
            missing = ", ".join(one for one in asked if one not in known)
            raise _Invalid(
                f"The following field in {_BEANS[module]} module is not found: {missing}"
            )
        size = query.pop("page[size]")
        assert size.isdigit()
        assert int(size) > 0
        sort = query.pop("sort", "")
        if sort.lstrip("-") not in {*known, ""}:
            raise _Invalid(f"Sort field {sort} in {_BEANS[module]} module is not found")
        holds = self._where(module, query)
        hits = [
            one
            for one in self.records[module]
            if one.fields["deleted"] == "0" and (self.is_vague or holds(one.fields))
        ]
        if sort:
            field = sort.lstrip("-")
            hits.sort(
                key=lambda one: _sql(known[field], one.fields.get(field)),
                reverse=sort.startswith("-"),
            )
        rows = [_row(module, one, asked) for one in hits[: int(size)]]
        if not rows:
            message = "Request was successful, but there is no result"
            return {"meta": {"message": message}, "data": []}
        meta = {"total-pages": 1, "records-on-this-page": len(rows)}
        return {"meta": meta, "data": rows, "links": {"next": None}}

    def _where(self, module: str, query: dict[str, str]) -> Callable[[dict[str, Any]], bool]:
        either = {"or": any, "and": all}[query.pop("filter[operator]", "and").lower()]
        conditions = []
        for key, value in query.items():
            parsed = _FILTER.fullmatch(key)
            assert parsed, key
            field, operator = parsed[1], parsed[2].lower()
            type_ = _FIELDS[module].get(field)
            if type_ is None:
                raise _Invalid(f"Filter field {field} in {_BEANS[module]} module is not found")
            if operator not in ("eq", "like") or (operator == "like" and not self.knows_like):
                raise _Invalid(f"Filter operator {operator} is invalid")
            assert field not in _WITHOUT_COLUMN, "MySQL knows no such column."
            conditions.append((field, type_, operator, value))
        assert conditions, "this would list everybody"
        return lambda fields: either(
            _holds(type_, operator, fields.get(field), value)
            for field, type_, operator, value in conditions
        )


def _stored(type_: str, value: Any) -> str:
    """Return a value as MySQL keeps and shows it."""
    if type_ == "bool":
        return "1" if value else "0"
    if type_ == "currency":
        return f"{value:.6f}"
    if type_ == "multienum" and isinstance(value, list):
        return ",".join(f"^{one}^" for one in value)
    return str(value)


def _sql(type_: str, value: Any) -> Any:
    if type_ not in _NUMBERS:
        return str(value or "").lower().rstrip()
    found = _LEADING_NUMBER.match(str(value or ""))
    return float(found[0]) if found else 0.0


def _holds(type_: str, operator: str, stored: Any, value: str) -> bool:
    if stored is None:
        return False  # NULL is nothing's equal
    if operator == "eq":
        return _sql(type_, stored) == _sql(type_, value)
    signs = {"%": ".*", "_": "."}
    pattern = "".join(signs.get(one, re.escape(one)) for one in value)
    return re.fullmatch(pattern, stored, re.IGNORECASE | re.DOTALL) is not None


def _row(module: str, entry: Entry, asked: list[str]) -> dict[str, Any]:
    attributes = {}
    for name in asked:
        value = entry.fields.get(name, "")
        if _FIELDS[module][name] == "datetime" and value:
            value = value.replace(" ", "T") + "+00:00"
        attributes[name] = html.escape(value).replace("&#x27;", "&#039;")
    attributes.pop("id", None)
    return {
        "type": _BEANS[module],
        "id": entry.id,
        "attributes": attributes,
        "relationships": {"Accounts": {"links": {"related": f"/V8/module/{module}/{entry.id}"}}},
    }


def _denied(code: str, hint: str) -> Response:
    return Response(401, {"error": code, "message": "The request was denied.", "hint": hint})


def _fault(message: str) -> Response:
    body = json.dumps({"error": "unknown_error", "message": message})
    return Response(500, body.encode())
