"""A small Dynamics 365: Microsoft's sign-in, definitions of tables, and their rows by OData."""

import json
import re
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from tests.wire.dynamics_odata import (
    OPTIONS,
    SHOWN,
    TABLES,
    Reader,
    Refusal,
    check_selected,
    column,
    expanded,
    row_of,
)
from tests.wire.standin import Entry, Names, Request, Response, StandIn

_OURS = {"Contacts": "contact", "Leads": "lead", "Accounts": "account"}


class Dynamics(StandIn):
    kind = "dynamics"
    hosts = ("acme.crm4.dynamics.com", "login.microsoftonline.com")
    url = "https://acme.crm4.dynamics.com/main.aspx"
    options: ClassVar = {
        "account": "7e9a1c52-04de-4d63-9c6f-9a3c0a2d6f11",
        "username": "1f6b3c0e-5a0d-4a7e-8f4e-2f9d3f1c7b22",
    }
    secrets: ClassVar = {"password": "client~secret-4711"}
    has_tokens = True
    names = Names(
        phones=("telephone1", "mobilephone", "telephone2", "telephone3"),
        tier="new_tier",
        stage="new_stage",
        hot=727000001,
        balance="new_balance",
        vip="new_vip",
        since="new_since",
        account="new_accountno",
    )

    def __init__(self) -> None:
        super().__init__()
        self.sign_in_error = ""
        """How Microsoft calls what is wrong with an app that signs in, if something is."""
        self.records: dict[str, list[Entry]] = defaultdict(list)
        self.tokens: list[str] = []
        self.has_user = True
        """The app is an application user of the environment."""
        self.tells_fields = True

    def add(self, module: str, **fields: Any) -> str:
        kept = self.records[_OURS.get(module, module)]
        id_ = f"00000000-0000-0000-0000-{len(kept):012}"
        created = datetime(2026, 1, 1, 10, tzinfo=UTC) + timedelta(days=len(kept))
        base = {"createdon": f"{created:%Y-%m-%dT%H:%M:%SZ}", "statecode": 0}
        kept.append(Entry(id_, base | fields))
        return id_

    def is_search(self, request: Request) -> bool:
        last = request.path.rpartition("/")[2]
        return last in {table.entity_set for table in TABLES.values()}

    def expire(self) -> None:
        self.tokens.clear()

    def answer(self, request: Request) -> Response:
        if request.host == "login.microsoftonline.com":
            return self._token(request)
        if request.headers.get("authorization") not in [f"Bearer {one}" for one in self.tokens]:
            return Response(401, None, {"WWW-Authenticate": "Bearer authorization_uri=https://x"})
        if not self.has_user:
            return _error(403, "0x80072560", "The user is not a member of the organization.")
        root, _, resource = request.path.rpartition("/")
        if root != "/api/data/v9.2" or request.method != "GET":
            return _error(404, "0x8006088a", f"Resource not found for the segment '{root}'.")
        try:
            return self._resource(resource, request)
        except Refusal as refusal:
            return _error(400, "0x80060888", str(refusal))

    def _token(self, request: Request) -> Response:
        if request.path != f"/{self.options['account']}/oauth2/v2.0/token":
            return _sign_in_error(400, "invalid_request", 90002, "Tenant not found.")
        expected = {
            "grant_type": "client_credentials",
            "client_id": self.options["username"],
            "client_secret": self.secrets["password"],
            "scope": "https://acme.crm4.dynamics.com/.default",
        }
        if self.sign_in_error:
            return _sign_in_error(400, self.sign_in_error, 500011, "No such resource principal.")
        if self.refuses_signing_in or request.form != expected:
            said = f"Invalid client secret provided: {request.form}"
            return _sign_in_error(401, "invalid_client", 7000215, said)
        self.given += 1
        self.tokens.append(f"eyJ0token-{self.given}-secret")
        granted = {"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599}
        return Response(body={**granted, "access_token": self.tokens[-1]})

    def _resource(self, resource: str, request: Request) -> Response:
        if resource == "EntityDefinitions":
            return _definitions(request.query)
        if resource == "RetrieveMetadataChanges(Query=@p1)":
            if not self.tells_fields:
                return _error(403, "0x80040220", "Principal user is missing prvReadEntity")
            return _changes(json.loads(request.query["@p1"]))
        tables = {table.entity_set: name for name, table in TABLES.items()}
        if resource not in tables:
            said = f"Resource not found for the segment '{resource}'."
            return _error(404, "0x8006088a", said)
        if self.is_throttled:
            return _error(429, "0x80072322", "Number of requests exceeded.", {"Retry-After": "9"})
        if self.forbids:
            return _error(403, "0x80040220", f"Principal user is missing prvRead on {resource}")
        return self._rows(tables[resource], request)

    def _rows(self, name: str, request: Request) -> Response:
        query, table = dict(request.query), TABLES[name]
        holds = Reader(name, query.pop("$filter")).read()
        selected = query.pop("$select").split(",")
        order, top = query.pop("$orderby", ""), int(query.pop("$top"))
        joined = expanded(table, query.pop("$expand", ""))
        if query:
            raise Refusal(f"The query parameter {next(iter(query))} is not supported.")
        for one in selected:
            check_selected(name, one)
        hits = [one for one in self.records[name] if self.is_vague or holds(one.fields)]
        if order:
            path, _, way = order.partition(" ")
            read, _ = column(name, path)
            hits.sort(key=lambda one: _rank(read(one.fields)), reverse=way == "desc")
        shows = request.headers.get("prefer") == f'odata.include-annotations="{SHOWN}"'
        return Response(
            body={
                "@odata.context": "https://acme.crm4.dynamics.com/api/data/v9.2/$metadata#x",
                "value": [row_of(name, one, selected, joined, shows) for one in hits[:top]],
            }
        )


def _rank(value: Any) -> tuple[bool, Any]:
    return (value is not None, 0 if value is None else value)


def _definitions(query: dict[str, str] | Any) -> Response:
    rows = [
        {
            "LogicalName": name,
            "EntitySetName": table.entity_set,
            "IsValidForAdvancedFind": not table.is_private,
            "IsIntersect": False,
            "IsPrivate": table.is_private,
            "MetadataId": "70816501-edb9-4740-a16c-6a5efbc05d84",
        }
        for name, table in TABLES.items()
    ]
    for condition in query["$filter"].split(" and "):
        one, literal = re.fullmatch(r"(\w+) eq ('\w+'|true|false)", condition).groups()
        wanted = literal.strip("'") if "'" in literal else literal == "true"
        rows = [row for row in rows if row[one] == wanted]
    kept = {*query["$select"].split(","), "MetadataId"}
    return Response(body={"value": [{k: row[k] for k in row if k in kept} for row in rows]})


def _changes(query: dict[str, Any]) -> Response:
    """Answer with nulls for all that was not asked for, as the real one does."""
    assert query["Properties"] == {"AllProperties": False, "PropertyNames": ["Attributes"]}
    tables = [name for name in TABLES if _meets(query["Criteria"], {"LogicalName": name})]
    wanted = {*query["AttributeQuery"]["Properties"]["PropertyNames"], "LogicalName", "MetadataId"}
    metadata = []
    for table in tables:
        columns = {f"{table}id": "Uniqueidentifier", **TABLES[table].columns}
        columns |= {"new_hidden": "String"}
        described = [_described(name, type_) for name, type_ in columns.items()]
        metadata.append(
            {
                "LogicalName": table,
                "SchemaName": None,
                "DisplayName": None,
                "Attributes": [
                    {key: value if key in wanted else None for key, value in column.items()}
                    for column in described
                    if _meets(query["AttributeQuery"]["Criteria"], column)
                ],
            }
        )
    return Response(body={"ServerVersionStamp": "1!10/09/2022", "EntityMetadata": metadata})


def _meets(criteria: dict[str, Any], row: dict[str, Any]) -> bool:
    assert criteria["FilterOperator"] == "And"
    types = {"System.String": str, "System.Boolean": lambda one: one == "true"}
    return all(
        row[one["PropertyName"]] == types[one["Value"]["Type"]](one["Value"]["Value"])
        for one in criteria["Conditions"]
        if one["ConditionOperator"] == "Equals"
    )


def _described(name: str, type_: str) -> dict[str, Any]:
    kind = {"Phone": "String", "Shadow": "String", "DateOnly": "DateTime"}.get(type_, type_)
    options = [
        {"Value": value, "Label": _text(label), "Color": None}
        for value, label in OPTIONS.get(name, {}).items()
    ]
    column = {
        "LogicalName": name,
        "MetadataId": "97fb4aae-ea5d-427f-9b2b-9a6b9754286e",
        "IsValidForRead": name != "new_hidden",
        "AttributeOf": name.removesuffix("name") if type_ == "Shadow" else None,
        "AttributeType": "Virtual" if kind in ("MultiSelectPicklist", "Image") else kind,
        "AttributeTypeName": {"Value": f"{kind}Type"},
        "DisplayName": _text(name.removeprefix("new_").title()) if type_ != "Owner" else _text(""),
    }
    if kind == "String":
        column |= {
            "Format": "Text",
            "FormatName": {"Value": "Phone" if type_ == "Phone" else "Text"},
        }
    if kind == "DateTime":
        column |= {"Format": "DateOnly" if type_ == "DateOnly" else "DateAndTime"}
    if options:
        column |= {"OptionSet": {"Options": options}}
    if kind == "Boolean":
        yes, no = ({"Value": 1, "Label": _text("Yes")}, {"Value": 0, "Label": _text("No")})
        column |= {"OptionSet": {"TrueOption": yes, "FalseOption": no}}
    return column


def _text(label: str) -> dict[str, Any]:
    """Return a label; a column without any has no label at all."""
    told = {"Label": label, "LanguageCode": 1033} if label else None
    return {"LocalizedLabels": [told] if told else [], "UserLocalizedLabel": told}


def _error(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Response:
    return Response(status, {"error": {"code": code, "message": message}}, headers or {})


def _sign_in_error(status: int, error: str, code: int, said: str) -> Response:
    described = {"error": error, "error_description": f"AADSTS{code}: {said}\r\nTrace ID: 1"}
    return Response(status, {**described, "error_codes": [code], "trace_id": "1"})
