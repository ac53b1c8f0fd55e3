"""Leaves a CRM alone that fails again and again: calls skip it until it answers a probe."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Protocol

import msgspec
from cachetools import LRUCache
from circuitbreaker import CircuitBreaker

from voiceapp.crm.contract import (
    CrmBadAnswer,
    CrmCredentialsRefused,
    CrmError,
    CrmPaused,
    CrmUnavailable,
)
from voiceapp.crm.pause import Pause, asked_pause, pause_after

FAILURES = 5
"""How many failures in a row, in one process, make calls skip a CRM."""
GLANCE = 0.1
"""Seconds that what stands on the boards is taken for known: so late others learn of a pause."""
_MOST = 16_384

_reader = msgspec.json.Decoder(Pause)


class Board(Protocol):
    """Shows everybody which CRMs are paused, or were lately. No method raises."""

    def read(self, source: str) -> str | None:
        """Return what stands there of a CRM; None for nothing."""
        ...

    def write(self, source: str, text: str) -> None:
        """Put up what all should know of a CRM, in the place of what stood there."""
        ...


@dataclass(frozen=True, slots=True)
class _Seen:
    """What stood on the boards at a moment."""

    pause: Pause | None
    at: float


class Breakers:
    """Counts failures of each CRM, and knows from `boards` which to leave alone; thread-safe.

    All boards are told everything; the first that knows of a CRM is believed. Without boards
    nothing is ever paused.
    """

    def __init__(
        self, boards: Sequence[Board] = (), clock: Callable[[], float] = time.time
    ) -> None:
        self._boards = boards
        self._clock = clock
        self._counts: LRUCache[str, CircuitBreaker] = LRUCache(_MOST)
        self._seen: LRUCache[str, _Seen] = LRUCache(_MOST)
        self._lock = threading.Lock()

    def pause(self, source: str) -> Pause | None:
        """Return why a CRM is not asked now; None if it is."""
        with self._lock:
            seen = self._seen.get(source)
        if seen is None or not 0 <= self._clock() - seen.at < GLANCE:
            seen = self._look(source)
        return _open(seen)

    @contextmanager
    def watching(self, source: str, seconds: float) -> Iterator[None]:
        """Watch whether asking a CRM for so many seconds fails.

        Raises CrmPaused if it is not to be asked. Where nobody else probes, one who asks does.
        """
        if not self._boards:
            yield
            return
        pause = self.pause(source)
        is_probe = False
        if pause is not None and pause.holds_for(seconds):
            is_probe = pause.is_forsaken(self._clock()) and self.due(source) is not None
            if not is_probe:
                raise CrmPaused(
                    f"It was not asked, as it is left alone while it fails: {pause.reason}"
                )
        try:
            with self._count(source):
                yield
        except CrmError as error:
            if is_probe:
                self.judge(source, error, seconds)
            else:
                self._note(source, error, seconds)
            raise
        if is_probe:
            self.judge(source, None, seconds)

    def due(self, source: str) -> Pause | None:
        """Return the pause of a CRM if it is time to probe it, and note that it is done now."""
        if self.pause(source) is None:
            return None
        seen, now = self._look(source), self._clock()
        pause = _open(seen)
        if pause is None or not pause.is_due(now):
            return None
        is_mine = self._put_up(source, pause.probed_at(now), instead_of=seen)
        return pause if is_mine else None

    def judge(self, source: str, error: CrmError | None, seconds: float) -> None:
        """Take what a probe of so many seconds came to: one that was answered ends the pause."""
        if error is not None and is_failure(error):
            self._go_on(source, error, seconds)
            return
        pause = _open(self._look(source))
        if pause is not None:
            self._put_up(source, replace(pause, ended=self._clock()))

    def _look(self, source: str) -> _Seen:
        """Read what stands on the boards, and remember it."""
        at = self._clock()
        with self._lock:
            before = self._seen.get(source)
        read = (pause for board in self._boards if (pause := _read(board, source)))
        seen = _Seen(next(read, None), at)
        with self._lock:
            if self._seen.get(source) is not before:  # somebody has read it since, or put it up
                return self._seen.get(source, seen)
            self._seen[source] = seen
        return seen

    def _put_up(self, source: str, pause: Pause, instead_of: _Seen | None = None) -> bool:
        """Tell all boards, unless this process has learned something else since it looked."""
        with self._lock:
            if instead_of is not None and self._seen.get(source) is not instead_of:
                return False
            self._seen[source] = _Seen(pause, self._clock())
        text = msgspec.json.encode(pause).decode()
        for board in self._boards:
            board.write(source, text)
        return True

    def _count(self, source: str) -> CircuitBreaker:
        with self._lock:
            count = self._counts.get(source)
            if count is None:
                count = CircuitBreaker(
                    FAILURES, expected_exception=lambda _kind, error: is_failure(error)
                )
                self._counts[source] = count
            return count

    def _note(self, source: str, error: CrmError, seconds: float) -> None:
        count = self._count(source)
        if is_failure(error) and (count.opened or asked_pause(error) is not None):
            count.reset()  # from here on the boards know
            self._go_on(source, error, seconds)

    def _go_on(self, source: str, error: CrmError, seconds: float) -> None:
        """Begin a pause, or let the one that is there go on."""
        before = self._look(source).pause
        pause = pause_after(error, seconds, self._clock())
        self._put_up(source, before.followed_by(pause) if before else pause)


def is_failure(error: BaseException) -> bool:
    """Say whether trouble is the CRM's as a whole, and not of one question to it."""
    return isinstance(error, CrmUnavailable | CrmBadAnswer | CrmCredentialsRefused)


def _open(seen: _Seen) -> Pause | None:
    return None if seen.pause is None or seen.pause.ended else seen.pause


def _read(board: Board, source: str) -> Pause | None:
    text = board.read(source)
    if text is None:
        return None
    try:
        return _reader.decode(text)
    except (msgspec.MsgspecError, ValueError):
        return None
