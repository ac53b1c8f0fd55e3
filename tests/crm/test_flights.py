"""Many who want to know the same at once are answered by one question."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.crm.crms import FOUND, SlowCrm
from voiceapp.crm.contract import Caller, CallFacts, CrmError, CrmOutOfTime, CrmUnavailable, Search
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.flights import Flights, OutOfPatience
from voiceapp.crm.lookup import Lookup, Reply
from voiceapp.crm.memory import Question

ADA = Question("odoo", Search(Caller("+12025550101"), "Contacts", ("Tier",)))
SAM = Question("odoo", Search(Caller("+12025550102"), "Contacts", ("Tier",)))
CALLERS = 8


def away() -> None:
    raise CrmUnavailable("The CRM is away.")


@pytest.fixture
def pool():
    with ThreadPoolExecutor(CALLERS) as pool:
        yield pool


@pytest.fixture
def lookup() -> Lookup:
    return Lookup()


def wait_for_followers(lookup: Lookup) -> None:
    """Give those who come later the time to find that somebody asks already."""
    time.sleep(0.2)


def ask(lookup: Lookup, crm: SlowCrm, question: Question, call: str, seconds: float = 10) -> Reply:
    return lookup.ask(crm, question, CallFacts(call_id=call), Deadline.after(seconds))


@pytest.mark.parametrize(
    ("answer", "expected"), [(lambda: FOUND, type(FOUND)), (away, CrmUnavailable)]
)
def test_one_question_answers_all_who_ring_at_once(pool, lookup, answer, expected):
    crm = SlowCrm(answer)
    replies = [pool.submit(ask, lookup, crm, ADA, f"CA{n}") for n in range(CALLERS)]
    crm.is_asked.wait(10)
    wait_for_followers(lookup)

    crm.may_answer.set()

    assert {type(reply.result().answer) for reply in replies} == {expected}
    assert crm.count == 1
    # each call remembers it
    assert ask(lookup, crm, ADA, "CA7").is_of_call
    assert crm.count == 1


def test_who_asks_something_else_does_not_wait(pool, lookup):
    slow, quick = SlowCrm(), SlowCrm()
    quick.may_answer.set()
    waiting = pool.submit(ask, lookup, slow, ADA, "CA1")
    slow.is_asked.wait(10)

    assert ask(lookup, quick, SAM, "CA2").answer == FOUND

    assert not waiting.done()
    slow.may_answer.set()
    waiting.result()


def test_who_comes_afterwards_asks_anew(lookup):
    crm = SlowCrm()
    crm.may_answer.set()

    ask(lookup, crm, ADA, "CA1")
    ask(lookup, crm, ADA, "CA2")

    assert crm.count == 2


def test_who_waits_for_another_waits_no_longer_than_their_budget(pool, lookup):
    crm = SlowCrm()
    first = pool.submit(ask, lookup, crm, ADA, "CA1")
    crm.is_asked.wait(10)

    reply = ask(lookup, crm, ADA, "CA2", seconds=0.1)

    assert isinstance(reply.answer, CrmOutOfTime)
    # and the call does not wait once more
    again = ask(lookup, crm, ADA, "CA2", seconds=10)
    assert (again.answer, again.is_of_call) == (reply.answer, True)
    assert not first.done()
    crm.may_answer.set()
    assert first.result().answer == FOUND


def test_who_has_more_time_than_the_one_who_asked_asks_again(pool, lookup):
    answers: list[CrmError | None] = [CrmOutOfTime("The CRM took longer than the budget."), None]

    def answer():
        error = answers.pop(0)
        if error:
            raise error
        return FOUND

    crm = SlowCrm(answer)
    short = pool.submit(ask, lookup, crm, ADA, "CA1", 5)
    crm.is_asked.wait(10)
    long = pool.submit(ask, lookup, crm, ADA, "CA2", 60)
    wait_for_followers(lookup)

    crm.may_answer.set()

    assert isinstance(short.result().answer, CrmOutOfTime)
    assert long.result().answer == FOUND


def test_a_fault_of_ours_reaches_all_who_wait_and_stops_nobody_afterwards(pool):
    flights: Flights[int] = Flights()
    may_fail = threading.Event()
    begun = threading.Event()

    def fail() -> int:
        begun.set()
        may_fail.wait(10)
        raise ZeroDivisionError

    first = pool.submit(flights.join, "question", fail, Deadline.after(10))
    begun.wait(10)
    second = pool.submit(flights.join, "question", lambda: 1, Deadline.after(10))
    time.sleep(0.2)
    may_fail.set()

    for one in (first, second):
        with pytest.raises(ZeroDivisionError):
            one.result()
    assert flights.join("question", lambda: 2, Deadline.after(1)) == (2, True)


def test_an_error_of_ours_that_looks_like_a_timeout_is_no_impatience(pool):
    flights: Flights[int] = Flights()
    begun, may_fail = threading.Event(), threading.Event()

    def fail() -> int:
        begun.set()
        may_fail.wait(10)
        raise TimeoutError

    first = pool.submit(flights.join, "question", fail, Deadline.after(10))
    begun.wait(10)
    second = pool.submit(flights.join, "question", lambda: 1, Deadline.after(10))
    time.sleep(0.2)
    may_fail.set()

    for one in (first, second):
        with pytest.raises(TimeoutError):
            one.result()


def test_impatience_has_a_name(pool):
    flights: Flights[int] = Flights()
    begun, may_end = threading.Event(), threading.Event()

    def slow() -> int:
        begun.set()
        may_end.wait(10)
        return 1

    first = pool.submit(flights.join, "question", slow, Deadline.after(10))
    begun.wait(10)

    with pytest.raises(OutOfPatience):
        flights.join("question", slow, Deadline.after(0.05))

    may_end.set()
    assert first.result() == (1, True)
