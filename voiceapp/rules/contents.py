"""What stands on the page of each part of a plan, as text under the labels of the page."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from voiceapp.rules.ages import counts_for, stands_in
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
)
from voiceapp.rules.words import PREFERRED, days, seconds

Content: TypeAlias = Mapping[str, str]
Crms: TypeAlias = Mapping[str, Integration]

URL = "CRM URL"
_FRESH, _STALE = "An answer counts for", "If the CRM fails, take an older answer"
_FIND_BY = {FindBy.CALLER: "the number they call from", FindBy.DIGITS: "digits they key in"}


@dataclass(frozen=True, slots=True)
class Kind:
    """How the parts of a kind are found in a plan, known, and told under the labels of its page.

    What is `usual` needs no line where a part comes or goes.
    """

    parts: Callable[[Plan], Iterable[Part]]
    key: Callable[[Any], str]
    content: Callable[[Any, Crms], Content]
    usual: Content = field(default_factory=dict)


def private_crm(rule: Rule, crms: Crms) -> Integration | None:
    """Return the integration that belongs to a rule alone; None where it uses a shared one."""
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
    crm, own = crms.get(rule.integration), private_crm(rule, crms)
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
        _FRESH: counts_for(rule.fresh),
        _STALE: stands_in(rule.stale),
        "Voice": _voice(rule.voice),
    }


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
        URL: integration.url,
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


KINDS: Mapping[type[Part], Kind] = {
    Installation: Kind(
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
    Did: Kind(lambda plan: plan.dids, lambda did: did.number, _did),
    Ivr: Kind(
        parts=lambda plan: plan.ivrs,
        key=lambda ivr: ivr.number,
        content=_ivr,
        usual={"Wrong key": "back to the menu", "Loops": "3", "Wait for a key": "4 s"},
    ),
    Rule: Kind(
        parts=lambda plan: plan.rules,
        key=lambda rule: rule.name,
        content=_rule,
        usual={
            "Find the caller by": _FIND_BY[FindBy.CALLER],
            "If several are found": PREFERRED[Prefer.NONE],
            AFTER_RECORDING: "hang up",
            "Budget": "3 s",
            _FRESH: counts_for(USUAL_FRESH),
            _STALE: stands_in(USUAL_STALE),
        },
    ),
    Queue: Kind(lambda plan: plan.queues, lambda queue: queue.name, lambda queue, _: {}),
    Recording: Kind(lambda plan: plan.recordings, lambda one: one.name, _recording),
    Integration: Kind(
        parts=lambda plan: (one for one in plan.integrations if not one.is_private),
        key=lambda integration: integration.key,
        content=_integration,
    ),
}
