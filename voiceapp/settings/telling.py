"""A test call as a page tells it: turn by turn, with nothing of what was keyed in."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import assert_never

from voiceapp.console.story import Decided, Ended, Event, Heard, Keyed, Step, Walk, masked
from voiceapp.crm.phone import show
from voiceapp.rules.rule import Destination, DestinationKind

_SENT = ("From", "To", "CallStatus", "Digits")
"""The fields of a request that say something about this one call."""

_ENDINGS: Mapping[Ended, str] = {
    Ended.QUEUE: "The caller waits in Queue {}.",
    Ended.DIAL: "{} is dialled.",
    Ended.PLAY: "The call is hung up after the recording {}.",
    Ended.HANGUP: "The call is hung up.",
    Ended.MENU: "IVR {} waits for a key. Type the next one under Keys to go on.",
    Ended.RECORD: "What the caller says is recorded.",
    Ended.ERROR: "The call broke off: {}",
}
_LED_TO: Mapping[Ended, DestinationKind] = {
    Ended.QUEUE: DestinationKind.QUEUE,
    Ended.PLAY: DestinationKind.RECORDING,
    Ended.MENU: DestinationKind.IVR,
}


@dataclass(frozen=True, slots=True)
class Sound:
    """What the caller heard or pressed, in words; `is_quoted` says that these words were spoken."""

    verb: str
    words: str
    is_quoted: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """One request of Twilio's, the sentences about what was decided, and what came of it."""

    url: str
    sent: tuple[tuple[str, str], ...]
    twiml: str
    sentences: list[str] = field(default_factory=list)
    sounds: list[Sound] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Story:
    """A whole test call; `destination` is where it ended, if there is a page about that."""

    caller: str
    called: str
    turns: tuple[Turn, ...]
    ending: str
    destination: Destination | None
    is_broken: bool
    release: int
    ms: float


def tell(walk: Walk, ms: float) -> Story:
    """Return a test call as a story; `ms` is how long all its answers took."""
    kind = _LED_TO.get(walk.ended)
    has_page = kind is not None and not walk.where.startswith("/")
    where = show(walk.where) if walk.ended is Ended.DIAL else walk.where
    return Story(
        caller=walk.caller,
        called=walk.called,
        turns=tuple(_turns(walk.events)),
        ending=_ENDINGS[walk.ended].format(where),
        destination=Destination(kind, walk.where) if kind and has_page else None,
        is_broken=walk.ended is Ended.ERROR,
        release=walk.release or 0,
        ms=ms,
    )


def _turns(events: Iterable[Event]) -> Iterable[Turn]:
    turns: list[Turn] = []
    for event in events:
        match event:
            case Step(url, params, _, twiml):
                turns.append(Turn(url, _shown(params), twiml))
            case Decided(decision):
                turns[-1].sentences.extend(decision["explanation"])
            case Heard("say", words):
                turns[-1].sounds.append(Sound("hears", words, is_quoted=True))
            case Heard():
                turns[-1].sounds.append(Sound("hears the recording", event.name))
            case Keyed(keys):
                turns[-1].sounds.append(Sound("keys in", masked(keys)))
            case _:
                assert_never(event)
    return turns


def _shown(params: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return what a request said, without the digits keyed in."""
    shown = {name: params[name] for name in _SENT if name in params}
    if "Digits" in shown:
        shown["Digits"] = masked(shown["Digits"])
    return tuple(shown.items())
