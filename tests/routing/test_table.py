"""A plan compiled for answering calls."""

from dataclasses import FrozenInstanceError, replace
from zoneinfo import ZoneInfo

import pytest

from voiceapp.routing.table import DRAFT, Table, compile_plan
from voiceapp.rules.plan import Did, Installation, Integration, Ivr, Plan, Queue, Recording
from voiceapp.rules.rule import (
    Destination,
    DestinationKind,
    Location,
    Outcome,
    Prompt,
    Rule,
    Voice,
)

GENERAL = Destination(DestinationKind.QUEUE, "general")
DESK = Destination(DestinationKind.DIAL, "+12025550199")
SALES = Did("+12025550180", "Sales", GENERAL)
SUPPORT = Did("+12025550181", "Support", GENERAL, safe=DESK)
MENU = Ivr("801", "Main menu", Prompt("Welcome."), {}, no_key=GENERAL)


def rule(name: str, field: str, *, crm: str = "directory", module: str = "Contacts") -> Rule:
    return Rule(
        name=name,
        location=Location.DID,
        integration=crm,
        module=module,
        field=field,
        conditions=(),
        outcomes=dict.fromkeys(Outcome, GENERAL),
    )


RULES = (
    rule("VIP", "Tier"),
    replace(rule("Balance", "Balance"), stale=86_400),
    rule("Club", "Tier"),
    rule("Lead", "Status", module="Leads"),
    replace(rule("Owner", "Owner", crm="web", module=""), fresh=7200),
)
PLAN = Plan(
    installation=Installation(GENERAL, "DE", "Europe/Berlin", Voice("Polly.Vicki", "de-DE")),
    dids=(SALES, SUPPORT),
    ivrs=(MENU,),
    rules=RULES,
    queues=(Queue("general"),),
    recordings=(Recording("offer.wav", "ab" * 32, "audio/wav"),),
    integrations=(
        Integration("directory", "Directory", "directory"),
        Integration("web", "Web shop", "custom", "https://shop.example.com"),
    ),
)


def test_a_table_is_looked_up_by_number_and_name():
    assert compile_plan(PLAN, 12) == Table(
        number=12,
        dids={"+12025550180": SALES, "+12025550181": SUPPORT},
        ivrs={"801": MENU},
        rules={one.name: one for one in RULES},
        integrations={one.key: one for one in PLAN.integrations},
        recordings={"offer.wav": "ab" * 32},
        fields={
            ("directory", "Contacts"): ("Balance", "Tier"),
            ("directory", "Leads"): ("Status",),
            ("web", ""): ("Owner",),
        },
        kept={"directory": 86_400, "web": 7200},
        safe=GENERAL,
        voice=Voice("Polly.Vicki", "de-DE"),
        country="DE",
        zone=ZoneInfo("Europe/Berlin"),
    )


def test_the_smallest_plan_is_a_table():
    table = compile_plan(Plan(Installation(safe=GENERAL)), DRAFT)

    assert table == Table(
        number=0,
        dids={},
        ivrs={},
        rules={},
        integrations={},
        recordings={},
        fields={},
        kept={},
        safe=GENERAL,
        voice=Voice("Polly.Joanna", "en-US"),
        country="US",
        zone=ZoneInfo("UTC"),
    )


@pytest.mark.parametrize(
    ("called", "safe"),
    [("+12025550180", GENERAL), ("+12025550181", DESK), ("+12025550189", GENERAL), ("", GENERAL)],
)
def test_a_did_may_have_a_safe_destination_of_its_own(called, safe):
    assert compile_plan(PLAN, 12).safe_for(called) == safe


@pytest.mark.parametrize("part", ["dids", "ivrs", "rules", "integrations", "recordings", "fields"])
def test_nothing_in_a_table_can_be_changed(part):
    table = compile_plan(PLAN, 12)

    with pytest.raises(TypeError):
        getattr(table, part)["new"] = None
    with pytest.raises(FrozenInstanceError):
        setattr(table, part, {})
