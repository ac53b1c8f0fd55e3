"""The audit log: who changed what, when, from where; written with the change, never rewritten."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NoReturn

from sqlalchemy import JSON, BigInteger, Index, Integer, String, event
from sqlalchemy.orm import Mapped, Session, mapped_column

from voiceapp.extensions import Base
from voiceapp.models.types import UtcDateTime, now
from voiceapp.rules.diff import Line

MASKED, CHANGED = "••••", "changed"
"""What stands in the place of a secret that was there, and of one that is."""

_ACTOR = "voiceapp.actor"
_LONGEST_SUBJECT = 300
_LONGEST_ADDRESS = 64

# SQLite counts up by itself only in a column that is called INTEGER, which is 64 bits wide there
_Id = BigInteger().with_variant(Integer, "sqlite")


class Action(StrEnum):
    """What somebody did, in a word or two for people."""

    ADDED = "added"
    CHANGED = "changed"
    RENAMED = "renamed"
    DELETED = "deleted"
    PUT_BACK = "put back as it is live"
    SECRET_TYPED = "secret typed"  # noqa: S105 - words for people
    SECRET_REMOVED = "secret removed"  # noqa: S105 - words for people
    SECRETS_ENCRYPTED = "secrets encrypted anew"
    PUBLISHED = "published"
    ROLLED_BACK = "rolled back"
    IMPORTED = "imported"
    INVITED = "invited"
    ROLE_CHANGED = "role changed"
    ACCOUNT_REMOVED = "account removed"
    PASSWORD_RESET = "password taken away, new link made"  # noqa: S105 - words for people
    PASSWORD_CHOSEN = "password chosen"  # noqa: S105 - words for people
    PASSWORD_CHANGED = "password changed, all sessions ended"  # noqa: S105 - words for people
    SIGNED_IN = "signed in"
    SIGNED_OUT = "signed out"
    SIGN_IN_FAILED = "sign-in failed"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who is at work in a session of the database, and from which address; blank for unknown."""

    name: str = ""
    email: str = ""
    address: str = ""


SERVER = Actor("somebody on the server")
"""Who uses the commands."""


class AuditRow(Base):
    """One change; `lines` tell what was before and after, as `rules.diff.Line` does.

    `person` and `email` are as they were then: accounts come and go.
    """

    __tablename__ = "audit_log"

    id: Mapped[int] = mapped_column(_Id, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    person: Mapped[str] = mapped_column(String(200))
    email: Mapped[str] = mapped_column(String(320))
    address: Mapped[str] = mapped_column(String(_LONGEST_ADDRESS))
    action: Mapped[str] = mapped_column(String(60))
    subject: Mapped[str] = mapped_column(String(_LONGEST_SUBJECT))
    lines: Mapped[list[dict[str, Any]]] = mapped_column(JSON)

    __table_args__ = (Index(None, "at", "id"),)


def act_as(session: Session, actor: Actor) -> None:
    """Say who is at work in a session from now on."""
    session.info[_ACTOR] = actor


def note(
    session: Session,
    action: Action,
    subject: str,
    lines: Iterable[Line] = (),
    *,
    by: Actor | None = None,
) -> None:
    """Add to the log what is changed in the present transaction: it is kept if that is.

    `by` is for who comes in just now; else it is whoever is at work in the session.
    """
    at_work: Actor = session.info.get(_ACTOR, SERVER)
    actor = by or at_work
    session.add(
        AuditRow(
            person=actor.name[:200],
            email=actor.email,
            address=(actor.address or at_work.address)[:_LONGEST_ADDRESS],
            action=action,
            subject=subject[:_LONGEST_SUBJECT],
            lines=[asdict(line) for line in lines],
        )
    )


@event.listens_for(AuditRow, "before_update")
@event.listens_for(AuditRow, "before_delete")
def _refuse(*_: object) -> NoReturn:
    raise TypeError("What stands in the audit log is neither changed nor taken out.")
