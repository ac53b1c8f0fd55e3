"""A small Bullhorn: four steps to sign in, metadata, and an index that is asked in Lucene."""

import re
from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import quote
from zoneinfo import ZoneInfo

from tests.wire.bullhorn_lucene import BadQuery, Lucene
from tests.wire.standin import Entry, Names, Request, Response, StandIn

ENTITIES = {
    "Contacts": "ClientContact",
    "Leads": "Lead",
    "Accounts": "ClientCorporation",
    "Candidates": "Candidate",
    "JobOrder": "JobOrder",
}
_PERSON = ("phone", "phone2", "phone3", "mobile", "fax", "pager")
_PHONES = {
    "ClientContact": _PERSON,
    "Lead": _PERSON,
    "ClientCorporation": ("phone", "billingPhone", "fax"),
    "Candidate": (*_PERSON, "workPhone"),
    "JobOrder": (),
}
_FIELDS = {
    "id": "Integer",
    "dateAdded": "Timestamp",
    "isDeleted": "Boolean",
    "status": "String",
    "externalID": "String",
    "customText1": "String",
    "customText2": "String",
    "customText3": "String",
    "customText4": "String",
    "customInt1": "Integer",
    "customFloat1": "BigDecimal",
    "customDate1": "Timestamp",
    "dateLastComment": "Timestamp",
    "massMailOptOut": "Boolean",
    "ssn": "String",
}
_LABELS = {
    "customText1": "Tier",
    "customText2": "Stage",
    "customText3": "Interests",
    "customFloat1": "Balance",
    "customDate1": "Customer Since",
    "externalID": "Account No.",
}
_STAGES = {"HOT": "Hot Prospect", "COLD": "Cold"}
_INTERESTS = {"1": "Contract", "2": "Permanent"}
_ADDRESS = {"address1": "String", "city": "String", "zip": "String"}
_LINKED = {"id": "Integer", "name": "String", "phone": "String", "dateAdded": "Timestamp"}
_LOGIN_PAGE = (
    b'<form method="POST" name="loginForm"><p class="error">Invalid credentials.</p></form>'
)
CONSENT_PAGE = b'<h2>Terms of Service</h2><input type="submit" name="action" value="Agree">'
_EASTERN = ZoneInfo("America/New_York")


