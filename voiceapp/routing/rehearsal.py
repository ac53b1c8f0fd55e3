"""A CRM asked for real, outside of any call, for people who set it up."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from voiceapp.crm.advice import advice_of
from voiceapp.crm.contract import CrmError, Found, NotFound, Several
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.lookup import Lookup
from voiceapp.crm.phone import read_e164
from voiceapp.crm.trace import Step
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

PATIENCE = 10.0
"""Seconds that signing in, and each list, may take while somebody looks on."""
_MOST_NAMED = 12


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What asking came to; `fault` says why it could not be asked.

    `outcome`, `value`, `matched_by` and `records` are for programs, `sentences` for people, and
    `advice` is what to do where the CRM failed.
    """

    typed: str
    fault: str = ""
    sentences: tuple[str, ...] = ()
    destination: Destination | None = None
    ms: float = 0
    advice: str = ""
    outcome: str = ""
    value: str | None = None
    matched_by: str | None = None
    records: int = 0


@dataclass(frozen=True, slots=True)
class Greeting:
    """How a CRM received us: whether it let us in, and the modules it has.

    `advice` is what to do about an error.
    """

    sentences: tuple[str, ...]
    modules: tuple[str, ...] = ()
    error: CrmError | None = None
    advice: str = ""


def within() -> Deadline:
    """Return until when somebody who looks on waits for a list."""
    return Deadline.after(PATIENCE)


def question(integration: Integration, module: str, field: str) -> Rule:
    """Return a rule that does nothing but look a caller up; without a field it reads none."""
    hang_up = Destination(DestinationKind.HANGUP)
    return Rule(
        name=f"Test of {integration.name}",
        location=Location.DID,
        integration=integration.key,
        module=module,
        field=field,
        conditions=(),
        outcomes=dict.fromkeys(outcomes_for(FindBy.CALLER), hang_up),
    )


def greet(
    clients: Clients, integration: Integration, country: str, steps: Sequence[Step]
) -> Greeting:
    """Sign in to a CRM and list its modules; `steps` grow with each request."""
    sentences: list[str] = []
    modules: tuple[str, ...] = ()
    try:
        client = clients.client(integration, country)
        client.sign_in(within())
        if steps:
            sentences.append(f"Signed in in {_ms(steps):,.0f} ms.")
        before = len(steps)
        modules = tuple(client.modules(within()))
        if modules:
            took = _ms(steps[before:])
            sentences.append(f"It has the modules {_named(modules)} (listed in {took:,.0f} ms).")
    except CrmError as error:
        advice = advice_of(error, integration.kind)
        return Greeting((*sentences, str(error)), modules, error, advice)
    return Greeting(tuple(sentences), modules)


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
            return replace(rehearsal, ms=ms, outcome=answer.outcome, advice=advice)
        case NotFound():
            return replace(rehearsal, ms=ms, outcome="not found")
        case Found(_, matched_by):
            told = replace(rehearsal, ms=ms, outcome="found", matched_by=matched_by, records=1)
        case Several(count):
            told = replace(rehearsal, ms=ms, outcome="several found", records=count)
    if isinstance(inquiry.answer, rules.Found) and not inquiry.value_is_hidden:
        return replace(told, value=spell(inquiry.answer.value))
    return told


def _ms(steps: Sequence[Step]) -> float:
    return sum(step.ms for step in steps)


def _named(modules: Sequence[str]) -> str:
    shown = ", ".join(modules[:_MOST_NAMED])
    more = len(modules) - _MOST_NAMED
    return f"{shown} and {more} more" if more > 0 else shown
