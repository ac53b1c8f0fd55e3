"""A rule says itself: in sentences beside its form, in one line where rules are listed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from itertools import chain
from typing import TypeAlias
from urllib.parse import urlsplit

from voiceapp.rules.ages import counting, span
from voiceapp.rules.operators import OPERANDS, Operator
from voiceapp.rules.plan import NO_KEY, WRONG_KEY, Plan
from voiceapp.rules.rule import (
    Condition,
    Destination,
    DestinationKind,
    FindBy,
    Location,
    Outcome,
    Prefer,
    Rule,
    outcomes_for,
)
from voiceapp.rules.uses import NAMED_KINDS, sentence_case

BLANK = "…"
"""What stands where nothing was typed or chosen yet, or where something is left out."""

_LONGEST_TEXT = 80
_MOST_LISTED = 5
_MOST_SHORT = 4

_USUAL = {one.name: one.default for one in fields(Rule)}
_WITHOUT_OPTION = {DestinationKind.HANGUP, DestinationKind.MENU}
_PRESSED = {NO_KEY: "nothing", WRONG_KEY: "a wrong key"}

ASKS: dict[Operator, tuple[str, str]] = {
    Operator.LESS: ("is less than ", ""),
    Operator.GREATER: ("is more than ", ""),
    Operator.EQUAL: ("is ", ""),
    Operator.AT_MOST: ("is ", " or less"),
    Operator.AT_LEAST: ("is ", " or more"),
    Operator.IS_NOT: ("is not ", ""),
    Operator.CONTAINS: ("contains ", ""),
    Operator.STARTS_WITH: ("starts with ", ""),
    Operator.ONE_OF: ("is one of ", ""),
    Operator.BETWEEN: ("is between ", ""),
    Operator.EMPTY: ("is empty", ""),
    Operator.NOT_EMPTY: ("is not empty", ""),
}
"""What stands before and behind the values of a condition."""

PREFERRED = {
    Prefer.NONE: "none",
    Prefer.NEWEST: "the newest",
    Prefer.HIGHEST: "the one with the highest {}",
    Prefer.LOWEST: "the one with the lowest {}",
}
"""Which of several records counts; the field goes into the braces."""

_SIGNS = {Operator.EQUAL: "", Operator.AT_MOST: "≤", Operator.AT_LEAST: "≥"}


@dataclass(frozen=True, slots=True)
class Name:
    """A name to be shown strong; its destination, if it has one, is what a page links it to."""

    text: str
    destination: Destination | None = None


Words: TypeAlias = tuple[str | Name, ...]


def plain(words: Words) -> str:
    """
    Return words as text.

    >>> plain(("Queue ", Name("vip"), "."))
    'Queue vip.'
    """
    return "".join(word if isinstance(word, str) else word.text for word in words)


def in_words(rule: Rule, plan: Plan, *, is_live: bool = False) -> tuple[Words, ...]:
    """Say in sentences what a rule does, however much of it is filled in.

    A CRM that `is_live` is asked anew each time, whatever the rule says.
    """
    fresh = 0 if is_live else rule.fresh
    stale = rule.stale if rule.stale > fresh else 0
    sentences = (
        _question(rule, plan),
        *_conditions(rule, plan),
        *_outcomes(rule, plan, stale),
        *_afterwards(rule, plan),
        (counting(fresh, is_beyond=bool(rule.stale and not stale)),),
    )
    return tuple(words if plain(words).endswith(BLANK) else (*words, ".") for words in sentences)


def short(rule: Rule) -> str:
    """Say in one line where a rule leads: `Gold → vip · Silver → 801 · otherwise general`."""
    conditions = [
        f"{_short_condition(condition)} → {_short_destination(condition.destination)}"
        for condition in rule.conditions[:_MOST_SHORT]
    ]
    more = [BLANK] if len(rule.conditions) > _MOST_SHORT else []
    otherwise = _short_destination(rule.outcomes.get(Outcome.NO_CONDITION))
    return " · ".join([*conditions, *more, f"otherwise {otherwise}"])


def shown_address(url: str) -> str:
    """
    Return what may be seen of an address: services' keys stand in queries, passwords before hosts.

    >>> shown_address("https://me:secret@crm.example.com/find?key=secret#top")
    'crm.example.com/find?…'
    >>> shown_address("https://["), shown_address("crm.example.com"), shown_address("")
    ('…', '…', '…')
    """
    try:
        parts = urlsplit(url)
        is_readable = bool(parts.hostname) and parts.port != 0  # what is no port raises, too
    except ValueError:
        is_readable = False
    if not is_readable:
        return BLANK
    host = parts.netloc.rpartition("@")[2]
    return f"{host}{parts.path}{f'?{BLANK}' if parts.query else ''}"


def seconds(amount: Decimal | int) -> str:
    """
    Write a time in seconds.

    >>> seconds(4), seconds(Decimal("2.50")), seconds(Decimal(10))
    ('4 s', '2.5 s', '10 s')
    """
    return f"{Decimal(amount).normalize():f} s"


def days(number: int) -> str:
    """
    Write for how many days something is kept; 0 is for ever.

    >>> days(90), days(1), days(0)
    ('90 days', '1 day', 'ever')
    """
    return f"{number} {'day' if number == 1 else 'days'}" if number else "ever"


def _question(rule: Rule, plan: Plan) -> Words:
    ways = _ways(rule, plan)
    when = ("When somebody ", *_listed(ways)) if ways else ("When a call comes to this rule",)
    greeting = _greeting(rule)
    if rule.find_by is FindBy.DIGITS:
        asked = ("ask for digits and look up who has them in ", _name(rule.search_field))
        return (*when, ", ", *greeting, *asked, " in ", *_crm(rule, plan))
    then = "then " if greeting else ""
    whom = "look them up by" if ways else "look up the caller by"
    return (*when, ", ", *greeting, f"{then}{whom} their number in ", *_crm(rule, plan))


def _ways(rule: Rule, plan: Plan) -> list[Words]:
    """Return what a caller does to come to a rule."""
    if not rule.name:
        return []
    here = Destination(DestinationKind.RULE, rule.name)
    called: list[Words] = [
        (Name(did.name or did.number),) for did in plan.dids if did.destination == here
    ]
    pressed: list[Words] = [
        (_either(keys), " in ", *_destination(Destination(DestinationKind.IVR, ivr.number), plan))
        for ivr in plan.ivrs
        if (keys := [_PRESSED.get(key, key) for key, to in ivr.slots() if to == here])
    ]
    ways = (("calls ", called, "others"), ("presses ", pressed, "keys in other IVRs"))
    return [(verb, *_listed(items, more=more)) for verb, items, more in ways if items]


def _greeting(rule: Rule) -> Words:
    if rule.location is not Location.IVR:
        return ()
    if recording := rule.greeting.recording:
        return ("play ", Name(recording, Destination(DestinationKind.RECORDING, recording)), ", ")
    text = " ".join(rule.greeting.text.split()).rstrip(".")
    return (f"say “{_shortened(text)}”, ",) if text else ()


def _crm(rule: Rule, plan: Plan) -> Words:
    asked = next((one for one in plan.integrations if one.key == rule.integration), None)
    if asked is None:
        crm: str | Name = "the CRM"
    else:
        crm = Name(asked.name or shown_address(asked.url))
    first, *others = rule.modules
    then = [word for module in others for word in (", then ", _name(module))]
    return (Name(first), *then, " of ", crm) if first else (crm,)


def _conditions(rule: Rule, plan: Plan) -> Iterator[Words]:
    subject: str | Name = _name(rule.field)
    for condition in rule.conditions:
        before, behind = ASKS[condition.operator]
        asks = (f" {before}", *_operands(condition), behind)
        yield ("If ", subject, *asks, " → ", *_destination(condition.destination, plan))
        subject = "it"


def _operands(condition: Condition) -> Words:
    """Return the values of a condition, as many as its operator takes."""
    least, most = OPERANDS[condition.operator]
    values = [*condition.values, *[""] * (least - len(condition.values))][:most]
    names: list[Words] = [(_name(_shortened(value.strip())),) for value in values]
    return _listed(names, "and" if condition.operator is Operator.BETWEEN else "or")


def _outcomes(rule: Rule, plan: Plan, stale: int) -> Iterator[Words]:
    """Say every outcome, joining those that lead to the same place.

    Where an older answer may stand in, a CRM that fails has a sentence of its own.
    """
    otherwise, *others = outcomes_for(rule.find_by)
    if stale:
        others.remove(Outcome.FAILED)
    found = "Otherwise" if rule.conditions else "Found"
    yield (f"{found} → ", *_destination(rule.outcomes.get(otherwise), plan))
    joined: dict[Destination | None, list[str]] = {}
    for outcome in others:
        joined.setdefault(rule.outcomes.get(outcome), []).append(outcome)
    for destination, outcomes in joined.items():
        yield (f"{sentence_case(_either(outcomes))} → ", *_destination(destination, plan))
    if stale:
        older = f"{sentence_case(Outcome.FAILED)} → what it said up to {span(stale)} ago, else "
        yield (older, *_destination(rule.outcomes.get(Outcome.FAILED), plan))


def _afterwards(rule: Rule, plan: Plan) -> Iterator[Words]:
    if rule.prefer is not Prefer.NONE:
        counts = PREFERRED[rule.prefer].format(rule.prefer_field or BLANK)
        yield (f"Of several records {counts} counts",)
    outcomes = (rule.outcomes.get(outcome) for outcome in outcomes_for(rule.find_by))
    everywhere = chain((condition.destination for condition in rule.conditions), outcomes)
    plays = any(to is not None and to.kind is DestinationKind.RECORDING for to in everywhere)
    if plays and rule.location is Location.DID:
        yield ("After the recording: ", *_destination(rule.after_recording, plan))
    if rule.budget != _USUAL["budget"]:
        yield (f"The CRM has {seconds(rule.budget)} to answer",)


def _destination(destination: Destination | None, plan: Plan) -> Words:
    if destination is None:
        return (BLANK,)
    kind, option = destination.kind, destination.option
    if kind in _WITHOUT_OPTION:
        return (str(destination),)
    if kind is DestinationKind.IVR:
        names = (f"{ivr.number} {ivr.name}" for ivr in plan.ivrs if ivr.number == option)
        option = next(names, option).rstrip()
    link = destination if option and kind in NAMED_KINDS else None
    return (f"{Destination(kind)} ", _name(option, link))


def _listed(items: Sequence[Words], last: str = "or", more: str = "others") -> Words:
    """Join items as a sentence does; of many say the first and count the others."""
    if len(items) > _MOST_LISTED:
        named = _MOST_LISTED - 1
        items = [*items[:named], (f"{len(items) - named} {more}",)]
    *before, final = items or [()]
    joined = [word for item in before for word in (", ", *item)][1:]
    return (*joined, f" {last} ", *final) if before else final


def _either(texts: Sequence[str]) -> str:
    return plain(_listed([(text,) for text in texts]))


def _name(text: str, destination: Destination | None = None) -> Name:
    return Name(text or BLANK, destination)


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1].rstrip() + BLANK


def _short_condition(condition: Condition) -> str:
    sign = _SIGNS.get(condition.operator, str(condition.operator))
    return f"{sign} {plain(_operands(condition))}".strip()


def _short_destination(destination: Destination | None) -> str:
    if destination is None:
        return BLANK
    if destination.kind in _WITHOUT_OPTION:
        return str(destination)
    return destination.option or BLANK
