"""A CRM asked for real, outside of any call, for people who set it up."""

from dataclasses import dataclass, replace

from voiceapp.crm.advice import advice_of
from voiceapp.crm.contract import CrmError, Found, NotFound, Several
from voiceapp.crm.lookup import Lookup
from voiceapp.crm.phone import read_e164
from voiceapp.routing.clients import Clients
from voiceapp.routing.inquiry import Inquirer, Inquiry
from voiceapp.routing.table import DRAFT, compile_plan
from voiceapp.rules import decide as rules
from voiceapp.rules.decide import decide
from voiceapp.rules.explain import reasons
from voiceapp.rules.plan import Integration, Plan
from voiceapp.rules.rule import Destination, DestinationKind, FindBy, Location, Rule, outcomes_for
from voiceapp.rules.values import spell
from voiceapp.twiml.call import IncomingCall


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What asking came to; `fault` says why it could not be asked.

    `outcome`, `value`, `matched_by` and `records` are for programs, `sentences` for people;
    `trouble` and `advice` say how the CRM failed, and what to do.
    """

    typed: str
    fault: str = ""
    sentences: tuple[str, ...] = ()
    destination: Destination | None = None
    ms: float = 0
    trouble: str = ""
    advice: str = ""
    outcome: str = ""
    value: str | None = None
    matched_by: str | None = None
    records: int = 0


def question(integration: Integration, module: str, field: str) -> Rule:
    """Return a rule that does nothing but look a caller up; it has no name, and may read none."""
    hang_up = Destination(DestinationKind.HANGUP)
    return Rule(
        name="",
        location=Location.DID,
        integration=integration.key,
        module=module,
        field=field,
        conditions=(),
        outcomes=dict.fromkeys(outcomes_for(FindBy.CALLER), hang_up),
    )


def rehearse(
    clients: Clients, rule: Rule, integration: Integration, plan: Plan, typed: str
) -> Rehearsal:
    """Ask the CRM and decide by the rule; nothing is saved, and no journal knows of it."""
    typed = typed.strip()
    if rule.find_by is FindBy.DIGITS:
        call = IncomingCall(digits=typed)
        fault = "" if typed.isascii() and typed.isdigit() else "Type the digits, e.g. 1001."
    else:
        number = read_e164(typed, plan.installation.country)
        call = IncomingCall(caller=number or "")
        fault = "" if number else "Type a phone number, e.g. +12025550101."
    if fault:
        return Rehearsal(typed, fault)
    table = compile_plan(replace(plan, rules=(rule,), integrations=(integration,)), DRAFT)
    inquiry = Inquirer(clients, Lookup(), is_trying=True).inquire(rule, call, table)
    verdict = decide(rule, inquiry.answer, table.zone)
    why = reasons(verdict, value_is_hidden=inquiry.value_is_hidden)
    if not rule.conditions and isinstance(verdict.answer, rules.Found):
        # nothing was compared, so that no condition held says nothing
        why = why[:-1] if rule.field else ()
    return _told(
        Rehearsal(
            typed,
            sentences=tuple(filter(None, (inquiry.sentence, *why))),
            destination=verdict.destination,
        ),
        inquiry,
        integration,
    )


def _told(rehearsal: Rehearsal, inquiry: Inquiry, integration: Integration) -> Rehearsal:
    """Return the rehearsal with what asking came to, for programs."""
    if inquiry.reply is None:  # nobody was looked up, as a number is not typed otherwise
        return rehearsal
    answer, ms = inquiry.reply.answer, inquiry.record["ms"] if inquiry.record else 0
    match answer:
        case CrmError():
            advice = advice_of(answer, integration.kind)
            told = replace(rehearsal, trouble=str(answer), advice=advice)
            return replace(told, ms=ms, outcome=answer.outcome)
        case NotFound():
            return replace(rehearsal, ms=ms, outcome="not found")
        case Found(_, matched_by):
            told = replace(rehearsal, ms=ms, outcome="found", matched_by=matched_by, records=1)
        case Several(count):
            told = replace(rehearsal, ms=ms, outcome="several found", records=count)
    if isinstance(inquiry.answer, rules.Found) and not inquiry.value_is_hidden:
        return replace(told, value=spell(inquiry.answer.value))
    return told
