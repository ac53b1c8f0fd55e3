"""Clocks and CRMs that tests hold in their hands."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from voiceapp.crm.breaker import FAILURES, Breakers
from voiceapp.crm.contract import (
    Answer,
    CallFacts,
    CrmError,
    CrmThrottled,
    CrmUnavailable,
    Found,
    Search,
)
from voiceapp.crm.deadline import Deadline

ODOO, ZOHO = "0d00", "2040"
BUDGET = 3.0
AWAY = CrmUnavailable("The CRM is away.")
THROTTLED = CrmThrottled("Too many requests.", 120)
FOUND = Found({"Tier": "Gold", "Balance": "1,250.00"}, "phone number")


class Clock:
    """Goes as far as it is moved."""

    def __init__(self, now: float = 100.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class FakeCrm:
    """Answers after a while, by a clock of its own, and keeps what it was asked."""

    def __init__(self, clock: Clock) -> None:
        self.answer: Answer | CrmError = FOUND
        self.seconds = 0.0
        self.asked: list[tuple[Search, CallFacts]] = []
        self.seconds_given: list[float] = []
        self._clock = clock

    def find(self, search: Search, call: CallFacts, deadline: Deadline) -> Answer:
        self.asked.append((search, call))
        self.seconds_given.append(deadline.remaining())
        self._clock.now += self.seconds
        if isinstance(self.answer, CrmError):
            raise self.answer
        return self.answer


class SlowCrm:
    """Answers when it is let, in real time, and counts how often it is asked."""

    def __init__(self, answer: Callable[[], Answer] = lambda: FOUND) -> None:
        self.count = 0
        self.is_asked = threading.Event()
        self.may_answer = threading.Event()
        self._answer = answer
        self._lock = threading.Lock()

    def find(self, search: Search, call: CallFacts, deadline: Deadline) -> Answer:
        with self._lock:
            self.count += 1
        self.is_asked.set()
        assert self.may_answer.wait(10)
        return self._answer()


class MemoryBoard:
    """A board that all processes of a test see."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.reads = 0

    def read(self, source: str) -> str | None:
        self.reads += 1
        return self.texts.get(source)

    def write(self, source: str, text: str) -> None:
        self.texts[source] = text


def fail(
    ask: Callable[[], object], crm: FakeCrm, error: CrmError = AWAY, times: int = FAILURES
) -> None:
    """Let a CRM fail for calls of a process, and then forget that it was asked."""
    crm.answer = error
    for _ in range(times):
        ask()
    crm.asked.clear()


@contextmanager
def under_way(breakers: Breakers, error: CrmError) -> Iterator[None]:
    """Let a call be under way meanwhile that fails in the end."""
    with suppress(type(error)), breakers.watching(ODOO, BUDGET):
        yield
        raise error
