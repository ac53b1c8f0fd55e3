"""Tokens that processes share, over a real database: one fetch for all, nothing readable in it."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Engine, create_engine, select, text
from sqlalchemy.orm import Session

from tests.databases import engine_for
from tests.routing.journals import eventually
from voiceapp.crm.bounded import Bounded, T
from voiceapp.crm.contract import CrmOutOfTime
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.kind import Connection
from voiceapp.crm.tokens import Claim, StoreAway, Token, Tokens, TokenStore
from voiceapp.models.crm_state import CrmToken
from voiceapp.routing.token_store import DatabaseTokens, forget_old, known_as
from voiceapp.vault import Vault

HOUR, DAY = 3600.0, 86_400.0
PLENTY = Deadline.after(600)
ZOHO = Connection(
    "zoho",
    "https://crm.example",
    {"username": "ada", "account": "eu"},
    {"password of ada": "hunter2"},
    "US",
    "zoho-1",
)
KNOWN = known_as(ZOHO, "key")
TOKEN = Token("hunter3", 1_000.25, 4_600.5, {"refresh_token": "hunter4", "site": "eu.example"})


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class Unhurried(Bounded):
    """Waits for what it runs, so that no busy machine makes a database look away.

    Keeps how much time each step was given.
    """

    def __init__(self) -> None:
        super().__init__()
        self.given: list[float] = []

    def run(self, work: Callable[[], T], deadline: Deadline) -> T:
        self.given.append(deadline.remaining())
        return work()


class Crm:
    """Gives the tokens T1, T2, … for an hour; keeps those that it was asked in the place of."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.before: list[str | None] = []
        self.begun = threading.Event()
        self.may_answer = threading.Event()
        self.may_answer.set()
        self._clock = clock

    def fetch(self, before: Token | None, deadline: Deadline) -> Token:
        self.before.append(before.value if before else None)
        self.begun.set()
        assert self.may_answer.wait(60)
        return Token(f"T{len(self.before)}", self._clock(), self._clock() + HOUR)


@dataclass
class Watched:
    """A store that tells when it says that another is fetching."""

    store: TokenStore
    has_to_wait: Callable[[], object] = lambda: None

    def read(self, deadline: Deadline = PLENTY) -> Token | None:
        return self.store.read(deadline)

    def claim(self, seconds: float, deadline: Deadline = PLENTY) -> Claim | None:
        claim = self.store.claim(seconds, deadline)
        if claim is None:
            self.has_to_wait()
        return claim

    def keep(self, token: Token | None, claim: Claim, deadline: Deadline = PLENTY) -> None:
        self.store.keep(token, claim, deadline)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def crm(clock: Clock) -> Crm:
    return Crm(clock)


@pytest.fixture
def vault() -> Vault:
    return Vault([Fernet.generate_key().decode()])


@pytest.fixture
def store(engine: Engine, database_url: str, vault: Vault, clock: Clock) -> Iterator[Watched]:
    """The store of a connection, over an engine that waits for locks; all tables are there."""
    options = {"timeout": 60} if database_url.startswith("sqlite") else {}
    patient = create_engine(database_url, connect_args=options)
    yield Watched(DatabaseTokens(patient, Unhurried(), vault, KNOWN, clock))
    patient.dispose()


@pytest.fixture
def process(store: Watched, clock: Clock) -> Callable[[], Tokens]:
    """Make the tokens of one process more."""
    return lambda: Tokens(store, clock)


def row_of(engine: Engine) -> CrmToken:
    with Session(engine) as session:
        return session.get_one(CrmToken, KNOWN)


def test_a_token_comes_back_as_it_was_kept(store):
    store.keep(TOKEN, store.claim(10))

    assert store.read() == TOKEN


def test_nothing_is_readable_in_the_row(store, engine):
    store.keep(TOKEN, store.claim(10))

    row = row_of(engine)
    shown = f"{row.connection} {row.sealed}"
    told = ("hunter", "refresh_token", "eu.example", "crm.example", "zoho", "of ada")
    assert [word for word in told if word in shown] == []
    assert (row.expires_at, row.claimed_until) == (4_600.5, 0)


