"""Something the worker does again and again."""

import logging
import time
from collections.abc import Callable

LONGEST_PAUSE = 5.0
"""Seconds between attempts while something that a task needs stays away."""

log = logging.getLogger(__name__)


class Task:
    """Something the worker does every so many seconds, and less often while it can't be done.

    `run` raises one of `expected` when it has to wait for others (a database, a CRM): that is
    logged once when it begins and once when it is over.
    """

    def __init__(
        self,
        name: str,
        run: Callable[[], object],
        *,
        every: float,
        expected: tuple[type[Exception], ...] = (),
    ) -> None:
        self.name = name
        self.due = 0.0
        self.pause = every
        self._run = run
        self._every = every
        self._expected = expected
        self._is_waiting = False

    def attempt(self) -> None:
        """Do it now, and set when it is `due` next: in `pause` seconds, on the monotonic clock."""
        try:
            self._run()
        except self._expected as error:
            if not self._is_waiting:
                log.warning("The worker's task %s has to wait: %s", self.name, error)
            self._is_waiting = True
            self.pause = self._longer_pause()
        except Exception:
            # a bug in one task must not end the others, least of all the journal's
            log.exception("The worker's task %s failed", self.name)
            self.pause = self._longer_pause()
        else:
            if self._is_waiting:
                log.info("The worker's task %s goes on", self.name)
            self._is_waiting = False
            self.pause = self._every
        self.due = time.monotonic() + self.pause

    def _longer_pause(self) -> float:
        return max(self._every, min(self.pause * 2, LONGEST_PAUSE))
