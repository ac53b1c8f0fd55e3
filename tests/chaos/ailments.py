"""CRMs that are ill, each in its own way, at addresses of this machine."""

import json
import socket
import threading
import zlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import trustme

from tests.chaos.resolving import SILENT, UNKNOWN
from tests.crm.https_server import Behaviour, HttpsServer, Visit
from tests.wire.suitecrm import SuiteCrm

_GOOD = {"Tier": "Gold"}
_LONG = 50 * 1024 * 1024
_PIECE = b"x" * 65536


def _says(body: object, status: int = 200, *headers: str) -> Behaviour:
    """Return what answers always the same; what is not bytes goes as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    kind = "Content-Type: application/json"
    return lambda visit: visit.answer(data, status, [*headers, *([kind] * (not headers))])


def _waits(visit: Visit) -> None:
    visit.stopped.wait()


def _drips(visit: Visit) -> None:
    visit.drip(b"HTTP/1.1 200 So\r\nContent-Length: 16\r\n\r\n" + json.dumps(_GOOD).encode(), 1)


def _breaks_off(visit: Visit) -> None:
    visit.socket.sendall(b'HTTP/1.1 200 So\r\nContent-Length: 100\r\n\r\n{"Tier": "Go')
    visit.hang_up()


def _is_long(visit: Visit) -> None:
    """Send 50 MB, and say so beforehand."""
    visit.socket.sendall(b'HTTP/1.1 200 So\r\nContent-Length: %d\r\n\r\n{"Tier":"' % (_LONG + 11))
    for _ in range(_LONG // len(_PIECE)):
        visit.socket.sendall(_PIECE)
    visit.socket.sendall(b'"}')


def _is_long_in_chunks(visit: Visit) -> None:
    """Send 50 MB, not saying beforehand how much it will be."""
    visit.socket.sendall(b'HTTP/1.1 200 So\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{"Tier":"\r\n')
    chunk = b"%x\r\n%b\r\n" % (len(_PIECE), _PIECE)
    for _ in range(_LONG // len(_PIECE)):
        visit.socket.sendall(chunk)
    visit.socket.sendall(b'2\r\n"}\r\n0\r\n\r\n')


def _is_long_packed(visit: Visit) -> None:
    """Send 50 MB that gzip has made small."""
    visit.answer(_packed(), headers=["Content-Encoding: gzip"])


@cache
def _packed() -> bytes:
    packer = zlib.compressobj(wbits=31)
    pieces = [b'{"Tier":"', *([_PIECE] * (_LONG // len(_PIECE))), b'"}']
    return b"".join(packer.compress(piece) for piece in pieces) + packer.flush()


_AILMENTS: dict[str, Behaviour] = {
    "never answers": _waits,
    "waited for": _waits,
    "one byte a second": _drips,
    "500": _says(b"Internal Server Error", 500),
    "503 with Retry-After": _says(b"", 503, "Retry-After: 120"),
    "429": _says(b"Too Many Requests", 429),
    "401 for ever": _says({"message": "Unauthorized"}, 401),
    "200 with HTML": _says(
        b"<html><body>Maintenance</body></html>", 200, "Content-Type: text/html"
    ),
    "JSON that is cut off": _says(b'{"Tier": "Go'),
    "body that is cut off": _breaks_off,
    "50 MB of JSON": _is_long,
    "50 MB of JSON in chunks": _is_long_in_chunks,
    "50 MB of JSON, packed": _is_long_packed,
    "deeply nested JSON": _says(b"[" * 200_000 + b"]" * 200_000),
    "wrong shape: a text": _says("Gold"),
    "wrong shape: lists": _says([["Gold"], 7]),
}
"""What goes wrong once a connection is there."""

REDIRECTS = ("redirect to http", "redirect inside")
ALL = (
    "refused",
    "backlog full",
    "name unknown",
    "resolver never answers",
    "foreign certificate",
    "no TLS",
    "name leads inside",
    *_AILMENTS,
    *REDIRECTS,
)


@dataclass(frozen=True)
class Ward:
    """The ill CRMs: the host and port of each, and what an application needs to come there."""

    places: Mapping[str, str]
    settings: Mapping[str, str]
    trap: HttpsServer
    """Where a redirect leads inside; it would answer well."""
    caught: list[str] = field(default_factory=list)
    """Connections to where a redirect to http leads."""


@contextmanager
def ward(folder: Path) -> Iterator[Ward]:
    """Yield CRMs that are ill, for as long as the block runs."""
    authority, foreign = trustme.CA(), trustme.CA()
    bundle = folder / "authority.pem"
    authority.cert_pem.write_to_path(bundle)
    caught: list[str] = []
    _packed()  # takes longer than a caller would wait
    with ExitStack() as stack:
        trap = stack.enter_context(closing(HttpsServer(authority.issue_cert("127.0.0.1"))))
        trap.behaviour = _says(_GOOD)
        plain = stack.enter_context(_without_tls(caught))
        leads_to = dict(zip(REDIRECTS, (f"http://127.0.0.1:{plain}/", _at(trap)), strict=True))
        ailing = {
            **_AILMENTS,
            **{name: _says(b"", 302, f"Location: {to}") for name, to in leads_to.items()},
        }
        hosts = {name: f"a{number}.crm.test" for number, name in enumerate(ALL)}
        crms = {hosts[name]: _Crm(behaviour) for name, behaviour in ailing.items()}
        hosts |= {"name unknown": UNKNOWN, "resolver never answers": SILENT}
        server = HttpsServer(
            authority.issue_cert("*.crm.test"), lambda visit: crms[_host(visit)](visit)
        )
        stack.enter_context(closing(server))
        strange = stack.enter_context(closing(HttpsServer(foreign.issue_cert("*.crm.test"))))
        ports = dict.fromkeys(ALL, server.port) | {
            "refused": stack.enter_context(_nobody()),
            "backlog full": stack.enter_context(_full()),
            "foreign certificate": strange.port,
            "no TLS": stack.enter_context(_without_tls([])),
        }
        allowed = ",".join(host for name, host in hosts.items() if name != "name leads inside")
        yield Ward(
            {name: f"{hosts[name]}:{ports[name]}" for name in ALL},
            {"CRM_ALLOWED_HOSTS": f"{allowed},127.0.0.1", "CRM_CA_BUNDLE": str(bundle)},
            trap,
            caught,
        )


class _Crm:
    """One ill CRM: a service of somebody's own, and a SuiteCRM that lets in and then is ill."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self._suite = SuiteCrm()
        self._suite.troubles = [behaviour] * 1000

    def __call__(self, visit: Visit) -> None:
        is_suite = visit.target.startswith("/suite/")
        (self._suite if is_suite else self._behaviour)(visit)


def _host(visit: Visit) -> str:
    return visit.headers["host"].partition(":")[0]


def _at(server: HttpsServer) -> str:
    return f"https://127.0.0.1:{server.port}/"


@contextmanager
def _nobody() -> Iterator[int]:
    """Yield a port that nobody listens at, and that nobody else gets meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@contextmanager
def _full() -> Iterator[int]:
    """Yield the port of a listener that accepts nobody, and whose queue has no room any more."""
    with socket.socket() as listener, ExitStack() as waiting:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port: int = listener.getsockname()[1]
        with suppress(TimeoutError):
            while True:
                waiting.enter_context(socket.create_connection(("127.0.0.1", port), 0.5))
        yield port


@contextmanager
def _without_tls(caught: list[str]) -> Iterator[int]:
    """Yield the port of a server that answers in plain HTTP; it notes each connection."""
    body = json.dumps(_GOOD).encode()
    answer = b"HTTP/1.1 200 So\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                caught.append("a connection")
                with connection, suppress(OSError):
                    connection.recv(65536)
                    connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join()
