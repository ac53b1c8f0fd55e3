"""The sentences in which a rule gives its reasons."""

from dataclasses import replace
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
from voiceapp.rules.explain import masked, reasons
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
                "✗ < 5 did not hold: the CRM's value is not written as a number.",
                "✓ between 2026-01-01 and 2026-12-31 held: compared by the day.",
            ),
        ),
        (
            "gold ",
            (
                "Tier is “gold ”.",
                "✗ < 5 did not hold: the CRM's value is not written as a number.",
                "✗ between 2026-01-01 and 2026-12-31 did not hold:"
                " the CRM's value is not written as a date, or as a time with its zone.",
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
                "The outcome is “no condition matched”.",
            ),
        ),
        (
            Structure(),
            (
                "Tier is a structure, not a value.",
                "✗ < 5 did not hold: the CRM sent a structure, not a value.",
                "✗ between 2026-01-01 and 2026-12-31 did not hold:"
                " the CRM sent a structure, not a value.",
                "✗ is one of Gold, Silver did not hold: the CRM sent a structure, not a value.",
                "✗ is empty did not hold: the field is not empty.",
                "The outcome is “no condition matched”.",
            ),
        ),
    ],
)
def test_a_found_value_is_told_with_every_condition_tried(value, sentences):
    assert explain(Found(value)) == sentences


@pytest.mark.parametrize(
    ("answer", "sentences"),
    [
        (NotFound(), ("The outcome is “not found”.",)),
        (
            Several(3),
            ("3 records were found, so none was chosen.", "The outcome is “several found”."),
        ),
        (
            Withheld(),
            (
                "The caller shows no phone number, so nobody was looked up.",
                "The outcome is “withheld”.",
            ),
        ),
        (
            NothingKeyed(),
            (
                "Nothing was keyed in, so nobody was looked up.",
                "The outcome is “nothing keyed”.",
            ),
        ),
        (
            Failed("The directory gave no answer within the budget."),
            (
                "The directory gave no answer within the budget.",
                "The outcome is “CRM failed”.",
            ),
        ),
    ],
)
def test_an_answer_without_a_value_is_told_with_its_outcome(answer, sentences):
    assert explain(answer) == sentences


@pytest.mark.parametrize(
    ("value", "operator", "expected", "ground"),
    [
        ("Gold", Operator.GREATER, ("5",), "the CRM's value is not written as a number"),
        ("12 pcs", Operator.BETWEEN, ("5", "$1,000"), "the CRM's value is not written as a number"),
        (
            "22.11.2026",
            Operator.GREATER,
            ("2026-01-01",),
            "the CRM's value is not written as a date, or as a time with its zone",
        ),
        (
            "2026-11-22T10:00:00",
            Operator.LESS,
            ("2026-11-22T10:00:00Z",),
            "the CRM's value is not written as a date, or as a time with its zone",
        ),
        ("5", Operator.LESS, ("Gold",), "text has no larger and smaller"),
        ("Gold", Operator.BETWEEN, ("5", "2026-01-01"), "text has no larger and smaller"),
        ("Gold", Operator.EQUAL, ("5",), "compared as text"),
    ],
)
def test_what_kept_a_value_from_having_an_order_is_told(value, operator, expected, ground):
    condition = Condition(operator, expected, GENERAL)
    rule = replace(RULE, conditions=(condition,))

    sentences = reasons(decide(rule, Found(value), ZoneInfo("UTC")))

    assert sentences[1] == f"✗ {condition} did not hold: {ground}."


@pytest.mark.parametrize(
    ("value", "shown"),
    [("x" * 80, "x" * 80), ("x" * 81, "x" * 79 + "…"), ("x" * 9999, "x" * 79 + "…")],
)
def test_a_long_value_is_cut(value, shown):
    assert explain(Found(value))[0] == f"Tier is “{shown}”."


def test_a_hidden_value_is_not_told_nor_what_it_is_compared_with():
    verdict = decide(RULE, Found("1001"), ZoneInfo("UTC"))

    assert reasons(verdict, value_is_hidden=True) == (
        "Tier is hidden, as it shows what was keyed in.",
        "✗ < a hidden value did not hold: compared as numbers.",
        "✗ between a hidden value did not hold:"
        " the CRM's value is not written as a date, or as a time with its zone.",
        "✗ is one of a hidden value did not hold: compared as text.",
        "✗ is empty did not hold: the field is not empty.",
        "The outcome is “no condition matched”.",
    )


@pytest.mark.parametrize(
    ("operator", "values", "shown"),
    [
        (Operator.EQUAL, ("1001",), "= a hidden value"),
        (Operator.ONE_OF, ("1001", "1002"), "is one of a hidden value"),
        (Operator.EMPTY, (), "is empty"),
        (Operator.NOT_EMPTY, (), "is not empty"),
    ],
)
def test_a_masked_condition_tells_no_value(operator, values, shown):
    assert masked(Condition(operator, values, GENERAL)) == shown