class Bullhorn(StandIn):
    kind = "bullhorn"
    hosts = (
        "rest.bullhornstaffing.com",
        "auth-emea.bullhornstaffing.com",
        "auth-apac.bullhornstaffing.com",
        "rest-emea.bullhornstaffing.com",
        "rest22.bullhornstaffing.com",
        "rest.evil.test",
    )
    url = "https://rest.bullhornstaffing.com"
    options: ClassVar = {"username": "acme.api+voice", "account": "client-id-4711"}
    finds_extensions = False
    secrets: ClassVar = {"password": "p&ss word+4711", "token": "client-secret-4711"}
    has_tokens = True
    names = Names(
        phones=("phone", "mobile", "phone2", "phone3"),
        tier="customText1",
        stage="customText2",
        hot="HOT",
        balance="customFloat1",
        vip="massMailOptOut",
        since="customDate1",
        account="externalID",
    )

    def __init__(self) -> None:
        super().__init__()
        self.records: dict[str, list[Entry]] = defaultdict(list)
        self.sessions: list[str] = []
        self.phones_are_digits = True
        self.page = _LOGIN_PAGE
        """What is shown instead of a redirect to somebody who may not sign in."""
        self.home = "http://redirect"
        """Where the OAuth key says that a code is to be brought."""
        self.region = ""
        """Where the data centre sends on to when a code is asked for."""
        self.rest_url = "https://rest22.bullhornstaffing.com/rest-services/e999/"
        self.rest_host = "https://rest-emea.bullhornstaffing.com/rest-services"
        self.login_fails = False
        self.ghosts: list[int] = []
        """Records that the index has and the database has not."""
        self.hidden = {"ssn"}
        """Fields whose values these credentials may not see."""
        self._codes: dict[str, str] = {}
        self._access: list[str] = []

    def add(self, module: str, **fields: Any) -> str:
        kept = self.records[ENTITIES[module]]
        id_ = 1000 + len(kept)
        added = datetime(2026, 1, 1, 10, tzinfo=_EASTERN) + timedelta(days=len(kept))
        start = {"id": id_, "dateAdded": _millis(added), "isDeleted": False, "status": "Active"}
        kept.append(Entry(str(id_), start | {name: _stored(fields[name]) for name in fields}))
        return str(id_)

    def is_search(self, request: Request) -> bool:
        return "/search/" in request.path

    def expire(self) -> None:
        self.sessions.clear()

    def answer(self, request: Request) -> Response:
        steps = {
            ("GET", "rest.bullhornstaffing.com/rest-services/loginInfo"): self._login_info,
            ("GET", "auth-emea.bullhornstaffing.com/oauth/authorize"): self._authorize,
            ("GET", "auth-apac.bullhornstaffing.com/oauth/authorize"): self._authorize,
            ("POST", "auth-emea.bullhornstaffing.com/oauth/token"): self._token,
            ("POST", "auth-apac.bullhornstaffing.com/oauth/token"): self._token,
            ("GET", "rest-emea.bullhornstaffing.com/rest-services/login"): self._login,
        }
        step = steps.get((request.method, request.host + request.path))
        if step:
            return step(request)
        assert request.host == "rest22.bullhornstaffing.com"
        if request.headers.get("bhresttoken") not in self.sessions:
            return error(401, "authentication.invalidRestToken", "Bad 'BhRestToken' or timed-out.")
        return self._served(request, request.path.removeprefix("/rest-services/e999/").split("/"))

    def _login_info(self, request: Request) -> Response:
        assert set(request.query) == {"username"}
        oauth = "https://auth-emea.bullhornstaffing.com/oauth"
        return Response(body={"oauthUrl": oauth, "restUrl": self.rest_host})

    def _authorize(self, request: Request) -> Response:
        region, self.region = self.region, ""
        if region:
            asked = "&".join(f"{name}={quote(value)}" for name, value in request.query.items())
            return Response(307, headers={"Location": f"{region}/oauth/authorize?{asked}"})
        expected = {
            "client_id": self.options["account"],
            "response_type": "code",
            "action": "Login",
            "username": self.options["username"],
            "password": self.secrets["password"],
        }
        if self.refuses_signing_in or request.query != expected:
            return Response(200, self.page, {"Content-Type": "text/html"})
        code = f"22:{len(self._codes)}/secret"
        self._codes[code] = request.host
        location = f"{self.home}?code={quote(code, safe='')}&client_id=client-id-4711"
        return Response(302, headers={"Location": location})

    def _token(self, request: Request) -> Response:
        form = request.form
        if form.pop("client_secret") != self.secrets["token"]:
            body = {"error": "invalid_client", "error_description": f"{request.body!r}"}
            return Response(400, body)
        code = form.pop("code")
        if self._codes.pop(code, "") != request.host or form != {
            "grant_type": "authorization_code",
            "client_id": self.options["account"],
        }:
            return Response(400, {"error": "invalid_grant", "error_description": code})
        self._access.append(f"22:access-{len(self._access)}")
        return Response(
            body={
                "access_token": self._access[-1],
                "token_type": "Bearer",
                "expires_in": 600,
                "refresh_token": "22:refresh",
            }
        )

    def _login(self, request: Request) -> Response:
        if self.login_fails or request.query["access_token"] not in self._access:
            said = "Invalid or expired OAuth access token."
            return error(400, "authentication.invalidOAuthToken", said)
        assert request.query["version"] == "*"
        assert request.query["ttl"] == "60"
        self.given += 1
        self.sessions.append(f"11111111-2222-{self.given}-session-secret")
        return Response(body={"BhRestToken": self.sessions[-1], "restUrl": self.rest_url})

    def _served(self, request: Request, path: list[str]) -> Response:
        match request.method, path:
            case "GET", ["meta"]:
                names = [*ENTITIES.values(), "CorporateUser"]
                return Response(body=[{"entity": name, "metaUrl": "…"} for name in names])
            case "GET", ["meta", entity] if entity in ENTITIES.values():
                assert request.query == {"fields": "*", "meta": "full"}
                return Response(body={"entity": entity, "fields": list(_described(entity))})
            case "POST", ["search", entity] if entity in ENTITIES.values():
                return self._search(request, entity)
        return error(404, "entityNotFound", f"No such entity {path}.")

    def _search(self, request: Request, entity: str) -> Response:
        if self.is_throttled:
            return error(429, "rateLimit", "Wait 1 second then retry")
        if self.forbids:
            return error(403, "insufficientPrivileges", "You may not read this entity.")
        asked = request.query
        assert asked.keys() == {"fields", "count", "sort"}
        assert request.json.keys() == {"query"}
        types = {**types_of(entity), **dict.fromkeys(_PHONES[entity], "phone")}
        try:
            selected = _selection(asked["fields"], entity)
            by = asked["sort"].removeprefix("-")
            if by not in types:
                return error(400, "badSort", f"Bad sort: unknown field {by}")
            query = Lucene(request.json["query"], types, self.phones_are_digits)
        except BadQuery:
            return error(400, "badSearchQuery", f"Bad Query: {request.json['query']}")
        except KeyError as wrong:
            return error(400, "invalidField", f"Invalid field {wrong}")
        hits = [one for one in self.records[entity] if self.is_vague or query.matches(one.fields)]
        filled = [one for one in hits if one.fields.get(by) is not None]
        filled.sort(key=lambda one: one.fields[by], reverse=asked["sort"].startswith("-"))
        hits = [*filled, *(one for one in hits if one not in filled)][: int(asked["count"])]
        data = [self._row(one, selected) for one in hits]
        return Response(body={"total": len(data), "start": 0, "count": len(data), "data": data})

    def _row(self, entry: Entry, selected: dict[str, list[str]]) -> dict[str, Any]:
        if entry.fields["id"] in self.ghosts:
            return {"id": entry.fields["id"], "_error": "Entity not found in database"}
        row: dict[str, Any] = {"_score": 1.0}
        for name, within in selected.items():
            value = entry.fields.get(name)
            if name in self.hidden:
                value = "**CONFIDENTIAL**"
            if within and isinstance(value, dict):
                several = value.get("data")
                parts = several if several is not None else [value]
                parts = [{one: part.get(one) for one in within} for part in parts]
                value = parts[0] if several is None else {"total": len(parts), "data": parts}
            row[name] = value
        return row


