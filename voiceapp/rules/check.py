"""What would hurt a call: everything wrong with a plan, found before it is published."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from voiceapp.rules import parts
from voiceapp.rules.ages import span
from voiceapp.rules.parts import LONGEST_SPEECH
from voiceapp.rules.plan import (
    KEYS,
    Did,
    Installation,
    Integration,
    Ivr,
    Plan,
    slot_name,
)
from voiceapp.rules.rule import (
    Destination,
    DestinationKind,
    FindBy,
    Location,
    Prefer,
    Prompt,
    Rule,
    Voice,
    outcomes_for,
)

_SAFE = {DestinationKind.QUEUE, DestinationKind.DIAL, DestinationKind.SAY}
_FROM_RULE = {
    DestinationKind.QUEUE,
    DestinationKind.IVR,
    DestinationKind.RECORDING,
    DestinationKind.DIAL,
    DestinationKind.HANGUP,
}
_FROM_DID = _FROM_RULE | {DestinationKind.RULE}
_FROM_KEY = _FROM_DID | {DestinationKind.MENU}

_NOUNS = {
    DestinationKind.QUEUE: "queue",
    DestinationKind.IVR: "IVR",
    DestinationKind.RECORDING: "recording",
    DestinationKind.RULE: "CRM rule",
}

MOST_LOOPS = 10
LONGEST_TIMEOUT = 60
SHORTEST_BUDGET, LONGEST_BUDGET = 0.5, 8
OLDEST_FRESH, OLDEST_STALE = 86_400, 7 * 86_400
"""Seconds for which an answer of a CRM may count, and for which it may stand in for another."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that keeps a plan from being published: where it is, and what to do about it."""

    where: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.where}: {self.sentence}"


def check(
    plan: Plan,
    is_accepted_voice: Callable[[Voice], bool],
    fault_of_integration: Callable[[Integration], str],
) -> tuple[Fault, ...]:
    """Return everything that is wrong with a plan; nothing means that it may be published.

    What only Twilio and the CRMs know is asked of the two functions; the second returns a
    sentence, blank if nothing is wrong.
    """
    checker = _Checker(plan, is_accepted_voice)
    of_integrations = (
        Fault(_place_of(plan, one), sentence)
        for one in plan.integrations
        if (sentence := fault_of_integration(one))
    )
    return (*checker.faults(), *of_integrations)


def _place_of(plan: Plan, integration: Integration) -> str:
    """Return where an integration is set up: in its rule, if it belongs to one."""
    if integration.is_private:
        for rule in plan.rules:
            if rule.integration == integration.key:
                return f"CRM rule {rule.name}"
    return f"Integration {integration.name}"


