"""The modules and fields of CRMs as they told them last, kept for forms and for calls."""

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeAlias

from cachetools import LRUCache
from sqlalchemy import ColumnElement, Engine, delete, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from voiceapp.crm.book import Book, Describe, MemoryBook, read
from voiceapp.crm.bounded import Bounded, OutOfTime
from voiceapp.crm.contract import CrmOutOfTime
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.fields import Field
from voiceapp.crm.kind import Connection
from voiceapp.models.crm_state import CrmModule
from voiceapp.models.types import now
from voiceapp.routing.document import UnreadableDocument, from_plain, to_plain
from voiceapp.rules.plan import Integration, Plan

_MODULES = ""
"""The module under which the list of modules is kept."""
_FORM = "form:"
"""What begins the key of an integration that is not saved yet; no other key does."""
_FORMS_HOLD = timedelta(days=1)
_CALL_BUDGET = 0.25
_MOST, _SECONDS, _SOON = 1024, 600.0, 60.0

Key: TypeAlias = tuple[str, str, str]
"""An integration, a hash of its address and options, a module."""


@dataclass(frozen=True, slots=True)
class _Known:
    fields: Sequence[Field]
    until: float


@dataclass(frozen=True, slots=True)
class Listed:
    """The fields of a module, and when the CRM told them."""

    fields: tuple[Field, ...]
    read_at: datetime


def fields_of(session: Session, integration: Integration, module: str) -> Listed | None:
    """Return what is known of a module's fields; None if the CRM was never asked."""
    row = _row(session, integration.key, _place_of(integration), module) if module else None
    fields = _fields(row.content) if row else None
    return Listed(fields, row.read_at) if row and fields is not None else None


def modules_of(session: Session, integration: Integration) -> tuple[str, ...]:
    """Return the modules that the CRM told of; none if it was never asked."""
    row = _row(session, integration.key, _place_of(integration), _MODULES)
    try:
        return tuple(map(str, json.loads(row.content))) if row else ()
    except (ValueError, TypeError):
        return ()


def modules_read_at(session: Session, integration: Integration) -> datetime | None:
    """Return when the modules were kept last; None if they never were."""
    row = _row(session, integration.key, _place_of(integration), _MODULES)
    return row.read_at if row else None


def keep_fields(
    session: Session, integration: Integration, module: str, fields: Sequence[Field]
) -> None:
    """Keep the fields that a CRM told, in the place of those it told before."""
    _keep(session, integration, module, json.dumps(to_plain(tuple(fields))))


def keep_modules(session: Session, integration: Integration, modules: Sequence[str]) -> None:
    """Keep the modules that a CRM told."""
    _keep(session, integration, _MODULES, json.dumps(list(modules)))


def rows_of(plan: Plan) -> Iterator[Key]:
    """Yield under what that is kept which a plan's rules and pages may look for."""
    for integration in plan.integrations:
        place = _place_of(integration)
        asking = (rule for rule in plan.rules if rule.integration == integration.key)
        modules = {module for rule in asking for module in rule.modules}
        yield from ((integration.key, place, module) for module in {*modules, _MODULES})


def unsaved(integration: Integration, form: str) -> Integration:
    """Return an integration that is not saved yet as it is known here: by the form it stands in."""
    return replace(integration, key=f"{_FORM}{form}:{integration.kind}")


def settle(session: Session, form: str, integration: Integration) -> None:
    """Give an integration that is saved now what was read for it; forget the rest of the form."""
    asked = unsaved(integration, form).key
    for row in session.scalars(select(CrmModule).where(_begins(f"{_FORM}{form}:"))):
        if (row.integration, row.place) == (asked, _place_of(integration)):
            values = {"content": row.content, "read_at": row.read_at}
            place = {"integration": integration.key, "place": row.place, "module": row.module}
            session.merge(CrmModule(**place, **values))
        session.delete(row)


def forget_forms(session: Session, clock: Callable[[], datetime] = now) -> None:
    """Let go of what was read for forms that were left a day ago."""
    left = CrmModule.read_at <= clock() - _FORMS_HOLD
    session.execute(delete(CrmModule).where(_begins(_FORM), left))


