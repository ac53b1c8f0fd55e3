"""Who refers to what: every place is found, said as admins say it, and follows a new name."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceapp.rules.operators import Operator
from voiceapp.rules.plan import (
    NO_KEY,
    WRONG_KEY,
    Did,
    Installation,
    Integration,
    Ivr,
    Plan,
    Queue,
    Recording,
)
from voiceapp.rules.rule import (
    Condition,
    Destination,
    DestinationKind,
    Location,
    Outcome,
    Prompt,
    Rule,
)
from voiceapp.rules.uses import Use, all_uses, renamed, rules_asking, title, uses


def to(kind: str, option: str = "") -> Destination:
    return Destination(DestinationKind(kind), option)


GENERAL, VIP, MENU, HANGUP = to("queue", "general"), to("queue", "vip"), to("menu"), to("hangup")
SALES = Did("+12025550180", "Sales", to("rule", "VIP customers"))
SUPPORT = Did("+12025550181", "Support", to("ivr", "801"), safe=VIP)
MAIN = Ivr(
    "801",
    "Main menu",
    Prompt(recording="welcome.wav"),
    {"9": HANGUP, "2": to("rule", "Balance check"), "1": VIP},
    no_key=VIP,
)
CUSTOMERS = Rule(
    name="VIP customers",
    location=Location.DID,
    integration="odoo",
    module="Contacts",
    field="Tier",
    conditions=(
        Condition(Operator.EQUAL, ("Gold",), VIP),
        Condition(Operator.EQUAL, ("Silver",), to("ivr", "801")),
        Condition(Operator.EQUAL, ("Bronze",), to("recording", "offer.wav")),
    ),
    outcomes={Outcome.FAILED: VIP, Outcome.NO_CONDITION: GENERAL, Outcome.NOT_FOUND: VIP},
    after_recording=VIP,
)
BALANCE = replace(
    CUSTOMERS,
    name="Balance check",
    location=Location.IVR,
    integration="directory",
    conditions=(),
    outcomes={Outcome.NO_CONDITION: MENU},
    greeting=Prompt(recording="welcome.wav"),
    after_recording=HANGUP,
)
SETTINGS = Installation(safe=GENERAL)
PLAN = Plan(
    installation=SETTINGS,
    dids=(SALES, SUPPORT),
    ivrs=(MAIN,),
    rules=(CUSTOMERS, BALANCE),
    queues=(Queue("general"), Queue("vip")),
    recordings=(Recording("welcome.wav", "ab" * 32, "audio/wav"),),
    integrations=(Integration("odoo", "Odoo", "odoo"),),
)


@pytest.mark.parametrize(
    ("kind", "name", "places"),
    [
        (
            "queue",
            "general",
            ["the safe destination", "“no condition matched” of CRM rule VIP customers"],
        ),
        (
            "queue",
            "vip",
            [
                "safe destination of DID +12025550181 Support",
                "key 1 of IVR 801 Main menu",
                "no key of IVR 801 Main menu",
                "condition 1 of CRM rule VIP customers",
                "“not found” of CRM rule VIP customers",
                "“CRM failed” of CRM rule VIP customers",
                "“after the recording” of CRM rule VIP customers",
            ],
        ),
        (
            "ivr",
            "801",
            ["DID +12025550181 Support", "condition 2 of CRM rule VIP customers"],
        ),
        ("recording", "offer.wav", ["condition 3 of CRM rule VIP customers"]),
        (
            "recording",
            "welcome.wav",
            ["greeting of IVR 801 Main menu", "Greeting Instructions of CRM rule Balance check"],
        ),
        ("rule", "VIP customers", ["DID +12025550180 Sales"]),
        ("rule", "Balance check", ["key 2 of IVR 801 Main menu"]),
        ("queue", "billing", []),
        ("ivr", "general", []),
    ],
)
def test_every_place_that_names_something_is_told(kind, name, places):
    assert [str(use) for use in uses(PLAN, DestinationKind(kind), name)] == places


def test_a_use_tells_the_part_and_its_slot():
    assert uses(PLAN, DestinationKind.IVR, "801") == (
        Use(SUPPORT, "Destination"),
        Use(CUSTOMERS, "Condition 2"),
    )


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("*", "key * of IVR 801 Main menu"),
        (NO_KEY, "no key of IVR 801 Main menu"),
        (WRONG_KEY, "wrong key of IVR 801 Main menu"),
    ],
)
def test_every_key_of_a_menu_is_told(key, said):
    there = to("queue", "there")
    slots = {"no_key": there} if key == NO_KEY else {"wrong_key": there} if key == WRONG_KEY else {}
    ivr = replace(MAIN, keys={} if slots else {key: there}, **{"no_key": MENU, **slots})

    found = uses(Plan(SETTINGS, ivrs=(ivr,)), DestinationKind.QUEUE, "there")

    assert [str(use) for use in found] == [said]


def test_only_queues_ivrs_recordings_and_rules_are_named():
    dialled = replace(SALES, destination=to("dial", "+12025550100"))
    spoken = replace(SETTINGS, safe=to("say", "Goodbye."))
    unchosen = replace(SUPPORT, destination=to("queue"), safe=None)
    spoken_menu = Ivr("801", "", Prompt("Welcome."), {"1": HANGUP}, no_key=MENU)

    assert all_uses(Plan(spoken, (dialled, unchosen), (spoken_menu,))) == {}


def test_all_uses_are_those_of_each():
    every = all_uses(PLAN)

    assert len(every) == 7
    assert all(places == uses(PLAN, kind, name) for (kind, name), places in every.items())


@pytest.mark.parametrize(
    ("part", "kind", "old", "expected"),
    [
        (SALES, "rule", "VIP customers", replace(SALES, destination=to("rule", "new"))),
        (SUPPORT, "queue", "vip", replace(SUPPORT, safe=to("queue", "new"))),
        (SETTINGS, "queue", "general", Installation(safe=to("queue", "new"))),
        (MAIN, "recording", "welcome.wav", replace(MAIN, greeting=Prompt(recording="new"))),
        (
            CUSTOMERS,
            "ivr",
            "801",
            replace(
                CUSTOMERS,
                conditions=(
                    CUSTOMERS.conditions[0],
                    replace(CUSTOMERS.conditions[1], destination=to("ivr", "new")),
                    CUSTOMERS.conditions[2],
                ),
            ),
        ),
        (
            BALANCE,
            "recording",
            "welcome.wav",
            replace(BALANCE, greeting=Prompt(recording="new")),
        ),
    ],
)
def test_a_part_follows_a_new_name(part, kind, old, expected):
    assert renamed(part, DestinationKind(kind), old, "new") == expected


def test_the_keys_of_a_menu_keep_their_order_under_a_new_name():
    menu = renamed(MAIN, DestinationKind.QUEUE, "vip", "gold")

    assert list(menu.keys.items()) == [
        ("9", HANGUP),
        ("2", to("rule", "Balance check")),
        ("1", to("queue", "gold")),
    ]
    assert menu.no_key == to("queue", "gold")


@pytest.mark.parametrize("part", [SETTINGS, SALES, SUPPORT, MAIN, CUSTOMERS, BALANCE, Queue("x")])
@pytest.mark.parametrize("kind", DestinationKind)
@pytest.mark.parametrize("old", ["", "x", "Sales", "Gold", "Contacts"])
def test_a_part_that_names_nothing_of_the_kind_stays_the_very_same(part, kind, old):
    assert renamed(part, kind, old, "new") is part


@given(st.sampled_from(sorted(all_uses(PLAN))), st.text(min_size=1))
def test_what_used_the_old_name_uses_the_new_one(named, new):
    kind, old = named
    taken = {(place.part.__class__, place.slot) for place in uses(PLAN, kind, new)}
    used = {(place.part.__class__, place.slot) for place in uses(PLAN, kind, old)}

    plan = renamed(PLAN, kind, old, new)

    now = {(place.part.__class__, place.slot) for place in uses(plan, kind, new)}
    assert now == used | taken
    assert old == new or uses(plan, kind, old) == ()


def test_the_rules_that_ask_an_integration_are_told():
    assert rules_asking(PLAN, "odoo") == (CUSTOMERS,)
    assert rules_asking(PLAN, "hubspot") == ()


@pytest.mark.parametrize(
    ("part", "named"),
    [
        (SETTINGS, "Settings"),
        (SALES, "DID +12025550180 Sales"),
        (replace(SALES, name=""), "DID +12025550180"),
        (MAIN, "IVR 801 Main menu"),
        (CUSTOMERS, "CRM rule VIP customers"),
        (Queue("vip"), "Queue vip"),
        (Recording("offer.wav", "ab", "audio/wav"), "Recording offer.wav"),
        (Integration("odoo", "Odoo", "odoo"), "Integration Odoo"),
    ],
)
def test_every_part_has_a_title(part, named):
    assert title(part) == named
