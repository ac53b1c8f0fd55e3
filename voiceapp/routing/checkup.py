"""Whether a CRM works, tried for people who set it up: signed in to, listed, asked for a number."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from voiceapp.crm.advice import advice_on_greeting
from voiceapp.crm.contract import Caller, CallFacts, CrmClient, CrmError, CrmRefused, Found, Search
from voiceapp.crm.phone import read_e164
from voiceapp.crm.registry import KINDS
from voiceapp.crm.trace import Step
from voiceapp.routing.clients import Clients
from voiceapp.routing.greeting import Greeting, greet, within
from voiceapp.routing.rehearsal import Rehearsal, rehearse
from voiceapp.rules.plan import Integration, Plan
from voiceapp.rules.rule import Rule

_NAMED_BY = (
    *(("Name",), ("name",), ("Full_Name",), ("full_name",), ("fullname",), ("display_name",)),
    *(("firstname", "lastname"), ("first_name", "last_name"), ("FirstName", "LastName")),
    *(("Account_Name",), ("accountname",)),
)
"""The fields that say what a record is called, in one CRM or another."""


@dataclass(frozen=True, slots=True)
class Checkup:
    """What trying a CRM came to: how it received us, and what it found for a number, if typed.

    `module` is where that was looked for, `called` what the record is called, if that is known,
    `kind` the CRM that was asked.
    """

    greeting: Greeting
    found: Rehearsal | None = None
    module: str = ""
    called: str = ""
    kind: str = ""

    @property
    def verdict(self) -> str:
        """Say in a sentence or two whether it works, or what to do; blank if nothing was asked."""
        if self.trouble:
            return f"It does not work: {self.trouble} {self.advice}".rstrip()
        seen = "; ".join(filter(None, (", ".join(self.greeting.seen), self._found())))
        return f"It works. {seen[:1].upper()}{seen[1:]}." if seen else ""

    @property
    def trouble(self) -> str:
        """What is wrong; blank if nothing is."""
        if self.greeting.error is not None:
            return str(self.greeting.error)
        return self.found.trouble if self.found else ""

    @property
    def advice(self) -> str:
        """What to do about it."""
        if self.greeting.error is not None:
            return advice_on_greeting(self.greeting.error, self.kind)
        return self.found.advice if self.found else ""

    def _found(self) -> str:
        where = f" in {self.module}" if self.module else ""
        match self.found.outcome if self.found else "":
            case "found":
                what = f"the record of {self.called}" if self.called else "one record"
                return f"found {what}{where}"
            case "not found":
                return f"nobody{where} has this number"
            case "several found":
                count = self.found.records if self.found else 0
                return f"{count} records{where} have this number"
        return ""


def check_up(
    clients: Clients,
    rule: Rule,
    integration: Integration,
    plan: Plan,
    typed: str,
    steps: Sequence[Step],
) -> Checkup:
    """Sign in, list the modules, and look a number up if one was typed; `steps` grow meanwhile.

    It is looked for where the rule says, or else in the first module.
    """
    try:
        client = clients.client(integration, plan.installation.country)
    except CrmRefused as error:
        return Checkup(Greeting(error=error), kind=integration.kind)
    greeting = greet(client, steps, KINDS[integration.kind].modules)
    if not typed.strip() or greeting.error is not None:
        return Checkup(greeting, kind=integration.kind)
    module = rule.module or next(iter(greeting.modules), "")
    found = rehearse(clients, replace(rule, module=module), integration, plan, typed)
    called = ""
    if found.outcome == "found":
        called = _called(client, module, read_e164(typed, plan.installation.country) or "")
    return Checkup(greeting, found, module, called, integration.kind)


def _called(client: CrmClient, module: str, number: str) -> str:
    """Return what the record with a number is called; blank if the CRM does not tell."""
    with suppress(CrmError):
        known = {field.name for field in client.fields(module, within())}
        names = next((names for names in _NAMED_BY if known.issuperset(names)), ())
        if names:
            answer = client.find(Search(Caller(number), module, names), CallFacts(), within())
            told = [answer.values.get(one) for one in names] if isinstance(answer, Found) else []
            return " ".join(one.strip() for one in told if isinstance(one, str))
    return ""
