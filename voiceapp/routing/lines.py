"""How a journal entry is spelled as one line of a file."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from cattrs import Converter

from voiceapp.routing.entry import DecisionEntry, EndEntry, Entry

_VERSION = 1
_TYPES: dict[str, type[Entry]] = {"decision": DecisionEntry, "end": EndEntry}
_NAMES = {kind: name for name, kind in _TYPES.items()}

# made once: json.dumps() would make a new one for each line
_json = json.JSONEncoder(allow_nan=False, separators=(",", ":"))

_Plain = TypeVar("_Plain", str, int, bool)


class LineError(ValueError):
    """A line can't be read as an entry; the message quotes nothing of what it holds."""


def encode(entry: Entry) -> bytes:
    """Return `entry` as one line of ASCII JSON with its line feed; moments are in UTC.

    `lookup` holds what JSON has (text, whole numbers, true, false, null, lists, mappings):
    exact decimals are text by the time they come here. Raises `TypeError` or `ValueError` for
    anything else in it, and for a moment without a zone.
    """
    line = {
        "type": _NAMES[type(entry)],
        "version": _VERSION,
        "entry": _converter.unstructure(entry),
    }
    return _json.encode(line).encode("ascii") + b"\n"


def decode(line: bytes) -> Entry:
    """Return the entry that `encode` made this line of; fields it doesn't know are passed over.

    Raises `LineError`, and nothing else, whatever the bytes are.
    """
    try:
        spelled = json.loads(line)
        if spelled["version"] != _VERSION:
            raise LineError("The line is of a version that this release of voiceapp can't read")
        return _converter.structure(spelled["entry"], _TYPES[spelled["type"]])
    except LineError:
        raise
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise LineError(f"The line is no journal entry ({type(error).__name__})") from error


def _moment_to_text(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise ValueError("The moment of a journal entry has no time zone")
    return moment.astimezone(UTC).isoformat()


def _moment_from_text(text: Any, _: type) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("The moment has no time zone")
    return moment.astimezone(UTC)


def _exactly(value: Any, kind: type[_Plain]) -> _Plain:
    # cattrs alone would make "None" of null, and true of "false"
    if type(value) is not kind:
        raise TypeError(f"{kind.__name__} expected")
    return value


def _number(value: Any, _: type) -> float:
    if type(value) not in (int, float):
        raise TypeError("number expected")
    return float(value)


def _mapping(value: Any, _: type) -> Any:
    if type(value) is not dict:
        raise TypeError("mapping expected")
    return value


def _texts(value: Any, _: type) -> tuple[str, ...]:
    # cattrs alone would take a text for a list of its letters
    if type(value) is not list:
        raise TypeError("list expected")
    return tuple(_exactly(text, str) for text in value)


def _is_lookup(kind: Any) -> bool:
    return bool(kind == Mapping[str, Any])


def _is_explanation(kind: Any) -> bool:
    return bool(kind == tuple[str, ...])


def _make_converter() -> Converter:
    converter = Converter(detailed_validation=False)
    converter.register_unstructure_hook(datetime, _moment_to_text)
    converter.register_structure_hook(datetime, _moment_from_text)
    converter.register_structure_hook(float, _number)
    for kind in (str, int, bool):
        converter.register_structure_hook(kind, _exactly)
    # what was looked up is JSON already, so nothing in it needs to be converted
    converter.register_unstructure_hook_func(_is_lookup, lambda lookup: lookup)
    converter.register_structure_hook_func(_is_lookup, _mapping)
    converter.register_structure_hook_func(_is_explanation, _texts)
    return converter


_converter = _make_converter()
