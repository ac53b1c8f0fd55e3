"""People: who may use these pages, and the one-time links that let them in."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select
from sqlalchemy.orm import Mapped, Session
from wtforms import RadioField
from wtforms.validators import InputRequired

from voiceapp import people
from voiceapp.extensions import db
from voiceapp.models.people import OneTimeLink, Person, SignIn
from voiceapp.models.types import now
from voiceapp.people import LastAdmin, PeopleError, Role
from voiceapp.people.accounts import LONGEST_NAME
from voiceapp.people.links import VALID_FOR
from voiceapp.runtime import runtime
from voiceapp.settings import door
from voiceapp.settings.door import me, needs
from voiceapp.settings.forms import BaseForm, Text

bp = Blueprint("people", __name__, url_prefix="/people")

_ROLES = {
    Role.VIEWER.value: "Viewer: sees calls and how they are routed, tries calls, changes nothing",
    Role.EDITOR.value: "Editor: also changes how calls are routed, and publishes it",
    Role.ADMIN.value: "Admin: also manages people and the CRM integrations",
}
_FIELDS: Mapping[type[PeopleError], str] = {people.BadName: "name"}
"""Under which field an error stands, where it isn't the e-mail address."""


class RoleForm(BaseForm):
    """What somebody may do."""

    role = RadioField("Role", [InputRequired("Choose a role.")], choices=_ROLES)


class InviteForm(RoleForm):
    """Somebody who is to have an account."""

    name = Text("Name", required="Type their name.", longest=LONGEST_NAME)
    email = Text("E-mail address", required="Type their e-mail address.", longest=320)

    order = ("name", "email", "role")


@dataclass(frozen=True, slots=True)
class Access:
    """How far somebody has come: when they were last seen, until when a link of theirs is open.

    `seen_at` is None for who has no session, `open_until` for who has no link.
    """

    has_password: bool
    seen_at: datetime | None
    open_until: datetime | None


@bp.get("/")
@needs(Role.ADMIN)
def index() -> ResponseReturnValue:
    """List who has an account, and how far they have come with it."""
    everybody = people.everybody(db.session())
    return render_template("people/index.html", everybody=_accesses(db.session(), everybody))


@bp.route("/invite", methods=["GET", "POST"])
@needs(Role.ADMIN)
def invite() -> ResponseReturnValue:
    """Make an account, and show the link that its owner gets in with."""
    if request.method == "GET":
        return render_template("people/invite.html", form=InviteForm(role=Role.VIEWER.value))
    form = InviteForm(formdata=request.form)
    if form.validate():
        email = form.email.data or ""
        try:
            token = people.add(db.session(), email, form.name.data or "", Role(form.role.data))
        except PeopleError as error:
            form[_FIELDS.get(type(error), "email")].errors = [str(error)]
        else:
            return _show_link(people.by_email(db.session(), email), token)
    return render_template("people/invite.html", form=form), 422


@bp.route("/<int:id_>", methods=["GET", "POST"])
@needs(Role.ADMIN)
def edit(id_: int) -> ResponseReturnValue:
    """Show somebody's account, and change their role."""
    person = _found(id_)
    if request.method == "GET":
        return _show(person, RoleForm(role=person.role))
    form = RoleForm(formdata=request.form)
    if not form.validate():
        return _show(person, form), 422
    try:
        people.change_role(db.session(), person, Role(form.role.data))
    except LastAdmin as error:
        form.role.errors = [str(error)]
        return _show(person, form), 422
    flash(f"{person.name} is {_with_article(person.role)} now.")
    may_stay = Role(me().role).may(Role.ADMIN)
    return redirect(url_for(".index" if may_stay else "settings.overview.index"), 303)


@bp.post("/<int:id_>/link")
@needs(Role.ADMIN)
def link(id_: int) -> ResponseReturnValue:
    """Take somebody's password away, and show the link to choose a new one with."""
    person = _found(id_)
    if person.id == me().id:
        return redirect(url_for("settings.access.account"), 303)
    return _show_link(person, people.renew_link(db.session(), person))


@bp.route("/<int:id_>/remove", methods=["GET", "POST"])
@needs(Role.ADMIN)
def remove(id_: int) -> ResponseReturnValue:
    """Take an account away, after saying what that does."""
    person = _found(id_)
    if request.method == "GET":
        return render_template("people/remove.html", one=person)
    name, is_me = person.name, person.id == me().id
    try:
        people.remove(db.session(), person)
    except LastAdmin as error:
        return render_template("people/remove.html", one=person, refused=str(error)), 422
    if is_me:
        door.forget()
        flash("Your account is removed.")
        return redirect(url_for("settings.access.sign_in"), 303)
    flash(f"{name} is removed, and signed out everywhere.")
    return redirect(url_for(".index"), 303)


def _found(id_: int) -> Person:
    person = db.session().get(Person, id_)
    if person is None:
        abort(404)
    return person


def _show(person: Person, form: RoleForm) -> str:
    ((_, access),) = _accesses(db.session(), [person])
    return render_template("people/edit.html", form=form, one=person, access=access)


def _show_link(person: Person | None, token: str) -> str:
    """Return the one page with a link on it; it is kept nowhere, and begins with no Host header."""
    address = url_for("settings.access.welcome", token=token)
    base_url = runtime().settings.public_base_url
    return render_template("people/link.html", one=person, link=base_url + address)


def _accesses(session: Session, everybody: list[Person]) -> list[tuple[Person, Access]]:
    """Return each of some people with how far they have come."""
    seen = _latest(session, SignIn.person_id, SignIn.seen_at)
    linked = _latest(session, OneTimeLink.person_id, OneTimeLink.created_at)
    return [
        (one, Access(one.password_hash is not None, seen.get(one.id), _ends(linked.get(one.id))))
        for one in everybody
    ]


def _latest(session: Session, person_id: Mapped[int], at: Mapped[datetime]) -> dict[int, datetime]:
    """Return the latest of some moments for each person who has any."""
    latest = select(person_id, func.max(at)).group_by(person_id)
    return dict(session.execute(latest).all())


def _ends(linked_at: datetime | None) -> datetime | None:
    """Return when the link ends that was made then; None if it has ended, or was never made."""
    ends = linked_at + VALID_FOR if linked_at else None
    return ends if ends and ends > now() else None


def _with_article(role: str) -> str:
    return f"a {role}" if role == Role.VIEWER else f"an {role}"
