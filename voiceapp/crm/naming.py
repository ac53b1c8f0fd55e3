"""Around the client of any CRM: what the CRM does not know is named as it was typed."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from voiceapp.crm.book import Book
from voiceapp.crm.contract import (
    Answer,
    CallFacts,
    CrmClient,
    CrmError,
    CrmMisconfigured,
    CrmUnavailable,
    Search,
)
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.fields import Field

_QUOTES = "'\"`‘’“”"
_SEVERAL, _MOST_NAMED = 2, 6
_LONGEST = 80


@dataclass(frozen=True, slots=True)
class NamingClient:
    """Asks a client; where it says that something is not known, says what.

    That is what the client itself found out, else what the CRM's answer has in quotes, else what
    is not among the fields that the CRM told of before. Nothing but names that were typed comes
    out of it.
    """

    client: CrmClient
    book: Book

    def find(self, search: Search, call: CallFacts, deadline: Deadline) -> Answer:
        """Return the client's answer. Raises `CrmError`."""
        try:
            return self.client.find(search, call, deadline)
        except CrmMisconfigured as error:
            raise error.naming(self._unknown(error, search, deadline)) from error

    def sign_in(self, deadline: Deadline) -> None:
        """See that what it takes to ask is there. Raises `CrmError`."""
        self.client.sign_in(deadline)

    def modules(self, deadline: Deadline) -> Sequence[str]:
        """Return the modules that these credentials may search. Raises `CrmError`."""
        return self.client.modules(deadline)

    def fields(self, module: str, deadline: Deadline) -> Sequence[Field]:
        """Return the fields of a module. Raises `CrmError`."""
        try:
            return self.client.fields(module, deadline)
        except CrmMisconfigured as error:
            raise error.naming(f"the module {_plain(module)}") from error

    def _unknown(self, error: CrmMisconfigured, search: Search, deadline: Deadline) -> str:
        sent = (search.module, *search.needed())
        name = error.name if sent.count(error.name) == 1 else _quoted_in(error.said, sent)
        module, fields = _plain(search.module), search.needed()
        if name == search.module:
            return f"the module {module}"
        if name:
            return f"the field {_plain(name)} in {module}"
        known = self._known(search.module, deadline)
        # a path leads to a field of another record, which nothing is known of
        missing = tuple(one for one in fields if known and "." not in one and one not in known)
        if missing:
            return f"{_one_of(missing)} in {module}"
        return f"the module {module}, or {_one_of(fields)} in it"

    def _known(self, module: str, deadline: Deadline) -> Collection[str]:
        """Return the fields that were read before, without asking the CRM for them now."""
        try:
            return {one.name for one in self.book.fields(module, _unasked, deadline)}
        except CrmError:
            return ()


def _unasked(module: str, deadline: Deadline) -> Sequence[Field]:
    raise CrmUnavailable("The CRM is not asked once more.")


def _quoted_in(said: str, sent: Sequence[str]) -> str:
    """
    Return the one field that stands in a text in quotes, else the module; blank for neither.

    >>> _quoted_in("No such column 'Tier' on 'Contact'", ("Contact", "Tier", "Balance"))
    'Tier'
    >>> _quoted_in("'Tier' or 'Balance'?", ("Contact", "Tier", "Balance"))
    ''
    """

    def is_quoted(name: str) -> bool:
        pattern = rf"[{_QUOTES}]{re.escape(name)}\\?[{_QUOTES}]"
        return sent.count(name) == 1 and re.search(pattern, said) is not None

    module, *fields = sent
    quoted = [one for one in fields if is_quoted(one)]
    if quoted:
        return quoted[0] if len(quoted) == 1 else ""
    return module if is_quoted(module) else ""


def _one_of(fields: Sequence[str]) -> str:
    """
    Return fields in words, not more than a few.

    >>> _one_of(["Tier"]), _one_of(["Tier", "Balance"])
    ('the field Tier', 'one of the fields Tier, Balance')
    """
    if len(fields) < _SEVERAL:
        return f"the field {_plain(fields[0])}" if fields else "a field"
    more = f" and {len(fields) - _MOST_NAMED} more" if len(fields) > _MOST_NAMED else ""
    return f"one of the fields {', '.join(map(_plain, fields[:_MOST_NAMED]))}{more}"


def _plain(name: str) -> str:
    """Return a name as it can stand in a sentence and in a line of a log."""
    return "".join(one if one.isprintable() else " " for one in name[:_LONGEST]) or "“”"
