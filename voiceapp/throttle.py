"""Slows down whoever guesses passwords: a few failures for each account and each address."""

import hashlib
import ipaddress
import threading
from collections.abc import Sequence
from functools import cached_property

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from voiceapp.crm.shared import NOTHING_SHARED, Shared
from voiceapp.people.emails import comparable

MINUTES = 15
PER_ACCOUNT = RateLimitItemPerMinute(10, MINUTES)
PER_ADDRESS = RateLimitItemPerMinute(50, MINUTES)

MOST_KEPT = 20_000
"""Counters in memory. Beyond it all are forgotten, which costs a guesser more than it brings."""


class Throttle:
    """Counts sign-ins that fail or are under way, so that nobody is slowed down by success.

    An account is counted alike whether it exists or not. Each process counts for itself, forgets
    a counter 15 minutes after it began, and keeps `most_kept` at most. With `shared` all count
    together as well: when that is away, each goes on with what it has counted itself.
    """

    def __init__(self, shared: Shared = NOTHING_SHARED, *, most_kept: int = MOST_KEPT) -> None:
        self._shared = shared
        self._most_kept = most_kept
        self._lock = threading.Lock()  # threads may trip over each other in limits' memory

    def take(self, email: str, address: str) -> bool:
        """Count an attempt and say whether it may be made; one that may not counts for nothing.

        To be asked before the password is looked at, which takes so long that many attempts would
        be under way before the first has failed.
        """
        keys = _keys(email, address)
        if not self._take_here(keys):
            return False
        counts = [self._count(limit, key, 1) for limit, key in keys]
        if all(count <= limit.amount for count, (limit, _) in zip(counts, keys, strict=True)):
            return True
        self.give_back(email, address)
        return False

    def give_back(self, email: str, address: str) -> None:
        """Take back the count of an attempt that did not fail."""
        keys = _keys(email, address)
        with self._lock:
            storage = self._memory
            for limit, key in keys:
                counter = limit.key_for(key)
                if storage.get(counter) > 1:
                    storage.incr(counter, limit.get_expiry(), amount=-1)
                else:  # forgotten meanwhile, or nothing but this attempt
                    storage.clear(counter)
        for limit, key in keys:
            self._count(limit, key, -1)

    def _take_here(self, keys: Sequence[tuple[RateLimitItem, str]]) -> bool:
        with self._lock:
            if not all(self._limiter.test(limit, key) for limit, key in keys):
                return False
            storage = self._memory
            if len(storage.expirations) >= self._most_kept:
                storage.reset()
            return all(self._limiter.hit(limit, key) for limit, key in keys)

    def _count(self, limit: RateLimitItem, key: str, amount: int) -> int:
        """Count together with the others; 0 where there are none, or nobody can say."""
        return self._shared.count(f"throttle:{key}", amount, limit.get_expiry()) or 0

    @cached_property
    def _memory(self) -> MemoryStorage:
        # made late: it starts a thread, and a server may fork after it made the application
        return MemoryStorage()

    @cached_property
    def _limiter(self) -> FixedWindowRateLimiter:
        return FixedWindowRateLimiter(self._memory)


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
