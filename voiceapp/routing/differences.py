"""Where two plans differ, with what a CRM is told under the labels that its form has for it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeAlias

from voiceapp.crm.kind import LABELS_IN_RULES, OPTIONS, URL, Ask
from voiceapp.crm.registry import KINDS
from voiceapp.rules import diff as plain
from voiceapp.rules.diff import Change, Line
from voiceapp.rules.plan import Integration, Plan
from voiceapp.rules.rule import Rule
from voiceapp.rules.uses import sentence_case
from voiceapp.rules.words import shown_address

_Crms: TypeAlias = Mapping[str, Integration]
_KIND = "Kind"
_LABELS = {URL: "CRM URL", **{name: sentence_case(name) for name in OPTIONS}}
"""How `rules.diff`, which knows no CRM, calls what a CRM is told."""


def diff(old: Plan | None, new: Plan) -> tuple[Change, ...]:
    """Return what differs between two plans, in the words of the pages."""
    crms = _crms(old) | _crms(new)
    rules = {rule.name: rule for plan in (old, new) if plan for rule in plan.rules}
    return tuple(_worded(change, crms, rules) for change in plain.diff(old, new))


def _crms(plan: Plan | None) -> dict[str, Integration]:
    return {one.key: one for one in plan.integrations} if plan else {}


def _worded(change: Change, crms: _Crms, rules: Mapping[str, Rule]) -> Change:
    if change.kind not in (Integration, Rule):
        return change
    rule = rules.get(change.key) if change.kind is Rule else None
    crm = crms.get(rule.integration if rule else change.key)
    if crm is None or crm.kind not in KINDS:
        return change
    asks = {_LABELS[ask.name]: ask for ask in KINDS[crm.kind].asks if ask.name in _LABELS}
    ours = LABELS_IN_RULES if rule else {}
    lines = (_line(line, asks.get(line.label), ours) for line in change.lines)
    return replace(change, lines=tuple(lines))


def _line(line: Line, ask: Ask | None, ours: Mapping[str, str]) -> Line:
    if line.label == _KIND:
        return Line("CRM To Use", _title(line.before), _title(line.after))
    if ask is None:
        return line
    told = {text: label for value, label in ask.choices for text in (value, shown_address(value))}
    before, after = (told.get(one, one) for one in (line.before, line.after))
    return Line(ours.get(ask.name, ask.label), before, after)


def _title(kind: str) -> str:
    return KINDS[kind].title if kind in KINDS else kind
