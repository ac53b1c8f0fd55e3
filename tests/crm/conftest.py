"""An authority that only the tests trust, and servers and doors that use it."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.crm.crms import BUDGET, ODOO, FakeCrm, MemoryBoard
from tests.crm.https_server import HttpsServer
from voiceapp.crm.breaker import Breakers
from voiceapp.crm.contract import Caller, CallFacts, Search
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.http import HttpDoor
from voiceapp.crm.lookup import NOTHING_KEPT, Ages, Lookup, Reply
from voiceapp.crm.memory import Question


def to_this_machine(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


class Clock:
    """A monotonic clock that can be put forward."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def deadline() -> Deadline:
    """Plenty of time, for tests that are not about it."""
    return Deadline.after(10)


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_bundle(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("authority") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


@pytest.fixture(scope="session")
def certificate(authority: trustme.CA) -> trustme.LeafCert:
    return authority.issue_cert("crm.test")


@pytest.fixture
def server(certificate: trustme.LeafCert) -> Iterator[HttpsServer]:
    """A server that proves itself as crm.test."""
    with closing(HttpsServer(certificate)) as server:
        yield server


@pytest.fixture
def make_door(ca_bundle: Path) -> Iterator[Callable[..., HttpDoor]]:
    """Make doors that trust the test authority, let crm.test through, and close at the end."""
    with ExitStack() as stack:

        def make(**arguments: Any) -> HttpDoor:
            defaults = {
                "allowed_hosts": {"crm.test"},
                "ca_bundle": ca_bundle,
                "resolve": to_this_machine,
            }
            return stack.enter_context(closing(HttpDoor(**{**defaults, **arguments})))

        yield make


@pytest.fixture
def door(make_door: Callable[..., HttpDoor]) -> HttpDoor:
    return make_door()


@pytest.fixture
def says(server: HttpsServer) -> Callable[[Any], None]:
    """Let the server answer every request with this value as JSON."""

    def say(value: Any) -> None:
        server.behaviour = lambda visit: visit.answer(json.dumps(value).encode())

    return say


@pytest.fixture
def board() -> MemoryBoard:
    return MemoryBoard()


@pytest.fixture
def process(clock: Clock, board: MemoryBoard, crm: FakeCrm):
    """Make processes that share the board; each is a function that asks in a call of its own."""

    def process():
        lookup = Lookup(clock, breakers=Breakers([board], clock))
        calls = iter(range(1_000_000))

        def ask(source: str = ODOO, ages: Ages = NOTHING_KEPT, seconds: float = BUDGET) -> Reply:
            number = next(calls)
            search = Search(Caller("+12025550101"), "Contacts", ("Tier",))
            facts = CallFacts(call_id=f"{source} {number}")
            deadline = Deadline.after(seconds, clock)
            return lookup.ask(crm, Question(source, search), facts, deadline, ages)

        return ask

    return process


@pytest.fixture
def worker(clock: Clock, board: MemoryBoard) -> Breakers:
    return Breakers([board], clock)
