"""What processes and machines share through Redis: short-lived, sealed, and never in the way."""

import hashlib
import hmac
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from voiceapp.vault import Sealed, Vault

_PATIENCE = 0.2
"""Seconds that one step may take: a caller waits meanwhile."""
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0

log = logging.getLogger(__name__)

T = TypeVar("T")


class RedisShared:
    """Shares through the Redis at `url` (`redis://…`, `rediss://…`); see `crm.shared.Shared`.

    Whoever can read the Redis learns nothing: names are hashed with `key`, texts are sealed by
    the vault. After a failure Redis is left alone for a while that grows to half a minute, so
    that of many calls only one waits.
    """

    def __init__(
        self, url: str, key: str, vault: Vault, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._redis = Redis.from_url(
            url,
            socket_timeout=_PATIENCE,
            socket_connect_timeout=_PATIENCE,
            retry=Retry(NoBackoff(), 0),
        )
        self._key = key.encode()
        self._vault = vault
        self._clock = clock
        self._lock = threading.Lock()
        self._away_until = 0.0
        self._pause = 0.0

    @property
    def is_away(self) -> bool:
        """Say whether the last that was asked of Redis failed."""
        return self._pause > 0

    def read(self, names: Sequence[str]) -> Sequence[str | None]:
        """Return what is kept under each name; None for nothing, and for what can't be opened."""
        keys = [self._hashed(name) for name in names]
        nothing: list[bytes | str | None] = [None] * len(keys)
        kept = self._try(lambda: self._redis.mget(keys), otherwise=nothing)
        return [self._opened(one) for one in kept]

    def write(self, texts: Mapping[str, str], seconds: float) -> None:
        """Keep texts under their names."""
        milliseconds = max(int(seconds * 1000), 1)

        def write() -> None:
            pipeline = self._redis.pipeline(transaction=False)
            for name, text in texts.items():
                pipeline.set(self._hashed(name), self._vault.seal_text(text), px=milliseconds)
            pipeline.execute()

        self._try(write, otherwise=None)

    def claim(self, name: str, seconds: float) -> bool:
        """Take something on; False while another has done so. Without Redis everybody may."""
        milliseconds = max(int(seconds * 1000), 1)
        return self._try(
            lambda: bool(self._redis.set(self._hashed(name), b"", px=milliseconds, nx=True)),
            otherwise=True,
        )

    def forget(self, *names: str) -> None:
        """Let go of what is kept, or was claimed, under names."""
        self._try(lambda: self._redis.delete(*map(self._hashed, names)), otherwise=0)

    def count(self, name: str, amount: int, seconds: float) -> int | None:
        """Add to a number that is forgotten so many seconds after it began; return what it is.

        A number below 1 is forgotten at once. Without Redis there is none.
        """
        key, milliseconds = self._hashed(name), max(int(seconds * 1000), 1)

        def add() -> int:
            pipeline = self._redis.pipeline()
            pipeline.set(key, 0, px=milliseconds, nx=True)
            pipeline.incrby(key, amount)
            number = int(pipeline.execute()[1])
            if number < 1:
                self._redis.delete(key)
            return number

        nothing: int | None = None
        return self._try(add, otherwise=nothing)

    def _try(self, step: Callable[[], T], *, otherwise: T) -> T:
        if self._clock() < self._away_until:
            return otherwise
        try:
            result = step()
        except (RedisError, OSError) as error:
            self._note_trouble(error)
            return otherwise
        if self._pause:
            self._note_return()
        return result

    def _note_trouble(self, error: Exception) -> None:
        with self._lock:
            if self._clock() < self._away_until:
                return  # another thread has met the same trouble
            if not self._pause:
                log.warning("Redis is away; nothing is shared: %s", type(error).__name__)
            self._pause = min(max(self._pause * 2, _FIRST_PAUSE), _LONGEST_PAUSE)
            self._away_until = self._clock() + self._pause

    def _note_return(self) -> None:
        with self._lock:
            if self._pause:
                log.warning("Redis is back")
            self._pause = self._away_until = 0.0

    def _hashed(self, name: str) -> str:
        digest = hmac.new(self._key, name.encode("utf-8", "surrogatepass"), hashlib.sha256)
        return f"voiceapp:{digest.hexdigest()}"

    def _opened(self, kept: bytes | str | None) -> str | None:
        if not kept:
            return None
        try:
            return self._vault.open_text(
                kept.decode("ascii", "replace") if isinstance(kept, bytes) else kept
            )
        except Sealed:
            return None
