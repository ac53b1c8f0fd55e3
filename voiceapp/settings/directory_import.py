"""Contacts from a file: looked at first, imported when somebody says so."""

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import ValidationError

from voiceapp.directory import importing, store, table
from voiceapp.directory.importing import ImportPreview
from voiceapp.directory.pending import KeptFile, drop_import, keep_import, pending_import
from voiceapp.directory.table import ContactLine, UnreadableSheet
from voiceapp.extensions import db
from voiceapp.people import Role
from voiceapp.settings.contact_form import ModuleField, NumbersForm, country_of
from voiceapp.settings.door import me, needs
from voiceapp.settings.uploads import UploadField

bp = Blueprint("imports", __name__, url_prefix="/import")

_SHOWN = 50
_SAMPLE = (
    ContactLine(2, None, "Ada Gold", ("+12025550101",), {"Tier": "Gold", "AccountNo": "1001"}),
    ContactLine(
        3,
        None,
        "Max Mixed",
        ("(202) 555-0104", "+12025550114"),
        {"Tier": "Silver", "AccountNo": "1004"},
    ),
)


class ImportForm(NumbersForm):
    """A file, and the module that its contacts are for."""

    module = ModuleField("Module")
    file = UploadField("File")

    def validate_file(self, field: UploadField) -> None:
        """Refuse what can't be read; single lines may still have faults."""
        if field.data is None:
            raise ValidationError("Choose a CSV file.")
        try:
            table.read(field.data.content, self.country)
        except UnreadableSheet as error:
            raise ValidationError(str(error)) from error


@bp.route("", methods=["GET", "POST"])
@needs(Role.EDITOR)
def new() -> ResponseReturnValue:
    """Take a file, and show what it would do."""
    session = db.session()
    modules = store.modules(session)
    country = country_of(session)
    if request.method == "GET":
        wanted = request.args.get("module", modules[0])
        return _ask(ImportForm(country, module=wanted), modules)
    form = ImportForm(country, request.form)
    if not form.validate() or form.file.data is None:
        return _ask(form, modules), 422
    module, content = form.module.spelled(modules), form.file.data.content
    token = keep_import(session, _owner(), module, content)
    session.commit()
    return redirect(url_for(".preview", token=token), 303)


@bp.get("/sample.csv")
@needs(Role.VIEWER)
def sample() -> ResponseReturnValue:
    """Hand out a small file to be filled in."""
    response = Response(table.write(_SAMPLE, ("Tier", "AccountNo")), mimetype="text/csv")
    response.headers.set("Content-Disposition", "attachment", filename="sample.csv")
    return response


@bp.get("/<token>")
@needs(Role.EDITOR)
def preview(token: str) -> ResponseReturnValue:
    """Show line by line what a file would do."""
    session = db.session()
    kept = pending_import(session, _plain(token), _owner())
    if kept is None:
        return _not_waiting()
    country = country_of(session)
    found = importing.preview(session, kept.module, table.read(kept.content, country), country)
    return _show(kept.module, found, token)


@bp.post("/<token>")
@needs(Role.EDITOR)
def decide(token: str) -> ResponseReturnValue:
    """Import a file as it was looked at, or forget it."""
    session = db.session()
    kept = pending_import(session, _plain(token), _owner())
    if kept is None:
        return _not_waiting()
    if request.form.get("do") == "import":
        return _import(kept, token)
    drop_import(session, token, _owner())
    flash("Nothing was imported.")
    return redirect(url_for("settings.directory.index", module=kept.module), 303)


def _import(kept: KeptFile, token: str) -> ResponseReturnValue:
    """Import a file if it would do what its page has said; else show what it would do now.

    All is read and matched before the first write, which others would have to wait for.
    """
    session = db.session()
    country = country_of(session)
    sheet = table.read(kept.content, country)
    found = importing.preview(session, kept.module, sheet, country)
    if found.fingerprint != request.form.get("seen"):
        return _show(kept.module, found, token, has_changed=True), 409
    if not drop_import(session, token, _owner()):
        return _not_waiting()
    done = importing.apply(session, kept.module, sheet, country, found)
    flash(_in_words(kept.module, done))
    return redirect(url_for("settings.directory.index", module=kept.module), 303)


def _in_words(module: str, done: ImportPreview) -> str:
    """Say what an import has done."""
    said = f"Imported into {module}: {len(done.added)} added, {len(done.changed)} changed"
    if done.unchanged:
        said += f", {len(done.unchanged)} as before"
    left_out = {
        "with faults": len({fault.line for fault in done.faults}),
        "changed by somebody else just now": len(done.overtaken),
    }
    if any(left_out.values()):
        parts = (f"{count} {why}" for why, count in left_out.items() if count)
        said += f". Left out: {', '.join(parts)}"
    return f"{said}."


def _show(module: str, found: ImportPreview, token: str, *, has_changed: bool = False) -> str:
    return render_template(
        "directory/preview.html",
        module=module,
        found=found,
        token=token,
        most=_SHOWN,
        has_changed=has_changed,
    )


def _ask(form: ImportForm, modules: tuple[str, ...]) -> str:
    return render_template("directory/import.html", form=form, modules=modules)


def _not_waiting() -> ResponseReturnValue:
    flash("This file is not waiting any more. Choose it again if it is still to be imported.")
    return redirect(url_for(".new"), 303)


def _owner() -> str:
    return str(me().id)


def _plain(token: str) -> str:
    return token.replace("\0", "")
