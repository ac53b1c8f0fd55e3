"""Calls: what was decided about each, and why."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from wtforms import BooleanField, DateField, SelectField, ValidationError
from wtforms.validators import AnyOf, Optional

from voiceapp.crm.phone import show
from voiceapp.extensions import db
from voiceapp.people import Role
from voiceapp.routing import draft, history, releases
from voiceapp.routing.document import UnreadableDocument
from voiceapp.routing.entry import DecisionEntry
from voiceapp.routing.history import BadKey, Wanted
from voiceapp.routing.table import DRAFT
from voiceapp.rules.plan import KEYS, NO_KEY, Plan
from voiceapp.rules.rule import Outcome
from voiceapp.rules.uses import sentence_case
from voiceapp.rules.way import Taken, taken, way_of
from voiceapp.settings.door import needs
from voiceapp.settings.forms import BaseForm
from voiceapp.settings.lacking import lacking_calls
from voiceapp.settings.logbook import destination_of, rows
from voiceapp.settings.looks import zone
from voiceapp.settings.offer import Choice, Offer
from voiceapp.settings.parties import Party, read_party
from voiceapp.settings.picture import draw

bp = Blueprint("calls", __name__, url_prefix="/calls")

_YEARS = range(2000, 2100)


class Day(DateField):
    """A day; one that can't be read stays in the field as it was typed."""

    def __init__(self, label: str, **arguments: Any) -> None:
        super().__init__(label, [Optional()], **arguments)

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        """Read what was typed."""
        typed = "".join(valuelist[:1]).strip()
        self.data = _read_day(typed)
        if typed and self.data is None:
            raise ValueError("Type a day as 2026-03-31.")


class CallsForm(BaseForm):
    """Which calls to list."""

    caller = Party("Caller")
    called = SelectField("Called", validate_choice=False, default="")
    outcome = SelectField(
        "Outcome",
        [AnyOf(["", *Outcome], "There is no such outcome. Choose one of the list.")],
        validate_choice=False,
        default="",
    )
    since = Day("From")
    until = Day("To")
    real = BooleanField("Real calls only")

    def __init__(self, offer: Offer, formdata: Any = None) -> None:
        super().__init__(offer, formdata)
        outcomes = [(one.value, sentence_case(one)) for one in Outcome]
        dids = [(one.number, f"{one.name} {show(one.number)}".strip()) for one in offer.plan.dids]
        self.outcome.choices = _with([("", "Any outcome"), *outcomes], self.outcome.data)
        self.called.choices = _with([("", "Any number"), *dids], self.called.data)

    def validate_called(self, field: SelectField) -> None:
        """Take any number, be it a DID of the draft or not."""
        if not field.data:
            return
        number = read_party(field.data, self.meta.offer.plan.installation.country)
        if number is None:
            raise ValidationError("This is no number that was called. Choose one of the list.")
        field.data = number

    def validate_until(self, field: Day) -> None:
        """Refuse days of which the last is before the first."""
        if field.data and self.since.data and field.data < self.since.data:
            raise ValidationError("This day is before the first one. Choose a later day.")

    def wanted(self, where: ZoneInfo) -> Wanted:
        """Return what a valid form asks for; its days are those of a time zone."""
        return Wanted(
            caller=self.caller.data or "",
            called=self.called.data or "",
            outcome=self.outcome.data or "",
            since=_midnight(self.since.data, where),
            until=_midnight(self.until.data and self.until.data + timedelta(days=1), where),
            is_real=self.real.data,
        )


def _with(choices: list[Choice], picked: str) -> list[Choice]:
    """Return choices, among them what was picked even if it is none of them."""
    return choices if picked in dict(choices) else [*choices, (picked, show(picked))]


def _read_day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if day.year in _YEARS else None


def _midnight(day: date | None, where: ZoneInfo) -> datetime | None:
    return None if day is None else datetime.combine(day, time.min, where)


@bp.get("/")
@needs(Role.VIEWER)
def index() -> ResponseReturnValue:
    """List the decisions about calls, newest first."""
    session = db.session()
    plan = draft.read(session)
    form = CallsForm(Offer(plan), request.args)
    before = request.args.get("before", "")
    shown = {name: request.args[name] for name in form.data if request.args.get(name)}
    page_of = partial(
        render_template, "calls/index.html", form=form, shown=shown, lacks=lacking_calls()
    )
    if not form.validate():
        return page_of(rows=(), older=""), 422
    try:
        page = history.listed(session, form.wanted(zone()), before)
    except BadKey:
        abort(404)
    return page_of(rows=rows(page.entries, plan), older=page.older, before=before)


@bp.get("/<call_sid>")
@needs(Role.VIEWER)
def call(call_sid: str) -> ResponseReturnValue:
    """Tell what was decided about a call, step by step, and draw the way it took."""
    session = db.session()
    decisions = history.decisions_of(session, call_sid) if call_sid.isprintable() else ()
    if not decisions:
        abort(404)
    first = decisions[0]
    plan = _plan_followed(session, first.release)
    return render_template(
        "calls/call.html",
        first=first,
        rows=rows(decisions, plan or draft.read(session)),
        ms=sum(one.ms for one in decisions),
        end=history.end_of(session, call_sid),
        keys=_keys(decisions),
        **_picture(decisions, plan),
    )


def _plan_followed(session: Session, number: int) -> Plan | None:
    """Return the plan that a call followed; None if it can't be read any more."""
    if number == DRAFT:
        return draft.read(session)
    try:
        return releases.plan_of(session, number)
    except UnreadableDocument:
        return None


def _picture(decisions: Sequence[DecisionEntry], plan: Plan | None) -> dict[str, Any]:
    """Return the way of calls to the DID, with the steps that this one took; none without one."""
    called = decisions[0].called
    did = next((one for one in plan.dids if one.number == called), None) if plan else None
    if plan is None or did is None:
        return {}
    way = way_of(did, plan)
    steps = [
        Taken(one.ivr, one.key, one.rule, one.outcome, destination_of(one)) for one in decisions
    ]
    return {"way": way, "drawing": draw(way, taken(way, steps))}


def _keys(decisions: Sequence[DecisionEntry]) -> str:
    """Return the keys that a trial presses to go the same way, as far as the journal has them."""
    pressed = [one.key for one in decisions if one.door == "key" and one.key != NO_KEY]
    return ",".join(key for key in pressed if key in KEYS)
