"""The models of a small Odoo: their fields, their records, and search domains over them."""

import re
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import phonenumbers

from tests.wire.standin import Entry

_SEPARATORS = re.compile(r"[\s\\./()\-]")
_OWN = {
    "id": "integer",
    "display_name": "char",
    "create_date": "datetime",
    "active": "boolean",
    "phone": "char",
    "phone_sanitized": "char",
    "phone_mobile_search": "char",
    "phone_state": "selection",
    "x_tier": "char",
    "x_stage": "selection",
    "x_balance": "monetary",
    "x_size": "integer",
    "x_vip": "boolean",
    "x_since": "date",
    "x_account_no": "char",
    "image_1920": "binary",
    "x_formatted_phone": "char",
    "user_id": "many2one",
}
_COMPUTED = {"x_formatted_phone"}
"""Fields that can be read only: they are computed."""
MODELS: dict[str, dict[str, str]] = {
    "res.partner": {
        **_OWN,
        "name": "char",
        "is_company": "boolean",
        "type": "selection",
        "parent_id": "many2one",
        "category_id": "many2many",
    },
    "crm.lead": {**_OWN, "name": "char", "type": "selection", "tag_ids": "many2many"},
    "helpdesk.ticket": {"id": "integer", "display_name": "char", "partner_phone": "char"},
    "res.partner.category": {"id": "integer", "display_name": "char"},
    "res.users": {"id": "integer", "display_name": "char", "login": "char"},
    "ir.attachment": {"id": "integer", "display_name": "char"},
}
_RELATIONS = {
    "parent_id": "res.partner",
    "category_id": "res.partner.category",
    "tag_ids": "res.partner.category",
    "user_id": "res.users",
}


class Fault(Exception):
    """An exception of Odoo's: its name there, its message, and the status that JSON-2 gives it."""

    def __init__(self, name: str, message: str, status: int = 500) -> None:
        super().__init__(message)
        self.name = name
        self.status = status

    @property
    def told(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "message": str(self),
            "arguments": [str(self)],
            "context": {},
            "debug": f"Traceback (most recent call last):\n{self}",
        }


