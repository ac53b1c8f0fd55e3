"""A CRM asked for real, outside of any call: as a rule or an integration stands in its form."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from voiceapp.crm.contract import CrmBadAnswer, CrmError, CrmRefused, CrmUnavailable
from voiceapp.crm.lookup import Lookup
from voiceapp.crm.phone import read_e164
from voiceapp.extensions import db
from voiceapp.routing import credentials
from voiceapp.routing.inquiry import Inquirer, Inquiry
from voiceapp.routing.table import DRAFT, compile_plan
from voiceapp.rules.decide import Found, decide
from voiceapp.rules.explain import reasons
from voiceapp.rules.plan import Integration, Plan
from voiceapp.rules.rule import Destination, FindBy, Rule
from voiceapp.runtime import runtime
from voiceapp.twiml.call import IncomingCall


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What asking for a number or keyed digits came to; `fault` says why it could not be asked.

    `advice` is what to do where the CRM failed.
    """

    typed: str
    fault: str = ""
    sentences: tuple[str, ...] = ()
    destination: Destination | None = None
    ms: float = 0
    advice: str = ""


_ADVICE: Mapping[type[CrmError], str] = {
    CrmRefused: "Look whether the address is right, and type the credentials again.",
    CrmUnavailable: "Look whether the address is right and the CRM is running, then try again.",
    CrmBadAnswer: "The address must lead to an answer in JSON, without the secret in it.",
}


def rehearse(
    rule: Rule, integration: Integration, plan: Plan, typed: str, secret: str
) -> Rehearsal:
    """Ask the CRM and decide by the rule; nothing is saved, and no journal knows of it.

    A `secret` that was not typed is the one kept for the integration's present address, and no
    other. No database connection is held while the CRM is asked.
    """
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
    kept = credentials.sealed_of(db.session(), integration.key)
    sealed = credentials.with_secret(runtime().vault, kept, integration, secret)
    clients = runtime().live.clients.with_credentials({integration.key: sealed})
    db.session.close()
    inquiry = Inquirer(clients, Lookup()).inquire(rule, call, table)
    verdict = decide(rule, inquiry.answer, table.zone)
    why = reasons(verdict, value_is_hidden=inquiry.value_is_hidden)
    if not rule.conditions and isinstance(verdict.answer, Found):
        why = why[:-1]  # nothing was compared, so that no condition held says nothing
    return Rehearsal(
        typed,
        sentences=tuple(filter(None, (inquiry.sentence, *why))),
        destination=verdict.destination,
        ms=inquiry.reply.ms if inquiry.reply else 0,
        advice=_advice(inquiry),
    )


def _advice(inquiry: Inquiry) -> str:
    answer = inquiry.reply.answer if inquiry.reply else None
    return next((text for kind, text in _ADVICE.items() if isinstance(answer, kind)), "")
