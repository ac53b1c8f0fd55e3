"""Stand-ins behind real HTTPS, each under its vendor's host name, and clients that ask them."""

import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
import trustme

from tests.crm.https_server import HttpsServer
from tests.wire.asking import Asking
from tests.wire.stand_ins import STAND_INS
from tests.wire.standin import StandIn
from voiceapp.crm.http import HttpDoor


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_bundle(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("authority") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


@pytest.fixture(scope="session")
def server(authority: trustme.CA) -> Iterator[HttpsServer]:
    """One server for all hosts; it does what the test's stand-in does."""
    hosts = {host for one in STAND_INS for host in one.hosts}
    with closing(HttpsServer(authority.issue_cert(*sorted(hosts)))) as server:
        yield server


@pytest.fixture
def make_door(server: HttpsServer, ca_bundle: Path) -> Iterator[Callable[[], HttpDoor]]:
    """Make doors that come to the server whatever host is meant."""

    def connect(address: tuple[str, int], seconds: float) -> socket.socket:
        return socket.create_connection(("127.0.0.1", server.port), seconds)

    def resolve(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    hosts = {host for one in STAND_INS for host in one.hosts}
    made: list[HttpDoor] = []

    def make() -> HttpDoor:
        door = HttpDoor(allowed_hosts=hosts, ca_bundle=ca_bundle, resolve=resolve, connect=connect)
        made.append(door)
        return door

    yield make
    for door in made:
        door.close()


@pytest.fixture
def start(server: HttpsServer, make_door: Callable[[], HttpDoor]) -> Callable[..., Asking]:
    """Start a stand-in and return what asks it: `start(Salesforce)`."""

    def start(stand_in: type[StandIn] | StandIn) -> Asking:
        crm = stand_in() if isinstance(stand_in, type) else stand_in
        server.behaviour = crm
        return Asking(crm, make_door())

    return start
