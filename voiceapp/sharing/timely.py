"""Connections to Redis on which nothing takes longer than the caller waits, name and all."""

import socket
from collections.abc import Callable
from typing import Any

from redis import Connection, ConnectionPool, SSLConnection, UnixDomainSocketConnection
from redis.backoff import NoBackoff
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry

from voiceapp.crm.contract import CrmError
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.resolver import Resolve, Resolver

Remaining = Callable[[], float]
"""Returns the seconds that the caller of this thread still waits."""


def timely_pool(
    url: str, remaining: Remaining, patience: float, resolve: Resolve
) -> ConnectionPool:
    """Return connections to a Redis; what takes longer than `remaining` raises TimeoutError."""
    kind, *_ = url.partition(":")
    own: dict[str, Any] = {"connection_class": _KINDS.get(kind, _Named), "remaining": remaining}
    if kind != "unix":
        own["resolver"] = Resolver(resolve)
    return ConnectionPool.from_url(
        url,
        socket_timeout=patience,
        socket_connect_timeout=patience,
        retry=Retry(NoBackoff(), 0),
        maint_notifications_config=MaintNotificationsConfig(
            enabled=False
        ),  # they lengthen timeouts
        **own,
    )


def _left(remaining: Remaining) -> float:
    seconds = remaining()
    if seconds <= 0:
        raise TimeoutError("The caller waits no longer.")
    return seconds


class _Socket:
    """A socket that waits for each piece no longer than the caller does for all of them."""

    def __init__(self, plain: socket.socket, remaining: Remaining) -> None:
        self._plain = plain
        self._remaining = remaining
        self._timeout = plain.gettimeout()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._plain, name)

    def settimeout(self, seconds: float | None) -> None:
        self._timeout = seconds
        self._plain.settimeout(seconds)

    def recv(self, size: int) -> bytes:
        self._hurry()
        return self._plain.recv(size)

    def sendall(self, data: bytes) -> None:
        self._hurry()
        self._plain.sendall(data)

    def _hurry(self) -> None:
        if self._timeout != 0:  # a look at what is there already
            self._plain.settimeout(_left(self._remaining))


class _Resolved(Connection):
    """Connects to the addresses of a name that is resolved in time."""

    def __init__(self, *, resolver: Resolver, remaining: Remaining, **settings: Any) -> None:
        super().__init__(**settings)
        self._resolver = resolver
        self._remaining = remaining

    def _connect(self) -> socket.socket:
        name = self.host
        try:
            addresses = self._resolver.addresses(
                name, self.port, Deadline.after(_left(self._remaining))
            )
        except CrmError as error:
            raise OSError(str(error)) from error
        try:
            return self._connect_to_one_of(addresses)
        finally:
            self.host = name  # a certificate is for the name

    def _connect_to_one_of(self, addresses: tuple[str, ...]) -> socket.socket:
        for address in addresses[:-1]:
            try:
                return self._connect_to(address)
            except OSError:
                continue
        return self._connect_to(addresses[-1])

    def _connect_to(self, address: str) -> socket.socket:
        self.host = address
        self.socket_connect_timeout = self.socket_timeout = _left(self._remaining)
        plain: socket.socket = super()._connect()
        return plain


class _Named(_Resolved):
    def _connect(self) -> Any:
        return _Socket(super()._connect(), self._remaining)


class _Encrypted(SSLConnection, _Resolved):
    def _connect(self) -> Any:
        return _Socket(super()._connect(), self._remaining)


class _Local(UnixDomainSocketConnection):
    def __init__(self, *, remaining: Remaining, **settings: Any) -> None:
        super().__init__(**settings)
        self._remaining = remaining

    def _connect(self) -> Any:
        try:
            self.socket_connect_timeout = _left(self._remaining)
            return _Socket(super()._connect(), self._remaining)
        except TimeoutError as error:  # for which redis wants to name a host, and there is none
            raise ConnectionError("The socket file gave no connection in time.") from error


_KINDS: dict[str, type[Connection] | type[UnixDomainSocketConnection]] = {
    "redis": _Named,
    "rediss": _Encrypted,
    "unix": _Local,
}
