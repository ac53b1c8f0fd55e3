"""The one door to the network: https, public addresses, one deadline, an answer of bounded size."""

import logging
import re
import ssl
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from http.client import HTTPException
from ipaddress import ip_address
from os import PathLike
from socket import IPPROTO_TCP, TCP_NODELAY, create_connection, socket
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import certifi
import requests
from urllib3.exceptions import DecodeError, HTTPError
from urllib3.response import HTTPResponse

from voiceapp.crm.contract import CrmBadAnswer, CrmOutOfTime, CrmRefused, CrmUnavailable
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.door import HttpAnswer
from voiceapp.crm.resolver import Resolve, Resolver, is_public, system_resolve
from voiceapp.crm.transport import CURRENT, CheckedPools, Exchange, TimedSocket

MAX_BODY = 1024 * 1024
"""Bytes of a body that are usually accepted."""

_PIECE = 64 * 1024
_MAX_TRIES = 4  # addresses of one host that are tried before it counts as out of reach
_HEADERS = {
    "User-Agent": "voiceapp",
    "Accept": "application/json",
    "Accept-Encoding": "gzip",
    "Connection": "keep-alive",
}
_REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})  # RFC 9110, 9.2.2

_NOT_VALID = "The address or a header of the request is not valid."
_PLAIN_QUERY = re.compile(r"(?:[A-Za-z0-9._~&=,-]|%[0-9A-F]{2})*")  # as it can be sent
_KNOWN_TARGETS = 1024

# Its warnings and debug lines spell out whole addresses: callers' numbers, keys in the query.
logging.getLogger("urllib3").setLevel(logging.ERROR)

Connect = Callable[[tuple[str, int], float], socket]
"""Connects to an IP address and port within seconds, as `socket.create_connection` does."""


@dataclass(frozen=True, slots=True)
class _Target:
    """Where a request goes; the path has its query."""

    host: str
    port: int | None
    path: str


