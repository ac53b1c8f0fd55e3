"""CRM › Routing: the rules that look a caller up and choose where the call goes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from voiceapp.crm.registry import KINDS
from voiceapp.extensions import db
from voiceapp.people import Role
from voiceapp.routing import catalogue, credentials, draft, history
from voiceapp.routing.credentials import Kept
from voiceapp.routing.drift import drift
from voiceapp.routing.inforce import in_force
from voiceapp.routing.kinds import NOTHING_CHOSEN, Stored
from voiceapp.routing.releases import fault_of_integration
from voiceapp.rules.plan import Integration, Plan
from voiceapp.rules.rule import DestinationKind, Rule
from voiceapp.rules.uses import Use, all_uses, renamed, uses
from voiceapp.rules.words import Words, in_words, short, shown_address
from voiceapp.runtime import runtime
from voiceapp.settings import crm_fields, editing, lights, rehearsal, rule_crm, waiting
from voiceapp.settings.door import author, needs
from voiceapp.settings.editing import Sent
from voiceapp.settings.known_fields import Searched, known_of
from voiceapp.settings.offer import Offer
from voiceapp.settings.rows import rearranged
from voiceapp.settings.rule_form import OUTCOME_FIELDS, RuleForm, can_lead_to

bp = Blueprint("routing", __name__, url_prefix="/routing")

_ID = re.compile("[0-9]{1,9}")
_ROWS, _ROWS_DO = "conditions", "conditions-do"


def _used_by(plan: Plan, rule: Rule) -> tuple[Use, ...]:
    return uses(plan, DestinationKind.RULE, rule.name)


@bp.get("/")
@needs(Role.VIEWER)
def index() -> ResponseReturnValue:
    """List the rules, each with what it asks, where it leads, and what uses it."""
    session = db.session()
    plan = draft.read(session)
    sought = request.args.get("q", "").strip()
    names = {one.key: one.name for one in plan.integrations}
    rules = sorted(draft.stored(session, Rule), key=lambda one: one.part.name.casefold())
    return render_template(
        "routing/index.html",
        rules=[one for one in rules if sought.casefold() in _searched(one.part, names)],
        sought=sought,
        has_any=bool(rules),
        names=names,
        used=all_uses(plan),
        kind=DestinationKind.RULE,
        short=short,
        drift=drift(session, plan.rules, plan.integrations),
        lights=lights.of_calls(),
        asked=history.calls_of_rules(session, history.week_begin()),
    )


@bp.route("/new", methods=["GET", "POST"])
@needs(Role.EDITOR)
def new() -> ResponseReturnValue:
    """Add a rule, or with `copy` one like another."""
    return editing.edit(PAGES)


@bp.route("/<int:id_>", methods=["GET", "POST"])
@needs(Role.VIEWER, to_change=Role.EDITOR)
def edit(id_: int) -> ResponseReturnValue:
    """Show and change a rule."""
    return editing.edit(PAGES, id_)


@bp.route("/<int:id_>/delete", methods=["GET", "POST"])
@needs(Role.EDITOR)
def delete(id_: int) -> ResponseReturnValue:
    """Delete a rule, after naming the DIDs and keys that use it."""
    return editing.delete(PAGES, id_, _used_by, lambda session: rule_crm.sweep(session, author()))


@bp.post("/words")
@needs(Role.EDITOR)
def words() -> ResponseReturnValue:
    """Say in words what the form of a rule says just now."""
    session = db.session()
    plan = draft.read(session)
    was = _rule(session, request.form.get("id", ""))
    form = _made(plan, was, request.form)
    return render_template("routing/_words.html", sentences=_in_words(form, plan))


def _made(plan: Plan, stored: Stored[Rule] | None, sent: Sent) -> RuleForm:
    """Return the form of a rule, of a copy or of a new one, or of what was sent."""
    own = _own(plan, stored)
    was = stored.part if stored else None
    kept = credentials.kept(db.session(), runtime().vault, own.key) if own else Kept()
    if sent is not None:
        # with its rows as a button of it wants them
        arranged = rearranged(sent, _ROWS, sent.get(_ROWS_DO, ""))
        form = RuleForm(Offer(plan), arranged, was=was, own=own, kept=kept)
        waiting.recall(form)
    else:
        values = _values(plan, was) if was else _first_values(db.session(), plan)
        form = RuleForm(Offer(plan), was=was, own=own, kept=kept, **values)
    form.in_force = in_force(db.session(), own.key) if own else Kept()
    _learn(form)
    return form


def _learn(form: RuleForm) -> None:
    """Give a form what is known of the fields in the modules it searches."""
    session, asked = db.session(), _asked(form)
    form.searched = Searched(tuple((one, known_of(session, asked, one)) for one in form.modules()))


def _asked(form: RuleForm) -> Integration:
    """Return the CRM as what it told is known by; one that is not saved yet by its form."""
    integration = form.integration()
    is_new = integration.is_private and (form.own is None or form.own.key != integration.key)
    return catalogue.unsaved(integration, waiting.mark(form)) if is_new else integration


def _button(form: RuleForm, plan: Plan) -> dict[str, Any] | None:
    """Answer the buttons that shape the form anew, or try it."""
    do = request.form.get("do")
    if _ROWS_DO in request.form or do == "reshape":
        return {}
    if do == "fields":
        return {"fields_fault": _read_fields(form, plan)}
    if do != "try" or not form.validate():
        return None
    integration = form.integration()
    rule = form.rule(integration.key)
    typed = request.form.get("try", "")
    return {"tried": rehearsal.rehearse(rule, integration, plan, typed, form.secrets())}


def _read_fields(form: RuleForm, plan: Plan) -> str:
    """Ask the CRM for the fields of all modules chosen; return what is wrong, as a sentence.

    It is asked as it stands in the form, saved or not.
    """
    integration = form.integration()
    if not form.crm_is_valid():
        return "The CRM can't be asked yet: look at CRM Settings."
    if fault := fault_of_integration(integration):
        return f"{fault} Choose the CRM, and look at its settings."
    country = plan.installation.country
    fault = rehearsal.read_fields(_asked(form), form.modules(), country, form.secrets())
    _learn(form)
    return fault


def _alongside(form: RuleForm) -> tuple[Integration, ...]:
    integration = form.integration()
    return (integration,) if integration.is_private else ()


def _settle(session: Session, form: RuleForm) -> Sequence[str]:
    """Keep the secret of the rule's own integration, and let go of one it had before."""
    changed: Mapping[str, bool] = {}
    for integration in _alongside(form):
        changed = credentials.keep(session, runtime().vault, integration, form.secrets(), author())
    catalogue.settle(session, waiting.mark(form), form.integration())
    waiting.forget(session, form)
    session.flush()
    rule_crm.sweep(session, author())
    return form.said(changed)


