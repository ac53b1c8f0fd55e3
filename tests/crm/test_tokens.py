"""Tokens: fetched once by one thread of one process, held, renewed, and trouble remembered."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from voiceapp.crm.contract import (
    CrmBadAnswer,
    CrmCredentialsRefused,
    CrmError,
    CrmOutOfTime,
    CrmRefused,
    CrmThrottled,
    CrmUnavailable,
)
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.tokens import FRESH, SPARE, Claim, StoreAway, Token, Tokens

CROWD = 20
HOUR = 3600.0
PLENTY = Deadline.after(600)


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class Crm:
    """Gives the tokens T1, T2, … for an hour, unless there is trouble; keeps what it was asked."""

    def __init__(self, clock: Clock) -> None:
        self.before: list[Token | None] = []
        self.trouble: Exception | None = None
        self.begun = threading.Event()
        self.may_answer = threading.Event()
        self.may_answer.set()
        self._clock = clock
        self._is_busy = False
        self._another = threading.Event()

    def fetch(self, before: Token | None, deadline: Deadline) -> Token:
        self.before.append(before)
        value = f"T{len(self.before)}"
        self.begun.set()
        assert self.may_answer.wait(60)
        if self.trouble:
            raise self.trouble
        return Token(value, self._clock.now, self._clock.now + HOUR)

    def fetch_slowly(self, before: Token | None, deadline: Deadline) -> Token:
        """Give whoever would wrongly fetch as well every chance to begin."""
        if self._is_busy:
            self._another.set()
        self._is_busy = True
        try:
            return self.fetch(before, deadline)
        finally:
            self._another.wait(0.2)


class Store:
    """What processes share, in memory; a step of it may be away."""

    def __init__(self, clock: Clock) -> None:
        self.token: Token | None = None
        self.claimed_until = 0.0
        self.deadlines: set[Deadline] = set()
        self.away = ""
        self.before_claim: Callable[[], object] = lambda: None
        self.when_claimed: Callable[[], object] = lambda: None
        self._clock = clock

    def read(self, deadline: Deadline) -> Token | None:
        self._begin("read", deadline)
        return self.token

    def claim(self, seconds: float, deadline: Deadline) -> Claim | None:
        self._begin("claim", deadline)
        self.before_claim()
        if self.claimed_until > self._clock.now:
            self.when_claimed()
            return None
        self.claimed_until = self._clock.now + seconds
        return self.claimed_until

    def keep(self, token: Token | None, claim: Claim, deadline: Deadline) -> None:
        self._begin("keep", deadline)
        assert claim == self.claimed_until
        self.token, self.claimed_until = token or self.token, 0.0

    def _begin(self, step: str, deadline: Deadline) -> None:
        self.deadlines.add(deadline)
        if step == self.away:
            raise StoreAway


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def crm(clock: Clock) -> Crm:
    return Crm(clock)


@pytest.fixture
def tokens(clock: Clock) -> Tokens:
    """The tokens of a process that shares nothing."""
    return Tokens(clock=clock)


@pytest.fixture
def store(clock: Clock) -> Store:
    return Store(clock)


@pytest.fixture
def process(store: Store, clock: Clock) -> Callable[[], Tokens]:
    """Make the tokens of one more process of those that share the store."""
    return partial(Tokens, store, clock)


def in_a_crowd(work: Callable[[], Token]) -> list[str | type[CrmError]]:
    """Do something in twenty threads at once; return each one's token or trouble."""
    all_there = threading.Barrier(CROWD)

    def do(_: int) -> str | type[CrmError]:
        all_there.wait(60)
        try:
            return work().value
        except CrmError as error:
            return type(error)

    with ThreadPoolExecutor(CROWD) as pool:
        return list(pool.map(do, range(CROWD)))


@pytest.mark.parametrize(("age", "value"), [(0, "T1"), (HOUR - 31, "T1"), (HOUR - SPARE, "T2")])
def test_a_token_is_held_until_half_a_minute_before_its_end(tokens, crm, clock, age, value):
    tokens.current(crm.fetch, PLENTY)
    clock.now += age

    assert tokens.current(crm.fetch, PLENTY).value == value


@pytest.mark.parametrize(("age", "value"), [(0, "T1"), (2699, "T1"), (2700, "T2"), (4000, "T2")])
def test_a_token_is_kept_young_from_the_last_quarter_of_its_life(tokens, crm, clock, age, value):
    tokens.kept_young(crm.fetch, PLENTY)
    clock.now += age

    assert tokens.kept_young(crm.fetch, PLENTY).value == value
    assert tokens.current(crm.fetch, PLENTY).value == value


def test_a_crowd_of_calls_fetches_one_token(tokens, crm):
    got = in_a_crowd(lambda: tokens.current(crm.fetch_slowly, PLENTY))

    assert got == ["T1"] * CROWD
    assert crm.before == [None]


