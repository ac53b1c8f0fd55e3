"""The tables of a small Dynamics 365, and enough OData to be asked for their rows.

It is read here by the grammar, not by what our client happens to send.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.wire.standin import Entry

SHOWN = "OData.Community.Display.V1.FormattedValue"
STAGES = {727000000: "Cold", 727000001: "Hot Prospect"}
TAGS = {1: "VIP; gold", 2: "Newsletter", 3: "Press"}
STATES = {0: "Active", 1: "Inactive"}


@dataclass(frozen=True)
class Table:
    """A table: its columns by their types, and the tables that its lookups lead to."""

    entity_set: str
    columns: dict[str, str]
    links: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Of each navigation property the lookup and the table."""
    is_private: bool = False


_COMMON = {"createdon": "DateTime", "statecode": "State", "ownerid": "Owner"}
_OWN = {
    "new_tier": "String",
    "new_stage": "Picklist",
    "new_tags": "MultiSelectPicklist",
    "new_balance": "Money",
    "new_size": "Integer",
    "new_vip": "Boolean",
    "new_since": "DateOnly",
    "new_accountno": "String",
    "new_stagename": "Shadow",  # shows the label of new_stage, and can't be selected
    "entityimage": "Image",
}
_PERSON = {"telephone1": "Phone", "mobilephone": "Phone", "telephone2": "Phone"}
TABLES = {
    "contact": Table(
        "contacts",
        {
            **_COMMON,
            **_OWN,
            **_PERSON,
            "telephone3": "String",
            "managerphone": "Phone",
            "parentcustomerid": "Customer",
            "parentcustomeridname": "Shadow",
        },
        {"parentcustomerid_account": ("parentcustomerid", "account")},
    ),
    "lead": Table("leads", {**_COMMON, **_OWN, **_PERSON}),
    "account": Table("accounts", {**_COMMON, **_OWN, "telephone1": "Phone", "name": "String"}),
    "opportunity": Table("opportunities", {**_COMMON, "new_hotline": "Phone", "name": "String"}),
    "new_visit": Table("new_visits", {"new_phone": "Phone", "new_name": "String"}),
    "workflowlog": Table("workflowlogs", {"createdon": "DateTime"}, is_private=True),
}
OPTIONS = {"new_stage": STAGES, "new_tags": TAGS, "statecode": STATES}
_LITERALS = {
    **dict.fromkeys(("String", "Phone"), "text"),
    **dict.fromkeys(("Money", "Integer", "Picklist", "State"), "number"),
}
"""What a column may be compared with."""


class Refusal(Exception):
    """What OData does not allow."""


Read = Callable[[dict[str, Any]], Any]


def column(table: str, path: str) -> tuple[Read, str]:
    """Return what reads a column that a query names, and the column's type."""
    link, _, name = path.rpartition("/")
    if link:
        if link not in TABLES[table].links:
            raise Refusal(f"Could not find a property named '{link}' on type '{table}'.")
        lookup, other = TABLES[table].links[link]
        read, type_ = column(other, name)
        return lambda row: read((row.get(lookup) or {}).get("row", {})), type_
    is_lookup = name.startswith("_") and name.endswith("_value")
    plain = name.removeprefix("_").removesuffix("_value") if is_lookup else name
    type_ = TABLES[table].columns.get(plain, "Shadow")
    if type_ in ("Shadow", "Image") or is_lookup is not (type_ in ("Customer", "Owner")):
        raise Refusal(f"Could not find a property named '{name}' on type 'CRM.{table}'.")
    if is_lookup:
        return lambda row: (row.get(plain) or {}).get("id"), type_
    return lambda row: row.get(plain), type_


def check_selected(table: str, name: str) -> None:
    if "/" in name:
        raise Refusal("Found a path traversing multiple navigation properties in $select.")
    column(table, name)


_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>-?\d+(?:\.\d+)?)|(?P<name>[\w./]+)"
    r"|(?P<list>\[(?:\"(?:[^\"\\]|\\.)*\"|'[^']*'|[^\]\"'])*\])|(?P<sign>[(),=]))"
)


