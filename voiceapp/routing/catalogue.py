"""The modules and fields of CRMs as they told them last, kept for forms and for calls."""

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cachetools import TTLCache
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from voiceapp.crm.book import Book, Describe, MemoryBook, read
from voiceapp.crm.bounded import Bounded, OutOfTime
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.fields import Field
from voiceapp.crm.kind import Connection
from voiceapp.models.crm_state import CrmModule
from voiceapp.models.types import now
from voiceapp.routing.document import UnreadableDocument, from_plain, to_plain
from voiceapp.rules.plan import Integration
from voiceapp.vault import origin

_MODULES = ""
"""The module under which the list of modules is kept."""
_CALL_BUDGET = 0.25
_MOST, _SECONDS = 1024, 600.0


@dataclass(frozen=True, slots=True)
class Listed:
    """The fields of a module, and when the CRM told them."""

    fields: tuple[Field, ...]
    read_at: datetime


def fields_of(session: Session, integration: Integration, module: str) -> Listed | None:
    """Return what is known of a module's fields; None if the CRM was never asked."""
    row = _row(session, integration.key, _origin(integration.url), module) if module else None
    fields = _fields(row.content) if row else None
    return Listed(fields, row.read_at) if row and fields is not None else None


def modules_of(session: Session, integration: Integration) -> tuple[str, ...]:
    """Return the modules that the CRM told of; none if it was never asked."""
    row = _row(session, integration.key, _origin(integration.url), _MODULES)
    try:
        return tuple(map(str, json.loads(row.content))) if row else ()
    except (ValueError, TypeError):
        return ()


def keep_fields(
    session: Session, integration: Integration, module: str, fields: Sequence[Field]
) -> None:
    """Keep the fields that a CRM told, in the place of those it told before."""
    _keep(session, integration, module, json.dumps(to_plain(tuple(fields))))


def keep_modules(session: Session, integration: Integration, modules: Sequence[str]) -> None:
    """Keep the modules that a CRM told."""
    _keep(session, integration, _MODULES, json.dumps(list(modules)))


class Shelf:
    """Has the books from which clients read fields while a caller waits."""

    def __init__(self, engine: Engine, bounded: Bounded) -> None:
        self._engine = engine
        self._bounded = bounded
        self._known: TTLCache[tuple[str, str, str], Sequence[Field]] = TTLCache(_MOST, _SECONDS)
        self._lock = threading.Lock()

    def book(self, connection: Connection) -> Book:
        """Return the book of a connection; of one that was never saved it forgets everything."""
        if not connection.key:
            return MemoryBook()
        return _ShelvedBook(self, connection.key, _origin(connection.url))

    def fields(
        self, key: tuple[str, str, str], describe: Describe, deadline: Deadline
    ) -> Sequence[Field]:
        """Return fields from memory, else from the database, else from the CRM itself."""
        with self._lock:
            known = self._known.get(key)
        if known is None:
            known = self._kept(key)
            if known is None:
                known = read(key[2], describe, deadline)
            with self._lock:
                self._known[key] = known
        return known

    def _kept(self, key: tuple[str, str, str]) -> Sequence[Field] | None:
        def look() -> Sequence[Field] | None:
            with Session(self._engine) as session:
                row = _row(session, *key)
                return _fields(row.content) if row else None

        try:
            return self._bounded.run(look, Deadline.after(_CALL_BUDGET))
        except (SQLAlchemyError, OutOfTime):
            return None


@dataclass(frozen=True, slots=True)
class _ShelvedBook:
    shelf: Shelf
    integration: str
    origin: str

    def fields(self, module: str, describe: Describe, deadline: Deadline) -> Sequence[Field]:
        """Return the fields of a module; none if the CRM doesn't tell."""
        return self.shelf.fields((self.integration, self.origin, module), describe, deadline)


def _row(session: Session, key: str, at: str, module: str) -> CrmModule | None:
    return session.get(CrmModule, (key, at, module))


def _keep(session: Session, integration: Integration, module: str, content: str) -> None:
    at = _origin(integration.url)
    # read_at by hand: a row whose content stayed the same would keep the old one
    session.merge(
        CrmModule(
            integration=integration.key, origin=at, module=module, content=content, read_at=now()
        )
    )


def _fields(content: str) -> tuple[Field, ...] | None:
    try:
        plain = json.loads(content)
        return tuple(from_plain(one, Field) for one in plain)
    except (UnreadableDocument, ValueError, TypeError):
        return None


def _origin(url: str) -> str:
    try:
        return origin(url)
    except ValueError:
        return ""
