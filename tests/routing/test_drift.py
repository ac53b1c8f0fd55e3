"""Rules whose modules, fields or values the CRM does not have, or no longer, in sentences."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from voiceapp.crm.fields import Field, FieldType
from voiceapp.routing.catalogue import Listed
from voiceapp.routing.drift import drifted
from voiceapp.rules.operators import Operator
from voiceapp.rules.plan import Integration
from voiceapp.rules.rule import (
    Condition,
    Destination,
    DestinationKind,
    FindBy,
    Location,
    Prefer,
    Rule,
)

ODOO = Integration("odoo", "Odoo", "odoo", "https://odoo.example.com")
ZOHO = Integration("zoho", "Zoho", "zoho")
TIERS = Rule("Tiers", Location.DID, "odoo", "Contacts", "Tier", (), {}, field_type="text")
TIER_LIST = (("1", "Gold"), ("2", "Silver"))
FIRST_THEN = replace(TIERS, then_modules=("Leads",))


class Known:
    """What CRMs told of their modules, each field by its name and type."""

    def __init__(self) -> None:
        self.told: dict[tuple[str, str], Listed] = {}
        self.lacks_phones = False
        self.names: dict[str, tuple[str, ...]] = {}

    def tell(self, module: str, crm: str = "odoo", **types: FieldType) -> None:
        fields = tuple(Field(name, name, type_, TIER_LIST) for name, type_ in types.items())
        if fields and not self.lacks_phones:
            fields += (Field("phone", "Phone", FieldType.PHONE),)
        self.told[crm, module] = Listed(fields, datetime.now(UTC))

    def fields(self, integration: Integration, module: str) -> Listed | None:
        return self.told.get((integration.key, module))

    def modules(self, integration: Integration) -> tuple[str, ...]:
        return self.names.get(integration.key, ())


@pytest.fixture
def known() -> Known:
    return Known()


def all_told(known: Known, *rules: Rule) -> Mapping[str, tuple[str, ...]]:
    return drifted(iter(rules), iter([ODOO, ZOHO]), known.fields, known.modules)


def told(known: Known, rule: Rule) -> tuple[str, ...]:
    return all_told(known, rule).get(rule.name, ())


def test_nothing_is_said_of_fields_that_are_as_they_were(known):
    known.tell("Contacts", Tier=FieldType.TEXT, Other=FieldType.DATE)

    assert all_told(known, TIERS) == {}


def test_a_module_without_phone_fields_is_said_where_callers_are_found_by_number(known):
    known.lacks_phones = True
    known.tell("Contacts", Tier=FieldType.TEXT)
    known.tell("Leads", Tier=FieldType.TEXT, work_mobile=FieldType.TEXT)
    known.tell("Contacts", crm="pipedrive", Tier=FieldType.TEXT)

    [sentence] = told(known, FIRST_THEN)
    assert sentence == (
        "Contacts in Odoo has no phone fields, so nobody is found in it by a number."
    )
    assert told(known, replace(TIERS, find_by=FindBy.DIGITS, search_field="Tier")) == ()
    pipes = replace(TIERS, integration="pipedrive")
    people = [Integration("pipedrive", "Pipes", "pipedrive")]
    assert drifted([pipes], people, known.fields, known.modules) == {}


def test_nothing_is_said_of_what_was_never_asked_for(known):
    known.tell("Contacts")
    known.tell("Contacts", crm="zoho", Other=FieldType.TEXT)
    known.tell("Leads", Other=FieldType.TEXT)

    assert all_told(known, TIERS) == {}


def test_nothing_is_said_of_a_rule_whose_crm_is_gone(known):
    known.tell("Contacts")

    assert all_told(known, replace(TIERS, integration="gone")) == {}


def test_a_field_that_is_gone_is_named_with_crm_and_module(known):
    known.tell("Contacts", tier=FieldType.TEXT)

    assert told(known, TIERS) == ("Odoo has no field Tier in Contacts.",)


@pytest.mark.parametrize(
    ("changes", "gone"),
    [
        ({"prefer": Prefer.HIGHEST, "prefer_field": "Balance"}, ["Balance"]),
        ({"prefer": Prefer.LOWEST, "prefer_field": "Tier"}, []),
        ({"prefer": Prefer.NEWEST, "prefer_field": "Balance"}, []),
        ({"find_by": FindBy.DIGITS, "search_field": "No"}, ["No"]),
        ({"find_by": FindBy.DIGITS, "search_field": "Tier"}, []),
        ({"find_by": FindBy.CALLER, "search_field": "No"}, []),
        ({"find_by": FindBy.DIGITS, "search_field": ""}, []),
        (
            {
                "field": "Level",
                "prefer": Prefer.HIGHEST,
                "prefer_field": "Level",
                "find_by": FindBy.DIGITS,
                "search_field": "Level",
            },
            ["Level"],
        ),
        ({"field": "Tier.Name"}, []),
        ({"field": "Level.Name"}, []),
    ],
)
def test_every_field_that_a_rule_reads_or_searches_is_looked_for_once(known, changes, gone):
    known.tell("Contacts", Tier=FieldType.TEXT)

    assert told(known, replace(TIERS, **changes)) == tuple(
        f"Odoo has no field {name} in Contacts." for name in gone
    )


def test_every_module_that_is_searched_is_looked_into(known):
    known.tell("Contacts", Tier=FieldType.TEXT)
    known.tell("Leads", Level=FieldType.TEXT)

    assert told(known, FIRST_THEN) == ("Odoo has no field Tier in Leads.",)


def test_a_field_of_another_type_is_told_with_both(known):
    known.tell("Contacts", Tier=FieldType.CHOICE)

    assert told(known, TIERS) == (
        "Tier in Contacts was of the type “text” when the rule was made, and is “pick list” now.",
    )


@pytest.mark.parametrize("type_", FieldType)
def test_a_rule_that_was_made_without_a_type_has_none_to_lose(known, type_):
    known.tell("Contacts", Tier=type_)

    assert told(known, replace(TIERS, field_type="")) == ()
    assert told(known, replace(TIERS, field_type=type_.value)) == ()


def test_the_type_that_a_field_had_is_that_in_the_module_searched_first(known):
    known.tell("Contacts", Tier=FieldType.TEXT)
    known.tell("Leads", Tier=FieldType.CHOICE)

    assert told(known, FIRST_THEN) == ()


def test_each_rule_has_sentences_of_its_own(known):
    known.tell("Contacts", Tier=FieldType.TEXT)
    known.tell("Contacts", crm="zoho", Level=FieldType.TEXT)
    rules = [TIERS, replace(TIERS, name="Zoho's", integration="zoho")]

    assert all_told(known, *rules) == {"Zoho's": ("Zoho has no field Tier in Contacts.",)}


def comparing(rule: Rule, value: str) -> Rule:
    condition = Condition(Operator.EQUAL, (value,), Destination(DestinationKind.HANGUP))
    return replace(rule, conditions=(condition,), field_type="")


def test_a_value_that_is_on_no_list_is_told(known):
    known.tell("Contacts", Tier=FieldType.CHOICE)

    assert told(known, comparing(TIERS, "gold")) == ()
    assert told(known, comparing(TIERS, "Gould")) == (
        "The list of Tier in Contacts has no “Gould”.",
    )


def test_nothing_is_said_of_a_value_that_a_module_nobody_asked_may_have(known):
    known.tell("Contacts", Tier=FieldType.CHOICE)

    assert told(known, comparing(FIRST_THEN, "Gould")) == ()


def test_nothing_is_said_of_a_value_that_another_record_may_have(known):
    known.tell("Contacts", Tier=FieldType.CHOICE)

    assert told(known, comparing(replace(TIERS, field="Account.Tier"), "Gould")) == ()


def test_a_module_without_the_field_has_no_value(known):
    known.tell("Contacts", Tier=FieldType.CHOICE)
    known.tell("Leads", Level=FieldType.TEXT)

    assert told(known, comparing(FIRST_THEN, "Gould")) == (
        "Odoo has no field Tier in Leads.",
        "The list of Tier in Contacts has no “Gould”.",
    )


def test_a_module_that_is_gone_is_told_and_nothing_of_its_fields(known):
    known.tell("Contacts", Level=FieldType.TEXT)
    known.names["odoo"] = ("Leads", "Accounts")

    assert told(known, TIERS) == ("Odoo has no module Contacts.",)


def test_of_several_modules_each_that_is_gone_is_told(known):
    known.tell("Contacts", Tier=FieldType.CHOICE)
    known.names["odoo"] = ("Contacts", "Accounts")

    assert told(known, comparing(FIRST_THEN, "Gould")) == (
        "Odoo has no module Leads.",
        "The list of Tier in Contacts has no “Gould”.",
    )


def test_nothing_is_said_of_modules_of_a_crm_that_told_none(known):
    known.names["zoho"] = ("Leads",)

    assert told(known, TIERS) == ()
