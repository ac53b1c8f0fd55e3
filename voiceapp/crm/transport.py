"""What urllib3 is put together from, changed so that one deadline bounds all of a request.

urllib3 has no way to tell a pooled connection's socket what the request at hand allows, so the
pieces here read it from `CURRENT`, which the door to the network sets for the thread.
"""

import http.client
import math
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from socket import socket
from typing import TYPE_CHECKING, ClassVar, cast

from urllib3 import PoolManager
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPSConnectionPool
from urllib3.exceptions import InvalidHeader
from urllib3.response import HTTPResponse

from voiceapp.crm.contract import CrmBadAnswer, CrmRefused, CrmUnavailable
from voiceapp.crm.deadline import Deadline

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer
    from urllib3._base_connection import BaseHTTPConnection

_MAX_HOSTS = 64
_MAX_POOLED = 512  # connections kept for each host: as many as one process has threads, and more

MAX_REST = 50.0
"""Seconds after which an unused connection is no longer trusted.

Firewalls forget quiet connections without a word (Azure after 240 s, AWS after 350 s); a request
sent into one waits for nothing until its budget is gone. Load balancers close at 60 s and more.
"""

_BY_THE_CRM = "Whoever runs the CRM's server has to renew its certificate."
_TRUST = (
    "If the server is one of your own, whoever runs voiceapp can have it trusted: they put {} into "
    "a file, set CRM_CA_BUNDLE in the file .env to its path, and start voiceapp again."
)
# The verify codes of OpenSSL (x509_vfy.h) that somebody who sets up a CRM can act on, and how.
_CERTIFICATE_FAULTS = {
    9: (
        "it is not valid yet",
        "Look whether the clock of the machine that voiceapp runs on is right.",
    ),
    10: ("it has expired", _BY_THE_CRM),
    18: ("it is signed by itself", _TRUST.format("that certificate")),
    19: ("its authority is not known here", _TRUST.format("the authority's certificate")),
    20: ("its authority is not known here", _TRUST.format("the authority's certificate")),
    62: ("it is for another name", ""),
    64: ("it is for another address", ""),
}


@dataclass(slots=True)
class Exchange:
    """One request on its way: what it allows, and what has happened to it so far.

    `dial` returns a connected socket; `fresh` forbids a pooled connection. `dialled` says that a
    new connection was made, `heard` that at least one byte was received.
    """

    deadline: Deadline
    dial: Callable[[str, int, Deadline], socket]
    clock: Callable[[], float]
    fresh: bool = False
    dialled: bool = False
    heard: bool = False

    def seconds_left(self) -> float:
        """Return the rest of the budget, more than zero; raise TimeoutError if it is used up."""
        seconds = self.deadline.remaining()
        if seconds <= 0:
            raise TimeoutError
        return seconds

    def met_a_dead_connection(self) -> bool:
        """Say whether a failure is that of a pooled connection which the server had given up."""
        return not self.dialled and not self.heard


CURRENT: ContextVar[Exchange] = ContextVar("CURRENT")
"""The exchange that the running thread is busy with."""


class TimedSocket(ssl.SSLSocket):
    """A TLS socket whose every step may take what is left of the exchange, not a time anew.

    Python bounds each single call as a whole (`_ssl.c` keeps a deadline of its own in it), so a
    handshake or a TLS record that arrives in drops is cut off as well.
    """

    def do_handshake(self, block: bool = False) -> None:
        """Agree on TLS within the deadline."""
        self.settimeout(CURRENT.get().seconds_left())
        super().do_handshake(block)

    def send(self, data: "ReadableBuffer", flags: int = 0) -> int:
        """Send some of `data` within the deadline; `sendall` calls this for each part."""
        self.settimeout(CURRENT.get().seconds_left())
        return super().send(data, flags)

    def recv_into(
        self, buffer: "WriteableBuffer", nbytes: int | None = None, flags: int = 0
    ) -> int:
        """Receive within the deadline; all that http.client reads comes through here."""
        exchange = CURRENT.get()
        self.settimeout(exchange.seconds_left())
        received = super().recv_into(buffer, nbytes, flags)
        exchange.heard = exchange.heard or received > 0
        return received


class CheckedConnection(HTTPSConnection):
    """A connection made by the exchange's `dial`; what goes wrong in TLS or HTTP has a sentence.

    The name stays with the connection, so SNI and the certificate are about it and not about the
    address that was dialled.
    """

    rests_since = math.inf  # a new one has not rested yet

    def _new_conn(self) -> socket:
        exchange = CURRENT.get()
        exchange.dialled = True
        return exchange.dial(self.host, self.port, exchange.deadline)

    def connect(self) -> None:
        """Connect and agree on TLS; raises `CrmRefused` for a certificate, else as urllib3."""
        try:
            super().connect()
        except ssl.SSLCertVerificationError as error:
            usual = ("it could not be verified", "")
            why, advice = _CERTIFICATE_FAULTS.get(error.verify_code, usual)
            message = f"The certificate of {self.host} was not accepted: {why}."
            raise CrmRefused(message, advice) from error
        except ssl.SSLError as error:
            raise CrmUnavailable(f"No secure connection to {self.host} was agreed on.") from error

    def ask(
        self, method: str, target: str, body: bytes | str | None, headers: Mapping[str, str]
    ) -> HTTPResponse:
        """Send a request and return its answer, the body unread. Raises as `connect` does."""
        if self.is_closed:
            self.connect()
        # a server may answer before it has read everything, and close
        with suppress(BrokenPipeError, ConnectionResetError):
            self.request(method, target, body, headers, preload_content=False)
        return self.getresponse()

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as in urllib3 itself
        """Return the answer, its body unread; raises `CrmBadAnswer` for what is not HTTP."""
        try:
            return super().getresponse()
        except ConnectionError:  # RemoteDisconnected is both, and means the connection
            raise
        except (http.client.HTTPException, InvalidHeader) as error:
            raise CrmBadAnswer(f"{self.host} did not answer in proper HTTP.") from error


class CheckedPool(HTTPSConnectionPool):
    """A pool that hands out no connection that is too old, or none at all if it must be fresh."""

    ConnectionCls: ClassVar[type[CheckedConnection]] = CheckedConnection  # type: ignore[misc]

    @contextmanager
    def lent(self) -> Iterator[CheckedConnection]:
        """Lend a connection; it is used again unless what it was lent for fails."""
        connection = cast(CheckedConnection, self._get_conn())
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        finally:
            self._put_conn(connection)

    def _get_conn(self, timeout: float | None = None) -> "BaseHTTPConnection":
        connection = super()._get_conn(timeout)
        exchange = CURRENT.get()
        rested = exchange.clock() - getattr(connection, "rests_since", math.inf)
        if exchange.fresh or rested > MAX_REST:
            connection.close()  # it connects anew when it is used
        return connection

    def _put_conn(self, conn: "BaseHTTPConnection | None") -> None:
        if isinstance(conn, CheckedConnection):
            conn.rests_since = CURRENT.get().clock()
        super()._put_conn(conn)


class CheckedPools(PoolManager):
    """A pool for each host, with one TLS context whose authorities were read once."""

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(
            _MAX_HOSTS, maxsize=_MAX_POOLED, ssl_context=context, cert_reqs=ssl.CERT_REQUIRED
        )
        self.pool_classes_by_scheme = {"https": CheckedPool}

    def to(self, host: str | None, port: int | None) -> CheckedPool:
        """Return the pool of connections to a host."""
        return cast(CheckedPool, self.connection_from_host(host, port, "https"))
