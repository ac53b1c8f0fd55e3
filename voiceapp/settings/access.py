"""Coming in and going: sign-in, sign-out, one-time links, one's own password."""

import re

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import HiddenField, PasswordField
from wtforms.validators import InputRequired

from voiceapp import people
from voiceapp.extensions import db
from voiceapp.models.people import Person
from voiceapp.people import LinkSpent, PeopleError, Role
from voiceapp.runtime import runtime
from voiceapp.settings import door
from voiceapp.settings.door import for_anybody, me, needs
from voiceapp.settings.forms import BaseForm, Text

bp = Blueprint("access", __name__)

_NOT_IN = "E-mail address or password is not right."
_TOO_MANY = "Too many attempts. Wait a quarter of an hour, then try again."

_OURS = re.compile(r"/admin/(\w[\w.-]*/)*(\w[\w.-]*)?(\?[!-~]*)?", re.ASCII)
_LONGEST_NEXT = 2000


class SignInForm(BaseForm):
    """Who somebody says they are; nothing tells which of the two was wrong."""

    email = Text("E-mail address", required="Type your e-mail address.", longest=320)
    password = PasswordField("Password", [InputRequired("Type your password.")])
    next = HiddenField()


class NewPasswordForm(BaseForm):
    """A password that somebody chooses for the first time."""

    password = PasswordField("New password", [InputRequired("Type a password.")])


class PasswordForm(NewPasswordForm):
    """A password in the place of the present one."""

    present = PasswordField("Present password", [InputRequired("Type your present password.")])

    order = ("present", "password")


@bp.route("/sign-in", methods=["GET", "POST"])
@for_anybody
def sign_in() -> ResponseReturnValue:
    """Let somebody in who knows their password."""
    form = SignInForm(formdata=request.form if request.method == "POST" else None)
    if request.method == "GET":
        if g.person is not None:
            return redirect(_within(request.args.get("next", "")), 303)
        form.next.data = request.args.get("next", "")
        return render_template("access/sign_in.html", form=form)
    if not form.validate():
        return render_template("access/sign_in.html", form=form), 422
    email, address = form.email.data or "", request.remote_addr or ""
    throttle = runtime().throttle
    if not throttle.take(email, address):
        form.email.errors = [_TOO_MANY]
        return render_template("access/sign_in.html", form=form), 429
    person = people.authenticate(db.session(), email, form.password.data or "")
    if person is None:
        form.email.errors = [_NOT_IN]
        return render_template("access/sign_in.html", form=form), 422
    throttle.give_back(email, address)
    _enter(person)
    return redirect(_within(form.next.data or ""), 303)


@bp.post("/sign-out")
@needs(Role.VIEWER)
def sign_out() -> ResponseReturnValue:
    """End the session, here and for whoever may have copied its cookie."""
    people.sign_out(db.session(), door.token())
    door.forget()
    flash("You are signed out.")
    return redirect(url_for(".sign_in"), 303)


@bp.route("/welcome/<token>", methods=["GET", "POST"])
@for_anybody
def welcome(token: str) -> ResponseReturnValue:
    """Let somebody with a one-time link choose a password, and sign them in."""
    try:
        person = people.person_of_link(db.session(), token)
    except LinkSpent as error:
        return _spent(error)
    form = NewPasswordForm(formdata=request.form if request.method == "POST" else None)
    if request.method == "GET":
        return render_template("access/welcome.html", form=form, invited=person, person=None)
    if form.validate():
        try:
            person = people.accept_link(db.session(), token, form.password.data or "")
        except LinkSpent as error:  # somebody was faster
            return _spent(error)
        except PeopleError as error:
            form.password.errors = [str(error)]
        else:
            _enter(person)
            return redirect(url_for("settings.overview.index"), 303)
    return render_template("access/welcome.html", form=form, invited=person, person=None), 422


@bp.route("/account", methods=["GET", "POST"])
@needs(Role.VIEWER)
def account() -> ResponseReturnValue:
    """Change one's own password, which ends all one's other sessions."""
    form = PasswordForm(formdata=request.form if request.method == "POST" else None)
    if request.method == "GET":
        return render_template("access/account.html", form=form)
    if not form.validate():
        return render_template("access/account.html", form=form), 422
    throttle, email, address = runtime().throttle, me().email, request.remote_addr or ""
    if not throttle.take(email, address):
        form.present.errors = [_TOO_MANY]
        return render_template("access/account.html", form=form), 429
    try:
        token = people.change_password(
            db.session(), me(), form.present.data or "", form.password.data or ""
        )
    except people.WrongPassword as error:
        form.present.errors = [str(error)]
    except people.WeakPassword as error:
        throttle.give_back(email, address)
        form.password.errors = [str(error)]
    else:
        throttle.give_back(email, address)
        door.remember(token)
        flash("Your password is changed. Sessions on other devices have ended.")
        return redirect(url_for(".account"), 303)
    return render_template("access/account.html", form=form), 422


def _spent(error: LinkSpent) -> ResponseReturnValue:
    return render_template(
        "trouble.html",
        person=None,
        title="This link can't be used",
        advice=str(error),
        may_sign_in=True,
    ), 410


def _enter(person: Person) -> None:
    """Begin a session for somebody; whichever there was in this browser ends for good."""
    people.sign_out(db.session(), door.token())
    door.remember(people.sign_in(db.session(), person))


def _within(wanted: str) -> str:
    """Return where somebody wanted to go, if that is one of our pages; else the first page."""
    is_ours = len(wanted) <= _LONGEST_NEXT and _OURS.fullmatch(wanted)
    return wanted if is_ours else url_for("settings.overview.index")
