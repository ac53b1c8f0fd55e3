"""Many calls at once, placed as Twilio places them, and what became of each."""

import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.client import HTTPException
from threading import Event
from typing import TypeAlias
from urllib.parse import urlsplit

from sqlalchemy import select

from tests.databases import engine_for
from tests.demo_calls import ADA, SALES, SUPPORT
from tests.routing.journals import eventually
from tests.server.callers import Answer, Twilio, call_fields, follow
from tests.server.serving import Server
from tests.twiml.documents import chooses
from voiceapp.models.journal import DecisionRow
from voiceapp.twiml.urls import Progress

DID = "/twiml/did"
THREADS = 8
"""Who place calls at once; each has at most one webhook on its way."""
_FALLBACK = "/twiml/fallback"

Known: TypeAlias = tuple[str, int, str]
"""What a row of the journal is known by: the call, its step, the door."""


@dataclass(frozen=True, slots=True)
class Answered:
    """One webhook whose answer chose a destination: where it leads, and how long it took."""

    sid: str
    step: int
    door: str
    called: str
    lands: str
    seconds: float

    @property
    def known(self) -> Known:
        return self.sid, self.step, self.door


class Load:
    """Calls from several threads, each thread one after the other, until it is told to stop.

    A call is its first webhook; one to a DID in `press` is followed to its end, with these keys.
    A webhook whose connection breaks off (its process died) goes on to the fallback, as Twilio's
    does. Every answer has to be TwiML, and to come before Twilio's patience ends.
    """

    def __init__(self, server: Server, called: Sequence[str], press: Mapping[str, str]) -> None:
        self.calls = 0
        """How many calls were placed; several threads count, so it may be a few less."""
        self.answered: list[Answered] = []
        self.unanswered: list[Known] = []
        """The webhooks that got no answer; their fallback did."""
        self.stopping = Event()
        self.placing: list[Future[None]] = []
        self._base = server.base
        self._called = called
        self._press = press

    def wait_for(self, more: int) -> None:
        """Wait until so many more webhooks were answered. Raises what went wrong meanwhile."""
        goal = len(self.answered) + more
        assert eventually(lambda: len(self.answered) >= goal or self.has_ended(), 60)
        self.raise_faults()

    def wait(self, seconds: float) -> None:
        """Let the calls go on for a while. Raises what went wrong meanwhile."""
        time.sleep(seconds)
        self.raise_faults()

    def raise_faults(self) -> None:
        for thread in self.placing:
            if thread.done():
                thread.result()

    def landings(self, called: str) -> Counter[str]:
        """Return where the calls to a DID went, and how many to each place."""
        return Counter(one.lands for one in self.answered if one.called == called)

    def place_calls(self) -> None:
        with Twilio(self._base) as twilio:
            while not self.stopping.is_set():
                for called in self._called:
                    self._place(twilio, called)
                    self.calls += 1
                twilio.close()  # the next connection may go to another process

    def _place(self, twilio: Twilio, called: str) -> None:
        post = partial(self._post, twilio)
        if keys := self._press.get(called):
            follow(post, ADA, called, keys)
        else:
            post(DID, **call_fields(ADA, called))

    def _post(self, twilio: Twilio, target: str, **fields: str) -> Answer:
        try:
            return self._posted(twilio, target, fields, target)
        except TimeoutError:
            raise  # whoever is silent has not died, and no call may wait for so long
        except (OSError, HTTPException):
            self.unanswered.append(_known(target, fields))
            failed = {"ErrorUrl": twilio.base + target, "ErrorCode": "11205"}
            return self._posted(twilio, _FALLBACK, {**fields, **failed}, target)

    def _posted(
        self, twilio: Twilio, target: str, fields: dict[str, str], stands_at: str
    ) -> Answer:
        began = time.perf_counter()
        answer = twilio.post(target, **fields)
        seconds = time.perf_counter() - began
        lands = answer.lands
        if chooses(target, answer.body.decode()):
            sid, step, _ = _known(stands_at, fields)
            door = _door(target)
            self.answered.append(Answered(sid, step, door, fields["To"], lands, seconds))
        return answer

    def has_ended(self) -> bool:
        return any(thread.done() for thread in self.placing)


def _known(target: str, fields: Mapping[str, str]) -> Known:
    return fields["CallSid"], Progress.from_error_url(target).step, _door(target)


def _door(target: str) -> str:
    return urlsplit(target).path.rpartition("/")[2]


@contextmanager
def under_load(
    server: Server,
    *,
    threads: int = THREADS,
    called: Sequence[str] = (SALES, SUPPORT),
    press: Mapping[str, str] | None = None,
) -> Iterator[Load]:
    """Place calls of Ada's to these DIDs, in turn, for as long as the block runs; see `Load`."""
    load = Load(server, called, press or {})
    began = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        load.placing = [pool.submit(load.place_calls) for _ in range(threads)]
        try:
            yield load
        finally:
            load.stopping.set()
    load.raise_faults()
    seconds = time.perf_counter() - began
    slowest = max(one.seconds for one in load.answered)
    tell(
        f"{len(load.answered)} webhooks in {seconds:.1f} s: {len(load.answered) / seconds:.0f} a "
        f"second, the slowest after {slowest:.2f} s; {len(load.unanswered)} without an answer"
    )


def assert_each_has_one_row(
    server: Server, load: Load, seconds: float = 30, beside: Collection[Known] = ()
) -> None:
    """See every answered webhook become one row, and no row stand for what nobody asked.

    `beside` are rows that were there before the load.
    """
    answered = {one.known for one in load.answered}
    began = time.perf_counter()

    arrived = eventually(lambda: answered <= rows_of(server).keys(), seconds)

    rows = rows_of(server)
    waited = time.perf_counter() - began
    tell(f"{len(answered)} decisions answered, {rows.total()} rows, after {waited:.1f} s")
    assert arrived, f"{len(answered - rows.keys())} decisions have no row"
    assert set(rows.values()) == {1}
    assert rows.keys() - answered <= {*load.unanswered, *beside}


def rows_of(server: Server) -> Counter[Known]:
    """Return what the rows in the database are known by, each as often as it is there."""
    query = select(DecisionRow.call_sid, DecisionRow.step, DecisionRow.door)
    with engine_for(server.database_url) as engine, engine.connect() as connection:
        return Counter(tuple(row) for row in connection.execute(query))


def tell(figures: str) -> None:
    """Print what a run of the tests with `pytest -s` tells."""
    print(f"\n{figures}", end="")  # noqa: T201 - figures are for people to read
