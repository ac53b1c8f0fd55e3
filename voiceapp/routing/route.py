"""Call and table in, decision out: what each webhook of a call's road comes to."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias
from urllib.parse import urlsplit

from voiceapp.crm.phone import show
from voiceapp.routing.inquiry import Inquiry
from voiceapp.routing.table import Table
from voiceapp.rules.decide import Verdict, decide
from voiceapp.rules.explain import reasons
from voiceapp.rules.plan import NO_KEY, WRONG_KEY, Ivr, slot_name
from voiceapp.rules.rule import Destination, DestinationKind, FindBy, Location, Rule
from voiceapp.twiml.call import IncomingCall
from voiceapp.twiml.urls import MOST_STEPS, MOST_VISITS, Progress
from voiceapp.twiml.verbs import SORRY

Inquire: TypeAlias = Callable[[Rule, IncomingCall, Table], Inquiry]

LAST_WORDS = Destination(DestinationKind.SAY, SORRY)
"""Where a call ends that even the safe destination could not take."""

_QUEUE_ENDS = {"bridged", "bridging-in-process", "hangup", "redirected", "redirected-from-bridged"}
_DIAL_ENDS = {"completed", "answered"}


@dataclass(frozen=True, slots=True)
class Decision:
    """The destination that a webhook chose, with the reasons.

    `ivr` is the IVR that the call is in, `key` the one that led here. `prelude` is the rule whose
    greeting comes first, where the destination is a CRM rule that has yet to ask. `is_safe` says
    that the call is on its way to a safe destination.
    """

    destination: Destination
    explanation: tuple[str, ...]
    ivr: str = ""
    key: str = ""
    verdict: Verdict | None = None
    inquiry: Inquiry | None = None
    prelude: Rule | None = None
    is_safe: bool = False

    def noting(self, note: str) -> "Decision":
        """Return the decision with a sentence put before its explanation, if there is one."""
        return replace(self, explanation=(note, *self.explanation)) if note else self

    def adding(self, sentence: str, prelude: Rule | None = None) -> "Decision":
        """Return the decision with one more sentence, and the rule whose greeting comes first."""
        return replace(self, explanation=(*self.explanation, sentence), prelude=prelude)


def did(call: IncomingCall, table: Table, inquire: Inquire) -> Decision:
    """Decide where a call to one of our DIDs goes; an unknown one goes to the safe destination."""
    dialled = table.dids.get(call.called)
    if dialled is None:
        why = f"{show(call.called)} is not a DID of this installation."
        return safely(call, table, why if call.called else "Twilio named no number called.")
    called = f"{show(dialled.number)} {dialled.name}".rstrip()
    arrival = f"{show(call.caller)} called {called}."
    return _follow(Decision(dialled.destination, (arrival,)), call, table, inquire)


def key(call: IncomingCall, ivr: Ivr, table: Table, inquire: Inquire) -> Decision:
    """Decide what the key pressed in a menu leads to, or that none was pressed."""
    pressed = call.digits[:1] or NO_KEY
    led_by = pressed if pressed in ivr.keys or pressed == NO_KEY else WRONG_KEY
    opening = Decision(
        ivr.destination_of(led_by), (_pressed(ivr, pressed, led_by),), ivr.number, led_by
    )
    return _follow(opening, call, table, inquire)


def ask(call: IncomingCall, ivr: Ivr, led_by: str, table: Table, inquire: Inquire) -> Decision:
    """Decide for a rule on a key, now that its greeting was heard or digits were keyed in."""
    led_by = led_by if led_by in dict(ivr.slots()) else WRONG_KEY
    destination = ivr.destination_of(led_by)
    slot = f"{slot_name(led_by)} in IVR {ivr_name(ivr.number, table)}"
    if destination.kind is not DestinationKind.RULE:
        opening = Decision(destination, (f"{slot} asks no CRM rule.",), ivr.number, led_by)
        return _sent(opening, destination, table)
    opening = Decision(destination, (f"{slot} leads to {destination}.",), ivr.number, led_by)
    return _ask_rule(opening, table.rules[destination.option], call, table, inquire)


def after_queue(call: IncomingCall, table: Table, progress: Progress) -> Decision | None:
    """Decide how a call goes on that has left a queue; None means that it is over."""
    if call.is_over or call.queue_result in _QUEUE_ENDS:
        return None
    result = call.queue_result or "no result"
    return safely(call, table, f"The queue did not take the call ({result}).", progress)


def after_dial(call: IncomingCall, table: Table, progress: Progress) -> Decision | None:
    """Decide how a call goes on after a number was dialled; None means that it is over."""
    if call.is_over or call.dial_status in _DIAL_ENDS:
        return None
    result = call.dial_status or "no result"
    return safely(call, table, f"The number that was dialled did not answer ({result}).", progress)


def after_recording(call: IncomingCall, table: Table) -> Decision:
    """Decide how a call to a DID goes on when its recording has played out."""
    dialled = table.dids.get(call.called)
    destination = Destination(DestinationKind.HANGUP)
    if dialled is not None and dialled.destination.kind is DestinationKind.RULE:
        destination = table.rules[dialled.destination.option].after_recording
    opening = Decision(destination, ("The recording has played out.",))
    return _sent(opening, destination, table)


def after_failure(call: IncomingCall, table: Table, progress: Progress) -> Decision:
    """Decide for a call of which an earlier webhook failed, as Twilio reports to the fallback."""
    where = f" at {path}" if (path := _path(call.error_url)) else ""
    code = f" (Twilio's error {call.error_code})" if call.error_code else ""
    return safely(call, table, f"An earlier webhook of this call failed{where}{code}.", progress)


def circling(call: IncomingCall, table: Table, progress: Progress) -> Decision | None:
    """Decide for a call that goes round in circles; None as long as it does not."""
    if progress.is_endless:
        why = f"The call has taken more than {MOST_STEPS} steps."
    elif progress.is_lost and not call.digits:  # a key pressed now begins the count anew
        why = f"The call has taken more than {MOST_VISITS} steps without a key being pressed."
    else:
        return None
    return safely(call, table, why, progress)


def safely(
    call: IncomingCall, table: Table, why: str, progress: Progress | None = None
) -> Decision:
    """Send a call to the safe destination and say why.

    A call that comes from there, or has taken too many steps, hears a last sentence instead.
    """
    if progress is not None and (progress.safe or progress.is_endless):
        tried = "was tried already" if progress.safe else "is not tried any more"
        sentence = f"The safe destination {tried}; a last sentence ends the call."
        return Decision(LAST_WORDS, (why, sentence), is_safe=True)
    destination = table.safe_for(call.called)
    sentence = f"Sent to the safe destination, {destination}"
    return Decision(destination, (why, _ended(sentence)), is_safe=True)


def needs_prelude(rule: Rule) -> bool:
    """Say whether a caller hears or keys in something before the rule's CRM is asked."""
    return rule.location is Location.IVR and (bool(rule.greeting) or rule.find_by is FindBy.DIGITS)


