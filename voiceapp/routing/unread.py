"""Rules that are about to ask where nobody has read which fields there are."""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial

from sqlalchemy.orm import Session

from voiceapp.crm.registry import CUSTOM_URL, DIRECTORY, KINDS
from voiceapp.routing import catalogue, releases
from voiceapp.routing.drift import KnownFields, changed_rules
from voiceapp.rules.diff import Change
from voiceapp.rules.plan import Integration, Plan
from voiceapp.rules.rule import Rule

_TELLS_NONE = (DIRECTORY, CUSTOM_URL)


def unread_of_changed(
    session: Session, plan: Plan, changes: Iterable[Change]
) -> Mapping[str, tuple[str, ...]]:
    """Return what is not known of the rules that ask elsewhere, or for more, than they do live."""
    number = releases.newest_number(session)
    live = releases.plan_of(session, number) if number is not None else None
    before = {_asked(rule, live) for rule in live.rules} if live else set()
    rules = [rule for rule in changed_rules(plan, changes) if _asked(rule, plan) not in before]
    return unread(rules, plan.integrations, partial(catalogue.fields_of, session))


def unread(
    rules: Iterable[Rule], integrations: Iterable[Integration], known_fields: KnownFields
) -> Mapping[str, tuple[str, ...]]:
    """Return what is not known of rules, as sentences by the rules' names."""
    asked = {one.key: one for one in integrations if one.kind in KINDS}
    found = {
        rule.name: tuple(_sentences(rule, asked[rule.integration], known_fields))
        for rule in rules
        if rule.integration in asked and asked[rule.integration].kind not in _TELLS_NONE
    }
    return {name: sentences for name, sentences in found.items() if sentences}


def _sentences(rule: Rule, crm: Integration, known_fields: KnownFields) -> Iterator[str]:
    # a path leads to a field of another record, which nothing is ever known of
    names = [name for name in dict.fromkeys((*rule.fields, rule.search_field)) if name]
    names = [name for name in names if "." not in name]
    for module in rule.modules:
        if names and known_fields(crm, module) is None:
            yield (
                f"The fields of {module} in {crm.name} have not been read yet, so it is not known "
                f"whether it has {' and '.join(names)}."
            )


def _asked(rule: Rule, plan: Plan) -> tuple[object, ...]:
    crm = next((one for one in plan.integrations if one.key == rule.integration), None)
    at = (crm.key, crm.url, tuple(sorted(crm.options.items()))) if crm else ()
    return (*at, rule.modules, rule.fields, rule.search_field)
