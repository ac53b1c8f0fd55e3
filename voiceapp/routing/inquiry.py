"""Asks the CRM for a rule: one module after the other, until somebody is found."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from voiceapp.crm import contract as crm
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.lookup import NOTHING_KEPT, Ages, Lookup, Reply
from voiceapp.crm.memory import Question
from voiceapp.routing.clients import Clients, Source
from voiceapp.routing.inquired import Asked, Preference, record, sentence
from voiceapp.routing.table import Table
from voiceapp.routing.values import shows_digits, to_value
from voiceapp.rules import decide as rules
from voiceapp.rules.prefer import Contender, choose
from voiceapp.rules.rule import FindBy, Location, Prefer, Rule
from voiceapp.twiml.call import IncomingCall

log = logging.getLogger(__name__)


_MAY_BE_ANOTHERS = (crm.CrmMisconfigured, crm.CrmNotPermitted)
"""Trouble that a field which another rule reads may make."""


@dataclass(frozen=True, slots=True)
class Inquiry:
    """What looking a caller up came to.

    `record` is the same for the journal: plain values, complete enough to decide again, without
    keyed digits. `reply` is what the CRM said last; both are None where nobody was looked up.
    """

    answer: rules.Answer
    sentence: str = ""
    reply: Reply | None = None
    record: Mapping[str, Any] | None = None
    value_is_hidden: bool = False


class Inquirer:
    """Looks callers up for rules; one that `is_trying` takes nothing that was said in other calls.

    What it is told then is not for other calls, either.
    """

    def __init__(self, clients: Clients, lookup: Lookup, *, is_trying: bool = False) -> None:
        self._clients = clients
        self._lookup = lookup
        self._is_trying = is_trying

    def inquire(self, rule: Rule, call: IncomingCall, table: Table) -> Inquiry:
        """Return what the CRM of a rule says about a caller; trouble is an answer, too."""
        who: crm.Who
        if rule.find_by is FindBy.DIGITS:
            if not call.digits:
                return Inquiry(rules.NothingKeyed())
            who = crm.KeyedDigits(call.digits, rule.search_field)
        else:
            if call.number is None:
                return Inquiry(rules.Withheld())
            who = crm.Caller(call.number)
        asked = self._ask(rule, call, table, who)
        last = asked[-1].reply
        trouble = None if last.is_of_call else last.trouble or last.answer
        # one that is left alone is logged by the worker, and would be here at every call
        if isinstance(trouble, crm.CrmError) and not isinstance(trouble, crm.CrmPaused):
            of_rule = f"of rule {rule.name}"
            what = of_rule if rule.name else table.integrations[rule.integration].name
            log.warning("The CRM %s failed: %s", what, trouble)
        return _inquiry(rule, table, who, asked)

    def _ask(self, rule: Rule, call: IncomingCall, table: Table, who: crm.Who) -> tuple[Asked, ...]:
        """Ask module by module, within one budget, as long as nobody is found."""
        facts = crm.CallFacts(caller=call.number or "", called=call.called, call_id=call.sid)
        try:
            source = self._clients.source(table.integrations[rule.integration], table.country)
        except crm.CrmRefused as error:
            return (Asked(rule.module, Reply(error, 0, 0)),)
        ages = NOTHING_KEPT if self._is_trying else _ages(rule, table, source)
        deadline = Deadline.after(float(rule.budget), self._lookup.clock)
        asked: list[Asked] = []
        for module in rule.modules:
            if asked and deadline.has_passed():
                late = crm.CrmOutOfTime(f"The budget was over before {module} could be searched.")
                asked.append(Asked(module, Reply(late, 0, 0)))
                break
            search = crm.Search(who, module, table.fields[rule.integration, module], _order(rule))
            asked.append(self._asked(source, rule, search, facts, deadline, ages))
            reply = asked[-1].reply
            if not isinstance(reply.answer, crm.NotFound):
                break
        return tuple(asked)

    def _asked(
        self,
        source: Source,
        rule: Rule,
        search: crm.Search,
        facts: crm.CallFacts,
        deadline: Deadline,
        ages: Ages,
    ) -> Asked:
        """Ask for the fields of all rules; where one is wrong, for those of this rule alone."""

        def ask(search: crm.Search) -> Reply:
            question = Question(source.name, search, source.told(facts))
            return self._lookup.ask(
                source.client, question, facts, deadline, ages, is_first=is_first
            )

        is_first = rule.location is Location.DID  # which asks as the call comes in
        reply = ask(search)
        if not isinstance(reply.answer, _MAY_BE_ANOTHERS):
            return Asked(search.module, reply)
        own = replace(search, fields=tuple(sorted(set(rule.fields))))
        if own == search:
            return Asked(search.module, reply)
        again = ask(own)
        return Asked(search.module, replace(again, ms=reply.ms + again.ms), is_alone=True)


def _ages(rule: Rule, table: Table, source: Source) -> Ages:
    fresh = 0 if source.is_live else rule.fresh
    return Ages(fresh, rule.stale, table.kept[rule.integration])


def _order(rule: Rule) -> crm.Order | None:
    match rule.prefer:
        case Prefer.NONE:
            return None
        case Prefer.NEWEST:
            return crm.Order()
    return crm.Order(rule.prefer_field, is_highest=rule.prefer is Prefer.HIGHEST)


def _inquiry(rule: Rule, table: Table, who: crm.Who, asked: tuple[Asked, ...]) -> Inquiry:
    found, preference = _preferred(rule, asked[-1].reply.answer)
    answer = _answer(rule, found)
    return Inquiry(
        answer=answer,
        sentence=sentence(rule, table, who, asked, preference),
        reply=asked[-1].reply,
        record=record(rule, who, asked, found, preference),
        value_is_hidden=isinstance(answer, rules.Found) and shows_digits(answer.value, who),
    )


def _preferred(
    rule: Rule, answer: crm.Answer | crm.CrmError
) -> tuple[crm.Answer | crm.CrmError, Preference]:
    """Return the one of several records that counts as if it were the only one."""
    if rule.prefer is Prefer.NONE or not isinstance(answer, crm.Several):
        return answer, Preference()
    contenders = [
        Contender(to_value(one.values.get(rule.prefer_field)), to_value(one.created))
        for one in answer.records
    ]
    chosen = choose(rule.prefer, contenders)
    if chosen is None:
        return answer, Preference(rule.prefer)
    one = answer.records[chosen]
    return crm.Found(one.values, "", one.stored), Preference(rule.prefer, answer.count)


def _answer(rule: Rule, answer: crm.Answer | crm.CrmError) -> rules.Answer:
    match answer:
        case crm.Found(values):
            return rules.Found(to_value(values.get(rule.field)))
        case crm.NotFound():
            return rules.NotFound()
        case crm.Several(count):
            return rules.Several(count)
        case crm.CrmError() as error:
            return rules.Failed(str(error))
