"""Who refers to what: the places in a plan that name a queue, an IVR, a recording or a rule."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, TypeAlias, TypeVar, assert_never

from voiceapp.rules.plan import (
    Did,
    Installation,
    Integration,
    Ivr,
    Plan,
    Queue,
    Recording,
    slot_name,
)
from voiceapp.rules.rule import Destination, DestinationKind, Outcome, Prompt, Rule

Referrer: TypeAlias = Did | Ivr | Rule | Installation
Part: TypeAlias = Referrer | Queue | Recording | Integration
Named: TypeAlias = tuple[DestinationKind, str]

NAMED_KINDS = frozenset(
    {
        DestinationKind.QUEUE,
        DestinationKind.IVR,
        DestinationKind.RECORDING,
        DestinationKind.RULE,
    }
)
"""The kinds of destination whose option names a part of the plan."""

SAFE_DESTINATION = "Safe destination"
GREETING_INSTRUCTIONS = "Greeting Instructions"
AFTER_RECORDING = "After the recording"

P = TypeVar("P")


def title(part: Part) -> str:
    """
    Name a part as admins know it.

    >>> title(Queue("vip")), title(Installation(Destination(DestinationKind.QUEUE, "vip")))
    ('Queue vip', 'Settings')
    """
    match part:
        case Installation():
            return "Settings"
        case Did():
            return f"DID {part.number} {part.name}".rstrip()
        case Ivr():
            return f"IVR {part.number} {part.name}".rstrip()
        case Rule():
            return f"CRM rule {part.name}".rstrip()
        case Queue():
            return f"Queue {part.name}"
        case Recording():
            return f"Recording {part.name}"
        case Integration():
            return f"Integration {part.name}".rstrip()
        case _:
            assert_never(part)


def sentence_case(text: str) -> str:
    """
    Begin a text with a capital and leave the rest of it alone.

    >>> sentence_case(Outcome.NOT_FOUND), sentence_case(Outcome.FAILED)
    ('Not found', 'CRM failed')
    """
    return text[:1].upper() + text[1:]


_QUOTED = {
    **{sentence_case(outcome): f"“{outcome}”" for outcome in Outcome},
    AFTER_RECORDING: "“after the recording”",
    GREETING_INSTRUCTIONS: GREETING_INSTRUCTIONS,
}
"""The slots that are said otherwise than in small letters."""


@dataclass(frozen=True, slots=True)
class Use:
    """A place that names something: a part of the plan, and the slot of it."""

    part: Referrer
    slot: str

    def __str__(self) -> str:
        """
        Say where the place is, as an admin would.

        >>> did = Did("+12025550180", "Sales", Destination(DestinationKind.QUEUE, "vip"))
        >>> str(Use(did, "Destination")), str(Use(did, "Safe destination"))
        ('DID +12025550180 Sales', 'safe destination of DID +12025550180 Sales')
        """
        said = _QUOTED.get(self.slot, self.slot[:1].lower() + self.slot[1:])
        match self.part:
            case Installation():
                return f"the {said}"
            case Did() if self.slot == "Destination":
                return title(self.part)
            case _:
                return f"{said} of {title(self.part)}"


def uses(plan: Plan, kind: DestinationKind, name: str) -> tuple[Use, ...]:
    """Return every place that names a queue, an IVR, a recording or a rule."""
    return all_uses(plan).get((kind, name), ())


def all_uses(plan: Plan) -> Mapping[Named, tuple[Use, ...]]:
    """Return the uses of everything that is named anywhere, found in one walk over the plan."""
    found: defaultdict[Named, list[Use]] = defaultdict(list)
    referrers: tuple[Referrer, ...] = (plan.installation, *plan.dids, *plan.ivrs, *plan.rules)
    for part in referrers:
        for slot, reference in _references(part):
            if named := _named(reference):
                found[named].append(Use(part, slot))
    return {named: tuple(places) for named, places in found.items()}


def renamed(part: P, kind: DestinationKind, old: str, new: str) -> P:
    """Return a part that names something by its new name; the same one if it never named it."""
    changed: P = _renamed(part, (kind, old), new)
    return changed if changed != part else part


def rules_asking(plan: Plan, integration_key: str) -> tuple[Rule, ...]:
    """Return the rules that ask an integration."""
    return tuple(rule for rule in plan.rules if rule.integration == integration_key)


def _references(part: Referrer) -> Iterator[tuple[str, Destination | Prompt]]:
    match part:
        case Installation():
            yield SAFE_DESTINATION, part.safe
        case Did():
            yield "Destination", part.destination
            if part.safe is not None:
                yield SAFE_DESTINATION, part.safe
        case Ivr():
            yield "Greeting", part.greeting
            yield from ((slot_name(key), destination) for key, destination in part.slots())
        case Rule():
            yield from _references_of_rule(part)
        case _:
            assert_never(part)


def _references_of_rule(rule: Rule) -> Iterator[tuple[str, Destination | Prompt]]:
    yield GREETING_INSTRUCTIONS, rule.greeting
    for number, condition in enumerate(rule.conditions, 1):
        yield f"Condition {number}", condition.destination
    for outcome in Outcome:
        if outcome in rule.outcomes:
            yield sentence_case(outcome), rule.outcomes[outcome]
    yield AFTER_RECORDING, rule.after_recording


def _named(reference: Destination | Prompt) -> Named | None:
    """Return what is named; a name that is still blank names nothing."""
    match reference:
        case Prompt(recording=name) if name:
            return DestinationKind.RECORDING, name
        case Destination(kind=kind, option=name) if name and kind in NAMED_KINDS:
            return kind, name
        case _:
            return None


def _renamed(value: Any, named: Named, new: str) -> Any:
    match value:
        case Destination():
            return replace(value, option=new) if _named(value) == named else value
        case Prompt():
            return replace(value, recording=new) if _named(value) == named else value
        case tuple():
            return tuple(_renamed(one, named, new) for one in value)
        case Mapping():
            return {key: _renamed(one, named, new) for key, one in value.items()}
        case _ if is_dataclass(value) and not isinstance(value, type):
            inner = {one.name: getattr(value, one.name) for one in fields(value)}
            return replace(value, **_renamed(inner, named, new))
        case _:
            return value
