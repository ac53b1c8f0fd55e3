"""Processes that share a Redis ask a CRM once: in a call, in many calls, and at the same moment."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.fernet import Fernet

from tests.crm.crms import FOUND, Clock, FakeCrm, SlowCrm
from tests.redis_server import RedisServer
from voiceapp.crm.contract import Caller, CallFacts, CrmUnavailable, Found, NotFound, Search
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.lookup import Ages, Lookup, Reply
from voiceapp.crm.memory import Memory, Question
from voiceapp.shared import RedisShared
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

    assert ask(other, crm, clock) == Reply(FOUND, ms=0, age=60)
    assert len(crm.asked) == 1


def test_then_it_remembers_by_itself(process, crm, clock, redis_server: RedisServer):
    one, other = process(), process()
    ask(one, crm, clock)
    ask(other, crm, clock)
    redis_server.stop()
    try:
        clock.now += 60
        assert ask(other, crm, clock) == Reply(FOUND, ms=0, age=60)
        assert len(crm.asked) == 1
    finally:
        redis_server.start()


def test_a_newer_answer_replaces_an_older_one_everywhere(process, crm, clock):
    one, other = process(), process()
    ask(one, crm, clock)
    clock.now += 300
    crm.answer = SILVER
    ask(other, crm, clock)

    assert ask(one, crm, clock) == Reply(SILVER, ms=0, age=0)


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


def test_where_the_crm_fails_an_old_answer_of_another_process_stands_in(process, crm, clock):
    ask(process(), crm, clock)
    clock.now += 600
    trouble = crm.answer = CrmUnavailable("It is away.")

    assert ask(process(), crm, clock) == Reply(FOUND, ms=0, age=600, trouble=trouble)


def test_of_processes_that_ask_at_once_one_asks(redis_url):
    crm = SlowCrm()
    processes = [Lookup(memory=Memory(RedisShared(redis_url, KEY, Vault([KEY])))) for _ in range(4)]

    with ThreadPoolExecutor(4) as pool:
        replies = [
            pool.submit(lookup.ask, crm, ADA, CallFacts(), Deadline.after(10), USUAL)
            for lookup in processes
        ]
        crm.is_asked.wait(10)
        time.sleep(0.2)
        crm.may_answer.set()

    assert [reply.result().answer for reply in replies] == [FOUND] * 4
    assert crm.count == 1


def test_one_that_waits_in_vain_asks_in_time_itself(redis_url):
    shared = RedisShared(redis_url, KEY, Vault([KEY]))
    shared.claim(f"asking {ADA.name()}", 60)  # by a process that died
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
        assert ask(lookup, crm, clock) == Reply(FOUND, ms=0, age=0)
        assert len(crm.asked) == 1
    finally:
        redis_server.start()
