"""The directory: contacts of our own, which rules look up like those of any CRM."""

from collections.abc import Iterator, Sequence
from typing import Any

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from voiceapp.directory import importing, store, table
from voiceapp.directory.store import ContactChanged, ContactGone, StoredContact
from voiceapp.extensions import db
from voiceapp.people import Role
from voiceapp.settings import directory_import
from voiceapp.settings.contact_form import ContactForm, country_of
from voiceapp.settings.door import needs
from voiceapp.settings.rows import rearranged

bp = Blueprint("directory", __name__, url_prefix="/directory")
bp.register_blueprint(directory_import.bp)

_PAGE = 50
_MOST_OFFERED = 12
_HIGHEST_ID = 2**31 - 1


@bp.get("/")
@needs(Role.VIEWER)
def index() -> ResponseReturnValue:
    """List the contacts of a module, or those that somebody looks for."""
    session = db.session()
    modules = store.modules(session)
    module = _wanted(modules)
    text = request.args.get("q", "").strip()
    return render_template(
        "directory/index.html",
        modules=modules,
        module=module,
        text=text,
        page=store.search(session, module, text, country_of(session), _after(), _PAGE),
    )


@bp.route("/new", methods=["GET", "POST"])
@needs(Role.EDITOR)
def new() -> ResponseReturnValue:
    """Add a contact; the fields that others of its module have are offered."""
    if request.method == "POST":
        return _answer(None, "")
    session = db.session()
    module = _wanted(store.modules(session))
    offered = store.field_names(session, module)[:_MOST_OFFERED]
    rows = [{"field": name} for name in offered]
    return _show(ContactForm(country_of(session), module=module, fields=rows), None, module)


@bp.route("/<int:id_>", methods=["GET", "POST"])
@needs(Role.VIEWER, to_change=Role.EDITOR)
def edit(id_: int) -> ResponseReturnValue:
    """Show and change a contact."""
    found = _find(id_)
    if found is not None and request.method == "GET":
        contact, module = found
        form = ContactForm(country_of(db.session()), module=module, **ContactForm.values(contact))
        return _show(form, contact, module)
    if found is not None:
        return _answer(*found)
    if request.method == "GET":
        abort(404)
    return _gone(_typed())


@bp.route("/<int:id_>/delete", methods=["GET", "POST"])
@needs(Role.EDITOR)
def delete(id_: int) -> ResponseReturnValue:
    """Delete a contact, at once; ask again if somebody else has changed it meanwhile."""
    contact, module = _find(id_) or abort(404)
    if request.method == "GET":
        return _ask(contact, module)
    session = db.session()
    try:
        store.delete_contact(session, module, id_, seen=request.form.get("seen", ""))
        session.commit()
    except ContactGone:
        session.rollback()
    except ContactChanged:
        session.rollback()
        return _ask(*(_find(id_) or abort(404)), has_changed=True), 409
    flash(f"{contact.name} is deleted. Calls don't find it any more.")
    return redirect(url_for(".index", module=module), 303)


def _ask(contact: StoredContact, module: str, *, has_changed: bool = False) -> str:
    return render_template(
        "directory/delete.html", contact=contact, module=module, has_changed=has_changed
    )


@bp.get("/export.csv")
@needs(Role.EDITOR)
def export() -> ResponseReturnValue:
    """Hand out all contacts of a module as a file that can be imported again."""
    session = db.session()
    module = request.args.get("module", "")
    if module not in store.modules(session):
        abort(404)
    columns = store.field_names(session, module)
    response = Response(_lines(db.engine, module, columns), mimetype="text/csv")
    response.headers.set("Content-Disposition", "attachment", filename=f"{module}.csv")
    return response


def _lines(engine: Engine, module: str, columns: Sequence[str]) -> Iterator[str]:
    """Yield the lines of an export; they are sent when the request's own session is gone."""
    with Session(engine) as session:
        yield from table.write(store.everything(session, module), columns)


def _answer(contact: StoredContact | None, module: str) -> ResponseReturnValue:
    """Shape a form anew as one of its buttons wants, or save what it sends."""
    action = request.form.get("fields-do", "")
    form = _typed(action)
    if action:
        last = len(form.fields.entries) - 1
        focus = f"fields-{last}-field" if action == "add" else "add-field"
        return _show(form, contact, module, focus=focus)
    if contact is not None:
        form.module.data = module  # it stays where it is
    if not form.validate():
        return _show(form, contact, module), 422
    return _save(form, contact)


def _save(form: ContactForm, contact: StoredContact | None) -> ResponseReturnValue:
    session = db.session()
    mine = form.contact(contact.id if contact else 0)
    module = form.module.spelled(store.modules(session))
    try:
        id_ = store.save_contact(
            session,
            contact.id if contact else None,
            module,
            mine.name,
            mine.phones,
            mine.fields,
            seen=form.seen.data,
        )
        session.commit()
    except ContactGone:
        session.rollback()
        return _gone(form)
    except ContactChanged:
        session.rollback()
        return _changed(form, mine)
    flash(f"{mine.name} is saved. Calls find it as it is now.")
    return redirect(url_for(".edit", id_=id_), 303)


def _changed(form: ContactForm, mine: StoredContact) -> ResponseReturnValue:
    """Show what somebody else has saved meanwhile beside what was typed."""
    found = _find(mine.id)
    if found is None:
        return _gone(form)
    theirs, module = found
    form.seen.data = theirs.fingerprint
    conflict = importing.differences(theirs, mine)
    return _show(form, theirs, module, conflict=conflict, has_changed=True), 409


def _gone(form: ContactForm) -> ResponseReturnValue:
    """Show what was typed for a contact that somebody else has deleted meanwhile."""
    return _show(form, None, form.module.data or "", is_gone=True), 409


def _show(form: ContactForm, contact: StoredContact | None, module: str, **more: Any) -> str:
    session = db.session()
    return render_template(
        "directory/edit.html",
        form=form,
        contact=contact,
        module=module,
        modules=store.modules(session),
        field_names=store.field_names(session, module),
        **more,
    )


def _typed(action: str = "") -> ContactForm:
    """Return the form as it was sent, its rows as a button wants them."""
    sent = rearranged(request.form, "fields", action)
    return ContactForm(country_of(db.session()), sent)


def _find(id_: int) -> tuple[StoredContact, str] | None:
    """Return a contact and its module; None if it is not there, or not any more."""
    session = db.session()
    module = store.module_of(session, id_) if id_ <= _HIGHEST_ID else None
    contact = store.find_contact(session, module, id_) if module else None
    return (contact, module) if contact and module else None


def _wanted(modules: Sequence[str]) -> str:
    """Return the module that the address names, the first if there is none of that name."""
    wanted = request.args.get("module", "")
    return wanted if wanted in modules else modules[0]


def _after() -> tuple[str, int] | None:
    """Return where the page before this one has ended: its last folded name and id."""
    digits, _, folded = request.args.get("after", "").replace("\0", "").partition("-")
    is_id = digits.isascii() and digits.isdecimal() and int(digits[:11]) <= _HIGHEST_ID
    return (folded, int(digits)) if is_id and len(digits) < 11 else None
