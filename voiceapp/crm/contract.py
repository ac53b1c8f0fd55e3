"""The promise of a CRM client: what it is asked, what it answers, and how it fails."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol, TypeAlias

from voiceapp.crm.deadline import Deadline

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
class Several:
    """More than one record is this caller's; `count` of them were seen."""

    count: int


Answer: TypeAlias = Found | NotFound | Several


class CrmError(Exception):
    """The CRM could not be asked; the message is a sentence without secrets or numbers."""


class CrmUnavailable(CrmError):
    """No answer in time, no connection, or a fault on the CRM's side. For operations."""


class CrmRefused(CrmError):
    """The CRM, or our own guard, rejected the request. For whoever set up the rule."""


class CrmBadAnswer(CrmError):
    """The CRM answered something that cannot be read. For developers."""


class CrmClient(Protocol):
    """One CRM, ready to be asked; safe to share between threads."""

    def find(
        self,
        who: Who,
        module: str,
        fields: Sequence[str],
        call: CallFacts,
        deadline: Deadline,
    ) -> Answer:
        """Return the one record that is this caller's; `NotFound` or `Several` otherwise.

        Raises `CrmError` (one of its three kinds), at the latest when `deadline` has passed.
        """
        ...
