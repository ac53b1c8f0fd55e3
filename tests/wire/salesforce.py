"""A small Salesforce: OAuth by client credentials, describe, and enough SOQL to be asked in."""

import re
from collections import defaultdict
from typing import Any, ClassVar

from tests.wire.standin import Entry, Names, Request, Response, StandIn

_OBJECTS = {"Contacts": "Contact", "Leads": "Lead", "Accounts": "Account"}
_FIELDS = {
    "Id": "id",
    "CreatedDate": "datetime",
    "Phone": "phone",
    "MobilePhone": "phone",
    "HomePhone": "phone",
    "Tier__c": "string",
    "Stage__c": "picklist",
    "Balance__c": "currency",
    "Vip__c": "boolean",
    "Since__c": "date",
    "Tags__c": "multipicklist",
    "AccountNo__c": "string",
    "Number__c": "double",
    "IsConverted": "boolean",
}
_STAGES = {"hot": "Hot Prospect", "cold": "Cold"}
_STRING = r"'(?:[^'\\]|\\.)*'"
_QUERY = re.compile(
    rf"SELECT (?P<select>[\w., ()]+) FROM (?P<object>\w+) WHERE (?P<where>(?:{_STRING}|[^'])+?) "
    r"ORDER BY (?P<order>\w+) (?P<way>ASC|DESC) NULLS LAST LIMIT (?P<limit>\d+)"
)
_IN = re.compile(rf"(\w+) IN \(({_STRING}(?:, {_STRING})*)\)")
_EQUALS = re.compile(rf"(\w+) = ({_STRING}|[\d.]+|true|false)")


class Salesforce(StandIn):
    kind = "salesforce"
    hosts = ("acme.my.salesforce.com",)
    url = "https://acme.my.salesforce.com/"
    options: ClassVar = {"username": "3MVG9consumer"}
    secrets: ClassVar = {"password": "consumer-secret-4711"}
    has_tokens = True
    tells_forbidden = False
    names = Names(
        phones=("Phone", "MobilePhone"),
        tier="Tier__c",
        stage="Stage__c",
        hot="hot",
        balance="Balance__c",
        vip="Vip__c",
        since="Since__c",
        account="AccountNo__c",
    )

    def __init__(self) -> None:
        super().__init__()
        self.records: dict[str, list[Entry]] = defaultdict(list)
        self.tokens: list[str] = []
        self.hidden = {"HomePhone"}
        """Fields that these credentials may not read: Salesforce acts as if there were none."""

    def add(self, module: str, **fields: Any) -> str:
        kept = self.records[_OBJECTS[module]]
        id_ = f"003{len(kept):015}"
        created = f"2026-01-{len(kept) + 1:02}T10:00:00.000+0000"
        kept.append(Entry(id_, {"Id": id_, "CreatedDate": created, "IsConverted": False} | fields))
        return id_

    def is_search(self, request: Request) -> bool:
        return request.path.endswith("/query")

    def expire(self) -> None:
        self.tokens.clear()

    def answer(self, request: Request) -> Response:
        if request.path == "/services/oauth2/token":
            return self._token(request)
        if request.headers.get("authorization") not in [f"Bearer {one}" for one in self.tokens]:
            return _error(401, "INVALID_SESSION_ID", "Session expired or invalid")
        assert request.path.startswith("/services/data/v62.0/")
        if request.path.endswith("/sobjects"):
            names = [*_OBJECTS.values(), "Visit__c"]
            return Response(
                body={"sobjects": [{"name": name, "queryable": True} for name in names]}
            )
        if request.path.endswith("/describe"):
            return self._describe(request.path.split("/")[-2])
        if self.is_throttled:
            return _error(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        return self._query(request.query["q"])

    def _token(self, request: Request) -> Response:
        form = request.form
        expected = {
            "grant_type": "client_credentials",
            "client_id": self.options["username"],
            "client_secret": self.secrets["password"],
        }
        if self.refuses_signing_in or form != expected:
            body = {"error": "invalid_client", "error_description": f"invalid {form}"}
            return Response(400, body)
        self.given += 1
        self.tokens.append(f"00Dtoken-{self.given}!secret")
        return Response(
            body={
                "access_token": self.tokens[-1],
                "instance_url": "https://acme.my.salesforce.com",
                "token_type": "Bearer",
            }
        )

    def _describe(self, name: str) -> Response:
        if name not in _OBJECTS.values():
            return _error(404, "NOT_FOUND", "The requested resource does not exist")
        fields = [
            {
                "name": field,
                "label": field.removesuffix("__c"),
                "type": type_,
                "picklistValues": [
                    {"value": value, "label": label, "active": True}
                    for value, label in (_STAGES.items() if type_ == "picklist" else ())
                ],
            }
            for field, type_ in _FIELDS.items()
            if field not in self.hidden
        ]
        return Response(body={"name": name, "fields": fields})

    def _query(self, soql: str) -> Response:
        match = _QUERY.fullmatch(soql)
        if match is None:
            return _error(400, "MALFORMED_QUERY", f"unexpected token in {soql}")
        if match["object"] not in _OBJECTS.values():
            return _error(400, "INVALID_TYPE", "sObject type is not supported.")
        selected = [one.strip() for one in match["select"].split(",")]
        asked = [re.sub(r"toLabel\((.*)\)", r"\1", one) for one in selected]
        known = _FIELDS.keys() - self.hidden
        named = {*asked, *re.findall(r"(\w+) (?:IN|=) ", match["where"]), match["order"]}
        if self.forbids or not named <= known:
            return _error(400, "INVALID_FIELD", "No such column on entity")
        hits = [
            one
            for one in self.records[match["object"]]
            if self.is_vague or _holds(match["where"], one.fields)
        ]
        hits.sort(
            key=lambda one: (
                one.fields.get(match["order"]) is not None,
                one.fields.get(match["order"]) or 0,
            ),
            reverse=match["way"] == "DESC",
        )
        rows = [_row(one, selected) for one in hits[: int(match["limit"])]]
        return Response(body={"totalSize": len(rows), "done": True, "records": rows})


def _holds(where: str, fields: dict[str, Any]) -> bool:
    grouped = re.fullmatch(r"\((.*)\) AND IsConverted = false", where, re.DOTALL)
    if grouped:
        return not fields["IsConverted"] and _holds(grouped[1], fields)
    for name, listed in _IN.findall(where):
        if fields.get(name) in [_read(one) for one in re.findall(_STRING, listed)]:
            return True
    return any(fields.get(name) == _read(one) for name, one in _EQUALS.findall(where))


def _read(literal: str) -> Any:
    if not literal.startswith("'"):
        return float(literal)
    signs = {"n": "\n", "r": "\r", "t": "\t"}
    return re.sub(r"\\(.)", lambda found: signs.get(found[1], found[1]), literal[1:-1])


def _row(entry: Entry, selected: list[str]) -> dict[str, Any]:
    row: dict[str, Any] = {"attributes": {"type": "Contact"}}
    for one in selected:
        labelled = re.fullmatch(r"toLabel\((.*)\)", one)
        field = labelled[1] if labelled else one
        value = entry.fields.get(field)
        row[field] = _STAGES.get(value, value) if labelled else value
    return row


def _error(status: int, code: str, message: str) -> Response:
    return Response(status, [{"message": message, "errorCode": code}])