def _follow(opening: Decision, call: IncomingCall, table: Table, inquire: Inquire) -> Decision:
    """Go from what led here to where it leads, through a rule if there is one."""
    destination = opening.destination
    if destination.kind is not DestinationKind.RULE:
        return _sent(opening, destination, table)
    rule = table.rules[destination.option]
    if needs_prelude(rule):
        first = "asks for digits first" if rule.find_by is FindBy.DIGITS else "speaks first"
        return opening.adding(f"This leads to the CRM rule {rule.name}, which {first}.", rule)
    return _ask_rule(
        opening.adding(f"This asks the CRM rule {rule.name}."), rule, call, table, inquire
    )


def _ask_rule(
    opening: Decision, rule: Rule, call: IncomingCall, table: Table, inquire: Inquire
) -> Decision:
    inquiry = inquire(rule, call, table)
    verdict = decide(rule, inquiry.answer, table.zone)
    asked = (inquiry.sentence,) if inquiry.sentence else ()
    why = reasons(verdict, value_is_hidden=inquiry.value_is_hidden)
    sent = _sentence(verdict.destination, opening.ivr, table)
    return replace(
        opening,
        destination=verdict.destination,
        explanation=(*opening.explanation, *asked, *why, sent),
        verdict=verdict,
        inquiry=inquiry,
    )


def _sent(decision: Decision, destination: Destination, table: Table) -> Decision:
    explanation = (*decision.explanation, _sentence(destination, decision.ivr, table))
    return replace(decision, destination=destination, explanation=explanation)


def _sentence(destination: Destination, ivr: str, table: Table) -> str:
    match destination.kind:
        case DestinationKind.IVR:
            return f"Sent to IVR {ivr_name(destination.option, table)}."
        case DestinationKind.MENU:
            return f"Back to the menu of IVR {ivr_name(ivr, table)}."
        case DestinationKind.RECORDING:
            return f"Played the recording {destination.option}."
        case DestinationKind.DIAL:
            return f"Dialled {show(destination.option)}."
        case DestinationKind.HANGUP:
            return "Hung up."
    return _ended(f"Sent to {destination}")


def _ended(sentence: str) -> str:
    """End a sentence that may end with one of an admin's."""
    return sentence if sentence.endswith((".", "!", "?", "…")) else f"{sentence}."


def _path(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:
        return ""


def _pressed(ivr: Ivr, pressed: str, led_by: str) -> str:
    if led_by == NO_KEY:
        what = "no key was pressed"
    elif led_by == WRONG_KEY:
        what = f"key {pressed} was pressed, which leads nowhere"
    else:
        what = f"key {pressed} was pressed"
    return f"In IVR {ivr.number} {ivr.name}, {what}."


def ivr_name(number: str, table: Table) -> str:
    """Return an IVR's number and name as people read it."""
    ivr = table.ivrs.get(number)
    return f"{number} {ivr.name}".rstrip() if ivr else number
