"""Releases: what is not live yet, publishing it, and going back."""

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from voiceapp.extensions import db
from voiceapp.people import Role
from voiceapp.routing import discard, draft, releases
from voiceapp.routing.differences import diff
from voiceapp.routing.drift import drift
from voiceapp.routing.kinds import ChangedMeanwhile, KeyTaken
from voiceapp.routing.releases import NotPublishable, PublishedMeanwhile
from voiceapp.routing.unread import unread_of_changed
from voiceapp.settings.door import author, needs
from voiceapp.settings.forms import read_version

bp = Blueprint("releases", __name__, url_prefix="/releases")

_PAGE = 50
_LARGEST_NUMBER = 2**31 - 1
_LONGEST_COMMENT = 500


@bp.get("/")
@needs(Role.VIEWER)
def index() -> ResponseReturnValue:
    """List the releases, newest first."""
    below = request.args.get("below", type=int)
    if below is not None and abs(below) > _LARGEST_NUMBER:
        abort(404)  # databases can't even be asked for it
    shown = releases.listed(db.session(), below, _PAGE + 1)
    return render_template(
        "releases/index.html", releases=shown[:_PAGE], has_more=len(shown) > _PAGE
    )


@bp.get("/<int:number>")
@needs(Role.VIEWER)
def release(number: int) -> ResponseReturnValue:
    """Show a release: who published it, and what it changed."""
    session = db.session()
    plan = releases.plan_of(session, number)
    if plan is None:
        abort(404)
    newest = releases.newest_number(session) or number
    live = releases.plan_of(session, newest)
    return render_template(
        "releases/release.html",
        release=releases.listed(session, number + 1, 1)[0],
        changes=diff(releases.plan_of(session, number - 1), plan),
        since=diff(live, plan),
        newest=newest,
    )


@bp.route("/<int:number>/roll-back", methods=["POST"])
@needs(Role.EDITOR)
def roll_back(number: int) -> ResponseReturnValue:
    """Let calls follow an older release again."""
    seen = read_version(request.form.get("newest"))
    try:
        newest = releases.roll_back(db.session(), number, author(), _comment(), seen)
    except LookupError:
        abort(404)
    except NotPublishable as error:
        return render_template("releases/refused.html", number=number, faults=error.faults), 422
    except PublishedMeanwhile as error:
        flash(f"{error} Look again before you go back.")
        return redirect(url_for(".release", number=number), 303)
    flash(
        f"Release {newest} is live and does what release {number} did. "
        "What you had changed since is still in the draft."
    )
    return redirect(url_for(".index"), 303)


@bp.route("/review", methods=["GET", "POST"])
@needs(Role.VIEWER, to_change=Role.EDITOR)
def review() -> ResponseReturnValue:
    """List what is not live yet, and what is or may be wrong; publish exactly what was listed."""
    session = db.session()
    status = 200
    if request.method == "POST":
        try:
            number = releases.publish(session, author(), _comment(), request.form.get("seen", ""))
        except NotPublishable:
            status = 422
        except PublishedMeanwhile as error:
            flash(f"{error} This is how it is now.")
            status = 409
        else:
            flash(f"Release {number} is live: calls follow it within two seconds.")
            return redirect(url_for(".index"), 303)
    plan = draft.read(session)
    changes = [change for change, _ in releases.pending(session).changes]
    return (
        render_template(
            "releases/review.html",
            faults=releases.faults_of(plan),
            rules=plan.rules,
            drift=drift(session, plan.rules, plan.integrations),
            unread=unread_of_changed(session, plan, changes),
            comment=_comment(),
        ),
        status,
    )


@bp.post("/discard")
@needs(Role.EDITOR)
def undo() -> ResponseReturnValue:
    """Put one part of the draft, or all of them, back as they are live."""
    session = db.session()
    try:
        if request.form.get("seen") != releases.pending(session).seen:
            raise ChangedMeanwhile
        titles = discard.discard(session, request.form.get("title", ""), author())
    except (ChangedMeanwhile, KeyTaken):
        flash("The draft has changed since you looked at it. This is how it is now.")
        return redirect(url_for(".review"), 303)
    flash(f"Put back as it is live: {', '.join(titles)}." if titles else "Nothing was put back.")
    return redirect(url_for(".review"), 303)


def _comment() -> str:
    kept = (one for one in request.form.get("comment", "") if one.isprintable())
    return "".join(kept).strip()[:_LONGEST_COMMENT]
