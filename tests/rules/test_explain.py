"""The sentences in which a rule gives its reasons."""

from zoneinfo import ZoneInfo

import pytest

from voiceapp.rules.decide import (
    Failed,
    Found,
    NotFound,
    NothingKeyed,
    Several,
    Withheld,
    decide,
)
from voiceapp.rules.explain import reasons
from voiceapp.rules.operators import Operator
from voiceapp.rules.rule import (
    Condition,
    Destination,
    DestinationKind,
    Location,
    Outcome,
    Rule,
)
from voiceapp.rules.values import Structure

GENERAL = Destination(DestinationKind.QUEUE, "general")
RULE = Rule(
    name="VIP customers",
    location=Location.DID,
    integration="directory",
    module="Contacts",
    field="Tier",
    conditions=(
        Condition(Operator.LESS, ("5",), GENERAL),
        Condition(Operator.BETWEEN, ("2026-01-01", "2026-12-31"), GENERAL),
        Condition(Operator.ONE_OF, ("Gold", "Silver"), GENERAL),
        Condition(Operator.EMPTY, (), GENERAL),
    ),
    outcomes=dict.fromkeys(Outcome, GENERAL),
)


def explain(answer, **options):
    return reasons(decide(RULE, answer, ZoneInfo("UTC")), **options)


@pytest.mark.parametrize(
    ("value", "sentences"),
    [
        (
            "4",
            ("Tier is “4”.", "✓ < 5 held: compared as numbers."),
        ),
        (
            "2026-11-22T10:00:00Z",
            (
                "Tier is “2026-11-22T10:00:00Z”.",
                "✗ < 5 did not hold: text has no larger and smaller.",
                "✓ between 2026-01-01 and 2026-12-31 held: compared by the day.",
            ),
        ),
        (
            "gold ",
            (
                "Tier is “gold ”.",
                "✗ < 5 did not hold: text has no larger and smaller.",
                "✗ between 2026-01-01 and 2026-12-31 did not hold: text has no larger and smaller.",
                "✓ is one of Gold, Silver held:"
                " the same text, as letter case and outer blanks don't count.",
            ),
        ),
        (
            None,
            (
                "Tier is empty.",
                "✗ < 5 did not hold: the field is empty.",
                "✗ between 2026-01-01 and 2026-12-31 did not hold: the field is empty.",
                "✗ is one of Gold, Silver did not hold: the field is empty.",
                "✓ is empty held: the field is empty.",
            ),
        ),
        (
            ("Bronze", True),
            (
                "Tier is “Bronze, yes”.",
                "✗ < 5 did not hold: a list has no larger and smaller.",
                "✗ between 2026-01-01 and 2026-12-31 did not hold:"
                " a list has no larger and smaller.",
                "✗ is one of Gold, Silver did not hold: no element of the list fits.",
                "✗ is empty did not hold: the field is not empty.",
                "No condition held.",
            ),
        ),
        (
            Structure(),
            (
                "Tier is “a structure”.",
                "✗ < 5 did not hold: the CRM sent a structure, not a value.",
                "✗ between 2026-01-01 and 2026-12-31 did not hold:"
                " the CRM sent a structure, not a value.",
                "✗ is one of Gold, Silver did not hold: the CRM sent a structure, not a value.",
                "✗ is empty did not hold: the field is not empty.",
                "No condition held.",
            ),
        ),
    ],
)
def test_a_found_value_is_told_with_every_condition_tried(value, sentences):
    assert explain(Found(value)) == sentences


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (NotFound(), "No record was found."),
        (Several(3), "3 records were found, so none was chosen."),
        (Withheld(), "The caller shows no phone number, so nobody was looked up."),
        (NothingKeyed(), "Nothing was keyed in, so nobody was looked up."),
        (
            Failed("The directory gave no answer within the budget."),
            "The directory gave no answer within the budget.",
        ),
    ],
)
def test_an_answer_without_a_value_is_told_in_one_sentence(answer, sentence):
    assert explain(answer) == (sentence,)


@pytest.mark.parametrize(
    ("value", "shown"),
    [("x" * 80, "x" * 80), ("x" * 81, "x" * 79 + "…"), ("x" * 9999, "x" * 79 + "…")],
)
def test_a_long_value_is_cut(value, shown):
    assert explain(Found(value))[0] == f"Tier is “{shown}”."


@pytest.mark.parametrize("value", ["1001", None])
def test_a_hidden_value_is_not_told(value):
    sentences = explain(Found(value), value_is_hidden=True)

    assert sentences[0] == "Tier is hidden."
    assert "1001" not in " ".join(sentences)