@pytest.mark.parametrize("trouble", [CrmUnavailable("Away."), CrmRefused("No.")])
def test_a_crowd_of_calls_meets_trouble_once(tokens, crm, trouble):
    crm.trouble = trouble

    got = in_a_crowd(lambda: tokens.current(crm.fetch_slowly, PLENTY))

    assert got == [type(trouble)] * CROWD
    assert crm.before == [None]


def test_a_crowd_of_refused_calls_renews_the_token_once(tokens, crm, clock):
    refused = tokens.current(crm.fetch, PLENTY)
    clock.now += FRESH

    got = in_a_crowd(lambda: tokens.renewed(refused, crm.fetch_slowly, PLENTY))

    assert got == ["T2"] * CROWD
    assert crm.before == [None, refused]
    assert tokens.current(crm.fetch, PLENTY).value == "T2"


@pytest.mark.parametrize("age", [0, FRESH - 1])
def test_a_fresh_token_that_is_refused_is_not_fetched_again(tokens, crm, clock, age):
    refused = tokens.current(crm.fetch, PLENTY)
    clock.now += age

    with pytest.raises(CrmCredentialsRefused, match=r"^The CRM gave a token and then did not"):
        tokens.renewed(refused, crm.fetch, PLENTY)

    assert len(crm.before) == 1


@pytest.mark.parametrize("seconds", [-1, 0, 0.05])
def test_who_waits_for_a_token_waits_no_longer_than_its_own_deadline(tokens, crm, seconds):
    crm.may_answer.clear()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(tokens.current, crm.fetch, PLENTY)
        assert crm.begun.wait(60)

        with pytest.raises(CrmOutOfTime, match=r"^Signing in to the CRM took longer than the bud"):
            tokens.current(crm.fetch, Deadline.after(seconds))
        crm.may_answer.set()

        assert first.result().value == "T1"
    assert tokens.current(crm.fetch, Deadline.after(seconds)).value == "T1"
    assert len(crm.before) == 1


@pytest.mark.parametrize(
    ("trouble", "pause"),
    [
        (CrmUnavailable("It is away."), 2),
        (CrmOutOfTime("It is slow."), 2),
        (CrmBadAnswer("It is odd."), 2),
        (CrmRefused("It refuses."), 60),
        (CrmCredentialsRefused("It knows nobody."), 60),
        (CrmThrottled("Not so fast."), 60),
        (CrmThrottled("Not so fast.", 7.0), 7),
        (CrmThrottled("Not so fast.", 86_400.0), 3600),
        (CrmUnavailable("Back soon.", retry_after=90.0), 90),
    ],
)
def test_trouble_is_remembered_and_not_met_by_each_call(tokens, crm, clock, trouble, pause):
    crm.trouble = trouble
    with pytest.raises(type(trouble)):
        tokens.current(crm.fetch, PLENTY)
    crm.trouble = None
    clock.now += pause - 0.5

    with pytest.raises(type(trouble), match=f"^{trouble}$") as met:
        tokens.current(crm.fetch, PLENTY)
    clock.now += 0.5

    assert met.value is not trouble  # each thread's has a traceback of its own
    assert tokens.current(crm.fetch, PLENTY).value == "T2"


def test_remembered_trouble_still_says_how_long_the_crm_wants_to_be_left_alone(tokens, crm):
    crm.trouble = CrmThrottled("Not so fast.", 30.0)

    for _ in range(2):
        with pytest.raises(CrmThrottled) as met:
            tokens.current(crm.fetch, PLENTY)

        assert met.value.retry_after == 30.0


def test_a_token_that_could_not_be_kept_young_is_used_to_its_end(tokens, crm, clock):
    tokens.current(crm.fetch, PLENTY)
    clock.now += 3000
    crm.trouble = CrmUnavailable("It is away.")

    with pytest.raises(CrmUnavailable):
        tokens.kept_young(crm.fetch, PLENTY)

    assert tokens.current(crm.fetch, PLENTY).value == "T1"


@pytest.mark.parametrize("trouble", [CrmUnavailable("It is away."), ZeroDivisionError("a bug")])
def test_a_fetch_that_fails_lets_the_next_process_try(process, store, crm, trouble):
    crm.trouble = trouble
    with pytest.raises(type(trouble)):
        process().current(crm.fetch, PLENTY)
    crm.trouble = None

    assert store.claimed_until == 0
    assert process().current(crm.fetch, PLENTY).value == "T2"


def test_a_token_is_renewed_by_the_newest_even_if_that_could_not_be_kept_for_all(
    process, store, crm, clock
):
    tokens = process()
    tokens.current(crm.fetch, PLENTY)
    clock.now += HOUR
    store.away = "keep"
    tokens.current(crm.fetch, PLENTY)
    clock.now += HOUR
    store.away = ""
    tokens.current(crm.fetch, PLENTY)

    assert [before.value if before else None for before in crm.before] == [None, "T1", "T2"]
    assert store.token.value == "T3"


