"""Rules whose fields the CRM has given up or changed since they were made."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from voiceapp.crm.fields import Field, by_name
from voiceapp.routing.catalogue import Listed
from voiceapp.rules.plan import Integration
from voiceapp.rules.rule import FindBy, Rule

KnownFields = Callable[[Integration, str], Listed | None]
"""Returns what is known of a module's fields; None if the CRM was never asked."""


def drifted(
    rules: Iterable[Rule], integrations: Iterable[Integration], known_fields: KnownFields
) -> Mapping[str, tuple[str, ...]]:
    """Return what is wrong with the fields of rules, as sentences by the rules' names."""
    asked = {one.key: one for one in integrations}
    seen: dict[tuple[str, str], Mapping[str, Field]] = {}

    def fields_of(integration: Integration, module: str) -> Mapping[str, Field]:
        place = integration.key, module
        if place not in seen:  # many rules search the same module
            listed = known_fields(integration, module)
            seen[place] = by_name(listed.fields) if listed else {}
        return seen[place]

    found = {
        rule.name: tuple(_sentences(rule, asked[rule.integration], fields_of))
        for rule in rules
        if rule.integration in asked
    }
    return {name: sentences for name, sentences in found.items() if sentences}


def _sentences(
    rule: Rule,
    integration: Integration,
    fields_of: Callable[[Integration, str], Mapping[str, Field]],
) -> Iterator[str]:
    searched = (rule.search_field,) if rule.find_by is FindBy.DIGITS else ()
    for module in rule.modules:
        fields = fields_of(integration, module)
        if not fields:
            continue
        for name in dict.fromkeys((*rule.fields, *searched)):
            # a path leads to a field of another record, which nothing is known of
            if name and "." not in name and name not in fields:
                yield f"{integration.name} has no field {name} in {module}."
        if module == rule.module:  # the type is what that one had
            yield from _changed(rule, module, fields)


def _changed(rule: Rule, module: str, fields: Mapping[str, Field]) -> Iterator[str]:
    field = fields.get(rule.field)
    if field is not None and rule.field_type and field.type.value != rule.field_type:
        yield (
            f"{rule.field} in {module} was of the type “{rule.field_type}” when the rule was "
            f"made, and is “{field.type.value}” now."
        )
