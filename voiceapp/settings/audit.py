"""Audit log: who changed what, and from where."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from voiceapp.extensions import db
from voiceapp.models.audit import AuditRow
from voiceapp.people import Role
from voiceapp.settings.door import needs

bp = Blueprint("audit", __name__, url_prefix="/audit")

_PAGE = 50
_LARGEST = 2**63 - 1
_LONGEST_SOUGHT = 320


@dataclass(frozen=True, slots=True)
class Sought:
    """What to list: a part of a name or e-mail address, and of what was changed; blank for all."""

    who: str
    what: str


@bp.get("/")
@needs(Role.ADMIN)
def index() -> ResponseReturnValue:
    """List what was changed, newest first."""
    sought = Sought(_typed("who"), _typed("what"))
    below = request.args.get("below", type=int)
    if below is not None and abs(below) > _LARGEST:
        below = None  # databases can't even be asked for it
    rows = _rows(db.session(), sought, below)
    return render_template(
        "audit/index.html",
        rows=rows[:_PAGE],
        sought=sought,
        below=below,
        older=rows[_PAGE - 1].id if len(rows) > _PAGE else None,
    )


def _typed(name: str) -> str:
    return request.args.get(name, "").replace("\0", "").strip()[:_LONGEST_SOUGHT]


def _rows(session: Session, sought: Sought, below: int | None) -> Sequence[AuditRow]:
    query = select(AuditRow).order_by(AuditRow.id.desc()).limit(_PAGE + 1)
    if below is not None:
        query = query.where(AuditRow.id < below)
    if sought.who:
        query = query.where(_has(sought.who, AuditRow.person, AuditRow.email))
    if sought.what:
        query = query.where(_has(sought.what, AuditRow.subject, AuditRow.action))
    return session.scalars(query).all()


def _has(text: str, *columns: InstrumentedAttribute[str]) -> ColumnElement[bool]:
    """Select where a text stands in one of some columns, in capitals or not."""
    return or_(*(func.lower(column).contains(text.lower(), autoescape=True) for column in columns))
