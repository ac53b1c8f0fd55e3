"""What will go live: every part that differs, told under the labels of its page."""

from dataclasses import replace
from decimal import Decimal
from operator import attrgetter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceapp.rules.diff import Change, Line, What, diff
from voiceapp.rules.operators import Operator
from voiceapp.rules.plan import Did, Installation, Integration, Ivr, Plan, Queue, Recording
from voiceapp.rules.rule import (
    Condition,
    Destination,
    DestinationKind,
    FindBy,
    Location,
    Outcome,
    Prefer,
    Prompt,
    Rule,
    Voice,
    outcomes_for,
)


def to(kind: str, option: str = "") -> Destination:
    return Destination(DestinationKind(kind), option)


GENERAL, VIP, HANGUP, MENU = to("queue", "general"), to("queue", "vip"), to("hangup"), to("menu")
GOLD = Condition(Operator.EQUAL, ("Gold",), VIP)
SILVER = Condition(Operator.EQUAL, ("Silver",), to("ivr", "801"))
SETTINGS = Installation(safe=GENERAL)
SALES = Did("+12025550180", "Sales", to("rule", "VIP customers"))
MAIN = Ivr("801", "Main menu", Prompt("Welcome."), {"1": GENERAL, "2": VIP}, no_key=GENERAL)
CUSTOMERS = Rule(
    name="VIP customers",
    location=Location.DID,
    integration="odoo",
    module="Contacts",
    field="Tier",
    conditions=(GOLD,),
    outcomes=dict.fromkeys(outcomes_for(FindBy.CALLER), GENERAL),
)
OFFER = Recording("offer.wav", "ab" * 32, "audio/wav")
ODOO = Integration("odoo", "Odoo", "odoo", "https://odoo.example.com", {"database": "main"})
PLAN = Plan(
    installation=SETTINGS,
    dids=(SALES,),
    ivrs=(MAIN,),
    rules=(CUSTOMERS,),
    queues=(Queue("general"), Queue("vip")),
    recordings=(OFFER,),
    integrations=(ODOO,),
)

OWN = Integration(
    "own",
    "Custom URL",
    "custom",
    "https://crm.example.com/find?key=1",
    {"header_name": "X-Key"},
    is_private=True,
)
OWNING = replace(CUSTOMERS, integration="own")
OWNED = replace(PLAN, rules=(OWNING,), integrations=(ODOO, OWN))


def owned(**changes) -> Plan:
    return replace(OWNED, integrations=(ODOO, replace(OWN, **changes)))


def lines_of(old: Plan, new: Plan) -> list[tuple[str, str, str]]:
    """Return the lines of the one change there is."""
    (change,) = diff(old, new)
    assert change.what is What.CHANGED
    return [(line.label, line.before, line.after) for line in change.lines]


def test_without_an_old_plan_everything_is_added_in_the_order_of_the_plan():
    assert diff(None, PLAN) == (
        Change(
            Installation,
            "",
            "Settings",
            What.ADDED,
            (Line("Safe destination", "", "Queue general"),),
        ),
        Change(
            Did,
            "+12025550180",
            "DID +12025550180 Sales",
            What.ADDED,
            (Line("Name", "", "Sales"), Line("Destination", "", "CRM rule VIP customers")),
        ),
        Change(
            Ivr,
            "801",
            "IVR 801 Main menu",
            What.ADDED,
            (
                Line("Name", "", "Main menu"),
                Line("Greeting", "", "“Welcome.”"),
                Line("Key 1", "", "Queue general"),
                Line("Key 2", "", "Queue vip"),
                Line("No key", "", "Queue general"),
            ),
        ),
        Change(
            Rule,
            "VIP customers",
            "CRM rule VIP customers",
            What.ADDED,
            (
                Line("Rule Name", "", "VIP customers"),
                Line("CRM Field Name", "", "Tier"),
                Line("Location", "", "DID"),
                Line("CRM To Use", "", "Odoo"),
                Line("CRM Modules", "", "Contacts"),
                Line("Condition 1", "", "= Gold → Queue vip"),
                Line("No condition matched", "", "Queue general"),
                Line("Not found", "", "Queue general"),
                Line("Several found", "", "Queue general"),
                Line("Withheld", "", "Queue general"),
                Line("CRM failed", "", "Queue general"),
            ),
        ),
        Change(Queue, "general", "Queue general", What.ADDED, ()),
        Change(Queue, "vip", "Queue vip", What.ADDED, ()),
        Change(
            Recording,
            "offer.wav",
            "Recording offer.wav",
            What.ADDED,
            (Line("Content", "", "abababab"), Line("Media type", "", "audio/wav")),
        ),
        Change(
            Integration,
            "odoo",
            "Integration Odoo",
            What.ADDED,
            (
                Line("Name", "", "Odoo"),
                Line("Kind", "", "odoo"),
                Line("CRM URL", "", "odoo.example.com"),
                Line("Database", "", "main"),
            ),
        ),
    )


