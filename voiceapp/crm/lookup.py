"""Around any client: the budget, what is remembered, and trouble turned into a value."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from voiceapp.crm.breaker import Breakers
from voiceapp.crm.contract import (
    CallFacts,
    CrmClient,
    CrmError,
    CrmOutOfTime,
    CrmPaused,
    Found,
)
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.flights import Flights, OutOfPatience
from voiceapp.crm.memory import Memory, Question, Remembered
from voiceapp.crm.plain import Said

_UNCLEAR_FRESH = 15.0
"""Seconds that an answer counts at most that leads to nobody: somebody may be about to mend it."""
_POLL = 0.02


@dataclass(frozen=True, slots=True)
class Ages:
    """For how many seconds an answer counts as it is, and where the CRM fails, in its place."""

    fresh: float = 0.0
    stale: float = 0.0

    @property
    def longest(self) -> float:
        """Return how old an answer may be at most, to be of any use."""
        return max(self.fresh, self.stale)

    def kept(self, said: Said) -> float:
        """Return how long it is worth while to remember what was said."""
        match said:
            case Found():
                return self.longest
            case CrmError():
                return 0.0
        return min(self.fresh, _UNCLEAR_FRESH)

    def is_fresh(self, said: Said, age: float) -> bool:
        """Say whether an answer counts as it is."""
        fresh = self.fresh if isinstance(said, Found) else min(self.fresh, _UNCLEAR_FRESH)
        return age < fresh

    def may_stand_in(self, said: Said, age: float) -> bool:
        """Say whether an answer counts where the CRM fails."""
        return isinstance(said, Found) and age < self.stale


NOTHING_KEPT = Ages()


@dataclass(frozen=True, slots=True)
class Reply:
    """What asking came to: an answer or the trouble, how long it took, how old it is.

    `ms` is the time spent asking now, `age` the seconds since the CRM said it, `is_of_call` that
    it said so in this very call. `trouble` is why an old answer stands in for a new one.
    """

    answer: Said
    ms: float
    age: float
    is_of_call: bool = False
    trouble: CrmError | None = None


def _bare(error: CrmError) -> CrmError:
    """Return an error without what led to it, which would keep the whole request in memory."""
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


@dataclass(frozen=True, slots=True)
class _Errand:
    client: CrmClient
    question: Question
    call: CallFacts
    deadline: Deadline
    ages: Ages


class Lookup:
    """Asks CRM clients within a budget, and no oftener than it must.

    A call's second same question is not asked again; that holds for trouble, too, as the caller
    would only wait once more. Many who want to know the same at once are answered by one question.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        memory: Memory | None = None,
        breakers: Breakers | None = None,
    ) -> None:
        self.clock = clock
        self._memory = memory or Memory(clock=clock)
        self._breakers = breakers or Breakers()
        self._flights: Flights[Said] = Flights()

    def ask(
        self,
        client: CrmClient,
        question: Question,
        call: CallFacts,
        deadline: Deadline,
        ages: Ages = NOTHING_KEPT,
    ) -> Reply:
        """Return what the CRM says before the deadline; trouble with it is a reply, too."""
        began = self.clock()
        errand = _Errand(client, question, call, deadline, ages)
        told, last = self._memory.recall(question, call.call_id, ages.longest, self._fresh(ages))
        if told is not None:
            return Reply(told.said, 0, self._age(told), is_of_call=True)
        if last is not None and ages.is_fresh(last.said, self._age(last)):
            self._memory.keep_for_call(question, call.call_id, last)
            return Reply(last.said, self._ms_since(began), self._age(last))
        said = self._together(errand)
        ms = self._ms_since(began)
        if isinstance(said, CrmError) and last is not None:
            age = self._age(last)
            if ages.may_stand_in(last.said, age):
                self._memory.keep_for_call(question, call.call_id, last)
                return Reply(last.said, ms, age, trouble=said)
        return Reply(said, ms, 0)

    def _together(self, errand: _Errand) -> Said:
        """Ask, or wait for who asks the same just now."""
        while True:
            try:
                said, is_mine = self._flights.join(
                    errand.question, lambda: self._alone(errand), errand.deadline
                )
            except OutOfPatience:
                return CrmOutOfTime("The CRM took longer than the budget.")
            if is_mine:
                return said
            # who asked may have had less time than is left here
            if not isinstance(said, CrmOutOfTime) or errand.deadline.has_passed():
                self._remember(errand, said, NOTHING_KEPT)
                return said

    def _alone(self, errand: _Errand) -> Said:
        """Ask the CRM, unless another process does and tells."""
        if not errand.ages.longest:
            return self._asked(errand)
        if self._memory.claim(errand.question, max(errand.deadline.remaining(), 0.001)):
            try:
                return self._asked(errand)
            finally:
                self._memory.let_go(errand.question)
        return self._overheard(errand) or self._asked(errand)

    def _overheard(self, errand: _Errand) -> Said | None:
        """Wait for the answer that another process gets; half of the time is left to ask for it."""
        began = self._memory.clock()
        half = Deadline(self.clock() + errand.deadline.remaining() / 2, self.clock)
        while not half.has_passed():
            threading.Event().wait(_POLL)
            _, last = self._memory.recall(
                errand.question, "", errand.ages.longest, lambda one: one.at >= began
            )
            if last is not None and last.at >= began:
                self._memory.keep_for_call(errand.question, errand.call.call_id, last)
                return last.said
        return None

    def _asked(self, errand: _Errand) -> Said:
        said: Said
        try:
            with self._breakers.watching(errand.question.source, errand.deadline.remaining()):
                said = errand.client.find(errand.question.search, errand.call, errand.deadline)
        except CrmError as error:
            said = _bare(error)
        self._remember(errand, said, errand.ages)
        return said

    def _remember(self, errand: _Errand, said: Said, ages: Ages) -> None:
        if not isinstance(said, CrmPaused):  # which costs nothing to find out again
            what = Remembered(said, self._memory.clock())
            self._memory.keep(errand.question, errand.call.call_id, ages.kept(said), what)

    def _fresh(self, ages: Ages) -> Callable[[Remembered], bool]:
        return lambda last: ages.is_fresh(last.said, self._age(last))

    def _age(self, what: Remembered) -> float:
        return max(self._memory.clock() - what.at, 0.0)

    def _ms_since(self, began: float) -> float:
        return (self.clock() - began) * 1000
