"""The one way in which parts of the draft are shown, saved, published and deleted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from voiceapp.extensions import db
from voiceapp.routing import draft, releases
from voiceapp.routing.draft import ChangedMeanwhile, KeyTaken, Stored, key_of
from voiceapp.rules.diff import Change, Line, diff
from voiceapp.rules.plan import Did, Integration, Ivr, Plan
from voiceapp.rules.uses import Part
from voiceapp.settings.door import author
from voiceapp.settings.forms import PartForm, read_version
from voiceapp.settings.offer import Offer

P = TypeVar("P", bound=Part)

_NAMED_BY = {Did: "number", Ivr: "number", Integration: "key"}
"""What parts are known by that have no unique name."""

PUBLISH = "publish"
"""The value of `do` that the button “Save and publish” sends."""


@dataclass(frozen=True, slots=True)
class Pages(Generic[P]):
    """The pages of one kind of part: its type, words, form and templates.

    `around` returns what else the template shows, given the draft and the part, if there is one.
    `is_many` is off for the installation's settings, of which there is one.
    """

    type_: type[P]
    noun: str
    form: type[PartForm[P]]
    template: str
    blueprint: str
    around: Callable[[Plan, P | None], Mapping[str, Any]] = field(default=lambda plan, part: {})
    is_many: bool = True

    def address(self, id_: int) -> str:
        """Return where a part is edited."""
        if not self.is_many:
            return self.index()
        return url_for(f"settings.{self.blueprint}.edit", id_=id_)

    def index(self) -> str:
        """Return where all parts are listed."""
        return url_for(f"settings.{self.blueprint}.index")


@dataclass(frozen=True, slots=True)
class Conflict:
    """Somebody else saved a part meanwhile: `theirs`, and what differs (before is theirs)."""

    theirs: Stored[Any] | None
    lines: tuple[Line, ...]


def edit(pages: Pages[P], id_: int | None = None) -> ResponseReturnValue:
    """Show the form of a part, or of a new one, and save what it sends."""
    session = db.session()
    stored = None if id_ is None else draft.find(session, pages.type_, id_)
    is_gone = id_ is not None and stored is None
    if is_gone and (request.method != "POST" or not request.form.get("version")):
        abort(404)
    plan = draft.read(session)
    if request.method != "POST":
        values = pages.form.values(stored.part) if stored else {}
        form = pages.form(Offer(plan), None, **values)
        form.version.data = str(stored.version if stored else 0)
        return show(pages, form, plan, stored)
    form = pages.form(Offer(plan), request.form)
    is_valid = form.validate()
    if is_gone:
        form.version.data = "0"
        return show(pages, form, plan, None, Conflict(None, ())), 409
    if not is_valid:
        return show(pages, form, plan, stored), 422
    return save(pages, form, plan, stored)


def show(
    pages: Pages[P],
    form: PartForm[P],
    plan: Plan,
    stored: Stored[P] | None,
    conflict: Conflict | None = None,
    **more: Any,
) -> str:
    """Return the page of a form."""
    around = pages.around(plan, stored.part if stored else None)
    return render_template(
        pages.template,
        form=form,
        stored=stored,
        pages=pages,
        conflict=conflict,
        plan=plan,
        **{**around, **more},
    )


def save(
    pages: Pages[P],
    form: PartForm[P],
    plan: Plan,
    stored: Stored[P] | None,
    beside: Callable[[Session], None] = lambda session: None,
    **more: Any,
) -> ResponseReturnValue:
    """Save what a valid form describes; publish it too if the button says so.

    `beside` saves what belongs to the part, in the same transaction.
    """
    session = db.session()
    part = form.part(stored.part if stored else None)
    others = _others_pending(session, pages.type_, {key_of(part), *_key_of(stored)})
    try:
        id_ = _write(session, part, stored, form.read_version())
        beside(session)
        session.commit()
    except KeyTaken:
        session.rollback()
        form[form.named_by].errors = [form.taken]
        return show(pages, form, plan, stored, **more), 422
    except ChangedMeanwhile:
        session.rollback()
        conflict = _conflict(session, pages, part, stored)
        form.version.data = str(conflict.theirs.version if conflict.theirs else 0)
        return show(pages, form, plan, conflict.theirs, conflict, **more), 409
    if request.form.get("do") == PUBLISH:
        return _publish(session, others, pages.address(id_))
    flash("Saved as a draft.", "draft")
    return redirect(pages.address(id_), 303)


def delete(
    pages: Pages[P],
    id_: int,
    users: Callable[[Plan, P], Any],
    beside: Callable[[Session], None] = lambda session: None,
) -> ResponseReturnValue:
    """Ask whether a part is to go, naming what uses it; take it out of the draft.

    `beside` takes out what belonged to the part, in the same transaction.
    """
    session = db.session()
    stored = found(session, pages.type_, id_)
    if request.method == "POST":
        version = read_version(request.form.get("version"))
        try:
            draft.remove(session, pages.type_, id_, version, author())
            beside(session)
            session.commit()
        except ChangedMeanwhile:
            session.rollback()
            flash("Somebody has changed it since you looked. Look again before you delete it.")
            return redirect(request.url, 303)
        flash(f"The {pages.noun} is deleted in the draft.", "draft")
        return redirect(pages.index(), 303)
    used_by = users(draft.read(session), stored.part)
    return render_template("delete.html", pages=pages, stored=stored, users=used_by)


def found(session: Session, type_: type[P], id_: int) -> Stored[P]:
    """Return a part of the draft; the page is not found if it is not there."""
    stored = draft.find(session, type_, id_)
    if stored is None:
        abort(404)
    return stored


def _write(session: Session, part: Part, stored: Stored[P] | None, version: int) -> int:
    if stored is None:
        return draft.add(session, part, author())
    draft.change(session, stored.id, version, part, author())
    return stored.id


def _key_of(stored: Stored[P] | None) -> tuple[str, ...]:
    return (key_of(stored.part),) if stored else ()


def _others_pending(session: Session, type_: type[Any], keys: set[str]) -> list[Change]:
    changes = (change for change, _ in releases.pending(session).changes)
    return [one for one in changes if one.kind is not type_ or one.key not in keys]


def _publish(session: Session, others: list[Change], back: str) -> ResponseReturnValue:
    """Publish what was just saved, if it is all there is to publish; else show what waits."""
    pending = releases.pending(session)
    if others or any(stamp.by != author() for _, stamp in pending.changes):
        flash("Saved. More than this waits to go live: look it over before you publish.")
        return redirect(url_for("settings.releases.review"), 303)
    try:
        comment = " · ".join(f"{one.title} {one.what}" for one, _ in pending.changes)
        number = releases.publish(session, author(), comment, pending.seen)
    except (releases.NotPublishable, releases.PublishedMeanwhile):
        flash("Saved as a draft. It can't be published like this yet.")
        return redirect(url_for("settings.releases.review"), 303)
    flash(f"Release {number} is live: calls follow it within two seconds.")
    return redirect(back, 303)


def _conflict(session: Session, pages: Pages[P], mine: Part, stored: Stored[P] | None) -> Conflict:
    """Say what somebody else saved meanwhile, and where it differs from what was typed."""
    theirs = draft.find(session, pages.type_, stored.id) if stored else None
    if theirs is None:
        return Conflict(None, ())
    plan = draft.read(session)
    return Conflict(theirs, _differing(plan, theirs.part, mine))


def _differing(plan: Plan, theirs: Part, mine: Part) -> tuple[Line, ...]:
    """Say where two versions of a part differ, its name first."""
    name = _NAMED_BY.get(type(mine), "name")
    old, new = getattr(theirs, name, ""), getattr(mine, name, "")
    part: Any = theirs
    renamed = part if old == new else replace(part, **{name: new})
    lines = (Line(name.capitalize(), old, new),) if old != new else ()
    changed = diff(_with(plan, theirs, renamed), _with(plan, theirs, mine))
    return (*lines, *(line for change in changed for line in change.lines))


def _with(plan: Plan, old: Part, new: Part) -> Plan:
    """Return a plan that has one part instead of another."""
    changed: dict[str, Any] = {}
    for name in ("dids", "ivrs", "rules", "queues", "recordings", "integrations"):
        parts = getattr(plan, name)
        if old in parts:
            changed[name] = tuple(new if one == old else one for one in parts)
    if plan.installation == old:
        changed["installation"] = new
    return replace(plan, **changed)
