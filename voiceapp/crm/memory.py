"""Remembers what CRMs said: for the rest of a call, and for later calls as long as rules allow."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, fields

from cachetools import TLRUCache, TTLCache

from voiceapp.crm.contract import Search
from voiceapp.crm.plain import Said, UnreadableText, read, spell
from voiceapp.crm.shared import NOTHING_SHARED, Shared

_MOST_CALLS, _CALL_SECONDS = 2048, 900
_MOST_ANSWERS = 10_000


@dataclass(frozen=True, slots=True)
class Question:
    """What a CRM is asked; asked again, it may be answered from memory.

    `source` is the CRM with its address, options and secrets, `told` what of the call its answer
    depends on beside the search.
    """

    source: str
    search: Search
    told: tuple[str, ...] = ()
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # a cache asks for it again and again, and it goes through all that is searched
        object.__setattr__(self, "_hash", hash((self.source, self.search, self.told)))

    def __hash__(self) -> int:
        return self._hash

    def name(self) -> str:
        """Return a text that only the same question has."""
        who, order = self.search.who, self.search.order
        spelled = [
            self.source,
            type(who).__name__,
            *(getattr(who, one.name) for one in fields(who)),
            self.search.module,
            self.search.fields,
            [order.field, order.is_highest] if order else None,
            self.told,
        ]
        return json.dumps(spelled)


@dataclass(frozen=True, slots=True)
class Remembered:
    """What a CRM said, and when (seconds since 1970)."""

    said: Said
    at: float


@dataclass(frozen=True, slots=True)
class _Kept:
    remembered: Remembered
    until: float

    def held(self, seconds: float) -> "_Kept":
        """Return it, kept until it is so many seconds old."""
        return _Kept(self.remembered, self.remembered.at + seconds)


class Memory:
    """What CRMs said, in this process and, where something is shared, in all; for many threads."""

    def __init__(
        self, shared: Shared = NOTHING_SHARED, clock: Callable[[], float] = time.time
    ) -> None:
        self.clock = clock
        self._shared = shared
        self._calls: TTLCache[tuple[str, Question], Remembered]
        self._calls = TTLCache(_MOST_CALLS, _CALL_SECONDS, clock)
        self._answers: TLRUCache[Question, _Kept]
        self._answers = TLRUCache(_MOST_ANSWERS, lambda _question, kept, _now: kept.until, clock)
        self._lock = threading.Lock()

    def recall(
        self,
        question: Question,
        call_id: str,
        seconds: float,
        is_enough: Callable[[Remembered], bool],
    ) -> tuple[Remembered | None, Remembered | None]:
        """Return what was said earlier in the call, and what was said last at all.

        Other processes may know more. They are asked unless what is known here `is_enough`, and
        what they know is kept here, too, until it is so many `seconds` old.
        """
        with self._lock:
            in_call = self._calls.get((call_id, question)) if call_id else None
            kept = self._answers.get(question)
            if kept is not None and kept.until < kept.remembered.at + seconds:
                self._answers[question] = kept.held(seconds)
        last = kept.remembered if kept else None
        if in_call is not None or (last is not None and is_enough(last)):
            return in_call, last
        if self._shared is NOTHING_SHARED:  # spares the names
            return None, last
        told, newest = map(
            _remembered, self._shared.read([_call(call_id, question), _answer(question)])
        )
        if told is not None:
            self.keep_for_call(question, call_id, told)
        if newest is not None and (last is None or newest.at > last.at):
            self._take(question, newest, newest.at + seconds)
            last = newest
        return told if call_id else None, last

    def keep(self, question: Question, call_id: str, seconds: float, what: Remembered) -> None:
        """Keep what was said: for the rest of the call, and for others so many seconds."""
        if call_id:
            self.keep_for_call(question, call_id, what)
        if seconds > 0:
            self._take(question, what, what.at + seconds)
        if self._shared is NOTHING_SHARED:  # spares the texts
            return
        if call_id:
            self._shared.write({_call(call_id, question): _text(what)}, _CALL_SECONDS)
        if seconds > 0:
            self._shared.write({_answer(question): _text(what)}, seconds)

    def keep_for_call(self, question: Question, call_id: str, what: Remembered) -> None:
        """Keep for the rest of a call what others may know already."""
        if call_id:
            with self._lock:
                self._calls[call_id, question] = what

    def claim(self, question: Question, seconds: float) -> bool:
        """Take it on to ask; False while another process does."""
        if self._shared is NOTHING_SHARED:
            return True
        return self._shared.claim(_asking(question), seconds)

    def let_go(self, question: Question) -> None:
        """Let others ask again."""
        if self._shared is not NOTHING_SHARED:
            self._shared.forget(_asking(question))

    def _take(self, question: Question, what: Remembered, until: float) -> None:
        with self._lock:
            before = self._answers.get(question)
            # another rule may want it longer
            self._answers[question] = _Kept(what, max(until, before.until if before else 0))


def _call(call_id: str, question: Question) -> str:
    return f"call {call_id} {question.name()}"


def _answer(question: Question) -> str:
    return f"answer {question.name()}"


def _asking(question: Question) -> str:
    return f"asking {question.name()}"


def _text(remembered: Remembered) -> str:
    return spell(remembered.said, remembered.at)


def _remembered(text: str | None) -> Remembered | None:
    if text is None:
        return None
    try:
        return Remembered(*read(text))
    except UnreadableText:
        return None
