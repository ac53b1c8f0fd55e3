"""VTQL as vtiger reads it: its tokens, its grammar, and what MySQL makes of the texts in it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

_TOKEN = re.compile(
    r"\w+|'(?:[^']|'')+'|\(|\)|[+-]?\d+|,|\*|<=|>=|!=|=|<|>|;|([ \t\r\n]+)", re.ASCII
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", "b": "\b", "Z": "\x1a"}

Fields: TypeAlias = Mapping[str, Any]


class VtqlError(Exception):
    """Has a code of the web service and a message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Condition:
    column: str
    operator: str
    values: tuple[str, ...]
    joined_by: str
    """AND or OR, with the condition before it; blank for the first."""


@dataclass
class Query:
    columns: list[str] = field(default_factory=list)
    module: str = ""
    conditions: list[Condition] = field(default_factory=list)
    order: list[str] = field(default_factory=list)
    is_descending: bool = False
    limit: int = 100


def parse(query: str) -> Query:
    """Read a query. Raises VtqlError as vtiger does."""
    return _Parser(query).query()


def _tokens(query: str) -> list[str]:
    found, at = [], 0
    while at < len(query):
        match = _TOKEN.match(query, at)
        if match is None:  # the lexer throws something that nobody expects
            raise VtqlError("INTERNAL_SERVER_ERROR", "Unknown Error while processing request")
        if match[1] is None:
            found.append(match[0])
        at = match.end()
    return found


class _Parser:
    """Takes one token after the other; the conditions have no brackets but those of IN."""

    def __init__(self, query: str) -> None:
        self._rest = _tokens(query)

    def query(self) -> Query:
        read = Query()
        self._expect("SELECT")
        read.columns = self._list(self._name)
        self._expect("FROM")
        read.module = self._name()
        if self._take("WHERE"):
            read.conditions.append(self._condition(""))
            while joined_by := self._take("AND", "OR"):
                read.conditions.append(self._condition(joined_by))
        if self._take("ORDER"):
            self._expect("BY")
            read.order = self._list(self._name)
            read.is_descending = self._take("ASC", "DESC") == "DESC"
        if self._take("LIMIT"):
            read.limit = min(int(self._next()), 100)
        self._expect(";")
        if self._rest:
            self._refuse(self._rest[0])
        return read

    def _condition(self, joined_by: str) -> Condition:
        column = self._name()
        operator = self._take("=", "!=", "<", ">", "<=", ">=", "LIKE", "IN")
        if operator == "IN":
            self._expect("(")
            values = self._list(self._next)
            self._expect(")")
            return Condition(column, operator, tuple(values), joined_by)
        if not operator:
            self._refuse(self._next())
        return Condition(column, operator, (self._next(),), joined_by)

    def _list(self, read: Callable[[], str]) -> list[str]:
        read_so_far = [read()]
        while self._take(","):
            read_so_far.append(read())
        return read_so_far

    def _next(self) -> str:
        if not self._rest:
            self._refuse("")
        return self._rest.pop(0)

    def _name(self) -> str:
        token = self._next()
        if not re.fullmatch(r"\w+|\*", token, re.ASCII):
            self._refuse(token)
        return token

    def _take(self, *words: str) -> str:
        if self._rest and self._rest[0].upper() in words:
            return self._rest.pop(0).upper()
        return ""

    def _expect(self, word: str) -> None:
        if not self._take(word):
            self._refuse(self._rest[0] if self._rest else "")

    def _refuse(self, token: str) -> None:
        raise VtqlError("QUERY_SYNTAX_ERROR", f"Syntax Error on line 1: token '{token}' ")


def holds(query: Query, fields: Fields, numbers: set[str], is_vague: bool) -> bool:
    """Say whether a record is found: AND binds more than OR, as MySQL has it."""
    groups: list[list[bool]] = []
    for condition in query.conditions:
        is_met = _is_met(condition, fields, condition.column in numbers, is_vague)
        if condition.joined_by == "AND":
            groups[-1].append(is_met)
        else:
            groups.append([is_met])
    return any(all(group) for group in groups) if groups else True


def _is_met(condition: Condition, fields: Fields, is_number: bool, is_vague: bool) -> bool:
    stored = fields.get(condition.column)
    if stored is None:
        return False
    values = [_text(one) for one in condition.values]
    if condition.operator == "LIKE":
        return bool(stored) and (is_vague or _is_like(str(stored), values[0]))
    if condition.operator not in ("=", "IN"):
        raise NotImplementedError(condition.operator)
    if is_number:
        return any(float(stored) == _number(one) for one in values)
    return _folded(str(stored)) in map(_folded, values)


def _is_like(stored: str, pattern: str) -> bool:
    signs = {"%": ".*", "_": "."}
    written = "".join(signs.get(one, re.escape(one)) for one in pattern)
    return re.fullmatch(written, stored, re.DOTALL | re.IGNORECASE) is not None


def _text(literal: str) -> str:
    """Return what MySQL reads in a literal, to which vtiger passes it as it is."""
    if not literal.startswith("'"):
        return literal
    inner = literal[1:-1].replace("''", "'")
    if re.search(r"(?<!\\)(\\\\)*\\$", inner):
        raise VtqlError(
            "DATABASE_QUERY_ERROR", "Database error while performing required operation"
        )
    return re.sub(r"\\(.)", lambda one: _ESCAPES.get(one[1], one[1]), inner, flags=re.DOTALL)


def _number(text: str) -> float:
    match = re.match(r"\s*[+-]?\d+(\.\d+)?", text)
    return float(match[0]) if match else 0.0


def _folded(text: str) -> str:
    return text.rstrip(" ").casefold()
