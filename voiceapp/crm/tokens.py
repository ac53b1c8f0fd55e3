"""Tokens that a CRM gives for some time: fetched once, held, renewed before they end."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from copy import copy
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from voiceapp.crm.contract import (
    CrmCredentialsRefused,
    CrmError,
    CrmOutOfTime,
    CrmRefused,
    CrmThrottled,
    CrmUnavailable,
)
from voiceapp.crm.deadline import Deadline

SPARE = 30.0
"""Seconds before its end from which a token is not trusted any more."""
FRESH = 60.0
"""Seconds for which a token counts as new: one that is refused then is no better fetched again."""
_LONGEST_LIFE = 30 * 86_400.0
_POLL = 0.1
_TO_KEEP = 1.0
"""Seconds that a claim outlasts its deadline: what came at the last moment has yet to be kept."""
_NEWEST_UNKNOWN = (
    "The CRM was not signed in to: its newest token can't be read now, and it locks out whoever "
    "uses an older one."
)
_LOOK_AT_DATABASE = "Look whether the database of voiceapp is up, then try again."
_REFUSED_PAUSE, _TROUBLE_PAUSE = 60.0, 2.0
_LONGEST_REFUSED_PAUSE = 3600.0


@dataclass(frozen=True, slots=True)
class Token:
    """What a CRM gave to be asked with; times in seconds since 1970.

    `extra` is what came with it: a token to refresh it by, an address to ask at.
    """

    value: str = field(repr=False)
    fetched_at: float
    expires_at: float
    extra: Mapping[str, str] = field(default_factory=dict, repr=False)

    def holds(self, now: float) -> bool:
        """Say whether the token can be used now."""
        return self.expires_at - now > SPARE

    def is_young(self, now: float) -> bool:
        """Say whether more than a quarter of the token's life is left."""
        return self.expires_at - now > max(SPARE, (self.expires_at - self.fetched_at) / 4)


Fetch: TypeAlias = Callable[[Token | None, Deadline], Token]
"""Gets a new token from the CRM, given the one before if there is one. Raises `CrmError`."""


class StoreAway(Exception):
    """What is shared with other processes can't be reached now."""


Claim: TypeAlias = float
"""What somebody has taken on to fetch a token: until when. No two of one token are the same."""


class TokenStore(Protocol):
    """Keeps the token of one integration for all processes.

    All methods raise StoreAway, at the latest when the deadline passes.
    """

    def read(self, deadline: Deadline) -> Token | None:
        """Return the token that was kept last."""
        ...

    def claim(self, seconds: float, deadline: Deadline) -> Claim | None:
        """Take it on to fetch a token within some seconds; None while another does."""
        ...

    def keep(self, token: Token | None, claim: Claim, deadline: Deadline) -> None:
        """Keep a token that was fetched, or none, and let go of the claim.

        A claim that has run out takes nothing from whoever has claimed meanwhile: neither the
        claim nor a token that was fetched later.
        """
        ...


class NoStore:
    """Shares nothing."""

    def read(self, deadline: Deadline) -> Token | None:
        """Know none."""
        return None

    def claim(self, seconds: float, deadline: Deadline) -> Claim | None:
        """Let everybody fetch."""
        return 0.0

    def keep(self, token: Token | None, claim: Claim, deadline: Deadline) -> None:
        """Forget it."""


_NO_STORE = NoStore()