class Models:
    """What a database holds; `phone_fields` are those that Odoo itself takes for numbers."""

    def __init__(self, phone_fields: tuple[str, ...]) -> None:
        self.phone_fields = phone_fields
        self.records: dict[str, list[Entry]] = defaultdict(list)
        self.choices = [["hot", "Hot Prospect"], ["cold", "Cold"]]
        self.is_vague = False

    def add(self, model: str, **fields: Any) -> str:
        kept = self.records[model]
        entry = Entry(str(len(kept) + 1), {"id": len(kept) + 1, **fields})
        entry.fields.setdefault("active", True)
        entry.fields.setdefault("display_name", entry.fields.get("name", f"Nr. {entry.id}"))
        entry.fields.setdefault("create_date", f"2026-01-{len(kept) + 1:02} 10:00:00")
        entry.fields["phone_sanitized"] = self._sanitized(entry.fields)
        kept.append(entry)
        return entry.id

    def _sanitized(self, fields: dict[str, Any]) -> str | bool:
        """Return the first number that can be read as one of the record's country."""
        country = fields.pop("country", "US")
        for one in self.phone_fields:
            try:
                parsed = phonenumbers.parse(fields.get(one) or "", country)
            except phonenumbers.NumberParseException:
                continue
            return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
        return False

    def fields(self, model: str) -> dict[str, str]:
        phones = dict.fromkeys(self.phone_fields if "phone" in MODELS[model] else (), "char")
        return {**MODELS[model], **phones}

    def described(self, model: str, attributes: list[str]) -> dict[str, Any]:
        described = {}
        for name, type_ in self.fields(model).items():
            about = {"type": type_, "string": name.removeprefix("x_").title(), "name": name}
            about |= {"searchable": name not in _COMPUTED, "store": name != "phone_mobile_search"}
            if type_ == "selection":
                about["selection"] = self.choices
            if name in _RELATIONS:
                about["relation"] = _RELATIONS[name]
            described[name] = {key: about[key] for key in attributes if key in about}
        return described

    def _hits(self, model: str, domain: list[Any], limit: int, order: str) -> list[Entry]:
        holds = self.reader(model, list(domain))
        hits = [
            one
            for one in self.records[model]
            if one.fields["active"]
            and (holds(one.fields) or (self.is_vague and one.fields.get("phone")))
        ]
        for part in reversed(order.split(", ")):
            match = re.fullmatch(r"(\w+) (asc|desc)", part)
            if match is None:
                raise Fault("odoo.exceptions.UserError", f'Invalid "order" ({order})', 422)
            self.check(model, match[1])
            name = match[1]  # an empty one is the highest, as PostgreSQL has it
            hits.sort(
                key=lambda one, name=name: (  # type: ignore[misc]  # a default has no type
                    one.fields.get(name) in (None, False),
                    one.fields.get(name) or 0,
                ),
                reverse=match[2] == "desc",
            )
        return hits[:limit]

    def check(self, model: str, name: str) -> None:
        if name not in self.fields(model):
            raise Fault("builtins.ValueError", f"Invalid field {name!r} on {model!r}")

    def reader(self, model: str, domain: list[Any]) -> Callable[[dict[str, Any]], bool]:
        """Read a domain: conditions in Polish notation, with “and” where nothing else stands."""
        parts = []
        while domain:
            parts.append(self._condition(model, domain))
        return lambda row: all(part(row) for part in parts)

    def _condition(self, model: str, domain: list[Any]) -> Callable[[dict[str, Any]], bool]:
        if not domain:
            raise Fault("builtins.ValueError", "Domain() malformed domain")
        first = domain.pop(0)
        if first in ("|", "&"):
            left, right = self._condition(model, domain), self._condition(model, domain)
            if first == "|":
                return lambda row: left(row) or right(row)
            return lambda row: left(row) and right(row)
        path, operator, value = first
        if path in _COMPUTED:
            raise Fault("builtins.ValueError", f"Cannot convert {path} to SQL, it is not stored")
        read, type_ = self._read(model, path.split("."))
        if path == "phone_mobile_search":
            return self._any_number(operator, value)
        if operator == "in" and isinstance(value, list):
            return lambda row: read(row) in value
        if operator != "=":
            raise Fault("builtins.ValueError", f"Invalid operator {operator}")
        if type_ == "date" or (type_ == "integer" and not isinstance(value, int)):
            raise Fault("psycopg2.errors.InvalidTextRepresentation", "invalid input syntax")
        return lambda row: read(row) == value or (value is False and not read(row))

    def _read(self, model: str, path: list[str]) -> tuple[Callable[[Any], Any], str]:
        self.check(model, path[0])
        if len(path) == 1:
            return lambda row: (row or {}).get(path[0]), self.fields(model)[path[0]]
        read, type_ = self._read(_RELATIONS[path[0]], path[1:])
        return lambda row: read((row or {}).get(path[0])), type_

    def _any_number(self, operator: str, value: str) -> Callable[[dict[str, Any]], bool]:
        if operator != "=" or len(value) < 3:
            raise Fault("odoo.exceptions.UserError", "Please enter at least 3 characters", 422)
        bare = _SEPARATORS.sub("", value)
        wanted = {bare}
        if value.startswith(("+", "00")):
            digits = bare[1:] if value.startswith("+") else bare[2:]
            wanted = {f"+{digits}", f"00{digits}"}
        return lambda row: any(
            _SEPARATORS.sub("", row.get(one) or "") in wanted for one in self.phone_fields
        )

    def search_read(
        self, model: str, domain: list[Any], fields: list[str], limit: int, order: str
    ) -> list[dict[str, Any]]:
        for one in fields:
            self.check(model, one)
        rows = []
        for hit in self._hits(model, domain, limit, order):
            row = {"id": hit.fields["id"], **{one: self._cell(model, hit, one) for one in fields}}
            for one, sent in row.items():
                if isinstance(sent, dict):
                    row[one] = [sent["id"], sent["display_name"]]
                elif isinstance(sent, list):
                    row[one] = [linked["id"] for linked in sent]
            rows.append(row)
        return rows

    def web_search_read(
        self, model: str, domain: list[Any], specification: dict[str, Any], limit: int, order: str
    ) -> dict[str, Any]:
        hits = self._hits(model, domain, limit, order)
        rows = [self._cells(model, hit, specification) for hit in hits]
        return {"length": len(rows), "records": rows}

    def _cells(self, model: str, hit: Entry, specification: dict[str, Any]) -> dict[str, Any]:
        row = {"id": hit.fields["id"]}
        for one, more in specification.items():
            self.check(model, one)
            sent = self._cell(model, hit, one)
            if one in _RELATIONS:
                within = more["fields"]
                for step in within:
                    self.check(_RELATIONS[one], step)
                linked = sent if isinstance(sent, list) else [sent] if sent else []
                cells = [self._cells(_RELATIONS[one], Entry("", found), within) for found in linked]
                sent = cells if isinstance(sent, list) else cells[0] if cells else False
            row[one] = sent
        return row

    def _cell(self, model: str, hit: Entry, name: str) -> Any:
        """Return a value as Odoo has it: false for nothing, except for numbers and lists."""
        empty = {"monetary": 0.0, "integer": 0, "many2many": []}
        type_ = self.fields(model)[name]
        if name == "phone_mobile_search":
            return False
        sent = hit.fields.get(name)
        return empty.get(type_, False) if sent is None else sent
