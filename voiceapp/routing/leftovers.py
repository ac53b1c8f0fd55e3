"""What CRMs told once of modules that nothing asks for any more."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, tuple_
from sqlalchemy.orm import Session

from voiceapp.models.crm_state import CrmModule
from voiceapp.models.releases import Release
from voiceapp.models.types import now
from voiceapp.routing import catalogue, draft
from voiceapp.routing.document import parse
from voiceapp.rules.plan import Plan

_SPARED = timedelta(days=2)
"""For so long calls may stay with a release that is not the newest any more, and somebody may have
read fields for a rule that is not saved yet."""


def forget_unused(session: Session) -> None:
    """Delete what is known of modules that neither the draft nor calls search; commits.

    Raises UnreadableDocument; then everything is kept.
    """
    since = now() - _SPARED
    used = {row for plan in _plans(session, since) for row in catalogue.rows_of(plan)}
    name = tuple_(CrmModule.integration, CrmModule.place, CrmModule.module)
    is_old = CrmModule.read_at < since
    old = session.execute(
        select(CrmModule.integration, CrmModule.place, CrmModule.module).where(is_old)
    )
    for row in [tuple(row) for row in old if tuple(row) not in used]:
        session.execute(delete(CrmModule).where(name == row, is_old))
    session.commit()


def _plans(session: Session, since: datetime) -> Iterator[Plan]:
    """Yield the draft, the newest release, and those that were the newest at a time or later."""
    yield draft.read(session)
    before = select(func.max(Release.number)).where(Release.published_at < since)
    first = session.scalar(before) or 0
    documents = select(Release.document).where(Release.number >= first)
    yield from map(parse, session.scalars(documents))
