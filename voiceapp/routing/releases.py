"""Draft → check → release; releases are numbered, immutable, and never deleted."""

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from voiceapp.crm.registry import fault_of
from voiceapp.models.releases import Release
from voiceapp.routing import draft
from voiceapp.routing.document import dump
from voiceapp.rules.check import Fault, check
from voiceapp.rules.plan import Plan
from voiceapp.twiml.voices import is_accepted


class NotPublishable(Exception):
    """The draft would hurt a call; `faults` says where and how."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = faults


class PublishedMeanwhile(Exception):
    """Somebody else published at the same moment; look again before you do."""


def publish(session: Session, author: str, comment: str = "") -> int:
    """Make the draft the newest release and return its number; commits.

    Every process follows it within two seconds. Raises NotPublishable and PublishedMeanwhile.
    """
    plan = draft.read(session)
    faults = faults_of(plan)
    if faults:
        raise NotPublishable(faults)
    number = (newest_number(session) or 0) + 1
    session.add(Release(number=number, document=dump(plan), author=author, comment=comment))
    try:
        session.commit()
    except IntegrityError as error:
        session.rollback()
        raise PublishedMeanwhile("Somebody else has just published a release.") from error
    return number


def faults_of(plan: Plan) -> tuple[Fault, ...]:
    """Return everything that keeps a plan from being published."""
    return check(plan, is_accepted, lambda one: fault_of(one.kind, one.url))


def newest_number(session: Session) -> int | None:
    """Return the number of the release that calls follow; None before the first."""
    return session.scalar(select(func.max(Release.number)))


def read_document(session: Session, number: int) -> str | None:
    """Return a release's document; None if there is no such release."""
    return session.scalar(select(Release.document).filter_by(number=number))
