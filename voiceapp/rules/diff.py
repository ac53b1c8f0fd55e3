"""What differs between two plans, told under the labels of the pages: what will go live."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

from voiceapp.rules.ages import freshness, staleness
from voiceapp.rules.plan import (
    KEYS,
    NO_KEY,
    WRONG_KEY,
    Did,
    Installation,
    Integration,
    Ivr,
    Plan,
    Queue,
    Recording,
    slot_name,
)
from voiceapp.rules.rule import (
    USUAL_FRESH,
    USUAL_STALE,
    Condition,
    Destination,
    FindBy,
    Outcome,
    Prefer,
    Prompt,
    Rule,
    Voice,
)
from voiceapp.rules.uses import (
    AFTER_RECORDING,
    GREETING_INSTRUCTIONS,
    SAFE_DESTINATION,
    Part,
    sentence_case,
    title,
)
from voiceapp.rules.words import PREFERRED, days, seconds, shown_address

Content: TypeAlias = Mapping[str, str]
Crms: TypeAlias = Mapping[str, Integration]

_URL = "CRM URL"
_FIND_BY = {FindBy.CALLER: "the number they call from", FindBy.DIGITS: "digits they key in"}


class What(StrEnum):
    """What became of a part."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Line:
    """A field of a part, before and after; blank where it was not there, or is no longer."""

    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Change:
    """A part that differs: what it is, what became of it, and the fields that tell so."""

    kind: type[Part]
    key: str
    title: str
    what: What
    lines: tuple[Line, ...]


def diff(old: Plan | None, new: Plan) -> tuple[Change, ...]:
    """Return what differs between two plans, in the order of a plan; without an old one, all.

    What differs in a private integration is told with the rule that points at it.
    """
    before, after = _Side(old), _Side(new)
    return tuple(change for kind in _KINDS for change in _changes(kind, before, after))


@dataclass(frozen=True, slots=True)
class _Kind:
    """How the parts of a kind are found in a plan, known, and told under the labels of its page.

    What is `usual` needs no line where a part comes or goes.
    """

    parts: Callable[[Plan], Iterable[Part]]
    key: Callable[[Any], str]
    content: Callable[[Any, Crms], Content]
    usual: Content = field(default_factory=dict)


class _Side:
    """One of the two plans, to be looked into by kind and key."""

    def __init__(self, plan: Plan | None) -> None:
        self.plan = plan
        self.crms = {one.key: one for one in plan.integrations} if plan else {}

    def parts(self, kind: type[Part]) -> dict[str, Part]:
        row = _KINDS[kind]
        return {row.key(part): part for part in row.parts(self.plan)} if self.plan else {}

    def private(self, part: Part | None) -> Integration | None:
        return _private(part, self.crms) if isinstance(part, Rule) else None

    def content(self, part: Part) -> Content:
        return _KINDS[type(part)].content(part, self.crms)

    def unusual(self, part: Part) -> Content:
        usual = _KINDS[type(part)].usual
        return {
            label: text for label, text in self.content(part).items() if text != usual.get(label)
        }


def _changes(kind: type[Part], before: _Side, after: _Side) -> Iterator[Change]:
    olds, news = before.parts(kind), after.parts(kind)
    for key, part in {**olds, **news}.items():
        old, new = olds.get(key), news.get(key)
        if old == new and before.private(old) == after.private(new):
            continue
        if old is None:
            what, lines = What.ADDED, _lines({}, after.unusual(part))
        elif new is None:
            what, lines = What.REMOVED, _lines(before.unusual(part), {})
        else:
            what, lines = What.CHANGED, _lines(before.content(old), after.content(new))
        yield Change(kind, key, title(part), what, lines)


def _lines(before: Content, after: Content) -> tuple[Line, ...]:
    # the longer one first: conditions that only one of them has stay beside the others
    labels = dict.fromkeys([*max(before, after, key=len), *before, *after])
    pairs = ((label, before.get(label, ""), after.get(label, "")) for label in labels)
    return tuple(_line(label, was, now) for label, was, now in pairs if was != now)


def _line(label: str, was: str, now: str) -> Line:
    """Return a line; of addresses it shows what may be seen, and that the rest differs."""
    if label != _URL:
        return Line(label, was, now)
    shown_was, shown_now = (shown_address(url) if url else "" for url in (was, now))
    if shown_was == shown_now:
        shown_now += f" ({_hidden(was, now)} changed)"
    return Line(label, shown_was, shown_now)


def _hidden(was: str, now: str) -> str:
    return "its query" if was.partition("?")[2] != now.partition("?")[2] else "a hidden part"


def _private(rule: Rule, crms: Crms) -> Integration | None:
    crm = crms.get(rule.integration)
    return crm if crm is not None and crm.is_private else None