class Tokens:
    """Holds the token of one integration; safe to share between threads.

    One thread of one process fetches; the others wait for it, each no longer than its deadline.
    What went wrong is remembered for a while, so that not every call meets it anew.
    """

    def __init__(
        self, store: TokenStore = _NO_STORE, clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._clock = clock
        self._fetches_alone = True
        self._token: Token | None = None
        self._lock = threading.Lock()
        self._trouble: tuple[CrmError, float] | None = None
        self._refusals = 0

    def never_alone(self) -> "Tokens":
        """Fetch nothing while it can't be known what others have fetched; return itself."""
        self._fetches_alone = False
        return self

    def current(self, fetch: Fetch, deadline: Deadline) -> Token:
        """Return the token, fetched now unless there is one. Raises what `fetch` raises."""
        return self._found(lambda token: token.holds(self._clock()), fetch, deadline)

    def kept_young(self, fetch: Fetch, deadline: Deadline) -> Token:
        """Return the token, fetched now if its end is near. Raises what `fetch` raises."""
        return self._found(lambda token: token.is_young(self._clock()), fetch, deadline)

    def renewed(self, refused: Token, fetch: Fetch, deadline: Deadline) -> Token:
        """Return a token in the place of one that the CRM refused.

        Raises `CrmCredentialsRefused` if that one was fresh, and what `fetch` raises.
        """

        def fetch_once(before: Token | None, until: Deadline) -> Token:
            if self._clock() - refused.fetched_at < FRESH:
                raise CrmCredentialsRefused("The CRM gave a token and then did not accept it.")
            return fetch(before, until)

        return self._found(
            lambda token: token.value != refused.value and token.holds(self._clock()),
            fetch_once,
            deadline,
        )

    def _found(self, will_do: Callable[[Token], bool], fetch: Fetch, deadline: Deadline) -> Token:
        token = self._token
        if token is not None and will_do(token):
            return token
        with self._alone(deadline):
            if self._token is None or not will_do(self._token):
                self._token = self._shared(will_do, fetch, deadline)
            return self._token

    def _shared(self, will_do: Callable[[Token], bool], fetch: Fetch, deadline: Deadline) -> Token:
        """Return the token that another process got meanwhile, or get one for all."""
        try:
            got = self._kept_or_claimed(will_do, deadline)
        except StoreAway as away:
            self._raise_known_trouble()
            if not self._fetches_alone:
                raise CrmUnavailable(_NEWEST_UNKNOWN, _LOOK_AT_DATABASE) from away
            return self._fetched(self._token, fetch, deadline)
        if isinstance(got, Token):
            return got
        fetched = None
        try:
            fetched = self._fetched(_newest(got.before, self._token), fetch, deadline)
            return fetched
        finally:
            self._keep(fetched, got.claim, deadline)

    def _kept_or_claimed(
        self, will_do: Callable[[Token], bool], deadline: Deadline
    ) -> "Token | _Claimed":
        """Return the token that is kept, as soon as it will do or it is on us to fetch another."""
        while True:
            kept = self._store.read(deadline)
            if kept is not None and will_do(kept):
                return kept
            self._raise_known_trouble()
            claim = self._store.claim(max(deadline.remaining(), 0) + _TO_KEEP, deadline)
            if claim is not None:
                break
            _wait(deadline)
        with suppress(StoreAway):  # somebody may have kept one between the look and the claim
            kept = self._store.read(deadline)
        if kept is not None and will_do(kept):
            self._keep(None, claim, deadline)
            return kept
        return _Claimed(kept, claim)

    def _fetched(self, before: Token | None, fetch: Fetch, deadline: Deadline) -> Token:
        try:
            token = fetch(before, deadline)
            self._refusals = 0
            return token
        except CrmError as error:
            if isinstance(error, CrmOutOfTime) and deadline.has_passed():
                raise  # it was this caller's budget, and another may have more
            # some CRMs lock out who signs in wrongly again and again
            self._refusals += isinstance(error, CrmCredentialsRefused)
            self._trouble = (error, self._clock() + _pause_after(error, self._refusals))
            raise

    def _raise_known_trouble(self) -> None:
        if self._trouble is None:
            return
        error, until = self._trouble
        if self._clock() < until:
            raise copy(error)
        self._trouble = None

    def _keep(self, token: Token | None, claim: Claim, deadline: Deadline) -> None:
        with suppress(StoreAway):  # the others fetch their own
            self._store.keep(token, claim, deadline)

    @contextmanager
    def _alone(self, deadline: Deadline) -> Iterator[None]:
        if not self._lock.acquire(timeout=max(deadline.remaining(), 0)):
            raise _out_of_time()
        try:
            yield
        finally:
            self._lock.release()


def _newest(*tokens: Token | None) -> Token | None:
    """Return the token that was fetched last: what it is refreshed by may be good only once."""
    there = (token for token in tokens if token is not None)
    return max(there, key=lambda token: token.fetched_at, default=None)


@dataclass(frozen=True, slots=True)
class _Claimed:
    """It is on us to fetch a token, in the place of the one before if there is one."""

    before: Token | None
    claim: Claim


def _pause_after(error: CrmError, refusals: int) -> float:
    if isinstance(error, CrmUnavailable) and error.retry_after is not None:
        return max(error.retry_after, _TROUBLE_PAUSE)
    if isinstance(error, CrmCredentialsRefused):
        return min(_REFUSED_PAUSE * 2.0 ** min(refusals - 1, 10), _LONGEST_REFUSED_PAUSE)
    return _REFUSED_PAUSE if isinstance(error, CrmRefused | CrmThrottled) else _TROUBLE_PAUSE


def _wait(deadline: Deadline) -> None:
    if deadline.remaining() <= _POLL:
        raise _out_of_time()
    threading.Event().wait(_POLL)


def _out_of_time() -> CrmOutOfTime:
    return CrmOutOfTime("Signing in to the CRM took longer than the budget.")


def lifetime(sent: object, usual: float) -> float:
    """
    Return the seconds that a token holds, as a CRM says, or as is usual where it doesn't.

    After a month it is renewed whatever the CRM says, so that none is kept for ever.

    >>> lifetime(3600, 1), lifetime("3600", 1), lifetime(None, 900), lifetime(-1, 900)
    (3600.0, 3600.0, 900, 900)
    >>> lifetime(999_999_999, 1) / 86_400
    30.0
    """
    text = str(sent)
    is_told = text.isascii() and text.isdigit() and 0 < len(text) < 10
    return min(float(text), _LONGEST_LIFE) if is_told else usual
