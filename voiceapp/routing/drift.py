"""Rules that ask for what the CRM, as far as it was asked, does not have or has otherwise."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache, partial

from sqlalchemy.orm import Session

from voiceapp.crm.fields import Field, by_name, may_hold_phones
from voiceapp.crm.registry import KINDS
from voiceapp.routing import catalogue
from voiceapp.routing.catalogue import Listed
from voiceapp.routing.misfits import misfits
from voiceapp.rules.diff import Change
from voiceapp.rules.plan import Integration, Plan
from voiceapp.rules.rule import FindBy, Rule
from voiceapp.rules.uses import rules_asking

KnownFields = Callable[[Integration, str], Listed | None]
"""Returns what is known of a module's fields; None if the CRM was never asked."""

KnownModules = Callable[[Integration], Sequence[str]]
"""Returns the modules that the CRM told of; none if it was never asked."""

_FieldsOf = Callable[[str], Mapping[str, Field]]


def drift(
    session: Session, rules: Iterable[Rule], integrations: Iterable[Integration]
) -> Mapping[str, tuple[str, ...]]:
    """Return what is wrong with rules by what was read from the CRMs last, by the rules' names."""
    return drifted(
        rules,
        integrations,
        partial(catalogue.fields_of, session),
        partial(catalogue.modules_of, session),
    )


def drift_of_changed(
    session: Session, plan: Plan, changes: Iterable[Change]
) -> Mapping[str, tuple[str, ...]]:
    """Return what is wrong with those rules of a plan that changes are about."""
    return drift(session, changed_rules(plan, changes), plan.integrations)


def changed_rules(plan: Plan, changes: Iterable[Change]) -> tuple[Rule, ...]:
    """Return the rules of a plan that changes are about, those whose CRM changes among them."""
    changed: set[str] = set()
    for change in changes:
        if change.kind is Rule:
            changed.add(change.key)
        elif change.kind is Integration:
            changed.update(rule.name for rule in rules_asking(plan, change.key))
    return tuple(rule for rule in plan.rules if rule.name in changed)


def drifted(
    rules: Iterable[Rule],
    integrations: Iterable[Integration],
    known_fields: KnownFields,
    known_modules: KnownModules,
) -> Mapping[str, tuple[str, ...]]:
    """Return what is wrong with rules, as sentences by the rules' names."""
    asked = {one.key: one for one in integrations}

    @cache  # many rules search the same module
    def fields_of(key: str, module: str) -> Mapping[str, Field]:
        listed = known_fields(asked[key], module)
        return by_name(listed.fields) if listed else {}

    @cache
    def modules_of(key: str) -> frozenset[str]:
        return frozenset(known_modules(asked[key]))

    found = {
        rule.name: tuple(
            _sentences(
                rule,
                asked[rule.integration],
                modules_of(rule.integration),
                partial(fields_of, rule.integration),
            )
        )
        for rule in rules
        if rule.integration in asked
    }
    return {name: sentences for name, sentences in found.items() if sentences}


def lacks_phones(kind: str, fields: Collection[Field]) -> bool:
    """Say whether no caller can be found by number in a module that has these fields.

    Nothing is known of a module without any, and some CRMs find callers by other modules.
    """
    by_phones = kind in KINDS and KINDS[kind].by_phones
    return by_phones and bool(fields) and not may_hold_phones(fields)


def _sentences(
    rule: Rule, asked: Integration, modules: frozenset[str], fields_of: _FieldsOf
) -> Iterator[str]:
    crm = asked.name
    searched = (rule.search_field,) if rule.find_by is FindBy.DIGITS else ()
    names = tuple(dict.fromkeys(filter(None, (*rule.fields, *searched))))
    compared: dict[str, Field] = {}
    is_all_known = True
    for module in rule.modules:
        if modules and module not in modules:
            yield f"{crm} has no module {module}."
            continue
        fields = fields_of(module)
        if fields:
            yield from (f"{crm} has no field {name} in {module}." for name in _gone(names, fields))
        if rule.find_by is FindBy.CALLER and lacks_phones(asked.kind, fields.values()):
            yield f"{module} in {crm} has no phone fields, so nobody is found in it by a number."
        if module == rule.module:  # the type is what that one had
            yield from _changed(rule, module, fields)
        if rule.field in fields:
            compared[module] = fields[rule.field]
        elif not fields or "." in rule.field:
            is_all_known = False
    if is_all_known:
        yield from misfits(rule.conditions, compared)


def _gone(names: Iterable[str], fields: Mapping[str, Field]) -> Iterator[str]:
    # a path leads to a field of another record, which nothing is known of
    return (name for name in names if "." not in name and name not in fields)


def _changed(rule: Rule, module: str, fields: Mapping[str, Field]) -> Iterator[str]:
    field = fields.get(rule.field)
    if field is not None and rule.field_type and field.type.value != rule.field_type:
        yield (
            f"{rule.field} in {module} was of the type “{rule.field_type}” when the rule was "
            f"made, and is “{field.type.value}” now."
        )