class HttpDoor:
    """Sends requests to CRMs over pooled connections; safe to share between threads.

    Only https, only to public addresses: `allowed_hosts` are the names (or literal addresses) an
    operator lets through although they lead into a private network. The address that was checked
    is the one connected to. `ca_bundle` is a PEM file of authorities trusted beside certifi's.
    Cookies, proxies, `.netrc` and other habits of the machine are left out.
    """

    def __init__(
        self,
        *,
        allowed_hosts: Collection[str] = (),
        ca_bundle: str | PathLike[str] | None = None,
        resolve: Resolve = system_resolve,
        connect: Connect = create_connection,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._allowed_hosts = frozenset(_plain(host) for host in allowed_hosts)
        self._resolver = Resolver(resolve, clock=clock)
        self._connect = connect
        self._clock = clock
        self._pools = CheckedPools(_tls_context(str(ca_bundle or "")))

    def request(
        self,
        method: str,
        url: str,
        *,
        deadline: Deadline,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        repeatable: bool | None = None,
        max_body: int = MAX_BODY,
    ) -> HttpAnswer:
        """Return the server's answer, whatever its status; redirects are not followed.

        `deadline` bounds everything from looking up the name to the last byte of the body.
        `params` join the query of `url`; `json` or `form` is the body; `max_body` are the bytes
        of the answer that are accepted, counted after unpacking. If a pooled connection
        turns out to be dead the request is sent once more, when its method allows it or
        `repeatable` says so (a search by POST).

        Raises `CrmRefused` if the request must not be sent or the certificate is not accepted,
        `CrmUnavailable` if there was no answer (`CrmOutOfTime`: in time), `CrmBadAnswer` if it
        cannot be read.
        """
        to = _target(url, params or {})
        request = _prepared(method, headers or {}, json, form)
        if repeatable is None:
            repeatable = method.upper() in _REPEATABLE
        exchange = Exchange(deadline, self._dial, self._clock)
        try:
            return self._send(to, request, exchange, max_body)
        except CrmUnavailable:
            was_dead = exchange.met_a_dead_connection()
            if not (repeatable and was_dead) or deadline.has_passed():
                raise
        return self._send(to, request, replace(exchange, fresh=True), max_body)

    def close(self) -> None:
        """Close the pooled connections."""
        self._pools.clear()

    def _send(
        self, to: _Target, request: requests.PreparedRequest, exchange: Exchange, max_body: int
    ) -> HttpAnswer:
        token = CURRENT.set(exchange)
        try:
            exchange.seconds_left()
            with self._pools.to(to.host, to.port).lent() as connection:
                response = connection.ask(
                    request.method or "GET", to.path, request.body, request.headers
                )
                body = _body(response, to.host, max_body)
            return HttpAnswer(response.status, MappingProxyType(response.headers), body)
        except (OSError, HTTPError, HTTPException) as error:
            if exchange.deadline.has_passed():
                raise CrmOutOfTime(f"{to.host} gave no answer within the budget.") from error
            raise CrmUnavailable(f"The connection to {to.host} broke off.") from error
        finally:
            CURRENT.reset(token)

    def _dial(self, host: str, port: int, deadline: Deadline) -> socket:
        addresses = self._checked_addresses(host, port, deadline)[:_MAX_TRIES]
        trouble: OSError | None = None
        for tried, address in enumerate(addresses):
            # a share each, so that an address which swallows everything leaves time for the next
            seconds = deadline.remaining() / (len(addresses) - tried)
            if seconds <= 0:
                break
            try:
                connected = self._connect((address, port), seconds)
            except OSError as error:
                trouble = error
            else:
                connected.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
                return connected
        if deadline.has_passed():
            raise CrmOutOfTime(f"{host} could not be reached within the budget.") from trouble
        raise CrmUnavailable(f"{host} could not be reached.") from trouble

    def _checked_addresses(self, host: str, port: int, deadline: Deadline) -> list[str]:
        try:
            addresses = [ip_address(host)]
        except ValueError:
            found = self._resolver.addresses(host, port, deadline)
            addresses = [ip_address(address) for address in found]
        if _plain(host) not in self._allowed_hosts and not all(map(is_public, addresses)):
            raise CrmRefused(
                f"{host} leads into a private network, where no CRM is asked unless it is allowed "
                "by name.",
                "If it is a CRM of your own, whoever runs voiceapp can allow it: they add "
                f"{_plain(host)} to CRM_ALLOWED_HOSTS in the file .env and start voiceapp again.",
            )
        return [str(address) for address in addresses]


def _target(url: str, params: Mapping[str, str]) -> _Target:
    """Return where a request goes. Raises `CrmRefused` if it must not go there."""
    where, _, query = url.partition("?")
    # a blank as %20, not as a plus sign, which some servers take for one
    added = urlencode(params, quote_via=quote, safe="")
    if "#" in url or not _PLAIN_QUERY.fullmatch(query):
        return _read_target(url, added)
    to = _known_target(where)
    query = f"{query}&{added}" if query and added else query or added
    return _Target(to.host, to.port, f"{to.path}?{query}") if query else to


def _read_target(url: str, added: str = "") -> _Target:
    prepared = requests.PreparedRequest()
    try:
        prepared.prepare_url(url, added)
    except (requests.RequestException, ValueError):
        raise CrmRefused(_NOT_VALID) from None
    parts = urlsplit(prepared.url or "")
    if parts.scheme != "https":
        raise CrmRefused("The address must start with https://.")
    if "@" in parts.netloc:
        raise CrmRefused("User name and password must not stand in the address.")
    return _Target(parts.hostname or "", parts.port, prepared.path_url)


# what stands before the query is mostly the same, and reading it is the better part of a request
_known_target = lru_cache(_KNOWN_TARGETS)(_read_target)


def _prepared(
    method: str, headers: Mapping[str, str], json: Any, form: Mapping[str, str] | None
) -> requests.PreparedRequest:
    prepared = requests.PreparedRequest()
    try:
        prepared.prepare_method(method)
        prepared.prepare_headers({**_HEADERS, **headers})
        prepared.prepare_body(form, None, json)
        for value in prepared.headers.values():
            value.encode("latin-1")  # or it would fail when half of the request is sent
    except (requests.RequestException, ValueError):
        # the cause quotes what is wrong, and that may be the secret in a header
        raise CrmRefused(_NOT_VALID) from None
    return prepared


def _plain(host: str) -> str:
    return host.strip().strip("[]").rstrip(".").lower()


@lru_cache(maxsize=8)  # reading the authorities takes longer than all else at a start
def _tls_context(ca_bundle: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=certifi.where())
    if ca_bundle:
        context.load_verify_locations(cafile=ca_bundle)
    context.sslsocket_class = TimedSocket
    return context


def _body(response: HTTPResponse, host: str, max_body: int) -> bytes:
    # one layer of gzip at most: layers upon layers unpack without end between two reads
    if response.headers.get("Content-Encoding", "").lower() not in ("", "identity", "gzip"):
        raise CrmBadAnswer(f"{host} packed its answer in a way that was not asked for.")
    if (response.length_remaining or 0) > max_body:
        raise _too_large(host, max_body)
    body = bytearray()
    try:
        while piece := response.read(_PIECE, decode_content=True):
            body += piece
            if len(body) > max_body:
                raise _too_large(host, max_body)
    except DecodeError as error:
        raise CrmBadAnswer(f"The answer of {host} could not be unpacked.") from error
    return bytes(body)


def _too_large(host: str, max_body: int) -> CrmBadAnswer:
    return CrmBadAnswer(f"The answer of {host} is larger than {max_body // MAX_BODY} MiB.")
