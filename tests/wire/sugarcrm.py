"""A small SugarCRM: one set of tokens for each user and platform, filters in JSON, its metadata.

It answers as the Developer Guide says, and leaves fields it doesn't know out without a word.
"""

import re
from collections import defaultdict
from typing import Any, ClassVar

from tests.wire.standin import Entry, Names, Request, Response, StandIn

_COMMON = {
    "id": "id",
    "name": "name",
    "date_entered": "datetime",
    "date_modified": "datetime",
    "tier_c": "varchar",
    "stage_c": "enum",
    "balance_c": "currency",
    "vip_c": "bool",
    "since_c": "date",
    "tags_c": "multienum",
    "tag": "tag",
    "email": "email",
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
_WORDS = {
    "app_list_strings": {
        "stage_list": {"": "- none -", "hot": "Hot Prospect", "cold": "Cold"},
        "score_list": ["None", "Some"],  # as PHP writes keys from 0 on
        "date_range_search_dom": {"=": "Equals"},
    },
    "app_strings": {"LBL_DATE_ENTERED": "Date Created:"},
    "mod_strings": {
        "Contacts": {"LBL_TIER_C": "Tier:", "LBL_PHONE_WORK": "Office Phone:"},
    },
}
_WITHOUT_COLUMN = ("account_name", "accounts", "account_phone", "tag", "email")
_NO_NUMBER = 0


class _Refused(Exception):
    """What is answered with an error: a status and its code."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.response = Response(status, {"error": code, "error_message": f"No: {code}"})


class SugarCrm(StandIn):
    kind = "sugarcrm"
    hosts = ("acme.sugarondemand.com",)
    url = "https://acme.sugarondemand.com/"
    options: ClassVar = {"username": "phone-system", "account": "voiceapp"}
    secrets: ClassVar = {"password": "sugar-password-4711"}
    has_tokens = True
    names = Names(
        phones=tuple(_PERSON),
        tier="tier_c",
        stage="stage_c",
        hot="hot",
        balance="balance_c",
        vip="vip_c",
        since="since_c",
        account="account_no_c",
    )
    phones_in: ClassVar = {"Accounts": "phone_office"}

    def __init__(self) -> None:
        super().__init__()
        self.records: dict[str, list[Entry]] = defaultdict(list)
        self.fields = _FIELDS
        self.token = ""
        self.refresh = ""
        self.grants: list[str] = []
        self.rights: dict[str, dict[str, str]] = {"Bugs": {"access": "no"}, "Notes": {"list": "no"}}
        self.words: Any = _WORDS
        self.language = "en_us"
        self.undescribed: set[str] = set()
        self.takes_percent = True
        """Takes “%” within a text for anything at all, and not for itself."""

    def add(self, module: str, **fields: Any) -> str:
        kept = self.records[module]
        id_ = f"{module.lower()}-{len(kept) + 1}"
        created = f"2026-01-{len(kept) + 1:02}T05:00:00-05:00"
        kept.append(Entry(id_, {"id": id_, "date_entered": created, "date_modified": created}))
        kept[-1].fields |= fields
        return id_

    def is_search(self, request: Request) -> bool:
        return request.path.endswith("/filter")

    def expire(self) -> None:
        self.token = ""

    def signs_in_elsewhere(self) -> None:
        """Let somebody take the one session that this user and platform have."""
        self.token, self.refresh = "another's", "another's"

    def answer(self, request: Request) -> Response:
        if not request.path.startswith("/rest/v11/"):
            return Response(404, b"<h1>Not Found</h1>", {"Content-Type": "text/html"})
        path = request.path.removeprefix("/rest/v11/")
        try:
            if path == "oauth2/token":
                return Response(body=self._grant(request))
            if not self.token or request.headers.get("oauth-token") != self.token:
                raise _Refused(401, "invalid_grant")
            if self.is_throttled and self.is_search(request):
                return Response(429, b"Too Many Requests")
            return Response(body=self._told(path, request))
        except _Refused as refused:
            return refused.response

    def _grant(self, request: Request) -> Any:
        assert request.headers["content-type"] == "application/json"
        asked = request.json
        if asked.pop("platform") != "voiceapp":
            raise _Refused(422, "invalid_parameter")
        grant = asked.pop("grant_type")
        self.grants.append(grant)
        expected = {"client_id": "sugar", "client_secret": ""}
        if grant == "password":
            expected |= {"username": self.options["username"], **self.secrets}
        else:
            assert grant == "refresh_token"
            expected["refresh_token"] = self.refresh
        if self.refuses_signing_in or asked != expected:
            is_user = grant == "password"
            raise _Refused(401, "need_login") if is_user else _Refused(400, "invalid_grant")
        self.given += 1
        self.token = f"5ee48ec7-sugar-{self.given}-secret"
        self.refresh = f"c1be5132-refresh-{self.given}-secret"
        return {
            "access_token": self.token,
            "expires_in": 3600,
            "token_type": "bearer",
            "scope": None,
            "refresh_token": self.refresh,
            "refresh_expires_in": 1209600,
            "download_token": "d0wnl0ad",
        }

    def _told(self, path: str, request: Request) -> Any:
        if path == "metadata":
            return self._metadata(request.query)
        if path == "me":
            return {"current_user": {"user_name": "phone-system", "acl": self.rights}}
        if path == f"lang/{self.language}":
            if self.words is None:
                raise _Refused(404, "not_found")
            return self.words
        module, _, verb = path.partition("/")
        if verb != "filter" or module not in self.fields:
            raise _Refused(404, "no_method")
        if self.forbids:
            raise _Refused(403, "not_authorized")
        return self._list(module, request.json)

    def _metadata(self, query: Any) -> Any:
        types = query["type_filter"].split(",")
        told: dict[str, Any] = {"_hash": "e1f0"}
        if "full_module_list" in types:
            names = {one: one for one in (*self.fields, "Bugs", "Notes", "Calls")}
            told["full_module_list"] = names | {"_hash": "e1f0"}
        if "labels" in types:
            told["labels"] = {self.language: "cache/lang.json", "default": self.language}
        if "modules" in types:
            module = query["module_filter"]
            is_told = module in self.fields and module not in self.undescribed
            told["modules"] = {module: _described(self.fields[module])} if is_told else []
        return told

    def _list(self, module: str, asked: dict[str, Any]) -> Any:
        known = self.fields[module]
        holds = [_filtered(known, one, self.takes_percent) for one in asked["filter"]]
        hits = [
            one
            for one in self.records[module]
            if self.is_vague or all(holds_one(one.fields) for holds_one in holds)
        ]
        field, _, direction = asked.get("order_by", "date_modified:DESC").partition(":")
        if field not in {*known, "date_modified"}:
            raise _Refused(422, "invalid_parameter")
        hits.sort(key=lambda one: _sql(known.get(field, "datetime"), one.fields.get(field)))
        if direction == "DESC":
            hits.reverse()
        size = asked["max_num"]
        assert isinstance(size, int)
        names = [one for one in asked["fields"].split(",") if one in known]
        return {
            "next_offset": size if len(hits) > size else -1,
            "records": [_row(module, known, one, names) for one in hits[:size]],
        }


def _described(known: dict[str, str]) -> Any:
    fields: dict[str, Any] = {"_hash": "77ab"}
    for name, type_ in known.items():
        about = {"name": name, "vname": f"LBL_{name.upper()}", "type": type_}
        if type_ in ("enum", "multienum"):
            about["options"] = "stage_list"
        if type_ == "datetime":
            about["options"] = "date_range_search_dom"
        if name in _WITHOUT_COLUMN:
            about["source"] = "non-db"
        if name == "vip_c":
            about |= {"labelValue": "Very important", "options": "score_list"}
        fields[name] = about
    return {"fields": fields, "views": {"record": {"meta": {}}}, "_hash": "77ab"}


def _filtered(known: dict[str, str], definition: dict[str, Any], takes_percent: bool) -> Any:
    """Return what says whether a record fits one definition of a filter."""
    assert len(definition) == 1
    [(field, condition)] = definition.items()
    if field in ("$or", "$and"):
        either = any if field == "$or" else all
        parts = [_filtered(known, one, takes_percent) for one in condition]
        return lambda fields: either(one(fields) for one in parts)
    if field not in known:
        raise _Refused(422, "invalid_parameter")
    assert len(condition) == 1
    [(operator, value)] = condition.items()
    type_ = known[field]
    if field in _WITHOUT_COLUMN:
        return lambda fields: True  # left out without a word
    if operator == "$contains":
        parts = value.split("%") if takes_percent else [value]
        like = re.compile(".*".join(map(re.escape, parts)), re.IGNORECASE | re.DOTALL)
        return lambda fields: like.search(str(fields.get(field) or "")) is not None
    values = {"$in": value, "$equals": [value]}.get(operator)
    if not isinstance(values, list):
        raise _Refused(422, "invalid_parameter")
    wanted = [_sql(type_, one) for one in values]
    return lambda fields: fields.get(field) is not None and _sql(type_, fields[field]) in wanted


def _sql(type_: str, value: Any) -> Any:
    if type_ not in ("int", "currency", "bool"):
        return str("" if value is None else value).lower().rstrip()
    try:
        return float(value)
    except (TypeError, ValueError):
        return _NO_NUMBER


def _row(module: str, known: dict[str, str], entry: Entry, names: list[str]) -> Any:
    row = {name: _sent(known[name], entry.fields.get(name)) for name in names}
    always = {"id": entry.id, "date_modified": entry.fields["date_modified"]}
    return row | always | {"_acl": {"fields": {}}, "_module": module}


def _sent(type_: str, value: Any) -> Any:
    if type_ == "bool":
        return bool(value)
    if type_ == "currency":
        return "" if value is None else f"{value:.6f}"
    if type_ in ("multienum", "tag", "email"):
        return value or []
    return "" if value is None else value
