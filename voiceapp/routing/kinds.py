"""The kinds of parts that a draft has, and a row of it as a value."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from voiceapp.models.draft import DraftPart
from voiceapp.routing.document import from_plain
from voiceapp.rules.plan import Did, Installation, Integration, Ivr, Plan, Queue, Recording
from voiceapp.rules.rule import Destination, DestinationKind, Rule
from voiceapp.rules.uses import Part

P = TypeVar("P", bound=Part)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of part: its name in the database, and what a part is known by."""

    name: str
    key: Callable[[Any], str]
    destination: DestinationKind | None = None  # as what others refer to it by its key


KINDS: dict[type[Any], Kind] = {
    Did: Kind("did", lambda did: did.number),
    Ivr: Kind("ivr", lambda ivr: ivr.number, DestinationKind.IVR),
    Rule: Kind("rule", lambda rule: rule.name, DestinationKind.RULE),
    Queue: Kind("queue", lambda queue: queue.name, DestinationKind.QUEUE),
    Recording: Kind("recording", lambda recording: recording.name, DestinationKind.RECORDING),
    Integration: Kind("integration", lambda integration: integration.key),
    Installation: Kind("installation", lambda installation: ""),
}
TYPES = {kind.name: type_ for type_, kind in KINDS.items()}
"""The type of part for each name of a kind."""

NOTHING_CHOSEN = Destination(DestinationKind.QUEUE, "")
"""The safe destination of a draft in which none was chosen yet; it can't be published."""


class ChangedMeanwhile(Exception):
    """Somebody else saved or deleted the part since it was read."""


class KeyTaken(Exception):
    """There is another part of the same kind with this name or number."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """Who changed a part last, and when."""

    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Stored(Generic[P]):
    """A part as it stands in the draft; `id` stays when its name changes."""

    id: int
    part: P
    version: int
    stamp: Stamp


def key_of(part: Part) -> str:
    """Return what a part is known by among those of its kind."""
    return KINDS[type(part)].key(part)


def stamp_of(row: DraftPart) -> Stamp:
    """Return who changed the part of a row last."""
    return Stamp(row.changed_by, row.changed_at)


def stored_of(row: DraftPart, type_: type[P]) -> Stored[P]:
    """Return the part of a row. Raises UnreadableDocument."""
    return Stored(row.id, from_plain(row.body, type_), row.version, stamp_of(row))


def plan_of(rows: Iterable[DraftPart]) -> Plan:
    """Return the plan that rows are the parts of. Raises UnreadableDocument."""
    parts: dict[type[Any], list[Any]] = {type_: [] for type_ in KINDS}
    for row in rows:
        if row.body is not None:
            type_ = TYPES[row.kind]
            parts[type_].append(from_plain(row.body, type_))
    return Plan(
        installation=next(iter(parts[Installation]), Installation(safe=NOTHING_CHOSEN)),
        dids=tuple(parts[Did]),
        ivrs=tuple(parts[Ivr]),
        rules=tuple(parts[Rule]),
        queues=tuple(parts[Queue]),
        recordings=tuple(parts[Recording]),
        integrations=tuple(parts[Integration]),
    )
