"""The sentences in which a rule says what it does."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from tests.conftest import settings
from tests.databases import engine_for
from voiceapp import config
from voiceapp.demo import load_demo
from voiceapp.extensions import db
from voiceapp.recordings import RecordingStore
from voiceapp.routing import draft
from voiceapp.rules.operators import OPERANDS, Operator
from voiceapp.rules.plan import Did, Installation, Integration, Ivr, Plan
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
    outcomes_for,
)
from voiceapp.rules.words import ASKS, PREFERRED, Name, in_words, plain, short, shown_address


def to(kind: str, option: str = "") -> Destination:
    return Destination(DestinationKind(kind), option)


def when(operator: Operator, *values: str, to: Destination) -> Condition:
    return Condition(operator, values, to)


GENERAL, VIP, MENU = to("queue", "general"), to("queue", "vip"), to("menu")
TO_TIERS = to("rule", "Tiers")
TIERS = Rule(
    name="Tiers",
    location=Location.DID,
    integration="odoo",
    module="Contacts",
    field="Tier",
    conditions=(when(Operator.EQUAL, "Gold", to=VIP),),
    outcomes=dict.fromkeys(outcomes_for(FindBy.CALLER), GENERAL),
    stale=0,
)
ON_KEYS = replace(TIERS, location=Location.IVR)
SALES, SUPPORT = Did("+12025550180", "Sales", TO_TIERS), Did("+12025550181", "Support", TO_TIERS)
MAIN = Ivr("801", "Main menu", Prompt("Welcome."), {"1": VIP, "2": TO_TIERS}, no_key=MENU)
ACCOUNTS = Ivr("802", "Accounts", Prompt("Welcome."), {"1": TO_TIERS}, no_key=MENU)
PLAN = Plan(
    installation=Installation(safe=GENERAL),
    dids=(SALES,),
    ivrs=(replace(MAIN, keys={}),),
    integrations=(Integration("odoo", "Odoo", "odoo"),),
)
ON_KEY_2 = replace(PLAN, dids=(), ivrs=(MAIN,))

LOOKED_UP = "look them up by their number in Contacts of Odoo."
REST = [
    "Otherwise → Queue general.",
    "Not found, several found, withheld or CRM failed → Queue general.",
]
OLDER = "CRM failed → what it said up to 1 hour ago, else Queue general."


def said(rule: Rule, plan: Plan = PLAN) -> list[str]:
    """Return what a rule says, without the last sentence: how often the CRM is asked."""
    return [plain(words) for words in in_words(rule, plan)][:-1]


@pytest.fixture
def demo_plan(sqlite_url: str, tmp_path: Path) -> Iterator[Plan]:
    with engine_for(sqlite_url) as engine, Session(engine) as session:
        db.metadata.create_all(engine)
        load_demo(session, RecordingStore(engine, tmp_path), config.load(settings(tmp_path)))
        yield draft.read(session)


def test_the_rules_of_the_demo_say_themselves(demo_plan):
    assert [said(rule, demo_plan) for rule in demo_plan.rules] == [
        [
            "When somebody calls Sales, look them up by their number in Contacts of Directory.",
            "If Tier is Gold → Queue vip.",
            "If it is Silver → IVR 801 Main menu.",
            "If it is Bronze → Play bronze-offer.wav.",
            "Otherwise → Queue general.",
            "Not found or several found → Queue general.",
            "Withheld → IVR 801 Main menu.",
            "CRM failed → what it said up to 1 hour ago, else Queue overflow.",
            "After the recording: hang up.",
        ],
        [
            "When somebody presses 2 in IVR 801 Main menu, say “Please hold while we look up your"
            " account”, then look them up by their number in Contacts of Directory.",
            "If Balance is 1000 or more → Queue vip.",
            "If it is more than 0 → Queue billing.",
            "If it is 0 or less → Play thank-you.wav.",
            "Otherwise → Queue general.",
            "Not found, several found or withheld → Queue general.",
            OLDER,
        ],
        [
            "When somebody presses 1 in IVR 802 Accounts menu, say “Please key in your account"
            " number, then press the hash key”, ask for digits and look up who has them in"
            " AccountNo in Contacts of Directory.",
            "If Tier is Gold → Queue vip.",
            "Otherwise → Queue general.",
            "Not found, several found or nothing keyed → Queue general.",
            OLDER,
        ],
    ]


def test_the_rules_of_the_demo_say_themselves_in_one_line(demo_plan):
    assert [short(rule) for rule in demo_plan.rules] == [
        "Gold → vip · Silver → 801 · Bronze → bronze-offer.wav · otherwise general",
        "≥ 1000 → vip · > 0 → billing · ≤ 0 → thank-you.wav · otherwise general",
        "Gold → vip · otherwise general",
    ]


def test_names_are_strong_and_linked_where_they_lead_to_a_part():
    menu = to("ivr", "801")
    rule = replace(TIERS, conditions=(when(Operator.EQUAL, "Gold", to=menu),))

    question, condition, *_ = in_words(rule, PLAN)

    assert [word for word in question if isinstance(word, Name)] == [
        Name("Sales"),
        Name("Contacts"),
        Name("Odoo"),
    ]
    assert [word for word in condition if isinstance(word, Name)] == [
        Name("Tier"),
        Name("Gold"),
        Name("801 Main menu", menu),
    ]


def test_a_number_that_is_dialled_is_strong_but_leads_to_no_part():
    rule = replace(TIERS, outcomes={Outcome.NO_CONDITION: to("dial", "+12025550100")})

    assert in_words(rule, PLAN)[2] == ("Otherwise → ", "Dial ", Name("+12025550100"), ".")


@pytest.mark.parametrize(
    ("dids", "ivrs", "occasion"),
    [
        ((SALES, SUPPORT), (), "When somebody calls Sales or Support, "),
        ((replace(SALES, name=""),), (), "When somebody calls +12025550180, "),
        (
            tuple(Did(f"+1202555018{n}", f"N{n}", TO_TIERS) for n in range(9)),
            (),
            "When somebody calls N0, N1, N2, N3 or 5 others, ",
        ),
        ((), (MAIN,), "When somebody presses 2 in IVR 801 Main menu, "),
        (
            (),
            (replace(MAIN, keys={"*": TO_TIERS}, no_key=TO_TIERS, wrong_key=TO_TIERS),),
            "When somebody presses *, nothing or a wrong key in IVR 801 Main menu, ",
        ),
        (
            (),
            (MAIN, ACCOUNTS),
            "When somebody presses 2 in IVR 801 Main menu or 1 in IVR 802 Accounts, ",
        ),
        (
            (),
            tuple(replace(ACCOUNTS, number=str(n), name="") for n in range(1, 8)),
            "When somebody presses 1 in IVR 1, 1 in IVR 2, 1 in IVR 3, 1 in IVR 4"
            " or 3 keys in other IVRs, ",
        ),
        (
            (SALES,),
            (replace(MAIN, keys={}, no_key=TO_TIERS),),
            "When somebody calls Sales or presses nothing in IVR 801 Main menu, ",
        ),
    ],
)
def test_a_rule_says_when_it_is_asked(dids, ivrs, occasion):
    plan = replace(PLAN, dids=dids, ivrs=ivrs)

    assert said(TIERS, plan)[0] == occasion + LOOKED_UP


@pytest.mark.parametrize("name", ["Unused", ""])
def test_a_rule_that_nobody_uses_says_so(name):
    undecided = Did("+12025550182", "Accounts", to("rule"))
    plan = replace(PLAN, dids=(SALES, undecided))

    assert said(replace(TIERS, name=name), plan)[0] == (
        "When a call comes to this rule, look up the caller by their number in Contacts of Odoo."
    )


@pytest.mark.parametrize(
    ("greeting", "heard"),
    [
        (Prompt(), ""),
        (Prompt("  \n"), ""),
        (Prompt("Please hold."), "say “Please hold”, then "),
        (Prompt("Please\nhold …"), "say “Please hold …”, then "),
        (Prompt("a" * 80), f"say “{'a' * 80}”, then "),
        (Prompt("a" * 81), f"say “{'a' * 79}…”, then "),
        (Prompt(recording="hold.wav"), "play hold.wav, then "),
    ],
)
def test_an_announcement_is_said_before_the_look_up(greeting, heard):
    first = said(replace(ON_KEYS, greeting=greeting), ON_KEY_2)[0]

    assert first == f"When somebody presses 2 in IVR 801 Main menu, {heard}{LOOKED_UP}"


def test_a_rule_of_a_did_says_no_greeting():
    assert said(replace(TIERS, greeting=Prompt("Please hold.")))[0] == (
        f"When somebody calls Sales, {LOOKED_UP}"
    )


@pytest.mark.parametrize(
    ("changes", "asked"),
    [
        (
            {"search_field": "AccountNo", "greeting": Prompt(recording="number.wav")},
            "play number.wav, ask for digits and look up who has them in AccountNo in ",
        ),
        (
            {"search_field": "AccountNo"},
            "ask for digits and look up who has them in AccountNo in ",
        ),
        ({}, "ask for digits and look up who has them in … in "),
    ],
)
def test_a_rule_that_asks_for_digits_says_where_they_are_searched(changes, asked):
    rule = replace(ON_KEYS, find_by=FindBy.DIGITS, **changes)

    assert said(rule, ON_KEY_2)[0] == (
        f"When somebody presses 2 in IVR 801 Main menu, {asked}Contacts of Odoo."
    )


@pytest.mark.parametrize(
    ("changes", "crm"),
    [
        ({"integration": "gone"}, "Contacts of the CRM."),
        ({"integration": "", "module": ""}, "the CRM."),
        ({"integration": "shop", "module": ""}, "Web shop."),
        ({"integration": "own", "module": ""}, "crm.example.com/find?…"),
    ],
)
def test_a_rule_says_which_crm_it_asks(changes, crm):
    shop = Integration("shop", "Web shop", "custom")
    own = Integration("own", "", "custom", "https://crm.example.com/find?key=1", is_private=True)
    plan = replace(PLAN, integrations=(shop, own))

    assert said(replace(TIERS, **changes), plan)[0] == (
        f"When somebody calls Sales, look them up by their number in {crm}"
    )


@pytest.mark.parametrize(
    ("operator", "values", "asked", "brief"),
    [
        (Operator.LESS, ("5",), "is less than 5", "< 5"),
        (Operator.GREATER, ("0",), "is more than 0", "> 0"),
        (Operator.EQUAL, (" Gold ",), "is Gold", "Gold"),
        (Operator.AT_MOST, ("0",), "is 0 or less", "≤ 0"),
        (Operator.AT_LEAST, ("1000",), "is 1000 or more", "≥ 1000"),
        (Operator.IS_NOT, ("Gold",), "is not Gold", "is not Gold"),
        (Operator.CONTAINS, ("Gold",), "contains Gold", "contains Gold"),
        (Operator.STARTS_WITH, ("Go",), "starts with Go", "starts with Go"),
        (Operator.ONE_OF, ("A",), "is one of A", "is one of A"),
        (Operator.ONE_OF, ("A", "B", "C"), "is one of A, B or C", "is one of A, B or C"),
        (
            Operator.ONE_OF,
            tuple("ABCDEFG"),
            "is one of A, B, C, D or 3 others",
            "is one of A, B, C, D or 3 others",
        ),
        (Operator.BETWEEN, ("1", "5"), "is between 1 and 5", "between 1 and 5"),
        (Operator.EMPTY, (), "is empty", "is empty"),
        (Operator.EMPTY, ("left over",), "is empty", "is empty"),
        (Operator.NOT_EMPTY, (), "is not empty", "is not empty"),
        (Operator.EQUAL, (), "is …", "…"),
        (Operator.AT_LEAST, ("",), "is … or more", "≥ …"),
        (Operator.BETWEEN, ("1",), "is between 1 and …", "between 1 and …"),
        (Operator.ONE_OF, (), "is one of …", "is one of …"),
        (Operator.EQUAL, ("x" * 90,), f"is {'x' * 79}…", f"{'x' * 79}…"),
    ],
)
def test_a_condition_says_what_it_asks(operator, values, asked, brief):
    rule = replace(TIERS, conditions=(when(operator, *values, to=VIP),))

    assert said(rule)[1] == f"If Tier {asked} → Queue vip."
    assert short(rule) == f"{brief} → vip · otherwise general"


def test_every_operator_has_its_words():
    assert set(ASKS) == set(Operator) == set(OPERANDS)


@pytest.mark.parametrize(
    ("destination", "led", "brief"),
    [
        (to("queue"), "Queue …", "…"),
        (to("ivr"), "IVR …", "…"),
        (to("ivr", "999"), "IVR 999.", "999"),
        (to("recording", "offer.wav"), "Play offer.wav.", "offer.wav"),
        (to("dial", "+12025550100"), "Dial +12025550100.", "+12025550100"),
        (to("hangup"), "hang up.", "hang up"),
        (MENU, "back to the menu.", "back to the menu"),
    ],
)
def test_a_destination_is_said_even_when_it_is_not_chosen_yet(destination, led, brief):
    rule = replace(ON_KEYS, outcomes={Outcome.NO_CONDITION: destination})

    assert said(rule, ON_KEY_2)[2:] == [
        f"Otherwise → {led}",
        "Not found, several found, withheld or CRM failed → …",
    ]
    assert short(rule) == f"Gold → vip · otherwise {brief}"


def test_outcomes_that_lead_to_the_same_place_are_joined():
    outcomes = TIERS.outcomes | {Outcome.SEVERAL: VIP, Outcome.FAILED: VIP}

    assert said(replace(TIERS, outcomes=outcomes))[2:] == [
        "Otherwise → Queue general.",
        "Not found or withheld → Queue general.",
        "Several found or CRM failed → Queue vip.",
    ]


def test_a_rule_with_nothing_filled_in_still_reads():
    blank = Rule("", Location.DID, "", "", "", (), {})

    assert said(blank) == [
        "When a call comes to this rule, look up the caller by their number in the CRM.",
        "Found → …",
        "Not found, several found or withheld → …",
        "CRM failed → what it said up to 1 hour ago, else …",
    ]
    assert short(blank) == "otherwise …"


def test_a_condition_without_a_field_still_reads():
    assert said(replace(TIERS, field=""))[1] == "If … is Gold → Queue vip."


@pytest.mark.parametrize(
    ("changes", "last"),
    [
        ({}, REST[-1]),
        ({"after_recording": VIP}, REST[-1]),
        ({"budget": Decimal("3.0")}, REST[-1]),
        ({"budget": Decimal(5)}, "The CRM has 5 s to answer."),
        ({"budget": Decimal("0.50")}, "The CRM has 0.5 s to answer."),
        (
            {
                "conditions": (when(Operator.EQUAL, "Gold", to=to("recording", "offer.wav")),),
                "after_recording": VIP,
            },
            "After the recording: Queue vip.",
        ),
    ],
)
def test_what_is_unusual_comes_last(changes, last):
    assert said(replace(TIERS, **changes))[-1] == last


@pytest.mark.parametrize(
    ("fresh", "is_live", "last"),
    [
        (300, False, "What the CRM said of a caller counts for 5 minutes."),
        (0, False, "The CRM is asked anew for each call."),
        (300, True, "The CRM is asked anew for each call."),
    ],
)
def test_the_very_last_is_how_often_the_crm_is_asked(fresh, is_live, last):
    rule = replace(TIERS, fresh=fresh, budget=Decimal(5))

    assert plain(in_words(rule, PLAN, is_live=is_live)[-1]) == last


def test_what_stands_in_for_a_crm_that_fails_is_said_before_where_the_call_goes():
    assert said(replace(TIERS, stale=604_800))[-2:] == [
        "Not found, several found or withheld → Queue general.",
        "CRM failed → what it said up to 7 days ago, else Queue general.",
    ]


@pytest.mark.parametrize(("fresh", "stale"), [(3600, 3600), (86_400, 300)])
def test_what_counts_longer_than_it_may_stand_in_is_remarked(fresh, stale):
    sentences = said(rule := replace(TIERS, fresh=fresh, stale=stale))

    assert sentences[-1] == REST[-1]
    assert plain(in_words(rule, PLAN)[-1]).endswith("; nothing older stands in if it fails.")
    assert "CRM failed → what it said" in plain(in_words(rule, PLAN, is_live=True)[-2])


def test_where_a_menu_plays_a_recording_nothing_is_said_of_what_follows():
    outcomes = dict.fromkeys(outcomes_for(FindBy.CALLER), to("recording", "offer.wav"))

    assert said(replace(ON_KEYS, outcomes=outcomes), ON_KEY_2)[-1] == (
        "Not found, several found, withheld or CRM failed → Play offer.wav."
    )


@pytest.mark.parametrize(("count", "more"), [(4, ""), (5, "… · "), (40, "… · ")])
def test_one_line_has_four_conditions(count, more):
    conditions = tuple(when(Operator.EQUAL, str(n), to=VIP) for n in range(count))

    assert short(replace(TIERS, conditions=conditions)) == (
        f"0 → vip · 1 → vip · 2 → vip · 3 → vip · {more}otherwise general"
    )


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://crm.example.com", "crm.example.com"),
        ("https://crm.example.com:8443/find/{caller}", "crm.example.com:8443/find/{caller}"),
        ("https://crm.example.com/find?key=secret&who={caller}", "crm.example.com/find?…"),
        ("https://me:secret@crm.example.com/#secret", "crm.example.com/"),
        ("https://a@b:secret@crm.example.com/", "crm.example.com/"),
        ("https://[2001:db8::1]/find", "[2001:db8::1]/find"),
        ("https://me:secret", "…"),
        ("https://[crm", "…"),
        ("https://crm:99999/", "…"),
        ("https:///find?key=secret", "…"),
        ("crm.example.com?key=secret", "…"),
        ("", "…"),
    ],
)
def test_an_address_is_shown_without_what_may_be_secret(url, shown):
    assert shown_address(url) == shown


@given(st.text(st.characters()) | st.text("htps:/[]@?#%.℀1", max_size=20).map("https://{}".format))
def test_any_text_can_be_shown_as_an_address(url):
    assert shown_address(url).partition("?")[2] in ("", "…")


_texts = st.text(max_size=3)
_destinations = st.builds(Destination, st.sampled_from(DestinationKind), _texts)
_conditions = st.builds(
    Condition, st.sampled_from(Operator), st.lists(_texts).map(tuple), _destinations
)
_rules = st.builds(
    Rule,
    name=_texts,
    location=st.sampled_from(Location),
    integration=_texts,
    module=_texts,
    field=_texts,
    conditions=st.lists(_conditions, max_size=3).map(tuple),
    outcomes=st.dictionaries(st.sampled_from(Outcome), _destinations),
    find_by=st.sampled_from(FindBy),
    budget=st.decimals("0.5", "8"),
)


@given(_rules)
def test_whatever_is_typed_each_condition_has_its_sentence_and_each_sentence_its_end(rule):
    sentences = said(rule)

    assert sum(sentence.startswith("If ") for sentence in sentences) == len(rule.conditions)
    assert all(sentence.endswith((".", "…")) for sentence in sentences)


@pytest.mark.parametrize(
    ("module", "then_modules", "searched"),
    [
        ("Contacts", (), "Contacts of Odoo"),
        ("Contacts", ("Leads",), "Contacts, then Leads of Odoo"),
        ("Contacts", ("Leads", "Accounts"), "Contacts, then Leads, then Accounts of Odoo"),
        ("Contacts", ("",), "Contacts, then … of Odoo"),
        ("", (), "Odoo"),
    ],
)
def test_modules_are_said_in_the_order_they_are_searched(module, then_modules, searched):
    rule = replace(TIERS, module=module, then_modules=then_modules)
    keyed = replace(rule, find_by=FindBy.DIGITS, search_field="No")

    called = "When somebody calls Sales,"
    assert said(rule)[0] == f"{called} look them up by their number in {searched}."
    assert (
        said(keyed)[0] == f"{called} ask for digits and look up who has them in No in {searched}."
    )


def test_every_preference_has_words():
    assert set(PREFERRED) == set(Prefer)


@pytest.mark.parametrize(
    ("prefer", "field", "counts"),
    [
        (Prefer.NEWEST, "", "the newest"),
        (Prefer.HIGHEST, "Balance", "the one with the highest Balance"),
        (Prefer.LOWEST, "{}{0}", "the one with the lowest {}{0}"),
        (Prefer.LOWEST, "", "the one with the lowest …"),
    ],
)
def test_which_of_several_records_counts_is_said_after_the_outcomes(prefer, field, counts):
    rule = replace(TIERS, prefer=prefer, prefer_field=field, budget=Decimal(5))

    assert said(rule)[-3:] == [
        REST[-1],
        f"Of several records {counts} counts.",
        "The CRM has 5 s to answer.",
    ]


def test_without_a_preference_nothing_is_said_of_one():
    assert said(replace(TIERS, prefer_field="Balance")) == said(TIERS)


@given(_rules, st.sampled_from(Prefer), _texts, st.lists(_texts, max_size=3).map(tuple))
def test_whatever_is_preferred_each_sentence_has_its_end(rule, prefer, field, then_modules):
    preferring = replace(rule, prefer=prefer, prefer_field=field, then_modules=then_modules)

    assert all(sentence.endswith((".", "…")) for sentence in said(preferring))
    assert len(said(preferring)) - len(said(rule)) == (prefer is not Prefer.NONE)
