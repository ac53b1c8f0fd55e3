"""What is shared through a real Redis: sealed, short-lived, and never in the way."""

import logging
import time

import pytest
from cryptography.fernet import Fernet
from redis import Redis

from tests.redis_server import RedisServer
from voiceapp.crm.shared import NOTHING_SHARED, Shared
from voiceapp.sharing.redis import RedisShared
from voiceapp.vault import Vault

KEY, OTHER = Fernet.generate_key().decode(), Fernet.generate_key().decode()


def shared_at(url: str, *keys: str, **arguments: object) -> RedisShared:
    keys = keys or (KEY,)
    return RedisShared(url, keys[0], Vault(keys), **arguments)  # type: ignore[arg-type]


def claims(shared: Shared, seconds: float) -> bool:
    """Take the probe on, if nobody has."""
    is_mine, _ = shared.claim("probe", seconds, ["probed"])
    return is_mine


def test_what_one_writes_another_reads(redis_url):
    shared_at(redis_url).write({"Ada": "Gold", "Sam": "Silver"}, 60)

    assert shared_at(redis_url).read(["Sam", "Bea", "Ada"]) == ["Silver", None, "Gold"]


def test_texts_of_all_sorts_come_back_as_they_were(redis_url):
    texts = {"a": "", "b": "grün \x00 \ud800", "c": "x" * 100_000}
    shared = shared_at(redis_url)

    shared.write(texts, 60)

    assert shared.read(list(texts)) == list(texts.values())


def test_whoever_reads_the_redis_learns_nothing(redis_url, redis_server):
    shared_at(redis_url).write({"+12025550101": "Ada Gold"}, 60)

    with Redis.from_url(redis_url) as client:
        kept = b" ".join([*redis_server.keys(), *client.mget(redis_server.keys())])
    assert len(redis_server.keys()) == 1
    assert b"2025550101" not in kept
    assert b"Gold" not in kept


def test_what_was_sealed_with_another_key_is_not_known(redis_url):
    shared_at(redis_url).write({"Ada": "Gold"}, 60)
    with Redis.from_url(redis_url) as client:
        (key,) = client.scan_iter()
        client.set(key, Vault([OTHER]).seal_text("Silver"))

    assert shared_at(redis_url).read(["Ada"]) == [None]
    assert shared_at(redis_url, OTHER).read(["Ada"]) == [None]


def test_what_is_kept_ends(redis_url):
    shared = shared_at(redis_url)

    shared.write({"Ada": "Gold"}, 0.05)
    time.sleep(0.1)

    assert shared.read(["Ada"]) == [None]


def test_one_takes_something_on_until_it_ends_or_is_let_go_of(redis_url):
    first, second = shared_at(redis_url), shared_at(redis_url)

    assert claims(first, 60)
    assert not claims(second, 60)
    first.let_go("probe")
    assert claims(second, 0.05)
    time.sleep(0.1)
    assert claims(first, 60)


def test_a_claim_that_ran_out_and_is_another_ones_by_now_is_not_let_go_of(redis_url):
    late, second, third = (shared_at(redis_url) for _ in range(3))
    claims(late, 0.05)
    time.sleep(0.1)
    assert claims(second, 60)

    late.let_go("probe")

    assert not claims(third, 60)


def test_who_claims_learns_in_the_same_step_what_is_known(redis_url):
    first, second = shared_at(redis_url), shared_at(redis_url)
    first.claim("probe", 60, ["Ada"])
    first.write({"Ada": "Gold"}, 60)

    assert second.claim("probe", 60, ["Sam", "Ada"]) == (False, [None, "Gold"])


def test_in_a_visit_what_is_written_goes_along_with_what_is_read_next_or_at_the_end(redis_url):
    shared, other = shared_at(redis_url), shared_at(redis_url)
    seen = []

    with shared.visit():
        shared.write({"Ada": "Gold"}, 60)
        seen.append(other.read(["Ada"]))
        seen.append(shared.read(["Ada"]))
        shared.write({"Sam": "Silver"}, 60)
        seen.append(other.read(["Sam"]))
    seen.append(other.read(["Sam"]))

    assert seen == [[None], ["Gold"], [None], ["Silver"]]


def test_what_was_written_in_a_visit_that_fails_is_kept_all_the_same(redis_url):
    shared = shared_at(redis_url)

    def fail() -> None:
        with shared.visit():
            shared.write({"Ada": "Gold"}, 60)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert shared.read(["Ada"]) == ["Gold"]
    shared.write({"Sam": "Silver"}, 60)  # the visit is over
    assert shared_at(redis_url).read(["Sam"]) == ["Silver"]


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def stopped(redis_server: RedisServer, redis_url: str):
    redis_server.stop()
    yield redis_url
    redis_server.stop()
    redis_server.start()


def test_without_redis_nothing_is_known_and_everybody_may(stopped):
    shared = shared_at(stopped)

    shared.write({"Ada": "Gold"}, 60)

    assert shared.read(["Ada", "Sam"]) == [None, None]
    assert claims(shared, 60)
    assert shared.is_away


def test_redis_is_left_alone_for_a_while_that_grows(stopped, redis_server, caplog):
    caplog.set_level(logging.INFO, "voiceapp.sharing.absence")
    clock = Clock()
    shared = shared_at(stopped, clock=clock)
    shared.read(["Ada"])
    clock.now += 1
    shared.read(["Ada"])
    redis_server.start()

    clock.now += 1.9
    shared.write({"Ada": "Gold"}, 60)
    assert shared.is_away
    assert redis_server.keys() == []

    clock.now += 0.1
    shared.write({"Ada": "Gold"}, 60)
    assert not shared.is_away
    assert shared.read(["Ada"]) == ["Gold"]
    assert [record.message for record in caplog.records] == [
        "Redis is away; nothing is shared: ConnectionError",
        "Redis is back",
    ]


def test_alone_nothing_is_known_and_everybody_may():
    NOTHING_SHARED.write({"Ada": "Gold"}, 60)

    assert list(NOTHING_SHARED.read(["Ada"])) == [None]
    assert claims(NOTHING_SHARED, 60)
    assert claims(NOTHING_SHARED, 60)
