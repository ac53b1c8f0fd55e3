"""Destinations and menus as whole documents."""

from dataclasses import replace

import pytest

from voiceapp.rules.plan import Ivr
from voiceapp.rules.rule import (
    Destination,
    DestinationKind,
    FindBy,
    Location,
    Prompt,
    Rule,
    Voice,
)
from voiceapp.twiml import verbs
from voiceapp.twiml.urls import CallUrls, Progress

XML = '<?xml version="1.0" encoding="UTF-8"?>'
JOANNA = Voice("Polly.Joanna", "en-US")
AMY = Voice("Polly.Amy", "en-GB")
SAY = '<Say language="en-US" voice="Polly.Joanna">'
SAY_AS_AMY = '<Say language="en-GB" voice="Polly.Amy">'
IN_IVR = CallUrls(
    base="https://calls.example.com",
    release=12,
    progress=Progress(release=12, step=3, visits=2),
    ivr="801",
    recordings={"offer.wav": "ab12"},
)
ON_DID = replace(IN_IVR, ivr="")
HANGUP = Destination(DestinationKind.HANGUP)
IVR = Ivr("801", "Main menu", Prompt("Welcome."), {"1": HANGUP}, no_key=HANGUP, loops=1)
RULE = Rule("Balance", Location.IVR, "directory", "Contacts", "Balance", (), {})


def to(kind: str, option: str = "") -> Destination:
    return Destination(DestinationKind(kind), option)


@pytest.mark.parametrize(
    ("destination", "urls", "document"),
    [
        (
            to("queue", "vip"),
            ON_DID,
            '<Enqueue action="/twiml/after/queue?r=12&amp;n=4&amp;v=3" method="POST">vip</Enqueue>',
        ),
        (
            to("queue", "<R&D>"),
            ON_DID,
            '<Enqueue action="/twiml/after/queue?r=12&amp;n=4&amp;v=3" method="POST">'
            "&lt;R&amp;D&gt;</Enqueue>",
        ),
        (
            to("ivr", "802"),
            IN_IVR,
            '<Redirect method="POST">/twiml/ivr/802?r=12&amp;n=4&amp;v=3</Redirect>',
        ),
        (
            to("recording", "offer.wav"),
            ON_DID,
            "<Play>https://calls.example.com/recordings/ab12/offer.wav</Play>"
            '<Redirect method="POST">/twiml/after/recording?r=12&amp;n=4&amp;v=3</Redirect>',
        ),
        (
            to("recording", "offer.wav"),
            IN_IVR,
            "<Play>https://calls.example.com/recordings/ab12/offer.wav</Play>"
            '<Redirect method="POST">/twiml/ivr/801?r=12&amp;n=4&amp;v=3</Redirect>',
        ),
        (
            to("dial", "+12025550199"),
            ON_DID,
            '<Dial action="/twiml/after/dial?r=12&amp;n=4&amp;v=3" method="POST" timeout="30">'
            "<Number>+12025550199</Number></Dial>",
        ),
        (
            to("dial", "sip:desk@example.com"),
            ON_DID,
            '<Dial action="/twiml/after/dial?r=12&amp;n=4&amp;v=3" method="POST" timeout="30">'
            "<Sip>sip:desk@example.com</Sip></Dial>",
        ),
        (to("hangup"), ON_DID, "<Hangup />"),
        (
            to("menu"),
            IN_IVR,
            '<Redirect method="POST">/twiml/ivr/801?r=12&amp;n=4&amp;v=3</Redirect>',
        ),
        (
            to("say", 'Closed until 9 <a.m.> & "later".'),
            ON_DID,
            f'{SAY}Closed until 9 &lt;a.m.&gt; &amp; "later".</Say><Hangup />',
        ),
        (
            to("queue", "vip"),
            ON_DID.towards_safety(),
            '<Enqueue action="/twiml/after/queue?r=12&amp;n=4&amp;v=3&amp;s=1" method="POST">'
            "vip</Enqueue>",
        ),
    ],
)
def test_a_destination_is_a_document(destination, urls, document):
    written = verbs.destination(destination, urls, JOANNA)

    assert str(written) == f"{XML}<Response>{document}</Response>"


