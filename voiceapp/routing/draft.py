"""The draft: parts of a plan as rows, read together and saved one by one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from voiceapp.models.draft import DraftPart
from voiceapp.routing.document import from_plain, to_plain
from voiceapp.rules.plan import Did, Installation, Integration, Ivr, Plan, Queue, Recording
from voiceapp.rules.rule import Destination, DestinationKind, Rule


@dataclass(frozen=True, slots=True)
class _Kind:
    name: str
    key: Callable[[Any], str]


_KINDS: dict[type, _Kind] = {
    Did: _Kind("did", lambda did: did.number),
    Ivr: _Kind("ivr", lambda ivr: ivr.number),
    Rule: _Kind("rule", lambda rule: rule.name),
    Queue: _Kind("queue", lambda queue: queue.name),
    Recording: _Kind("recording", lambda recording: recording.name),
    Integration: _Kind("integration", lambda integration: integration.key),
    Installation: _Kind("installation", lambda installation: ""),
}

NOTHING_CHOSEN = Destination(DestinationKind.QUEUE, "")
"""The safe destination of a draft in which none was chosen yet; it can't be published."""


def save(session: Session, part: object, author: str) -> None:
    """Add a part to the draft, or put it in the place of the one with its key."""
    kind = _KINDS[type(part)]
    key = kind.key(part)
    row = session.scalar(select(DraftPart).filter_by(kind=kind.name, key=key))
    if row is None:
        row = DraftPart(kind=kind.name, key=key)
        session.add(row)
    row.body = to_plain(part)
    row.changed_by = author


def read(session: Session) -> Plan:
    """Return the draft as a plan, its parts in the order they were added.

    Raises UnreadableDocument.
    """
    parts: dict[type, list[Any]] = {kind: [] for kind in _KINDS}
    kinds = {kind.name: type_ for type_, kind in _KINDS.items()}
    for row in session.scalars(select(DraftPart).order_by(DraftPart.id)):
        type_ = kinds[row.kind]
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
