"""From a host's name to addresses: in time, and with a word on which of them are public."""

import socket
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import TypeAlias

from voiceapp.crm.contract import CrmOutOfTime, CrmUnavailable
from voiceapp.crm.deadline import Deadline

Resolve: TypeAlias = Callable[[str, int], Sequence[str]]
"""Returns the IP addresses of a host for a port, best first; raises OSError if it has none."""

# Python's `is_global` follows IANA's registries, and lets these pass.
_INWARD = (
    ip_network("192.0.0.0/24"),  # protocol assignments (RFC 6890); Oracle's cloud metadata
    ip_network("192.88.99.0/24"),  # 6to4 relays (RFC 7526)
    ip_network("168.63.129.16/32"),  # what Azure shows of itself to each virtual machine
)
_GLOBAL_UNICAST = ip_network("2000::/3")  # all of IPv6 that is handed out (RFC 4291, 2.4)
_NAT64 = ip_network("64:ff9b::/96")  # an IPv4 address in its last 32 bits (RFC 6052)


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Say whether an address lies in the public internet.

    An IPv6 address that stands for an IPv4 address (mapped, 6to4, NAT64) is judged by that one.

    >>> from ipaddress import ip_address
    >>> [is_public(ip_address(text)) for text in ("8.8.8.8", "10.0.0.1", "::ffff:10.0.0.1")]
    [True, False, False]
    """
    if isinstance(address, IPv4Address):
        inward = address.is_multicast or any(address in network for network in _INWARD)
        return address.is_global and not inward
    inner = _embedded(address)
    if inner is not None:
        return is_public(inner)
    return address.is_global and address in _GLOBAL_UNICAST


def _embedded(address: IPv6Address) -> IPv4Address | None:
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


def system_resolve(host: str, port: int) -> list[str]:
    """Ask the system's resolver, which takes as long as it likes."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


@dataclass(frozen=True, slots=True)
class _Kept:
    addresses: tuple[str, ...]
    until: float


class Resolver:
    """Resolves names within a deadline, and remembers good answers for `keep` seconds.

    Safe to share between threads. A name is asked for by one thread at a time, whoever waits,
    so a resolver that never answers costs one thread and not one for each call.
    """

    def __init__(
        self,
        resolve: Resolve = system_resolve,
        *,
        clock: Callable[[], float] = time.monotonic,
        keep: float = 60,
    ) -> None:
        self._resolve = resolve
        self._clock = clock
        self._keep = keep
        self._lock = threading.Lock()
        self._kept: dict[str, _Kept] = {}
        self._flights: dict[str, Future[tuple[str, ...]]] = {}

    def addresses(self, host: str, port: int, deadline: Deadline) -> tuple[str, ...]:
        """Return the addresses of `host`, at least one, best first.

        Raises `CrmUnavailable` if there are none, `CrmOutOfTime` if `deadline` passes first.
        """
        flight = self._flight(host, port)
        try:
            addresses = flight.result(timeout=max(deadline.remaining(), 0))
        except TimeoutError as error:
            raise CrmOutOfTime(
                f"The address of {host} could not be looked up within the budget."
            ) from error
        except (OSError, UnicodeError) as error:  # a label that is too long is a UnicodeError
            raise CrmUnavailable(f"The name {host} could not be resolved.") from error
        if not addresses:
            raise CrmUnavailable(f"The name {host} has no address.")
        return addresses

    def _flight(self, host: str, port: int) -> Future[tuple[str, ...]]:
        with self._lock:
            kept = self._kept.get(host)
            if kept is not None and self._clock() < kept.until:
                landed: Future[tuple[str, ...]] = Future()
                landed.set_result(kept.addresses)
                return landed
            if host not in self._flights:
                flight: Future[tuple[str, ...]] = Future()
                thread = threading.Thread(
                    target=self._fly,
                    args=(host, port, flight),
                    name=f"resolve {host}",
                    daemon=True,  # or one that never answers would keep the process from ending
                )
                try:
                    thread.start()
                except RuntimeError as error:  # no more threads are to be had
                    raise CrmUnavailable(f"The name {host} can't be looked up now.") from error
                self._flights[host] = flight
            return self._flights[host]

    def _fly(self, host: str, port: int, flight: Future[tuple[str, ...]]) -> None:
        try:
            addresses = tuple(self._resolve(host, port))
        except Exception as error:  # whatever it is, it is for those who wait
            self._land(host, ())
            flight.set_exception(error)
        else:
            self._land(host, addresses)
            flight.set_result(addresses)

    def _land(self, host: str, addresses: tuple[str, ...]) -> None:
        now = self._clock()
        with self._lock:
            del self._flights[host]
            self._kept = {name: kept for name, kept in self._kept.items() if now < kept.until}
            if addresses:
                self._kept[host] = _Kept(addresses, now + self._keep)