def test_a_rule_is_no_place_to_be():
    with pytest.raises(ValueError, match=r"^A CRM rule chooses a destination and is none itself"):
        verbs.destination(to("rule", "VIP"), ON_DID, JOANNA)


def test_a_recording_that_is_not_there_is_refused():
    with pytest.raises(KeyError):
        verbs.destination(to("recording", "gone.wav"), ON_DID, JOANNA)


MENU_GATHER = (
    '<Gather action="/twiml/ivr/801/key?r=12&amp;n=4&amp;v=3" finishOnKey="" input="dtmf"'
    ' method="POST" numDigits="1" timeout="4">'
)
SILENCE = '<Redirect method="POST">/twiml/ivr/801/key?r=12&amp;n=4&amp;v=3&amp;t=1</Redirect>'


@pytest.mark.parametrize(
    ("ivr", "document"),
    [
        (IVR, f"{MENU_GATHER}{SAY}Welcome.</Say></Gather>{SILENCE}"),
        (
            replace(IVR, loops=3),
            f"{MENU_GATHER}{SAY}Welcome.</Say></Gather>" * 3 + SILENCE,
        ),
        (
            replace(IVR, voice=AMY, greeting=Prompt("A & B")),
            f"{MENU_GATHER}{SAY_AS_AMY}A &amp; B</Say></Gather>{SILENCE}",
        ),
        (
            replace(IVR, greeting=Prompt(recording="offer.wav"), timeout=9),
            MENU_GATHER.replace('timeout="4"', 'timeout="9"')
            + "<Play>https://calls.example.com/recordings/ab12/offer.wav</Play></Gather>"
            + SILENCE,
        ),
        (
            replace(IVR, greeting=Prompt()),
            MENU_GATHER.replace(">", " />") + SILENCE,
        ),
    ],
)
def test_a_menu_is_its_greeting_as_often_as_it_loops_then_silence(ivr, document):
    assert str(verbs.menu(ivr, IN_IVR, JOANNA)) == f"{XML}<Response>{document}</Response>"


def test_the_longest_menu_stays_below_what_twilio_reads():
    longest = replace(IVR, greeting=Prompt("&" * 1200), loops=10)

    assert len(str(verbs.menu(longest, IN_IVR, JOANNA)).encode()) < 64 * 1024


ASK = '<Redirect method="POST">/twiml/ivr/801/ask?r=12&amp;n=4&amp;v=3&amp;k=2&amp;t=1</Redirect>'


@pytest.mark.parametrize(
    ("rule", "document"),
    [
        (
            replace(RULE, greeting=Prompt("One moment.")),
            f"{SAY}One moment.</Say>{ASK}",
        ),
        (
            replace(RULE, greeting=Prompt(recording="offer.wav"), voice=AMY),
            f"<Play>https://calls.example.com/recordings/ab12/offer.wav</Play>{ASK}",
        ),
        (
            replace(RULE, greeting=Prompt("Your number?"), voice=AMY, find_by=FindBy.DIGITS),
            '<Gather action="/twiml/ivr/801/ask?r=12&amp;n=4&amp;v=3&amp;k=2" finishOnKey="#"'
            f' input="dtmf" method="POST" timeout="6">{SAY_AS_AMY}Your number?</Say></Gather>{ASK}',
        ),
    ],
)
def test_a_rule_on_a_key_speaks_or_asks_before_the_crm_is_asked(rule, document):
    written = verbs.prelude(rule, "2", IN_IVR, JOANNA)

    assert str(written) == f"{XML}<Response>{document}</Response>"


@pytest.mark.parametrize(
    ("answer", "document"),
    [
        (verbs.goodbye(JOANNA), "<Response><Hangup /></Response>"),
        (
            verbs.goodbye(JOANNA, "Goodbye."),
            f"<Response>{SAY}Goodbye.</Say><Hangup /></Response>",
        ),
        (verbs.nothing(), "<Response />"),
    ],
)
def test_the_end_of_a_call_is_a_document(answer, document):
    assert str(answer) == XML + document
