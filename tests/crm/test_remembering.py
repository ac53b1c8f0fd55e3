"""What was said in one call counts in others: as long as a rule allows, and where the CRM fails."""

import pytest

from tests.crm.crms import FOUND, Clock, FakeCrm
from voiceapp.crm.contract import (
    Caller,
    CallFacts,
    CrmBadAnswer,
    CrmMisconfigured,
    CrmUnavailable,
    Found,
    NotFound,
    Search,
    Several,
)
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.lookup import NOTHING_KEPT, Ages, Lookup, Reply
from voiceapp.crm.memory import Memory, Question

ADA = Question("odoo", Search(Caller("+12025550101"), "Contacts", ("Tier",)))
SAM = Question("odoo", Search(Caller("+12025550102"), "Contacts", ("Tier",)))
USUAL = Ages(fresh=300, stale=3600)
SILVER = Found({"Tier": "Silver"}, "phone number")
AWAY = CrmUnavailable("The CRM is away.")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def crm(clock: Clock) -> FakeCrm:
    return FakeCrm(clock)


@pytest.fixture
def ask(crm: FakeCrm, clock: Clock):
    """Ask in a call of its own each time, with a budget of three seconds."""
    lookup = Lookup(clock)
    calls = iter(range(1_000_000))

    def ask(question: Question = ADA, ages: Ages = USUAL, call: str = "") -> Reply:
        facts = CallFacts(call_id=call or f"CA{next(calls)}")
        return lookup.ask(crm, question, facts, Deadline.after(3, clock), ages)

    return ask


def test_an_answer_counts_for_other_calls_until_it_is_too_old(ask, crm, clock):
    ask()
    crm.answer = SILVER

    clock.now += 299
    assert ask() == Reply(FOUND, ms=0, age=299, is_older=True)

    clock.now += 1
    assert ask() == Reply(SILVER, ms=0, age=0)
    assert len(crm.asked) == 2


def test_each_rule_has_its_own_age(ask, crm, clock):
    ask(ages=Ages(fresh=30, kept=300))
    crm.answer = SILVER
    clock.now += 60

    assert ask(ages=Ages(fresh=300)).answer == FOUND
    assert ask(ages=Ages(fresh=30, kept=300)).answer == SILVER
    assert ask(ages=Ages(fresh=300)).answer == SILVER


def test_what_one_rule_wants_longer_another_does_not_cut_short(ask, crm, clock):
    ask(ages=Ages(fresh=300, kept=300))
    ask(ages=Ages(fresh=0, stale=30, kept=300))
    clock.now += 200
    crm.answer = AWAY

    assert ask(ages=Ages(fresh=300)) == Reply(FOUND, ms=0, age=200, is_older=True)


@pytest.mark.parametrize("ages", [Ages(), Ages(stale=3600)], ids=["nothing kept", "only stale"])
def test_a_rule_may_want_to_ask_each_time(ask, crm, ages):
    ask(ages=ages)
    crm.answer = SILVER

    assert ask(ages=ages) == Reply(SILVER, ms=0, age=0)


@pytest.mark.parametrize("answer", [NotFound(), Several(2)])
def test_an_answer_that_leads_to_nobody_counts_shortly(ask, crm, clock, answer):
    crm.answer = answer
    ask()
    crm.answer = FOUND

    clock.now += 14
    assert ask() == Reply(answer, ms=0, age=14, is_older=True)

    clock.now += 1
    assert ask() == Reply(FOUND, ms=0, age=0)


def test_trouble_never_counts_for_other_calls(ask, crm):
    crm.answer = AWAY
    ask()
    crm.answer = FOUND

    assert ask() == Reply(FOUND, ms=0, age=0)


@pytest.mark.parametrize("trouble", [AWAY, CrmBadAnswer("It is no JSON.")])
def test_where_the_crm_fails_an_old_answer_stands_in(ask, crm, clock, trouble):
    ask()
    crm.answer, crm.seconds = trouble, 3
    clock.now += 3596

    assert ask() == Reply(FOUND, ms=3000, age=3599, is_older=True, trouble=trouble)

    assert ask() == Reply(trouble, ms=3000, age=0)


@pytest.mark.parametrize("answer", [NotFound(), Several(2)])
def test_only_somebody_stands_in(ask, crm, clock, answer):
    crm.answer = answer
    ask()
    crm.answer = AWAY
    clock.now += 20

    assert ask().answer is AWAY


@pytest.mark.parametrize("ages", [USUAL, Ages(stale=3600)], ids=["usual", "asked each time"])
@pytest.mark.parametrize("answer", [NotFound(), Several(2)])
def test_nobody_stands_in_of_whom_the_crm_has_since_said_something_else(
    ask, crm, clock, answer, ages
):
    ask(ages=ages)
    clock.now += 300
    crm.answer = answer
    ask(ages=ages)
    crm.answer = AWAY
    clock.now += 60

    assert ask(ages=ages).answer is AWAY


def test_a_rule_may_want_no_old_answer(ask, crm, clock):
    ask(ages=Ages(fresh=300))
    crm.answer = AWAY
    clock.now += 300

    assert ask(ages=Ages(fresh=300)).answer is AWAY


def test_for_the_rest_of_a_call_what_stood_in_counts(ask, crm, clock):
    ask()
    crm.answer = AWAY
    clock.now += 600
    ask(call="CA")
    asked = len(crm.asked)

    assert ask(call="CA") == Reply(
        FOUND, ms=0, age=600, is_of_call=True, is_older=True, trouble=AWAY
    )
    assert len(crm.asked) == asked


def test_for_the_rest_of_a_call_what_was_remembered_counts(ask, crm, clock):
    ask()
    clock.now += 299
    ask(call="CA")
    clock.now += 100

    assert ask(call="CA") == Reply(FOUND, ms=0, age=399, is_of_call=True, is_older=True)


def test_what_was_said_of_one_caller_says_nothing_of_another(ask, crm):
    ask(ADA)
    crm.answer = SILVER

    assert ask(SAM).answer == SILVER


def test_a_question_that_is_wrong_is_asked_again(ask, crm):
    crm.answer = CrmMisconfigured("There is no field Tier.")
    ask()

    assert ask(ages=NOTHING_KEPT).age == 0
    assert len(crm.asked) == 2


def test_a_clock_that_is_set_back_makes_no_answer_younger_than_now(ask, clock):
    ask()
    clock.now -= 50

    assert ask() == Reply(FOUND, ms=0, age=0, is_older=True)


def test_of_many_callers_the_latest_are_remembered(crm, clock):
    lookup = Lookup(clock, Memory(clock=clock))
    for number in range(12_000):
        search = Search(Caller(f"+1202{number:07}"), "Contacts", ())
        lookup.ask(
            crm, Question("odoo", search), CallFacts(), Deadline.after(3, clock), Ages(fresh=300)
        )
    crm.asked.clear()

    for number in (11_999, 0):
        search = Search(Caller(f"+1202{number:07}"), "Contacts", ())
        lookup.ask(
            crm, Question("odoo", search), CallFacts(), Deadline.after(3, clock), Ages(fresh=300)
        )

    assert [search.who for search, _ in crm.asked] == [Caller("+12020000000")]