class Reader:
    """Reads a $filter into a function that says whether a row is meant."""

    def __init__(self, table: str, text: str) -> None:
        self.table = table
        self.tokens: list[tuple[str, str]] = []
        at = 0
        while text[at:].strip():
            match = _TOKEN.match(text, at)
            if match is None:
                raise Refusal(f"There is an unterminated literal at position {at} in '{text}'.")
            self.tokens.append((str(match.lastgroup), match[match.lastgroup or 0]))
            at = match.end()

    def read(self) -> Callable[[dict[str, Any]], bool]:
        holds = self._either()
        if self.tokens:
            raise Refusal(f"Syntax error at '{self.tokens[0][1]}'.")
        return holds

    def _either(self) -> Callable[[dict[str, Any]], bool]:
        parts = [self._all()]
        while self._takes("or"):
            parts.append(self._all())
        return lambda row: any(part(row) for part in parts)

    def _all(self) -> Callable[[dict[str, Any]], bool]:
        parts = [self._one()]
        while self._takes("and"):
            parts.append(self._one())
        return lambda row: all(part(row) for part in parts)

    def _one(self) -> Callable[[dict[str, Any]], bool]:
        if self._takes("("):
            inner = self._either()
            self._expect(")")
            return inner
        kind, name = self._next()
        if kind != "name":
            raise Refusal(f"Syntax error at '{name}'.")
        if name == "Microsoft.Dynamics.CRM.In":
            return self._in()
        if name == "startswith":
            return self._starts()
        read, type_ = column(self.table, name)
        self._expect("eq")
        kind, literal = self._next()
        if kind != _LITERALS.get(type_):
            raise Refusal("A binary operator with incompatible types was detected.")
        if kind == "number":
            return lambda row: read(row) is not None and float(read(row)) == float(literal)
        wanted = literal[1:-1].replace("''", "'").casefold()
        return lambda row: str(read(row) or "").casefold() == wanted

    def _in(self) -> Callable[[dict[str, Any]], bool]:
        for expected in ("(", "PropertyName", "="):
            self._expect(expected)
        name = self._next()[1].strip("'")
        for expected in (",", "PropertyValues", "="):
            self._expect(expected)
        kind, listed = self._next()
        if kind != "list":
            raise Refusal("PropertyValues is no list.")
        self._expect(")")
        read, _ = column(self.table, name)
        values = {one.casefold() for one in json.loads(listed)}
        return lambda row: str(read(row) or "").casefold() in values

    def _starts(self) -> Callable[[dict[str, Any]], bool]:
        self._expect("(")
        read, type_ = column(self.table, self._next()[1])
        self._expect(",")
        kind, literal = self._next()
        self._expect(")")
        if kind != "text" or _LITERALS.get(type_) != "text":
            raise Refusal("No function signature for startswith matches the arguments.")
        wanted = literal[1:-1].replace("''", "'").casefold()
        return lambda row: str(read(row) or "").casefold().startswith(wanted)

    def _next(self) -> tuple[str, str]:
        if not self.tokens:
            raise Refusal("Expression expected at the end.")
        return self.tokens.pop(0)

    def _takes(self, word: str) -> bool:
        if self.tokens and self.tokens[0][1] == word and self.tokens[0][0] != "text":
            self.tokens.pop(0)
            return True
        return False

    def _expect(self, word: str) -> None:
        if not self._takes(word):
            raise Refusal(f"'{word}' expected.")


def expanded(table: Table, text: str) -> dict[str, list[str]]:
    joined = {}
    for match in re.finditer(r"(\w+)\(\$select=([\w,]+)\)(?:,|$)|(.)", text):
        if match[3] or match[1] not in table.links:
            raise Refusal(f"Could not find a property named '{match[0]}' to expand.")
        joined[match[1]] = match[2].split(",")
        for one in joined[match[1]]:
            check_selected(table.links[match[1]][1], one)
    return joined


def row_of(
    table: str, entry: Entry, selected: list[str], joined: dict[str, list[str]], shows: bool
) -> dict[str, Any]:
    row = {"@odata.etag": 'W/"1"', f"{table}id": entry.id, **_cells(table, entry, selected, shows)}
    for link, columns in joined.items():
        lookup, other = TABLES[table].links[link]
        linked = entry.fields.get(lookup)
        row[link] = linked and _cells(other, Entry("", linked.get("row", {})), columns, shows)
    return row


def _cells(table: str, entry: Entry, selected: list[str], shows: bool) -> dict[str, Any]:
    cells = {}
    for one in selected:
        read, type_ = column(table, one)
        cells[one] = read(entry.fields)
        shown = _shown(one, type_, entry.fields)
        if shows and shown is not None:
            cells[f"{one}@{SHOWN}"] = shown
    return cells


def _shown(column: str, type_: str, fields: dict[str, Any]) -> str | None:
    plain = (
        column.removeprefix("_").removesuffix("_value")
        if type_ in ("Customer", "Owner")
        else column
    )
    value = fields.get(plain)
    if value is None:
        return None
    match type_:
        case "Customer" | "Owner":
            return str(value["name"])
        case "Picklist" | "State":
            return OPTIONS[column].get(value, "Brand New")
        case "MultiSelectPicklist":
            return "; ".join(TAGS[int(one)] for one in value.split(","))
        case "Boolean":
            return "Yes" if value else "No"
        case "Money":
            return f"${value:,.2f}"
        case "Integer" | "DateTime" | "DateOnly":
            return f"about {value}"
    return None
