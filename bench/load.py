"""Many callers at once, by wrk, and one by hand to see what the right answer is."""

import re
import subprocess
import tempfile
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import fromstring  # type: ignore[import-untyped]  # ships no types

from bench.calls import TARGET, Callers, write

_SCRIPT = Path(__file__).with_name("calls.lua")
_FASTEST = 9000  # calls a second that no side comes near on two cores
_RELEASE = re.compile(rb"[?&;]r=(\d+)")
_PATIENCE = "10s"


class WrongAnswer(Exception):
    """A side answered something that a caller must not get; nothing it measured counts."""


@dataclass(frozen=True, slots=True)
class Run:
    """What came of some seconds: calls answered, calls a second, milliseconds they took."""

    calls: int
    rate: float
    median_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Load:
    """`at_once` callers, each on a connection that is kept, for `seconds`; they land in `queue`."""

    callers: Callers
    at_once: int
    seconds: float
    queue: str = "vip"
    fastest: int = _FASTEST

    def on(self, port: int) -> Run:
        """Let them call a side. Raises WrongAnswer if a single answer is not the right one."""
        right = right_answer(port, self.callers, self.queue)
        with tempfile.TemporaryDirectory() as folder:
            requests, answer, figures = (Path(folder, name) for name in ("calls", "twiml", "out"))
            write(requests, self.callers, int(self.fastest * self.seconds))
            answer.write_bytes(right)
            self._wrk(port, str(requests), str(answer), str(figures))
            return _read(figures.read_text())

    def _wrk(self, port: int, *arguments: str) -> None:
        command = ["wrk", "--threads", "1", "--connections", str(self.at_once)]
        command += ["--duration", f"{self.seconds:.0f}s", "--timeout", _PATIENCE]
        command += ["--script", str(_SCRIPT), f"http://127.0.0.1:{port}{TARGET}", "--"]
        subprocess.run([*command, *arguments], check=True, capture_output=True)


def right_answer(port: int, callers: Callers, queue: str) -> bytes:
    """Place one call, see that it lands in a queue, and return the document."""
    document = post(port, next(callers.requests(1)))
    root: Element = fromstring(document)
    if [(verb.tag, verb.text) for verb in root] != [("Enqueue", queue)]:
        raise WrongAnswer(f"Not an Enqueue of {queue}: {document.decode()}")
    return document


def release_of(port: int) -> int:
    """Return the release by which voiceapp answers just now; 0 if it follows none yet."""
    document = post(port, next(Callers(again=1).requests(1)))
    found = _RELEASE.search(document)
    return int(found[1]) if found else 0


def post(port: int, request: bytes) -> bytes:
    """Send a whole request on a connection of its own. Raises WrongAnswer, OSError."""
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        head, _, body = request.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
        connection.request("POST", TARGET, body, headers)
        response = connection.getresponse()
        document = response.read()
    finally:
        connection.close()
    if response.status != 200:
        raise WrongAnswer(f"{response.status} {document[:300]!r}")
    return document


def _read(figures: str) -> Run:
    """Read what calls.lua has written; its times are in microseconds."""
    calls, duration, median, p99, wrong, errors, *sample = figures.split("\n")
    if int(float(wrong)) or int(float(errors)):
        raise WrongAnswer(f"{wrong} wrong answers, {errors} errors; one of them: {sample}")
    return Run(
        calls=int(float(calls)),
        rate=float(calls) / (float(duration) / 1e6),
        median_ms=float(median) / 1000,
        p99_ms=float(p99) / 1000,
    )


def ceiling(url: str) -> float:
    """Return how many requests a second a server takes at most."""
    command = ["wrk", "--threads", "1", "--connections", "32", "--duration", "2s", url]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout.partition("Requests/sec:")[2].split()[0])
