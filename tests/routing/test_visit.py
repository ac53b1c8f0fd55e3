"""What a webhook answers with: whose voice speaks, and where the answer leads."""

from dataclasses import replace

import pytest

from voiceapp.routing.route import LAST_WORDS, Decision
from voiceapp.routing.table import compile_plan
from voiceapp.routing.visit import Visit
from voiceapp.rules.plan import Installation, Integration, Ivr, Plan
from voiceapp.rules.rule import (
    Destination,
    DestinationKind,
    FindBy,
    Location,
    Outcome,
    Prompt,
    Rule,
    Voice,
)
from voiceapp.twiml.call import IncomingCall
from voiceapp.twiml.urls import Progress

XML = '<?xml version="1.0" encoding="UTF-8"?>'
VICKI, AMY, LEA = (
    Voice("Polly.Vicki", "de-DE"),
    Voice("Polly.Amy", "en-GB"),
    Voice("Polly.Lea", "fr-FR"),
)
SAY_AS = {
    VICKI: '<Say language="de-DE" voice="Polly.Vicki">',
    AMY: '<Say language="en-GB" voice="Polly.Amy">',
    LEA: '<Say language="fr-FR" voice="Polly.Lea">',
}
SAY_BY_DEFAULT = '<Say language="en-US" voice="Polly.Joanna">'
GENERAL = Destination(DestinationKind.QUEUE, "general")
IVR = Ivr("801", "Main menu", Prompt("Welcome."), {"1": GENERAL}, no_key=GENERAL, loops=1)
RULE = Rule(
    name="Balance",
    location=Location.IVR,
    integration="directory",
    module="Contacts",
    field="Balance",
    conditions=(),
    outcomes=dict.fromkeys(Outcome, GENERAL),
    greeting=Prompt("One moment."),
)
PLAN = Plan(
    Installation(GENERAL, voice=VICKI),
    ivrs=(IVR,),
    rules=(RULE,),
    integrations=(Integration("directory", "Directory", "directory"),),
)
VISIT = Visit(
    door="key",
    call=IncomingCall(digits="1"),
    progress=Progress(release=12, step=3, visits=2),
    table=compile_plan(PLAN, 12),
    note="",
    base="https://calls.example.com",
)
ASK = '<Redirect method="POST">/twiml/ivr/801/ask?r=12&amp;n=4&amp;v=1&amp;k=1&amp;t=1</Redirect>'


def in_ivr(voice: Voice | None) -> Visit:
    table = compile_plan(replace(PLAN, ivrs=(replace(IVR, voice=voice),)), 12)
    return replace(VISIT, table=table)


def to(kind: str, option: str = "") -> Destination:
    return Destination(DestinationKind(kind), option)


@pytest.mark.parametrize(
    ("of_ivr", "of_rule", "speaker"),
    [(None, None, VICKI), (AMY, None, AMY), (None, LEA, LEA), (AMY, LEA, LEA)],
)
@pytest.mark.parametrize("find_by", [FindBy.CALLER, FindBy.DIGITS])
def test_a_rule_speaks_with_its_own_voice_or_the_one_of_the_ivr(find_by, of_ivr, of_rule, speaker):
    rule = replace(RULE, voice=of_rule, find_by=find_by)
    decision = Decision(to("rule", "Balance"), (), "801", "1", prelude=rule)

    document = in_ivr(of_ivr).answer(decision)

    spoken = f"{SAY_AS[speaker]}One moment.</Say>"
    if find_by is FindBy.DIGITS:
        spoken = (
            '<Gather action="/twiml/ivr/801/ask?r=12&amp;n=4&amp;v=1&amp;k=1" finishOnKey="#"'
            f' input="dtmf" method="POST" timeout="6">{spoken}</Gather>'
        )
    assert document == f"{XML}<Response>{spoken}{ASK}</Response>"


def test_a_rule_on_no_ivr_that_is_known_speaks_with_the_voice_of_the_installation():
    decision = Decision(to("rule", "Balance"), (), "999", "1", prelude=RULE)

    document = VISIT.answer(decision)

    ask = ASK.replace("801", "999")
    assert document == f"{XML}<Response>{SAY_AS[VICKI]}One moment.</Say>{ask}</Response>"


@pytest.mark.parametrize(("voice", "speaker"), [(None, VICKI), (AMY, AMY)])
def test_a_menu_speaks_with_its_own_voice_or_the_one_of_the_installation(voice, speaker):
    visit = in_ivr(voice)

    document = visit.menu(visit.table.ivrs["801"])

    assert document == (
        f"{XML}<Response>"
        '<Gather action="/twiml/ivr/801/key?r=12&amp;n=4&amp;v=3" finishOnKey="" input="dtmf"'
        f' method="POST" numDigits="1" timeout="{IVR.timeout}">{SAY_AS[speaker]}Welcome.</Say>'
        "</Gather>"
        '<Redirect method="POST">/twiml/ivr/801/key?r=12&amp;n=4&amp;v=3&amp;t=1</Redirect>'
        "</Response>"
    )


@pytest.mark.parametrize(
    ("destination", "spoken"),
    [
        (to("say", "Auf Wiederhören."), f"{SAY_AS[VICKI]}Auf Wiederhören.</Say>"),
        (LAST_WORDS, f"{SAY_BY_DEFAULT}{LAST_WORDS.option}</Say>"),
    ],
)
def test_our_own_last_sentence_is_english_and_an_admins_is_in_the_installations_voice(
    destination, spoken
):
    document = VISIT.answer(Decision(destination, (), is_safe=True))

    assert document == f"{XML}<Response>{spoken}<Hangup /></Response>"


@pytest.mark.parametrize(
    ("digits", "is_safe", "query"),
    [
        ("", False, "r=12&amp;n=4&amp;v=3"),
        ("1", False, "r=12&amp;n=4&amp;v=1"),
        ("", True, "r=12&amp;n=4&amp;v=3&amp;s=1"),
        ("1", True, "r=12&amp;n=4&amp;v=1&amp;s=1"),
    ],
)
def test_a_key_begins_the_visits_anew_and_a_safe_destination_is_marked(digits, is_safe, query):
    visit = replace(VISIT, call=IncomingCall(digits=digits))

    document = visit.answer(Decision(GENERAL, (), is_safe=is_safe))

    assert document == (
        f'{XML}<Response><Enqueue action="/twiml/after/queue?{query}" method="POST">general'
        "</Enqueue></Response>"
    )


def test_a_visit_knows_how_long_it_has_taken():
    assert 0 <= VISIT.ms() < replace(VISIT, began=VISIT.began - 60).ms() - 59_000
