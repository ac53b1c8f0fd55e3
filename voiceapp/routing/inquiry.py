"""Asks the CRM for a rule, and turns what it says into the values of rules and into words."""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from voiceapp.crm import contract as crm
from voiceapp.crm.lookup import Lookup, Question, Reply
from voiceapp.crm.phone import show
from voiceapp.routing.clients import Clients
from voiceapp.routing.table import Table
from voiceapp.rules import decide as rules
from voiceapp.rules.rule import FindBy, Rule
from voiceapp.rules.values import Structure, Value, is_empty, spell
from voiceapp.twiml.call import IncomingCall

log = logging.getLogger(__name__)

_LONGEST_TEXT = 4000
_MOST_ELEMENTS = 100
_TELLING = 4
"""How many keyed digits make a value tell them when it contains them, in whatever setting."""


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
        reply = self._ask(rule, call, table, who)
        if isinstance(reply.answer, crm.CrmError) and not reply.age:
            log.warning("The CRM of rule %s failed: %s", rule.name, reply.answer)
        return _inquiry(rule, table, who, reply)

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
    answer = _answer(rule, reply)
    return Inquiry(
        answer=answer,
        sentence=_sentence(rule, table, who, reply),
        reply=reply,
        record=_record(rule, who, reply),
        value_is_hidden=isinstance(answer, rules.Found) and _shows_digits(answer.value, who),
    )


def _shows_digits(value: Value, who: crm.Who) -> bool:
    """Say whether a value would tell what the caller keyed in, whatever field it stands in."""
    if not isinstance(who, crm.KeyedDigits):
        return False
    elements = value if isinstance(value, tuple) else (value,)
    return any(_tells(spell(element), who.digits) for element in elements)


def _tells(text: str, digits: str) -> bool:
    """Say whether a text is the digits, or has them in it, however it sets them apart."""
    if len(digits) < _TELLING:
        return text.strip() == digits
    shown = re.sub(r"\D", "", text)
    return digits in shown or shown.lstrip("0") == digits.lstrip("0")


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
        case crm.Caller(number):
            asked += f"the phone number {show(number)}"
        case crm.KeyedDigits(digits, field):
            keyed = f"{len(digits)} digits" if len(digits) > 1 else "digit"
            asked += f"{field}, with the {keyed} keyed in"
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
            record |= {
                "answer": "found",
                "matched_by": matched_by,
                "stored": stored,
                "values": {
                    name: plain_value(value)
                    for name, value in ((name, to_value(sent)) for name, sent in values.items())
                    if not _shows_digits(value, who)
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

    Of a text the first 4,000 characters are kept, of a list the first 100 elements.

    >>> plain_value((Decimal("1.50"), "a", True, Structure()))
    [{'number': '1.50'}, 'a', True, {'structure': True}]
    """
    match value:
        case Decimal():
            return {"number": str(value)}
        case Structure():
            return {"structure": True}
        case tuple():
            return [plain_value(element) for element in value[:_MOST_ELEMENTS]]
        case str():
            return value[:_LONGEST_TEXT]
    return value