def types_of(entity: str) -> dict[str, str]:
    own = {name: type_ for name, type_ in _FIELDS.items() if name != "isDeleted"}
    has_bin = entity != "ClientCorporation"
    return (
        own
        | dict.fromkeys(_PHONES[entity], "String")
        | ({"isDeleted": "Boolean"} if has_bin else {})
    )


def _selection(fields: str, entity: str) -> dict[str, list[str]]:
    """Read `id,address(city,zip)`. Raises KeyError for a field that there is not."""
    known = {**dict.fromkeys(types_of(entity), ()), "address": _ADDRESS}
    known |= {"clientCorporation": _LINKED, "owner": _LINKED, "skills": _LINKED}
    selected: dict[str, list[str]] = {}
    if not re.fullmatch(r"\w+(\([\w,]+\))?(,\w+(\([\w,]+\))?)*", fields):
        raise KeyError(fields)
    for name, _, within in re.findall(r"(\w+)(\(([\w,]+)\))?", fields):
        selected[name] = within.split(",") if within else []
        if not set(selected[name]) <= set(known[name]):
            raise KeyError(within)
    return selected


def _described(entity: str) -> Any:
    for name, type_ in types_of(entity).items():
        row = {"name": name, "type": "ID" if name == "id" else "SCALAR", "dataType": type_}
        if name != "ssn":  # a field that the company has no label for
            row["label"] = _LABELS.get(name, name.capitalize())
        if name == "customDate1":
            row["dataSpecialization"] = "DATE"
        if name == "fax" or (name == "customText4" and _PHONES[entity]):
            row["dataSpecialization"] = "PHONE"
        if name == "customText2":
            row |= {"inputType": "SELECT", "options": _options(_STAGES)}
        if name == "customText3":
            row |= {"inputType": "SELECT", "multiValue": True, "options": _options(_INTERESTS)}
        yield row
    address = [_scalar(name, type_) for name, type_ in _ADDRESS.items()]
    yield {"name": "address", "type": "COMPOSITE", "label": "Address", "fields": address}
    linked = [_scalar(name, type_) for name, type_ in _LINKED.items()]
    company = {"entity": "ClientCorporation", "fields": linked}
    yield {
        "name": "clientCorporation",
        "type": "TO_ONE",
        "label": "Company",
        "associatedEntity": company,
    }
    yield {"name": "owner", "type": "TO_ONE", "label": "Owner"}
    yield {"name": "skills", "type": "TO_MANY", "label": "Skills", "associatedEntity": company}


def _scalar(name: str, type_: str) -> dict[str, str]:
    return {"name": name, "type": "SCALAR", "dataType": type_, "label": name.capitalize()}


def _options(labels: dict[str, str]) -> list[dict[str, str]]:
    return [{"value": value, "label": label} for value, label in labels.items()]


def _stored(value: Any) -> Any:
    """Keep a day as Bullhorn does: as the midnight of the US East Coast."""
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        return _millis(datetime.fromisoformat(value).replace(tzinfo=_EASTERN))
    return value


def _millis(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def error(status: int, key: str, message: str) -> Response:
    body = {"errorMessage": message, "errorMessageKey": f"errors.{key}", "errorCode": status}
    return Response(status, body)
