"""What is delivered twice is decided once: in a process always, beyond it where Redis is."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.fernet import Fernet

from tests.redis_server import RedisServer
from tests.routing.journals import eventually
from voiceapp.routing.deliveries import Answer, Deliveries, Delivery
from voiceapp.sharing.redis import RedisShared
from voiceapp.vault import Vault

KEY = Fernet.generate_key().decode()
FIRST = Delivery("CA1", "/twiml/did?", "token 1")


class Decider:
    """Answers differently each time; each answer waits until it may be given."""

    def __init__(self) -> None:
        self.count = 0
        self.is_asked = threading.Event()
        self.may_answer = threading.Event()
        self.may_answer.set()

    def __call__(self) -> str:
        self.count += 1
        document = f"answer {self.count}"
        self.is_asked.set()
        self.may_answer.wait(20)
        return document


class Fault(Exception):
    """A fault that nobody thought of."""


def fail() -> str:
    raise Fault


@pytest.fixture
def decide() -> Decider:
    return Decider()


@pytest.fixture
def at_once() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


@pytest.fixture
def process(redis_url: str) -> Callable[..., Deliveries]:
    """Make processes that share a Redis."""

    def make(**arguments: float) -> Deliveries:
        return Deliveries(RedisShared(redis_url, KEY, Vault([KEY])), **arguments)  # type: ignore[arg-type]

    return make


def test_a_second_delivery_gets_the_first_answer(decide):
    deliveries = Deliveries()

    answers = [deliveries.answer(FIRST, decide) for _ in range(3)]

    assert answers[0] == Answer("answer 1")
    assert set(answers[1:]) == {Answer("answer 1", is_repeated=True)}


@pytest.mark.parametrize(
    "other",
    [
        Delivery("CA2", FIRST.target, FIRST.sent),
        Delivery(FIRST.call_sid, "/twiml/did?r=1&n=1", FIRST.sent),
        Delivery(FIRST.call_sid, FIRST.target, "token 2"),
    ],
)
def test_another_call_step_or_token_is_another_delivery(decide, other):
    deliveries = Deliveries()
    deliveries.answer(FIRST, decide)

    assert deliveries.answer(other, decide) == Answer("answer 2")


def test_calls_without_an_id_are_decided_each_time(decide):
    deliveries = Deliveries()
    nameless = Delivery("", FIRST.target, FIRST.sent)

    assert deliveries.answer(nameless, decide) == Answer("answer 1")
    assert deliveries.answer(nameless, decide) == Answer("answer 2")


def test_an_answer_is_forgotten_after_some_minutes(decide):
    now = [0.0]
    deliveries = Deliveries(seconds=300, clock=lambda: now[0])
    deliveries.answer(FIRST, decide)

    now[0] = 301

    assert deliveries.answer(FIRST, decide) == Answer("answer 2")


def test_of_large_answers_fewer_are_remembered(decide):
    deliveries = Deliveries()
    small, large = "x" * 200, "x" * 64_000
    for number in range(1000):
        deliveries.answer(Delivery(f"CA{number}", FIRST.target, ""), lambda: large)
    for number in range(1000, 2000):
        deliveries.answer(Delivery(f"CA{number}", FIRST.target, ""), lambda: small)

    kept = [
        deliveries.answer(Delivery(f"CA{number}", FIRST.target, ""), decide).is_repeated
        for number in range(999, 2000)
    ]

    assert all(kept)
    assert not deliveries.answer(Delivery("CA0", FIRST.target, ""), decide).is_repeated


def test_an_answer_larger_than_all_that_is_remembered_is_given_all_the_same():
    huge = "x" * 20_000_000

    assert Deliveries().answer(FIRST, lambda: huge) == Answer(huge)


def test_a_second_delivery_waits_for_the_first_that_is_being_decided(decide, at_once):
    deliveries = Deliveries()
    decide.may_answer.clear()

    answers = [at_once.submit(deliveries.answer, FIRST, decide) for _ in range(8)]
    decide.is_asked.wait(20)
    decide.may_answer.set()

    assert {answer.result(20).document for answer in answers} == {"answer 1"}
    assert sum(answer.result().is_repeated for answer in answers) == 7
    assert decide.count == 1


def test_whoever_has_waited_long_enough_decides(decide, at_once):
    deliveries = Deliveries(patience=0.01)
    decide.may_answer.clear()
    first = at_once.submit(deliveries.answer, FIRST, decide)
    decide.is_asked.wait(20)

    second = deliveries.answer(FIRST, lambda: "another")

    decide.may_answer.set()
    assert second == Answer("another")
    assert first.result(20) == Answer("answer 1")


def test_what_failed_is_decided_again(decide):
    deliveries = Deliveries()

    with pytest.raises(Fault):
        deliveries.answer(FIRST, fail)

    assert deliveries.answer(FIRST, decide) == Answer("answer 1")


def test_another_process_gives_the_first_answer(decide, process):
    first, second = process(), process()

    assert first.answer(FIRST, decide) == Answer("answer 1")
    assert second.answer(FIRST, decide) == Answer("answer 1", is_repeated=True)


def test_another_process_waits_for_the_first_that_is_being_decided(decide, process, at_once):
    decide.may_answer.clear()
    first = at_once.submit(process().answer, FIRST, decide)
    decide.is_asked.wait(20)

    second = at_once.submit(process(patience_with_others=20).answer, FIRST, decide)
    decide.may_answer.set()

    assert first.result(20) == Answer("answer 1")
    assert second.result(20) == Answer("answer 1", is_repeated=True)


def test_a_process_that_died_while_deciding_is_not_waited_for_long(decide, process, at_once):
    decide.may_answer.clear()
    at_once.submit(process().answer, FIRST, decide)
    decide.is_asked.wait(20)

    second = process(patience_with_others=0.1).answer(FIRST, lambda: "another")

    decide.may_answer.set()
    assert second == Answer("another")


def test_what_failed_in_one_process_is_decided_by_another(decide, process):
    with pytest.raises(Fault):
        process().answer(FIRST, fail)

    assert process().answer(FIRST, decide) == Answer("answer 1")


def test_what_concerns_the_process_alone_leaves_redis_alone(
    decide, process, redis_server: RedisServer
):
    process().answer(FIRST, decide, is_shared=False)

    assert redis_server.keys() == []


def test_without_redis_each_process_answers(decide, process, redis_server: RedisServer):
    first, second = process(), process()
    redis_server.stop()

    try:
        assert first.answer(FIRST, decide) == Answer("answer 1")
        assert second.answer(FIRST, decide) == Answer("answer 2")
        assert first.answer(FIRST, decide).document == "answer 1"
    finally:
        redis_server.start()


def test_a_redis_that_goes_away_while_waiting_is_not_waited_for(
    decide, process, redis_server: RedisServer, at_once
):
    decide.may_answer.clear()
    first = at_once.submit(process().answer, FIRST, decide)
    decide.is_asked.wait(20)
    second = at_once.submit(process(patience_with_others=60).answer, FIRST, lambda: "another")

    redis_server.stop()
    try:
        assert eventually(second.done, 10)
        decide.may_answer.set()
        assert second.result() == Answer("another")
        assert first.result(20) == Answer("answer 1")
    finally:
        redis_server.start()
