"""Where it stands which CRMs are paused: one truth for all machines, as far as they can share."""

import os
import stat
import time
from collections.abc import Mapping, Sequence

import pytest
from redis import Redis

from tests.crm.crms import AWAY, ODOO, ZOHO, Clock, under_way
from tests.redis_server import RedisServer
from tests.test_shared import shared_at
from voiceapp.crm.boards import FolderBoard, SharedBoard
from voiceapp.crm.breaker import FAILURES, GLANCE, Breakers
from voiceapp.crm.contract import CrmPaused, CrmThrottled, CrmUnavailable
from voiceapp.crm.pause import Pause
from voiceapp.crm.shared import NothingShared

HOURS = 3600


class TestFolder:
    @pytest.fixture
    def folder(self, tmp_path):
        return tmp_path / "breakers"

    def test_what_is_put_up_all_processes_see(self, folder):
        FolderBoard(folder).write(ODOO, "paused")

        assert FolderBoard(folder).read(ODOO) == "paused"
        assert FolderBoard(folder).read(ZOHO) is None
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700

    def test_the_newest_counts(self, folder):
        FolderBoard(folder).write(ODOO, "paused")

        FolderBoard(folder).write(ODOO, "ended")

        assert FolderBoard(folder).read(ODOO) == "ended"
        assert [one.name for one in folder.iterdir()] == [ODOO]

    def test_what_can_not_be_written_is_known_to_who_put_it_up(self, folder, caplog):
        folder.write_text("a file where the folder should be")
        board = FolderBoard(folder)

        board.write(ODOO, "paused")
        board.write(ODOO, "probed")

        assert board.read(ODOO) == "probed"
        assert FolderBoard(folder).read(ODOO) is None
        assert len(caplog.messages) == 1
        assert "Other processes can't be told of a CRM" in caplog.text

    def test_what_can_be_written_again_all_see(self, folder):
        folder.write_text("a file where the folder should be")
        board = FolderBoard(folder)
        board.write(ODOO, "paused")
        folder.unlink()

        board.write(ODOO, "ended")
        FolderBoard(folder).write(ODOO, "paused")

        assert board.read(ODOO) == "paused"

    def test_a_damaged_file_says_nothing(self, folder):
        folder.mkdir()
        (folder / ODOO).write_bytes(b"\xff\xfe")

        assert FolderBoard(folder).read(ODOO) is None

    @pytest.mark.parametrize("left", [ODOO, f".{ODOO}.1234"])
    def test_what_is_hours_old_says_nothing_and_goes(self, folder, left):
        board = FolderBoard(folder)
        board.write(left, "paused")
        before = time.time() - 3 * HOURS
        os.utime(folder / left, (before, before))

        assert board.read(left) is None
        board.write(ZOHO, "paused")

        assert [one.name for one in folder.iterdir()] == [ZOHO]

    def test_what_stands_for_the_longest_pause_stays(self, folder):
        board = FolderBoard(folder)
        board.write(ODOO, "paused")
        before = time.time() - HOURS - 60
        os.utime(folder / ODOO, (before, before))

        board.write(ZOHO, "paused")

        assert board.read(ODOO) == "paused"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def machine(redis_url, clock, tmp_path):
    """Make processes of a machine that share through Redis, and have its folder besides."""

    def machine(name: str) -> Breakers:
        shared = SharedBoard(shared_at(redis_url, clock=clock))
        return Breakers([shared, FolderBoard(tmp_path / name)], clock)

    return machine


@pytest.fixture
def without_redis(redis_server: RedisServer):
    """A Redis that goes away now, and is empty when the test starts it again."""
    redis_server.stop()
    yield redis_server
    redis_server.stop()
    redis_server.start()


def fail(breakers: Breakers, times: int = FAILURES) -> None:
    for _ in range(times):
        with pytest.raises(CrmUnavailable), breakers.watching(ODOO, 3):
            raise AWAY


def is_asked(breakers: Breakers) -> bool:
    try:
        with breakers.watching(ODOO, 3):
            return True
    except CrmPaused:
        return False


class LazyShared(NothingShared):
    """Writes along with what is read next."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}
        self._unwritten: dict[str, str] = {}

    def write(self, texts: Mapping[str, str], seconds: float) -> None:
        self._unwritten.update(texts)

    def read(self, names: Sequence[str]) -> Sequence[str | None]:
        self.kept.update(self._unwritten)
        return [self.kept.get(name) for name in names]


def test_what_a_call_puts_up_does_not_wait_for_its_end():
    shared = LazyShared()

    SharedBoard(shared).write(ODOO, "paused")

    assert list(shared.kept.values()) == ["paused"]


def test_what_one_machine_found_out_the_others_know(machine, clock):
    one, other = machine("one"), machine("other")

    with pytest.raises(CrmThrottled), one.watching(ODOO, 3):
        raise CrmThrottled("Too many requests.", 90)

    assert other.pause(ODOO) == Pause(100, 190, "Too many requests.")
    assert not is_asked(other)


def test_a_machine_that_has_found_it_out_itself_learns_that_it_is_over(machine, clock):
    one, other = machine("one"), machine("other")
    fail(other, times=FAILURES - 1)
    with under_way(other, AWAY):
        fail(one)
    clock.now += 1
    assert one.due(ODOO)
    assert not other.due(ODOO)

    one.judge(ODOO, None, 3)
    clock.now += 2 * GLANCE

    assert is_asked(other)
    clock.now += 60
    assert not other.due(ODOO)
    assert is_asked(one)


def test_the_pause_that_a_crm_asked_for_holds_for_a_machine_that_had_one_before(machine, clock):
    one, other = machine("one"), machine("other")
    with under_way(other, CrmThrottled("Too many requests.", 600)):
        fail(one)

    clock.now += 599
    assert (one.due(ODOO), other.due(ODOO)) == (None, None)
    clock.now += 1
    assert one.due(ODOO)


def test_a_redis_that_goes_away_leaves_a_machine_what_it_found_out(
    machine, clock, redis_server, request
):
    one, other = machine("one"), machine("other")
    fail(one)
    request.getfixturevalue("without_redis")
    clock.now += 2 * GLANCE

    assert not is_asked(one)
    assert not is_asked(machine("one"))
    assert is_asked(other)
    fail(other)
    assert not is_asked(machine("other"))


def test_a_redis_that_returns_empty_learns_what_a_machine_finds_out(machine, clock, without_redis):
    one, other = machine("one"), machine("other")
    fail(one)
    assert is_asked(other)
    without_redis.start()
    clock.now += 2

    assert not is_asked(one)
    assert one.due(ODOO)
    one.judge(ODOO, AWAY, 3)
    assert not is_asked(other)

    clock.now += 2
    assert other.due(ODOO)
    other.judge(ODOO, None, 3)
    clock.now += 2 * GLANCE
    assert is_asked(one)


def test_what_ended_while_redis_was_away_is_forgotten_with_the_next_probe(
    machine, clock, redis_server, request
):
    one, other = machine("one"), machine("other")
    fail(other)
    with Redis.from_url(redis_server.url) as client:
        kept = {key: client.dump(key) for key in client.scan_iter()}
    redis = request.getfixturevalue("without_redis")
    clock.now += 2 * GLANCE
    fail(one)
    one.judge(ODOO, None, 3)
    assert is_asked(one)
    redis.start()
    with Redis.from_url(redis.url) as client:
        for key, value in kept.items():
            client.restore(key, 60_000, value)
    clock.now += 2

    assert not is_asked(one)
    assert one.due(ODOO)
    one.judge(ODOO, None, 3)
    assert is_asked(one)
