"""The form of a CRM rule, with the fields, labels and order that the client gave it."""

from typing import Any

from wtforms import Field, FieldList, RadioField, ValidationError
from wtforms.validators import DataRequired

from voiceapp.crm.kind import PASSWORD, URL, USERNAME, Ask
from voiceapp.routing.credentials import Kept
from voiceapp.rules.parts import is_silent
from voiceapp.rules.plan import Integration
from voiceapp.rules.rule import (
    Destination,
    DestinationKind,
    FindBy,
    Location,
    Outcome,
    Prompt,
    Rule,
    outcomes_for,
)
from voiceapp.rules.uses import uses
from voiceapp.settings import rule_crm
from voiceapp.settings.condition_form import NOWHERE, ConditionField, from_rule, row_of
from voiceapp.settings.crm_fields import ASKED, Where
from voiceapp.settings.fields import DestinationField, PromptField, VoiceField
from voiceapp.settings.forms import PartForm, Text
from voiceapp.settings.offer import FROM_RULE, Choice, Offer
from voiceapp.settings.patience_fields import PatienceFields
from voiceapp.settings.search_fields import BY_FIELD, SearchFields

FIND_BY = {FindBy.CALLER: "The number they call from", FindBy.DIGITS: "Digits they key in"}

OUTCOME_FIELDS = {
    Outcome.NO_CONDITION: "no_condition",
    Outcome.NOT_FOUND: "not_found",
    Outcome.SEVERAL: "several",
    Outcome.WITHHELD: "withheld",
    Outcome.NOTHING_KEYED: "nothing_keyed",
    Outcome.FAILED: "failed",
}


class _Greeting(PromptField):
    """Greeting Instructions; where the Location has none, they are kept unseen and not judged."""

    def pre_validate(self, form: Any) -> None:
        if form.meta.is_ivr:
            super().pre_validate(form)


def _locations() -> list[Choice]:
    return [(one.value, one.value) for one in Location]


def _ways_to_find() -> list[Choice]:
    return [(one.value, FIND_BY[one]) for one in FindBy]


def _outcome(label: str, outcome: Outcome) -> DestinationField:
    def applies(form: Any) -> bool:
        return outcome in outcomes_for(form.found_by())

    return DestinationField(label, from_rule, applies=applies)


def can_lead_to(destination: Destination) -> bool:
    """Say whether any rule may lead to a destination."""
    return destination.kind in FROM_RULE


HANG_UP = Destination(DestinationKind.HANGUP)


