"""A small Salesforce: OAuth by client credentials, describe, and enough SOQL to be asked in."""

import re
from collections import defaultdict
from collections.abc import Container
from typing import Any, ClassVar

from tests.wire.standin import Entry, Names, Request, Response, StandIn

_OBJECTS = {"Contacts": "Contact", "Leads": "Lead", "Accounts": "Account"}
_COMMON = {
    "Id": "id",
    "CreatedDate": "datetime",
    "Phone": "phone",
    "Fax": "phone",
    "Tier__c": "string",
    "Stage__c": "picklist",
    "Balance__c": "currency",
    "Vip__c": "boolean",
    "Since__c": "date",
    "Tags__c": "multipicklist",
    "AccountNo__c": "string",
    "Number__c": "double",
    "Secret_Phone__c": "phone",
}
_FIELDS = {
    "Contact": _COMMON
    | dict.fromkeys(("MobilePhone", "HomePhone", "OtherPhone", "AssistantPhone"), "phone")
    | {"AccountId": "reference"},
    "Lead": _COMMON | {"MobilePhone": "phone", "IsConverted": "boolean"},
    "Account": _COMMON | {"Industry": "string"},
    "Visit__c": {"Id": "id", "CreatedDate": "datetime", "Door__c": "phone", "Tier__c": "string"},
}
_UNFILTERABLE = {"Secret_Phone__c"}
_STAGES = {"hot": "Hot Prospect", "cold": "Cold", "gone": "Out of use"}
_NUMBERS = {"currency", "double", "int", "percent"}
_STRING = r"'(?:[^'\\]|\\.)*'"
_QUERY = re.compile(
    rf"SELECT (?P<select>[\w., ()]+) FROM (?P<object>\w+) WHERE (?P<where>(?:{_STRING}|[^'])+?) "
    r"ORDER BY (?P<order>[\w.]+) (?P<way>ASC|DESC) NULLS LAST LIMIT (?P<limit>\d+)"
)
_LITERAL = rf"{_STRING}|\d+(?:\.\d+)?|true|false"
_IN = re.compile(rf"([\w.]+) IN \(({_STRING}(?:, {_STRING})*)\)")
_EQUALS = re.compile(rf"([\w.]+) = ({_LITERAL})")
_LIKE = re.compile(rf"([\w.]+) LIKE ({_STRING})")
_TEST = rf"(?:{_IN.pattern}|{_EQUALS.pattern}|{_LIKE.pattern})"
_TESTS = re.compile(rf"{_TEST}(?: OR {_TEST})*")
_UNCONVERTED = re.compile(r"\((?P<tests>.*)\) AND IsConverted = false", re.DOTALL)


class Like:
    """All texts that fit a pattern of SQL, in which only “%” is special here."""

    def __init__(self, pattern: str) -> None:
        assert "_" not in pattern
        parts = map(re.escape, pattern.split("%"))
        self._pattern = re.compile(".*".join(parts), re.DOTALL | re.IGNORECASE)

    def __contains__(self, value: object) -> bool:
        return isinstance(value, str) and bool(self._pattern.fullmatch(value))


