"""One condition of a rule as a row of its form: operator, value, destination."""

from typing import Any

from wtforms import Form, FormField, SelectField, StringField, TextAreaField, ValidationError
from wtforms.utils import unset_value

from voiceapp.rules.operators import OPERANDS, Operator
from voiceapp.rules.rule import Condition, Destination, DestinationKind
from voiceapp.settings.fields import DestinationField
from voiceapp.settings.forms import BaseForm, stripped
from voiceapp.settings.offer import FROM_RULE, Choice

LONGEST_VALUE = 500

NOWHERE = Destination(DestinationKind.QUEUE)
"""Stands for a destination that was not chosen yet, in what a half-filled form describes."""


def from_rule(meta: Any) -> tuple[DestinationKind, ...]:
    """Return where a rule may lead; only one with Location IVR has a menu to go back to."""
    return (*FROM_RULE, DestinationKind.MENU) if meta.is_ivr else FROM_RULE


def _operators() -> list[Choice]:
    return [(operator.value, operator.value) for operator in Operator]


class ConditionForm(Form):
    """What the value is compared with, and where the call goes when that holds."""

    class Meta(BaseForm.Meta):
        """How WTForms speaks."""

    operator = SelectField("Operator", choices=_operators, default=Operator.EQUAL.value)
    value = StringField("Value", filters=[stripped])
    value_to = StringField("Value up to", filters=[stripped])
    values = TextAreaField("Value, one per line", filters=[stripped])
    destination = DestinationField("Destination", from_rule)

    def condition(self) -> Condition:
        """Return the condition that the row describes, half-filled as it may be."""
        operator = self._operator()
        return Condition(operator, self._values(operator), self.destination.data or NOWHERE)

    def validate_value(self, field: StringField) -> None:
        """Ask for a value where the operator needs one."""
        operator = self._operator()
        if operator is Operator.ONE_OF or not OPERANDS[operator][0]:
            return
        if not field.data:
            raise ValidationError("Type a value to compare with, or choose “is empty”.")
        _refuse_long(field.data)

    def validate_value_to(self, field: StringField) -> None:
        """Ask for the upper end of a range."""
        if self._operator() is not Operator.BETWEEN:
            return
        if not field.data:
            raise ValidationError("Type the value up to which it holds.")
        _refuse_long(field.data)

    def validate_values(self, field: TextAreaField) -> None:
        """Ask for at least one of several values."""
        if self._operator() is not Operator.ONE_OF:
            return
        if not field.data:
            raise ValidationError("Type the values, one per line.")
        for line in (field.data or "").splitlines():
            _refuse_long(line)

    def _operator(self) -> Operator:
        try:
            return Operator(self.operator.data)
        except ValueError:
            return Operator.EQUAL

    def _values(self, operator: Operator) -> tuple[str, ...]:
        if operator is Operator.ONE_OF:
            lines = (self.values.data or "").splitlines()
            return tuple(line.strip() for line in lines if line.strip())
        return (self.value.data or "", self.value_to.data or "")[: OPERANDS[operator][0]]


def _refuse_long(text: str | None) -> None:
    if len(text or "") > LONGEST_VALUE:
        raise ValidationError(f"Use at most {LONGEST_VALUE} characters.")


class ConditionField(FormField):  # type: ignore[type-arg]  # generic in its stubs only
    """A row of a rule; it offers what the whole form offers."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(ConditionForm, *arguments, **named)

    def process(self, formdata: Any, data: Any = unset_value, extra_filters: Any = None) -> None:
        values = data if isinstance(data, dict) else {}
        meta = {"offer": self.meta.offer, "is_ivr": self.meta.is_ivr}
        super().process(formdata, {**values, "meta": meta})


def row_of(condition: Condition) -> dict[str, Any]:
    """Return what stands in the row of a condition."""
    row: dict[str, Any] = {
        "operator": condition.operator.value,
        "destination": condition.destination,
    }
    if condition.operator is Operator.ONE_OF:
        return row | {"values": "\n".join(condition.values)}
    return row | dict(zip(("value", "value_to"), condition.values, strict=False))
