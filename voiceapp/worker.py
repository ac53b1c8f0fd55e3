"""What happens outside of calls, in a process of its own, one per machine."""

import fcntl
import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from flask import Flask
from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from voiceapp.extensions import db
from voiceapp.models.releases import Release
from voiceapp.recordings import RecordingStore, hashes_in
from voiceapp.routing import draft, upkeep
from voiceapp.routing.counts import count_more
from voiceapp.routing.document import UnreadableDocument
from voiceapp.routing.ledger import CollectError, Collector
from voiceapp.routing.live import Live
from voiceapp.routing.retention import forget_old as forget_old_calls
from voiceapp.routing.token_store import forget_old

LONGEST_PAUSE = 5.0
"""Seconds between attempts while something that a task needs stays away."""

_MINUTE, _HOUR = 60.0, 3600.0
_SIGN_IN_EVERY = 20.0
_LONGEST_LEAVE = 2.0
_COUNT_EVERY = 2.0
_FORGET_EVERY = 5 * _MINUTE
_MOST_COUNTED = 50  # batches of one pass
_PAUSE = 0.01  # seconds between them, in which others write
_DOCUMENTS_AT_ONCE = 20

log = logging.getLogger(__name__)


class Task:
    """Something the worker does every so many seconds, and less often while it can't be done.

    `run` raises one of `expected` when it has to wait for others (a database, a CRM): that is
    logged once when it begins and once when it is over.
    """

    def __init__(
        self,
        name: str,
        run: Callable[[], object],
        *,
        every: float,
        expected: tuple[type[Exception], ...] = (),
    ) -> None:
        self.name = name
        self.due = 0.0
        self.pause = every
        self._run = run
        self._every = every
        self._expected = expected
        self._is_waiting = False

    def attempt(self) -> None:
        """Do it now, and set when it is `due` next: in `pause` seconds, on the monotonic clock."""
        try:
            self._run()
        except self._expected as error:
            if not self._is_waiting:
                log.warning("The worker's task %s has to wait: %s", self.name, error)
            self._is_waiting = True
            self.pause = self._longer_pause()
        except Exception:
            # a bug in one task must not end the others, least of all the journal's
            log.exception("The worker's task %s failed", self.name)
            self.pause = self._longer_pause()
        else:
            if self._is_waiting:
                log.warning("The worker's task %s goes on", self.name)
            self._is_waiting = False
            self.pause = self._every
        self.due = time.monotonic() + self.pause

    def _longer_pause(self) -> float:
        return max(self._every, min(self.pause * 2, LONGEST_PAUSE))


def run_worker(app: Flask, live: Live, stop: threading.Event | None = None) -> None:
    """Work until `stop` is set; without it, until SIGTERM or SIGINT. The journal comes last.

    `live` says which CRMs calls ask.

    Raises `SystemExit` with a sentence (exit code 1) when a worker is at work already for this
    instance directory. To be called in the main thread, unless `stop` is given.
    """
    instance = Path(app.instance_path)
    with _the_only_worker(instance), app.app_context():
        engine = db.engine
        groups = tasks_of(app, live, engine)
        if stop is not None:
            _work_beside(groups, stop)
        else:
            with _stopped_by_signals() as signalled:
                _work_beside(groups, signalled)
        groups[0][0].attempt()  # the journal: what was appended since the last pass


def tasks_of(app: Flask, live: Live, engine: Engine) -> tuple[list[Task], ...]:
    """Return what the worker does, the journal first; what asks CRMs; what looks at many rows.

    What is slow in one group keeps the others from nothing.
    """
    instance = Path(app.instance_path)
    journal = Task(
        "journal",
        Collector(instance / "journal", engine).collect,
        every=0.25,
        expected=(CollectError,),
    )
    sweep = Task(
        "sweep_recordings",
        lambda: sweep_recordings(engine, RecordingStore(engine, instance / "recordings")),
        every=_HOUR,
        expected=(SQLAlchemyError, OSError, UnreadableDocument),
    )
    signing_in = Task(
        "sign_in_to_crms",
        lambda: upkeep.sign_in(live),
        every=_SIGN_IN_EVERY,
        expected=(upkeep.CrmsAway, SQLAlchemyError),
    )
    reading = Task(
        "read_crm_fields",
        lambda: upkeep.read_fields(live, engine),
        every=_MINUTE,
        expected=(upkeep.CrmsAway, SQLAlchemyError),
    )
    forgetting = Task(
        "forget_tokens",
        lambda: _forget_tokens(engine),
        every=_HOUR,
        expected=(SQLAlchemyError,),
    )
    counting = Task(
        "count_calls",
        lambda: _count_calls(engine),
        every=_COUNT_EVERY,
        expected=(SQLAlchemyError,),
    )
    retention = Task(
        "forget_old_calls",
        lambda: forget_old_calls(engine),
        every=_FORGET_EVERY,
        expected=(SQLAlchemyError, UnreadableDocument),
    )
    return [journal, sweep, forgetting], [signing_in, reading], [counting, retention]


def sweep_recordings(engine: Engine, recordings: RecordingStore) -> None:
    """Drop the uploads that nothing came of: neither the draft nor any release names them.

    Raises SQLAlchemyError, OSError and UnreadableDocument; then more is kept than has to be.
    """
    documents = select(Release.document).execution_options(yield_per=_DOCUMENTS_AT_ONCE)
    with Session(engine) as session:
        used = {recording.hash for recording in draft.read(session).recordings}
        for document in session.scalars(documents):
            used.update(hashes_in(document))
    recordings.sweep(used)


def _forget_tokens(engine: Engine) -> None:
    with Session(engine) as session:
        forget_old(session)


def _count_calls(engine: Engine) -> None:
    """Bring the counts of calls up to date, as far as one pass comes."""
    with Session(engine) as session:
        for _ in range(_MOST_COUNTED):
            if not count_more(session):
                return
            time.sleep(_PAUSE)


def _work_beside(groups: Sequence[list[Task]], stop: threading.Event) -> None:
    """Do the first group of tasks here, and each other in a thread of its own."""
    first, *others = groups
    threads = [threading.Thread(target=_work, args=(tasks, stop), daemon=True) for tasks in others]
    for thread in threads:
        thread.start()
    _work(first, stop)
    for thread in threads:
        thread.join(_LONGEST_LEAVE)  # what hangs in a CRM is left to itself


def _work(tasks: list[Task], stop: threading.Event) -> None:
    while not stop.is_set():
        for task in tasks:
            if task.due <= time.monotonic():
                task.attempt()
        stop.wait(max(0.0, min(task.due for task in tasks) - time.monotonic()))


@contextmanager
def _the_only_worker(instance: Path) -> Iterator[None]:
    instance.mkdir(parents=True, exist_ok=True)
    with (instance / "worker.lock").open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit(
                f"A worker is running already for {instance}; one per machine is enough."
            ) from None
        yield


@contextmanager
def _stopped_by_signals() -> Iterator[threading.Event]:
    stop = threading.Event()

    def ask_to_stop(number: int, frame: FrameType | None) -> None:
        # from a thread of its own: set() needs a lock that the interrupted wait() may be holding
        threading.Thread(target=stop.set).start()

    before = {
        number: signal.signal(number, ask_to_stop) for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