class _Checker:
    def __init__(self, plan: Plan, is_accepted_voice: Callable[[Voice], bool]) -> None:
        self.plan = plan
        self.is_accepted_voice = is_accepted_voice
        self.locations = {rule.name: rule.location for rule in plan.rules}
        self.integrations = {integration.key for integration in plan.integrations}
        self.existing = {
            DestinationKind.QUEUE: {queue.name for queue in plan.queues},
            DestinationKind.IVR: {ivr.number for ivr in plan.ivrs},
            DestinationKind.RECORDING: {recording.name for recording in plan.recordings},
            DestinationKind.RULE: set(self.locations),
        }

    def faults(self) -> Iterator[Fault]:
        yield from self._twice("DID", (did.number for did in self.plan.dids))
        yield from self._twice("IVR", (ivr.number for ivr in self.plan.ivrs))
        yield from self._twice("CRM rule", (rule.name for rule in self.plan.rules))
        yield from self._twice("Queue", (queue.name for queue in self.plan.queues))
        yield from self._twice("Recording", (one.name for one in self.plan.recordings))
        yield from self._twice("Integration", (one.key for one in self.plan.integrations))
        for where, sentences in self._places():
            yield from (Fault(where.rstrip(), sentence) for sentence in sentences)

    def _twice(self, kind: str, names: Iterable[str]) -> Iterator[Fault]:
        for name, count in Counter(names).items():
            if count > 1:
                yield Fault(f"{kind} {name}", "There are two of this name. Rename one of them.")

    def _places(self) -> Iterator[tuple[str, Iterator[str]]]:
        plan = self.plan
        yield "Settings", self._installation(plan.installation)
        yield from ((f"DID {did.number} {did.name}", self._did(did)) for did in plan.dids)
        yield from ((f"IVR {ivr.number} {ivr.name}", self._ivr(ivr)) for ivr in plan.ivrs)
        yield from ((f"CRM rule {rule.name}", self._rule(rule)) for rule in plan.rules)
        yield from ((f"Queue {queue.name}", parts.queue(queue)) for queue in plan.queues)
        yield from ((f"Recording {one.name}", parts.recording(one)) for one in plan.recordings)

    def _installation(self, installation: Installation) -> Iterator[str]:
        yield from self._destination("Safe destination", installation.safe, _SAFE)
        yield from self._voice(installation.voice)
        if not parts.is_time_zone(installation.time_zone):
            yield f"There is no time zone {installation.time_zone}. Choose one, e.g. Europe/Berlin."

    def _did(self, did: Did) -> Iterator[str]:
        if not parts.is_number(did.number):
            yield "Write the number with + and the country code, e.g. +12025550180."
        yield from self._destination("Destination", did.destination, _FROM_DID, Location.DID)
        if did.safe is not None:
            yield from self._destination("Safe destination", did.safe, _SAFE)

    def _ivr(self, ivr: Ivr) -> Iterator[str]:
        if not parts.is_ivr_number(ivr.number):
            yield "An IVR's number has 1 to 10 digits."
        if not 1 <= ivr.loops <= MOST_LOOPS:
            yield f"The greeting is played 1 to {MOST_LOOPS} times."
        if not 1 <= ivr.timeout <= LONGEST_TIMEOUT:
            yield f"Wait 1 to {LONGEST_TIMEOUT} seconds for a key."
        if parts.is_silent(ivr.greeting):
            yield "Greeting: Write what callers hear, or choose a recording."
        yield from self._prompt("Greeting", ivr.greeting)
        yield from self._voice(ivr.voice)
        for key, destination in ivr.slots():
            yield from self._destination(slot_name(key), destination, _FROM_KEY, Location.IVR)
        for key in ivr.keys:
            if len(key) != 1 or key not in KEYS:
                yield f"{key} is not a key of a telephone. Use 0 to 9, * or #."

    def _rule(self, rule: Rule) -> Iterator[str]:
        yield from self._question(rule)
        yield from self._patience(rule)
        allowed = _FROM_RULE | (
            {DestinationKind.MENU} if rule.location is Location.IVR else set[DestinationKind]()
        )
        if not rule.conditions:
            yield "Add at least one condition."
        for number, condition in enumerate(rule.conditions, 1):
            yield from parts.operands(f"Condition {number}", condition)
            yield from self._destination(f"Condition {number}", condition.destination, allowed)
        for outcome in outcomes_for(rule.find_by):
            if outcome not in rule.outcomes:
                yield f"Choose where the call goes for: {outcome}."
        for outcome, destination in rule.outcomes.items():
            yield from self._destination(outcome[:1].upper() + outcome[1:], destination, allowed)
        after = allowed - {DestinationKind.RECORDING}
        yield from self._destination("After the recording", rule.after_recording, after)

    def _question(self, rule: Rule) -> Iterator[str]:
        if not rule.field.strip():
            yield "Choose the CRM Field Name to compare."
        if rule.integration not in self.integrations:
            yield "Choose a CRM To Use; the one it had is gone."
        named = [module.strip() for module in rule.modules]
        if rule.then_modules and (len(set(named)) < len(named) or "" in named):
            yield "CRM Modules: Choose each module once."
        if rule.prefer in (Prefer.HIGHEST, Prefer.LOWEST) and not rule.prefer_field.strip():
            yield f"Several found: Choose the field whose {rule.prefer} value counts."
        if rule.find_by is FindBy.DIGITS and rule.location is not Location.IVR:
            yield "Only a rule with Location IVR can ask the caller for digits."
        if rule.find_by is FindBy.DIGITS and not rule.search_field.strip():
            yield "Choose the field to search for the keyed digits."
        asks = rule.find_by is FindBy.DIGITS and rule.location is Location.IVR
        if asks and parts.is_silent(rule.greeting):
            yield "Greeting Instructions: Write what asks the caller for the digits."
        if rule.greeting and rule.location is not Location.IVR:
            yield "Only a rule with Location IVR has Greeting Instructions."
        yield from self._prompt("Greeting Instructions", rule.greeting)
        yield from self._voice(rule.voice)

    def _patience(self, rule: Rule) -> Iterator[str]:
        if not SHORTEST_BUDGET <= rule.budget <= LONGEST_BUDGET:
            yield f"Give the CRM between {SHORTEST_BUDGET} and {LONGEST_BUDGET} seconds."
        if not 0 <= rule.fresh <= OLDEST_FRESH:
            yield f"Answers may count for {span(OLDEST_FRESH)} at most."
        if not 0 <= rule.stale <= OLDEST_STALE:
            yield f"If the CRM fails, answers may be {span(OLDEST_STALE)} old at most."

    def _prompt(self, label: str, prompt: Prompt) -> Iterator[str]:
        if prompt.text and prompt.recording:
            yield f"{label}: Choose either a text or a recording."
        if len(prompt.text) > LONGEST_SPEECH:
            yield f"{label}: A spoken text has at most {LONGEST_SPEECH} characters."
        yield from parts.speakable(label, prompt.text)
        known = self.existing[DestinationKind.RECORDING]
        if prompt.recording and prompt.recording not in known:
            yield f"{label}: There is no recording {prompt.recording}. Choose another."

    def _voice(self, voice: Voice | None) -> Iterator[str]:
        if voice is not None and not self.is_accepted_voice(voice):
            yield f"Twilio has no voice {voice.name} for {voice.language}. Choose one of the list."

    def _destination(
        self,
        label: str,
        destination: Destination,
        allowed: set[DestinationKind],
        location: Location | None = None,
    ) -> Iterator[str]:
        kind, option = destination.kind, destination.option
        if kind not in allowed:
            yield f"{label}: {destination} can't stand here. Choose another destination."
        elif kind in self.existing and not option:
            yield f"{label}: Choose which {_NOUNS[kind]}."
        elif kind in self.existing and option not in self.existing[kind]:
            yield f"{label}: There is no {_NOUNS[kind]} {option}. Choose another destination."
        elif kind is DestinationKind.RULE and self.locations[option] is not location:
            yield f"{label}: {destination} has another Location. Choose a rule with {location}."
        elif kind is DestinationKind.DIAL and not parts.is_dialled(option):
            yield f"{label}: Write a number with + and the country code, or sip:name@host."
        elif kind is DestinationKind.SAY and not 1 <= len(option.strip()) <= LONGEST_SPEECH:
            yield f"{label}: Write a sentence of at most {LONGEST_SPEECH} characters."
        elif kind is DestinationKind.SAY:
            yield from parts.speakable(label, option)
