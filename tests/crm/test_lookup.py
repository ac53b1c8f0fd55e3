"""The budget, one question a call, and trouble as a value."""

import gc
import weakref
from collections.abc import Sequence

import pytest

from voiceapp.crm.contract import (
    Answer,
    Caller,
    CallFacts,
    CrmBadAnswer,
    CrmError,
    CrmRefused,
    CrmUnavailable,
    Found,
    KeyedDigits,
    NotFound,
    Several,
    Who,
)
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.lookup import Lookup, Question, Reply

ADA = Caller("+12025550101")
QUESTION = Question("directory", "Contacts", ADA, ("Balance", "Tier"))
CALL = CallFacts(caller="+12025550101", called="+12025550180", call_id="CA1")
FOUND = Found({"Tier": "Gold", "Balance": "1,250.00"}, "phone number")


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class FakeCrm:
    """Answers after a while, by a clock of its own, and keeps what it was asked."""

    def __init__(self, clock: Clock) -> None:
        self.answer: Answer | CrmError = FOUND
        self.seconds = 0.0
        self.asked: list[tuple[Who, str, tuple[str, ...], CallFacts]] = []
        self.seconds_given: list[float] = []
        self._clock = clock

    def find(
        self, who: Who, module: str, fields: Sequence[str], call: CallFacts, deadline: Deadline
    ) -> Answer:
        self.asked.append((who, module, tuple(fields), call))
        self.seconds_given.append(deadline.remaining())
        self._clock.now += self.seconds
        if isinstance(self.answer, CrmError):
            raise self.answer
        return self.answer


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


@pytest.mark.parametrize("answer", [FOUND, NotFound(), Several(2)])
def test_an_answer_comes_with_the_time_it_took(lookup, crm, answer):
    crm.answer, crm.seconds = answer, 0.25

    reply = lookup.ask(crm, QUESTION, CALL, budget=3)

    assert reply == Reply(answer, ms=250, age=0)
    assert crm.asked == [(ADA, "Contacts", ("Balance", "Tier"), CALL)]
    assert crm.seconds_given == [3]


@pytest.mark.parametrize("kind", [CrmUnavailable, CrmRefused, CrmBadAnswer])
def test_trouble_is_a_reply_too(lookup, crm, kind):
    crm.answer, crm.seconds = kind("The CRM is away."), 3

    reply = lookup.ask(crm, QUESTION, CALL, budget=3)

    assert reply == Reply(crm.answer, ms=3000, age=0)


def test_a_fault_of_ours_is_no_reply(lookup, crm):
    crm.answer = None
    crm.find = None

    with pytest.raises(TypeError):
        lookup.ask(crm, QUESTION, CALL, budget=3)


@pytest.mark.parametrize("answer", [FOUND, NotFound(), Several(2)])
def test_a_second_question_of_the_same_call_is_answered_from_memory(lookup, crm, clock, answer):
    crm.answer, crm.seconds = answer, 0.25
    lookup.ask(crm, QUESTION, CALL, budget=3)
    crm.answer = CrmUnavailable("The CRM is away.")
    clock.now += 60

    reply = lookup.ask(crm, QUESTION, CALL, budget=3)

    assert reply == Reply(answer, ms=0, age=60)
    assert len(crm.asked) == 1


@pytest.mark.parametrize("kind", [CrmUnavailable, CrmRefused, CrmBadAnswer])
def test_trouble_is_remembered_for_the_call_too(lookup, crm, clock, kind):
    trouble = crm.answer = kind("The CRM is away.")
    crm.seconds = 3
    lookup.ask(crm, QUESTION, CALL, budget=3)
    crm.answer = FOUND
    clock.now += 5

    assert lookup.ask(crm, QUESTION, CALL, budget=3) == Reply(trouble, ms=0, age=5)
    assert len(crm.asked) == 1
    assert lookup.ask(crm, QUESTION, CallFacts(call_id="CA2"), budget=3).answer == FOUND


def test_remembered_trouble_does_not_keep_its_request_in_memory(lookup):
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

    lookup.ask(FailingCrm(), QUESTION, CALL, budget=3)
    gc.collect()

    assert [request() for request in requests] == [None]


def test_what_was_told_is_forgotten_after_a_quarter_of_an_hour(lookup, crm, clock):
    lookup.ask(crm, QUESTION, CALL, budget=3)
    crm.answer = NotFound()

    clock.now += 899
    assert lookup.ask(crm, QUESTION, CALL, budget=3) == Reply(FOUND, ms=0, age=899)

    clock.now += 1
    assert lookup.ask(crm, QUESTION, CALL, budget=3) == Reply(NotFound(), ms=0, age=0)


@pytest.mark.parametrize(
    "other",
    [
        Question("zoho", "Contacts", ADA, ("Balance", "Tier")),
        Question("directory", "Leads", ADA, ("Balance", "Tier")),
        Question("directory", "Contacts", Caller("+12025550102"), ("Balance", "Tier")),
        Question("directory", "Contacts", KeyedDigits("1001", "AccountNo"), ("Balance", "Tier")),
        Question("directory", "Contacts", ADA, ("Tier",)),
    ],
)
def test_another_question_of_the_same_call_is_asked(lookup, crm, other):
    lookup.ask(crm, QUESTION, CALL, budget=3)
    crm.answer = NotFound()

    assert lookup.ask(crm, other, CALL, budget=3).answer == NotFound()
    assert len(crm.asked) == 2


def test_digits_keyed_in_anew_are_asked_anew(lookup, crm):
    for digits in ("1001", "01001", "1001"):
        lookup.ask(
            crm, Question("directory", "Contacts", KeyedDigits(digits, "No"), ()), CALL, budget=3
        )

    assert [who for who, *_ in crm.asked] == [KeyedDigits("1001", "No"), KeyedDigits("01001", "No")]


@pytest.mark.parametrize(
    ("first", "second"), [("CA1", "CA2"), ("", "")], ids=["another call", "calls without an id"]
)
def test_what_one_call_was_told_is_not_told_another(lookup, crm, first, second):
    lookup.ask(crm, QUESTION, CallFacts(call_id=first), budget=3)
    crm.answer = NotFound()

    assert lookup.ask(crm, QUESTION, CallFacts(call_id=second), budget=3).answer == NotFound()


def test_of_many_calls_the_latest_are_remembered(lookup, crm):
    for number in range(5000):
        lookup.ask(crm, QUESTION, CallFacts(call_id=f"CA{number}"), budget=3)
    crm.asked.clear()

    lookup.ask(crm, QUESTION, CallFacts(call_id="CA4999"), budget=3)
    lookup.ask(crm, QUESTION, CallFacts(call_id="CA0"), budget=3)

    assert [call.call_id for *_, call in crm.asked] == ["CA0"]
