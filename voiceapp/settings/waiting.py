"""The secrets of a form that is shown again: kept for whoever typed them, until it is saved."""

import hashlib

from sqlalchemy.orm import Session

from voiceapp.extensions import db
from voiceapp.people.tokens import hash_token
from voiceapp.routing import typed
from voiceapp.routing.typed import Desk
from voiceapp.runtime import runtime
from voiceapp.settings import door
from voiceapp.settings.crm_fields import CrmFields


def recall(form: CrmFields) -> None:
    """Give a form the secrets that were typed into it before."""
    form.waiting = typed.recall(db.session(), runtime().vault, _desk(form))


def remember(form: CrmFields) -> None:
    """Keep the secrets that were typed into a form, as its page will not have them any more."""
    form.promise(typed.remember(db.session(), runtime().vault, _desk(form), form.to_wait()))


def forget(session: Session, form: CrmFields) -> None:
    """Let go of what a form kept, once it is saved."""
    typed.forget(session, _desk(form))


def mark(form: CrmFields) -> str:
    """Return what tells a form from all others, of whoever else."""
    desk = _desk(form)
    return hashlib.sha256(f"{desk.sign_in} {desk.form}".encode()).hexdigest()


def _desk(form: CrmFields) -> Desk:
    return Desk(hash_token(door.token()), form.form_id.data or "")
