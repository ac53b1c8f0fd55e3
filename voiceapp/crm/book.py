"""What is known of a CRM's fields while a caller waits: read once, remembered, never in the way."""

import threading
from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from cachetools import TTLCache

from voiceapp.crm.contract import (
    CrmBadAnswer,
    CrmCredentialsRefused,
    CrmRefused,
    CrmUnavailable,
)
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.fields import Field

Describe: TypeAlias = Callable[[str, Deadline], Sequence[Field]]
"""Asks the CRM for the fields of a module. Raises `CrmError`."""


class Book(Protocol):
    """Knows the fields of one integration's modules; safe to share between threads."""

    def fields(self, module: str, describe: Describe, deadline: Deadline) -> Sequence[Field]:
        """Return the fields of a module; none if the CRM doesn't tell.

        Raises `CrmUnavailable` and `CrmCredentialsRefused`, as a search would fail as well.
        """
        ...


_MOST_MODULES = 64
_DAY = 86_400.0


class MemoryBook:
    """Remembers fields in memory, for a day."""

    def __init__(self) -> None:
        self._known: TTLCache[str, Sequence[Field]] = TTLCache(_MOST_MODULES, _DAY)
        self._lock = threading.Lock()

    def fields(self, module: str, describe: Describe, deadline: Deadline) -> Sequence[Field]:
        """Return the fields of a module; none if the CRM doesn't tell."""
        with self._lock:
            known = self._known.get(module)
        if known is None:
            known = read(module, describe, deadline)
            with self._lock:
                self._known[module] = known
        return known


def read(module: str, describe: Describe, deadline: Deadline) -> Sequence[Field]:
    """Ask for the fields of a module; a CRM that won't tell them may still be searched."""
    try:
        return describe(module, deadline)
    except (CrmUnavailable, CrmCredentialsRefused):
        raise
    except (CrmRefused, CrmBadAnswer):
        return ()