class RuleForm(SearchFields, PatienceFields, PartForm[Rule]):
    """A CRM rule; `own` and `kept` are as in `CrmFields`."""

    name = Text("Rule Name", validators=[DataRequired("Type a name, e.g. VIP customers.")])
    field = Text(
        "CRM Field Name", validators=[DataRequired("Type the field to compare, e.g. Tier.")]
    )
    location = RadioField("Location", choices=_locations, default=Location.DID.value)
    greeting = _Greeting("Greeting Instructions")
    find_by = RadioField(
        "Find the caller by",
        choices=_ways_to_find,
        default=FindBy.CALLER.value,
    )
    search_field = Text(
        "Field to search",
        validators=[
            Where(lambda form: form.found_by() is FindBy.DIGITS, "Type the field, e.g. AccountNo.")
        ],
    )
    voice = VoiceField("Voice", none="As in Settings")

    conditions = FieldList(ConditionField())
    no_condition = _outcome("No condition matched", Outcome.NO_CONDITION)
    not_found = _outcome("Not found", Outcome.NOT_FOUND)
    several = _outcome("Several found", Outcome.SEVERAL)
    withheld = _outcome("Withheld", Outcome.WITHHELD)
    nothing_keyed = _outcome("Nothing keyed", Outcome.NOTHING_KEYED)
    failed = _outcome("CRM failed", Outcome.FAILED)
    after_recording = DestinationField(
        "After the recording",
        tuple(kind for kind in FROM_RULE if kind is not DestinationKind.RECORDING),
        applies=lambda form: not form.meta.is_ivr,
        default=HANG_UP,
    )

    order = (
        *("name", "field", "location", "greeting", "find_by", "search_field", "voice"),
        *("crm", "module", "second_module", "third_module", *ASKED, "header_name", "header_value"),
    )
    named_by = "name"
    later = "once the rule is published"
    taken = "There is a CRM rule of this name. Type another one."

    def __init__(
        self,
        offer: Offer,
        formdata: Any = None,
        *,
        was: Rule | None = None,
        own: Integration | None = None,
        kept: Kept = frozenset(),
        **values: Any,
    ) -> None:
        location = (formdata or values).get("location")
        super().__init__(offer, formdata, {"is_ivr": location == Location.IVR}, **values)
        self.was = was
        if was is not None:
            self.offer_ages(was)
        self.crm.choices = rule_crm.choices(offer.plan)
        self.stand_for(offer.plan, own, kept)

    @classmethod
    def values(cls, part: Rule) -> dict[str, Any]:
        plain = ("name", "field", "search_field", "greeting", "voice", "module", "prefer_field")
        second, third = (*part.then_modules, "", "")[:2]
        return {
            **{name: getattr(part, name) for name in plain},
            "second_module": second,
            "third_module": third,
            "prefer": part.prefer.value,
            "location": part.location.value,
            "find_by": part.find_by.value,
            "conditions": [row_of(condition) for condition in part.conditions],
            **{OUTCOME_FIELDS[outcome]: to for outcome, to in part.outcomes.items()},
            "after_recording": part.after_recording,
            **cls.patience_of(part),
        }

    def found_by(self) -> FindBy:
        """Return by what the caller is found, as far as the Location allows it."""
        is_digits = self.meta.is_ivr and self.find_by.data == FindBy.DIGITS
        return FindBy.DIGITS if is_digits else FindBy.CALLER

    def asks(self) -> list[tuple[Ask, Field]]:
        """Return what the CRM asks for, the client's own fields first and in the client's order."""
        rank = {name: place for place, name in enumerate((USERNAME, PASSWORD, URL))}
        return sorted(super().asks(), key=lambda one: rank.get(one[0].name, len(rank)))

    def outcome_fields(self) -> list[Field]:
        """Return the fields of the outcomes that the rule needs a destination for."""
        return [self[OUTCOME_FIELDS[outcome]] for outcome in outcomes_for(self.found_by())]

    def unseen_outcome_fields(self) -> list[Field]:
        """Return the fields of the other outcomes, which keep what was chosen meanwhile."""
        seen = self.outcome_fields()
        return [self[name] for name in OUTCOME_FIELDS.values() if self[name] not in seen]

    def validate_location(self, field: RadioField) -> None:
        """Keep a rule where it is offered, as long as something uses it."""
        if self.was is None or self.was.location.value == field.data:
            return
        users = uses(self.plan, DestinationKind.RULE, self.was.name)
        if users:
            named = ", ".join(map(str, users))
            raise ValidationError(f"It can't be changed while the rule is used by {named}.")

    def validate_greeting(self, field: PromptField) -> None:
        """Ask for what asks the caller to key something in."""
        if self.found_by() is FindBy.DIGITS and is_silent(field.data):
            raise ValidationError("Type what asks the caller for the digits.")

    def validate_conditions(self, field: Field) -> None:
        """Ask for at least one condition."""
        if not self.conditions.entries:
            raise ValidationError("Add at least one condition.")

    def _spelled(self, field: Field) -> str:
        """Return a field's name as the CRM spells it, where it is known."""
        return self.known.spelled(field.data or "")

    def part(self, was: Rule | None) -> Rule:
        return self.rule(self.integration().key)

    def rule(self, integration: str) -> Rule:
        """Return the rule that the form describes, half-filled as it may be."""
        is_ivr, found_by, preferred = self.meta.is_ivr, self.found_by(), self.preferred()
        module, *then_modules = self.modules()
        fresh, stale = self.ages()
        return Rule(
            name=self.name.data or "",
            location=Location.IVR if is_ivr else Location.DID,
            integration=integration,
            module=module,
            field=self._spelled(self.field),
            conditions=tuple(row.form.condition() for row in self.conditions),
            outcomes={
                outcome: self[OUTCOME_FIELDS[outcome]].data or NOWHERE
                for outcome in outcomes_for(found_by)
            },
            find_by=found_by,
            search_field=self._spelled(self.search_field) if found_by is FindBy.DIGITS else "",
            greeting=self.greeting.data if is_ivr else Prompt(),
            after_recording=(not is_ivr and self.after_recording.data) or HANG_UP,
            budget=self.seconds(),
            voice=self.voice.data if is_ivr else None,
            then_modules=tuple(then_modules),
            prefer=preferred,
            prefer_field=self._spelled(self.prefer_field) if preferred in BY_FIELD else "",
            fresh=fresh,
            stale=stale,
            field_type=self.known.type_of(self.field.data or ""),
        )