@pytest.mark.parametrize(
    "other",
    [
        replace(ZOHO, kind="odoo"),
        replace(ZOHO, url="https://crm.example/2"),
        replace(ZOHO, options={"username": "ada", "account": "us"}),
        replace(ZOHO, secrets={"password of ada": "hunter5"}),
    ],
)
def test_what_is_typed_anew_has_no_part_in_the_tokens_of_before(other):
    assert known_as(other, "key") != KNOWN


def test_a_connection_is_known_by_what_was_typed_in_whatever_order_and_by_no_other_key():
    turned = replace(ZOHO, options=dict(reversed(ZOHO.options.items())), country="DE")

    assert known_as(turned, "key") == KNOWN
    assert known_as(replace(ZOHO, key="not saved yet"), "key") == KNOWN
    assert known_as(ZOHO, "another key") != KNOWN
    assert "hunter" not in repr(ZOHO)


def test_one_of_two_claims_until_it_keeps_or_its_time_is_over(store, clock):
    assert store.claim(10) is not None
    clock.now += 9.5
    assert store.claim(10) is None

    clock.now += 0.5
    claim = store.claim(10)
    assert claim is not None
    assert store.claim(10) is None

    store.keep(None, claim)
    assert store.claim(10) is not None


def test_of_a_crowd_that_claims_at_once_one_may_fetch(store):
    all_there = threading.Barrier(20)

    def claim(_: int) -> Claim | None:
        all_there.wait(60)
        return store.claim(10)

    with ThreadPoolExecutor(20) as pool:
        claimed = list(pool.map(claim, range(20)))

    assert claimed.count(None) == 19


def test_a_claim_that_came_to_nothing_leaves_the_token_of_before(store):
    store.keep(TOKEN, store.claim(10))
    store.keep(None, store.claim(10))

    assert store.read() == TOKEN


def later(token: Token, seconds: float) -> Token:
    """Return a token that was fetched some seconds later."""
    return replace(
        token,
        value="hunter9",
        fetched_at=token.fetched_at + seconds,
        expires_at=token.expires_at + seconds,
    )


@pytest.mark.parametrize("token", [TOKEN, None])
def test_who_comes_too_late_does_not_let_go_of_the_claim_of_another(store, clock, token):
    late = store.claim(10)
    clock.now += 10
    claim = store.claim(10)

    store.keep(token, late)

    assert store.claim(10) is None
    store.keep(None, claim)
    assert store.claim(10) is not None


def test_a_token_that_comes_too_late_is_better_than_none(store, clock):
    late = store.claim(10)
    clock.now += 10
    claim = store.claim(10)

    store.keep(TOKEN, late)
    assert store.read() == TOKEN

    store.keep(later(TOKEN, 1), claim)
    assert store.read() == later(TOKEN, 1)


@pytest.mark.parametrize("is_over", [True, False])
def test_a_token_that_comes_too_late_takes_no_later_ones_place(store, clock, is_over):
    late = store.claim(10)
    clock.now += 10
    store.keep(later(TOKEN, 1), store.claim(10))
    if not is_over:
        store.claim(10)

    store.keep(TOKEN, late)

    assert store.read() == later(TOKEN, 1)
    assert (store.claim(10) is None) is not is_over


def test_a_token_that_lasts_less_long_than_before_is_kept_by_who_has_claimed(store):
    store.keep(later(TOKEN, HOUR), store.claim(10))
    store.keep(TOKEN, store.claim(10))

    assert store.read() == TOKEN


@pytest.mark.parametrize(
    "sealed",
    [
        "garbage",
        Vault([Fernet.generate_key().decode()]).seal({"value": "of another key"}),
        {"value": "T1", "fetched_at": "1", "expires_at": "2"},
        {"value": "T1", "fetched_at": "soon", "expires_at": "2", "extra": "{}"},
        {"value": "T1", "fetched_at": "1", "expires_at": "2", "extra": "{"},
    ],
)
def test_a_token_that_can_not_be_read_is_none(store, engine, vault, sealed):
    store.claim(10)
    with Session(engine) as session:
        row = session.get_one(CrmToken, KNOWN)
        row.sealed = sealed if isinstance(sealed, str) else vault.seal(sealed)
        session.commit()

    assert store.read() is None


