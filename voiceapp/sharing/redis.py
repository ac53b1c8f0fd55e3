"""What processes and machines share through Redis: short-lived, sealed, and never in the way."""

import hashlib
import hmac
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

from redis import Redis, RedisError

from voiceapp.crm.resolver import Resolve, system_resolve
from voiceapp.sharing.absence import Absence, Turn
from voiceapp.sharing.timely import timely_pool
from voiceapp.vault import Sealed, Vault

PATIENCE = 0.2
"""Seconds that Redis may keep a caller waiting: in a visit for all steps, else for each."""

_LET_GO = "return redis.call('get', KEYS[1]) == ARGV[1] and redis.call('del', KEYS[1])"
_COUNT = """
redis.call('set', KEYS[1], 0, 'px', ARGV[2], 'nx')
local number = redis.call('incrby', KEYS[1], ARGV[1])
if number < 1 then redis.call('del', KEYS[1]) end
return number
"""

_Command: TypeAlias = tuple[str | bytes | int, ...]


class _Caller(threading.local):
    """Whom a thread keeps waiting: for how long yet, and what is still to be written."""

    def __init__(self) -> None:
        self.is_visiting = False
        self.left = PATIENCE
        self.until = 0.0
        self.unwritten: list[_Command] = []


class RedisShared:
    """Shares through the Redis at `url` (`redis://…`, `rediss://…`); see `crm.shared.Shared`.

    Whoever can read the Redis learns nothing: names are hashed with `key`, texts are sealed by
    the vault. A Redis that fails, or is too slow for a visit, is left alone for a while that grows
    to half a minute; then one caller tries it, and the others go on without until it was quick.
    """

    def __init__(
        self,
        url: str,
        key: str,
        vault: Vault,
        *,
        resolve: Resolve = system_resolve,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._key = key.encode()
        self._vault = vault
        self._clock = clock
        self._absence = Absence(clock)
        # of the caller and not of this object: in a circle of references its sockets would be
        # collected before those who close them
        self._caller = caller = _Caller()
        pool = timely_pool(url, lambda: caller.until - clock(), PATIENCE, resolve)
        self._redis = Redis(connection_pool=pool)
        self._name = secrets.token_hex(8)

    @property
    def is_away(self) -> bool:
        """Say whether Redis is left alone."""
        return self._absence.is_away

    @contextmanager
    def visit(self) -> Iterator[None]:
        """Wait no longer in sum than for one step, and write together."""
        caller = self._caller
        caller.is_visiting, caller.left = True, PATIENCE
        try:
            yield
        finally:
            caller.is_visiting = False
            if caller.unwritten:
                self._do()
            caller.left = PATIENCE

    def read(self, names: Sequence[str]) -> Sequence[str | None]:
        """Return what is kept under each name; None for nothing, and for what can't be opened."""
        replies = self._do(("MGET", *map(self._hashed, names)))
        return [None] * len(names) if replies is None else self._texts(replies[0])

    def claim(
        self, name: str, seconds: float, names: Sequence[str]
    ) -> tuple[bool, Sequence[str | None]]:
        """Take something on, and read. Without Redis everybody may."""
        take: _Command = (
            *("SET", self._hashed(name), self._myself()),
            *("PX", _milliseconds(seconds), "NX"),
        )
        replies = self._do(take, ("MGET", *map(self._hashed, names)))
        if replies is None:
            return True, [None] * len(names)
        return bool(replies[0]), self._texts(replies[1])

    def write(self, texts: Mapping[str, str], seconds: float) -> None:
        """Keep texts under their names."""
        self._write(
            ("SET", self._hashed(name), self._vault.seal_text(text), "PX", _milliseconds(seconds))
            for name, text in texts.items()
        )

    def let_go(self, name: str) -> None:
        """Let go of what was claimed here, unless the claim has run out and is another's."""
        self._write([("EVAL", _LET_GO, 1, self._hashed(name), self._myself())])

    def count(self, name: str, amount: int, seconds: float) -> int | None:
        """Add to a number that is forgotten so many seconds after it began; return what it is.

        A number below 1 is forgotten at once. Without Redis there is none.
        """
        counted = ("EVAL", _COUNT, 1, self._hashed(name), amount, _milliseconds(seconds))
        replies = self._do(counted)
        return None if replies is None else int(replies[0])

    def _write(self, commands: Iterable[_Command]) -> None:
        """Do what nobody waits for: in a visit along with what comes next, or at its end."""
        if self._caller.is_visiting:
            self._caller.unwritten += commands
        else:
            self._do(*commands)

    def _do(self, *commands: _Command) -> list[Any] | None:
        """Return what Redis says to commands, after what is still to be written; None without."""
        caller = self._caller
        unwritten, caller.unwritten = caller.unwritten, []
        if caller.left <= 0 or (turn := self._absence.turn()) is Turn.LEAVE:
            return None
        began = self._clock()
        caller.until = began + caller.left
        try:
            replies = self._replies([*unwritten, *commands])
        except (RedisError, OSError) as error:
            self._absence.began(error)
            return None
        finally:
            took = self._clock() - began
            if caller.is_visiting:
                caller.left -= took
        if turn is Turn.TRY:
            self._absence.was_tried(took)
        return replies[len(unwritten) :]

    def _replies(self, commands: Sequence[_Command]) -> list[Any]:
        pipeline = self._redis.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command)
        return pipeline.execute()

    def _myself(self) -> str:
        return f"{self._name} {os.getpid()}"

    def _hashed(self, name: str) -> str:
        digest = hmac.new(self._key, name.encode("utf-8", "surrogatepass"), hashlib.sha256)
        return f"voiceapp:{digest.hexdigest()}"

    def _texts(self, kept: Sequence[bytes | str | None]) -> Sequence[str | None]:
        return [self._opened(one) for one in kept]

    def _opened(self, kept: bytes | str | None) -> str | None:
        if not kept:
            return None
        try:
            return self._vault.open_text(
                kept.decode("ascii", "replace") if isinstance(kept, bytes) else kept
            )
        except Sealed:
            return None


def _milliseconds(seconds: float) -> int:
    return max(int(seconds * 1000), 1)
