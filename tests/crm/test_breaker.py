"""A CRM that fails again and again is left alone by all processes."""

import json

import pytest

from tests.crm.crms import (
    AWAY,
    BUDGET,
    FOUND,
    ODOO,
    THROTTLED,
    ZOHO,
    Clock,
    FakeCrm,
    MemoryBoard,
    fail,
)
from voiceapp.crm.breaker import FAILURES, GLANCE, Breakers
from voiceapp.crm.contract import (
    Caller,
    CallFacts,
    CrmBadAnswer,
    CrmCredentialsRefused,
    CrmMisconfigured,
    CrmNotPermitted,
    CrmOutOfTime,
    CrmPaused,
    CrmThrottled,
    CrmTooMany,
    Search,
)
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.lookup import Ages, Lookup
from voiceapp.crm.memory import Question

SKIPPED = "It was not asked, as it is left alone while it fails: The CRM is away."


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def crm(clock: Clock) -> FakeCrm:
    return FakeCrm(clock)


def test_after_failures_in_a_row_it_is_not_asked(process, crm):
    ask = process()
    fail(ask, crm)

    reply = ask()

    assert isinstance(reply.answer, CrmPaused)
    assert str(reply.answer) == SKIPPED
    assert reply.ms == 0
    assert crm.asked == []


def test_fewer_failures_do_no_harm(process, crm):
    ask = process()
    fail(ask, crm, times=FAILURES - 1)
    crm.answer = FOUND
    assert ask().answer == FOUND
    fail(ask, crm, times=FAILURES - 1)

    assert ask().answer is AWAY


def test_what_one_process_found_out_the_others_know(process, crm):
    first, second = process(), process()
    fail(first, crm)

    assert isinstance(second().answer, CrmPaused)
    assert crm.asked == []


def test_another_crm_is_asked_as_ever(process, crm):
    ask = process()
    fail(ask, crm)
    crm.answer = FOUND

    assert ask(ZOHO).answer == FOUND


@pytest.mark.parametrize(
    "error",
    [
        AWAY,
        CrmOutOfTime("Too slow."),
        CrmBadAnswer("It is no JSON."),
        CrmCredentialsRefused("Not known."),
    ],
)
def test_trouble_of_the_crm_as_a_whole_counts(process, crm, error):
    ask = process()
    fail(ask, crm, error)

    assert isinstance(ask().answer, CrmPaused)


@pytest.mark.parametrize(
    "error",
    [
        CrmMisconfigured("There is no such field."),
        CrmNotPermitted("Not allowed."),
        CrmTooMany("Too many."),
    ],
)
def test_trouble_with_one_question_does_not_count(process, crm, error):
    ask = process()
    fail(ask, crm, error, times=2 * FAILURES)

    assert ask().answer is error


def test_while_it_is_paused_an_old_answer_stands_in(process, crm, clock):
    ask, ages = process(), Ages(fresh=300, stale=3600)
    ask(ages=ages)
    clock.now += 300
    fail(ask, crm)

    reply = ask(ages=ages)

    assert reply.answer == FOUND
    assert isinstance(reply.trouble, CrmPaused)
    assert crm.asked == []


def test_a_rule_with_less_time_takes_the_crm_away_from_no_other(process, crm, clock):
    ask = process()
    crm.answer = CrmOutOfTime("It gave no answer within the budget.")
    for _ in range(FAILURES):
        ask(seconds=0.5)
    crm.answer = FOUND
    clock.now += 2 * GLANCE

    assert isinstance(ask(seconds=0.5).answer, CrmPaused)
    assert ask(seconds=8).answer == FOUND
    assert isinstance(ask(seconds=0.5).answer, CrmPaused)


@pytest.mark.parametrize("first", [0.5, 8])
def test_one_that_is_too_slow_for_all_is_asked_by_none(process, crm, clock, first):
    ask = process()
    crm.answer = CrmOutOfTime("It gave no answer within the budget.")
    for seconds in [first] * FAILURES + [8] * FAILURES:
        ask(seconds=seconds)
        clock.now += 2 * GLANCE

    assert isinstance(ask(seconds=0.5).answer, CrmPaused)
    assert isinstance(ask(seconds=8).answer, CrmPaused)


