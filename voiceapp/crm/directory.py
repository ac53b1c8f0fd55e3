"""The built-in directory as a CRM: the contacts kept beside voiceapp itself."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from voiceapp.crm.bounded import Bounded, OutOfTime
from voiceapp.crm.contract import (
    Answer,
    Caller,
    CallFacts,
    CrmUnavailable,
    FieldValue,
    Found,
    KeyedDigits,
    NotFound,
    Several,
    Who,
)
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.phone import compact, is_same, spellings

PHONE = ""
"""The name under which `Find` is asked for telephone numbers, in compact spelling."""


@dataclass(frozen=True, slots=True)
class DirectoryRecord:
    """One contact, lead or account: its telephone numbers as typed, and its fields."""

    phones: tuple[str, ...]
    fields: Mapping[str, FieldValue]


class DirectoryAway(Exception):
    """The directory's store can't be read right now."""


Find: TypeAlias = Callable[[str, str, Sequence[str]], Sequence[DirectoryRecord]]
"""`find(module, field, values)`: the records of which `field` is one of `values`, ten at most.

Raises DirectoryAway.
"""


class DirectoryClient:
    """Asks the built-in directory."""

    def __init__(self, find: Find, country: str, bounded: Bounded) -> None:
        self._find = find
        self._country = country
        self._bounded = bounded

    def find(
        self,
        who: Who,
        module: str,
        fields: Sequence[str],
        call: CallFacts,
        deadline: Deadline,
    ) -> Answer:
        """Return the one contact with this number, or with these digits in a field."""
        try:
            records = self._bounded.run(lambda: self._candidates(who, module), deadline)
        except OutOfTime as error:
            raise CrmUnavailable("The directory gave no answer within the budget.") from error
        except DirectoryAway as error:
            raise CrmUnavailable("The directory's database can't be reached.") from error
        hits = [(record, stored) for record in records for stored in self._hit(who, record)]
        if not hits:
            return NotFound()
        if len(hits) > 1:
            return Several(len(hits))
        record, stored = hits[0]
        matched_by = "phone number" if isinstance(who, Caller) else who.field
        return Found({name: record.fields.get(name) for name in fields}, matched_by, stored)

    def _candidates(self, who: Who, module: str) -> Sequence[DirectoryRecord]:
        match who:
            case Caller(number):
                tried = dict.fromkeys(map(compact, spellings(number, self._country)))
                return self._find(module, PHONE, tuple(tried))
            case KeyedDigits(digits, field):
                return self._find(module, field, (digits,))

    def _hit(self, who: Who, record: DirectoryRecord) -> Sequence[str | None]:
        """Return the spelling that makes a record this caller's; nothing if none does."""
        match who:
            case Caller(number):
                same = (one for one in record.phones if is_same(one, number, self._country))
                return list(same)[:1]
            case KeyedDigits(digits, field):
                value = record.fields.get(field)
                return [None] if isinstance(value, str) and value.strip() == digits else []
