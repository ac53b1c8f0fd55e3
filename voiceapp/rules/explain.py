"""Says in words how a rule came to its verdict, for whoever runs the phones."""

from voiceapp.rules.decide import Failed, Found, Several, Tried, Verdict
from voiceapp.rules.relation import Ground
from voiceapp.rules.rule import Condition, Outcome
from voiceapp.rules.values import (
    Structure,
    Value,
    is_empty,
    read_date,
    read_instant,
    read_number,
    spell,
)

_LONGEST_VALUE = 80

_NOBODY_ASKED = {
    Outcome.WITHHELD: "The caller shows no phone number, so nobody was looked up.",
    Outcome.NOTHING_KEYED: "Nothing was keyed in, so nobody was looked up.",
}


def reasons(verdict: Verdict, *, value_is_hidden: bool = False) -> tuple[str, ...]:
    """
    Return one sentence for each step from the CRM's answer to the outcome.

    `value_is_hidden` keeps the value out of the sentences, where it is what the caller keyed in.
    """
    sentences: list[str] = []
    match verdict.answer:
        case Found(value):
            shown = "hidden, as it shows what was keyed in" if value_is_hidden else _quote(value)
            sentences.append(f"{verdict.rule.field} is {shown}.")
        case Failed(reason):
            sentences.append(reason)
        case Several(count):
            sentences.append(f"{count} records were found, so none was chosen.")
        case _ if verdict.outcome in _NOBODY_ASKED:
            sentences.append(_NOBODY_ASKED[verdict.outcome])
    sentences += [_tried(tried, value_is_hidden) for tried in verdict.tried]
    if verdict.outcome is not Outcome.MATCHED:
        sentences.append(f"The outcome is “{verdict.outcome}”.")
    return tuple(sentences)


def _tried(tried: Tried, is_hidden: bool) -> str:
    mark, verb = ("✓", "held") if tried.comparison.holds else ("✗", "did not hold")
    # a condition that held would say what the value is
    condition = masked(tried.condition) if is_hidden else tried.condition
    return f"{mark} {condition} {verb}: {_ground(tried)}."


def masked(condition: Condition) -> str:
    """Return a condition without the values it compares with."""
    return f"{condition.operator} a hidden value" if condition.values else str(condition)


def _ground(tried: Tried) -> str:
    """Say on what grounds; where an order was wanted, what kept the value from having one."""
    ground, values = tried.comparison.ground, tried.condition.values
    if ground is Ground.UNORDERED_TEXT:
        if all(read_number(value) is not None for value in values):
            return "the CRM's value is not written as a number"
        if all(read_date(value) or read_instant(value) for value in values):
            return "the CRM's value is not written as a date, or as a time with its zone"
    return str(ground)


def _quote(value: Value) -> str:
    if is_empty(value):
        return "empty"
    text = spell(value)
    if len(text) > _LONGEST_VALUE:
        text = text[: _LONGEST_VALUE - 1] + "…"
    return text if isinstance(value, Structure) else f"“{text}”"
