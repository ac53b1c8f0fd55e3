"""The sides that are compared: voiceapp, and three programs that do the same, or less."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.calls import BASE, TOKEN
from bench.crm import Crm
from bench.installation import set_up, settings
from bench.load import release_of
from bench.processes import ROOT, Process, free_port, running
from bench.rows import fill

_PROCFILE = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())
_OURS = ["gunicorn", "--config", "gunicorn.conf.py"]
_ROUNDS = 10  # calls in a row that are routed, each perhaps by another process
_PLAIN = ["gunicorn", "--workers", "2", "--threads", "16", "--keep-alive", "15"]
_ELSEWHERE = ["env", f"PYTHONPATH={ROOT}"]  # or gunicorn would take our gunicorn.conf.py


@dataclass(frozen=True, slots=True)
class Side:
    """A server that answers on a port; `settings` are those of its installation, if it has one."""

    port: int
    web: Process
    settings: dict[str, str]
    folder: Path

    def processes(self) -> list[int]:
        """Return the ids of the processes that answer calls."""
        return self.web.children()


@contextmanager
def floor(folder: Path) -> Iterator[Side]:
    """Flask, the signature, one fixed answer; gunicorn as ours is set up, by the same file."""
    port = free_port()
    own = settings(folder / "floor", port)
    with running([*_OURS, "bench.floor:app"], own, folder / "floor.log", port) as web:
        yield Side(port, web, own, folder)


@contextmanager
def by_hand(folder: Path, crm: Crm) -> Iterator[Side]:
    """Flask and requests as people write it, with 2 processes of 16 threads."""
    port = free_port()
    own = {**_public(crm), "REQUESTS_CA_BUNDLE": str(crm.authority)}
    command = [
        *_ELSEWHERE,
        f"--chdir={folder}",
        *_PLAIN,
        "--bind",
        f"127.0.0.1:{port}",
        "bench.by_hand:app",
    ]
    with running(command, own, folder / "by_hand.log", port) as web:
        yield Side(port, web, own, folder)


@contextmanager
def express(folder: Path, crm: Crm) -> Iterator[Side]:
    """Express and the twilio package, with 2 processes."""
    port = free_port()
    own = {
        **_public(crm),
        "PORT": str(port),
        "NODE_ENV": "production",
        "NODE_EXTRA_CA_CERTS": str(crm.authority),
    }
    log = folder / "express.log"
    with running(["node", "bench/express/server.js"], own, log, port) as web:
        yield Side(port, web, own, folder)


@contextmanager
def voiceapp(folder: Path, name: str, *crms: Crm, rules: int = 10, past: int = 0) -> Iterator[Side]:
    """The product as in production: an installation of its own, web processes and the worker.

    It has so many rules, and as many DIDs, and so many past calls.
    """
    port = free_port()
    own = settings(folder / name, port, CRM_CA_BUNDLE=str(crms[0].authority))
    set_up(own, [crm.url for crm in crms], rules)
    fill(own, past)
    with started(own, folder, name) as side:
        yield side


@contextmanager
def started(own: dict[str, str], folder: Path, name: str) -> Iterator[Side]:
    """Start an installation that is set up already, as the Procfile says."""
    port = int(own["PORT"])
    log = folder / f"{name}.log"
    with running(["/bin/sh", "-c", _PROCFILE["web"]], own, log, port) as web:
        web.until(lambda: all(release_of(port) for _ in range(_ROUNDS)))
        side = Side(port, web, own, folder)
        working = Process(["/bin/sh", "-c", _PROCFILE["worker"]], own, log)
        try:
            yield side
        finally:
            working.stop()


def _public(crm: Crm) -> dict[str, str]:
    return {"PUBLIC_BASE_URL": BASE, "TWILIO_AUTH_TOKEN": TOKEN, "CRM_URL": crm.url}
