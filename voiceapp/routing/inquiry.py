"""Asks the CRM for a rule, and turns what it says into the values of rules and into words."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from voiceapp.crm import contract as crm
from voiceapp.crm.lookup import Lookup, Question, Reply
from voiceapp.routing.clients import Clients
from voiceapp.routing.table import Table
from voiceapp.rules import decide as rules
from voiceapp.rules.rule import FindBy, Rule
from voiceapp.rules.values import Structure, Value, is_empty
from voiceapp.twiml.call import IncomingCall


@dataclass(frozen=True, slots=True)
class Inquiry:
    """What looking a caller up came to.

    `record` is the same for the journal: plain values, complete enough to decide again, without
    keyed digits. `reply` and `record` are None where nobody was looked up.
    """

    answer: rules.Answer
    sentence: str = ""
    reply: Reply | None = None
    record: Mapping[str, Any] | None = None
    value_is_hidden: bool = False


class Inquirer:
    """Looks callers up for rules."""

    def __init__(self, clients: Clients, lookup: Lookup) -> None:
        self._clients = clients
        self._lookup = lookup

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
        return _inquiry(rule, table, who, self._ask(rule, call, table, who))

    def _ask(self, rule: Rule, call: IncomingCall, table: Table, who: crm.Who) -> Reply:
        fields = table.fields[rule.integration, rule.module]
        question = Question(rule.integration, rule.module, who, fields)
        facts = crm.CallFacts(caller=call.number or "", called=call.called, call_id=call.sid)
        try:
            client = self._clients.client(table.integrations[rule.integration], table.country)
        except crm.CrmRefused as error:
            return Reply(error, 0, 0)
        return self._lookup.ask(client, question, facts, float(rule.budget))


def _inquiry(rule: Rule, table: Table, who: crm.Who, reply: Reply) -> Inquiry:
    hides = isinstance(who, crm.KeyedDigits) and rule.field == rule.search_field
    return Inquiry(
        answer=_answer(rule, reply),
        sentence=_sentence(rule, table, who, reply),
        reply=reply,
        record=_record(rule, who, reply),
        value_is_hidden=hides,
    )


def _answer(rule: Rule, reply: Reply) -> rules.Answer:
    match reply.answer:
        case crm.Found(values):
            return rules.Found(to_value(values.get(rule.field)))
        case crm.NotFound():
            return rules.NotFound()
        case crm.Several(count):
            return rules.Several(count)
        case crm.CrmError() as error:
            return rules.Failed(str(error))


def to_value(sent: crm.FieldValue) -> Value:
    """
    Return what a CRM sent for a field as a value that rules compare.

    >>> to_value(["vip", 3, None]), to_value({"id": 1}), to_value({})
    (('vip', Decimal('3')), Structure(), None)
    """
    match sent:
        case None | str() | bool():
            return sent
        case int() | Decimal():
            number = Decimal(sent)
            return number if number.is_finite() else str(number)
        case Mapping():
            return Structure() if sent else None
    elements = [to_value(element) for element in sent]
    return tuple(
        Structure() if isinstance(element, tuple) else element
        for element in elements
        if element is not None and not is_empty(element)
    )


def _sentence(rule: Rule, table: Table, who: crm.Who, reply: Reply) -> str:
    name = table.integrations[rule.integration].name
    asked = f"Asked {name} for {rule.module} by " if rule.module else f"Asked {name} by "
    match who:
        case crm.Caller():
            asked += "phone number"
        case crm.KeyedDigits(digits, field):
            asked += f"{field}, with the {len(digits)} digits keyed in"
    when = "earlier in this call" if reply.age else f"in {reply.ms:,.0f} ms"
    match reply.answer:
        case crm.Found(_, _, stored):
            spelled = stored and isinstance(who, crm.Caller) and stored != who.number
            spelling = f" The record has “{stored}”." if spelled else ""
            return f"{asked}: 1 found {when}.{spelling}"
        case crm.NotFound():
            return f"{asked}: none found {when}."
        case crm.Several(count):
            return f"{asked}: {count} found {when}."
        case crm.CrmError():
            return f"{asked}: it failed {when}."


def _record(rule: Rule, who: crm.Who, reply: Reply) -> Mapping[str, Any]:
    record: dict[str, Any] = {
        "integration": rule.integration,
        "module": rule.module,
        "by": "caller" if isinstance(who, crm.Caller) else rule.search_field,
        "ms": round(reply.ms, 1),
        "age": round(reply.age, 1),
    }
    match reply.answer:
        case crm.Found(values, matched_by, stored):
            hidden = {rule.search_field} if isinstance(who, crm.KeyedDigits) else set()
            record |= {
                "answer": "found",
                "matched_by": matched_by,
                "stored": stored,
                "values": {
                    name: plain_value(to_value(value))
                    for name, value in values.items()
                    if name not in hidden
                },
            }
        case crm.NotFound():
            record["answer"] = "not found"
        case crm.Several(count):
            record |= {"answer": "several found", "count": count}
        case crm.CrmError() as error:
            record |= {"answer": "CRM failed", "error": type(error).__name__, "reason": str(error)}
    return record


def plain_value(value: Value) -> Any:
    """
    Return a value as JSON that tells numbers and structures from texts.

    >>> plain_value((Decimal("1.50"), "a", True, Structure()))
    [{'number': '1.50'}, 'a', True, {'structure': True}]
    """
    match value:
        case Decimal():
            return {"number": str(value)}
        case Structure():
            return {"structure": True}
        case tuple():
            return [plain_value(element) for element in value]
    return value
