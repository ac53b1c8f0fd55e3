"""Whether somebody that many ask is away, and whose turn it is to try again."""

import logging
import threading
from collections.abc import Callable
from enum import Enum, auto

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0
_QUICK = 0.05
"""Seconds within which one that was away has to answer, to be there again."""

log = logging.getLogger(__name__)


class Turn(Enum):
    """What somebody may do who wants to ask."""

    ASK = auto()
    TRY = auto()
    LEAVE = auto()


class Absence:
    """Says who may ask Redis: all, or while it is away, one after each pause; thread-safe.

    The pause grows to half a minute.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._pause = 0.0
        self._until = 0.0

    @property
    def is_away(self) -> bool:
        """Say whether it failed or was slow, and has not answered quickly since."""
        return self._pause > 0

    def turn(self) -> Turn:
        """Return what the caller may do; of many that come while it is away, one tries."""
        if not self._pause:
            return Turn.ASK
        with self._lock:
            now = self._clock()
            if not self._pause:
                return Turn.ASK
            if now < self._until:
                return Turn.LEAVE
            self._pause = min(self._pause * 2, _LONGEST_PAUSE)
            self._until = now + self._pause
            return Turn.TRY

    def began(self, error: Exception) -> None:
        """Note that it failed; everybody leaves it alone."""
        with self._lock:
            if self._pause:
                return
            self._pause = _FIRST_PAUSE
            self._until = self._clock() + self._pause
        log.warning("Redis is away; nothing is shared: %s", type(error).__name__)

    def was_tried(self, seconds: float) -> None:
        """Note that who tried got an answer; a slow one changes nothing."""
        with self._lock:
            if seconds > _QUICK or not self._pause:
                return
            self._pause = 0.0
        log.info("Redis is back")
