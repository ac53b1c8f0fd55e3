"""However slow a Redis is, or its name: a caller waits shortly, and the next ones don't."""

import logging
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import trustme
from cryptography.fernet import Fernet

from tests.crm.conftest import Clock
from tests.server.tls_proxy import tls_proxy
from tests.slow_redis import SlowRoad
from voiceapp.sharing.redis import PATIENCE, RedisShared
from voiceapp.vault import Vault

KEY = Fernet.generate_key().decode()
MANY = 20
SILENT = 60.0


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def shared(road: SlowRoad, clock: Clock) -> RedisShared:
    """What is shared on that road, with a connection that stands."""
    shared = RedisShared(road.url, KEY, Vault([KEY]), clock=clock)
    shared.write({"Ada": "Gold" * 1000}, 60)
    assert not shared.is_away
    return shared


def seconds(act: Callable[[], object]) -> float:
    began = time.monotonic()
    act()
    return time.monotonic() - began


def many_read(shared: RedisShared) -> None:
    """Let many callers read at the same moment."""
    together = threading.Barrier(MANY)

    def read(_: int) -> None:
        together.wait()
        assert shared.read(["Ada"]) == [None]

    with ThreadPoolExecutor(MANY) as pool:
        list(pool.map(read, range(MANY)))


def test_a_silent_redis_keeps_a_caller_waiting_shortly(shared, road):
    road.delay = SILENT

    waited = seconds(lambda: shared.read(["Ada"]))

    assert PATIENCE <= waited < SILENT / 20
    assert shared.is_away


def test_an_answer_that_comes_piece_by_piece_is_not_waited_for_any_longer(shared, road):
    road.delay, road.size = PATIENCE / 4, 50  # more than a hundred pieces, each in time

    assert seconds(lambda: shared.read(["Ada"])) < PATIENCE * 10
    assert shared.is_away


def test_a_visit_waits_no_longer_in_all_than_one_step_may(shared, road):
    road.delay = PATIENCE / 2.5

    def visit() -> None:
        with shared.visit():
            for _ in range(MANY):
                shared.claim("probe", 60, ["Ada"])
                shared.write({"Ada": "Gold"}, 60)

    assert seconds(visit) < PATIENCE * 4
    assert shared.is_away


def test_each_visit_has_a_patience_of_its_own(shared, road):
    road.delay = PATIENCE / 2.5

    for _ in range(4):
        with shared.visit():
            assert shared.read(["Sam"]) == [None]

    assert not shared.is_away


def test_of_many_that_come_after_the_pause_one_tries(shared, road, clock):
    road.delay = SILENT
    shared.read(["Ada"])

    for pause in (1, 2, 4):
        clock.ahead += pause
        before = road.callers
        many_read(shared)
        assert road.callers - before == 1


def test_one_that_is_slow_is_left_alone_until_it_is_quick_again(shared, road, clock, caplog):
    caplog.set_level(logging.INFO, "voiceapp.sharing.absence")
    road.delay = SILENT
    shared.read(["Ada"])

    road.delay = PATIENCE / 2.5
    clock.ahead += 1
    shared.read(["Ada"])
    assert shared.is_away

    road.delay = 0
    clock.ahead += 2
    shared.read(["Ada"])
    assert not shared.is_away
    assert shared.read(["Ada"]) == ["Gold" * 1000]
    assert caplog.messages == [
        "Redis is away; nothing is shared: TimeoutError",
        "Redis is back",
    ]


def test_a_name_that_resolves_slowly_keeps_a_caller_waiting_shortly():
    may_resolve = threading.Event()
    names = []

    def resolve(host: str, port: int) -> list[str]:
        names.append(host)
        may_resolve.wait(60)
        return []

    shared = RedisShared("redis://redis.internal:6379/0", KEY, Vault([KEY]), resolve=resolve)

    assert seconds(lambda: shared.read(["Ada"])) < SILENT / 20
    assert not may_resolve.is_set()
    assert shared.is_away
    assert names == ["redis.internal"]
    may_resolve.set()


def test_a_redis_is_found_by_its_name_at_whichever_address_answers(road):
    def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.2", "127.0.0.1"]  # the road begins at the second alone

    url = f"redis://redis.internal:{road.port}/0"
    shared = RedisShared(url, KEY, Vault([KEY]), resolve=resolve)

    shared.write({"Ada": "Gold"}, 60)

    assert shared.read(["Ada"]) == ["Gold"]


def test_a_socket_file_at_which_nobody_answers_is_a_redis_that_is_away(tmp_path):
    with socket.socket(socket.AF_UNIX) as full:
        full.bind(str(tmp_path / "r"))
        full.listen(0)
        with socket.socket(socket.AF_UNIX) as first:
            first.connect(str(tmp_path / "r"))
            shared = RedisShared(f"unix://{tmp_path}/r", KEY, Vault([KEY]))

            assert seconds(lambda: shared.read(["Ada"])) < SILENT / 20

    assert shared.is_away


@pytest.mark.parametrize(("name", "is_trusted"), [("redis.internal", True), ("localhost", False)])
def test_over_tls_its_certificate_is_for_its_name(road, tmp_path, name, is_trusted):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with tls_proxy(authority.issue_cert(name)) as proxy:
        proxy.upstream = road.port
        port = proxy.base.rpartition(":")[2]
        url = f"rediss://redis.internal:{port}/0?ssl_ca_certs={tmp_path}/ca.pem"
        shared = RedisShared(url, KEY, Vault([KEY]), resolve=lambda *_: ["127.0.0.1"])

        shared.write({"Ada": "Gold"}, 60)
        read = shared.read(["Ada"])

        assert read == (["Gold"] if is_trusted else [None])
        assert shared.is_away is not is_trusted
        road.delay = SILENT
        assert seconds(lambda: shared.read(["Ada"])) < SILENT / 20


@pytest.mark.parametrize("resolve", [lambda *_: [], lambda *_: ["127.0.0.2"]])
def test_a_name_that_leads_nowhere_is_a_redis_that_is_away(resolve):
    shared = RedisShared("redis://redis.internal:1/0", KEY, Vault([KEY]), resolve=resolve)

    assert shared.read(["Ada"]) == [None]
    assert shared.is_away
