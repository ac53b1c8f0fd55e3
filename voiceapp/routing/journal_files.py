"""The files of the journal: locked by whoever writes them, and bounded all together."""

import errno
import fcntl
import os
import re
import secrets
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

SUFFIX = ".jsonl"
"""How the names of journal files end."""

REFUSED = "refused"
"""The folder, in that of the journal, for lines that no row can be made of."""

MOST_BYTES = 1_000_000_000
"""How large all journal files of a machine may grow together while the database is away."""

_UNREADY = ".new"
_LEAST_ROOM = 16_000
LOOK_EVERY = 1.0
"""Seconds between looks at what others may have done to the files."""


class Room:
    """How much more the files of all processes may take together.

    A process asks before it begins a file, not before each line. What it is told then is a part
    of what is left, so that several which ask at once don't go far beyond the bound.
    """

    def __init__(self, directory: Path, most_bytes: int) -> None:
        self._directory = directory
        self._most_bytes = most_bytes
        self._full_until = 0.0

    def left(self) -> int:
        """Return how large a new file may grow. Raises `OSError` if none may be begun."""
        if time.monotonic() >= self._full_until:
            left = self._most_bytes - bytes_in(self._directory)
            if left > 0:
                return max(left // 8, min(left, _LEAST_ROOM))
            # looking through hundreds of files for each line would be the next trouble
            self._full_until = time.monotonic() + LOOK_EVERY
        raise OSError(errno.EDQUOT, "The journal's files have grown to their bound")


class File:
    """One file that only this process writes to, locked from before it has its name.

    Many threads write at once; `enter`, `leave` and `retire` are called under one lock.
    """

    def __init__(self, directory: Path, max_bytes: int) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = directory / _unique_name()
        # under its final name the worker would take it, not locked yet, for a dead writer's
        unready = path.with_suffix(_UNREADY)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
        self._descriptor = os.open(unready, flags, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            unready.rename(path)
        except OSError:
            os.close(self._descriptor)
            unready.unlink(missing_ok=True)
            raise
        self._opened_at = self._looked_at = time.monotonic()
        self._max_bytes = max_bytes
        self._bytes = 0
        self._writers = 0
        self._is_torn = False
        self._is_retired = False

    def is_worn(self, max_age: float) -> bool:
        """Say whether the next line belongs into a new file. An empty file is not worn by age.

        A file that somebody deleted is, from a second later on: what is written there nobody
        would ever read.
        """
        now = time.monotonic()
        if self._is_torn or self._bytes >= self._max_bytes:
            return True
        if self._bytes and now - self._opened_at >= max_age:
            return True
        # not at each line: threads that ask the system take turns at the interpreter's lock
        if now - self._looked_at < LOOK_EVERY:
            return False
        self._looked_at = now
        return os.fstat(self._descriptor).st_nlink == 0

    def enter(self) -> None:
        """Let one more thread write."""
        self._writers += 1

    def write(self, line: bytes) -> int:
        """Append the whole line; return what it takes. Raises `OSError` if it is not all there.

        A part that there was room for stays, and is no line that the worker could read. The line
        feed in front keeps it from spoiling what another thread has written behind it.
        """
        whole = b"\n" + line
        if os.write(self._descriptor, whole) < len(whole):
            self._is_torn = True
            raise OSError(errno.ENOSPC, "There is room for only a part of the line")
        return len(whole)

    def leave(self, size: int) -> None:
        """Note that a thread is done, and has written so many bytes."""
        self._bytes += size
        self._writers -= 1
        self._close_if_done()

    def retire(self) -> None:
        """Let nobody enter any more; the last to leave closes the file."""
        self._is_retired = True
        self._close_if_done()

    def close(self) -> None:
        """Let go of the file at once."""
        os.close(self._descriptor)

    def _close_if_done(self) -> None:
        if self._is_retired and not self._writers:
            self.close()


def whole_lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines up to the last line feed; what follows may still be on its way.

    Blank lines belong to the line behind them.
    """
    blank = b""
    for line in file:
        if not line.endswith(b"\n"):
            return
        if line == b"\n":
            blank += line
        else:
            yield blank + line
            blank = b""


def sizes_in(directory: Path) -> dict[str, int]:
    """Return the journal files in a directory with their sizes."""
    sizes: dict[str, int] = {}
    try:
        with os.scandir(directory) as files:
            for file in files:
                if file.name.endswith(SUFFIX):
                    with suppress(FileNotFoundError):  # the worker was done with it
                        sizes[file.name] = file.stat().st_size
    except FileNotFoundError:
        pass
    return sizes


def bytes_in(directory: Path) -> int:
    """Return how large all journal files in a directory are together."""
    return sum(sizes_in(directory).values())


def forget_unready(directory: Path, before: float) -> None:
    """Delete files that were begun before a moment by writers that died before they had a name."""
    _forget(directory.glob(f"*{_UNREADY}"), before)


def forget_refused(directory: Path, before: float) -> None:
    """Delete lines that were set aside before a moment."""
    _forget((directory / REFUSED).glob(f"*{SUFFIX}"), before)


def _forget(files: Iterable[Path], before: float) -> None:
    for file in files:
        with suppress(FileNotFoundError):  # somebody has moved it back, or its writer goes on
            if file.stat().st_mtime < before:
                file.unlink()


def _unique_name() -> str:
    """Return a name that no other process or machine gives; sorted by name is sorted by age."""
    host = re.sub(r"[^A-Za-z0-9]+", "-", socket.gethostname())[:40]
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
    return f"{moment}-{host}-{os.getpid()}-{secrets.token_hex(4)}{SUFFIX}"
