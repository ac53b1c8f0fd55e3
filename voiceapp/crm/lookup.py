"""Around any client: the budget, what is remembered, and trouble turned into a value."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

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
from voiceapp.crm.memory import Known, Memory, Question
from voiceapp.crm.plain import Remembered, Said

_UNCLEAR_FRESH = 15.0
"""Seconds that an answer counts at most that leads to nobody: somebody may be about to mend it."""
_POLL = 0.05


@dataclass(frozen=True, slots=True)
class Ages:
    """For how many seconds an answer counts as it is, and where the CRM fails, in its place.

    `kept` is how long it is of use to somebody, if that is longer.
    """

    fresh: float = 0.0
    stale: float = 0.0
    kept: float = 0.0

    @property
    def longest(self) -> float:
        """Return how old an answer may be at most, to be of any use."""
        return max(self.fresh, self.stale, self.kept)

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
    the call was told so before, `is_older` that the CRM said it before the call asked. `trouble`
    is why an old answer stands in for a new one.
    """

    answer: Said
    ms: float
    age: float
    is_of_call: bool = False
    is_older: bool = False
    trouble: CrmError | None = None


def _bare(error: CrmError) -> CrmError:
    """Return an error without what led to it, which would keep the whole request in memory."""
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


class _Errand(NamedTuple):
    client: CrmClient
    question: Question
    call: CallFacts
    deadline: Deadline
    ages: Ages
    is_first: bool
    began: float

    def seconds(self) -> float:
        """Return for how long it is worth while to ask."""
        return max(self.deadline.remaining(), 0.001)


class _Landed(NamedTuple):
    """What asking came to for the one who led, and what was said anew, for those who waited."""

    reply: Reply
    said: Said | None


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
        self._flights: Flights[_Landed] = Flights()

    def ask(
        self,
        client: CrmClient,
        question: Question,
        call: CallFacts,
        deadline: Deadline,
        ages: Ages = NOTHING_KEPT,
        *,
        is_first: bool = False,
    ) -> Reply:
        """Return what the CRM says before the deadline; trouble with it is a reply, too.

        A call that `is_first` asking now was told nothing yet, by no process.
        """
        errand = _Errand(client, question, call, deadline, ages, is_first, self.clock())
        known = self._memory.known(question, call.call_id)
        reply = None
        # what does not count is looked for elsewhere together with the claim to ask
        if known.in_call or not self._is_told_elsewhere(errand):
            reply = self._told(errand, known)
        elif known.last and errand.ages.is_fresh(known.last.said, self._age(known.last)):
            reply = self._told(errand, self._recalled(errand))
        while reply is None:
            reply = self._together(errand)
        return reply

    def _told(self, errand: _Errand, known: Known) -> Reply | None:
        """Return what counts of what is known; None if the CRM has to be asked."""
        told, last = known.in_call, known.last
        if told is not None:
            return Reply(told.said, 0, self._age(told), True, told.is_older, told.trouble)
        if last is not None and errand.ages.is_fresh(last.said, age := self._age(last)):
            return self._older(errand, last, age)
        return None

    def _is_told_elsewhere(self, errand: _Errand) -> bool:
        """Say whether another process may have told the call something."""
        return self._memory.is_shared and not errand.is_first and errand.call.call_id != ""

    def _recalled(self, errand: _Errand) -> Known:
        return self._memory.recall(errand.question, errand.call.call_id, errand.ages.longest)

    def _together(self, errand: _Errand) -> Reply | None:
        """Ask, or wait for who asks the same just now; None if that told nothing."""
        try:
            landed, is_mine = self._flights.join(
                errand.question, lambda: self._alone(errand), errand.deadline
            )
        except OutOfPatience:
            return self._reply(errand, CrmOutOfTime("The CRM took longer than the budget."))
        if is_mine:
            return landed.reply
        said = landed.said
        # who asked may have had less time than is left here
        if said is None or (isinstance(said, CrmOutOfTime) and not errand.deadline.has_passed()):
            return None
        if self._is_told_elsewhere(errand) and (known := self._recalled(errand)).in_call:
            return self._told(errand, known)
        return self._reply(errand, said)

    def _alone(self, errand: _Errand) -> _Landed:
        """Ask the CRM, unless another process knows, or asks and tells."""
        memory, question, longest = self._memory, errand.question, errand.ages.longest
        try:
            known = memory.claim(question, errand.call.call_id, longest, errand.seconds())
            reply = self._told(errand, known)
            if reply is not None:
                return _Landed(reply, None)
            said = None if known.is_mine else self._overheard(errand, known.news)
            said = said or self._asked(errand)
            return _Landed(self._reply(errand, said), said)
        finally:
            memory.let_go(question)

    def _overheard(self, errand: _Errand, before: Remembered | None) -> Said | None:
        """Wait for what another process is told; half of the time is left to ask for it."""
        half = Deadline(self.clock() + errand.deadline.remaining() / 2, self.clock)
        while not half.has_passed():
            time.sleep(_POLL)
            known = self._memory.claim(errand.question, "", errand.ages.longest, errand.seconds())
            news = known.news
            if news is not None and (before is None or news.at != before.at):
                if not isinstance(news.said, CrmOutOfTime):
                    return news.said
                before = news  # who asked had less time than is left here
            if known.is_mine:
                return None
        return None

    def _asked(self, errand: _Errand) -> Said:
        said: Said
        try:
            with self._breakers.watching(errand.question.source, errand.deadline.remaining()):
                said = errand.client.find(errand.question.search, errand.call, errand.deadline)
        except CrmError as error:
            said = _bare(error)
        what = Remembered(said, self._memory.clock())
        if not isinstance(said, CrmError):
            self._memory.keep(errand.question, errand.ages.longest, what)
        self._memory.tell(errand.question, what)
        return said

    def _reply(self, errand: _Errand, said: Said) -> Reply:
        """Return what was said, or what may stand in for trouble; the call remembers it."""
        if isinstance(said, CrmError):
            last = self._memory.known(errand.question, "").last
            if last is not None and errand.ages.may_stand_in(last.said, age := self._age(last)):
                return self._older(errand, last, age, said)
        if not isinstance(said, CrmPaused):  # which costs nothing to find out again
            self._keep_for_call(errand, Remembered(said, self._memory.clock()))
        return Reply(said, self._ms_since(errand.began), 0)

    def _older(
        self, errand: _Errand, last: Remembered, age: float, trouble: CrmError | None = None
    ) -> Reply:
        """Return what was said before the call asked; the call remembers that it was."""
        self._keep_for_call(errand, Remembered(last.said, last.at, True, trouble))
        ms = self._ms_since(errand.began)
        return Reply(last.said, ms, age, False, True, trouble)

    def _keep_for_call(self, errand: _Errand, what: Remembered) -> None:
        self._memory.keep_for_call(errand.question, errand.call.call_id, what)

    def _age(self, what: Remembered) -> float:
        return max(self._memory.clock() - what.at, 0.0)

    def _ms_since(self, began: float) -> float:
        return (self.clock() - began) * 1000
