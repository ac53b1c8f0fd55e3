"""The worker's sign of life, and how far it has read the journal: a file for whoever asks."""

import json
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from voiceapp.routing.journal_files import sizes_in

FILE = "worker.alive"
ALIVE_SECONDS = 30.0
"""Without a sign of life for so long the worker counts as gone; its steps are shorter."""
_EVERY = 1.0


class Heartbeat:
    """Shows that the worker of an instance folder is alive, at most once a second."""

    def __init__(self, instance: Path, read: Callable[[], Mapping[str, int]]) -> None:
        self._path = instance / FILE
        self._read = read
        self._shown = -_EVERY

    def beat(self) -> None:
        """Show it, and how far each journal file was read. Never raises for what the disk does."""
        if time.monotonic() - self._shown < _EVERY:
            return
        self._shown = time.monotonic()
        unready = self._path.with_suffix(".new")
        try:
            unready.write_text(json.dumps(self._read()))
            unready.replace(self._path)
        except OSError:  # a full disk lets a file be touched all the same
            with suppress(OSError):
                os.utime(self._path)

    def end(self) -> None:
        """Show that the worker has ended."""
        with suppress(OSError):
            self._path.unlink()


@dataclass(frozen=True, slots=True)
class Sign:
    """The worker as it showed itself last, and the bytes of the journal that are no rows yet."""

    seconds: float | None
    backlog_bytes: int

    @property
    def is_alive(self) -> bool:
        """Say whether the worker has shown itself lately."""
        return self.seconds is not None and self.seconds < ALIVE_SECONDS


def seen(instance: Path) -> Sign:
    """Return what can be seen of the worker of an instance folder."""
    path = instance / FILE
    read: Mapping[str, int] = {}
    seconds = None
    with suppress(OSError):
        seconds = max(time.time() - path.stat().st_mtime, 0.0)
    with suppress(OSError, ValueError):
        read = json.loads(path.read_text())
    sizes = sizes_in(instance / "journal")
    return Sign(seconds, sum(max(size - read.get(name, 0), 0) for name, size in sizes.items()))