def test_one_that_is_away_is_asked_by_none_however_slow_it_was(process, crm, worker, clock):
    ask = process()
    crm.answer = CrmOutOfTime("It gave no answer within the budget.")
    for _ in range(FAILURES):
        ask(seconds=0.5)
    clock.now += 1
    worker.due(ODOO)

    worker.judge(ODOO, AWAY, 0.5)

    clock.now += 2 * GLANCE
    assert isinstance(ask(seconds=8).answer, CrmPaused)


def test_without_boards_nothing_is_paused(clock, crm):
    lookup = Lookup(clock)
    crm.answer = THROTTLED

    for number in range(2 * FAILURES):
        question = Question(ODOO, Search(Caller(str(number)), "Contacts", ()))
        deadline = Deadline.after(BUDGET, clock)
        assert lookup.ask(crm, question, CallFacts(), deadline).answer is THROTTLED


class TestBoard:
    """What stands on a board is read now and then, and taken for known in between."""

    @pytest.fixture
    def asks(self, process, board):
        """Make processes; each function says whether its CRM is asked, and how often it looked."""

        def asks():
            ask = process()

            def is_asked() -> tuple[bool, int]:
                before = board.reads
                return not isinstance(ask().answer, CrmPaused), board.reads - before

            return is_asked

        return asks

    def test_calls_of_a_moment_look_once(self, asks, process, crm, clock):
        first, second = asks(), asks()
        assert [first(), first(), second(), second()] == [(True, 1), (True, 0)] * 2

        fail(process(), crm, THROTTLED, times=1)
        clock.now += 2 * GLANCE

        assert [first(), first(), second(), second()] == [(False, 1), (False, 0)] * 2

    def test_a_process_sees_at_once_what_it_puts_up_itself(self, process, crm):
        ask = process()
        assert ask().answer == FOUND

        fail(ask, crm, THROTTLED, times=1)

        assert isinstance(ask().answer, CrmPaused)

    def test_a_look_that_began_before_does_not_hide_it(self, clock):
        class SlowBoard(MemoryBoard):
            meanwhile = staticmethod(lambda: None)

            def read(self, source: str) -> str | None:
                text, meanwhile = super().read(source), self.meanwhile
                self.meanwhile = lambda: None
                meanwhile()
                return text

        board = SlowBoard()
        breakers = Breakers([board], clock)

        def fail_meanwhile() -> None:
            with pytest.raises(CrmThrottled), breakers.watching(ODOO, BUDGET):
                raise THROTTLED

        board.meanwhile = fail_meanwhile

        assert breakers.pause(ODOO) is not None
        assert breakers.pause(ODOO) is not None

    def test_a_clock_that_is_set_back_hides_nothing(self, asks, process, crm, clock):
        first = asks()
        assert first() == (True, 1)
        fail(process(), crm)
        clock.now -= 30

        assert first() == (False, 1)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "null",
            "[]",
            "\ud800",
            '{"since": 1}',
            '{"other": 1}',
            '{"since": "x", "until": 1, "reason": "It is away."}',
            '{"since": NaN, "until": 1, "reason": "It is away."}',
            '{"since": 1, "until": 1, "reason": null}',
            '{"since": 1, "until": 1, "reason": "It is away.", "probes": 1.5}',
        ],
    )
    def test_something_else_on_it_pauses_nothing(self, process, board, text):
        board.texts[ODOO] = text

        assert process()().answer == FOUND

    def test_what_an_older_version_put_up_counts(self, process, board):
        pause = {"since": 90.0, "until": 90.0, "reason": "Old.", "probed": 95.0, "probes": 2}
        board.texts[ODOO] = json.dumps(pause)

        assert isinstance(process()().answer, CrmPaused)
