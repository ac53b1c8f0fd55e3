"""A real HTTPS server on this machine that does with each request what the test tells it to."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from io import BufferedReader
from typing import TypeAlias

import trustme


@dataclass(frozen=True)
class Visit:
    """One request as it came over the wire, and the means to answer it."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    number: int
    """Counts the requests of its connection, from 1."""
    socket: ssl.SSLSocket = field(repr=False)
    stopped: threading.Event = field(repr=False)

    def answer(self, body: bytes = b"", status: int = 200, headers: Sequence[str] = ()) -> None:
        """Send a complete answer; the connection stays open."""
        lines = [f"HTTP/1.1 {status} So", f"Content-Length: {len(body)}", *headers]
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode() + body)

    def drip(self, data: bytes, pause: float = 0.1) -> None:
        """Send one byte after the other, slowly, until the other side has gone."""
        for byte in data:
            self.socket.sendall(bytes([byte]))
            if self.stopped.wait(pause):
                return

    def hang_up(self) -> None:
        """Close the connection without another word."""
        self.socket.shutdown(socket.SHUT_RDWR)  # closing waits for the file that reads from it
        self.socket.close()


Behaviour: TypeAlias = Callable[[Visit], None]


class HttpsServer:
    """Listens on a free port of 127.0.0.1, keeps what it saw, and follows `behaviour`."""

    def __init__(self, certificate: trustme.LeafCert, behaviour: Behaviour = Visit.answer) -> None:
        self.behaviour = behaviour
        self.takes_bodies = True
        self.visits: list[Visit] = []
        self.connections: list[ssl.SSLSocket] = []
        self.names: list[str | None] = []
        """The host names that clients asked for in the TLS handshake (SNI)."""
        self._stopped = threading.Event()
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.sni_callback = lambda _, name, __: self.names.append(name)
        certificate.configure_cert(self._context)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def port(self) -> int:
        return self._listener.getsockname()[1]

    @property
    def targets(self) -> list[str]:
        return [visit.target for visit in self.visits]

    def close(self) -> None:
        self._stopped.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self.connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                plain, _ = self._listener.accept()
                plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                thread = threading.Thread(target=self._serve, args=(plain,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, plain: socket.socket) -> None:
        with plain, suppress(OSError, ValueError):
            connection = self._context.wrap_socket(plain, server_side=True)
            self.connections.append(connection)
            with connection, connection.makefile("rb") as lines:
                number = 1
                while request_line := lines.readline():
                    visit = self._read(connection, request_line, lines, number)
                    self.visits.append(visit)
                    self.behaviour(visit)
                    number += 1

    def _read(
        self, connection: ssl.SSLSocket, request_line: bytes, lines: BufferedReader, number: int
    ) -> Visit:
        method, target, _ = request_line.decode().split(" ")
        headers = {}
        while line := lines.readline().strip():
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        length = int(headers.get("content-length", 0)) if self.takes_bodies else 0
        body = lines.read(length)
        return Visit(method, target, headers, body, number, connection, self._stopped)


@contextmanager
def plain_server(treat: Callable[[socket.socket, threading.Event], None]) -> Iterator[int]:
    """Listen for TCP only and hand the first connection to `treat`; yields the port."""
    stopped = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                connection, _ = listener.accept()
                with connection:
                    treat(connection, stopped)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            stopped.set()
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join()