class Salesforce(StandIn):
    kind = "salesforce"
    hosts = ("acme.my.salesforce.com",)
    url = "https://acme.my.salesforce.com/"
    options: ClassVar = {"username": "3MVG9consumer"}
    secrets: ClassVar = {"password": "consumer-secret-4711"}
    has_tokens = True
    tells_forbidden = False
    names = Names(
        phones=("Phone", "MobilePhone", "OtherPhone"),
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
        self.tells_fields = True
        self.token_answer: Response | None = None
        """What is answered to whoever asks for a token, if not one."""
        self.refresh_token = ""
        """The one that the app takes, if it is not one for client credentials."""
        self.rotates = False
        """Whether each use of it gives another; an older one used again then ends all of them."""

    def add(self, module: str, **fields: Any) -> str:
        object_ = _OBJECTS.get(module, module)
        kept = self.records[object_]
        id_ = f"003{len(kept):015}"
        created = f"2026-01-{len(kept) // 60 + 1:02}T10:{len(kept) % 60:02}:00.000+0000"
        usual = {"Id": id_, "CreatedDate": created, "IsConverted": False}
        kept.append(Entry(id_, usual | fields))
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
            names = ["Visit__c", *_OBJECTS.values(), "AcceptedEventRelation", "Shut__c"]
            return Response(
                body={"sobjects": [{"name": one, "queryable": one != "Shut__c"} for one in names]}
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
        if self.refresh_token:
            expected |= {"grant_type": "refresh_token", "refresh_token": self.refresh_token}
        if self.token_answer is not None:
            return self.token_answer
        if self.refuses_signing_in or form != expected:
            if self.rotates:
                self.refresh_token = "none any more"
                self.tokens.clear()
            body = {"error": "invalid_client", "error_description": f"invalid {form}"}
            return Response(400, body)
        self.given += 1
        self.tokens.append(f"00Dtoken-{self.given}!secret")
        body = {
            "access_token": self.tokens[-1],
            "instance_url": "https://acme.my.salesforce.com",
            "token_type": "Bearer",
        }
        if self.rotates:
            self.refresh_token = f"5Aep-refresh-{self.given}-secret"
            body["refresh_token"] = self.refresh_token
        return Response(body=body)

    def _describe(self, name: str) -> Response:
        if name not in _FIELDS or not self.tells_fields:
            return _error(404, "NOT_FOUND", "The requested resource does not exist")
        fields = [
            {
                "name": field,
                "label": field.removesuffix("__c"),
                "type": type_,
                "filterable": field not in _UNFILTERABLE,
                "picklistValues": [
                    {"value": value, "label": label, "active": value != "gone"}
                    for value, label in (_STAGES.items() if type_ == "picklist" else ())
                ],
            }
            for field, type_ in self._known(name).items()
        ]
        return Response(body={"name": name, "fields": fields})

    def _known(self, object_: str) -> dict[str, str]:
        return {one: type_ for one, type_ in _FIELDS[object_].items() if one not in self.hidden}

    def _query(self, soql: str) -> Response:
        match = _QUERY.fullmatch(soql)
        if match is None:
            return _error(400, "MALFORMED_QUERY", f"unexpected token in {soql}")
        if match["object"] not in _FIELDS:
            return _error(400, "INVALID_TYPE", "sObject type is not supported.")
        if self.forbids:
            return _error(400, "INVALID_FIELD", "No such column on entity")
        try:
            hits, wanted = self._hits(match)
        except _Refused as refused:
            return _error(400, refused.args[0], "refused")
        rows = [self._row(match["object"], one, wanted) for one in hits[: int(match["limit"])]]
        return Response(body={"totalSize": len(rows), "done": True, "records": rows})

    def _hits(self, query: re.Match[str]) -> tuple[list[Entry], list[tuple[str, bool]]]:
        """Return the records that are found, and which fields of them to send, labelled or not."""
        object_, where = query["object"], query["where"]
        wanted = [self._selected(object_, one) for one in query["select"].split(", ")]
        names = [one for one, _ in wanted]
        if len(set(names)) < len(names):
            raise _Refused("INVALID_FIELD")  # duplicate field selected
        order, _ = self._column(object_, query["order"])
        unconverted = _UNCONVERTED.fullmatch(where)
        if unconverted:
            self._column(object_, "IsConverted")
            where = unconverted["tests"]
        tests = self._tests(object_, where)
        hits = [
            one
            for one in self.records[object_]
            if not (unconverted and one.fields["IsConverted"])
            and (self.is_vague or any(one.fields.get(name) in values for name, values in tests))
        ]
        filled = [one for one in hits if one.fields.get(order) is not None]
        filled.sort(key=lambda one: one.fields[order], reverse=query["way"] == "DESC")
        hits = [*filled, *(one for one in hits if one not in filled)]  # NULLS LAST
        return hits, wanted

    def _tests(self, object_: str, where: str) -> list[tuple[str, Container[Any]]]:
        if not _TESTS.fullmatch(where):
            raise _Refused("MALFORMED_QUERY")
        tests: list[tuple[str, Container[Any]]] = []
        others = _IN.sub("", where)
        for typed, pattern in _LIKE.findall(others):
            name, _ = self._column(object_, typed)
            if name in _UNFILTERABLE:
                raise _Refused("INVALID_FIELD")
            tests.append((name, Like(_read(pattern))))
        for typed, listed in (*_IN.findall(where), *_EQUALS.findall(_LIKE.sub("", others))):
            name, type_ = self._column(object_, typed)
            literals = re.findall(_LITERAL, listed)
            kind = "number" if type_ in _NUMBERS else "yes/no" if type_ == "boolean" else "text"
            if name in _UNFILTERABLE or {_kind(one) for one in literals} != {kind}:
                raise _Refused("INVALID_FIELD")
            tests.append((name, [_read(one) for one in literals]))
        return tests

    def _selected(self, object_: str, typed: str) -> tuple[str, bool]:
        labelled = re.fullmatch(r"toLabel\((.*)\)", typed)
        name, type_ = self._column(object_, labelled[1] if labelled else typed)
        if labelled and type_ not in ("picklist", "multipicklist"):
            raise _Refused("INVALID_FIELD")
        return name, bool(labelled)

    def _column(self, object_: str, typed: str) -> tuple[str, str]:
        """Return a column as Salesforce calls it, whatever case was typed, and its type."""
        link, _, rest = typed.rpartition(".")
        if link.lower() == "account" and object_ == "Contact":
            name, type_ = self._column("Account", rest)
            return f"Account.{name}", type_
        for name, type_ in self._known(object_).items():
            if name.lower() == typed.lower():
                return name, type_
        raise _Refused("INVALID_FIELD")

    def _row(self, object_: str, entry: Entry, wanted: list[tuple[str, bool]]) -> dict[str, Any]:
        row: dict[str, Any] = {"attributes": {"type": object_}}
        for name, is_labelled in wanted:
            link, _, rest = name.rpartition(".")
            if link:
                linked = [
                    one for one in self.records[link] if one.id == entry.fields.get(f"{link}Id")
                ]
                part = {"attributes": {"type": link}, rest: linked and linked[0].fields.get(rest)}
                row[link] = (row.get(link) or {}) | part if linked else None
            else:
                value = entry.fields.get(name)
                row[name] = _STAGES.get(value, value) if is_labelled else value
        return row


class _Refused(Exception):
    """A code of Salesforce's, as the only argument."""


def _kind(literal: str) -> str:
    if literal.startswith("'"):
        return "text"
    return "yes/no" if literal in ("true", "false") else "number"


def _read(literal: str) -> Any:
    if literal in ("true", "false"):
        return literal == "true"
    if not literal.startswith("'"):
        return float(literal)
    signs = {"n": "\n", "r": "\r", "t": "\t"}
    return re.sub(r"\\(.)", lambda found: signs.get(found[1], found[1]), literal[1:-1])


def _error(status: int, code: str, message: str) -> Response:
    return Response(status, [{"message": message, "errorCode": code}])
