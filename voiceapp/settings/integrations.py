"""Integrations: the CRMs that rules may share, each with its address and its secret."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from wtforms import ValidationError
from wtforms.validators import DataRequired

from voiceapp.crm.registry import DIRECTORY, KINDS
from voiceapp.extensions import db
from voiceapp.people import Role
from voiceapp.routing import credentials, draft
from voiceapp.routing.credentials import Kept
from voiceapp.routing.inforce import in_force
from voiceapp.routing.kinds import Stored
from voiceapp.routing.rehearsal import question
from voiceapp.rules.plan import Integration, Plan
from voiceapp.rules.rule import Rule
from voiceapp.rules.uses import rules_asking, title
from voiceapp.rules.words import shown_address
from voiceapp.runtime import runtime
from voiceapp.settings import crm_fields, editing, lights, rehearsal, rule_crm, waiting
from voiceapp.settings.crm_fields import ASKED, CrmFields
from voiceapp.settings.door import author, needs
from voiceapp.settings.editing import Sent
from voiceapp.settings.forms import PartForm, Text
from voiceapp.settings.offer import Offer
from voiceapp.settings.rehearsal import Tested
from voiceapp.settings.rule_crm import CrmChoice

bp = Blueprint("integrations", __name__, url_prefix="/integrations")


class IntegrationForm(CrmFields, PartForm[Integration]):
    """A CRM that rules share; what kind it is can't be changed any more once it is there."""

    name = Text("Name", longest=100, validators=[DataRequired("Type a name, e.g. Shop.")])

    order = ("name", "crm", *ASKED, "header_name", "header_value")
    named_by = "name"
    later = "once it is published and a rule asks this CRM"
    taken = "There is an integration of this name. Type another one."

    def __init__(
        self,
        offer: Offer,
        formdata: Any = None,
        *,
        own: Integration | None = None,
        kept: Kept = frozenset(),
        **values: Any,
    ) -> None:
        super().__init__(offer, formdata, **values)
        self.crm.choices = [("", "Choose a CRM"), *rule_crm.kinds()]
        self.stand_for(offer.plan, own, kept)

    def choice(self) -> CrmChoice | None:
        """Return the kind of CRM: the one it is, or the one that is chosen for a new one."""
        if self.own is not None:
            return CrmChoice(KINDS[self.own.kind], self.own.kind)
        choice = super().choice()
        return None if choice and choice.shared else choice

    def uses_modules(self) -> bool:
        """The module is chosen in each rule."""
        return False

    def validate_name(self, field: Text) -> None:
        """Names are what rules offer, so each is there once."""
        key = self.own.key if self.own else ""
        for one in self.plan.integrations:
            if one.name == field.data and one.key != key and not one.is_private:
                raise ValidationError(self.taken)

    @classmethod
    def values(cls, part: Integration) -> dict[str, Any]:
        return {"name": part.name, **crm_fields.values_of(replace(part, is_private=True))}

    def part(self, was: Integration | None) -> Integration:
        made = self.integration()
        key = was.key if was else made.key
        return replace(made, key=key, name=self.name.data or "", is_private=False)


@bp.get("/")
@needs(Role.ADMIN)
def index() -> ResponseReturnValue:
    """List the integrations and how many rules ask each."""
    plan = draft.read(db.session())
    stored = [one for one in draft.stored(db.session(), Integration) if not one.part.is_private]
    return render_template(
        "integrations/index.html",
        integrations=stored,
        kinds=KINDS,
        asking={one.part.key: rules_asking(plan, one.part.key) for one in stored},
        address=shown_address,
        lights=lights.of_calls(),
    )


@bp.route("/new", methods=["GET", "POST"])
@needs(Role.ADMIN)
def new() -> ResponseReturnValue:
    """Add an integration."""
    return editing.edit(PAGES)


@bp.route("/<int:id_>", methods=["GET", "POST"])
@needs(Role.ADMIN)
def edit(id_: int) -> ResponseReturnValue:
    """Show, test and change an integration."""
    stored = draft.find(db.session(), Integration, id_)
    if stored is not None and (stored.part.is_private or stored.part.kind not in KINDS):
        abort(404)
    return editing.edit(PAGES, id_)


@bp.route("/<int:id_>/delete", methods=["GET", "POST"])
@needs(Role.ADMIN)
def delete(id_: int) -> ResponseReturnValue:
    """Delete an integration, after naming the rules that ask it."""
    part = editing.found(db.session(), Integration, id_).part
    if part.is_private or part.kind == DIRECTORY:
        abort(404)
    return editing.delete(PAGES, id_, _asked_by)


@dataclass(frozen=True, slots=True)
class _Asker:
    """A rule that asks an integration."""

    part: Rule

    def __str__(self) -> str:
        return title(self.part)


def _asked_by(plan: Plan, integration: Integration) -> tuple[_Asker, ...]:
    return tuple(map(_Asker, rules_asking(plan, integration.key)))


def _made(plan: Plan, stored: Stored[Integration] | None, sent: Sent) -> IntegrationForm:
    own = stored.part if stored else None
    kept = credentials.kept(db.session(), runtime().vault, own.key) if own else Kept()
    values = IntegrationForm.values(own) if own and sent is None else {}
    form = IntegrationForm(Offer(plan), sent, own=own, kept=kept, **values)
    form.in_force = in_force(db.session(), own.key) if own else Kept()
    if sent is not None:
        waiting.recall(form)
    return form


def _button(form: IntegrationForm, plan: Plan) -> dict[str, Any] | None:
    """Answer the buttons that shape the form anew, or test the connection."""
    do = request.form.get("do")
    if do == "reshape":
        return {}
    return {"tried": _test(form, plan)} if do == "try" and form.validate() else None


def _around(plan: Plan, part: Integration | None, form: IntegrationForm) -> dict[str, Any]:
    rules = rules_asking(plan, part.key) if part else ()
    light = lights.of_calls().get(part.key) if part else None
    return {"choice": form.choice(), "rules": rules, "light": light}


def _settle(session: Session, form: IntegrationForm) -> Sequence[str]:
    made = form.part(form.own)
    changed = credentials.keep(session, runtime().vault, made, form.secrets(), author())
    waiting.forget(session, form)
    return form.said(changed)


def _test(form: IntegrationForm, plan: Plan) -> Tested:
    """Sign in, list the modules, and ask for a number and a field as a rule would."""
    integration = form.part(form.own)
    module = request.form.get("try_module", "").strip()
    rule = question(integration, module, request.form.get("try_field", "").strip())
    return rehearsal.test(rule, integration, plan, request.form.get("try", ""), form.secrets())


PAGES = editing.Pages(
    Integration,
    "integration",
    IntegrationForm,
    "integrations/edit.html",
    "integrations",
    around=_around,
    make=_made,
    button=_button,
    settle=_settle,
    prepare=rehearsal.redeem,
    again=waiting.remember,
)
