"""Many calls at once, placed as Twilio places them, and what became of each."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from threading import Event

from tests.demo_calls import ADA, SALES, SUPPORT
from tests.routing.journals import eventually
from tests.server.callers import Twilio, call_fields, new_sid
from tests.server.serving import Server

DID = "/twiml/did"
_FALLBACK = "/twiml/fallback"


@dataclass(frozen=True, slots=True)
class Answered:
    """One webhook that was answered with TwiML: where it leads, and how long it took."""

    sid: str
    door: str
    called: str
    lands: str
    seconds: float


class Load:
    """Calls from several threads, each thread one after the other, until it is told to stop.

    A webhook that gets no answer (its process died) goes on to the fallback, as Twilio's does.
    """

    def __init__(self, server: Server, called: Sequence[str]) -> None:
        self.answered: list[Answered] = []
        self.unanswered: list[str] = []
        """The calls whose first webhook got no answer; their fallback did."""
        self.stopping = Event()
        self.placing: list[Future[None]] = []
        self._base = server.base
        self._called = called

    def wait_for(self, more: int) -> None:
        """Wait until so many more webhooks were answered. Raises what went wrong meanwhile."""
        goal = len(self.answered) + more
        assert eventually(lambda: len(self.answered) >= goal or self._has_ended(), 60)
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
                twilio.close()  # the next connection may go to another process

    def _place(self, twilio: Twilio, called: str) -> None:
        sid = new_sid()
        fields = call_fields(ADA, called, sid)
        try:
            self._post(twilio, DID, fields)
        except (OSError, HTTPException):
            self.unanswered.append(sid)
            failed = {"ErrorUrl": twilio.base + DID, "ErrorCode": "11205"}
            self._post(twilio, _FALLBACK, {**fields, **failed})

    def _post(self, twilio: Twilio, target: str, fields: dict[str, str]) -> None:
        began = time.perf_counter()
        lands = twilio.post(target, **fields).lands
        seconds = time.perf_counter() - began
        door = target.rpartition("/")[2]
        self.answered.append(Answered(fields["CallSid"], door, fields["To"], lands, seconds))

    def _has_ended(self) -> bool:
        return any(thread.done() for thread in self.placing)


@contextmanager
def under_load(
    server: Server, *, threads: int = 8, called: Sequence[str] = (SALES, SUPPORT)
) -> Iterator[Load]:
    """Place calls of Ada's to these DIDs, in turn, for as long as the block runs; see `Load`."""
    load = Load(server, called)
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


def assert_each_has_one_row(server: Server, load: Load, seconds: float = 30) -> None:
    """See every answered webhook become one row, and no row stand for what nobody asked."""
    answered = Counter((one.sid, one.door) for one in load.answered)
    began = time.perf_counter()

    arrived = eventually(lambda: answered.keys() <= _rows(server).keys(), seconds)

    rows = _rows(server)
    waited = time.perf_counter() - began
    tell(f"{len(answered)} decisions answered, {rows.total()} rows, after {waited:.1f} s")
    assert arrived, f"{len(answered.keys() - rows.keys())} decisions have no row"
    assert set(rows.values()) == {1}
    assert rows.keys() - answered.keys() <= {(sid, "did") for sid in load.unanswered}


def _rows(server: Server) -> Counter[tuple[str, str]]:
    return Counter((row.call_sid, row.door) for row in server.rows())


def tell(figures: str) -> None:
    """Print what a run of the tests with `pytest -s` tells."""
    print(f"\n{figures}", end="")  # noqa: T201 - figures are for people to read
