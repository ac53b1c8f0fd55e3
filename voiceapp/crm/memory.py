"""Remembers what CRMs said: for the rest of a call, and for later calls as long as rules allow."""

import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from typing import NamedTuple

from cachetools import TLRUCache, TTLCache

from voiceapp.crm.contract import Search
from voiceapp.crm.plain import Remembered, UnreadableText, read, spell
from voiceapp.crm.shared import NOTHING_SHARED, Shared

_MOST_CALLS, _CALL_SECONDS = 16_384, 900
_MOST_ANSWERS = 10_000
_NEWS_SECONDS = 2.0
"""How long an answer is there for those who wait for it; they look more often."""


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


class Known(NamedTuple):
    """What is known of a question: what the call was told before, and what was said last at all.

    `news` is what was told last to those who wait for an answer. `is_mine` says that it may be
    asked now: no other process does.
    """

    in_call: Remembered | None
    last: Remembered | None
    news: Remembered | None = None
    is_mine: bool = True


@dataclass(frozen=True, slots=True)
class _Kept:
    remembered: Remembered
    until: float


class Memory:
    """What CRMs said, in this process and, where something is shared, in all; for many threads.

    For calls it has room for the latest 16,384 answers of a quarter of an hour.
    """

    def __init__(
        self, shared: Shared = NOTHING_SHARED, clock: Callable[[], float] = time.time
    ) -> None:
        self.clock = clock
        self.is_shared = shared is not NOTHING_SHARED
        self._shared = shared
        self._calls: TTLCache[tuple[str, Question], Remembered]
        self._calls = TTLCache(_MOST_CALLS, _CALL_SECONDS, clock)
        self._answers: TLRUCache[Question, _Kept]
        self._answers = TLRUCache(_MOST_ANSWERS, lambda _question, kept, _now: kept.until, clock)
        self._lock = threading.Lock()

    def known(self, question: Question, call_id: str) -> Known:
        """Return what this process knows."""
        with self._lock:
            in_call = self._calls.get((call_id, question)) if call_id else None
            kept = self._answers.get(question)
        return Known(in_call, kept.remembered if kept else None)

    def recall(self, question: Question, call_id: str, seconds: float) -> Known:
        """Return what all processes know; this one remembers it, too, for so many seconds."""
        if not self.is_shared:
            return self.known(question, call_id)
        texts = self._shared.read(_names(question, call_id))
        return self._learned(question, call_id, seconds, texts)

    def claim(self, question: Question, call_id: str, seconds: float, budget: float) -> Known:
        """Return what all know, and take it on to ask within the budget unless another does."""
        if not self.is_shared:
            return self.known(question, call_id)
        name = _asking(question)
        is_mine, texts = self._shared.claim(name, budget, _names(question, call_id))
        return self._learned(question, call_id, seconds, texts)._replace(is_mine=is_mine)

    def let_go(self, question: Question) -> None:
        """Let others ask."""
        if self.is_shared:
            self._shared.let_go(_asking(question))

    def tell(self, question: Question, what: Remembered) -> None:
        """Tell those who wait for an answer in other processes."""
        if self.is_shared:
            self._shared.write({_news(question): spell(what)}, _NEWS_SECONDS)

    def keep(self, question: Question, seconds: float, what: Remembered) -> None:
        """Keep what was said for so many seconds."""
        if seconds > 0:
            self._take(question, seconds, what)
            if self.is_shared:
                self._shared.write({_answer(question): spell(what)}, seconds)

    def keep_for_call(self, question: Question, call_id: str, what: Remembered) -> None:
        """Keep what a call was told for the rest of it."""
        if call_id:
            self._take_for_call(question, call_id, what)
            if self.is_shared:
                self._shared.write({_call(call_id, question): spell(what)}, _CALL_SECONDS)

    def _learned(
        self, question: Question, call_id: str, seconds: float, texts: Sequence[str | None]
    ) -> Known:
        """Add what others know to what is known here."""
        in_call, last, news = map(_remembered, texts)
        here = self.known(question, call_id)
        if in_call is not None and call_id:
            self._take_for_call(question, call_id, in_call)
        if last is None or (here.last is not None and here.last.at >= last.at):
            last = here.last
        else:
            self._take(question, seconds, last)
        return Known(in_call if call_id else None, last, news)

    def _take(self, question: Question, seconds: float, what: Remembered) -> None:
        with self._lock:
            self._answers[question] = _Kept(what, what.at + seconds)

    def _take_for_call(self, question: Question, call_id: str, what: Remembered) -> None:
        with self._lock:
            self._calls[call_id, question] = what


def _names(question: Question, call_id: str) -> tuple[str, str, str]:
    return _call(call_id, question), _answer(question), _news(question)


def _call(call_id: str, question: Question) -> str:
    return f"call {call_id} {question.name()}"


def _answer(question: Question) -> str:
    return f"answer {question.name()}"


def _news(question: Question) -> str:
    return f"news {question.name()}"


def _asking(question: Question) -> str:
    return f"asking {question.name()}"


def _remembered(text: str | None) -> Remembered | None:
    if text is None:
        return None
    try:
        return read(text)
    except UnreadableText:
        return None
