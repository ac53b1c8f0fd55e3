"""The promise of a CRM client: what it is asked, what it answers, and how it fails."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import ClassVar, Protocol, TypeAlias

from voiceapp.crm.deadline import Deadline
from voiceapp.crm.fields import Field

FieldValue: TypeAlias = (
    "str | bool | int | Decimal | Sequence[FieldValue] | Mapping[str, FieldValue] | None"
)
"""What a CRM may send for a field: JSON as parsed, with exact numbers (never a float)."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Look for the record that has this telephone number, in E.164 (`+12025550101`)."""

    number: str


@dataclass(frozen=True, slots=True)
class KeyedDigits:
    """Look for the record whose `field` is what the caller keyed in, digit for digit."""

    digits: str = field(repr=False)
    field: str


Who: TypeAlias = Caller | KeyedDigits


@dataclass(frozen=True, slots=True)
class Order:
    """Which of several records counts: the one with the highest or lowest value of a field.

    Without a field it is the one that was created last.
    """

    field: str = ""
    is_highest: bool = True


@dataclass(frozen=True, slots=True)
class Search:
    """Whose record is looked for in a module, and which of its fields are wanted.

    With an `order`, several records are answered with what tells which of them counts.
    """

    who: Who
    module: str
    fields: tuple[str, ...]
    order: Order | None = None

    @property
    def limit(self) -> int:
        """Return how many rows the CRM is asked for."""
        return MOST_ORDERED if self.order else MOST_COMPARED

    def needed(self) -> tuple[str, ...]:
        """Return every field to be read: those wanted, the one searched, the one ordered by."""
        searched = self.who.field if isinstance(self.who, KeyedDigits) else ""
        ordered = self.order.field if self.order else ""
        return tuple(dict.fromkeys(filter(None, (*self.fields, searched, ordered))))


MOST_COMPARED = 10
MOST_ORDERED = 100
"""How many rows are read to find the caller's among them, and how many to order them."""


@dataclass(frozen=True, slots=True)
class CallFacts:
    """What a Custom URL may want to know of the call beside the caller."""

    caller: str = ""
    called: str = ""
    call_id: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """Exactly one record is this caller's.

    `values` holds every field that was asked for; one the record lacks is None.
    `matched_by` says by what it was found ("phone number", "AccountNo"); `stored` is the
    number as the record spells it, if the CRM says so.
    """

    values: Mapping[str, FieldValue]
    matched_by: str
    stored: str | None = None


@dataclass(frozen=True, slots=True)
class NotFound:
    """No record is this caller's."""


@dataclass(frozen=True, slots=True)
class Record:
    """One of several records: the fields that were asked for, and when it was created."""

    values: Mapping[str, FieldValue]
    created: FieldValue = None
    stored: str | None = None


@dataclass(frozen=True, slots=True)
class Several:
    """More than one record is this caller's; `count` of them were seen.

    `records` are they, where the CRM can tell them apart.
    """

    count: int
    records: tuple[Record, ...] = ()


Answer: TypeAlias = Found | NotFound | Several


class CrmError(Exception):
    """The CRM could not be asked; the message is a sentence without secrets or numbers.

    `outcome` is what it is called, `advice` what to do about it, where nothing is said that fits
    this very case better.
    """

    outcome: ClassVar[str]
    advice: str

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.has_own_advice = bool(advice)
        if advice:
            self.advice = advice


LONGEST_PAUSE = 3600.0
"""Seconds that a CRM is left alone at most without a look, whatever it asks for."""


class CrmUnavailable(CrmError):
    """No connection, or a fault on the CRM's side. For operations.

    `retry_after` are the seconds that it asks to be left alone, if it does.
    """

    outcome = "unavailable"
    advice = "Look whether the address is right and the CRM is running, then try again."

    def __init__(self, message: str, advice: str = "", retry_after: float | None = None) -> None:
        super().__init__(message, advice)
        if retry_after is not None:
            retry_after = min(max(retry_after, 0.0), LONGEST_PAUSE)
        self.retry_after = retry_after


class CrmOutOfTime(CrmUnavailable):
    """No answer within the budget."""

    outcome = "out of time"
    advice = "Try again. If it stays slow, rules that ask it need more seconds: raise their Budget."


class CrmPaused(CrmUnavailable):
    """The CRM was not asked: it has failed repeatedly, and does not answer again yet."""

    outcome = "paused"
    advice = "Mend what is wrong with the CRM. It is asked again as soon as it answers."


class CrmThrottled(CrmUnavailable):
    """The CRM has been asked too often."""

    outcome = "throttled"
    advice = "Wait a while. If it happens often, the CRM's plan allows too few requests."

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message, retry_after=retry_after)


class CrmRefused(CrmError):
    """The CRM, or our own guard, rejected the request. For whoever set up the rule."""

    outcome = "refused"
    advice = "Look whether the address is right, and type the credentials again."


class CrmCredentialsRefused(CrmRefused):
    """The CRM does not know these credentials, or knows them no more."""

    outcome = "credentials refused"
    advice = "Type the credentials again, as the CRM shows them."


class CrmNotPermitted(CrmRefused):
    """The CRM knows who asks, and does not let them read this."""

    outcome = "not permitted"
    advice = "Give the user or app in the CRM the right to read this module and its fields."


class CrmMisconfigured(CrmRefused):
    """The CRM knows no such module or field.

    `named` is the sentence that `naming` makes the message, with what is meant in the place of
    “{it}”. `name` is the module or field as typed, if it is known which of them it is; `said` what
    the CRM answered, in which its name may stand.
    """

    outcome = "wrong module or field"
    advice = "Choose the module and the field again from the CRM's own list."

    def __init__(self, message: str, named: str = "", name: str = "") -> None:
        super().__init__(message)
        self.named = named
        self.name = name
        self.said = ""

    def naming(self, it: str) -> "CrmMisconfigured":
        """Return the same error with a message that names what the CRM does not know."""
        return CrmMisconfigured(self.named.replace("{it}", it) or str(self))


class CrmTooMany(CrmRefused):
    """So many records came near that the caller's may not be among those that were read."""

    outcome = "too many candidates"
    advice = "Store numbers in the CRM with the country code, so that a search finds few."


class CrmBadAnswer(CrmError):
    """The CRM answered something that cannot be read. For developers."""

    outcome = "unreadable answer"
    advice = "The address must lead to the CRM's own interface, which answers in JSON."


class CrmClient(Protocol):
    """One CRM, ready to be asked; safe to share between threads."""

    def find(self, search: Search, call: CallFacts, deadline: Deadline) -> Answer:
        """Return the one record that is this caller's; `NotFound` or `Several` otherwise.

        Raises `CrmError` (one of its kinds), at the latest when `deadline` has passed.
        """
        ...

    def sign_in(self, deadline: Deadline) -> None:
        """See that what it takes to ask is there, and stays for a while. Raises `CrmError`."""
        ...

    def modules(self, deadline: Deadline) -> Sequence[str]:
        """Return the modules that these credentials may search. Raises `CrmError`."""
        ...

    def fields(self, module: str, deadline: Deadline) -> Sequence[Field]:
        """Return the fields of a module; none if the CRM can't tell. Raises `CrmError`."""
        ...
