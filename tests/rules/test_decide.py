"""Which condition wins, and where each outcome leads."""

from zoneinfo import ZoneInfo

import pytest

from voiceapp.rules.decide import (
    Failed,
    Found,
    NotFound,
    NothingKeyed,
    Several,
    Tried,
    Verdict,
    Withheld,
    decide,
)
from voiceapp.rules.operators import Comparison, Operator
from voiceapp.rules.relation import Ground
from voiceapp.rules.rule import (
    Condition,
    Destination,
    DestinationKind,
    Location,
    Outcome,
    Rule,
)

UTC = ZoneInfo("UTC")


def queue(name: str) -> Destination:
    return Destination(DestinationKind.QUEUE, name)


def when(operator: str, *values: str, to: str) -> Condition:
    return Condition(Operator(operator), values, queue(to))


def make_rule(*conditions: Condition) -> Rule:
    """Return a rule whose every outcome leads to a queue of its own, named after it."""
    return Rule(
        name="VIP customers",
        location=Location.DID,
        integration="directory",
        module="Contacts",
        field="Tier",
        conditions=conditions,
        outcomes={outcome: queue(outcome) for outcome in Outcome if outcome != "matched"},
    )


GOLD = when("=", "Gold", to="vip")
SILVER = when("=", "Silver", to="club")
ANY = when("is not empty", to="rest")


@pytest.mark.parametrize(
    ("conditions", "value", "chosen"),
    [
        ((GOLD, SILVER, ANY), "Gold", "vip"),
        ((GOLD, SILVER, ANY), "Silver", "club"),
        ((GOLD, SILVER, ANY), "Bronze", "rest"),
        ((ANY, SILVER, GOLD), "Gold", "rest"),
        ((when("=", "gold", to="first"), GOLD), "Gold", "first"),
        ((when(">", "0", to="some"), when(">", "100", to="many")), "1,000", "some"),
        ((when(">", "100", to="many"), when(">", "0", to="some")), "1,000", "many"),
        ((GOLD, when("is empty", to="blank")), None, "blank"),
        ((GOLD, SILVER), "Bronze", "no condition matched"),
        ((GOLD, SILVER), None, "no condition matched"),
        ((), "Gold", "no condition matched"),
    ],
)
def test_the_first_condition_that_holds_wins(conditions, value, chosen):
    verdict = decide(make_rule(*conditions), Found(value), UTC)

    assert verdict.destination == queue(chosen)


def test_a_verdict_keeps_what_was_tried_until_one_held():
    rule = make_rule(when("<", "5", to="low"), GOLD, ANY)

    verdict = decide(rule, Found("gold "), UTC)

    assert verdict == Verdict(
        rule=rule,
        answer=Found("gold "),
        outcome=Outcome.MATCHED,
        destination=queue("vip"),
        tried=(
            Tried(rule.conditions[0], Comparison(False, Ground.UNORDERED_TEXT)),
            Tried(GOLD, Comparison(True, Ground.FOLDED)),
        ),
    )
    assert verdict.condition is GOLD


def test_a_verdict_without_a_match_keeps_all_that_was_tried():
    rule = make_rule(GOLD, SILVER)

    verdict = decide(rule, Found("Bronze"), UTC)

    assert verdict == Verdict(
        rule=rule,
        answer=Found("Bronze"),
        outcome=Outcome.NO_CONDITION,
        destination=queue("no condition matched"),
        tried=(
            Tried(GOLD, Comparison(False, Ground.TEXT)),
            Tried(SILVER, Comparison(False, Ground.TEXT)),
        ),
    )
    assert verdict.condition is None


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (NotFound(), Outcome.NOT_FOUND),
        (Several(2), Outcome.SEVERAL),
        (Withheld(), Outcome.WITHHELD),
        (NothingKeyed(), Outcome.NOTHING_KEYED),
        (Failed("no answer within the time allowed."), Outcome.FAILED),
    ],
)
def test_each_answer_without_a_value_has_its_own_destination(answer, outcome):
    rule = make_rule(ANY, when("is empty", to="blank"))

    verdict = decide(rule, answer, UTC)

    assert verdict == Verdict(rule, answer, outcome, queue(outcome), tried=())
    assert verdict.condition is None


@pytest.mark.parametrize(
    ("zone", "chosen"), [("Pacific/Kiritimati", "today"), ("UTC", "no condition matched")]
)
def test_the_zone_decides_on_which_day_a_moment_falls(zone, chosen):
    rule = make_rule(when("=", "2026-11-23", to="today"))

    verdict = decide(rule, Found("2026-11-22T10:30:00Z"), ZoneInfo(zone))

    assert verdict.destination == queue(chosen)
