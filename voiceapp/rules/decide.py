"""The engine: an answer of the CRM against a rule's conditions, in order, first match wins."""

from dataclasses import dataclass
from datetime import tzinfo
from typing import ClassVar, TypeAlias

from voiceapp.rules.operators import Comparison, compare
from voiceapp.rules.rule import Condition, Destination, Outcome, Rule
from voiceapp.rules.values import Value


@dataclass(frozen=True, slots=True)
class Found:
    """One record is the caller's; `value` is what its field holds."""

    value: Value


@dataclass(frozen=True, slots=True)
class NotFound:
    """No record is the caller's."""

    outcome: ClassVar = Outcome.NOT_FOUND


@dataclass(frozen=True, slots=True)
class Several:
    """More than one record is the caller's."""

    count: int
    outcome: ClassVar = Outcome.SEVERAL


@dataclass(frozen=True, slots=True)
class Withheld:
    """The caller shows no telephone number, so nobody was looked up."""

    outcome: ClassVar = Outcome.WITHHELD


@dataclass(frozen=True, slots=True)
class NothingKeyed:
    """The caller keyed in nothing, so nobody was looked up."""

    outcome: ClassVar = Outcome.NOTHING_KEYED


@dataclass(frozen=True, slots=True)
class Failed:
    """The CRM gave no usable answer in time; `reason` is a sentence for the admin."""

    reason: str
    outcome: ClassVar = Outcome.FAILED


Answer: TypeAlias = Found | NotFound | Several | Withheld | NothingKeyed | Failed


@dataclass(frozen=True, slots=True)
class Tried:
    """A condition that was tried, and what the comparison came to."""

    condition: Condition
    comparison: Comparison


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a rule came to: destination, outcome, and every condition tried on the way."""

    rule: Rule
    answer: Answer
    outcome: Outcome
    destination: Destination
    tried: tuple[Tried, ...] = ()

    @property
    def condition(self) -> Condition | None:
        """Return the condition that held, if one did."""
        return self.tried[-1].condition if self.outcome is Outcome.MATCHED else None


def decide(rule: Rule, answer: Answer, zone: tzinfo) -> Verdict:
    """Walk the conditions in the order written; the first that holds wins.

    `zone` is the installation's time zone. Never raises on data.
    """
    if not isinstance(answer, Found):
        return Verdict(rule, answer, answer.outcome, rule.outcomes[answer.outcome])
    tried: list[Tried] = []
    for condition in rule.conditions:
        comparison = compare(condition.operator, answer.value, condition.values, zone)
        tried.append(Tried(condition, comparison))
        if comparison.holds:
            return Verdict(rule, answer, Outcome.MATCHED, condition.destination, tuple(tried))
    otherwise = rule.outcomes[Outcome.NO_CONDITION]
    return Verdict(rule, answer, Outcome.NO_CONDITION, otherwise, tuple(tried))
