"""Everything that an admin sets up, as values: the content of a draft or of a release."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from voiceapp.rules.rule import Destination, DestinationKind, Prompt, Rule, Voice

NO_KEY = "none"
WRONG_KEY = "wrong"
KEYS = "1234567890*#"
USUAL_DAYS, MOST_DAYS = 90, 36_500
"""For how many days a new installation keeps calls, and any may."""


@dataclass(frozen=True, slots=True)
class Did:
    """A phone number of ours (E.164); `safe` overrides the installation's safe destination."""

    number: str
    name: str
    destination: Destination
    safe: Destination | None = None


@dataclass(frozen=True, slots=True)
class Ivr:
    """A spoken menu. The greeting is heard up to `loops` times, each with `timeout` seconds."""

    number: str
    name: str
    greeting: Prompt
    keys: Mapping[str, Destination]
    no_key: Destination
    wrong_key: Destination = Destination(DestinationKind.MENU)
    loops: int = 3
    timeout: int = 4
    voice: Voice | None = None

    def destination_of(self, key: str) -> Destination:
        """Return where a key leads; `NO_KEY` stands for silence."""
        return self.no_key if key == NO_KEY else self.keys.get(key, self.wrong_key)

    def slots(self) -> tuple[tuple[str, Destination], ...]:
        """Return every key that leads somewhere, silence and wrong keys included."""
        return (*self.keys.items(), (NO_KEY, self.no_key), (WRONG_KEY, self.wrong_key))


@dataclass(frozen=True, slots=True)
class Queue:
    """Where callers wait for a person; Twilio makes it when the first one comes."""

    name: str


@dataclass(frozen=True, slots=True)
class Recording:
    """An audio file known by the SHA-256 of its content (hex); `media_type` as it is served."""

    name: str
    hash: str
    media_type: str


@dataclass(frozen=True, slots=True)
class Integration:
    """A CRM and its address. Secrets are kept elsewhere, under the same key.

    A private one belongs to the one rule that points at it.
    """

    key: str
    name: str
    kind: str
    url: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    is_private: bool = False


@dataclass(frozen=True, slots=True)
class Installation:
    """What holds for all calls: the safe destination, country (ISO 3166), time zone, voice.

    Calls are forgotten after `journal_days`; 0 keeps them for ever, as releases do that say
    nothing about it.
    """

    safe: Destination
    country: str = "US"
    time_zone: str = "UTC"
    voice: Voice = Voice("Polly.Joanna", "en-US")
    journal_days: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """All of an installation's routing; names and numbers are unique within their kind."""

    installation: Installation
    dids: tuple[Did, ...] = ()
    ivrs: tuple[Ivr, ...] = ()
    rules: tuple[Rule, ...] = ()
    queues: tuple[Queue, ...] = ()
    recordings: tuple[Recording, ...] = ()
    integrations: tuple[Integration, ...] = ()


def slot_name(key: str) -> str:
    """
    Name what a caller did in a menu.

    >>> slot_name("2"), slot_name("none"), slot_name("wrong")
    ('Key 2', 'No key', 'Wrong key')
    """
    return {NO_KEY: "No key", WRONG_KEY: "Wrong key"}.get(key, f"Key {key}")
