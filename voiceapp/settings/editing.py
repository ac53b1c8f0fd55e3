"""The one way in which parts of the draft are shown, saved and deleted."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeAlias, TypeVar

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from voiceapp.extensions import db
from voiceapp.routing import draft, releases
from voiceapp.routing.audited import audited, name_line, named_as, with_part
from voiceapp.routing.differences import diff
from voiceapp.routing.kinds import ChangedMeanwhile, KeyTaken, Stored, key_of
from voiceapp.rules.diff import Line
from voiceapp.rules.plan import Integration, Plan
from voiceapp.rules.uses import Part
from voiceapp.settings import publishing
from voiceapp.settings.door import author
from voiceapp.settings.forms import PartForm, read_version
from voiceapp.settings.offer import Offer

P = TypeVar("P", bound=Part)
Sent: TypeAlias = MultiDict[str, str] | None
"""What a form has sent; None when it is shown first."""

PUBLISH = "publish"
"""The value of `do` that the button “Save and publish” sends."""


@dataclass(frozen=True, slots=True)
class Pages(Generic[P]):
    """The pages of one kind of part: its type, words, form and templates.

    `around` returns what else the template shows, given the draft, the part if there is one, and
    the form. `make` returns the form, of a part or of what was sent. `button` answers a button
    that saves nothing with what to show; `again` is told of every form that was sent and is
    shown again. `alongside` returns what belongs to the part and is
    saved with it, `settle` does what else is to be done then, in the same transaction, and
    returns sentences about what is in force by that alone. `prepare`
    does before it what needs the network, and holds no transaction meanwhile. `is_many`
    is off for the installation's settings, of which there is one.
    """

    type_: type[P]
    noun: str
    form: type[PartForm[P]]
    template: str
    blueprint: str
    around: Callable[[Plan, P | None, Any], Mapping[str, Any]] = lambda plan, part, form: {}
    make: Callable[[Plan, Stored[P] | None, Sent], PartForm[P]] | None = None
    button: Callable[[Any, Plan], Mapping[str, Any] | None] = lambda form, plan: None
    alongside: Callable[[Any], Sequence[Integration]] = lambda form: ()
    settle: Callable[[Session, Any], Sequence[str]] = lambda session, form: ()
    prepare: Callable[[Any], None] = lambda form: None
    again: Callable[[Any], None] = lambda form: None
    is_many: bool = True

    def made(self, plan: Plan, stored: Stored[P] | None, sent: Sent) -> PartForm[P]:
        """Return the form of a part, of a new one, or of what was sent."""
        if self.make is not None:
            return self.make(plan, stored, sent)
        values = self.form.values(stored.part) if stored and sent is None else {}
        return self.form(Offer(plan), sent, **values)

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
        form = pages.made(plan, stored, None)
        form.version.data = str(stored.version if stored else 0)
        return _show(pages, form, plan, stored)
    form = pages.made(plan, stored, request.form)
    if (more := pages.button(form, plan)) is not None:
        return _show(pages, form, plan, stored, **more)
    is_valid = form.validate()
    if is_gone:
        form.version.data = "0"
        return _show(pages, form, plan, None, Conflict(None, ())), 409
    if not is_valid:
        return _show(pages, form, plan, stored), 422
    pages.prepare(form)
    return _save(pages, form, plan, stored)


def _show(
    pages: Pages[P],
    form: PartForm[P],
    plan: Plan,
    stored: Stored[P] | None,
    conflict: Conflict | None = None,
    **more: Any,
) -> str:
    if request.method == "POST":
        pages.again(form)
    around = pages.around(plan, stored.part if stored else None, form)
    return render_template(
        pages.template,
        form=form,
        stored=stored,
        pages=pages,
        conflict=conflict,
        plan=plan,
        **{**around, **more},
    )


def _save(
    pages: Pages[P], form: PartForm[P], plan: Plan, stored: Stored[P] | None
) -> ResponseReturnValue:
    """Save what a valid form describes; publish it too if the button says so."""
    session = db.session()
    part = form.part(stored.part if stored else None)
    is_alone = publishing.is_alone(session, pages.type_, {key_of(part), *_key_of(stored)})
    try:
        with audited(session) as changed:
            id_ = _write(session, part, stored, form.read_version())
            for one in pages.alongside(form):
                draft.save(session, one, author())
            said = pages.settle(session, form)
        session.commit()
    except KeyTaken:
        session.rollback()
        form[form.named_by].errors = [form.taken]
        return _show(pages, form, plan, stored), 422
    except ChangedMeanwhile:
        session.rollback()
        conflict = _conflict(session, pages, form, part, stored)
        form.version.data = str(conflict.theirs.version if conflict.theirs else 0)
        return _show(pages, form, plan, conflict.theirs, conflict), 409
    back = pages.address(id_)
    is_to_go_live = request.form.get("do") == PUBLISH
    if is_to_go_live and (changed or releases.pending(session).changes):
        if said:
            flash(" ".join(said))
        return publishing.publish(session, is_alone, back)
    if changed:
        flash(" ".join((*said, "Saved as a draft.")), "draft")
    else:
        flash(" ".join(said) or "Nothing has changed.")
    return redirect(back, 303)


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
            with audited(session):
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


def _conflict(
    session: Session, pages: Pages[P], form: PartForm[P], mine: Part, stored: Stored[P] | None
) -> Conflict:
    """Say what somebody else saved meanwhile, and where it differs from what was typed."""
    theirs = draft.find(session, pages.type_, stored.id) if stored else None
    if theirs is None:
        return Conflict(None, ())
    return Conflict(
        theirs, _differing(draft.read(session), theirs.part, mine, pages.alongside(form))
    )


def _differing(
    plan: Plan, theirs: Part, mine: Part, alongside: Sequence[Integration]
) -> tuple[Line, ...]:
    """Say where two versions of a part differ, its name first, and what belongs to it."""
    renamed = named_as(theirs, mine)
    keys = {one.key for one in alongside}
    others = tuple(one for one in plan.integrations if one.key not in keys)
    wanted = replace(with_part(plan, theirs, mine), integrations=(*others, *alongside))
    changed = [
        one for one in diff(with_part(plan, theirs, renamed), wanted) if one.key == key_of(mine)
    ]
    return (*name_line(theirs, mine), *(line for change in changed for line in change.lines))
