"""The parts of a CRM rule: conditions, outcomes, destinations."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from voiceapp.rules.operators import Operator


class DestinationKind(StrEnum):
    """What a destination is; its option says which one."""

    QUEUE = "queue"  # option: the queue's name
    IVR = "ivr"  # option: the IVR's number
    RECORDING = "recording"  # option: the recording's name
    DIAL = "dial"  # option: a phone number in E.164, or a SIP address
    RULE = "rule"  # option: the rule's name
    HANGUP = "hangup"
    MENU = "menu"  # back to the menu of the IVR that the call is in
    SAY = "say"  # option: a sentence to be spoken before the hang-up; a safe destination only


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a call goes."""

    kind: DestinationKind
    option: str = ""

    def __str__(self) -> str:
        """
        Name the destination as admins read it.

        >>> str(Destination(DestinationKind.QUEUE, "vip")), str(Destination(DestinationKind.MENU))
        ('Queue vip', 'back to the menu')
        """
        return f"{_NAMES[self.kind]} {self.option}".rstrip()


_NAMES = {
    DestinationKind.QUEUE: "Queue",
    DestinationKind.IVR: "IVR",
    DestinationKind.RECORDING: "Play",
    DestinationKind.DIAL: "Dial",
    DestinationKind.RULE: "CRM rule",
    DestinationKind.HANGUP: "hang up",
    DestinationKind.MENU: "back to the menu",
    DestinationKind.SAY: "Say",
}


class Outcome(StrEnum):
    """What asking came to."""

    MATCHED = "matched"
    NO_CONDITION = "no condition matched"
    NOT_FOUND = "not found"
    SEVERAL = "several found"
    WITHHELD = "withheld"
    NOTHING_KEYED = "nothing keyed"
    FAILED = "CRM failed"


class Location(StrEnum):
    """Where a rule is offered as a destination."""

    DID = "DID"
    IVR = "IVR"


class FindBy(StrEnum):
    """By what the caller is looked up."""

    CALLER = "caller"  # the number they call from
    DIGITS = "digits"  # digits they key in; Location IVR only


class Prefer(StrEnum):
    """Which of several records counts."""

    NONE = "none"  # none: the call goes where the outcome `SEVERAL` leads
    NEWEST = "newest"  # the one that was created last
    HIGHEST = "highest"  # the one with the highest value of a field
    LOWEST = "lowest"


def outcomes_for(find_by: FindBy) -> tuple[Outcome, ...]:
    """Return the outcomes that a rule needs a destination for, beside its conditions."""
    special = Outcome.WITHHELD if find_by is FindBy.CALLER else Outcome.NOTHING_KEYED
    return (
        Outcome.NO_CONDITION,
        Outcome.NOT_FOUND,
        Outcome.SEVERAL,
        special,
        Outcome.FAILED,
    )


@dataclass(frozen=True, slots=True)
class Voice:
    """Who speaks: a voice of Twilio's and its language (`Polly.Joanna`, `en-US`)."""

    name: str
    language: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a caller hears: text to be spoken, or the name of a recording; never both."""

    text: str = ""
    recording: str = ""

    def __bool__(self) -> bool:
        return bool(self.text or self.recording)


@dataclass(frozen=True, slots=True)
class Condition:
    """One line of a rule: when it holds, the call goes to its destination.

    `values` has as many entries as `operators.OPERANDS` says.
    """

    operator: Operator
    values: tuple[str, ...]
    destination: Destination

    def __str__(self) -> str:
        """
        Write the condition as admins read it.

        >>> str(Condition(Operator.BETWEEN, ("1", "5"), Destination(DestinationKind.HANGUP)))
        'between 1 and 5'
        """
        joint = " and " if self.operator is Operator.BETWEEN else ", "
        return f"{self.operator} {joint.join(self.values)}".rstrip()


USUAL_FRESH, USUAL_STALE = 300, 3600
"""Seconds for which an answer of the CRM counts, and for which it may stand in for another."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A CRM rule: whom to look up, what to compare, where to go.

    `integration` is the key of the CRM to ask, `field` the CRM Field Name in `module`.
    `search_field` is where keyed digits are searched. `budget` is in seconds.
    `after_recording` is where a call goes on from a recording when it came from a DID.
    `then_modules` are searched in turn as long as nobody is found. `prefer` says which of several
    records counts, by `prefer_field` where it is the highest or lowest. `field_type` is what the
    CRM said the field holds when the rule was made, as it names types; blank if it didn't say.
    What the CRM said of a caller counts for `fresh` seconds without asking again, and where it
    fails, for `stale` seconds.
    """

    name: str
    location: Location
    integration: str
    module: str
    field: str
    conditions: tuple[Condition, ...]
    outcomes: Mapping[Outcome, Destination]
    find_by: FindBy = FindBy.CALLER
    search_field: str = ""
    greeting: Prompt = Prompt()
    after_recording: Destination = Destination(DestinationKind.HANGUP)
    budget: Decimal = Decimal(3)
    voice: Voice | None = None
    then_modules: tuple[str, ...] = ()
    prefer: Prefer = Prefer.NONE
    prefer_field: str = ""
    field_type: str = ""
    fresh: int = USUAL_FRESH
    stale: int = USUAL_STALE

    @property
    def modules(self) -> tuple[str, ...]:
        """Return the modules in the order they are searched."""
        return (self.module, *self.then_modules)

    @property
    def fields(self) -> tuple[str, ...]:
        """Return the fields that are read of a record."""
        needs_another = self.prefer in (Prefer.HIGHEST, Prefer.LOWEST)
        return (self.field, self.prefer_field) if needs_another else (self.field,)
