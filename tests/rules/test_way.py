"""The ways that calls may take through a plan, and those that they took."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask
from hypothesis import given

from tests.rules.mazes import plans
from voiceapp.extensions import db
from voiceapp.routing import draft
from voiceapp.rules.plan import Did, Installation, Ivr, Plan, Queue, Recording
from voiceapp.rules.rule import (
    Destination,
    DestinationKind,
    FindBy,
    Location,
    Outcome,
    Prompt,
    Rule,
    outcomes_for,
)
from voiceapp.rules.way import (
    Edge,
    Node,
    Taken,
    Way,
    columns,
    taken,
    way_of,
    way_of_ivr,
    way_of_rule,
)


def to(kind: str, option: str = "") -> Destination:
    return Destination(DestinationKind(kind), option)


def place(kind: str, option: str, title: str, note: str) -> Node:
    return Node(f"{kind}:{option}", DestinationKind(kind), title, note, to(kind, option))


def leaf(id: str, kind: str, title: str, destination: Destination | None, note: str = "") -> Node:
    return Node(id, kind, title, note, destination)


SALES, SUPPORT, ACCOUNTS = range(3)

VIP = place("queue", "vip", "vip", "Queue")
GENERAL = place("queue", "general", "general", "Queue")
BILLING = place("queue", "billing", "billing", "Queue")
OVERFLOW = place("queue", "overflow", "overflow", "Queue")
OFFER = place("recording", "bronze-offer.wav", "bronze-offer.wav", "Recording")
THANKS = place("recording", "thank-you.wav", "thank-you.wav", "Recording")
CUSTOMERS = place("rule", "VIP customers", "VIP customers", "CRM rule · Tier")
BALANCE = place("rule", "Balance check", "Balance check", "CRM rule · Balance")
ACCOUNT = place("rule", "Account number", "Account number", "CRM rule · Tier")
MAIN = place("ivr", "801", "Main menu", "IVR 801")
ACCOUNTS_MENU = place("ivr", "802", "Accounts menu", "IVR 802")
HANG_UP = leaf("hangup:ivr:801", "hangup", "hang up", to("hangup"))
BACK = leaf("back:ivr:801:ivr:801", "back", "back to IVR 801", to("ivr", "801"))
BACK_TO_ACCOUNTS = leaf("back:ivr:802:ivr:802", "back", "back to IVR 802", to("ivr", "802"))

MENU_EDGES = (
    Edge(MAIN.id, GENERAL.id, ("1", "no key")),
    Edge(MAIN.id, BALANCE.id, ("2",)),
    Edge(MAIN.id, HANG_UP.id, ("9",)),
    Edge(MAIN.id, BACK.id, ("wrong key",)),
)
BALANCE_EDGES = (
    Edge(BALANCE.id, VIP.id, ("≥ 1000",)),
    Edge(BALANCE.id, BILLING.id, ("> 0",)),
    Edge(BALANCE.id, THANKS.id, ("≤ 0",)),
    Edge(
        BALANCE.id,
        GENERAL.id,
        ("no condition matched", "not found", "several found", "withheld", "CRM failed"),
    ),
)


@pytest.fixture
def demo(app: Flask) -> Iterator[Plan]:
    with app.app_context():
        yield draft.read(db.session())


def dialled(plan: Plan, number: str) -> Way:
    return way_of(next(did for did in plan.dids if did.number == number), plan)


def test_the_way_of_sales_is_told_whole(demo):
    root = leaf("did:+12025550180", "did", "Sales", None, "DID +12025550180")

    assert dialled(demo, "+12025550180") == Way(
        nodes=(
            root, CUSTOMERS, MAIN, OFFER, OVERFLOW, BALANCE, HANG_UP, BACK,
            VIP, GENERAL, BILLING, THANKS,
        ),
        edges=(
            Edge(root.id, CUSTOMERS.id),
            Edge(CUSTOMERS.id, VIP.id, ("= Gold",)),
            Edge(CUSTOMERS.id, MAIN.id, ("= Silver", "withheld")),
            Edge(CUSTOMERS.id, OFFER.id, ("= Bronze",)),
            Edge(
                CUSTOMERS.id, GENERAL.id, ("no condition matched", "not found", "several found")
            ),
            Edge(CUSTOMERS.id, OVERFLOW.id, ("CRM failed",)),
            *MENU_EDGES,
            *BALANCE_EDGES,
        ),
    )  # fmt: skip


def test_the_way_of_support_is_told_whole(demo):
    root = leaf("did:+12025550181", "did", "Support", None, "DID +12025550181")

    assert dialled(demo, "+12025550181") == Way(
        nodes=(root, MAIN, BALANCE, HANG_UP, BACK, GENERAL, VIP, BILLING, THANKS),
        edges=(Edge(root.id, MAIN.id), *MENU_EDGES, *BALANCE_EDGES),
    )


def test_the_way_of_accounts_is_told_whole(demo):
    root = leaf("did:+12025550182", "did", "Accounts", None, "DID +12025550182")
    others = ("no condition matched", "not found", "several found", "nothing keyed", "CRM failed")

    assert dialled(demo, "+12025550182") == Way(
        nodes=(root, ACCOUNTS_MENU, ACCOUNT, BACK_TO_ACCOUNTS, VIP, GENERAL),
        edges=(
            Edge(root.id, ACCOUNTS_MENU.id),
            Edge(ACCOUNTS_MENU.id, ACCOUNT.id, ("1",)),
            Edge(ACCOUNTS_MENU.id, GENERAL.id, ("no key",)),
            Edge(ACCOUNTS_MENU.id, BACK_TO_ACCOUNTS.id, ("wrong key",)),
            Edge(ACCOUNT.id, VIP.id, ("= Gold",)),
            Edge(ACCOUNT.id, GENERAL.id, others),
        ),
    )


def step(ivr="", key="", rule="", outcome="", *, destination: Destination) -> Taken:
    return Taken(ivr, key, rule, outcome, destination)


TO_MENU = step(rule="VIP customers", outcome="matched", destination=to("ivr", "801"))
PRELUDE = step("801", "2", destination=to("rule", "Balance check"))


@pytest.mark.parametrize(
    ("steps", "targets"),
    [
        ([], set()),
        (
            [step(rule="VIP customers", outcome="matched", destination=VIP.destination)],
            {CUSTOMERS.id, VIP.id},
        ),
        (
            [step(rule="VIP customers", outcome="not found", destination=GENERAL.destination)],
            {CUSTOMERS.id, GENERAL.id},
        ),
        ([TO_MENU], {CUSTOMERS.id, MAIN.id}),
        ([TO_MENU, step("801", "9", destination=to("hangup"))],
         {CUSTOMERS.id, MAIN.id, HANG_UP.id}),
        (
            [TO_MENU, step("801", "wrong", destination=to("menu"))],
            {CUSTOMERS.id, MAIN.id, BACK.id},
        ),
        (
            [TO_MENU, step("801", "none", destination=GENERAL.destination)],
            {CUSTOMERS.id, MAIN.id, GENERAL.id},
        ),
        ([TO_MENU, PRELUDE], {CUSTOMERS.id, MAIN.id, BALANCE.id}),
        (
            [
                TO_MENU,
                PRELUDE,
                step("801", "2", "Balance check", "matched", destination=BILLING.destination),
            ],
            {CUSTOMERS.id, MAIN.id, BALANCE.id, BILLING.id},
        ),
        (  # the queue did not take the call: the safe destination is no part of the way
            [
                step(rule="VIP customers", outcome="matched", destination=VIP.destination),
                step(destination=GENERAL.destination),
            ],
            {CUSTOMERS.id, VIP.id},
        ),
    ],
)  # fmt: skip
def test_a_call_took_the_edges_that_its_steps_name(demo, steps, targets):
    way = dialled(demo, "+12025550180")

    assert {edge.target for edge in taken(way, steps)} == targets


def make_rule(name: str = "Ask", **changes) -> Rule:
    rule = Rule(
        name=name,
        location=Location.DID,
        integration="directory",
        module="Contacts",
        field="Tier",
        conditions=(),
        outcomes=dict.fromkeys(outcomes_for(FindBy.CALLER), to("queue", "general")),
    )
    return replace(rule, **changes)


PLAN = Plan(
    Installation(safe=to("hangup")),
    queues=(Queue("general"),),
    recordings=(Recording("news.wav", "", "audio/wav"),),
)


def leads_to(way: Way) -> dict[str, tuple[str, str]]:
    """Return title and note of the place that each reason leads to from the root."""
    onward = way.onward(way.nodes[0])
    return {label: (node.title, node.note) for edge, node in onward for label in edge.labels}


@pytest.mark.parametrize(
    ("destination", "title", "note"),
    [
        (to("queue"), "no queue chosen", ""),
        (to("ivr"), "no IVR chosen", ""),
        (to("recording"), "no recording chosen", ""),
        (to("rule"), "no CRM rule chosen", ""),
        (to("dial"), "no number chosen", ""),
        (to("queue", "vip"), "vip", "no such queue"),
        (to("ivr", "801"), "801", "no such IVR"),
        (to("recording", "old.wav"), "old.wav", "no such recording"),
        (to("rule", "Old"), "Old", "no such CRM rule"),
    ],
)
def test_what_is_missing_says_so_and_leads_nowhere(destination, title, note):
    way = way_of(Did("+12025550180", "", destination), PLAN)

    root, missing = way.nodes
    assert (root.title, missing.kind, missing.title, missing.note) == (
        "+12025550180", "missing", title, note,
    )  # fmt: skip
    assert missing.destination is None


def test_an_outcome_without_a_destination_says_so():
    way = way_of_rule(make_rule(outcomes={Outcome.FAILED: to("dial", "+12025550199")}), PLAN)

    assert leads_to(way) == {
        **dict.fromkeys(
            ("no condition matched", "not found", "several found", "withheld"),
            ("no destination chosen", ""),
        ),
        "CRM failed": ("+12025550199", "Dial"),
    }


def test_a_rule_that_is_asked_in_a_menu_leads_back_to_it():
    menu = Ivr("801", "Main", Prompt("Press."), {"1": to("rule", "Ask")}, to("hangup"))
    outcomes = {
        **make_rule().outcomes, Outcome.NOT_FOUND: to("menu"), Outcome.FAILED: to("ivr", "801"),
    }  # fmt: skip
    rule = make_rule(location=Location.IVR, outcomes=outcomes)

    way = way_of_ivr(menu, replace(PLAN, rules=(rule,)))

    asked = next(node for node in way.nodes if node.kind == "rule")
    assert [(edge.label, node.title) for edge, node in way.onward(asked)] == [
        ("no condition matched, several found, withheld", "general"),
        ("not found", "back to the menu"),
        ("CRM failed", "back to IVR 801"),
    ]


def test_what_is_being_edited_is_drawn_as_edited():
    old = Ivr("801", "Old", Prompt("Press."), {}, to("hangup"))
    plan = replace(PLAN, ivrs=(old,))

    way = way_of_ivr(replace(old, name="New", keys={"5": to("ivr", "801")}), plan)

    assert (way.nodes[0].title, way.edges[0].labels) == ("New", ("5", "wrong key"))


def test_a_call_goes_on_from_a_recording_as_the_rule_says():
    outcomes = dict.fromkeys(outcomes_for(FindBy.CALLER), to("recording", "news.wav"))
    rule = make_rule(outcomes=outcomes, after_recording=to("queue", "general"))
    plan = replace(PLAN, rules=(rule,))
    heard = step(rule="Ask", outcome="withheld", destination=to("recording", "news.wav"))

    way = way_of(Did("+12025550180", "", to("rule", "Ask")), plan)

    onward = Edge("recording:news.wav", "queue:general", ("afterwards",))
    assert way.edges[-1] == onward
    assert taken(way, [heard, step(destination=to("queue", "general"))]) == set(way.edges)
    assert taken(way, [heard]) == set(way.edges) - {onward}


@given(plans)
def test_every_way_out_of_every_place_is_there(plan):
    way = way_of(plan.dids[0], plan)

    shown = {node.id: node for node in way.nodes}
    for ivr in plan.ivrs:
        if node := shown.get(f"ivr:{ivr.number}"):
            labels = [label for edge, _ in way.onward(node) for label in edge.labels]
            assert len(labels) == len(ivr.slots())
    for rule in plan.rules:
        if node := shown.get(f"rule:{rule.name}"):
            labels = [label for edge, _ in way.onward(node) for label in edge.labels]
            assert {*labels} >= {*outcomes_for(rule.find_by)}
            targets = {target.destination for _, target in way.onward(node)}
            known = {one.destination for one in rule.conditions if one.destination.option == "1"}
            assert known - {to("menu", "1"), to("hangup", "1")} <= targets


@given(plans)
def test_no_way_goes_in_circles_and_nothing_is_shown_twice(plan):
    way = way_of(plan.dids[0], plan)

    column = columns(way)
    assert all(column[edge.source] < column[edge.target] for edge in way.edges)
    assert [column[node.id] for node in way.nodes] == sorted(column.values())
    assert len(column) == len(way.nodes)
    assert len({(edge.source, edge.target) for edge in way.edges}) == len(way.edges)
    reached = {edge.target for edge in way.edges}
    assert {node.id for node in way.nodes[1:]} == reached
