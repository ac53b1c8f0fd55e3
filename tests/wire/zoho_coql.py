"""COQL as Zoho CRM reads it: one module, criteria in brackets pair by pair, one order."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, TypeAlias

FieldsOf: TypeAlias = Mapping[str, Mapping[str, str]]
"""The fields of each module, with their types."""

_NUMBERS = {"bigint", "currency"}
_RESERVED = {"group", "order", "external"}
_MOST_CRITERIA, _MOST_VALUES, _MOST_ROWS = 25, 100, 2000
_TOKEN = re.compile(
    r"""\s*(?:(?P<string>'(?:[^'\\]|''|\\.)*')|(?P<name>[A-Za-z_][\w.]*)|(?P<number>\d+)"""
    r"""|(?P<sign>[(),=]))""",
    re.ASCII | re.DOTALL,
)


class Refused(Exception):
    """Why a query is not taken, by Zoho's code."""

    def __init__(self, code: str, **details: Any) -> None:
        super().__init__(code)
        self.code, self.details = code, details


class Query:
    """A query as COQL reads it; raises `Refused` for what it doesn't take."""

    def __init__(self, text: str, fields_of: FieldsOf, encrypted: Collection[str]) -> None:
        self._fields_of = fields_of
        self._tokens = _tokens(text)
        self._next()
        self._encrypted = encrypted
        self._criteria = 0
        self._word("select")
        written = [self._column()]
        while self._takes(","):
            written.append(self._column())
        self._word("from")
        self.module = self._next()[1]
        if self.module not in self._fields_of:
            raise Refused("INVALID_MODULE")
        self.columns = [self._known(name) for name in written]
        if len({*self.columns}) != len(self.columns):
            raise Refused("DUPLICATE_DATA", column_name=self.columns[0])
        self._word("where")
        self.holds = self._expression()
        self._word("order")
        self._word("by")
        self.order = self._known(self._column())
        self.is_descending = self._way() == "desc"
        self._word("limit")
        self.limit = int(self._next()[1])
        if self._token[0] != "end" or not 0 < self.limit <= _MOST_ROWS:
            raise _syntax("limit")

    def _next(self) -> tuple[str, str]:
        token = getattr(self, "_token", ("start", ""))
        self._token = next(self._tokens)
        return token

    def _takes(self, text: str) -> bool:
        if self._token[1].lower() != text or self._token[0] == "string":
            return False
        self._next()
        return True

    def _word(self, text: str) -> None:
        if not self._takes(text):
            raise _syntax(self._token[1])

    def _way(self) -> str:
        text = self._next()[1]
        if text not in ("asc", "desc"):
            raise _syntax(text)
        return text

    def _column(self) -> str:
        kind, text = self._next()
        if kind == "name" and text.lower() not in _RESERVED:
            return text
        if kind == "string":
            return text[1:-1]
        raise _syntax(text)

    def _known(self, name: str) -> str:
        link, _, rest = name.partition(".")
        fields = self._fields_of[self.module]
        is_path = fields.get(link) == "lookup" and rest in self._fields_of["Accounts"]
        if name not in fields and not is_path:
            raise Refused("INVALID_QUERY", column_name=name)
        return name

    def _expression(self) -> Callable[[dict[str, Any]], bool]:
        """Read one or two criteria; more than two have to be in brackets, pair by pair."""
        left = self._term()
        if self._takes("or"):
            right = self._term()
            return lambda fields: left(fields) or right(fields)
        if self._takes("and"):
            right = self._term()
            return lambda fields: left(fields) and right(fields)
        return left

    def _term(self) -> Callable[[dict[str, Any]], bool]:
        if self._takes("("):
            inner = self._expression()
            self._word(")")
            return inner
        return self._criterion()

    def _criterion(self) -> Callable[[dict[str, Any]], bool]:
        self._criteria += 1
        name = self._known(self._column())
        if name in self._encrypted:
            raise Refused("INVALID_QUERY", column_name=name)
        if self._takes("="):
            values = [self._value(name)]
        else:
            self._word("in")
            self._word("(")
            values = [self._value(name)]
            while self._takes(","):
                values.append(self._value(name))
            self._word(")")
        if self._criteria > _MOST_CRITERIA or len(values) > _MOST_VALUES:
            raise Refused("LIMIT_EXCEEDED")
        return lambda fields: fields.get(name) in values

    def _value(self, name: str) -> Any:
        kind, text = self._next()
        type_ = self._fields_of[self.module][name]
        literal = _unquoted(text) if kind == "string" else text
        if kind not in ("string", "number") or (kind == "number" and str(int(text)) != text):
            raise _syntax(text)
        if type_ == "boolean":
            return literal == "true"
        if type_ in _NUMBERS and not literal.isdigit():
            raise Refused("INVALID_QUERY", column_name=name)
        return int(literal) if type_ in _NUMBERS else literal


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise _syntax(text[place : place + 10])
        yield str(match.lastgroup), match[str(match.lastgroup)]
        place = match.end()
    while True:
        yield "end", ""


def _unquoted(literal: str) -> str:
    r"""Read a string: a quote is written twice; a backslash takes the next sign as it is."""
    return re.sub(r"''|\\(.)", lambda found: found[1] or "'", literal[1:-1], flags=re.DOTALL)


def _syntax(near: str) -> Refused:
    return Refused("SYNTAX_ERROR", near=near)
