"""The door of the settings pages: who may come in, what no browser is let do, how pages look.

A view says by `needs` whom it is for; one that doesn't say it is for nobody.
"""

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import (
    Blueprint,
    Response,
    current_app,
    g,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError, validate_csrf
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import (
    Forbidden,
    HTTPException,
    InternalServerError,
    NotFound,
    ServiceUnavailable,
)
from wtforms import ValidationError

from voiceapp import database, people
from voiceapp.extensions import db
from voiceapp.models.audit import Actor, act_as
from voiceapp.models.people import Person
from voiceapp.people import Role
from voiceapp.runtime import runtime

bp = Blueprint("settings", __name__, url_prefix="/admin")

View = TypeVar("View", bound=Callable[..., Any])

MOST_UPLOADED = 12 * 1024 * 1024
"""Bytes of a whole request; what is uploaded has narrower limits of its own."""

MOST_FROM_STRANGERS = 64 * 1024
"""Bytes that pages for anybody take."""

_TOKEN = "token"  # noqa: S105 - the name of an entry, not a token
_ROLES = "needed_roles"
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "TRACE")
_LARGEST_ID = 2**31 - 1
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "media-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_OUTSIDE = {
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
}
"""What goes with answers that are no pages of ours: style sheets, recordings, refusals."""


def needs(role: Role, *, to_change: Role | None = None) -> Callable[[View], View]:
    """Say from which role on somebody may open a view, and from which on send it something."""

    def mark(view: View) -> View:
        setattr(view, _ROLES, (role, to_change or role))
        return view

    return mark


def for_anybody(view: View) -> View:
    """Say that a view is open to people who are not signed in."""
    setattr(view, _ROLES, (None, None))
    return view


def role_for(view: Callable[..., Any], method: str) -> Role | None:
    """Return the role a view needs; None if it is for anybody. Raises Forbidden for neither."""
    roles: tuple[Role | None, Role | None] | None = getattr(view, _ROLES, None)
    if roles is None:
        raise Forbidden
    return roles[0] if method in _SAFE_METHODS else roles[1]


def me() -> Person:
    """Return who is signed in; only for views that need a role."""
    person: Person = g.person
    return person


def author() -> str:
    """Return the name that changes are kept under; with the address where it isn't unique."""
    person = me()
    others = select(Person.id).where(Person.name == person.name, Person.id != person.id)
    is_unique = db.session.scalar(others.limit(1)) is None
    return person.name if is_unique else f"{person.name} ({person.email})"


def remember(token: str) -> None:
    """Begin a session for somebody who has just signed in; nothing of an older one is kept."""
    session.clear()
    session[_TOKEN] = token


def forget() -> None:
    """End the session in this browser."""
    session.clear()


def token() -> str:
    """Return the token of the session, blank if there is none."""
    return str(session.get(_TOKEN, ""))


@bp.before_request
def admit() -> ResponseReturnValue | None:
    """Let in whom the view is for, and take only what our own pages have sent."""
    if request.method == "HEAD":
        request.method = "GET"  # a view that asks for GET must not take it for something sent
    g.person = None
    role = role_for(current_app.view_functions[request.endpoint or ""], request.method)
    request.max_content_length = MOST_UPLOADED if role else MOST_FROM_STRANGERS
    if token():
        g.person = people.signed_in(db.session(), token())
    act_as(db.session(), _actor(g.person))
    if role is not None:
        if g.person is None:
            return redirect(url_for("settings.access.sign_in", next=_wanted()), 303)
        if not Role(g.person.role).may(role):
            _note_refusal("their role does not allow it")
            raise Forbidden
    if request.method not in _SAFE_METHODS:
        _refuse_forged()
    if not all(_may_be_known(one) for one in (request.view_args or {}).values()):
        raise NotFound
    return None


def _actor(person: Person | None) -> Actor:
    """Return who is at work, for the audit log."""
    address = request.remote_addr or ""
    return Actor(person.name, person.email, address) if person else Actor(address=address)


