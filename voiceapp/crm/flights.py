"""Lets one ask while the others that want to know the same wait for its answer."""

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

from voiceapp.crm.deadline import Deadline

T = TypeVar("T")


class OutOfPatience(Exception):
    """The answer did not come before the deadline of the one who waits."""


class Flights(Generic[T]):
    """What is being asked just now; safe to share between threads."""

    def __init__(self) -> None:
        self._under_way: dict[Hashable, Future[T]] = {}
        self._lock = threading.Lock()

    def join(self, question: Hashable, ask: Callable[[], T], deadline: Deadline) -> tuple[T, bool]:
        """Return the answer, and whether it was asked here rather than by somebody else.

        Raises what `ask` raises, for all who wait for it, and OutOfPatience.
        """
        with self._lock:
            others = self._under_way.get(question)
            if others is None:
                mine = self._under_way[question] = Future()
        if others is None:
            return self._ask(question, ask, mine), True
        try:
            return others.result(timeout=max(deadline.remaining(), 0)), False
        except TimeoutError as error:
            if others.done():  # at the last moment, or the error is the asker's own
                return others.result(), False
            raise OutOfPatience from error

    def _ask(self, question: Hashable, ask: Callable[[], T], flight: "Future[T]") -> T:
        try:
            answer = ask()
        except BaseException as error:
            self._land(question)
            flight.set_exception(error)
            raise
        self._land(question)
        flight.set_result(answer)
        return answer

    def _land(self, question: Hashable) -> None:
        """Let who comes from now on ask anew."""
        with self._lock:
            del self._under_way[question]
