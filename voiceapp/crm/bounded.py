"""Runs what has no time limit of its own, and stops waiting when the time is up."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from voiceapp.crm.deadline import Deadline

T = TypeVar("T")


class OutOfTime(Exception):
    """The work was not done when the deadline passed, or could not be begun."""


class Bounded:
    """Lends threads to work that may hang; a caller waits no longer than its deadline.

    At most `threads` are lent at a time. They keep no process from ending.
    """

    def __init__(self, threads: int = 64) -> None:
        self._room = threading.Semaphore(threads)

    def run(self, work: Callable[[], T], deadline: Deadline) -> T:
        """Return what `work` returns, or raise what it raises.

        Raises OutOfTime when the deadline passes first; the work is then left to itself. Without a
        thread to be had that is at once.
        """
        if not self._room.acquire(timeout=max(deadline.remaining(), 0)):
            raise OutOfTime
        future: Future[T] = Future()
        try:
            threading.Thread(target=self._work, args=(work, future), daemon=True).start()
        except RuntimeError as error:  # no more threads are to be had
            self._room.release()
            raise OutOfTime from error
        try:
            return future.result(timeout=max(deadline.remaining(), 0))
        except TimeoutError as error:
            if future.done():  # at the last moment, or the error is the work's own
                return future.result()
            raise OutOfTime from error

    def _work(self, work: Callable[[], T], future: Future[T]) -> None:
        try:
            result = work()
        except BaseException as error:  # whatever it is, it is for the one who waits
            future.set_exception(error)
        else:
            future.set_result(result)
        finally:
            self._room.release()
