"""The draft: parts of a plan as rows, read together and changed one by one."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified
from sqlalchemy.orm.exc import StaleDataError

from voiceapp.models.draft import DraftPart
from voiceapp.routing.document import from_plain, to_plain
from voiceapp.routing.kinds import (
    KINDS,
    TYPES,
    ChangedMeanwhile,
    KeyTaken,
    P,
    Stamp,
    Stored,
    key_of,
    plan_of,
    stamp_of,
    stored_of,
)
from voiceapp.rules.plan import Plan
from voiceapp.rules.rule import DestinationKind
from voiceapp.rules.uses import Part, renamed


@dataclass(frozen=True, slots=True)
class Draft:
    """The whole draft as it was read at one moment; `fingerprint` differs after any change."""

    plan: Plan
    stamps: Mapping[tuple[type, str], Stamp]
    fingerprint: str


def load(session: Session) -> Draft:
    """Return the draft, its parts in the order they were added. Raises UnreadableDocument."""
    rows = session.scalars(select(DraftPart).order_by(DraftPart.id)).all()
    return Draft(
        plan=plan_of(rows),
        stamps={(TYPES[row.kind], row.key): stamp_of(row) for row in rows},
        fingerprint=_hash((row.id, row.version) for row in rows),
    )


def fingerprint(session: Session) -> str:
    """Return what `load` would give as the draft's fingerprint, without reading the draft."""
    query = select(DraftPart.id, DraftPart.version).order_by(DraftPart.id)
    return _hash((id_, version) for id_, version in session.execute(query))


def read(session: Session) -> Plan:
    """Return the draft as a plan. Raises UnreadableDocument."""
    return load(session).plan


def ids(session: Session) -> Mapping[tuple[type[Any], str], int]:
    """Return the id of every part there is, by its type and key."""
    query = select(DraftPart.kind, DraftPart.key, DraftPart.id).where(DraftPart.body.is_not(None))
    return {(TYPES[kind], key): id_ for kind, key, id_ in session.execute(query)}


def stored(session: Session, type_: type[P]) -> tuple[Stored[P], ...]:
    """Return all parts of a kind, in the order they were added. Raises UnreadableDocument."""
    query = select(DraftPart).filter_by(kind=KINDS[type_].name).order_by(DraftPart.id)
    return tuple(stored_of(row, type_) for row in session.scalars(query) if row.body is not None)


def find(session: Session, type_: type[P], id_: int) -> Stored[P] | None:
    """Return the part of a kind with an id; None if there is none, or not any more."""
    row = session.get(DraftPart, id_)
    if row is None or row.body is None or row.kind != KINDS[type_].name:
        return None
    return stored_of(row, type_)


def find_key(session: Session, type_: type[P], key: str) -> Stored[P] | None:
    """Return the part of a kind with a name or number; None if there is none."""
    row = _row(session, type_, key)
    return stored_of(row, type_) if row is not None and row.body is not None else None


def save(session: Session, part: Part, author: str) -> None:
    """Put a part in the place of the one with its key, whatever stands there, or add it."""
    _put(session, part, author)


def add(session: Session, part: Part, author: str) -> int:
    """Add a part and return its id. Raises KeyTaken; then nothing was changed."""
    if (row := _row(session, type(part), key_of(part))) is not None and row.body is not None:
        raise KeyTaken
    row = _put(session, part, author)
    try:
        with written(session):
            session.flush()
    except ChangedMeanwhile as error:
        raise KeyTaken from error  # what was removed under this key came back just now
    return row.id


def change(session: Session, id_: int, version: int, part: Part, author: str) -> None:
    """Put a part in the place of the one that was read with this id and version.

    When its name or number is another one now, whatever refers to it follows. Raises
    ChangedMeanwhile and KeyTaken; then nothing was changed.
    """
    row = _row_as_read(session, type(part), id_, version)
    old, new = row.key, key_of(part)
    with written(session):
        if old != new:
            _lock(session)
            _make_way(session, type(part), new)
            row.key = new
            session.flush()
            session.add(DraftPart(kind=row.kind, key=old, body=None, changed_by=author))
            _follow(session, KINDS[type(part)].destination, old, new, author)
            part = _renamed(part, old, new)
        row.body = to_plain(part)
        row.changed_by = author
        # what belongs to the part may differ where the part itself does not
        flag_modified(row, "body")
        session.flush()


def remove(session: Session, type_: type[Any], id_: int, version: int, author: str) -> None:
    """Take the part that was read with this id and version out of the draft.

    Raises ChangedMeanwhile; then nothing was changed.
    """
    row = _row_as_read(session, type_, id_, version)
    with written(session):
        row.body = None
        row.changed_by = author
        session.flush()


@contextmanager
def written(session: Session) -> Iterator[None]:
    """Raise ChangedMeanwhile or KeyTaken if somebody else was faster, and take everything back."""
    try:
        yield
    except StaleDataError as error:
        session.rollback()
        raise ChangedMeanwhile from error
    except IntegrityError as error:
        session.rollback()
        raise KeyTaken from error


def forget_removed(session: Session) -> None:
    """Let go of what is known about removed parts, once it is published that they are gone.

    The newest row stays even so: SQLite would give its id to the next part that is added, and
    a page that still shows the removed one would then be saved over that.
    """
    rows = session.scalars(select(DraftPart).order_by(DraftPart.id)).all()
    for row in rows[:-1]:
        if row.body is None:
            session.delete(row)


def _hash(versions: Iterable[tuple[int, int]]) -> str:
    return hashlib.sha256(repr(list(versions)).encode()).hexdigest()


def _row(session: Session, type_: type[Any], key: str) -> DraftPart | None:
    return session.scalar(select(DraftPart).filter_by(kind=KINDS[type_].name, key=key))


def _put(session: Session, part: Part, author: str) -> DraftPart:
    row = _row(session, type(part), key_of(part))
    if row is None:
        row = DraftPart(kind=KINDS[type(part)].name, key=key_of(part))
        session.add(row)
    row.body = to_plain(part)
    row.changed_by = author
    return row


def _row_as_read(session: Session, type_: type[Any], id_: int, version: int) -> DraftPart:
    row = session.get(DraftPart, id_, populate_existing=True)
    if row is None or row.body is None or row.kind != KINDS[type_].name or row.version != version:
        raise ChangedMeanwhile
    return row


def _lock(session: Session) -> None:
    """Keep two renamings apart: each writes many rows, and they could wait for one another."""
    session.execute(select(DraftPart.id).order_by(DraftPart.id).with_for_update()).all()


def _make_way(session: Session, type_: type[Any], key: str) -> None:
    """Let go of a removed part that had a key. Raises KeyTaken if the part is still there."""
    row = _row(session, type_, key)
    if row is None:
        return
    if row.body is not None:
        raise KeyTaken
    session.delete(row)
    session.flush()


def _follow(
    session: Session, kind: DestinationKind | None, old: str, new: str, author: str
) -> None:
    """Make everything that refers to a renamed part refer to its new name."""
    if kind is None:
        return
    for row in session.scalars(select(DraftPart)):
        if row.body is None:
            continue
        part = from_plain(row.body, TYPES[row.kind])
        follower = renamed(part, kind, old, new)
        if follower is not part:
            row.body = to_plain(follower)
            row.changed_by = author


def _renamed(part: Part, old: str, new: str) -> Part:
    """Make a part that refers to itself, as a menu may, refer to its new name."""
    kind = KINDS[type(part)].destination
    return part if kind is None else renamed(part, kind, old, new)
