"""A small Zoho CRM: tokens by refresh token, metadata, and enough COQL to be asked in."""

from collections import defaultdict
from typing import Any, ClassVar

from tests.wire.standin import Entry, Names, Request, Response, StandIn
from tests.wire.zoho_coql import Query, Refused

CENTRES = {
    "accounts.zoho.com": "www.zohoapis.com",
    "accounts.zoho.eu": "www.zohoapis.eu",
    "accounts.zoho.uk": "www.zohoapis.uk",
    "accounts.zoho.in": "www.zohoapis.in",
    "accounts.zoho.com.au": "www.zohoapis.com.au",
    "accounts.zoho.jp": "www.zohoapis.jp",
    "accounts.zohocloud.ca": "www.zohoapis.ca",
    "accounts.zoho.sa": "www.zohoapis.sa",
    "accounts.zoho.ae": "www.zohoapis.ae",
    "accounts.zoho.com.cn": "www.zohoapis.com.cn",
}
"""The data centres: the host that gives tokens, and the one where they are good."""

_FIELDS = {
    "id": "bigint",
    "Created_Time": "datetime",
    "Phone": "phone",
    "Tier": "text",
    "Stage": "picklist",
    "Languages": "multiselectpicklist",
    "Balance": "currency",
    "Score": "formula",
    "VIP": "boolean",
    "Since": "date",
    "Customer_No": "text",
    "Member_No": "bigint",
    "Group": "text",
    "Owner": "ownerlookup",
    "Tag": "text",
    "Photo": "profileimage",
}
_FIELDS_OF = {
    "Contacts": _FIELDS
    | dict.fromkeys(("Mobile", "Home_Phone", "Other_Phone", "Asst_Phone", "Fax"), "phone")
    | {"Account_Name": "lookup", "Secret_Phone": "phone"},
    "Leads": _FIELDS | {"Mobile": "phone", "Converted__s": "boolean"},
    "Accounts": _FIELDS | {"Account_Name": "text", "Industry": "text"},
    "Visitors": _FIELDS | {"Door_Phone": "phone"},
    "Dealers": {"id": "bigint", "Created_Time": "datetime", "Name": "text"},
}
_STAGES = {"hot": "Hot Prospect", "cold": "Cold", "Cold": "Frozen", "off": "Out of use"}
_TOKENS_IN_TEN_MINUTES = 10


