"""A way to a real Redis that is as slow as a test wants."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest


class SlowRoad:
    """A port that leads to the Redis behind a socket file, and answers slowly.

    Before each piece of an answer it waits `delay` seconds; a piece has at most `size` bytes. It
    counts who came, and how often they asked.
    """

    def __init__(self, redis: Path) -> None:
        self.delay = 0.0
        self.size = 65_536
        self.callers = 0
        self.steps = 0
        self._redis = redis
        self._server = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._open = [self._server]
        self._is_closed = threading.Event()
        threading.Thread(target=self._let_in, daemon=True).start()

    @property
    def port(self) -> int:
        """Return where it begins."""
        return int(self._server.getsockname()[1])

    @property
    def url(self) -> str:
        """Return the address of the Redis at its end."""
        return f"redis://127.0.0.1:{self.port}/0"

    def close(self) -> None:
        """End all that is under way."""
        self._is_closed.set()
        for one in self._open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _let_in(self) -> None:
        with suppress(OSError):
            while True:
                caller, _ = self._server.accept()
                self.callers += 1
                redis = socket.socket(socket.AF_UNIX)
                self._open += [caller, redis]
                redis.connect(str(self._redis))
                threading.Thread(target=self._carry, args=(caller, redis), daemon=True).start()
                threading.Thread(target=self._answer, args=(redis, caller), daemon=True).start()

    def _carry(self, caller: socket.socket, redis: socket.socket) -> None:
        with suppress(OSError):
            while data := caller.recv(65_536):
                self.steps += 1
                redis.sendall(data)

    def _answer(self, redis: socket.socket, caller: socket.socket) -> None:
        with suppress(OSError):
            while data := redis.recv(65_536):
                for start in range(0, len(data), self.size):
                    if self._is_closed.wait(self.delay):
                        return
                    caller.sendall(data[start : start + self.size])


@pytest.fixture
def road(redis_url: str) -> Iterator[SlowRoad]:
    """A road to an empty Redis."""
    road = SlowRoad(Path(redis_url.removeprefix("unix://")))
    yield road
    road.close()
