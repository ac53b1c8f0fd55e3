"""Forgetting: old calls go after as many days as the release says, wherever they are kept."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Delete, Engine, delete, func, select
from sqlalchemy.orm import Session

from voiceapp.models.audit import AuditRow
from voiceapp.models.counts import CallCount
from voiceapp.models.journal import CallEndRow, DecisionRow
from voiceapp.models.types import now
from voiceapp.routing import counts, journal_files, releases

BATCH = 500
"""Rows that go in one transaction, in some hundredths of a second."""

MOST_BATCHES = 100
"""Steps of one pass; what is left is for the next."""

KEPT_ANYWAY = timedelta(days=731)
"""How long the audit log and the counts of calls are kept: two years."""

_UNUSED = timedelta(hours=1)
_PAUSE = 0.05  # seconds in which others write


def forget_old(
    engine: Engine,
    *,
    clock: Callable[[], datetime] = now,
    pause: Callable[[float], object] = time.sleep,
) -> int:
    """Delete what is older than it is kept, and return how many rows that were.

    Calls go as the live release says. A row that is not counted yet stays until it is. Raises
    SQLAlchemyError and UnreadableDocument; what was deleted until then stays deleted.
    """
    forgotten, left = 0, MOST_BATCHES
    for statement in _statements(engine, clock()):
        while left > 0:
            with engine.begin() as connection:
                deleted = connection.execute(statement).rowcount
            forgotten += deleted
            left -= 1
            if deleted < BATCH:
                break
            pause(_PAUSE)
    return forgotten


def forget_old_files(engine: Engine, journal: Path, *, clock: Callable[[], datetime] = now) -> None:
    """Delete lines of the journal that no row was made of when calls of that age go, too.

    So do files that were begun and never used. Raises SQLAlchemyError, UnreadableDocument and
    OSError.
    """
    at = clock()
    journal_files.forget_unready(journal, (at - _UNUSED).timestamp())
    with Session(engine) as session:
        days = _journal_days(session)
    if days:
        journal_files.forget_refused(journal, (at - timedelta(days=days)).timestamp())


def _statements(engine: Engine, at: datetime) -> list[Delete]:
    with Session(engine) as session:
        days, counted = _journal_days(session), counts.counted_up_to(session)
        newest = session.scalar(select(func.max(DecisionRow.id))) or 0
    statements = [
        _some_of(AuditRow, AuditRow.at < at - KEPT_ANYWAY),
        # few and small: no batches
        delete(CallCount).where(CallCount.slot < at - KEPT_ANYWAY),
    ]
    if days:
        before = at - timedelta(days=days)
        # the newest stays: SQLite would give its id again, to a row that would not be counted
        is_done = DecisionRow.id <= min(counted, newest - 1)
        statements += [
            _some_of(DecisionRow, DecisionRow.at < before, is_done),
            _some_of(CallEndRow, CallEndRow.at < before),
        ]
    return statements


def _some_of(table: Any, *where: Any) -> Delete:
    """Delete some of the oldest rows, which an index finds."""
    some = select(table.id).where(*where).order_by(table.at, table.id).limit(BATCH)
    return delete(table).where(table.id.in_(some.scalar_subquery()))


def _journal_days(session: Session) -> int:
    """Return for how many days the live release keeps calls; 0 for ever."""
    number = releases.newest_number(session)
    plan = releases.plan_of(session, number) if number is not None else None
    return plan.installation.journal_days if plan else 0