class Zoho(StandIn):
    kind = "zoho"
    hosts = (*CENTRES.keys(), *CENTRES.values())
    url = "https://accounts.zoho.eu"
    options: ClassVar = {"username": "1000.CLIENT"}
    finds_extensions = False
    secrets: ClassVar = {"password": "client-secret-4711", "token": "1000.refresh.4711"}
    has_tokens = True
    names = Names(
        phones=("Phone", "Mobile", "Home_Phone", "Other_Phone"),
        tier="Tier",
        stage="Stage",
        hot="hot",
        balance="Balance",
        vip="VIP",
        since="Since",
        account="Customer_No",
    )

    def __init__(self) -> None:
        super().__init__()
        self.records: dict[str, list[Entry]] = defaultdict(list)
        self.tokens: list[tuple[str, str]] = []
        self.sends_actual_values = False
        """Sends pick lists as stored, rather than as people read them."""
        self.encrypted = {"Secret_Phone"}
        self.api_domain = "https://www.zohoapis.eu"
        self.hides_fields = False
        """Shows none of the fields of a module: an empty 204."""
        self.untold: set[str] = set()
        """Fields that these credentials neither see nor may ask for."""
        self.token_answer: Response | None = None
        """What is answered to whoever asks for a token, if not one."""
        self.lifetime = 3600
        self.codes = {"1000.code-4711.once"}
        """What “Generate Code” has shown."""

    def add(self, module: str, **fields: Any) -> str:
        kept = self.records[module]
        id_ = f"55402300000{len(kept):07}"
        created = f"2026-01-{len(kept) // 60 + 1:02}T10:{len(kept) % 60:02}:00+05:30"
        defaults = {"id": id_, "Created_Time": created}
        if module == "Leads":
            defaults["Converted__s"] = False
        kept.append(Entry(id_, defaults | fields))
        return id_

    def is_search(self, request: Request) -> bool:
        return request.path.endswith("/coql")

    def expire(self) -> None:
        self.tokens.clear()

    def answer(self, request: Request) -> Response:
        if request.host in CENTRES:
            return self._token(request)
        known = [f"Zoho-oauthtoken {token}" for host, token in self.tokens if host == request.host]
        if request.headers.get("authorization") not in known:
            return _error(401, "INVALID_TOKEN", "invalid oauth token")
        match request.method, request.path:
            case "GET", "/crm/v8/settings/modules":
                return Response(body={"modules": _modules()})
            case "GET", "/crm/v8/settings/fields":
                return self._fields(request.query["module"])
            case "POST", "/crm/v8/coql":
                return self._coql(request)
        return _error(404, "INVALID_URL_PATTERN", "Please check if the URL is correct")

    def _exchange(self, form: dict[str, str], expected: dict[str, str]) -> Response:
        """Take a code once; wrong ones are answered with status 200, too."""
        known = {name: expected[name] for name in ("client_id", "client_secret")}
        code = form.get("code", "")
        if form != {"grant_type": "authorization_code", "code": code, **known}:
            return Response(body={"error": "invalid_client_secret"})
        if code not in self.codes:
            return Response(body={"error": "invalid_code"})
        self.codes.remove(code)
        tokens = {"access_token": "1000.first", "refresh_token": self.secrets["token"]}
        return Response(body={**tokens, "token_type": "Bearer", "expires_in": 3600})

    def _token(self, request: Request) -> Response:
        assert (request.method, request.path) == ("POST", "/oauth/v2/token")
        expected = {
            "grant_type": "refresh_token",
            "client_id": self.options["username"],
            "client_secret": self.secrets["password"],
            "refresh_token": self.secrets["token"],
        }
        if self.token_answer is not None:
            return self.token_answer
        if request.form["grant_type"] == "authorization_code":
            return self._exchange(request.form, expected)
        if self.refuses_signing_in or request.form != expected:
            return Response(body={"error": "invalid_client_secret"})
        if self.given == _TOKENS_IN_TEN_MINUTES:
            said = "You have made too many requests continuously. Please try again after some time."
            body = {"error": "Access Denied", "error_description": said, "status": "failure"}
            return Response(400, body)
        self.given += 1
        token = f"1000.access.{self.given}-secret"
        self.tokens.append((CENTRES[request.host], token))
        return Response(
            body={
                "access_token": token,
                "api_domain": self.api_domain,
                "token_type": "Bearer",
                "expires_in": self.lifetime,
            }
        )

    def _fields(self, module: str) -> Response:
        if module not in _FIELDS_OF:
            return _error(400, "INVALID_MODULE", "the module name given seems to be invalid")
        if self.hides_fields:
            return Response(204)
        listed = self._known()[module].items()
        fields = [_described(name, type_, name in self.encrypted) for name, type_ in listed]
        return Response(body={"fields": fields})

    def _known(self) -> dict[str, dict[str, str]]:
        return {
            module: {name: type_ for name, type_ in fields.items() if name not in self.untold}
            for module, fields in _FIELDS_OF.items()
        }

    def _coql(self, request: Request) -> Response:
        assert request.headers["content-type"] == "application/json"
        assert request.json.keys() == {"select_query"}
        if self.forbids:
            return _error(401, "OAUTH_SCOPE_MISMATCH", "invalid oauth scope to access this URL")
        if self.is_throttled:
            return _error(429, "TOO_MANY_REQUESTS", "You have exceeded your API credits")
        try:
            query = Query(request.json["select_query"], self._known(), self.encrypted)
        except Refused as refused:
            return _error(400, refused.code, "refused", **refused.details)
        found = [
            one for one in self.records[query.module] if self.is_vague or query.holds(one.fields)
        ]
        found.sort(
            key=lambda one: (
                one.fields.get(query.order) is not None,
                one.fields.get(query.order) or 0,
            ),
            reverse=query.is_descending,
        )
        if not found:
            return Response(204)
        data = [self._row(one, query) for one in found[: query.limit]]
        info = {"count": len(data), "more_records": len(found) > query.limit}
        return Response(body={"data": data, "info": info})

    def _row(self, entry: Entry, query: Query) -> dict[str, Any]:
        row = {name: self._sent(query.module, name, entry.fields) for name in query.columns}
        return row | {"id": entry.id}

    def _sent(self, module: str, name: str, fields: dict[str, Any]) -> Any:
        link, _, rest = name.partition(".")
        value = fields.get(link)
        if rest:
            linked = [one for one in self.records["Accounts"] if one.id == value]
            return linked[0].fields.get(rest) if linked else None
        match _FIELDS_OF[module][name]:
            case "lookup" | "ownerlookup":
                return None if value is None else {"id": value}  # COQL tells no name
            case "picklist" if not self.sends_actual_values:
                return _STAGES.get(value, value)
        return value


def _modules() -> list[dict[str, Any]]:
    others = [
        ("Secrets", "custom", True),
        ("Reports", "default", False),
        ("Our_Site", "web", True),
        ("Dealers_X", "linking", True),
    ]
    listed = [(name, "custom" if name == "Visitors" else "default", True) for name in _FIELDS_OF]
    return [
        {
            "api_name": name,
            "module_name": name,
            "generated_type": generated,
            "api_supported": is_supported,
            "viewable": name != "Secrets",
        }
        for name, generated, is_supported in [*others, *reversed(listed)]
    ]


def _described(name: str, type_: str, is_encrypted: bool) -> dict[str, Any]:
    stages = _STAGES.items() if type_ == "picklist" else ()
    return {
        "api_name": name,
        "field_label": name.replace("_", " "),
        "display_label": f"Our {name}",
        "data_type": type_,
        "visible": name != "Photo",
        "formula": {"return_type": "currency"} if type_ == "formula" else {},
        "crypt": {"mode": "decryption", "status": 1} if is_encrypted else None,
        "pick_list_values": [
            {
                "actual_value": actual,
                "display_value": display,
                "type": "unused" if actual == "off" else "used",
            }
            for actual, display in stages
        ],
    }


def _error(status: int, code: str, message: str, **details: Any) -> Response:
    body = {"code": code, "details": details, "message": message, "status": "error"}
    return Response(status, body)
