"""Around any client: the budget, one question a call, and trouble turned into a value."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from cachetools import TTLCache

from voiceapp.crm.contract import Answer, CallFacts, CrmClient, CrmError, Search
from voiceapp.crm.deadline import Deadline

_MOST_REMEMBERED = 2048
_REMEMBERED_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Question:
    """What a CRM is asked in one call; asked twice, it is answered from memory."""

    integration: str
    search: Search


@dataclass(frozen=True, slots=True)
class Reply:
    """What asking came to: an answer or the trouble, how long it took, how old it is.

    `ms` is the time spent asking now, `age` the seconds since the CRM said it.
    """

    answer: Answer | CrmError
    ms: float
    age: float


def _bare(error: CrmError) -> CrmError:
    """Return an error without what led to it, which would keep the whole request in memory."""
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


@dataclass(frozen=True, slots=True)
class _Remembered:
    answer: Answer | CrmError
    at: float


class Lookup:
    """Asks CRM clients within a budget; a call's second same question is not asked again.

    That holds for trouble, too: the caller would only wait once more.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._remembered: TTLCache[tuple[str, Question], _Remembered]
        self._remembered = TTLCache(_MOST_REMEMBERED, _REMEMBERED_SECONDS, clock)
        self._lock = threading.Lock()

    def ask(
        self, client: CrmClient, question: Question, call: CallFacts, deadline: Deadline
    ) -> Reply:
        """Return what the CRM says before the deadline; trouble with it is a reply, too."""
        began = self.clock()
        key = (call.call_id, question)
        with self._lock:
            known = self._remembered.get(key)
        if known is not None:
            return Reply(known.answer, 0, began - known.at)
        answer: Answer | CrmError
        try:
            answer = client.find(question.search, call, deadline)
        except CrmError as error:
            answer = _bare(error)
        if call.call_id:
            with self._lock:
                self._remembered[key] = _Remembered(answer, self.clock())
        return Reply(answer, self._ms_since(began), 0)

    def _ms_since(self, began: float) -> float:
        return (self.clock() - began) * 1000
