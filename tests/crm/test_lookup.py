"""The budget, one question a call, and trouble as a value."""

import gc
import weakref

import pytest

from tests.crm.crms import FOUND, Clock, FakeCrm
from voiceapp.crm.contract import (
    Answer,
    Caller,
    CallFacts,
    CrmBadAnswer,
    CrmRefused,
    CrmUnavailable,
    KeyedDigits,
    NotFound,
    Order,
    Search,
    Several,
)
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.lookup import Lookup, Reply
from voiceapp.crm.memory import Question

ADA = Caller("+12025550101")
QUESTION = Question("directory", Search(ADA, "Contacts", ("Balance", "Tier")))
CALL = CallFacts(caller="+12025550101", called="+12025550180", call_id="CA1")


class Request:
    """Something large that a client holds while it asks."""

    def send(self) -> None:
        raise TimeoutError


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def crm(clock: Clock) -> FakeCrm:
    return FakeCrm(clock)


@pytest.fixture
def lookup(clock: Clock) -> Lookup:
    return Lookup(clock)


@pytest.fixture
def ask(lookup: Lookup, clock: Clock):
    """Ask with a budget of three seconds."""

    def ask(crm: FakeCrm, question: Question, call: CallFacts) -> Reply:
        return lookup.ask(crm, question, call, Deadline.after(3, clock))

    return ask


@pytest.mark.parametrize("answer", [FOUND, NotFound(), Several(2)])
def test_an_answer_comes_with_the_time_it_took(ask, crm, answer):
    crm.answer, crm.seconds = answer, 0.25

    reply = ask(crm, QUESTION, CALL)

    assert reply == Reply(answer, ms=250, age=0)
    assert crm.asked == [(QUESTION.search, CALL)]
    assert crm.seconds_given == [3]


@pytest.mark.parametrize("kind", [CrmUnavailable, CrmRefused, CrmBadAnswer])
def test_trouble_is_a_reply_too(ask, crm, kind):
    crm.answer, crm.seconds = kind("The CRM is away."), 3

    reply = ask(crm, QUESTION, CALL)

    assert reply == Reply(crm.answer, ms=3000, age=0)


def test_a_fault_of_ours_is_no_reply(ask, crm):
    crm.answer = None
    crm.find = None

    with pytest.raises(TypeError):
        ask(crm, QUESTION, CALL)


@pytest.mark.parametrize("answer", [FOUND, NotFound(), Several(2)])
def test_a_second_question_of_the_same_call_is_answered_from_memory(ask, crm, clock, answer):
    crm.answer, crm.seconds = answer, 0.25
    ask(crm, QUESTION, CALL)
    crm.answer = CrmUnavailable("The CRM is away.")
    clock.now += 60

    reply = ask(crm, QUESTION, CALL)

    assert reply == Reply(answer, ms=0, age=60, is_of_call=True)
    assert len(crm.asked) == 1


@pytest.mark.parametrize("kind", [CrmUnavailable, CrmRefused, CrmBadAnswer])
def test_trouble_is_remembered_for_the_call_too(ask, crm, clock, kind):
    trouble = crm.answer = kind("The CRM is away.")
    crm.seconds = 3
    ask(crm, QUESTION, CALL)
    crm.answer = FOUND
    clock.now += 5

    assert ask(crm, QUESTION, CALL) == Reply(trouble, ms=0, age=5, is_of_call=True)
    assert len(crm.asked) == 1
    assert ask(crm, QUESTION, CallFacts(call_id="CA2")).answer == FOUND


def test_remembered_trouble_does_not_keep_its_request_in_memory(ask):
    requests: list[weakref.ref[Request]] = []

    class FailingCrm:
        def find(self, *_: object) -> Answer:
            request = Request()
            requests.append(weakref.ref(request))
            try:
                request.send()
            except TimeoutError as error:
                raise CrmUnavailable("The CRM is away.") from error
            return NotFound()

    ask(FailingCrm(), QUESTION, CALL)
    gc.collect()

    assert [request() for request in requests] == [None]


def test_what_was_told_is_forgotten_after_a_quarter_of_an_hour(ask, crm, clock):
    ask(crm, QUESTION, CALL)
    crm.answer = NotFound()

    clock.now += 899
    assert ask(crm, QUESTION, CALL) == Reply(FOUND, ms=0, age=899, is_of_call=True)

    clock.now += 1
    assert ask(crm, QUESTION, CALL) == Reply(NotFound(), ms=0, age=0)


@pytest.mark.parametrize(
    "other",
    [
        Question("zoho", Search(ADA, "Contacts", ("Balance", "Tier"))),
        Question("directory", Search(ADA, "Leads", ("Balance", "Tier"))),
        Question("directory", Search(Caller("+12025550102"), "Contacts", ("Balance", "Tier"))),
        Question(
            "directory", Search(KeyedDigits("1001", "AccountNo"), "Contacts", ("Balance", "Tier"))
        ),
        Question("directory", Search(ADA, "Contacts", ("Tier",))),
        Question("directory", Search(ADA, "Contacts", ("Balance", "Tier"), Order())),
        Question("directory", Search(ADA, "Contacts", ("Balance", "Tier")), ("+12025550180",)),
    ],
)
def test_another_question_of_the_same_call_is_asked(ask, crm, other):
    ask(crm, QUESTION, CALL)
    crm.answer = NotFound()

    assert ask(crm, other, CALL).answer == NotFound()
    assert len(crm.asked) == 2


def test_digits_keyed_in_anew_are_asked_anew(ask, crm):
    for digits in ("1001", "01001", "1001"):
        search = Search(KeyedDigits(digits, "No"), "Contacts", ())
        ask(crm, Question("directory", search), CALL)

    assert [search.who.digits for search, _ in crm.asked] == ["1001", "01001"]


@pytest.mark.parametrize(
    ("first", "second"), [("CA1", "CA2"), ("", "")], ids=["another call", "calls without an id"]
)
def test_what_one_call_was_told_is_not_told_another(ask, crm, first, second):
    ask(crm, QUESTION, CallFacts(call_id=first))
    crm.answer = NotFound()

    assert ask(crm, QUESTION, CallFacts(call_id=second)).answer == NotFound()


def test_of_many_calls_the_latest_are_remembered(ask, crm):
    for number in range(20_000):
        ask(crm, QUESTION, CallFacts(call_id=f"CA{number}"))
    crm.asked.clear()

    ask(crm, QUESTION, CallFacts(call_id="CA19999"))
    ask(crm, QUESTION, CallFacts(call_id="CA4000"))
    ask(crm, QUESTION, CallFacts(call_id="CA0"))

    assert [call.call_id for *_, call in crm.asked] == ["CA0"]
