"""What happened in calls, written down before the answer leaves: one line each, rows later.

Every web process appends to files of its own, under an exclusive lock that it holds for as long
as it writes to them; the kernel lets go of the lock when the process ends, however it ends. The
worker (`routing.ledger`) turns lines into rows and by that lock knows a finished file.

A line that was appended survives the death of the process. It is not forced to the disk
(no fsync): a power cut, or the loss of the machine, can lose the last ones.
"""

import logging
import os
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path

from voiceapp.routing.entry import Entry
from voiceapp.routing.journal_files import MOST_BYTES, File, Room
from voiceapp.routing.lines import encode

MAX_WAITING = 1000
"""How many entries may be on their way straight to the database; bounds the memory they take."""

_STRAIGHT_THREADS = 4

log = logging.getLogger(__name__)


class Journal:
    """Keeps entries in `directory`, which it makes when it is missing; safe between threads.

    What can't be written there is handed to `straight`, which inserts one entry into the
    database or raises; a call waits for that at most `patience` seconds. A file is left for a
    new one when it has `max_bytes` or was opened `max_age` seconds ago, so that the worker can
    delete it. None is begun when those of all processes have `most_bytes`. After a fork the child
    begins a file, and a count, of its own. `on_loss` is called for each entry that is lost.
    """

    def __init__(
        self,
        directory: Path,
        straight: Callable[[Entry], None] | None = None,
        *,
        max_bytes: int = 4_000_000,
        max_age: float = 60.0,
        patience: float = 0.25,
        most_bytes: int = MOST_BYTES,
        on_loss: Callable[[], None] = lambda: None,
    ) -> None:
        self._directory = directory
        self._straight = straight
        self._on_loss = on_loss
        self._max_bytes = max_bytes
        self._max_age = max_age
        self._patience = patience
        self._room = Room(directory, most_bytes)
        self._file: File | None = None
        self._begin()
        _journals.add(self)

    def append(self, entry: Entry) -> None:
        """Keep `entry`: when this returns, it is in the file or on the road to the database.

        Never raises for what disk or database do; `TypeError` or `ValueError` for an entry that
        is no JSON (see `routing.lines.encode`).
        """
        line = encode(entry)
        try:
            self._write(line)
        except OSError as error:
            self._say_that_files_fail(error)
            self._detour.send(entry)
        else:
            self._say_that_files_work()

    @property
    def lost(self) -> int:
        """How many entries of this process neither file nor database has.

        Exact: an insert that outlives the patience of its call counts when it fails, not before.
        """
        return self._detour.lost

    def close(self) -> None:
        """Let go of the file, and wait for what is on its way straight to the database.

        Comes last: what is appended later still goes to a file, but no longer to the database.
        """
        with self._lock:
            self._leave_file()
        self._detour.close()

    def _write(self, line: bytes) -> None:
        # no lock is held while the system writes: a thread that comes back from there waits for
        # the interpreter's lock, and all others would wait for this one
        with self._lock:
            file = self._writable_file()
            file.enter()
        size = 0
        try:
            size = file.write(line)
        finally:
            with self._lock:
                file.leave(size)

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._detour = _Detour(self._straight, self._patience, self._on_loss)
        self._is_failing = False

    def _begin_again_in_child(self) -> None:
        # the lock on the file lives until the last copy of the descriptor is closed: kept here,
        # a dead parent would look alive to the worker
        if self._file is not None:
            self._file.close()
            self._file = None
        self._begin()

    def _writable_file(self) -> File:
        if self._file is not None and self._file.is_worn(self._max_age):
            self._leave_file()
        if self._file is None:
            self._file = File(self._directory, min(self._max_bytes, self._room.left()))
        return self._file

    def _leave_file(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.retire()

    def _say_that_files_fail(self, error: OSError) -> None:
        if not self._is_failing:
            self._is_failing = True
            log.warning("The journal can't be written; it goes to the database: %s", error)

    def _say_that_files_work(self) -> None:
        if self._is_failing:
            self._is_failing = False
            log.info("The journal is written to files again")


class _Detour:
    """The road to the database for what no file took; counts what doesn't arrive."""

    def __init__(
        self,
        straight: Callable[[Entry], None] | None,
        patience: float,
        on_loss: Callable[[], None],
    ) -> None:
        self._straight = straight
        self._on_loss = on_loss
        self._patience = patience
        self._pool = ThreadPoolExecutor(_STRAIGHT_THREADS, thread_name_prefix="journal")
        self._room = threading.BoundedSemaphore(MAX_WAITING)
        self._lock = threading.Lock()
        self.lost = 0

    def send(self, entry: Entry) -> None:
        """Hand the entry on, and wait a little to see it arrive."""
        if self._straight is None:
            self._lose(entry, "there is no other road")
        elif not self._room.acquire(blocking=False):
            self._lose(entry, "too many are waiting for the database")
        else:
            self._send(self._straight, entry)

    def close(self) -> None:
        self._pool.shutdown()

    def _send(self, straight: Callable[[Entry], None], entry: Entry) -> None:
        try:
            insert = self._pool.submit(straight, entry)
        except RuntimeError:  # closed, or the interpreter is about to end
            self._room.release()
            self._lose(entry, "the process is ending")
            return
        try:
            wait([insert], self._patience)
        finally:
            # asked for only now, so that what has failed by now is counted when `send` returns
            insert.add_done_callback(partial(self._settle, entry))

    def _settle(self, entry: Entry, insert: Future[None]) -> None:
        self._room.release()
        if error := insert.exception():
            # the message of a database error can hold the row, and with it telephone numbers
            self._lose(entry, type(error).__name__)

    def _lose(self, entry: Entry, reason: str) -> None:
        with self._lock:
            self.lost += 1
        self._on_loss()
        log.error("A journal entry of call %s is lost: %s", entry.call_sid, reason)


_journals: "weakref.WeakSet[Journal]" = weakref.WeakSet()


def _begin_again_in_child() -> None:
    for journal in _journals:
        journal._begin_again_in_child()


# a check of the process id at each append would come too late for a child that never appends,
# and two threads of a child could both find the id changed
os.register_at_fork(after_in_child=_begin_again_in_child)
