"""The stand-in for a CRM, started with a certificate that everybody who asks it trusts."""

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import certifi
import trustme

from bench.processes import free_port, running


@dataclass(frozen=True, slots=True)
class Crm:
    """Where it is, and the authorities to trust."""

    url: str
    authority: Path
    """The one that made its certificate."""
    bundle: Path
    """All that are publicly trusted, and that one: what a program in production reads."""


class Authority:
    """Makes certificates in a folder."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.certificate, self.alone = folder / "crm.pem", folder / "authority.pem"
        self.bundle = folder / "authorities.pem"
        made = authority.issue_cert("localhost", "127.0.0.1")
        made.private_key_and_cert_chain_pem.write_to_path(str(self.certificate))
        authority.cert_pem.write_to_path(str(self.alone))
        self.bundle.write_bytes(Path(certifi.where()).read_bytes() + self.alone.read_bytes())


@contextmanager
def answering(folder: Path, authority: Authority, delay_ms: int = 0) -> Iterator[Crm]:
    """Yield a CRM that answers after so many milliseconds."""
    port = free_port()
    command = [sys.executable, "-m", "bench.stand_in", str(port)]
    command += [str(authority.certificate), str(delay_ms)]
    with running(command, {}, folder / "crm.log", port):
        yield Crm(f"https://localhost:{port}/customer", authority.alone, authority.bundle)


@contextmanager
def dead(authority: Authority) -> Iterator[Crm]:
    """Yield a CRM whose address refuses every connection."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # without listen(): the port is ours, and refuses
        url = f"https://localhost:{taken.getsockname()[1]}/customer"
        yield Crm(url, authority.alone, authority.bundle)
