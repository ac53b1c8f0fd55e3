"""How long a CRM is left alone: until it answers a probe, and no less than it asks for."""

import threading
from contextlib import ExitStack

import pytest

from tests.crm.crms import (
    AWAY,
    BUDGET,
    FOUND,
    ODOO,
    THROTTLED,
    Clock,
    FakeCrm,
    SlowCrm,
    fail,
    under_way,
)
from voiceapp.crm.breaker import FAILURES, GLANCE, Breakers
from voiceapp.crm.contract import (
    Caller,
    CallFacts,
    CrmCredentialsRefused,
    CrmMisconfigured,
    CrmOutOfTime,
    CrmPaused,
    CrmThrottled,
    NotFound,
    Search,
)
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.pause import FORSAKEN, Pause


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def crm(clock: Clock) -> FakeCrm:
    return FakeCrm(clock)


def test_a_probe_that_is_answered_ends_the_pause(process, crm, worker, clock):
    ask = process()
    fail(ask, crm)
    clock.now += 1
    assert worker.due(ODOO)

    worker.judge(ODOO, None, BUDGET)

    clock.now += 2 * GLANCE
    crm.answer = FOUND
    assert ask().answer == FOUND
    assert worker.pause(ODOO) is None


def test_so_does_a_probe_whose_trouble_is_its_own(process, crm, worker, clock):
    ask = process()
    fail(ask, crm)
    clock.now += 1
    assert worker.due(ODOO)

    worker.judge(ODOO, CrmMisconfigured("There is no such field."), BUDGET)

    assert worker.pause(ODOO) is None


def test_probes_become_less_frequent(process, crm, worker, clock):
    fail(process(), crm)
    begin, probed = clock.now, []

    while clock.now < begin + 150:
        if worker.due(ODOO):
            probed.append(clock.now - begin)
            worker.judge(ODOO, AWAY, BUDGET)
        clock.now += 0.5

    assert probed == [1, 3, 7, 15, 31, 61, 91, 121]


def test_of_two_workers_one_probes(process, crm, clock, board):
    fail(process(), crm)
    clock.now += 1

    assert Breakers([board], clock).due(ODOO)
    assert not Breakers([board], clock).due(ODOO)


def test_nothing_is_probed_that_is_well(worker):
    assert not worker.due(ODOO)
    assert worker.pause(ODOO) is None


@pytest.mark.parametrize(
    ("retry_after", "seconds"), [(90, 90), (None, 10), (-5, 1), (1_000_000, 3600)]
)
def test_one_that_is_asked_too_often_is_left_alone_as_long_as_it_says(
    process, crm, worker, clock, retry_after, seconds
):
    ask = process()
    fail(ask, crm, CrmThrottled("Too many requests.", retry_after), times=1)

    assert isinstance(ask().answer, CrmPaused)
    clock.now += seconds - 0.1
    assert not worker.due(ODOO)
    clock.now += 0.1
    assert worker.due(ODOO)


def test_a_probe_that_is_told_to_wait_lets_everybody_wait(process, crm, worker, clock):
    fail(process(), crm)
    clock.now += 1
    worker.due(ODOO)

    worker.judge(ODOO, CrmThrottled("Too many requests.", 90), BUDGET)

    clock.now += 89
    assert not worker.due(ODOO)
    clock.now += 1
    assert worker.due(ODOO)


def test_without_a_worker_calls_ask_again_after_a_while(process, crm, clock):
    first, second = process(), process()
    fail(first, crm)

    clock.now += FORSAKEN
    assert isinstance(first().answer, CrmPaused)

    clock.now += 1
    assert first().answer is AWAY  # asked, once: it still fails
    clock.now += 2 * GLANCE
    assert isinstance(second().answer, CrmPaused)

    clock.now += FORSAKEN + 1
    crm.answer = NotFound()
    assert first().answer == NotFound()
    clock.now += 2 * GLANCE
    assert second().answer == NotFound()


def test_of_many_calls_without_a_worker_one_asks(process, crm, clock, board):
    ask = process()
    fail(ask, crm)
    clock.now += FORSAKEN + 1
    slow, breakers, question = SlowCrm(), Breakers([board], clock), Search(Caller("1"), "", ())

    def call() -> None:
        with breakers.watching(ODOO, BUDGET):
            slow.find(question, CallFacts(), Deadline.after(BUDGET))

    first = threading.Thread(target=call)
    first.start()
    slow.is_asked.wait(10)

    for _ in range(3):
        with pytest.raises(CrmPaused):
            call()
    assert isinstance(ask().answer, CrmPaused)
    slow.may_answer.set()
    first.join()
    call()
    assert slow.count == 2


def test_an_answer_to_one_question_ends_a_pause_that_nobody_probes(process, crm, worker, clock):
    ask = process()
    fail(ask, crm)
    clock.now += FORSAKEN + 1
    crm.answer = CrmMisconfigured("There is no such field.")

    ask()

    assert worker.pause(ODOO) is None


@pytest.mark.parametrize("later", [AWAY, CrmOutOfTime("Too slow."), CrmThrottled("Again.")])
def test_what_fails_after_it_does_not_shorten_the_pause_that_a_crm_asked_for(
    clock, board, worker, later
):
    breakers = Breakers([board], clock)

    with ExitStack() as calls:
        for _ in range(FAILURES):
            calls.enter_context(under_way(breakers, later))
        with under_way(breakers, THROTTLED):
            pass
        clock.now += 2

    assert worker.pause(ODOO) == Pause(100, 220, "Too many requests.")


def test_what_another_process_was_told_is_not_shortened_either(process, crm, worker, clock):
    first, second = process(), process()
    fail(second, crm, times=FAILURES - 1)
    fail(first, crm, THROTTLED, times=1)

    fail(second, crm, times=1)

    assert worker.pause(ODOO).until == 220


def test_a_pause_that_goes_on_has_its_first_moment_and_its_last_reason(process, crm, worker, clock):
    fail(process(), crm)
    clock.now += 1
    worker.due(ODOO)

    worker.judge(ODOO, CrmCredentialsRefused("Not known."), BUDGET)

    assert worker.pause(ODOO) == Pause(100, 101, "Not known.", probed=101, probes=1)


@pytest.mark.parametrize(("later", "waits"), [(30, 4), (61, 1)])
def test_a_pause_soon_after_another_is_probed_as_rarely(process, crm, worker, clock, later, waits):
    ask = process()
    fail(ask, crm)
    for seconds in (1, 2):
        clock.now += seconds
        assert worker.due(ODOO)
    worker.judge(ODOO, None, BUDGET)
    clock.now += later

    fail(ask, crm)

    clock.now += waits - 0.5
    assert not worker.due(ODOO)
    clock.now += 0.5
    assert worker.due(ODOO)


@pytest.mark.parametrize("hours", [1, 24])
def test_a_clock_that_is_set_back_keeps_no_crm_paused(process, crm, worker, clock, hours):
    ask = process()
    fail(ask, crm, THROTTLED, times=1)
    clock.now -= hours * 3600

    assert worker.due(ODOO)
    assert not worker.due(ODOO)

    clock.now += 2
    assert worker.due(ODOO)
    assert worker.pause(ODOO).since <= clock.now
