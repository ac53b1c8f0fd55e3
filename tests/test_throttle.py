"""The throttle: attempts are counted for each account and each address, within bounded memory."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from cryptography.fernet import Fernet

from voiceapp import throttle
from voiceapp.sharing.redis import RedisShared
from voiceapp.throttle import Throttle
from voiceapp.vault import Vault

KEY = Fernet.generate_key().decode()
ADA, ADDRESS = "ada@example.com", "192.0.2.1"


@pytest.fixture
def attempts() -> Throttle:
    return Throttle()


def test_an_account_is_closed_after_ten_failures_from_wherever(attempts):
    for one in range(10):
        assert attempts.take(ADA, f"192.0.2.{one}")

    assert not attempts.take(ADA, "198.51.100.1")
    assert attempts.take("sam@example.com", ADDRESS)


def test_an_address_is_closed_after_fifty_failures_with_whatever_account(attempts):
    for one in range(50):
        assert attempts.take(f"{one}@example.com", ADDRESS)

    assert not attempts.take(ADA, ADDRESS)
    assert attempts.take(ADA, "192.0.2.2")


def test_what_is_refused_is_not_counted(attempts):
    for _ in range(100):
        attempts.take(ADA, ADDRESS)

    assert attempts.take("sam@example.com", ADDRESS)


def test_success_is_not_counted(attempts):
    for _ in range(100):
        assert attempts.take(ADA, ADDRESS)
        attempts.give_back(ADA, ADDRESS)


def test_success_takes_nothing_from_the_failures_before_it(attempts):
    for _ in range(9):
        attempts.take(ADA, ADDRESS)

    assert attempts.take(ADA, ADDRESS)
    attempts.give_back(ADA, ADDRESS)

    assert [attempts.take(ADA, ADDRESS) for _ in range(2)] == [True, False]


def test_nobody_gets_more_attempts_by_giving_back_what_is_forgotten(attempts):
    attempts.give_back(ADA, ADDRESS)

    assert [attempts.take(ADA, ADDRESS) for _ in range(11)] == [True] * 10 + [False]


def test_of_forty_attempts_at_once_ten_may_be_made(attempts):
    start = Barrier(40)

    def attempt(_: int) -> bool:
        start.wait(10)
        return attempts.take(ADA, ADDRESS)

    with ThreadPoolExecutor(40) as threads:
        assert sum(threads.map(attempt, range(40))) == 10


def test_an_account_is_counted_however_it_is_spelled(attempts):
    for one in range(10):
        attempts.take([" Ada@Example.com", "ADA@EXAMPLE.COM "][one % 2], f"192.0.2.{one}")

    assert not attempts.take(ADA, "198.51.100.1")


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("", "", True),
        ("", "192.0.2.1", False),
    ],
)
def test_an_address_of_ipv6_is_counted_by_its_network(attempts, one, other, is_same):
    for number in range(50):
        attempts.take(f"{number}@example.com", one)

    assert attempts.take(ADA, other) is not is_same


@pytest.mark.parametrize("email", ["", "\0", "\ud800", "x" * 100_000])
def test_anything_typed_is_counted(attempts, email):
    for one in range(10):
        attempts.take(email, f"192.0.2.{one}")

    assert not attempts.take(email, "198.51.100.1")


def test_a_counter_is_forgotten_after_fifteen_minutes():
    assert {throttle.PER_ACCOUNT.get_expiry(), throttle.PER_ADDRESS.get_expiry()} == {15 * 60}


def test_all_is_forgotten_rather_than_more_kept_than_memory_is_for():
    attempts = Throttle(most_kept=100)
    for _ in range(10):
        attempts.take(ADA, ADDRESS)

    for one in range(49):
        attempts.take(f"{one}@example.com", f"10.0.0.{one}")
    assert not attempts.take(ADA, ADDRESS)

    attempts.take("one-more@example.com", "10.0.0.50")
    assert attempts.take(ADA, ADDRESS)


def test_making_one_starts_no_thread():
    before = threading.active_count()

    Throttle()

    assert threading.active_count() == before


@pytest.fixture
def shared(redis_url) -> Callable[[], Throttle]:
    """Make throttles of processes that have a Redis in common."""

    def shared() -> Throttle:
        return Throttle(RedisShared(redis_url, KEY, Vault([KEY])))

    return shared


def test_processes_count_together(shared):
    one, other = shared(), shared()

    taken = [[one, other][number % 2].take(ADA, f"192.0.2.{number}") for number in range(12)]

    assert taken == [True] * 10 + [False] * 2


def test_together_what_is_refused_or_given_back_is_not_counted(shared):
    one, other = shared(), shared()
    for _ in range(30):
        assert one.take(ADA, ADDRESS)
        one.give_back(ADA, ADDRESS)
    other.give_back(ADA, ADDRESS)  # forgotten meanwhile

    assert [other.take(ADA, ADDRESS) for _ in range(11)] == [True] * 10 + [False]
    for _ in range(60):
        assert not one.take(ADA, ADDRESS)
    assert one.take("sam@example.com", ADDRESS)


def test_of_forty_attempts_at_once_in_two_processes_ten_may_be_made(shared):
    processes, start = (shared(), shared()), Barrier(40)

    def attempt(number: int) -> bool:
        start.wait(10)
        return processes[number % 2].take(ADA, ADDRESS)

    with ThreadPoolExecutor(40) as threads:
        assert sum(threads.map(attempt, range(40))) == 10


def test_without_redis_each_goes_on_with_what_it_has_counted(shared, redis_server):
    one = shared()
    for _ in range(8):
        one.take(ADA, ADDRESS)
    redis_server.stop()
    try:
        began = time.monotonic()
        taken = [one.take(ADA, ADDRESS) for _ in range(4)]
        one.give_back(ADA, ADDRESS)

        assert taken == [True, True, False, False]
        assert time.monotonic() - began < 1
    finally:
        redis_server.start()


def test_redis_is_not_told_who_tries(shared, redis_server):
    shared().take(ADA, ADDRESS)

    keys = b" ".join(redis_server.keys())

    assert len(redis_server.keys()) == 2
    assert ADDRESS.encode() not in keys
    assert ADA.encode() not in keys
