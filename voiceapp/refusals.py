"""Says in the log why webhooks are refused, without letting strangers fill it."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable

log = logging.getLogger(__name__)

EVERY = 60.0
"""Seconds between two lines about the same reason."""


class Refusals:
    """Writes one line for each reason, and then at most one a minute with the count."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts: Counter[str] = Counter()
        self._said: dict[str, float] = {}
        self._lock = threading.Lock()

    def note(self, reason: str) -> None:
        """Note a refused webhook; `reason` is the end of a sentence and holds nothing it sent."""
        with self._lock:
            self._counts[reason] += 1
            now = self._clock()
            if now - self._said.get(reason, -EVERY) < EVERY:
                return
            count = self._counts.pop(reason)
            self._said[reason] = now
        log.warning("Refused %s as %s", "a webhook" if count == 1 else f"{count} webhooks", reason)
