"""Runs what has no time limit of its own, and stops waiting when the time is up."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from voiceapp.crm.deadline import Deadline

T = TypeVar("T")


class OutOfTime(Exception):
    """The work was not done when the deadline passed."""


class Bounded:
    """A few threads for work that may hang; a caller waits no longer than its deadline."""

    def __init__(self, threads: int = 16) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="bounded")

    def run(self, work: Callable[[], T], deadline: Deadline) -> T:
        """Return what `work` returns, or raise what it raises.

        Raises OutOfTime when the deadline passes first; the work is then left to itself.
        """
        future = self._pool.submit(work)
        try:
            return future.result(timeout=max(deadline.remaining(), 0))
        except TimeoutError as error:
            if future.done():  # at the last moment, or the error is the work's own
                return future.result()
            future.cancel()
            raise OutOfTime from error