class Shelf:
    """Has the books from which clients read fields while a caller waits.

    What was known once stays known: after a while it is looked for in the database again, where
    the worker keeps it new. The CRM itself is asked only as long as nothing is known at all, by
    one call at a time.
    """

    def __init__(
        self, engine: Engine, bounded: Bounded, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._engine = engine
        self._bounded = bounded
        self._clock = clock
        self._known: LRUCache[Key, _Known] = LRUCache(_MOST)
        self._locks: LRUCache[Key, threading.Lock] = LRUCache(_MOST)
        self._lock = threading.Lock()

    def book(self, connection: Connection) -> Book:
        """Return the book of a connection; of one that was never saved it forgets everything."""
        if not connection.key:
            return MemoryBook()
        return _ShelvedBook(self, connection.key, _place(connection.url, connection.options))

    def fields(self, key: Key, describe: Describe, deadline: Deadline) -> Sequence[Field]:
        """Return fields from memory, else from the database, else from the CRM itself."""
        with self._lock:
            known = self._known.get(key)
            alone = self._locks.setdefault(key, threading.Lock())
        if known is not None and (known.until > self._clock() or alone.locked()):
            return known.fields
        if not alone.acquire(timeout=max(deadline.remaining(), 0)):
            raise CrmOutOfTime("Reading the CRM's fields took longer than the budget.")
        try:
            return self._renewed(key, describe, deadline)
        finally:
            alone.release()

    def _renewed(self, key: Key, describe: Describe, deadline: Deadline) -> Sequence[Field]:
        with self._lock:
            known = self._known.get(key)
        if known is not None and known.until > self._clock():
            return known.fields  # somebody else has looked meanwhile
        fields, seconds = self._kept(key, deadline), _SECONDS
        if fields is None and known is not None:
            fields, seconds = known.fields, _SOON
        if fields is None:
            fields = read(key[2], describe, deadline)
            seconds = _SECONDS if fields else _SOON
        with self._lock:
            self._known[key] = _Known(fields, self._clock() + seconds)
        return fields

    def _kept(self, key: Key, deadline: Deadline) -> Sequence[Field] | None:
        def look() -> Sequence[Field] | None:
            with Session(self._engine) as session:
                row = _row(session, *key)
                return _fields(row.content) if row else None

        try:
            return self._bounded.run(look, deadline.within(_CALL_BUDGET))
        except (SQLAlchemyError, OutOfTime):
            return None


@dataclass(frozen=True, slots=True)
class _ShelvedBook:
    shelf: Shelf
    integration: str
    place: str

    def fields(self, module: str, describe: Describe, deadline: Deadline) -> Sequence[Field]:
        """Return the fields of a module; none if the CRM doesn't tell."""
        return self.shelf.fields((self.integration, self.place, module), describe, deadline)


def _begins(key: str) -> ColumnElement[bool]:
    return CrmModule.integration.startswith(key, autoescape=True)


def _row(session: Session, key: str, place: str, module: str) -> CrmModule | None:
    return session.get(CrmModule, (key, place, module))


def _keep(session: Session, integration: Integration, module: str, content: str) -> None:
    # read_at by hand: a row whose content stayed the same would keep the old one
    session.merge(
        CrmModule(
            integration=integration.key,
            place=_place_of(integration),
            module=module,
            content=content,
            read_at=now(),
        )
    )


def _fields(content: str) -> tuple[Field, ...] | None:
    try:
        plain = json.loads(content)
        return tuple(from_plain(one, Field) for one in plain)
    except (UnreadableDocument, ValueError, TypeError):
        return None


def _place_of(integration: Integration) -> str:
    return _place(integration.url, integration.options)


def _place(url: str, options: Mapping[str, str]) -> str:
    """Return a hash of what is asked: a draft with another database learns nothing for calls."""
    told = json.dumps([url, sorted(options.items())])
    return hashlib.sha256(told.encode()).hexdigest()