def _may_be_known(name: int | str) -> bool:
    """Say whether the database can even be asked for what an address names."""
    return "\0" not in name if isinstance(name, str) else name <= _LARGEST_ID


def _wanted() -> str | None:
    """Return the page to show after signing in; what it may have sent is not sent again."""
    is_page = request.url_rule is not None and "GET" in (request.url_rule.methods or ())
    return request.full_path.rstrip("?") if is_page else None


def _note_refusal(why: str) -> None:
    """Write into the log what somebody with an account was refused; strangers would fill it."""
    log = current_app.logger
    log.warning("Account %s was refused %s: %s", g.person.id, request.endpoint, why)


def _refuse_forged() -> None:
    try:
        validate_csrf(request.form.get("csrf_token"))
    except ValidationError as error:
        if g.person is not None:
            _note_refusal("the form was not one of ours")
        raise CSRFError(str(error)) from error


@bp.after_app_request
def protect(response: Response) -> Response:
    """Tell the browser what these pages never need, and never lead it to another host.

    It is for the whole application because routing itself redirects and refuses, too: to an
    address that has the host as the request claims it to be.
    """
    if _is_below("/twiml"):
        return response  # Twilio is no browser
    for name, value in (_HEADERS if _is_below("/admin") else _OUTSIDE).items():
        response.headers.setdefault(name, value)
    if runtime().settings.public_base_url.startswith("https:"):
        response.headers["Strict-Transport-Security"] = "max-age=31536000"
    if response.location and urlsplit(response.location).netloc:
        response.location = urlsplit(response.location)._replace(scheme="", netloc="").geturl()
        response.set_data("")  # it names the host, too, and nobody reads it
    return response


def _is_below(folder: str) -> bool:
    return request.path == folder or request.path.startswith(f"{folder}/")


_TROUBLE = {
    400: (
        "This page is out of date",
        "Nothing was changed. Go back, load the page again, and send it once more.",
    ),
    403: ("This is not yours to open", "Ask an admin to give you the role that may."),
    404: ("There is nothing here", "It may have been deleted meanwhile. Start from the lists."),
    405: ("This can't be opened like that", "Start from the lists."),
    413: ("That is too much at once", "Files may have up to 10 MB."),
    429: ("Too many attempts", "Wait a quarter of an hour, then try again."),
    500: (
        "Something went wrong on our side",
        "Whoever looks after voiceapp finds it in the log. Try again in a moment.",
    ),
    503: (
        "The database can't be reached",
        "Calls go on as they are set up. These pages are back as soon as the database is.",
    ),
}


@bp.errorhandler(HTTPException)
def explain(error: HTTPException) -> ResponseReturnValue:
    """Say in words what went wrong, and what to do."""
    if error.code not in _TROUBLE:
        return error
    title, advice = _TROUBLE[error.code]
    is_ours = error.code in (500, 503)
    if is_ours:
        g.person = None  # what stands around a page comes from the database, which may be it
    may_sign_in = g.person is None and not is_ours
    page = render_template("trouble.html", title=title, advice=advice, may_sign_in=may_sign_in)
    return page, error.code


@bp.errorhandler(Exception)
def own_up(error: Exception) -> ResponseReturnValue:
    """Note a fault of ours; without the address, as that of a one-time link is a secret.

    A database that is away is none of ours, and takes a line.
    """
    if isinstance(error, SQLAlchemyError) and not database.is_there(runtime().bounded):
        current_app.logger.warning(
            "The page %s can't be shown: the database is away", request.endpoint
        )
        return explain(ServiceUnavailable())
    if current_app.config["PROPAGATE_FAULTS"]:
        raise error
    current_app.logger.error("The page %s failed", request.endpoint, exc_info=error)
    return explain(InternalServerError())


@bp.route("/", methods=_METHODS[1:], defaults={"rest": ""})
@bp.route("/<path:rest>", methods=_METHODS)
@needs(Role.VIEWER)
def nothing(rest: str) -> ResponseReturnValue:
    """Answer for addresses that no page has, and for methods that a page doesn't take."""
    raise NotFound
