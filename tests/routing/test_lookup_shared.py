"""Processes that share a Redis ask a CRM once: in a call, in many calls, and at the same moment."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.fernet import Fernet

from tests.crm.crms import FOUND, Clock, FakeCrm, SlowCrm
from tests.redis_server import RedisServer
from voiceapp.crm.contract import (
    Answer,
    Caller,
    CallFacts,
    CrmOutOfTime,
    CrmUnavailable,
    Found,
    NotFound,
    Search,
)
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.lookup import Ages, Lookup, Reply
from voiceapp.crm.memory import Memory, Question
from voiceapp.crm.plain import Remembered
from voiceapp.sharing.redis import RedisShared
from voiceapp.vault import Vault

KEY = Fernet.generate_key().decode()
ADA = Question("odoo", Search(Caller("+12025550101"), "Contacts", ("Tier",)))
USUAL = Ages(fresh=300, stale=3600)
SILVER = Found({"Tier": "Silver"}, "phone number")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def crm(clock: Clock) -> FakeCrm:
    return FakeCrm(clock)


@pytest.fixture
def process(redis_url: str, clock: Clock):
    """Make processes that share a Redis."""

    def process() -> Lookup:
        return Lookup(clock, Memory(RedisShared(redis_url, KEY, Vault([KEY])), clock))

    return process


def ask(lookup: Lookup, crm, clock, call: str = "", ages: Ages = USUAL) -> Reply:
    return lookup.ask(crm, ADA, CallFacts(call_id=call), Deadline.after(3, clock), ages)


def test_what_one_was_told_another_remembers(process, crm, clock):
    one, other = process(), process()
    ask(one, crm, clock)
    crm.answer = SILVER
    clock.now += 60

    assert ask(other, crm, clock) == Reply(FOUND, ms=0, age=60, is_older=True)
    assert len(crm.asked) == 1


def test_then_it_remembers_by_itself(process, crm, clock, redis_server: RedisServer):
    one, other = process(), process()
    ask(one, crm, clock)
    ask(other, crm, clock)
    redis_server.stop()
    try:
        clock.now += 60
        assert ask(other, crm, clock) == Reply(FOUND, ms=0, age=60, is_older=True)
        assert len(crm.asked) == 1
    finally:
        redis_server.start()


def test_a_newer_answer_replaces_an_older_one_everywhere(process, crm, clock):
    one, other = process(), process()
    ask(one, crm, clock)
    clock.now += 300
    crm.answer = SILVER
    ask(other, crm, clock)

    assert ask(one, crm, clock) == Reply(SILVER, ms=0, age=0, is_older=True)


def test_a_call_that_goes_on_in_another_process_is_not_asked_again(process, crm, clock):
    nothing = Ages()
    for said in (NotFound(), CrmUnavailable("It is away."), FOUND):
        call = f"CA of {type(said).__name__}"
        crm.answer = said
        ask(process(), crm, clock, call, nothing)
        crm.asked.clear()

        reply = ask(process(), crm, clock, call, nothing)

        assert reply.is_of_call
        assert type(reply.answer) is type(said)
        assert crm.asked == []


def test_what_was_remembered_counts_for_the_call_in_another_process_too(process, crm, clock):
    ask(process(), crm, clock)
    clock.now += 299
    ask(process(), crm, clock, "CA1")
    crm.answer = SILVER
    clock.now += 2

    reply = ask(process(), crm, clock, "CA1")

    assert reply == Reply(FOUND, ms=0, age=301, is_of_call=True, is_older=True)


def test_what_stood_in_counts_for_the_call_in_another_process_too(process, crm, clock):
    ask(process(), crm, clock)
    clock.now += 600
    crm.answer = CrmUnavailable("It is away.")
    ask(process(), crm, clock, "CA1")
    asked = len(crm.asked)

    reply = ask(process(), crm, clock, "CA1")

    assert (reply.answer, reply.age, reply.is_of_call) == (FOUND, 600, True)
    assert str(reply.trouble) == "It is away."
    assert len(crm.asked) == asked


def test_what_the_call_was_told_counts_although_another_process_knows_better(process, crm, clock):
    one, other = process(), process()
    ask(one, crm, clock, "CA1")
    clock.now += 300
    crm.answer = SILVER
    ask(other, crm, clock, "CA2")

    assert ask(other, crm, clock, "CA1").answer == FOUND


def test_nobody_stands_in_of_whom_another_process_was_told_something_else(process, crm, clock):
    one, other = process(), process()
    ask(one, crm, clock)
    clock.now += 300
    crm.answer = NotFound()
    ask(other, crm, clock)
    clock.now += 60
    trouble = crm.answer = CrmUnavailable("It is away.")

    assert ask(one, crm, clock).answer is trouble


def test_where_the_crm_fails_an_old_answer_of_another_process_stands_in(process, crm, clock):
    ask(process(), crm, clock)
    clock.now += 600
    trouble = crm.answer = CrmUnavailable("It is away.")

    assert ask(process(), crm, clock) == Reply(FOUND, ms=0, age=600, is_older=True, trouble=trouble)


def away() -> Answer:
    raise CrmUnavailable("It is away.")


def late() -> Answer:
    raise CrmOutOfTime("The CRM took longer than the budget.")


def at_once(redis_url: str, crm: SlowCrm, ages: Ages, *budgets: float) -> list[Reply]:
    """Let processes ask the same, the first of them a little before the others."""
    processes = [Lookup(memory=Memory(RedisShared(redis_url, KEY, Vault([KEY])))) for _ in budgets]
    with ThreadPoolExecutor(len(budgets)) as pool:
        replies = []
        for lookup, budget in zip(processes, budgets, strict=True):
            deadline = Deadline.after(budget)
            replies.append(pool.submit(lookup.ask, crm, ADA, CallFacts(), deadline, ages))
            crm.is_asked.wait(10)
        time.sleep(0.2)
        crm.may_answer.set()
    return [reply.result() for reply in replies]


@pytest.mark.parametrize("ages", [USUAL, Ages(stale=3600), Ages()])
@pytest.mark.parametrize(
    ("answer", "kind"),
    [(lambda: FOUND, Found), (NotFound, NotFound), (away, CrmUnavailable)],
    ids=["found", "not found", "failed"],
)
def test_of_processes_that_ask_at_once_one_asks(redis_url, answer, kind, ages):
    crm = SlowCrm(answer)

    replies = at_once(redis_url, crm, ages, 10, 10, 10, 10)

    assert [type(reply.answer) for reply in replies] == [kind] * 4
    assert crm.count == 1


def test_who_comes_afterwards_is_told_nothing_that_was_for_those_who_waited(process, crm, clock):
    crm.answer = CrmUnavailable("It is away.")
    ask(process(), crm, clock)
    crm.answer = FOUND

    assert ask(process(), crm, clock).answer == FOUND


def test_who_has_more_time_than_the_one_who_asked_asks_as_soon_as_it_may(redis_url):
    answers = [late, lambda: FOUND]
    crm = SlowCrm(lambda: answers.pop(0)())

    short, long = at_once(redis_url, crm, USUAL, 5, 60)

    assert isinstance(short.answer, CrmOutOfTime)
    assert long.answer == FOUND
    assert long.ms < 15_000  # long before half of its time


def test_who_finds_the_answer_there_when_it_may_not_ask_takes_it(redis_url, clock, crm):
    asking, other = (Memory(RedisShared(redis_url, KEY, Vault([KEY])), clock) for _ in range(2))
    asking.claim(ADA, "", 3600, 60)
    asking.keep(ADA, 3600, Remembered(FOUND, clock.now))  # said, and not yet let go of

    assert ask(Lookup(clock, other), crm, clock).answer == FOUND
    assert crm.asked == []


def test_one_that_waits_in_vain_asks_in_time_itself(redis_url):
    Memory(RedisShared(redis_url, KEY, Vault([KEY]))).claim(ADA, "", 0, 60)  # and it died
    shared = RedisShared(redis_url, KEY, Vault([KEY]))
    crm = SlowCrm()
    crm.may_answer.set()
    lookup = Lookup(memory=Memory(shared))

    reply = lookup.ask(crm, ADA, CallFacts(), Deadline.after(1), USUAL)

    assert reply.answer == FOUND
    assert crm.count == 1


def test_without_redis_everything_goes_on(process, crm, clock, redis_server: RedisServer):
    lookup = process()
    redis_server.stop()
    try:
        assert ask(lookup, crm, clock) == Reply(FOUND, ms=0, age=0)
        assert ask(lookup, crm, clock) == Reply(FOUND, ms=0, age=0, is_older=True)
        assert len(crm.asked) == 1
    finally:
        redis_server.start()