@pytest.mark.parametrize("away", ["read", "claim", "keep"])
def test_without_the_store_each_process_fetches_for_itself(process, store, crm, clock, away):
    store.away = away
    store.when_claimed = lambda: setattr(clock, "now", store.claimed_until)
    here, there = process(), process()

    got = [one.current(crm.fetch, PLENTY).value for one in (here, there, here, there)]

    assert got == ["T1", "T2", "T1", "T2"]


def test_nobody_fetches_while_a_token_of_the_last_moment_has_yet_to_be_kept(
    process, store, crm, clock
):
    claimed: list[Claim | None] = []

    def fetch(before: Token | None, deadline: Deadline) -> Token:
        clock.now += deadline.remaining()
        claimed.append(store.claim(1, deadline))
        return crm.fetch(before, deadline)

    process().current(fetch, Deadline.after(3, clock))

    assert claimed == [None]


@pytest.mark.parametrize("away", ["read", "claim"])
def test_what_may_be_used_once_is_not_used_without_the_store(process, store, crm, clock, away):
    tokens = process().never_alone()
    tokens.current(crm.fetch, PLENTY)
    store.away = away
    assert tokens.current(crm.fetch, PLENTY).value == "T1"

    clock.now += HOUR
    with pytest.raises(CrmUnavailable, match="newest token can't be read") as met:
        tokens.current(crm.fetch, PLENTY)
    assert len(crm.before) == 1
    assert "database" in met.value.advice

    store.away = ""
    assert tokens.current(crm.fetch, PLENTY).value == "T2"


@pytest.mark.parametrize("away", ["", "read", "claim", "keep"])
def test_trouble_is_remembered_with_the_store_or_without(process, store, crm, away):
    store.away = away
    here = process()
    crm.trouble = CrmRefused("It refuses.")

    for _ in range(3):
        with pytest.raises(CrmRefused, match=r"^It refuses\.$"):
            here.current(crm.fetch, PLENTY)

    assert len(crm.before) == 1


def test_what_is_shared_has_no_more_time_than_the_caller(process, store, crm):
    process().current(crm.fetch, PLENTY)

    assert store.deadlines == {PLENTY}


def test_a_fault_of_our_own_is_not_remembered(tokens, crm):
    crm.trouble = ZeroDivisionError("a bug")
    with pytest.raises(ZeroDivisionError):
        tokens.current(crm.fetch, PLENTY)
    crm.trouble = None

    assert tokens.current(crm.fetch, PLENTY).value == "T2"


def test_a_token_that_was_kept_between_a_look_and_a_claim_is_used(process, store, crm):
    def another_is_faster() -> None:
        store.before_claim = lambda: None
        process().current(crm.fetch, PLENTY)

    store.before_claim = another_is_faster

    assert process().current(crm.fetch, PLENTY).value == "T1"


def test_a_token_that_was_kept_meanwhile_is_used_though_the_store_goes_away(process, store, crm):
    def another_is_faster() -> None:
        store.before_claim = lambda: None
        process().current(crm.fetch, PLENTY)
        store.away = "keep"

    store.before_claim = another_is_faster

    assert process().current(crm.fetch, PLENTY).value == "T1"


def test_a_refused_token_is_not_replaced_by_one_that_has_ended(process, store, crm, clock):
    here = process()
    store.token = Token("T0", clock.now - 2 * HOUR, clock.now - HOUR)
    store.away = "keep"
    refused = here.current(crm.fetch, PLENTY)
    store.away, store.claimed_until = "", 0.0
    clock.now += FRESH

    assert here.renewed(refused, crm.fetch, PLENTY).value == "T2"


def test_a_token_of_another_process_ends_the_trouble_of_this_one(process, crm):
    here = process()
    crm.trouble = CrmThrottled("Not so fast.")
    with pytest.raises(CrmThrottled):
        here.current(crm.fetch, PLENTY)
    crm.trouble = None
    process().current(crm.fetch, PLENTY)

    assert here.current(crm.fetch, PLENTY).value == "T2"


def test_nothing_of_a_token_is_readable_in_its_repr():
    token = Token("hunter2", 0.0, 1.0, {"refresh_token": "hunter3"})

    assert "hunter" not in repr(token) + str(token) + str([token])


def test_who_is_refused_again_and_again_asks_more_and_more_rarely(tokens, crm, clock):
    crm.trouble = CrmCredentialsRefused("It did not accept the credentials.")

    for _ in range(24 * 60):
        with pytest.raises(CrmCredentialsRefused):
            tokens.current(crm.fetch, PLENTY)
        clock.now += 60

    assert len(crm.before) < 35
