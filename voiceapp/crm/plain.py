"""What a CRM answered, as a text that another process can read."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeAlias

from voiceapp.crm.contract import (
    Answer,
    CrmError,
    FieldValue,
    Found,
    NotFound,
    Record,
    Several,
)

Said: TypeAlias = Answer | CrmError


class UnreadableText(ValueError):
    """A text is no answer that this release of voiceapp can read."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """What a CRM said, or what went wrong, and when (seconds since 1970).

    Of a call: `is_older` says that it was said before the call asked, `trouble` what kept the CRM
    from being asked anew.
    """

    said: Said
    at: float
    is_older: bool = False
    trouble: CrmError | None = None


def spell(what: Remembered) -> str:
    """Return what is remembered as a text."""
    plain: dict[str, Any] = {"at": what.at, "said": _spelled(what.said)}
    if what.is_older:
        plain["older"] = True
    if what.trouble is not None:
        plain["trouble"] = _spelled(what.trouble)
    return json.dumps(plain, separators=(",", ":"))


def read(text: str) -> Remembered:
    """Return what `spell` was given. Raises UnreadableText, and nothing else."""
    try:
        plain = json.loads(text)
        return Remembered(
            _read(plain["said"]),
            float(plain["at"]),
            plain.get("older") is True,
            _trouble(plain.get("trouble")),
        )
    except UnreadableText:
        raise
    except (ValueError, KeyError, TypeError, ArithmeticError, RecursionError) as error:
        raise UnreadableText(type(error).__name__) from error


def _spelled(said: Said) -> list[Any]:
    match said:
        case Found(values, matched_by, stored):
            return ["found", _values(values), matched_by, stored]
        case NotFound():
            return ["not found"]
        case Several(count, records):
            return ["several", count, [_record(one) for one in records]]
        case CrmError():
            return ["error", type(said).__name__, str(said)]


def _record(record: Record) -> list[Any]:
    return [_values(record.values), _plain(record.created), record.stored]


def _values(values: Mapping[str, FieldValue]) -> dict[str, Any]:
    return {name: _plain(value) for name, value in values.items()}


def _plain(value: FieldValue) -> Any:
    match value:
        case None | bool() | int() | str():
            return value
        case Decimal():
            return ["number", str(value)]
        case Mapping():
            return ["mapping", _values(value)]
    return ["list", [_plain(element) for element in value]]


def _read(plain: list[Any]) -> Said:
    match plain:
        case ["found", dict() as values, str() as matched_by, stored]:
            return Found(_read_values(values), matched_by, stored)
        case ["not found"]:
            return NotFound()
        case ["several", int() as count, list() as records]:
            return Several(count, tuple(map(_read_record, records)))
        case ["error", str() as name, str() as message] if name in _ERRORS:
            return _ERRORS[name](message)
    raise UnreadableText("unknown answer")


def _trouble(plain: list[Any] | None) -> CrmError | None:
    if plain is None:
        return None
    trouble = _read(plain)
    if not isinstance(trouble, CrmError):
        raise UnreadableText("unknown trouble")
    return trouble


def _read_record(plain: list[Any]) -> Record:
    match plain:
        case [dict() as values, created, stored]:
            return Record(_read_values(values), _read_value(created), stored)
    raise UnreadableText("unknown record")


def _read_values(plain: Mapping[str, Any]) -> dict[str, FieldValue]:
    return {name: _read_value(value) for name, value in plain.items()}


def _read_value(plain: Any) -> FieldValue:
    match plain:
        case None | bool() | int() | str():
            return plain
        case ["number", str() as text]:
            return Decimal(text)
        case ["mapping", dict() as values]:
            return _read_values(values)
        case ["list", list() as elements]:
            return [_read_value(element) for element in elements]
    raise UnreadableText("unknown value")


def _errors(kind: type[CrmError]) -> Iterator[type[CrmError]]:
    yield kind
    for special in kind.__subclasses__():
        yield from _errors(special)


_ERRORS: dict[str, type[CrmError]] = {kind.__name__: kind for kind in _errors(CrmError)}