def test_what_is_gone_tells_what_was_in_it():
    assert diff(PLAN, replace(PLAN, dids=(), queues=(Queue("general"),))) == (
        Change(
            Did,
            "+12025550180",
            "DID +12025550180 Sales",
            What.REMOVED,
            (Line("Name", "Sales", ""), Line("Destination", "CRM rule VIP customers", "")),
        ),
        Change(Queue, "vip", "Queue vip", What.REMOVED, ()),
    )


def test_a_part_that_changed_is_known_by_its_key_and_called_by_its_new_name():
    (change,) = diff(PLAN, replace(PLAN, dids=(replace(SALES, name="Shop"),)))

    assert change == Change(
        Did,
        "+12025550180",
        "DID +12025550180 Shop",
        What.CHANGED,
        (Line("Name", "Sales", "Shop"),),
    )


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ({"safe": VIP}, [("Safe destination", "Queue general", "Queue vip")]),
        ({"country": "DE"}, [("Country", "US", "DE")]),
        ({"time_zone": "Europe/Berlin"}, [("Time zone", "UTC", "Europe/Berlin")]),
        (
            {"voice": Voice("Polly.Vicki", "de-DE")},
            [("Voice", "Polly.Joanna, en-US", "Polly.Vicki, de-DE")],
        ),
    ],
)
def test_a_change_of_the_settings_is_told(changes, lines):
    assert lines_of(PLAN, replace(PLAN, installation=replace(SETTINGS, **changes))) == lines


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ({"destination": HANGUP}, [("Destination", "CRM rule VIP customers", "hang up")]),
        ({"safe": VIP}, [("Safe destination", "", "Queue vip")]),
    ],
)
def test_a_change_of_a_did_is_told(changes, lines):
    assert lines_of(PLAN, replace(PLAN, dids=(replace(SALES, **changes),))) == lines


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ({"name": "Menu"}, [("Name", "Main menu", "Menu")]),
        (
            {"greeting": Prompt(recording="hi.wav")},
            [("Greeting", "“Welcome.”", "Play hi.wav")],
        ),
        (
            {"keys": {"3": HANGUP, "2": MENU, "1": GENERAL}},
            [("Key 2", "Queue vip", "back to the menu"), ("Key 3", "", "hang up")],
        ),
        ({"keys": {"1": GENERAL}}, [("Key 2", "Queue vip", "")]),
        ({"no_key": HANGUP}, [("No key", "Queue general", "hang up")]),
        ({"wrong_key": HANGUP}, [("Wrong key", "back to the menu", "hang up")]),
        ({"loops": 2, "timeout": 9}, [("Loops", "3", "2"), ("Wait for a key", "4 s", "9 s")]),
        ({"voice": Voice("Polly.Vicki", "de-DE")}, [("Voice", "", "Polly.Vicki, de-DE")]),
    ],
)
def test_a_change_of_an_ivr_is_told(changes, lines):
    assert lines_of(PLAN, replace(PLAN, ivrs=(replace(MAIN, **changes),))) == lines


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ({"field": "Level"}, [("CRM Field Name", "Tier", "Level")]),
        ({"location": Location.IVR}, [("Location", "DID", "IVR")]),
        (
            {"find_by": FindBy.DIGITS, "search_field": "AccountNo"},
            [
                ("Find the caller by", "the number they call from", "digits they key in"),
                ("Field to search", "", "AccountNo"),
            ],
        ),
        (
            {"greeting": Prompt("Please hold.")},
            [("Greeting Instructions", "", "“Please hold.”")],
        ),
        ({"integration": "gone"}, [("CRM To Use", "Odoo", "gone")]),
        ({"module": "Leads"}, [("CRM Modules", "Contacts", "Leads")]),
        (
            {"conditions": (SILVER, GOLD)},
            [
                ("Condition 1", "= Gold → Queue vip", "= Silver → IVR 801"),
                ("Condition 2", "", "= Gold → Queue vip"),
            ],
        ),
        ({"conditions": ()}, [("Condition 1", "= Gold → Queue vip", "")]),
        (
            {"conditions": (GOLD, SILVER), "budget": Decimal(5)},
            [("Condition 2", "", "= Silver → IVR 801"), ("Budget", "3 s", "5 s")],
        ),
        (
            {"outcomes": {**CUSTOMERS.outcomes, Outcome.FAILED: VIP}},
            [("CRM failed", "Queue general", "Queue vip")],
        ),
        ({"after_recording": VIP}, [("After the recording", "hang up", "Queue vip")]),
        ({"budget": Decimal("0.5")}, [("Budget", "3 s", "0.5 s")]),
        ({"fresh": 60}, [("An answer counts for", "5 minutes", "1 minute")]),
        (
            {"fresh": 0},
            [("An answer counts for", "5 minutes", "no other call: ask anew each time")],
        ),
        (
            {"stale": 0},
            [
                (
                    "If the CRM fails, take an older answer",
                    "up to 1 hour old",
                    "none: the call goes where “CRM failed” leads",
                )
            ],
        ),
        ({"voice": Voice("Polly.Vicki", "de-DE")}, [("Voice", "", "Polly.Vicki, de-DE")]),
    ],
)
def test_a_change_of_a_rule_is_told(changes, lines):
    assert lines_of(PLAN, replace(PLAN, rules=(replace(CUSTOMERS, **changes),))) == lines


