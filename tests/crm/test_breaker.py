"""A CRM that fails again and again is left alone until it answers a probe."""

import stat

import pytest

from tests.crm.crms import FOUND, Clock, FakeCrm, MemoryBoard
from voiceapp.crm.boards import FolderBoard, SharedBoard
from voiceapp.crm.breaker import FAILURES, FORSAKEN, Breakers, Pause
from voiceapp.crm.contract import (
    Caller,
    CallFacts,
    CrmBadAnswer,
    CrmCredentialsRefused,
    CrmError,
    CrmMisconfigured,
    CrmNotPermitted,
    CrmOutOfTime,
    CrmPaused,
    CrmThrottled,
    CrmTooMany,
    CrmUnavailable,
    NotFound,
    Search,
)
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.lookup import Ages, Lookup, Reply
from voiceapp.crm.memory import Question

ODOO, ZOHO = "0d00", "2040"
AWAY = CrmUnavailable("The CRM is away.")
SKIPPED = "It was not asked, as it is left alone while it fails: The CRM is away."


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def board() -> MemoryBoard:
    return MemoryBoard()


@pytest.fixture
def crm(clock: Clock) -> FakeCrm:
    return FakeCrm(clock)


@pytest.fixture
def process(clock: Clock, board: MemoryBoard, crm: FakeCrm):
    """Make processes that share the board; each is a function that asks in a call of its own."""

    def process():
        lookup = Lookup(clock, breakers=Breakers([board], clock))
        calls = iter(range(1_000_000))

        def ask(source: str = ODOO, ages: Ages = Ages()) -> Reply:  # noqa: B008
            number = next(calls)
            search = Search(Caller("+12025550101"), "Contacts", ("Tier",))
            facts = CallFacts(call_id=f"{source} {number}")
            return lookup.ask(crm, Question(source, search), facts, Deadline.after(3, clock), ages)

        return ask

    return process


@pytest.fixture
def worker(clock: Clock, board: MemoryBoard) -> Breakers:
    return Breakers([board], clock)


def fail(ask, crm: FakeCrm, error: CrmError = AWAY, times: int = FAILURES) -> None:
    crm.answer = error
    for _ in range(times):
        ask()
    crm.asked.clear()


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


def test_a_probe_that_is_answered_ends_the_pause(process, crm, worker, clock):
    ask = process()
    fail(ask, crm)
    clock.now += 1
    assert worker.due(ODOO)

    worker.judge(ODOO, None)

    crm.answer = FOUND
    assert ask().answer == FOUND
    assert worker.pause(ODOO) is None


def test_so_does_a_probe_whose_trouble_is_its_own(process, crm, worker, clock):
    ask = process()
    fail(ask, crm)
    clock.now += 1
    assert worker.due(ODOO)

    worker.judge(ODOO, CrmMisconfigured("There is no such field."))

    assert worker.pause(ODOO) is None


def test_probes_become_less_frequent(process, crm, worker, clock):
    fail(process(), crm)
    begin, probed = clock.now, []

    while clock.now < begin + 150:
        if worker.due(ODOO):
            probed.append(clock.now - begin)
            worker.judge(ODOO, AWAY)
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

    worker.judge(ODOO, CrmThrottled("Too many requests.", 90))

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
    assert isinstance(second().answer, CrmPaused)

    clock.now += FORSAKEN + 1
    crm.answer = NotFound()
    assert first().answer == NotFound()
    assert second().answer == NotFound()


def test_a_board_with_something_else_on_it_pauses_nothing(process, crm, board):
    for text in ("", "null", "[]", '{"since": 1}', '{"other": 1}'):
        board.texts[ODOO] = text

        assert process()().answer == FOUND


class TestFolder:
    @pytest.fixture
    def folder(self, tmp_path):
        return tmp_path / "breakers"

    def test_what_is_put_up_all_processes_see(self, folder):
        FolderBoard(folder).write(ODOO, "paused")

        assert FolderBoard(folder).read(ODOO) == "paused"
        assert FolderBoard(folder).read(ZOHO) is None
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700

    def test_what_is_taken_down_nobody_sees(self, folder):
        FolderBoard(folder).write(ODOO, "paused")

        FolderBoard(folder).wipe(ODOO)
        FolderBoard(folder).wipe(ODOO)

        assert FolderBoard(folder).read(ODOO) is None
        assert list(folder.iterdir()) == []

    def test_where_nothing_can_be_written_calls_go_on(self, folder, caplog):
        folder.write_text("a file where the folder should be")

        FolderBoard(folder).write(ODOO, "paused")

        assert FolderBoard(folder).read(ODOO) is None
        assert "It can't be noted that a CRM fails" in caplog.text


def test_what_one_machine_found_out_the_others_know(redis_url, clock, tmp_path):
    from tests.test_shared import shared_at

    def machine(name: str) -> Breakers:
        boards = [FolderBoard(tmp_path / name), SharedBoard(shared_at(redis_url))]
        return Breakers(boards, clock)

    one, other = machine("one"), machine("other")
    with pytest.raises(CrmThrottled), one.watching(ODOO):
        raise CrmThrottled("Too many requests.", 90)

    assert other.pause(ODOO) == Pause(100, 190, "Too many requests.")
    with pytest.raises(CrmPaused), other.watching(ODOO):
        pytest.fail("It was asked.")
    one.close(ODOO)
    assert other.pause(ODOO) is None
