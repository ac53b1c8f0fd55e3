"""The real thing: web processes and worker, started as the Procfile says, with the demo."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import IO

import psutil  # type: ignore[import-untyped]  # ships no types
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.conftest import settings
from tests.databases import engine_for
from tests.routing.journals import eventually
from voiceapp import config, create_app
from voiceapp.config import ROOT
from voiceapp.extensions import db
from voiceapp.models.journal import DecisionRow
from voiceapp.runtime import runtime

PROCESSES = 2

_COMMANDS = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())

running: "list[Server]" = []
"""The servers at work; their logs are shown with a test that fails."""


class Server:
    """One installation on this machine: a folder, web processes, perhaps a worker.

    `settings` holds every setting, so that nothing of the developer's own comes in. `module` makes
    the application; another than the real one may hand in what a test wants to replace. With
    `pipes_log` the log goes through a pipe, to be there even if the processes can't write files.
    """

    def __init__(
        self,
        instance: Path,
        changes: Mapping[str, str],
        *,
        module: str = "wsgi",
        pipes_log: bool = False,
    ) -> None:
        port = _free_port()
        self.instance = instance
        self.base = f"http://127.0.0.1:{port}"
        """Where the web processes listen."""
        addresses = {"HOST": "127.0.0.1", "PORT": str(port), "PUBLIC_BASE_URL": self.base}
        self.settings = {**settings(instance), **addresses, **changes}
        self.database_url = config.load(self.settings).database_url
        self._module = module
        self._pipes_log = pipes_log
        self._pipes: list[subprocess.Popen[bytes]] = []
        self._port = port
        self._log = instance.with_name(f"{instance.name}-{port}.log")
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def log(self) -> str:
        """What the processes have written so far."""
        return self._log.read_text()

    def start(self, name: str) -> None:
        """Start `web` or `worker`."""
        with self._log_file() as log:
            self._processes[name] = subprocess.Popen(
                ["/bin/sh", "-c", _COMMANDS[name].replace("wsgi", self._module)],
                cwd=ROOT,
                env=_environment(self.settings),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self, name: str) -> None:
        """End `web` or `worker` at once, with all its children."""
        process = self._processes.pop(name)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def ask_to_end(self, name: str) -> None:
        """Ask `web` or `worker` to end, as whoever runs the Procfile does: the whole group."""
        with suppress(ProcessLookupError):
            os.killpg(self._processes[name].pid, signal.SIGTERM)

    def reload(self) -> None:
        """Ask gunicorn to replace its web processes by new ones."""
        os.kill(self._processes["web"].pid, signal.SIGHUP)

    def has_ended(self, name: str, seconds: float) -> bool:
        """Say whether `web` or `worker` ends by itself within so many seconds."""
        process = self._processes[name]
        return eventually(lambda: process.poll() is not None, seconds)

    def stop(self) -> None:
        """Ask web and worker to end, and see to it that they do."""
        for name in self._processes:
            self.ask_to_end(name)
        for name, process in list(self._processes.items()):
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=5)
            self.kill(name)
        for pipe in self._pipes:
            pipe.wait(timeout=5)

    def wait_until_it_answers(self) -> None:
        assert eventually(lambda: self._answers() and len(self.web_processes()) == PROCESSES)

    def web_processes(self) -> set[int]:
        """Return the ids of the processes that answer."""
        return {child.pid for child in psutil.Process(self._processes["web"].pid).children()}

    def flask(self, *arguments: str) -> str:
        """Run a command of `flask --app wsgi` for this installation; return what it printed."""
        return run_flask(self.settings, *arguments)

    @contextmanager
    def application(self) -> Iterator[Flask]:
        """Yield an application of this process for the same installation, in its context."""
        app = create_app(self.settings, watch=False)
        with app.app_context():
            try:
                yield app
            finally:
                runtime().journal.close()
                db.session.remove()
                db.engine.dispose()

    def rows(self) -> Sequence[DecisionRow]:
        """Return the decisions in the database, in the order they came."""
        with engine_for(self.database_url) as engine, Session(engine) as session:
            return session.scalars(select(DecisionRow).order_by(DecisionRow.id)).all()

    def mentions(self, text: str) -> list[str]:
        """Return the names of the files in which a text stands; the log is one of them."""
        files = [path for path in self.instance.rglob("*") if path.is_file()]
        return [path.name for path in [*files, self._log] if text.encode() in path.read_bytes()]

    @contextmanager
    def _log_file(self) -> Iterator[IO[bytes]]:
        with self._log.open("ab") as log:
            if not self._pipes_log:
                yield log
                return
            pipe = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=log)
            self._pipes.append(pipe)  # it ends when everybody has closed its other end
            assert pipe.stdin is not None
            with pipe.stdin:
                yield pipe.stdin

    def _answers(self) -> bool:
        assert self._processes["web"].poll() is None, "The server has ended."
        connection = HTTPConnection("127.0.0.1", self._port, timeout=10)
        try:
            connection.request("GET", "/twiml/did")
            return connection.getresponse().status == 403
        except OSError:
            return False
        finally:
            connection.close()


@contextmanager
def serving(
    instance: Path,
    *,
    worker: bool = True,
    module: str = "wsgi",
    pipes_log: bool = False,
    **changes: str,
) -> Iterator[Server]:
    """Yield a server that answers; `changes` are settings. At the end nothing of it is left."""
    server = Server(instance, changes, module=module, pipes_log=pipes_log)
    with ExitStack() as ending:
        running.append(server)
        ending.callback(running.remove, server)
        ending.callback(server.stop)
        server.start("web")
        if worker:
            server.start("worker")
        server.wait_until_it_answers()
        yield server


def run_flask(settings: Mapping[str, str], *arguments: str) -> str:
    """Run a command of `flask --app wsgi` to its good end; return what it printed."""
    done = subprocess.run(
        [str(_programs() / "flask"), "--app", "wsgi", *arguments],
        cwd=ROOT,
        env=_environment(settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return settings with what any program needs, and nothing of the developer's own."""
    path = f"{_programs()}{os.pathsep}{os.defpath}"
    # without FLASK_SKIP_DOTENV the command would add what it finds in .env and .flaskenv
    own = {"PATH": path, "LANG": "C.UTF-8", "FLASK_SKIP_DOTENV": "1"}
    return {**settings, **own, "WEB_CONCURRENCY": str(PROCESSES)}


def _programs() -> Path:
    return Path(sys.executable).parent


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
