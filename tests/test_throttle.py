"""The throttle: failures are counted for each account and each address, within bounded memory."""

import threading

import pytest

from voiceapp import throttle
from voiceapp.throttle import Throttle

ADA, ADDRESS = "ada@example.com", "192.0.2.1"


@pytest.fixture
def attempts() -> Throttle:
    return Throttle()


def test_an_account_is_closed_after_ten_failures_from_wherever(attempts):
    for one in range(10):
        assert attempts.is_open(ADA, ADDRESS)
        attempts.failed(ADA, f"192.0.2.{one}")

    assert not attempts.is_open(ADA, "198.51.100.1")
    assert attempts.is_open("sam@example.com", ADDRESS)


def test_an_address_is_closed_after_fifty_failures_with_whatever_account(attempts):
    for one in range(50):
        assert attempts.is_open(ADA, ADDRESS)
        attempts.failed(f"{one}@example.com", ADDRESS)

    assert not attempts.is_open(ADA, ADDRESS)
    assert attempts.is_open(ADA, "192.0.2.2")


def test_asking_is_not_counted(attempts):
    for _ in range(100):
        assert attempts.is_open(ADA, ADDRESS)


def test_an_account_is_counted_however_it_is_spelled(attempts):
    for one in range(10):
        attempts.failed([" Ada@Example.com", "ADA@EXAMPLE.COM "][one % 2], f"192.0.2.{one}")

    assert not attempts.is_open(ADA, "198.51.100.1")


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
        attempts.failed(f"{number}@example.com", one)

    assert attempts.is_open(ADA, other) is not is_same


@pytest.mark.parametrize("email", ["", "\0", "\ud800", "x" * 100_000])
def test_anything_typed_is_counted(attempts, email):
    for one in range(10):
        attempts.failed(email, f"192.0.2.{one}")

    assert not attempts.is_open(email, "198.51.100.1")


def test_a_counter_is_forgotten_after_fifteen_minutes():
    assert {throttle.PER_ACCOUNT.get_expiry(), throttle.PER_ADDRESS.get_expiry()} == {15 * 60}


def test_all_is_forgotten_rather_than_more_kept_than_memory_is_for():
    attempts = Throttle(most_kept=100)
    for _ in range(10):
        attempts.failed(ADA, ADDRESS)

    for one in range(49):
        attempts.failed(f"{one}@example.com", f"10.0.0.{one}")
    assert not attempts.is_open(ADA, ADDRESS)

    attempts.failed("one-more@example.com", "10.0.0.50")
    assert attempts.is_open(ADA, ADDRESS)


def test_making_one_starts_no_thread():
    before = threading.active_count()

    Throttle()

    assert threading.active_count() == before
