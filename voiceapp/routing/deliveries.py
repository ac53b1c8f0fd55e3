"""Webhooks that Twilio delivers twice: the second delivery gets the answer of the first.

Twilio sends a webhook again when it got no answer, or none in time, and the call must not be
decided twice: what the CRM says, or which release is the newest, may have changed meanwhile.
"""

import hashlib
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

from cachetools import TTLCache

from voiceapp.crm.shared import NOTHING_SHARED, Shared

KEPT_SECONDS = 300.0
"""How long a process remembers an answer; Twilio gives up on a webhook after 15 seconds."""

SHARED_SECONDS = 60.0
"""How long others can learn of it."""

_ROOM = 16 * 1024 * 1024
"""Bytes of answers that a process remembers at most, the latest."""
_EACH = 512
"""Bytes that an answer costs beside its document."""
_LARGEST = 256 * 1024
"""Characters of an answer that is remembered at most: four times what Twilio takes."""
_LOOK_EVERY = 0.05


@dataclass(frozen=True, slots=True)
class Delivery:
    """One webhook as it was delivered; a second delivery of it is equal.

    `target` is the address it went to, which tells door and step; `sent` is Twilio's token of
    the delivery, or its signature, which stands for everything that was sent.
    """

    call_sid: str
    target: str
    sent: str

    @property
    def name(self) -> str:
        """Return a short name of the delivery that tells nothing of the call."""
        text = f"{self.call_sid}\n{self.target}\n{self.sent}".encode("utf-8", "surrogatepass")
        return hashlib.blake2b(text, digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Answer:
    """The document that answers a delivery; `is_repeated` if an earlier one was answered so."""

    document: str
    is_repeated: bool = False


class Deliveries:
    """Answers each delivery once and remembers it for some minutes; safe between threads.

    A second delivery that comes while the first is being decided waits for that: within the
    process for `patience` seconds, for another one that `shared` knows of for
    `patience_with_others`, since that may have died. Then it is decided all the same.
    """

    def __init__(
        self,
        shared: Shared = NOTHING_SHARED,
        *,
        seconds: float = KEPT_SECONDS,
        patience: float = 10.0,
        patience_with_others: float = 3.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shared = shared
        self._patience = patience
        self._patience_with_others = patience_with_others
        self._clock = clock
        self._lock = threading.Lock()
        self._answers: TTLCache[str, str] = TTLCache(_ROOM, seconds, clock, getsizeof=_size)
        self._pending: dict[str, Future[str]] = {}

    def answer(
        self, delivery: Delivery, decide: Callable[[], str], *, is_shared: bool = True
    ) -> Answer:
        """Return the answer that this delivery had, or what `decide` makes of it now.

        `is_shared` off leaves other processes out. Raises what `decide` raises; that is not
        remembered. A call without an id is decided each time, for it can't be told from others.
        """
        if not delivery.call_sid:
            return self._alone(decide)
        name = delivery.name
        mine: Future[str] = Future()
        with self._lock:
            document = self._answers.get(name)
            pending = mine if document is not None else self._pending.setdefault(name, mine)
        if document is not None:
            return Answer(document, is_repeated=True)
        if pending is not mine:
            return self._wait_for(pending) or self._alone(decide)
        try:
            answer = self._first(name, decide, is_shared=is_shared)
        except BaseException:
            with self._lock:
                del self._pending[name]
            mine.set_exception(_Undecided())
            raise
        with self._lock:
            del self._pending[name]
            if len(answer.document) <= _LARGEST:
                self._answers[name] = answer.document
        mine.set_result(answer.document)
        return answer

    def _alone(self, decide: Callable[[], str]) -> Answer:
        """Decide without a look at what others do."""
        with self._shared.visit():
            return Answer(decide())

    def _first(self, name: str, decide: Callable[[], str], *, is_shared: bool) -> Answer:
        """Decide what is new to this process, unless another one has."""
        if not is_shared or self._shared is NOTHING_SHARED:
            return Answer(decide())
        with self._shared.visit():
            told = self._told(name)
            if told is not None:
                return told
            try:
                document = decide()
            except BaseException:
                self._shared.let_go(_claimed(name))
                raise
            self._shared.write({_answered(name): document}, SHARED_SECONDS)
        return Answer(document)

    def _wait_for(self, pending: "Future[str]") -> Answer | None:
        try:
            return Answer(pending.result(self._patience), is_repeated=True)
        except (TimeoutError, _Undecided):
            return None

    def _told(self, name: str) -> Answer | None:
        """Return what another process has answered; None where none has taken it on."""
        deadline = self._clock() + self._patience_with_others
        while True:
            is_mine, [document] = self._shared.claim(
                _claimed(name), SHARED_SECONDS, [_answered(name)]
            )
            if document is not None:
                return Answer(document, is_repeated=True)
            if is_mine or self._clock() >= deadline:
                return None
            time.sleep(_LOOK_EVERY)


def _size(document: str) -> int:
    return sys.getsizeof(document) + _EACH


class _Undecided(Exception):
    """Whoever was to decide has failed."""


def _claimed(name: str) -> str:
    return f"delivery claimed {name}"


def _answered(name: str) -> str:
    return f"delivery answered {name}"
