"""A door that remembers what went through it, for people who set up a CRM."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from voiceapp.crm.deadline import Deadline
from voiceapp.crm.door import Door, HttpAnswer

_NUMBER = re.compile(r"(%2B)?[0-9]{7,}", re.ASCII | re.IGNORECASE)  # as a Custom URL may have it


@dataclass(frozen=True, slots=True)
class Step:
    """One request: method, host and path (never the query), the status, and how long it took.

    `status` is None where no answer came.
    """

    request: str
    status: int | None
    ms: float


@dataclass(frozen=True, slots=True)
class TracedDoor:
    """Passes requests on to another door and keeps a `Step` of each."""

    door: Door
    steps: list[Step] = field(default_factory=list)
    clock: Callable[[], float] = time.monotonic

    def request(self, method: str, url: str, *, deadline: Deadline, **rest: Any) -> HttpAnswer:
        """Return the other door's answer, or raise what it raises."""
        began, status = self.clock(), None
        try:
            answer = self.door.request(method, url, deadline=deadline, **rest)
            status = answer.status
            return answer
        finally:
            ms = (self.clock() - began) * 1000
            self.steps.append(Step(f"{method} {_shown(url)}", status, round(ms, 1)))


def _shown(url: str) -> str:
    """
    Return an address without query and user, where numbers and keys stand.

    >>> _shown("https://crm.example:8443/find?phone=%2B1202")
    'https://crm.example:8443/find'
    """
    try:
        parts = urlsplit(url)
    except ValueError:  # the door will say so, too
        return "…"
    path = _NUMBER.sub("…", parts.path)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{path}"
