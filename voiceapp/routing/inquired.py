"""What asking a CRM came to, told in words and kept for the journal."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from voiceapp.crm import contract as crm
from voiceapp.crm.lookup import Reply
from voiceapp.crm.phone import show
from voiceapp.routing.table import Table
from voiceapp.routing.values import plain_value, shows_digits, to_value
from voiceapp.rules.ages import span
from voiceapp.rules.rule import Prefer, Rule
from voiceapp.rules.words import PREFERRED


@dataclass(frozen=True, slots=True)
class Asked:
    """A module that was searched, and what the CRM said.

    `is_alone` says that what other rules read was left out, as the CRM refused to read all of it.
    """

    module: str
    reply: Reply
    is_alone: bool = False


@dataclass(frozen=True, slots=True)
class Preference:
    """How one of several records was chosen; `of` is how many there were, 0 if none was."""

    prefer: Prefer = Prefer.NONE
    of: int = 0


def sentence(
    rule: Rule, table: Table, who: crm.Who, asked: tuple[Asked, ...], preference: Preference
) -> str:
    """Say which modules were searched for whom, and what was found."""
    crm_name = table.integrations[rule.integration].name
    first, *others = asked
    verb = "Did not ask" if _is_left_alone(first.reply) else "Asked"
    told = [f"{verb} {_what(crm_name, first.module)} by {_by(who)}: {_found(first.reply)}."]
    told += [f"Then in {one.module}: {_found(one.reply)}." for one in others]
    told += [str(one.reply.trouble) for one in asked if one.reply.trouble]
    if any(one.is_alone for one in asked):
        told.append("It did not tell all that rules read there, so it was asked for this one's.")
    return " ".join(told) + _which(rule, who, asked[-1].reply, preference)


def _what(crm_name: str, module: str) -> str:
    return f"{crm_name} for {module}" if module else crm_name


def _by(who: crm.Who) -> str:
    match who:
        case crm.Caller(number):
            return f"the phone number {show(number)}"
        case crm.KeyedDigits(digits, field):
            keyed = f"{len(digits)} digits" if len(digits) > 1 else "digit"
            return f"{field}, with the {keyed} keyed in"


def _is_left_alone(reply: Reply) -> bool:
    return isinstance(reply.trouble or reply.answer, crm.CrmPaused)


def _found(reply: Reply) -> str:
    when = _when(reply)
    match reply.answer:
        case crm.Found():
            return f"1 found {when}"
        case crm.NotFound():
            return f"none found {when}"
        case crm.Several(count):
            return f"{count} found {when}"
        case crm.CrmPaused():
            return "it is left alone"
        case crm.CrmError():
            return f"it failed {when}"


def _when(reply: Reply) -> str:
    asked = "earlier in this call" if reply.is_of_call else f"in {reply.ms:,.0f} ms"
    if not reply.is_older:
        return asked
    ago = f"{span(reply.age)} ago"
    if reply.trouble is None:
        return f"{ago}, which {'counted ' + asked if reply.is_of_call else 'still counts'}"
    if _is_left_alone(reply):
        return f"{ago}, which counts instead"
    failed = asked if reply.is_of_call or reply.ms >= 1 else "at once"
    return f"{ago}, which counts as it failed {failed}"


def _which(rule: Rule, who: crm.Who, reply: Reply, preference: Preference) -> str:
    """Say how the record spells the number, or which of several records counts."""
    match reply.answer:
        case crm.Found(_, _, str() as stored) if isinstance(who, crm.Caller):
            return f" The record has “{stored}”." if stored != who.number else ""
        case crm.Several() if preference.of:
            counts = PREFERRED[preference.prefer].format(rule.prefer_field)
            return f" {counts[:1].upper()}{counts[1:]} counts."
        case crm.Several() if preference.prefer is not Prefer.NONE:
            return " Nothing in them tells which of them counts."
    return ""


def record(
    rule: Rule,
    who: crm.Who,
    asked: tuple[Asked, ...],
    found: crm.Answer | crm.CrmError,
    preference: Preference,
) -> Mapping[str, Any]:
    """Return what the journal keeps: the module that decided, and those searched before it."""
    *before, last = asked
    kept: dict[str, Any] = {
        "integration": rule.integration,
        "module": last.module,
        "by": "caller" if isinstance(who, crm.Caller) else rule.search_field,
        "ms": round(sum(one.reply.ms for one in asked), 1),
        "age": round(last.reply.age, 1),
        **({"trouble": str(last.reply.trouble)} if last.reply.trouble else {}),
        **_kept(who, found, last.reply.answer),
    }
    if before:
        kept["before"] = [one.module for one in before]
    if preference.of:
        kept |= {"several": preference.of, "preferred": preference.prefer.value}
    return kept


def _kept(
    who: crm.Who, found: crm.Answer | crm.CrmError, said: crm.Answer | crm.CrmError
) -> Mapping[str, Any]:
    match found:
        case crm.Found(values, _, stored):
            return {
                "answer": "found",
                "matched_by": _matched_by(who, said),
                "stored": stored,
                "values": {
                    name: plain_value(value)
                    for name, value in ((name, to_value(sent)) for name, sent in values.items())
                    if not shows_digits(value, who)
                },
            }
        case crm.NotFound():
            return {"answer": "not found"}
        case crm.Several(count):
            return {"answer": "several found", "count": count}
        case crm.CrmError() as error:
            reason = str(error)
            return {"answer": "CRM failed", "error": type(error).__name__, "reason": reason}


def _matched_by(who: crm.Who, said: crm.Answer | crm.CrmError) -> str:
    if isinstance(said, crm.Found):
        return said.matched_by
    return "phone number" if isinstance(who, crm.Caller) else who.field
