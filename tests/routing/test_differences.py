"""What differs in a CRM is told in the words of its form."""

from dataclasses import replace

from voiceapp.crm.kind import ACCOUNT, USERNAME, VERSION
from voiceapp.routing.differences import diff
from voiceapp.rules.diff import Line
from voiceapp.rules.plan import Installation, Integration, Plan
from voiceapp.rules.rule import Destination, DestinationKind, Location, Rule

ODOO = Integration(
    "odoo",
    "ERP",
    "odoo",
    "https://localhost:9443/",
    {VERSION: "19", ACCOUNT: "crm", USERNAME: "ada"},
)
EMPTY = Plan(Installation(Destination(DestinationKind.HANGUP)))
RULE = Rule("Tiers", Location.DID, "odoo", "Contacts", "Tier", (), {})


def lines_of(old: Plan | None, new: Plan, title: str) -> dict[str, Line]:
    [change] = [one for one in diff(old, new) if title in one.title]
    return {line.label: line for line in change.lines}


def test_an_integration_has_the_labels_and_choices_of_its_form():
    lines = lines_of(EMPTY, replace(EMPTY, integrations=(ODOO,)), "ERP")

    assert {label: line.after for label, line in lines.items()} == {
        "Name": "ERP",
        "CRM To Use": "Odoo",
        "Address": "localhost:9443/",
        "Version": "19 or later",
        "Database": "crm",
        "Login": "ada",
    }


def test_what_a_rule_tells_its_own_crm_has_the_labels_of_rules():
    own = replace(ODOO, is_private=True)
    moved = replace(own, options={**own.options, ACCOUNT: "shop", USERNAME: "bob"})
    before, after = (replace(EMPTY, rules=(RULE,), integrations=(one,)) for one in (own, moved))

    lines = lines_of(before, after, "Tiers")

    assert lines == {
        "Database": Line("Database", "crm", "shop"),
        "CRM Username": Line("CRM Username", "ada", "bob"),
    }


def test_a_kind_that_is_not_there_any_more_is_told_as_it_is():
    bygone = replace(ODOO, kind="bygone")

    lines = lines_of(EMPTY, replace(EMPTY, integrations=(bygone,)), "ERP")

    assert lines["Kind"].after == "bygone"