def test_a_recording_tells_by_its_hash_that_its_content_changed():
    new = replace(OFFER, hash="cd" * 32)

    assert lines_of(PLAN, replace(PLAN, recordings=(new,))) == [("Content", "abababab", "cdcdcdcd")]


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ({"name": "Odoo 2"}, [("Name", "Odoo", "Odoo 2")]),
        ({"url": ""}, [("CRM URL", "odoo.example.com", "")]),
        (
            {"url": "https://odoo.example.com?key=1"},
            [("CRM URL", "odoo.example.com", "odoo.example.com?…")],
        ),
        (
            {"url": "http://odoo.example.com"},
            [("CRM URL", "odoo.example.com", "odoo.example.com (a hidden part changed)")],
        ),
        (
            {"options": {"database": "main", "user_name": "me"}},
            [("User name", "", "me")],
        ),
        ({"options": {}}, [("Database", "main", "")]),
    ],
)
def test_a_change_of_a_shared_integration_is_its_own(changes, lines):
    new = replace(PLAN, integrations=(replace(ODOO, **changes),))

    assert lines_of(PLAN, new) == lines
    assert diff(PLAN, new)[0].kind is Integration


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        (
            {"url": "https://crm.example.com/find?key=2"},
            [
                (
                    "CRM URL",
                    "crm.example.com/find?…",
                    "crm.example.com/find?… (its query changed)",
                )
            ],
        ),
        ({"options": {"header_name": "X-Token"}}, [("Header name", "X-Key", "X-Token")]),
        ({"name": "Own settings"}, [("CRM To Use", "Custom URL", "Own settings")]),
    ],
)
def test_a_change_of_a_private_integration_is_one_of_its_rule(changes, lines):
    assert lines_of(OWNED, owned(**changes)) == lines
    assert diff(OWNED, owned(**changes))[0].title == "CRM rule VIP customers"


def test_a_rule_that_gets_settings_of_its_own_tells_them_all():
    assert lines_of(PLAN, OWNED) == [
        ("CRM To Use", "Odoo", "Custom URL"),
        ("CRM URL", "", "crm.example.com/find?…"),
        ("Header name", "", "X-Key"),
    ]


def test_a_rule_that_gives_its_own_settings_up_tells_so_and_nobody_else_does():
    assert lines_of(OWNED, PLAN) == [
        ("CRM To Use", "Custom URL", "Odoo"),
        ("CRM URL", "crm.example.com/find?…", ""),
        ("Header name", "X-Key", ""),
    ]


def test_a_private_integration_that_no_rule_points_at_is_not_told():
    assert diff(PLAN, replace(PLAN, integrations=(ODOO, OWN))) == ()
    assert diff(replace(PLAN, integrations=(ODOO, OWN)), PLAN) == ()


def test_a_rule_does_not_change_with_the_shared_integration_it_asks():
    renamed = replace(PLAN, integrations=(replace(ODOO, name="Odoo 2"),))

    assert [change.title for change in diff(PLAN, renamed)] == ["Integration Odoo 2"]


def test_a_part_under_another_key_is_another_part():
    changes = diff(PLAN, replace(PLAN, queues=(Queue("general"), Queue("gold"))))

    assert [str(change.what) for change in changes] == ["removed", "added"]
    assert [change.title for change in changes] == ["Queue vip", "Queue gold"]


def test_what_has_no_words_for_its_difference_still_counts_as_changed():
    apart = replace(CUSTOMERS, conditions=(Condition(Operator.ONE_OF, ("a, b",), VIP),))
    joined = replace(CUSTOMERS, conditions=(Condition(Operator.ONE_OF, ("a", "b"), VIP),))

    assert lines_of(replace(PLAN, rules=(apart,)), replace(PLAN, rules=(joined,))) == []


