"""A file kept from its preview until somebody says yes; no more than a day."""

import secrets
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from voiceapp.directory.table import MOST_BYTES, UnreadableSheet
from voiceapp.models.imports import PendingImport
from voiceapp.models.types import now

_KEPT_FOR = timedelta(days=1)
_TOKEN_BYTES = 24


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file, and the module that its contacts are for."""

    module: str
    content: bytes


def keep_import(session: Session, person: str, module: str, content: bytes) -> str:
    """Keep a file for a person and return its token; files older than a day go.

    Raises UnreadableSheet for one that is too large.
    """
    if len(content) > MOST_BYTES:
        raise UnreadableSheet("The file is larger than 5 MB. Split it.")
    forget_old_imports(session)
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    session.add(PendingImport(id=token, person=person, module=module, content=content))
    session.flush()
    return token


def pending_import(session: Session, token: str, person: str) -> KeptFile | None:
    """Return the file that a person has kept under a token, if it is still there."""
    row = session.scalar(
        select(PendingImport).where(
            PendingImport.id == token,
            PendingImport.person == person,
            PendingImport.created_at > now() - _KEPT_FOR,
        )
    )
    return None if row is None else KeptFile(row.module, row.content)


def forget_old_imports(session: Session) -> None:
    """Let go of the files that nobody has said yes to for a day."""
    session.execute(delete(PendingImport).where(PendingImport.created_at <= now() - _KEPT_FOR))


def drop_import(session: Session, token: str, person: str) -> bool:
    """Forget a file, and say whether it was there; commits, for nobody is to wait for it.

    So only the first of two presses of the same button imports: the second finds nothing.
    """
    dropped = session.scalars(
        delete(PendingImport)
        .where(PendingImport.id == token, PendingImport.person == person)
        .returning(PendingImport.id)
    )
    was_there = dropped.one_or_none() is not None
    session.commit()
    return was_there
