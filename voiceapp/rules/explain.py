"""Says in words how a rule came to its verdict, for whoever runs the phones."""

from voiceapp.rules.decide import Failed, Found, Several, Tried, Verdict
from voiceapp.rules.rule import Outcome
from voiceapp.rules.values import Value, is_empty, spell

_LONGEST_VALUE = 80

_OUTCOME_SENTENCES = {
    Outcome.NO_CONDITION: "No condition held.",
    Outcome.NOT_FOUND: "No record was found.",
    Outcome.WITHHELD: "The caller shows no phone number, so nobody was looked up.",
    Outcome.NOTHING_KEYED: "Nothing was keyed in, so nobody was looked up.",
}


def reasons(verdict: Verdict, *, value_is_hidden: bool = False) -> tuple[str, ...]:
    """
    Return one sentence for each step from the CRM's answer to the outcome.

    `value_is_hidden` keeps the value out of the sentences, where it is what the caller keyed in.
    """
    sentences: list[str] = []
    if isinstance(verdict.answer, Found):
        value = verdict.answer.value
        sentences.append(
            f"{verdict.rule.field} is {'hidden' if value_is_hidden else _quote(value)}."
        )
    sentences += [_tried(tried, value_is_hidden) for tried in verdict.tried]
    match verdict.answer:
        case Failed(reason):
            sentences.append(reason)
        case Several(count):
            sentences.append(f"{count} records were found, so none was chosen.")
        case _ if verdict.outcome in _OUTCOME_SENTENCES:
            sentences.append(_OUTCOME_SENTENCES[verdict.outcome])
    return tuple(sentences)


def _tried(tried: Tried, is_hidden: bool) -> str:
    mark, verb = ("✓", "held") if tried.comparison.holds else ("✗", "did not hold")
    # a condition that held would say what the value is
    condition = f"{tried.condition.operator} a hidden value" if is_hidden else tried.condition
    return f"{mark} {condition} {verb}: {tried.comparison.ground}."


def _quote(value: Value) -> str:
    if is_empty(value):
        return "empty"
    text = spell(value)
    if len(text) > _LONGEST_VALUE:
        text = text[: _LONGEST_VALUE - 1] + "…"
    return f"“{text}”"
