"""Leaves a CRM alone that fails again and again: calls skip it until it answers a probe."""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Protocol

from cachetools import LRUCache
from circuitbreaker import CircuitBreaker

from voiceapp.crm.contract import (
    CrmBadAnswer,
    CrmCredentialsRefused,
    CrmError,
    CrmPaused,
    CrmThrottled,
    CrmUnavailable,
)

FAILURES = 5
"""How many failures in a row, in one process, make calls skip a CRM."""
FORSAKEN = 60.0
"""Seconds without a probe after which calls ask again: there seems to be no worker."""
_THROTTLED, _LONGEST_THROTTLED = 10.0, 3600.0
_FIRST_PROBE, _SLOWEST_PROBE = 1.0, 30.0
_MOST = 1024

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pause:
    """Why and since when a CRM is not asked; moments in seconds since 1970.

    Until `until` not even a probe asks it. `probed` is when it was probed last, `probes` how often.
    """

    since: float
    until: float
    reason: str
    probed: float = 0.0
    probes: int = 0

    def is_forsaken(self, now: float) -> bool:
        """Say whether nobody probes."""
        return now - max(self.since, self.until, self.probed) > FORSAKEN

    def next_probe(self) -> float:
        """Return when to probe next, less and less often."""
        wait = min(_FIRST_PROBE * 2.0 ** min(self.probes, 10), _SLOWEST_PROBE)
        return max(self.until, max(self.since, self.probed) + wait)


class Board(Protocol):
    """Shows everybody which CRMs are paused. No method raises."""

    def read(self, source: str) -> str | None:
        """Return what stands there of a CRM; None for nothing."""
        ...

    def write(self, source: str, text: str) -> None:
        """Put up what all should know of a CRM."""
        ...

    def wipe(self, source: str) -> None:
        """Take down what stands there."""
        ...


class Breakers:
    """Counts failures of each CRM, and knows from `boards` which to leave alone; thread-safe."""

    def __init__(
        self, boards: Sequence[Board] = (), clock: Callable[[], float] = time.time
    ) -> None:
        self._boards = boards
        self._clock = clock
        self._counts: LRUCache[str, CircuitBreaker] = LRUCache(_MOST)
        self._lock = threading.Lock()

    def pause(self, source: str) -> Pause | None:
        """Return why a CRM is not asked now; None if it is."""
        return next((pause for board in self._boards if (pause := _read(board, source))), None)

    @contextmanager
    def watching(self, source: str) -> Iterator[None]:
        """Watch whether asking a CRM fails. Raises CrmPaused for one that is not to be asked."""
        pause = self.pause(source)
        if pause is not None and not pause.is_forsaken(self._clock()):
            raise CrmPaused(f"It was not asked, as it is left alone while it fails: {pause.reason}")
        try:
            with self._count(source):
                yield
        except CrmError as error:
            self._note(source, error, was_paused=pause is not None)
            raise
        if pause is not None:
            self.close(source)

    def due(self, source: str) -> bool:
        """Say whether it is time to probe a CRM, and note that it is done now."""
        pause, now = self.pause(source), self._clock()
        if pause is None or now < pause.next_probe():
            return False
        self._put_up(source, replace(pause, probed=now, probes=pause.probes + 1))
        return True

    def judge(self, source: str, error: CrmError | None) -> None:
        """Take what a probe came to: one that was answered ends the pause."""
        if error is None or not is_failure(error):
            log.warning("A CRM that was left alone answers again")
            self.close(source)
        elif isinstance(error, CrmThrottled):
            pause = self.pause(source)
            since = pause.since if pause else self._clock()
            self._put_up(source, replace(self._pause(error), since=since))

    def close(self, source: str) -> None:
        """Let calls ask a CRM again."""
        for board in self._boards:
            board.wipe(source)

    def _count(self, source: str) -> CircuitBreaker:
        with self._lock:
            count = self._counts.get(source)
            if count is None:
                count = CircuitBreaker(
                    FAILURES, expected_exception=lambda _kind, error: is_failure(error)
                )
                self._counts[source] = count
            return count

    def _note(self, source: str, error: CrmError, *, was_paused: bool) -> None:
        count = self._count(source)
        is_enough = was_paused or isinstance(error, CrmThrottled) or count.opened
        if is_failure(error) and is_enough:
            count.reset()  # from here on the boards know
            log.warning("A CRM is left alone, as it fails: %s", error)
            self._put_up(source, self._pause(error))

    def _pause(self, error: CrmError) -> Pause:
        now = self._clock()
        if not isinstance(error, CrmThrottled):
            return Pause(now, now, str(error))
        wait = _THROTTLED if error.retry_after is None else error.retry_after
        return Pause(now, now + min(max(wait, 0.0), _LONGEST_THROTTLED), str(error))

    def _put_up(self, source: str, pause: Pause) -> None:
        text = json.dumps(asdict(pause))
        for board in self._boards:
            board.write(source, text)


def is_failure(error: BaseException) -> bool:
    """Say whether trouble is the CRM's as a whole, and not of one question to it."""
    return isinstance(error, CrmUnavailable | CrmBadAnswer | CrmCredentialsRefused)


def _read(board: Board, source: str) -> Pause | None:
    text = board.read(source)
    if text is None:
        return None
    try:
        return Pause(**json.loads(text))
    except (ValueError, TypeError):
        return None