_names = st.sampled_from(["a", "b", "c"])
_destinations = st.builds(Destination, st.sampled_from(DestinationKind), _names)
_prompts = st.builds(Prompt, _names) | st.builds(Prompt, recording=_names)
_options = st.dictionaries(_names, _names)
_parts = {
    "dids": st.builds(Did, _names, _names, _destinations, st.none() | _destinations),
    "ivrs": st.builds(
        Ivr,
        number=_names,
        name=_names,
        greeting=_prompts,
        keys=st.dictionaries(st.sampled_from("12*#"), _destinations),
        no_key=_destinations,
        loops=st.integers(1, 3),
    ),
    "rules": st.builds(
        Rule,
        name=_names,
        location=st.sampled_from(Location),
        integration=_names,
        module=_names,
        field=_names,
        conditions=st.lists(
            st.builds(
                Condition, st.sampled_from(Operator), st.tuples(_names, _names), _destinations
            ),
            max_size=2,
        ).map(tuple),
        outcomes=st.dictionaries(st.sampled_from(Outcome), _destinations),
    ),
    "queues": st.builds(Queue, _names),
    "recordings": st.builds(Recording, _names, _names, _names),
    "integrations": st.builds(
        Integration, _names, _names, _names, _names, _options, is_private=st.booleans()
    ),
}


_KEYS = {"dids": "number", "ivrs": "number", "integrations": "key"}
_plans = st.builds(
    Plan,
    installation=st.builds(Installation, _destinations),
    **{
        name: st.lists(part, max_size=3, unique_by=attrgetter(_KEYS.get(name, "name"))).map(tuple)
        for name, part in _parts.items()
    },
)


@given(_plans)
def test_a_plan_does_not_differ_from_itself_in_whatever_order(plan):
    turned = replace(
        plan,
        rules=plan.rules[::-1],
        ivrs=tuple(replace(one, keys=dict(reversed(one.keys.items()))) for one in plan.ivrs),
    )

    assert diff(plan, plan) == diff(plan, turned) == ()


@given(_plans, _plans)
def test_what_is_added_one_way_is_removed_the_other_way(one, other):
    turned = {What.ADDED: What.REMOVED, What.REMOVED: What.ADDED, What.CHANGED: What.CHANGED}

    forth = {(change.kind, change.key, change.what) for change in diff(one, other)}
    back = {(change.kind, change.key, turned[change.what]) for change in diff(other, one)}

    assert forth == back


@given(_plans, _plans)
def test_a_line_tells_a_difference_and_each_label_once(one, other):
    for change in diff(one, other):
        labels = [line.label for line in change.lines]
        assert len(labels) == len(set(labels))
        assert all(line.before != line.after for line in change.lines)


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        (
            {},
            {"then_modules": ("Leads", "Accounts")},
            [("CRM Modules", "Contacts", "Contacts, then Leads, then Accounts")],
        ),
        (
            {"then_modules": ("Leads",)},
            {"module": "Leads", "then_modules": ("Contacts",)},
            [("CRM Modules", "Contacts, then Leads", "Leads, then Contacts")],
        ),
        ({}, {"prefer": Prefer.NEWEST}, [("If several are found", "none", "the newest")]),
        (
            {"prefer": Prefer.HIGHEST, "prefer_field": "Balance"},
            {"prefer": Prefer.LOWEST, "prefer_field": "Balance"},
            [
                (
                    "If several are found",
                    "the one with the highest Balance",
                    "the one with the lowest Balance",
                )
            ],
        ),
        (
            {"prefer": Prefer.HIGHEST, "prefer_field": "Balance"},
            {"prefer": Prefer.HIGHEST, "prefer_field": "Tier"},
            [
                (
                    "If several are found",
                    "the one with the highest Balance",
                    "the one with the highest Tier",
                )
            ],
        ),
        ({"prefer": Prefer.NEWEST}, {}, [("If several are found", "the newest", "none")]),
    ],
)
def test_a_change_of_modules_or_preference_is_told(before, after, lines):
    old, new = (replace(PLAN, rules=(replace(CUSTOMERS, **one),)) for one in (before, after))

    assert lines_of(old, new) == lines


def test_a_new_rule_tells_its_preference_and_all_its_modules():
    new = replace(
        CUSTOMERS, name="Newest", then_modules=("Leads",), prefer=Prefer.NEWEST, field_type="text"
    )

    (change,) = diff(PLAN, replace(PLAN, rules=(CUSTOMERS, new)))

    assert Line("If several are found", "", "the newest") in change.lines
    assert Line("CRM Modules", "", "Contacts, then Leads") in change.lines