def _own(plan: Plan, stored: Stored[Rule] | None) -> Any:
    key = stored.part.integration if stored else ""
    return next((one for one in plan.integrations if one.key == key and one.is_private), None)


def _values(plan: Plan, rule: Rule) -> dict[str, Any]:
    asked = next((one for one in plan.integrations if one.key == rule.integration), None)
    return RuleForm.values(rule) | crm_fields.values_of(asked)


def _first_values(session: Session, plan: Plan) -> dict[str, Any]:
    if "copy" in request.args:
        copied = _rule(session, request.args["copy"])
        if copied is None:
            abort(404)
        name = f"Copy of {copied.part.name}"[:200]
        return _values(plan, copied.part) | {"name": name}
    safe = plan.installation.safe
    usual = safe if can_lead_to(safe) and safe != NOTHING_CHOSEN else None
    shared = [one for one in plan.integrations if not one.is_private]
    crm = crm_fields.values_of(shared[0]) if len(shared) == 1 else {}
    return {
        **crm,
        **dict.fromkeys(OUTCOME_FIELDS.values(), usual),
        "module": "Contacts",
        "conditions": [{}],
        "budget": "3",
    }


def _around(plan: Plan, rule: Rule | None, form: RuleForm) -> dict[str, Any]:
    choice = form.choice()
    shared = choice.shared if choice else None
    modules = dict.fromkeys((*form.searched.first.modules, *filter(None, form.modules())))
    return {
        "choice": choice,
        "shared_host": _host(shared.url) if shared and shared.url else "",
        "host_of": _host,
        "modules": modules,
        "module_choices": [("", "not found"), *((one, one) for one in modules)],
        "drift": _drift(plan, rule) if rule else (),
        "light": lights.of_calls().get(rule.integration) if rule else None,
        "sentences": _in_words(form, plan),
        "remembers_alone": not runtime().settings.redis_url,
        "users": _used_by(plan, form.was) if form.was else (),
    }


def _drift(plan: Plan, rule: Rule) -> tuple[str, ...]:
    """Return what is wrong with a rule by what is known of its CRM."""
    return drift(db.session(), (rule,), plan.integrations).get(rule.name, ())


def _in_words(form: RuleForm, plan: Plan) -> tuple[Words, ...]:
    """Say the rule as it stands in the form, used where it is used under its saved name."""
    integration = form.integration()
    others = tuple(one for one in plan.integrations if one.key != integration.key)
    rule = form.rule(integration.key)
    if form.was is not None and form.was.name != rule.name:
        plan = renamed(plan, DestinationKind.RULE, form.was.name, rule.name)
    is_live = integration.kind in KINDS and KINDS[integration.kind].is_live
    return in_words(rule, replace(plan, integrations=(*others, integration)), is_live=is_live)


def _rule(session: Session, id_: str) -> Stored[Rule] | None:
    """Return the rule with an id as a page sends it; longer ones no database can be asked for."""
    return draft.find(session, Rule, int(id_)) if _ID.fullmatch(id_) else None


def _host(url: str) -> str:
    """Return the host of an address, and its port if it names one."""
    return re.split("[/?]", shown_address(url), maxsplit=1)[0]


def _searched(rule: Rule, names: dict[str, str]) -> str:
    texts = (rule.name, rule.module, rule.field, names.get(rule.integration, ""), short(rule))
    return " ".join(texts).casefold()


PAGES = editing.Pages(
    Rule,
    "CRM rule",
    RuleForm,
    "routing/edit.html",
    "routing",
    around=_around,
    make=_made,
    button=_button,
    alongside=_alongside,
    settle=_settle,
    prepare=rehearsal.redeem,
    again=waiting.remember,
)
