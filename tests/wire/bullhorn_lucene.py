"""Enough of Lucene to be asked in: terms and phrases of fields, AND, OR, NOT, parentheses.

A text is indexed as the words it has; a telephone number as its words, or as its digits alone:
nobody outside of Bullhorn knows which of the two, so a stand-in can do either.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

Fields: TypeAlias = Mapping[str, Any]
Test: TypeAlias = Callable[[Fields], bool]

_TOKEN = re.compile(
    r"\s*(?:(?P<sign>[()])|(?P<word>AND|OR|NOT)(?=[\s(])|"
    r"(?P<field>\w+(?:\.\w+)*):(?:(?P<bare>[\w@.]+)|(?P<phrase>\"(?:[^\"\\]|\\.)*\")))",
    re.DOTALL,
)


class BadQuery(Exception):
    """What Bullhorn can't read, or should not be asked as it finds something else than is meant."""


class Lucene:
    """Reads a query; `types` are the kinds of data of the fields, as metadata names them."""

    def __init__(self, query: str, types: Mapping[str, str], phones_are_digits: bool) -> None:
        self._types = types
        self._phones_are_digits = phones_are_digits
        self._tokens = list(_tokens(query))
        self.matches: Test = self._either()
        if self._tokens:
            raise BadQuery

    def _either(self) -> Test:
        tests = [self._both()]
        while self._next_is("OR"):
            tests.append(self._both())
        return lambda fields: any(test(fields) for test in tests)

    def _both(self) -> Test:
        tests = [self._one()]
        while self._next_is("AND"):
            tests.append(self._one())
        return lambda fields: all(test(fields) for test in tests)

    def _one(self) -> Test:
        if self._next_is("NOT"):
            test = self._one()
            return lambda fields: not test(fields)
        if self._next_is("("):
            test = self._either()
            if not self._next_is(")"):
                raise BadQuery
            return test
        if not self._tokens or not self._tokens[0]["field"]:
            raise BadQuery
        token = self._tokens.pop(0)
        return self._term(token["field"], token["bare"], token["phrase"])

    def _next_is(self, sign: str) -> bool:
        if self._tokens and sign in (self._tokens[0]["sign"], self._tokens[0]["word"]):
            self._tokens.pop(0)
            return True
        return False

    def _term(self, field: str, bare: str | None, phrase: str | None) -> Test:
        type_ = self._types.get(field)
        text = bare if bare is not None else re.sub(r"\\(.)", r"\1", (phrase or "")[1:-1])
        if type_ in ("Integer", "Double", "BigDecimal"):
            if bare is None or not re.fullmatch(r"-?\d+(\.\d+)?", bare):
                raise BadQuery
            return lambda fields: fields.get(field) == float(bare)
        if type_ == "Boolean":
            if bare not in ("0", "1"):
                raise BadQuery
            return lambda fields: bool(fields.get(field)) == (bare == "1")
        words = self._words(type_, text)
        return lambda fields: _has_phrase(self._words(type_, fields.get(field)), words)

    def _words(self, type_: str | None, value: Any) -> list[str]:
        texts = value if isinstance(value, list) else [value or ""]
        if type_ == "phone" and self._phones_are_digits:
            return [digits for one in texts if (digits := re.sub(r"\D", "", one))]
        return [word for one in texts for word in re.findall(r"\w+", str(one).lower())]


def _tokens(query: str) -> Iterator[dict[str, str | None]]:
    at = 0
    while query[at:].strip():
        match = _TOKEN.match(query, at)
        if match is None:
            raise BadQuery
        yield match.groupdict()
        at = match.end()


def _has_phrase(words: list[str], phrase: list[str]) -> bool:
    """Say whether the words of a phrase stand among others, one behind the other."""
    places = range(len(words) - len(phrase) + 1)
    return bool(phrase) and any(words[at : at + len(phrase)] == phrase for at in places)
