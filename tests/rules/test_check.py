"""Everything that keeps a plan from being published, in the words that an admin reads."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from tests.conftest import settings
from tests.databases import engine_for
from voiceapp import config
from voiceapp.demo import load_demo
from voiceapp.extensions import db
from voiceapp.recordings import RecordingStore
from voiceapp.routing import draft
from voiceapp.rules.check import check
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
from voiceapp.twiml.voices import is_accepted

GENERAL = Destination(DestinationKind.QUEUE, "general")
MENU = Destination(DestinationKind.MENU)
HANGUP = Destination(DestinationKind.HANGUP)
GONE = Destination(DestinationKind.QUEUE, "gone")
SAY = Destination(DestinationKind.SAY, "Goodbye.")
DID_RULE = Destination(DestinationKind.RULE, "VIP")
IVR_RULE = Destination(DestinationKind.RULE, "Balance")
KEYED_OUTCOMES = dict.fromkeys(outcomes_for(FindBy.DIGITS), GENERAL)

ELSEWHERE = "Choose another destination."
UNSENDABLE = "There is a character in it that can't be sent. Type the text anew."
EITHER = "Choose either a text or a recording."
BOTH = Prompt("Welcome.", "offer.wav")
SENTENCE = "Write a sentence of at most 1200 characters."
DIALLED = "Write a number with + and the country code, or sip:name@host."
BLANK = "Type a value to compare with, or choose “is empty”."

DID = Did("+12025550180", "Sales", DID_RULE)
IVR = Ivr("801", "Main menu", Prompt("Welcome."), {"1": GENERAL, "2": IVR_RULE}, no_key=MENU)
VIP = Rule(
    name="VIP",
    location=Location.DID,
    integration="directory",
    module="Contacts",
    field="Tier",
    conditions=(Condition(Operator.EQUAL, ("Gold",), GENERAL),),
    outcomes=dict.fromkeys(outcomes_for(FindBy.CALLER), GENERAL),
)
BALANCE = replace(VIP, name="Balance", location=Location.IVR)
PLAN = Plan(
    installation=Installation(safe=GENERAL),
    dids=(DID,),
    ivrs=(IVR,),
    rules=(VIP, BALANCE),
    queues=(Queue("general"),),
    recordings=(Recording("offer.wav", "ab" * 32, "audio/wav"),),
    integrations=(Integration("directory", "Directory", "directory"),),
)


def installation(**changes) -> Plan:
    return replace(PLAN, installation=replace(PLAN.installation, **changes))


def did(**changes) -> Plan:
    return replace(PLAN, dids=(replace(DID, **changes),))


def ivr(**changes) -> Plan:
    return replace(PLAN, ivrs=(replace(IVR, **changes),))


def rule(**changes) -> Plan:
    return replace(PLAN, rules=(replace(VIP, **changes), BALANCE))


def ivr_rule(**changes) -> Plan:
    return replace(PLAN, rules=(VIP, replace(BALANCE, **changes)))


def keyed_rule(**changes) -> Plan:
    asking = {"greeting": Prompt("Your number, please."), "search_field": "AccountNo"} | changes
    return ivr_rule(find_by=FindBy.DIGITS, outcomes=KEYED_OUTCOMES, **asking)


def condition(operator: str, *values: str, to: Destination = GENERAL) -> Plan:
    return rule(conditions=(Condition(Operator(operator), values, to),))


def to(kind: str, option: str = "") -> Destination:
    return Destination(DestinationKind(kind), option)


def fault_of_integration(integration: Integration) -> str:
    return "The address must start with https://." if integration.url == "http://crm" else ""


def faults_of(plan: Plan) -> list[str]:
    return [str(fault) for fault in check(plan, is_accepted, fault_of_integration)]


@pytest.fixture
def demo_plan(sqlite_url: str, tmp_path: Path) -> Iterator[Plan]:
    with engine_for(sqlite_url) as engine, Session(engine) as session:
        db.metadata.create_all(engine)
        load_demo(session, RecordingStore(engine, tmp_path), config.load(settings(tmp_path)))
        yield draft.read(session)


def test_the_demo_has_no_fault(demo_plan):
    assert len(demo_plan.rules) == 3
    assert faults_of(demo_plan) == []


@pytest.mark.parametrize(
    "plan",
    [
        PLAN,
        installation(safe=SAY),
        installation(safe=to("dial", "+12025550199")),
        did(destination=to("dial", "sip:desk@example.com")),
        did(destination=to("dial", "sips:+49.30_1~x@[2001:db8::1]:5061;transport=tls")),
        did(destination=to("recording", "offer.wav"), safe=SAY),
        did(destination=HANGUP),
        ivr(keys=dict.fromkeys("1234567890*#", to("ivr", "801")), loops=10, timeout=60),
        ivr(greeting=Prompt(recording="offer.wav"), voice=Voice("Polly.Amy", "en-GB")),
        ivr(greeting=Prompt("x" * 1200)),
        ivr(greeting=Prompt("One\ttwo\r\nthree, Zoë 😀 \ud7ff\ue000\ufffd\x7f\x85")),
        rule(after_recording=GENERAL, budget=Decimal("0.5")),
        ivr_rule(after_recording=MENU, budget=Decimal(8), greeting=Prompt("One moment.")),
        keyed_rule(greeting=Prompt(recording="offer.wav")),
        condition("is empty"),
        condition("is one of", *"abcdef"),
        condition("between", "5", "1"),
        replace(PLAN, queues=(Queue("general"), Queue("q" * 64))),
        replace(PLAN, recordings=(*PLAN.recordings, Recording("Zoë's 50% offer?.mp3", "", ""))),
    ],
)
def test_what_can_be_followed_has_no_fault(plan):
    assert faults_of(plan) == []


@pytest.mark.parametrize(
    ("plan", "name"),
    [
        (replace(PLAN, dids=(DID, DID)), "DID +12025550180"),
        (replace(PLAN, ivrs=(IVR, IVR)), "IVR 801"),
        (replace(PLAN, rules=(VIP, BALANCE, BALANCE)), "CRM rule Balance"),
        (replace(PLAN, queues=PLAN.queues * 2), "Queue general"),
        (replace(PLAN, recordings=PLAN.recordings * 2), "Recording offer.wav"),
        (replace(PLAN, integrations=PLAN.integrations * 2), "Integration directory"),
    ],
)
def test_nothing_has_the_name_of_another(plan, name):
    assert faults_of(plan) == [f"{name}: There are two of this name. Rename one of them."]


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("", "Queue: A queue's name has 1 to 64 characters."),
        (" ", "Queue: A queue's name has 1 to 64 characters."),
        ("q" * 65, f"Queue {'q' * 65}: A queue's name has 1 to 64 characters."),
        ("q" * 64 + " ", f"Queue {'q' * 64}: A queue's name has 1 to 64 characters."),
        ("v\vip", f"Queue v\vip: Name: {UNSENDABLE}"),
    ],
)
def test_the_name_of_a_queue_is_one_that_twilio_takes(name, fault):
    assert faults_of(replace(PLAN, queues=(*PLAN.queues, Queue(name)))) == [fault]


@pytest.mark.parametrize("name", ["", " ", "a/b.wav", "a\\b.wav", "a\nb.wav", "a\x7f.wav"])
def test_the_name_of_a_recording_is_one_that_an_address_takes(name):
    plan = replace(PLAN, recordings=(*PLAN.recordings, Recording(name, "cd" * 32, "audio/wav")))

    sentence = "A recording has a name, without slashes and control characters."
    assert faults_of(plan) == [f"{f'Recording {name}'.rstrip()}: {sentence}"]


def test_a_fault_of_an_integration_is_told_by_its_name():
    shop = Integration("shop", "Web shop", "custom_url", "http://crm")
    plan = replace(PLAN, integrations=(*PLAN.integrations, shop))

    assert faults_of(plan) == ["Integration Web shop: The address must start with https://."]


def test_a_fault_of_a_crm_that_a_rule_has_of_its_own_is_told_by_the_rule():
    own = Integration("own-1", "Odoo", "odoo", "http://crm", is_private=True)
    vip = next(one for one in PLAN.rules if one.name == "VIP")
    rules = tuple(replace(one, integration="own-1") if one is vip else one for one in PLAN.rules)
    plan = replace(PLAN, rules=rules, integrations=(*PLAN.integrations, own))

    assert faults_of(plan) == ["CRM rule VIP: The address must start with https://."]


@pytest.mark.parametrize("character", ["\x00", "\x0b", "\x1f", "\ud800", "\ufffe", "\uffff"])
def test_what_no_document_can_hold_is_refused(character):
    plan = ivr(greeting=Prompt(f"Welcome{character}."))

    assert faults_of(plan) == [f"IVR 801 Main menu: Greeting: {UNSENDABLE}"]


@pytest.mark.parametrize(
    ("plan", "fault"),
    [
        (installation(safe=HANGUP), f"Safe destination: hang up can't stand here. {ELSEWHERE}"),
        (installation(safe=GONE), f"Safe destination: There is no queue gone. {ELSEWHERE}"),
        (installation(safe=to("say", " ")), f"Safe destination: {SENTENCE}"),
        (installation(safe=to("say", "x" * 1201)), f"Safe destination: {SENTENCE}"),
        (installation(safe=to("say", "Bye\x00.")), f"Safe destination: {UNSENDABLE}"),
        (
            installation(time_zone="Mars/Olympus"),
            "There is no time zone Mars/Olympus. Choose one, e.g. Europe/Berlin.",
        ),
        (
            installation(voice=Voice("Polly.Amy", "en-US")),
            "Twilio has no voice Polly.Amy for en-US. Choose one of the list.",
        ),
    ],
)
def test_a_fault_of_the_installation_is_told(plan, fault):
    assert faults_of(plan) == [f"Settings: {fault}"]


@pytest.mark.parametrize(
    ("plan", "fault"),
    [
        (did(destination=GONE), f"Destination: There is no queue gone. {ELSEWHERE}"),
        (did(destination=MENU), f"Destination: back to the menu can't stand here. {ELSEWHERE}"),
        (did(destination=SAY), f"Destination: Say Goodbye. can't stand here. {ELSEWHERE}"),
        (
            did(destination=IVR_RULE),
            "Destination: CRM rule Balance has another Location. Choose a rule with DID.",
        ),
        (did(destination=to("dial", "0301234567")), f"Destination: {DIALLED}"),
        (did(destination=to("dial", "desk@example.com")), f"Destination: {DIALLED}"),
        (did(destination=to("dial", "sip:desk\x00@example.com")), f"Destination: {DIALLED}"),
        (did(destination=to("dial", "sip:désk@example.com")), f"Destination: {DIALLED}"),
        (did(destination=to("dial", "sip:desk@a@b")), f"Destination: {DIALLED}"),
        (did(destination=to("dial", "sip:desk@")), f"Destination: {DIALLED}"),
        (did(safe=HANGUP), f"Safe destination: hang up can't stand here. {ELSEWHERE}"),
        (did(safe=DID_RULE), f"Safe destination: CRM rule VIP can't stand here. {ELSEWHERE}"),
    ],
)
def test_a_fault_of_a_did_is_told(plan, fault):
    assert faults_of(plan) == [f"DID +12025550180 Sales: {fault}"]


@pytest.mark.parametrize("number", ["2025550180", "+0202555018", "+12", "+1 202 555 0180"])
def test_a_did_is_written_with_its_country_code(number):
    sentence = "Write the number with + and the country code, e.g. +12025550180."

    assert faults_of(did(number=number)) == [f"DID {number} Sales: {sentence}"]


@pytest.mark.parametrize("number", ["80a", "12345678901", "８０１"])
def test_the_number_of_an_ivr_is_digits(number):
    sentence = "An IVR's number has 1 to 10 digits."

    assert faults_of(ivr(number=number)) == [f"IVR {number} Main menu: {sentence}"]


@pytest.mark.parametrize(
    ("plan", "fault"),
    [
        (ivr(loops=0), "The greeting is played 1 to 10 times."),
        (ivr(loops=11), "The greeting is played 1 to 10 times."),
        (ivr(timeout=0), "Wait 1 to 60 seconds for a key."),
        (ivr(timeout=61), "Wait 1 to 60 seconds for a key."),
        (ivr(greeting=Prompt()), "Greeting: Write what callers hear, or choose a recording."),
        (ivr(greeting=Prompt(" ")), "Greeting: Write what callers hear, or choose a recording."),
        (ivr(greeting=BOTH), f"Greeting: {EITHER}"),
        (
            ivr(greeting=Prompt("x" * 1201)),
            "Greeting: A spoken text has at most 1200 characters.",
        ),
        (
            ivr(greeting=Prompt(recording="gone.wav")),
            "Greeting: There is no recording gone.wav. Choose another.",
        ),
        (
            ivr(voice=Voice("Bob", "en-US")),
            "Twilio has no voice Bob for en-US. Choose one of the list.",
        ),
        (ivr(keys={"12": GENERAL}), "12 is not a key of a telephone. Use 0 to 9, * or #."),
        (
            ivr(keys={"1": DID_RULE}),
            "Key 1: CRM rule VIP has another Location. Choose a rule with IVR.",
        ),
        (ivr(no_key=to("ivr", "999")), f"No key: There is no IVR 999. {ELSEWHERE}"),
        (ivr(wrong_key=to("rule", "Lost")), f"Wrong key: There is no CRM rule Lost. {ELSEWHERE}"),
    ],
)
def test_a_fault_of_an_ivr_is_told(plan, fault):
    assert faults_of(plan) == [f"IVR 801 Main menu: {fault}"]


@pytest.mark.parametrize(
    ("plan", "fault"),
    [
        (rule(field=" "), "Choose the CRM Field Name to compare."),
        (rule(integration="zoho"), "Choose a CRM To Use; the one it had is gone."),
        (rule(budget=Decimal("0.4")), "Give the CRM between 0.5 and 8 seconds."),
        (rule(budget=Decimal("8.1")), "Give the CRM between 0.5 and 8 seconds."),
        (
            rule(greeting=Prompt("One moment.")),
            "Only a rule with Location IVR has Greeting Instructions.",
        ),
        (
            rule(find_by=FindBy.DIGITS, search_field="AccountNo", outcomes=KEYED_OUTCOMES),
            "Only a rule with Location IVR can ask the caller for digits.",
        ),
        (
            rule(outcomes={Outcome.SEVERAL: GENERAL} | KEYED_OUTCOMES),
            "Choose where the call goes for: withheld.",
        ),
        (
            rule(outcomes={**VIP.outcomes, Outcome.FAILED: GONE}),
            f"CRM failed: There is no queue gone. {ELSEWHERE}",
        ),
        (
            rule(after_recording=MENU),
            f"After the recording: back to the menu can't stand here. {ELSEWHERE}",
        ),
        (
            rule(after_recording=to("recording", "offer.wav")),
            f"After the recording: Play offer.wav can't stand here. {ELSEWHERE}",
        ),
        (rule(conditions=()), "Add at least one condition."),
        (condition("=", "Gold", to=GONE), f"Condition 1: There is no queue gone. {ELSEWHERE}"),
        (
            condition("=", "Gold", to=IVR_RULE),
            f"Condition 1: CRM rule Balance can't stand here. {ELSEWHERE}",
        ),
        (
            condition("=", "Gold", to=MENU),
            f"Condition 1: back to the menu can't stand here. {ELSEWHERE}",
        ),
        (condition("=", " "), f"Condition 1: {BLANK}"),
        (condition("is one of", "Gold", ""), f"Condition 1: {BLANK}"),
        (condition("="), "Condition 1: “=” needs another number of values."),
        (condition("<", "1", "2"), "Condition 1: “<” needs another number of values."),
        (condition("between", "1"), "Condition 1: “between” needs another number of values."),
        (condition("is one of"), "Condition 1: “is one of” needs another number of values."),
        (condition("is empty", "x"), "Condition 1: “is empty” needs another number of values."),
    ],
)
def test_a_fault_of_a_rule_is_told(plan, fault):
    assert faults_of(plan) == [f"CRM rule VIP: {fault}"]


@pytest.mark.parametrize(
    ("plan", "fault"),
    [
        (
            ivr_rule(greeting=Prompt(recording="gone.wav")),
            "Greeting Instructions: There is no recording gone.wav. Choose another.",
        ),
        (
            ivr_rule(voice=Voice("Bob", "en-US")),
            "Twilio has no voice Bob for en-US. Choose one of the list.",
        ),
        (
            keyed_rule(search_field=" "),
            "Choose the field to search for the keyed digits.",
        ),
        (
            keyed_rule(greeting=Prompt()),
            "Greeting Instructions: Write what asks the caller for the digits.",
        ),
        (keyed_rule(greeting=BOTH), f"Greeting Instructions: {EITHER}"),
        (
            ivr_rule(greeting=Prompt("One\x08moment.")),
            f"Greeting Instructions: {UNSENDABLE}",
        ),
        (
            ivr_rule(after_recording=to("recording", "offer.wav")),
            f"After the recording: Play offer.wav can't stand here. {ELSEWHERE}",
        ),
    ],
)
def test_a_fault_of_a_rule_on_a_key_is_told(plan, fault):
    assert faults_of(plan) == [f"CRM rule Balance: {fault}"]


def test_all_faults_are_told_at_once():
    plan = replace(PLAN, installation=Installation(safe=GONE), queues=(), rules=(VIP, BALANCE))

    faults = faults_of(plan)

    no_queue = f"There is no queue general. {ELSEWHERE}"
    assert faults == [
        f"Settings: Safe destination: There is no queue gone. {ELSEWHERE}",
        f"IVR 801 Main menu: Key 1: {no_queue}",
        *(
            f"CRM rule {name}: {place}: {no_queue}"
            for name in ("VIP", "Balance")
            for place in (
                "Condition 1",
                "No condition matched",
                "Not found",
                "Several found",
                "Withheld",
                "CRM failed",
            )
        ),
    ]


@pytest.mark.parametrize(
    "plan",
    [
        rule(then_modules=("Leads", "Accounts")),
        rule(then_modules=("contacts",)),
        rule(module=""),
        rule(prefer=Prefer.NEWEST),
        rule(prefer=Prefer.NEWEST, prefer_field=" "),
        rule(prefer=Prefer.HIGHEST, prefer_field="Balance"),
        rule(prefer=Prefer.LOWEST, prefer_field="Tier", then_modules=("Leads",)),
        rule(prefer_field="Balance"),
    ],
)
def test_a_rule_may_search_several_modules_and_prefer_one_of_several_records(plan):
    assert faults_of(plan) == []


@pytest.mark.parametrize(
    ("plan", "fault"),
    [
        (rule(then_modules=("Contacts",)), "CRM Modules: Choose each module once."),
        (rule(then_modules=("Leads", "Leads")), "CRM Modules: Choose each module once."),
        (rule(then_modules=("",)), "CRM Modules: Choose each module once."),
        (rule(then_modules=("Leads", "")), "CRM Modules: Choose each module once."),
        (rule(module="", then_modules=("",)), "CRM Modules: Choose each module once."),
        (
            rule(prefer=Prefer.HIGHEST),
            "Several found: Choose the field whose highest value counts.",
        ),
        (
            rule(prefer=Prefer.LOWEST, prefer_field=" "),
            "Several found: Choose the field whose lowest value counts.",
        ),
    ],
)
def test_a_fault_of_modules_or_preference_is_told(plan, fault):
    assert faults_of(plan) == [f"CRM rule VIP: {fault}"]
