"""Draft → check → release; releases are numbered, immutable, and never deleted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, defer
from sqlalchemy.orm.exc import StaleDataError

from voiceapp.crm.registry import fault_of
from voiceapp.models.audit import Action, note
from voiceapp.models.releases import Release
from voiceapp.models.types import now
from voiceapp.routing import draft
from voiceapp.routing.differences import diff
from voiceapp.routing.document import dump, parse
from voiceapp.routing.kinds import Stamp
from voiceapp.rules.check import Fault, check
from voiceapp.rules.diff import Change, Line
from voiceapp.rules.plan import Integration, Plan
from voiceapp.twiml.voices import is_accepted


class NotPublishable(Exception):
    """The draft would hurt a call; `faults` says where and how."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = faults


class PublishedMeanwhile(Exception):
    """Somebody else published, or changed the draft, since it was looked at."""


@dataclass(frozen=True, slots=True)
class Pending:
    """What the draft would change, each with who changed it last and when.

    `seen` stands for exactly this: handed to `publish`, nothing else is published.
    """

    changes: tuple[tuple[Change, Stamp], ...]
    seen: str


def pending(session: Session) -> Pending:
    """Return what is in the draft and not live yet. Raises UnreadableDocument."""
    drafted = draft.load(session)
    number = newest_number(session)
    live = None if number is None else plan_of(session, number)
    nobody = Stamp("", now())
    return Pending(
        changes=tuple(
            (one, drafted.stamps.get((one.kind, one.key), nobody))
            for one in diff(live, drafted.plan)
        ),
        seen=_seen(number, drafted.fingerprint),
    )


class PendingMemory:
    """Remembers what is pending until anything changes; every page shows how much it is."""

    def __init__(self) -> None:
        self._last: Pending | None = None

    def pending(self, session: Session) -> Pending:
        """Return what `pending` would. Raises UnreadableDocument."""
        last = self._last
        if last is None or last.seen != _seen(newest_number(session), draft.fingerprint(session)):
            self._last = last = pending(session)
        return last


def publish(session: Session, author: str, comment: str = "", seen: str | None = None) -> int:
    """Make the draft the newest release and return its number; commits.

    Every process follows it within two seconds. With `seen`, only if nothing has changed since
    `pending` returned that. Raises NotPublishable and PublishedMeanwhile.
    """
    drafted = draft.load(session)
    if seen is not None and seen != _seen(newest_number(session), drafted.fingerprint):
        raise PublishedMeanwhile("The draft has changed since you looked at it.")
    refuse_what_would_hurt(drafted.plan)
    released = _Released(Action.PUBLISHED, dump(drafted.plan), comment)
    return _release(session, released, author, draft.forget_removed)


def roll_back(
    session: Session, number: int, author: str, comment: str = "", seen: int | None = None
) -> int:
    """Let calls follow an older release again, as a new one; return its number; commits.

    The draft stays as it is. With `seen`, only if that is still the newest release. Raises
    NotPublishable, PublishedMeanwhile, and LookupError if there is no such release.
    """
    document = read_document(session, number)
    if document is None:
        raise LookupError(f"There is no release {number}.")
    if seen is not None and seen != newest_number(session):
        raise PublishedMeanwhile("Somebody has published a release since you looked.")
    refuse_what_would_hurt(parse(document))
    comment = comment or f"Back to release {number}."
    return _release(session, _Released(Action.ROLLED_BACK, document, comment), author)


def refuse_what_would_hurt(plan: Plan) -> None:
    """Raise NotPublishable for a plan that would hurt a call."""
    if faults := faults_of(plan):
        raise NotPublishable(faults)


def faults_of(plan: Plan) -> tuple[Fault, ...]:
    """Return everything that keeps a plan from being published."""
    return check(plan, is_accepted, fault_of_integration)


def fault_of_integration(one: Integration) -> str:
    """Return what keeps the CRM of an integration from ever being asked; blank if nothing does."""
    return fault_of(one.kind, one.url, one.options, is_of_a_rule=one.is_private)


def newest_number(session: Session) -> int | None:
    """Return the number of the release that calls follow; None before the first."""
    return session.scalar(select(func.max(Release.number)))


def read_document(session: Session, number: int) -> str | None:
    """Return a release's document; None if there is no such release."""
    return session.scalar(select(Release.document).filter_by(number=number))


def plan_of(session: Session, number: int) -> Plan | None:
    """Return a release's plan; None if there is no such release. Raises UnreadableDocument."""
    document = read_document(session, number)
    return None if document is None else parse(document)


def listed(session: Session, below: int | None = None, limit: int = 50) -> Sequence[Release]:
    """Return releases without their documents, newest first, from below a number on."""
    query = select(Release).options(defer(Release.document)).order_by(Release.number.desc())
    if below is not None:
        query = query.where(Release.number < below)
    return session.scalars(query.limit(limit)).all()


@dataclass(frozen=True, slots=True)
class _Released:
    """What calls are to follow, and what led to it."""

    action: Action
    document: str
    comment: str


def _release(
    session: Session,
    released: _Released,
    author: str,
    beside: Callable[[Session], None] = lambda session: None,
) -> int:
    last = newest_number(session)
    number = (last or 0) + 1
    session.add(
        Release(
            number=number,
            document=released.document,
            author=author,
            comment=released.comment,
        )
    )
    lines = [Line("Calls follow", f"release {last}" if last else "", f"release {number}")]
    if released.comment:
        lines.append(Line("Comment", "", released.comment))
    note(session, released.action, f"Release {number}", lines)
    try:
        beside(session)
        session.commit()
    except (IntegrityError, StaleDataError) as error:
        session.rollback()
        raise PublishedMeanwhile("Somebody else has just published a release.") from error
    return number


def _seen(number: int | None, fingerprint: str) -> str:
    return f"{number or 0}-{fingerprint}"
