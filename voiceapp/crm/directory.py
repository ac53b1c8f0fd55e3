"""The built-in directory as a CRM: the contacts kept beside voiceapp itself."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from voiceapp.crm.bounded import Bounded, OutOfTime
from voiceapp.crm.contract import (
    Answer,
    Caller,
    CallFacts,
    CrmOutOfTime,
    CrmUnavailable,
    KeyedDigits,
    Search,
)
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.fields import Field
from voiceapp.crm.match import Candidate, settle
from voiceapp.crm.phone import compact, spellings

MODULES = ("Contacts", "Leads", "Accounts")
PHONE = ""
"""The name under which `Find` is asked for telephone numbers, in compact spelling."""


class DirectoryAway(Exception):
    """The directory's store can't be read right now."""


Find: TypeAlias = Callable[[str, str, Sequence[str], int], Sequence[Candidate]]
"""`find(module, field, values, limit)`: records of which `field` is one of `values`.

Raises DirectoryAway.
"""


class DirectoryClient:
    """Asks the built-in directory."""

    def __init__(self, find: Find, country: str, bounded: Bounded) -> None:
        self._find = find
        self._country = country
        self._bounded = bounded

    def find(self, search: Search, call: CallFacts, deadline: Deadline) -> Answer:
        """Return the one contact with this number, or with these digits in a field."""
        try:
            records = self._bounded.run(lambda: self._candidates(search), deadline)
        except OutOfTime as error:
            raise CrmOutOfTime("The directory gave no answer within the budget.") from error
        except DirectoryAway as error:
            raise CrmUnavailable("The directory's database can't be reached.") from error
        return settle(search, records, self._country)

    def sign_in(self, deadline: Deadline) -> None:
        """Need nothing."""

    def modules(self, deadline: Deadline) -> Sequence[str]:
        """Return the modules that are always there."""
        return MODULES

    def fields(self, module: str, deadline: Deadline) -> Sequence[Field]:
        """Return none: a contact's fields are free, and the pages know those in use."""
        return ()

    def _candidates(self, search: Search) -> Sequence[Candidate]:
        match search.who:
            case Caller(number):
                tried = dict.fromkeys(map(compact, spellings(number, self._country)))
                return self._find(search.module, PHONE, tuple(tried), search.limit)
            case KeyedDigits(digits, field):
                return self._find(search.module, field, (digits,), search.limit)
