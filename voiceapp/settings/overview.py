"""The first page: how things stand, what keeps the draft from going live, what to do next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from urllib.parse import urlsplit

from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from voiceapp.console.ready import newest_table
from voiceapp.extensions import db
from voiceapp.models.types import now
from voiceapp.people import Role
from voiceapp.routing import draft, history, releases
from voiceapp.routing.drift import drift
from voiceapp.routing.history import WEEK
from voiceapp.routing.kinds import NOTHING_CHOSEN
from voiceapp.routing.tables import NoTable
from voiceapp.rules.plan import Integration, Plan
from voiceapp.rules.rule import Outcome
from voiceapp.rules.uses import sentence_case
from voiceapp.runtime import runtime
from voiceapp.settings import lights
from voiceapp.settings.door import me, needs
from voiceapp.settings.lacking import lacking_counts
from voiceapp.settings.lights import Light
from voiceapp.settings.logbook import rows
from voiceapp.settings.looks import page_of, zone

bp = Blueprint("overview", __name__)

_LAST_CALLS = 8
_SAFE_CALLS = 3
_OF_THIS_MACHINE = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class Step:
    """Something to do before the first call comes in, and where."""

    title: str
    why: str
    address: str
    is_done: bool


@dataclass(frozen=True, slots=True)
class Count:
    """How many calls had an outcome on each of the last days, today last."""

    title: str
    numbers: Sequence[int]
    outcome: str

    @property
    def today(self) -> int:
        """Return how many there were today."""
        return self.numbers[-1]

    @property
    def week(self) -> int:
        """Return how many there were on all the days."""
        return sum(self.numbers)


@bp.get("/")
@needs(Role.VIEWER)
def index() -> ResponseReturnValue:
    """Show how things stand."""
    session = db.session()
    plan = draft.read(session)
    days = _last_days()
    tally = history.tally(session, days)
    return render_template(
        "overview/index.html",
        plan=plan,
        lacks=lacking_counts(session),
        faults=releases.faults_of(plan),
        calls=Count("Calls", tally.calls, ""),
        counts=[
            Count(sentence_case(outcome), tally.outcomes[outcome], outcome)
            for outcome in Outcome
            if outcome in tally.outcomes
        ],
        failed=Count("CRM failed", tally.outcomes.get(Outcome.FAILED, (0,) * WEEK), Outcome.FAILED),
        safe=Count("Sent to a safe destination", tally.safe, ""),
        safe_rows=rows(history.latest_safe(session, days[0], _SAFE_CALLS), plan),
        first_day=days[0].date(),
        rows=rows(history.latest_calls(session, _LAST_CALLS), plan),
        steps=_steps(session, plan),
        drift=_drift(session),
        paused=[
            (light, _where(plan, key, light))
            for key, light in lights.of_calls().items()
            if not light.is_on
        ],
        today=days[-1].date(),
        base=runtime().settings.public_base_url,
        is_public=urlsplit(runtime().settings.public_base_url).hostname not in _OF_THIS_MACHINE,
    )


def _drift(session: Session) -> Mapping[str, tuple[str, ...]]:
    """Return what is wrong by now with the rules that calls follow."""
    try:
        table = newest_table(runtime().live, watch=runtime().watch)
    except NoTable:
        return {}
    return drift(session, table.rules.values(), table.integrations.values())


def _where(plan: Plan, key: str, light: Light) -> str:
    """Return where a CRM that fails is mended, or for whoever may not, the rules that ask it."""
    is_shared = any(one.key == key and not one.is_private for one in plan.integrations)
    if is_shared and Role(me().role).may(Role.ADMIN):
        return page_of(Integration, key)
    own = next((rule.name for rule in plan.rules if rule.integration == key), "")
    return url_for("settings.routing.index", q=light.name if is_shared else own)


def _last_days() -> list[datetime]:
    """Return when each of the last days began in the installation's zone, today's last."""
    today = now().astimezone(zone()).date()
    days = [today - timedelta(days=back) for back in reversed(range(WEEK))]
    return [datetime.combine(day, time.min, zone()) for day in days]


def _steps(session: Session, plan: Plan) -> Sequence[Step]:
    """Return what there is to do until the first call comes in; nothing once one has."""
    if history.has_real_calls(session):
        return ()
    return (
        Step(
            "Make a queue",
            "Callers wait there for a person.",
            url_for("settings.queues.index"),
            bool(plan.queues),
        ),
        Step(
            "Choose the safe destination",
            "Calls go there when something fails.",
            url_for("settings.installation.index"),
            plan.installation.safe != NOTHING_CHOSEN,
        ),
        Step(
            "Add a DID",
            "Your phone number at Twilio, and where its calls go.",
            url_for("settings.dids.index"),
            bool(plan.dids),
        ),
        Step(
            "Publish",
            "What you set up is a draft until then.",
            url_for("settings.releases.review"),
            releases.newest_number(session) is not None,
        ),
    )
