"""Slows down whoever guesses passwords: a few failures for each account and each address."""

import hashlib
import ipaddress
import threading
from functools import cached_property

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage, storage_from_string
from limits.strategies import FixedWindowRateLimiter

from voiceapp.people.emails import comparable

MINUTES = 15
PER_ACCOUNT = RateLimitItemPerMinute(10, MINUTES)
PER_ADDRESS = RateLimitItemPerMinute(50, MINUTES)

MOST_KEPT = 20_000
"""Counters in memory. Beyond it all are forgotten, which costs a guesser more than it brings."""


class Throttle:
    """Counts sign-ins that fail or are under way, so that nobody is slowed down by success.

    An account is counted alike whether it exists or not. Within memory (`memory://`) each process
    counts for itself, forgets a counter 15 minutes after it began, and keeps `most_kept` at most.
    """

    def __init__(self, storage_uri: str = "memory://", *, most_kept: int = MOST_KEPT) -> None:
        self._storage_uri = storage_uri
        self._most_kept = most_kept
        self._lock = threading.Lock()  # threads may trip over each other in limits' memory

    def take(self, email: str, address: str) -> bool:
        """Count an attempt and say whether it may be made; one that may not counts for nothing.

        To be asked before the password is looked at, which takes so long that many attempts would
        be under way before the first has failed.
        """
        keys = _keys(email, address)
        with self._lock:
            if not all(self._limiter.test(limit, key) for limit, key in keys):
                return False
            storage = self._limiter.storage
            if isinstance(storage, MemoryStorage) and len(storage.expirations) >= self._most_kept:
                storage.reset()
            return all(self._limiter.hit(limit, key) for limit, key in keys)

    def give_back(self, email: str, address: str) -> None:
        """Take back the count of an attempt that did not fail."""
        with self._lock:
            storage = self._limiter.storage
            for limit, key in _keys(email, address):
                counter = limit.key_for(key)
                if storage.get(counter) > 1:
                    storage.incr(counter, limit.get_expiry(), amount=-1)
                else:  # forgotten meanwhile, or nothing but this attempt
                    storage.clear(counter)

    @cached_property
    def _limiter(self) -> FixedWindowRateLimiter:
        # made late: its memory starts a thread, and a server may fork after it made the application
        return FixedWindowRateLimiter(storage_from_string(self._storage_uri))


def _keys(email: str, address: str) -> tuple[tuple[RateLimitItem, str], ...]:
    account = hashlib.sha256(comparable(email).encode(errors="replace")).hexdigest()
    return (PER_ACCOUNT, f"account:{account}"), (PER_ADDRESS, f"address:{_network(address)}")


def _network(address: str) -> str:
    """Return what one guesser has at hand: an IPv4 address, or the /64 of an IPv6 one.

    >>> _network("192.0.2.1"), _network("::ffff:192.0.2.1"), _network("2001:db8::1:2:3:4")
    ('192.0.2.1', '192.0.2.1', '2001:db8::/64')
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address  # a server behind a socket file knows none
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((int(parsed), 64), strict=False))
