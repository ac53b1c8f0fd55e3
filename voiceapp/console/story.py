"""What happens in a test call, as values: requests, what was heard and keyed in, decisions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, TypeAlias
from urllib.parse import unquote, urlsplit


class Ended(StrEnum):
    """How a test call ended."""

    QUEUE = "queue"
    DIAL = "dial"
    PLAY = "play"
    HANGUP = "hangup"
    MENU = "menu"
    RECORD = "record"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to one request, with the decisions taken for it and the release they follow.

    Each decision is a plain mapping in the shape that the terminal's JSON documents.
    """

    status: int
    content_type: str
    body: str
    decisions: tuple[Mapping[str, Any], ...] = ()
    release: int | None = None


Send: TypeAlias = Callable[[str, Mapping[str, str]], Reply]
"""Posts form fields to a URL (a path, or absolute where the TwiML says so), signed as Twilio."""


@dataclass(frozen=True, slots=True)
class Step:
    """One request, with everything that was sent, and the document that came back."""

    url: str
    params: Mapping[str, str]
    status: int
    twiml: str


@dataclass(frozen=True, slots=True)
class Heard:
    """Something the caller heard: the words of a Say, or the full address of a Play."""

    kind: Literal["say", "play"]
    text: str

    @property
    def name(self) -> str:
        """The file name at the end of a recording's address."""
        return unquote(urlsplit(self.text).path.rpartition("/")[2])


@dataclass(frozen=True, slots=True)
class Keyed:
    """What the caller pressed when a Gather listened; empty if they let it time out."""

    keys: str


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision that the application took on the way."""

    decision: Mapping[str, Any]


Event: TypeAlias = Step | Heard | Keyed | Decided


@dataclass(frozen=True, slots=True)
class Walk:
    """A whole test call: what happened, in that order, and where the caller got to.

    `where` is the queue, the number or address dialled, the recording's file name, the IVR (or
    the path that the keys would have gone to), or a sentence if it ended in an error; else empty.
    """

    caller: str
    called: str
    events: tuple[Event, ...]
    release: int | None
    ended: Ended
    where: str

    @property
    def steps(self) -> tuple[Step, ...]:
        """The requests, in order."""
        return tuple(event for event in self.events if isinstance(event, Step))

    @property
    def heard(self) -> tuple[Heard, ...]:
        """What the caller heard, in order."""
        return tuple(event for event in self.events if isinstance(event, Heard))

    @property
    def decisions(self) -> tuple[Mapping[str, Any], ...]:
        """The decisions taken, in order."""
        return tuple(event.decision for event in self.events if isinstance(event, Decided))


def masked(keys: str, mask: str = "••••") -> str:
    """
    Return keys as they may be shown: more than one digit may be an account.

    >>> masked("1"), masked("1001#"), masked("")
    ('1', '••••', 'nothing')
    """
    return mask if sum(key.isdigit() for key in keys) > 1 else keys or "nothing"
