"""How a journal entry is spelled as one line of a file."""

import json
from collections.abc import Mapping

import msgspec

from voiceapp.routing.entry import DecisionEntry, EndEntry, Entry

_VERSION = 1
_TYPES: Mapping[str, type[Entry]] = {"decision": DecisionEntry, "end": EndEntry}
_NAMES = {kind: name for name, kind in _TYPES.items()}


class LineError(ValueError):
    """A line can't be read as an entry; the message quotes nothing of what it holds."""


class _Line(msgspec.Struct):
    type: str
    version: int
    entry: msgspec.Raw


def encode(entry: Entry) -> bytes:
    """Return `entry` as one line of JSON with its line feed.

    `lookup` holds what JSON has (text, whole numbers, true, false, null, lists, mappings): exact
    decimals are text by the time they come here. Half of a surrogate pair, which a CRM may send
    and no database keeps, becomes a question mark. Raises `TypeError` or `ValueError` for what
    can't be spelled, and for a moment without a zone.
    """
    if entry.at.tzinfo is None:
        raise ValueError("The moment of a journal entry has no time zone")
    line = {"type": _NAMES[type(entry)], "version": _VERSION, "entry": entry}
    try:
        return _encoder.encode(line) + b"\n"
    except UnicodeEncodeError:
        text = json.dumps(msgspec.to_builtins(line), ensure_ascii=False)
        return text.encode("utf-8", "replace") + b"\n"


def decode(line: bytes) -> Entry:
    """Return the entry that `encode` made this line of; fields it doesn't know are passed over.

    Raises `LineError`, and nothing else, whatever the bytes are.
    """
    try:
        spelled = _reader.decode(line)
        if spelled.version != _VERSION:
            raise LineError("The line is of a version that this release of voiceapp can't read")
        return _with_zone(_readers[spelled.type].decode(spelled.entry))
    except LineError:
        raise
    # the library's own messages are about places and types, but some quote a part of the line
    except (msgspec.MsgspecError, ValueError, KeyError, RecursionError) as error:
        raise LineError(f"The line is no journal entry ({type(error).__name__})") from error


def _with_zone(entry: Entry) -> Entry:
    if entry.at.tzinfo is None:
        raise LineError("The moment of the entry has no time zone")
    return entry


_encoder = msgspec.json.Encoder()
_reader = msgspec.json.Decoder(_Line)
_readers: Mapping[str, msgspec.json.Decoder[Entry]] = {
    name: msgspec.json.Decoder(kind) for name, kind in _TYPES.items()
}
