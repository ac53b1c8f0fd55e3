"""A small Odoo with both of its interfaces.

It answers as an Odoo 19.0 did that was asked the same.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

from tests.wire.odoo_models import MODELS, Fault, Models
from tests.wire.standin import Names, Request, Response, StandIn

_OURS: dict[str, tuple[str, dict[str, Any]]] = {
    "Contacts": ("res.partner", {"is_company": False}),
    "Leads": ("crm.lead", {"type": "lead"}),
    "Accounts": ("res.partner", {"is_company": True}),
    "Opportunities": ("crm.lead", {"type": "opportunity"}),
}


class Odoo(StandIn):
    """Odoo 19, asked by JSON-2."""

    kind = "odoo"
    hosts = ("erp.example.com",)
    url = "https://erp.example.com/odoo"
    options: ClassVar = {"interface": "19", "account": "crm", "username": ""}
    secrets: ClassVar = {"password": "api-key-47114711"}
    tells_empty_numbers = False
    phone_fields: ClassVar[tuple[str, ...]] = ("phone",)
    names = Names(
        phones=("phone",),
        tier="x_tier",
        stage="x_stage",
        hot="hot",
        balance="x_balance",
        vip="x_vip",
        since="x_since",
        account="x_account_no",
    )

    def __init__(self) -> None:
        super().__init__()
        self.models = Models(self.phone_fields)
        self.tells_fields = True
        self.tells_models = True

    def add(self, module: str, **fields: Any) -> str:
        model, kind = _OURS.get(module, (module, {}))
        return self.models.add(model, **kind, **fields)

    def is_search(self, request: Request) -> bool:
        return request.path.endswith("search_read")

    def answer(self, request: Request) -> Response:
        if request.method != "POST" or request.headers["content-type"] != "application/json":
            return _page(415, "Unsupported Media Type")
        if request.headers.get("x-odoo-database", "") != self.options["account"]:
            return _page(404, "No database is selected")
        if self.is_throttled:
            return _page(429, "Too Many Requests")  # by what stands before it on Odoo Online
        try:
            return Response(body=self._json_2(request))
        except Fault as fault:
            return Response(fault.status, fault.told)

    def _json_2(self, request: Request) -> Any:
        match = re.fullmatch(r"/json/2/([^/]+)/([^/]+)", request.path)
        if match is None:
            raise _not_found("Did you mean POST /json/2/<model>/<method>?")
        key = request.headers.get("authorization")
        if self.refuses_signing_in or key != f"bearer {self.secrets['password']}":
            raise Fault("werkzeug.exceptions.Unauthorized", "Invalid apikey", 401)
        if match[1] not in MODELS and match[1] != "ir.model":
            raise _not_found(f"the model {match[1]!r} does not exist")
        return self.called(match[1], match[2], request.json)

    def called(self, model: str, method: str, arguments: dict[str, Any]) -> Any:
        """Return what a method returns for named arguments."""
        if (model, method) == ("ir.model", "get_available_models") and self.tells_models:
            return [{"model": one, "display_name": one.title()} for one in MODELS]
        if method == "fields_get":
            if not self.tells_fields:
                raise Fault("odoo.exceptions.AccessError", "You are not allowed to", 403)
            return self.models.described(model, **arguments)
        if self.forbids:
            raise Fault("odoo.exceptions.AccessError", f"You are not allowed: {model}", 403)
        methods: dict[str, Callable[..., Any]] = {
            "search_read": self.models.search_read,
            "web_search_read": self.models.web_search_read,
        }
        if method not in methods:
            raise Fault("builtins.AttributeError", f"The method {model}.{method} does not exist")
        self.models.is_vague = self.is_vague
        return methods[method](model, **arguments)


class OdooRpc(Odoo):
    """Odoo 18, asked by JSON-RPC; `series` may be made older."""

    options: ClassVar = {"interface": "14", "account": "crm", "username": "ada@example.com"}
    phone_fields = ("phone", "mobile")
    has_tokens = True
    names = replace(Odoo.names, phones=("phone", "mobile"))

    def __init__(self) -> None:
        super().__init__()
        self.series: Any = 18
        self.users: list[int] = []

    def is_search(self, request: Request) -> bool:
        params = request.json["params"]
        return params["service"] == "object" and params["args"][4].endswith("search_read")

    def expire(self) -> None:
        """Let the user be another one from now on."""
        self.users.clear()

    def answer(self, request: Request) -> Response:
        if request.path != "/jsonrpc":
            return _page(404, "Not Found")
        sent = request.json
        assert (sent["jsonrpc"], sent["method"]) == ("2.0", "call")
        if self.is_throttled:
            return _page(429, "Too Many Requests")
        try:
            said = {"result": self._served(**sent["params"])}
        except Fault as fault:
            said = {"error": {"code": 0, "message": "Odoo Server Error", "data": fault.told}}
        return Response(body={"jsonrpc": "2.0", "id": sent["id"], **said})

    def _served(self, service: str, method: str, args: list[Any]) -> Any:
        if (service, method) == ("common", "version"):
            return {"server_version_info": [self.series, 0, 0, "final", 0, ""]}
        if args[0] != self.options["account"]:
            said = f'connection failed: FATAL:  database "{args[0]}" does not exist\n'
            raise Fault("psycopg2.OperationalError", said)
        if (service, method) == ("common", "authenticate"):
            return self._authenticate(*args[1:])
        assert (service, method) == ("object", "execute_kw")
        _, user, key, model, called, positional, named = args
        if user not in self.users:
            raise Fault("odoo.exceptions.MissingError", "Record does not exist: res.users(2,)")
        if self.refuses_signing_in or key != self.secrets["password"]:
            raise Fault("odoo.exceptions.AccessDenied", "Access Denied")
        if model not in MODELS and model != "ir.model":
            raise Fault("odoo.exceptions.UserError", f"Object {model} doesn't exist")
        assert positional == []
        if called == "web_search_read" and int(re.sub(r"\D", "", str(self.series))) < 17:
            raise Fault("builtins.TypeError", "got an unexpected argument 'specification'")
        return self.called(model, called, named)

    def _authenticate(self, login: str, key: str, _: dict[str, Any]) -> int | bool:
        expected = (self.options["username"], self.secrets["password"])
        if self.refuses_signing_in or (login, key) != expected:
            return False
        self.given += 1
        self.users.append(self.given + 1)
        return self.users[-1]


def _not_found(message: str) -> Fault:
    return Fault("werkzeug.exceptions.NotFound", message, 404)


def _page(status: int, title: str) -> Response:
    page = f"<!doctype html><title>{title}</title>".encode()
    return Response(status, page, {"Content-Type": "text/html; charset=utf-8"})