def _installation(installation: Installation, _: Crms) -> Content:
    return {
        SAFE_DESTINATION: str(installation.safe),
        "Country": installation.country,
        "Time zone": installation.time_zone,
        "Voice": _voice(installation.voice),
        "Keep calls for": days(installation.journal_days),
    }


def _did(did: Did, _: Crms) -> Content:
    return {
        "Name": did.name,
        "Destination": str(did.destination),
        SAFE_DESTINATION: _to(did.safe),
    }


def _ivr(ivr: Ivr, _: Crms) -> Content:
    keys = dict.fromkeys([*KEYS, *ivr.keys])
    return {
        "Name": ivr.name,
        "Greeting": _prompt(ivr.greeting),
        **{slot_name(key): _to(ivr.keys.get(key)) for key in keys},
        slot_name(NO_KEY): str(ivr.no_key),
        slot_name(WRONG_KEY): str(ivr.wrong_key),
        "Loops": str(ivr.loops),
        "Wait for a key": seconds(ivr.timeout),
        "Voice": _voice(ivr.voice),
    }


def _rule(rule: Rule, crms: Crms) -> Content:
    crm, own = crms.get(rule.integration), _private(rule, crms)
    return {
        "Rule Name": rule.name,
        "CRM Field Name": rule.field,
        "What the field holds": rule.field_type,
        "Location": str(rule.location),
        "Find the caller by": _FIND_BY[rule.find_by],
        "Field to search": rule.search_field,
        GREETING_INSTRUCTIONS: _prompt(rule.greeting),
        "CRM To Use": crm.name if crm else rule.integration,
        "CRM Modules": ", then ".join(rule.modules),
        **(_connection(own) if own else {}),
        **{f"Condition {n}": _condition(one) for n, one in enumerate(rule.conditions, 1)},
        **{sentence_case(outcome): _to(rule.outcomes.get(outcome)) for outcome in Outcome},
        "If several are found": PREFERRED[rule.prefer].format(rule.prefer_field),
        AFTER_RECORDING: str(rule.after_recording),
        "Budget": seconds(rule.budget),
        "Memory": _memory(rule.fresh, rule.stale),
        "Voice": _voice(rule.voice),
    }


def _memory(fresh: int, stale: int) -> str:
    return f"{freshness(fresh)}. {staleness(stale)}."


def _recording(recording: Recording, _: Crms) -> Content:
    return {"Content": recording.hash[:8], "Media type": recording.media_type}


def _integration(integration: Integration, _: Crms) -> Content:
    return {
        "Name": integration.name,
        "Kind": integration.kind,
        **_connection(integration),
    }


def _connection(integration: Integration) -> Content:
    options = integration.options.items()
    return {
        _URL: integration.url,
        **{sentence_case(name.replace("_", " ")): option for name, option in options},
    }


def _condition(condition: Condition) -> str:
    return f"{condition} → {condition.destination}"


def _to(destination: Destination | None) -> str:
    return "" if destination is None else str(destination)


def _prompt(prompt: Prompt) -> str:
    text = f"“{prompt.text}”" if prompt.text else ""
    return " ".join(filter(None, (text, prompt.recording and f"Play {prompt.recording}")))


def _voice(voice: Voice | None) -> str:
    return "" if voice is None else f"{voice.name}, {voice.language}"


_KINDS: dict[type[Part], _Kind] = {
    Installation: _Kind(
        parts=lambda plan: (plan.installation,),
        key=lambda installation: "",
        content=_installation,
        usual={
            "Country": "US",
            "Time zone": "UTC",
            "Voice": "Polly.Joanna, en-US",
            "Keep calls for": "ever",
        },
    ),
    Did: _Kind(lambda plan: plan.dids, lambda did: did.number, _did),
    Ivr: _Kind(
        parts=lambda plan: plan.ivrs,
        key=lambda ivr: ivr.number,
        content=_ivr,
        usual={"Wrong key": "back to the menu", "Loops": "3", "Wait for a key": "4 s"},
    ),
    Rule: _Kind(
        parts=lambda plan: plan.rules,
        key=lambda rule: rule.name,
        content=_rule,
        usual={
            "Find the caller by": _FIND_BY[FindBy.CALLER],
            "If several are found": PREFERRED[Prefer.NONE],
            AFTER_RECORDING: "hang up",
            "Budget": "3 s",
            "Memory": _memory(USUAL_FRESH, USUAL_STALE),
        },
    ),
    Queue: _Kind(lambda plan: plan.queues, lambda queue: queue.name, lambda queue, _: {}),
    Recording: _Kind(lambda plan: plan.recordings, lambda one: one.name, _recording),
    Integration: _Kind(
        parts=lambda plan: (one for one in plan.integrations if not one.is_private),
        key=lambda integration: integration.key,
        content=_integration,
    ),
}