def test_two_processes_fetch_one_token(store, process, crm):
    another_waits = threading.Event()
    store.has_to_wait = another_waits.set
    crm.may_answer.clear()

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(process().current, crm.fetch, PLENTY)
        assert crm.begun.wait(60)
        second = pool.submit(process().current, crm.fetch, PLENTY)
        assert another_waits.wait(60)
        crm.may_answer.set()
        got = first.result(), second.result()

    assert got[0] == got[1] == store.read()
    assert crm.before == [None]


def test_who_waits_for_another_process_waits_no_longer_than_its_deadline(store, process, crm):
    store.claim(HOUR)

    with pytest.raises(CrmOutOfTime):
        process().current(crm.fetch, Deadline.after(0.25))

    assert crm.before == []


def test_the_claim_of_a_process_that_died_ends(store, process, crm, clock):
    store.claim(10)
    store.has_to_wait = lambda: setattr(clock, "now", clock.now + 10)

    assert process().current(crm.fetch, PLENTY).value == "T1"


def test_a_token_that_another_process_kept_is_used_without_a_fetch(process, crm, clock):
    here, there = process(), process()
    kept = here.current(crm.fetch, PLENTY)

    assert there.current(crm.fetch, PLENTY) == kept
    clock.now += 3000
    renewed = there.kept_young(crm.fetch, PLENTY)
    assert here.kept_young(crm.fetch, PLENTY) == here.renewed(kept, crm.fetch, PLENTY) == renewed
    assert crm.before == [None, "T1"]


@contextmanager
def _locked(engine: Engine) -> Iterator[None]:
    """Let somebody else hold the table, so that whoever wants it has to wait."""
    locks = {"sqlite": "BEGIN EXCLUSIVE", "postgresql": "LOCK TABLE crm_tokens"}
    with engine.connect() as other:
        other.execute(text(locks[engine.dialect.name]))
        yield
        other.rollback()


STEPS: list[Callable[[DatabaseTokens, Deadline], object]] = [
    lambda store, deadline: store.read(deadline),
    lambda store, deadline: store.claim(10, deadline),
    lambda store, deadline: store.keep(TOKEN, 0.0, deadline),
]


@pytest.mark.parametrize("step", STEPS, ids=["read", "claim", "keep"])
def test_a_database_that_is_locked_is_away(engine, vault, clock, step):
    store = DatabaseTokens(engine, Bounded(), vault, KNOWN, clock)

    with _locked(engine), pytest.raises(StoreAway):
        step(store, PLENTY)

    assert eventually(lambda: engine.pool.checkedout() == 0)  # what hung has come to its end


@pytest.mark.parametrize("step", STEPS, ids=["read", "claim", "keep"])
def test_a_database_without_tables_is_away(database_url, vault, clock, step):
    with engine_for(database_url) as engine, pytest.raises(StoreAway):
        step(DatabaseTokens(engine, Unhurried(), vault, KNOWN, clock), PLENTY)


@pytest.mark.parametrize(("left", "given"), [(600, 0.25), (0.25, 0.25), (0.1, 0.1), (-1, -1)])
@pytest.mark.parametrize("step", STEPS, ids=["read", "claim", "keep"])
def test_no_step_has_more_time_than_the_caller(engine, vault, clock, step, left, given):
    bounded = Unhurried()

    step(DatabaseTokens(engine, bounded, vault, KNOWN, clock), Deadline(left, lambda: 0.0))

    assert bounded.given == [given]


def test_what_ended_90_days_ago_is_forgotten_unless_somebody_is_fetching(engine, clock):
    clock.now += 365 * DAY
    rows = {
        "held": (clock.now + HOUR, 0),
        "ended": (clock.now - 90 * DAY + 1, 0),
        "ended 90 days ago": (clock.now - 90 * DAY - 1, 0),
        "ended, and fetched anew": (clock.now - 90 * DAY - 1, clock.now + 10),
        "fetched for the first time": (0, clock.now + 10),
        "never came": (0, 0),
    }
    with Session(engine) as session:
        for name, (expires_at, claimed_until) in rows.items():
            session.add(
                CrmToken(connection=name, expires_at=expires_at, claimed_until=claimed_until)
            )
        session.commit()

        forget_old(session, clock)

        left = set(session.scalars(select(CrmToken.connection)))
    assert left == rows.keys() - {"ended 90 days ago", "never came"}
