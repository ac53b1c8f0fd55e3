"""What happens outside of calls, in a process of its own, one per machine."""

import fcntl
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from flask import Flask

from voiceapp.chores import chores
from voiceapp.crm.breaker import Breakers
from voiceapp.extensions import db
from voiceapp.keeping import Keeping
from voiceapp.routing.live import Live
from voiceapp.status.metrics import Metrics
from voiceapp.task import Task

_LONGEST_LEAVE = 2.0


def run_worker(
    app: Flask,
    live: Live,
    stop: threading.Event | None = None,
    *,
    breakers: Breakers | None = None,
    metrics: Metrics | None = None,
    on_start: Callable[[], None] = lambda: None,
) -> None:
    """Work until `stop` is set; without it, until SIGTERM or SIGINT. The journal comes last.

    `live` says which CRMs calls ask, `breakers` which of them they leave alone. `on_start` is
    called once it is sure that no other worker is at work.

    Raises `SystemExit` with a sentence (exit code 1) when a worker is at work already for this
    instance directory. To be called in the main thread, unless `stop` is given.
    """
    instance = Path(app.instance_path)
    with _the_only_worker(instance), app.app_context():
        on_start()
        engine = db.engine
        journal = Keeping(instance, engine, metrics or Metrics())
        groups = chores(instance, live, engine, journal, breakers or Breakers())
        if stop is not None:
            _work_beside(groups, stop)
        else:
            with _stopped_by_signals() as signalled:
                _work_beside(groups, signalled)
        groups[0][0].attempt()  # the journal: what was appended since the last pass
        journal.end()


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
