"""What the journal keeps: one entry for each decision, one for the end of each call."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class DecisionEntry:
    """One answered webhook that chose a destination; known by call, step and door.

    Telephone numbers are as Twilio sent them; keyed digits never stand here. `lookup` is what
    was looked up and compared, complete enough to decide the same call again over other rules.
    `safe` says that the call was sent to a safe destination.
    """

    call_sid: str
    step: int
    door: str
    at: datetime
    release: int
    test: bool
    caller: str
    called: str
    ivr: str
    key: str
    rule: str
    outcome: str
    destination_kind: str
    destination_option: str
    ms: float
    lookup: Mapping[str, Any] | None = None
    explanation: tuple[str, ...] = field(default=())
    safe: bool = False


@dataclass(frozen=True, slots=True)
class EndEntry:
    """The end of a call as Twilio reported it; `duration` is in seconds."""

    call_sid: str
    at: datetime
    status: str
    duration: int | None
    test: bool


Entry: TypeAlias = DecisionEntry | EndEntry
