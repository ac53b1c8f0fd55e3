"""What the worker does outside of calls, and how often."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from voiceapp.crm.breaker import Breakers
from voiceapp.directory.pending import forget_old_imports
from voiceapp.keeping import Keeping
from voiceapp.models.releases import Release
from voiceapp.recordings import RecordingStore, hashes_in
from voiceapp.routing import catalogue, draft, typed, upkeep
from voiceapp.routing.counts import count_more
from voiceapp.routing.document import UnreadableDocument
from voiceapp.routing.ledger import CollectError
from voiceapp.routing.leftovers import forget_unused
from voiceapp.routing.live import INTERVAL, Live
from voiceapp.routing.probe import Prober
from voiceapp.routing.retention import forget_old as forget_old_calls
from voiceapp.routing.retention import forget_old_files
from voiceapp.routing.token_store import forget_old
from voiceapp.task import Task

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86_400.0
_MOST_COUNTED = 50  # batches of one pass
_PAUSE = 0.01  # seconds between them, in which others write
_DOCUMENTS_AT_ONCE = 20

log = logging.getLogger(__name__)


def chores(
    instance: Path, live: Live, engine: Engine, journal: Keeping, breakers: Breakers
) -> tuple[list[Task], ...]:
    """Return what there is to do, in groups: what is slow in one keeps another from nothing.

    The first is the journal alone. The second and third ask CRMs, the fourth looks whom calls ask
    by now, the last looks at many rows.
    """
    recordings = RecordingStore(engine, instance / "recordings")
    database = (SQLAlchemyError,)
    documents = (SQLAlchemyError, UnreadableDocument)
    crms = (upkeep.CrmsAway, SQLAlchemyError)

    def of_session(do: Callable[[Session], None]) -> Callable[[], None]:
        return lambda: _with_session(engine, do)

    def task(
        name: str, run: Callable[[], object], every: float, expected: tuple[type[Exception], ...]
    ) -> Task:
        return Task(name, run, every=every, expected=expected)

    return (
        [task("journal", journal.run, 0.25, (CollectError,))],
        [
            task("sign_in_to_crms", lambda: upkeep.sign_in(live, breakers, _apart), 20.0, crms),
            task(
                "read_crm_fields",
                lambda: upkeep.read_fields(live, engine, breakers, _apart),
                _MINUTE,
                crms,
            ),
        ],
        [task("probe_crms", Prober(live, breakers, _apart).run, 0.5, ())],
        [task("follow_releases", lambda: _follow(live), INTERVAL, database)],
        [
            task("count_calls", lambda: _count_calls(engine), 2.0, database),
            task("forget_old_calls", lambda: forget_old_calls(engine), 5 * _MINUTE, documents),
            task(
                "forget_old_files",
                lambda: forget_old_files(engine, instance / "journal"),
                _HOUR,
                (*documents, OSError),
            ),
            task("forget_forms", of_session(_forget_forms), _MINUTE, database),
            task("forget_tokens", of_session(forget_old), _HOUR, database),
            task(
                "sweep_recordings",
                lambda: sweep_recordings(engine, recordings),
                _HOUR,
                (*documents, OSError),
            ),
            task("forget_modules", of_session(forget_unused), _DAY, documents),
        ],
    )


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


@contextmanager
def _apart(crm: str) -> Iterator[None]:
    """Keep a bug that was met with one CRM from those that come after it."""
    try:
        yield
    except SQLAlchemyError:
        raise  # that is away for all of them
    except Exception:
        # a bug in one adapter must not let the tokens of other CRMs end
        log.exception("The worker failed at the CRM %s", crm)


def _with_session(engine: Engine, do: Callable[[Session], None]) -> None:
    with Session(engine) as session:
        do(session)


def _forget_forms(session: Session) -> None:
    """Let go of what was typed into forms, read for them, and uploaded, that nobody has saved."""
    typed.forget_old(session)
    forget_old_imports(session)
    catalogue.forget_forms(session)
    session.commit()


def _follow(live: Live) -> None:
    """Follow what calls follow; at first, without a database, what is kept beside the process."""
    live.ensure_started(watch=False)
    live.refresh()


def _count_calls(engine: Engine) -> None:
    """Bring the counts of calls up to date, as far as one pass comes."""
    with Session(engine) as session:
        for _ in range(_MOST_COUNTED):
            if not count_more(session):
                return
            time.sleep(_PAUSE)
