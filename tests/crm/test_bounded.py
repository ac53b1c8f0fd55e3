"""Nobody waits longer than the deadline, whatever the work does."""

import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from tests.routing.journals import run_python
from voiceapp.crm.bounded import Bounded, OutOfTime
from voiceapp.crm.deadline import Deadline


@pytest.fixture
def release() -> Iterator[threading.Event]:
    """Work that waits for this hangs, until the test is over."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def quick_switching() -> Iterator[None]:
    """Let threads take turns as often as they can."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


def test_work_that_is_done_in_time_returns_its_value():
    assert Bounded().run(lambda: "done", Deadline.after(10)) == "done"


@pytest.mark.parametrize("fault", [ValueError("no"), TimeoutError("its own"), KeyError("x")])
def test_what_the_work_raises_comes_through(fault):
    def work() -> None:
        raise fault

    with pytest.raises(type(fault)) as raised:
        Bounded().run(work, Deadline.after(10))

    assert raised.value is fault


def test_work_that_hangs_is_left_when_the_time_is_up(release):
    began = time.monotonic()

    with pytest.raises(OutOfTime):
        Bounded().run(release.wait, Deadline.after(0.05))

    assert 0.05 <= time.monotonic() - began < 1


def test_a_deadline_that_has_passed_is_not_waited_for(release):
    began = time.monotonic()

    with pytest.raises(OutOfTime):
        Bounded().run(release.wait, Deadline.after(-10))

    assert time.monotonic() - began < 1


def test_work_that_hangs_does_not_hold_up_other_work(release):
    bounded = Bounded(threads=2)
    with pytest.raises(OutOfTime):
        bounded.run(release.wait, Deadline.after(0.01))

    assert bounded.run(lambda: "done", Deadline.after(10)) == "done"


def test_work_that_found_no_free_thread_in_time_is_never_begun(release):
    bounded = Bounded(threads=1)
    begun: list[str] = []
    with pytest.raises(OutOfTime):
        bounded.run(release.wait, Deadline.after(0.01))

    with pytest.raises(OutOfTime):
        bounded.run(lambda: begun.append("late"), Deadline.after(0.01))
    release.set()

    assert bounded.run(lambda: list(begun), Deadline.after(10)) == []


def test_as_many_threads_are_lent_as_there_are_and_given_back(release):
    bounded = Bounded(threads=3)
    lent: list[threading.Thread] = []

    def hang() -> None:
        lent.append(threading.current_thread())
        release.wait()

    for _ in range(5):
        with pytest.raises(OutOfTime):
            bounded.run(hang, Deadline.after(0.05))
    assert len(lent) == 3
    assert all(thread.daemon for thread in lent)
    release.set()

    assert [bounded.run(lambda: "done", Deadline.after(10)) for _ in range(10)] == ["done"] * 10


@pytest.mark.parametrize("fault", [ValueError("no"), SystemExit(1), KeyboardInterrupt()])
def test_a_thread_whose_work_failed_is_given_back(fault):
    bounded = Bounded(threads=1)

    def work() -> None:
        raise fault

    for _ in range(3):
        with pytest.raises(type(fault)):
            bounded.run(work, Deadline.after(10))


def test_work_that_finds_room_in_time_is_done(release):
    bounded = Bounded(threads=1)
    with pytest.raises(OutOfTime):
        bounded.run(release.wait, Deadline.after(0.01))
    threading.Timer(0.1, release.set).start()

    assert bounded.run(lambda: "done", Deadline.after(10)) == "done"


def test_without_a_thread_to_be_had_the_work_is_out_of_time(monkeypatch):
    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    bounded = Bounded(threads=1)
    with monkeypatch.context() as exhausted:
        exhausted.setattr(threading.Thread, "start", start)
        for _ in range(3):
            with pytest.raises(OutOfTime):
                bounded.run(lambda: "done", Deadline.after(10))

    assert bounded.run(lambda: "done", Deadline.after(10)) == "done"


_HANG_AND_END = """
import time
from voiceapp.crm.bounded import Bounded, OutOfTime
from voiceapp.crm.deadline import Deadline

try:
    Bounded().run(lambda: time.sleep(60), Deadline.after(0.01))
except OutOfTime:
    print("out of time", end="")
"""


def test_work_that_hangs_keeps_no_process_from_ending():
    began = time.monotonic()

    assert run_python(_HANG_AND_END) == "out of time"
    assert time.monotonic() - began < 20


def outcome_of(bounded: Bounded, work: Callable[[], str]) -> str:
    try:
        return bounded.run(work, Deadline.after(0))
    except OutOfTime:
        return "out of time"


@pytest.mark.usefixtures("quick_switching")
def test_work_that_ends_with_the_deadline_is_done_or_out_of_time():
    bounded = Bounded(threads=1)

    outcomes = {outcome_of(bounded, lambda: "done") for _ in range(10_000)}

    assert "out of time" in outcomes
    assert outcomes <= {"done", "out of time"}
