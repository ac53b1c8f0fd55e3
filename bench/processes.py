"""Starting and ending the processes that are measured, and what memory they take."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # ships no types

ROOT = Path(__file__).parents[1]
PROGRAMS = Path(sys.executable).parent
_PATIENCE = 120.0


class Process:
    """A program that runs until it is stopped, with all its children; `log` is its file."""

    def __init__(self, command: Sequence[str], settings: Mapping[str, str], log: Path) -> None:
        own = {"PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}", "LANG": "C.UTF-8"}
        self.log = log
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**own, "FLASK_SKIP_DOTENV": "1", **settings},
                stdout=file,
                stderr=file,
                start_new_session=True,
            )

    def children(self) -> list[int]:
        """Return the ids of the processes that this one has started."""
        return [child.pid for child in psutil.Process(self._process.pid).children()]

    def until(self, is_ready: Callable[[], object]) -> float:
        """Wait until something holds and return the seconds that took; trouble means not yet."""
        began = time.perf_counter()
        while True:
            with suppress(OSError, HTTPException):
                if is_ready():
                    return time.perf_counter() - began
            if self._process.poll() is not None or time.perf_counter() - began > _PATIENCE:
                raise SystemExit(f"It does not start:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.01)

    def stop(self) -> None:
        """Ask it to end, and see to it that it does."""
        for number, seconds in ((signal.SIGTERM, 10), (signal.SIGKILL, 10)):
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)


@contextmanager
def running(
    command: Sequence[str], settings: Mapping[str, str], log: Path, port: int
) -> Iterator[Process]:
    """Yield a program that listens on a port; at the end nothing of it is left."""
    process = Process(command, settings, log)
    try:
        process.until(lambda: _is_listening(port))
        yield process
    finally:
        process.stop()


def _is_listening(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), 1):
        return True


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def megabytes(process: int) -> float:
    """Return the memory of a process in MB: what it shares counts by its share (PSS)."""
    for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise SystemExit("This system does not tell how much memory a process takes.")
