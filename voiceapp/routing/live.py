"""What a process follows: the newest release and the credentials, kept up to date.

The database is asked once a second, by a thread of the process. What was read last is also kept
in a file beside it (credentials still encrypted), for a start without a database.
"""

import json
import logging
import os
import secrets
import threading
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from voiceapp.crm.bounded import Bounded, OutOfTime
from voiceapp.crm.deadline import Deadline
from voiceapp.models.integrations import Credential
from voiceapp.routing.clients import Clients, Credentials
from voiceapp.routing.releases import newest_number, read_document
from voiceapp.routing.tables import Tables

log = logging.getLogger(__name__)

INTERVAL = 1.0
"""Seconds between two looks at the database; a release is followed within two."""
_START_BUDGET = 2.0
_CALL_BUDGET = 0.25
_COPY = "live.json"


@dataclass(frozen=True, slots=True)
class _Read:
    """What the database has: the newest release, its document only where it is new here."""

    credentials: Credentials
    number: int
    document: str | None


class Live:
    """Keeps tables and clients up to date with the database.

    `on_release` is called for each release that is followed from then on.
    """

    def __init__(
        self,
        engine: Engine,
        clients: Clients,
        bounded: Bounded,
        folder: Path,
        on_release: Callable[[], None] = lambda: None,
    ) -> None:
        self.tables = Tables(self._read_in_call)
        self.clients = clients
        self._engine = engine
        self._bounded = bounded
        self._copy = folder / _COPY
        self._on_release = on_release
        self._credentials: Credentials = {}
        self._copied: tuple[int | None, Credentials] = (None, {})
        self._is_copying = True
        self._is_away = False
        self._said_sealed: tuple[str, ...] = ()
        self._pid: int | None = None
        self._starting = threading.Lock()
        self._refreshing = threading.Lock()

    def ensure_started(self, *, watch: bool = True) -> None:
        """Load what to follow, once in each process; with `watch`, keep it up to date."""
        if self._pid == os.getpid():
            return
        with self._starting:
            if self._pid == os.getpid():
                return
            if self.tables.loaded is None:
                self._load_first()
            if not watch or self._start_watching():
                self._pid = os.getpid()

    def _start_watching(self) -> bool:
        """Start the watcher; without a thread to be had, the next call tries again."""
        try:
            threading.Thread(target=self._watch, name="release-watcher", daemon=True).start()
        except RuntimeError as error:
            log.error("Releases can't be watched yet: %s", error)
            return False
        return True

    def refresh(self) -> None:
        """Look for a newer release and changed credentials. Raises SQLAlchemyError."""
        with self._refreshing:
            self._follow(self._read())

    def sealed_off(self) -> tuple[str, ...]:
        """Return the names of the CRMs that rules ask and whose secrets can't be decrypted."""
        loaded = self.tables.loaded
        if loaded is None:
            return ()
        keys = {rule.integration for rule in loaded.table.rules.values()}
        asked = (loaded.table.integrations[key] for key in keys)
        return tuple(sorted({one.name for one in asked if self.clients.is_sealed(one)}))

    def _read(self) -> _Read:
        followed = self.tables.loaded
        with Session(self._engine) as session:
            credentials = _read_credentials(session)
            number = newest_number(session) or 0
            is_newer = followed is None or number > followed.table.number
            document = read_document(session, number) if is_newer else None
        return _Read(credentials, number, document)

    def _follow(self, read: _Read) -> None:
        if read.document is not None:
            self.tables.take(read.number, read.document)
            log.info("Following release %s", read.number)
            self._on_release()
        if read.credentials != self._credentials:
            self._credentials = read.credentials
            self.clients.take_credentials(read.credentials)
        self._say_what_is_sealed()
        self._keep_copy()

    def _say_what_is_sealed(self) -> None:
        names = self.sealed_off()
        if names and names != self._said_sealed:
            log.error(
                "The credentials of %s can't be decrypted: CREDENTIALS_KEY is another than the "
                "one they were saved with",
                ", ".join(names),
            )
        self._said_sealed = names

    def _load_first(self) -> None:
        try:
            # the database may hang, but what it gave is worth waiting for, however large it is
            read = self._bounded.run(self._read, Deadline.after(_START_BUDGET))
            with self._refreshing:
                self._follow(read)
        except Exception as error:  # whatever it is, the copy may still let calls through
            log.warning("Starting without the database: %s", type(error).__name__)
        if self.tables.loaded is None:
            self._load_copy()

    def _watch(self) -> None:
        pause = threading.Event()
        while not pause.wait(INTERVAL):
            try:
                self.refresh()
            except Exception as error:  # a watcher that ended would leave the process behind
                if not self._is_away:
                    log.warning("Releases can't be read now: %s", type(error).__name__)
                self._is_away = True
            else:
                if self._is_away:
                    log.info("Releases can be read again")
                self._is_away = False

    def _read_in_call(self, number: int) -> str | None:
        """Read an older release while a caller waits: shortly, or not at all."""

        def read() -> str | None:
            with Session(self._engine) as session:
                return read_document(session, number)

        try:
            return self._bounded.run(read, Deadline.after(_CALL_BUDGET))
        except (SQLAlchemyError, OutOfTime) as error:
            log.warning("Release %s can't be read now: %s", number, type(error).__name__)
            return None

    def _keep_copy(self) -> None:
        """Keep what is followed beside the process, if that has changed."""
        loaded = self.tables.loaded
        if loaded is None or self._copied == (loaded.table.number, self._credentials):
            return
        copy = {
            "number": loaded.table.number,
            "document": loaded.document,
            "credentials": self._credentials,
        }
        draft = self._copy.with_name(f".{_COPY}.{secrets.token_hex(8)}")
        try:
            draft.touch(mode=0o600)
            draft.write_text(json.dumps(copy))
            draft.replace(self._copy)
        except OSError as error:
            with suppress(OSError):
                draft.unlink()
            if self._is_copying:
                log.warning("The release can't be kept beside the process: %s", error.strerror)
            self._is_copying = False
        else:
            if not self._is_copying:
                log.info("The release can be kept beside the process again")
            self._is_copying = True
            self._copied = (loaded.table.number, self._credentials)

    def _load_copy(self) -> None:
        try:
            copy = json.loads(self._copy.read_text())
            number = int(copy["number"])
            credentials = {key: dict(kept) for key, kept in copy["credentials"].items()}
            self.tables.take(number, copy["document"])
        except FileNotFoundError:
            return
        except Exception as error:  # however it is damaged, calls go on to their last sentence
            log.error("The release kept beside the process can't be read: %s", error)
            return
        self._credentials = credentials
        self.clients.take_credentials(credentials)
        self._say_what_is_sealed()
        log.warning("Following release %s as kept beside the process", number)


def _read_credentials(session: Session) -> Credentials:
    credentials: dict[str, dict[str, str]] = defaultdict(dict)
    for row in session.scalars(select(Credential)):
        credentials[row.integration][row.origin] = row.secrets
    return dict(credentials)
