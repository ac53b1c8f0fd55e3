"""Trying a call: one placed without a telephone, told step by step."""

from contextvars import Context
from time import perf_counter
from typing import Any

from flask import Blueprint, current_app, render_template, request
from flask.typing import ResponseReturnValue
from wtforms import RadioField, ValidationError
from wtforms.validators import AnyOf

from voiceapp.console.place import place_call
from voiceapp.console.ready import draft_table, newest_table
from voiceapp.console.report import read_keys
from voiceapp.extensions import db
from voiceapp.people import Role
from voiceapp.routing import draft, releases
from voiceapp.routing.releases import NotPublishable
from voiceapp.routing.table import Table
from voiceapp.routing.tables import NoTable
from voiceapp.rules.check import Fault
from voiceapp.runtime import runtime
from voiceapp.settings.door import needs
from voiceapp.settings.forms import BaseForm, Text
from voiceapp.settings.offer import Offer
from voiceapp.settings.parties import Party
from voiceapp.settings.telling import Story, tell

bp = Blueprint("trials", __name__, url_prefix="/try")

_DRAFT, _RELEASE = "draft", "release"


class TrialForm(BaseForm):
    """Who calls whom, what they press, and by what the call goes."""

    caller = Party("From")
    called = Party("To", required="Type the number that is called, or pick one of yours.")
    keys = Text("Keys", longest=500)
    on = RadioField(
        "The call follows",
        [AnyOf([_DRAFT, _RELEASE], "Choose what the call follows.")],
        validate_choice=False,
    )

    def __init__(self, offer: Offer, live: int | None, formdata: Any = None, **data: Any) -> None:
        super().__init__(offer, formdata, **data)
        release = f"release {live}, as calls do now" if live else "the release: there is none yet"
        self.on.choices = [(_DRAFT, "the draft"), (_RELEASE, release)]

    def validate_keys(self, field: Text) -> None:
        """Take only what a telephone has keys for."""
        try:
            read_keys(field.data)
        except ValueError as error:
            raise ValidationError(str(error)) from error

    def pressed(self) -> tuple[str, ...]:
        """Return the keys of a valid form, one element for each prompt that waits for some."""
        return read_keys(self.keys.data or None)

    def table(self) -> Table:
        """Return what the call follows. Raises NotPublishable and NoTable."""
        if self.on.data == _DRAFT:
            return draft_table(db.session())
        return newest_table(runtime().live, watch=runtime().watch)


@bp.route("/", methods=["GET", "POST"])
@needs(Role.VIEWER)
def index() -> ResponseReturnValue:
    """Ask for a call to try; place it and tell what came of it."""
    plan = draft.read(db.session())
    live = releases.newest_number(db.session())
    if request.method == "GET":
        return _page(TrialForm(Offer(plan), live, None, **_prefilled(live)))
    form = TrialForm(Offer(plan), live, request.form)
    if not form.validate():
        return _page(form), 422
    try:
        table = form.table()
    except NotPublishable as error:
        return _page(form, faults=error.faults), 422
    except NoTable:
        form.on.errors = ["No release has been published yet. Choose the draft."]
        return _page(form), 422
    return _page(form, story=_place(form, table))


def _place(form: TrialForm, table: Table) -> Story:
    """Place the call that a valid form describes."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # the proxy's
    caller, called, keys = form.caller.data or "", form.called.data or "", form.pressed()
    db.session.close()  # no connection is held while the call goes on and CRMs are asked
    begin = perf_counter()
    # in a context of its own: what its webhooks keep in `g` and sessions is none of this request's
    walked = Context().run(place_call, app, runtime().settings, table, caller, called, keys)
    return tell(walked, (perf_counter() - begin) * 1000)


def _prefilled(live: int | None) -> dict[str, str]:
    """Return what the address says that the form begins with."""
    values = {name: request.args.get(name, "") for name in ("caller", "called", "keys")}
    on = request.args.get("on", "")
    if on not in (_DRAFT, _RELEASE):
        differs = live is None or releases.pending(db.session()).changes
        on = _DRAFT if differs else _RELEASE
    return {**values, "on": on}


def _page(form: TrialForm, *, story: Story | None = None, faults: tuple[Fault, ...] = ()) -> str:
    dids = form.meta.offer.plan.dids
    return render_template("trials/index.html", form=form, dids=dids, story=story, faults=faults)
