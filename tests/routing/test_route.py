"""What each webhook of a call's road comes to, with the whole explanation."""

from dataclasses import replace

import pytest

from voiceapp.routing import route
from voiceapp.routing.inquiry import Inquiry
from voiceapp.routing.route import LAST_WORDS, Decision
from voiceapp.routing.table import Table, compile_plan
from voiceapp.rules import decide as rules
from voiceapp.rules.operators import Operator
from voiceapp.rules.plan import Did, Installation, Integration, Ivr, Plan
from voiceapp.rules.rule import (
    Condition,
    Destination,
    DestinationKind,
    FindBy,
    Location,
    Prompt,
    Rule,
    outcomes_for,
)
from voiceapp.twiml.call import IncomingCall
from voiceapp.twiml.urls import Progress


def to(kind: str, option: str = "") -> Destination:
    return Destination(DestinationKind(kind), option)


GENERAL, VIP_QUEUE, HANGUP, MENU = (
    to("queue", "general"),
    to("queue", "vip"),
    to("hangup"),
    to("menu"),
)
DESK, OFFER = to("dial", "+12025550199"), to("recording", "offer.wav")
BACK = "Back to the menu of IVR 801 Main menu."
GOLD = Condition(Operator.EQUAL, ("Gold",), VIP_QUEUE)
VIP = Rule(
    name="VIP customers",
    location=Location.DID,
    integration="directory",
    module="Contacts",
    field="Tier",
    conditions=(GOLD, Condition(Operator.EQUAL, ("Bronze",), OFFER)),
    outcomes=dict.fromkeys(outcomes_for(FindBy.CALLER), GENERAL),
    after_recording=DESK,
)
QUIET = replace(VIP, name="Quiet", location=Location.IVR, after_recording=HANGUP)
SPEAKING = replace(QUIET, name="Speaking", greeting=Prompt("One moment."))
KEYED = replace(
    QUIET,
    name="Account",
    find_by=FindBy.DIGITS,
    search_field="Tier",
    outcomes=dict.fromkeys(outcomes_for(FindBy.DIGITS), MENU),
)
IVR = Ivr(
    number="801",
    name="Main menu",
    greeting=Prompt("Welcome."),
    keys={
        "1": GENERAL,
        "2": to("rule", "Quiet"),
        "3": to("rule", "Speaking"),
        "4": to("rule", "Account"),
        "#": OFFER,
    },
    no_key=to("ivr", "802"),
)
TABLE = compile_plan(
    Plan(
        installation=Installation(safe=GENERAL),
        dids=(
            Did("+12025550180", "Sales", to("rule", "VIP customers")),
            Did("+12025550181", "Support", to("ivr", "801")),
            Did("+12025550182", "", DESK, safe=to("say", "We are closed")),
        ),
        ivrs=(IVR, replace(IVR, number="802", name="")),
        rules=(VIP, QUIET, SPEAKING, KEYED),
        integrations=(Integration("directory", "Directory", "directory"),),
    ),
    number=12,
)
CALL = IncomingCall(sid="CA1", caller="+12025550101", called="+12025550180")


class FakeInquiries:
    """Answers every rule the same, and keeps what it was asked."""

    def __init__(self) -> None:
        self.inquiry = Inquiry(rules.Found("Gold"), "Asked Directory.")
        self.asked: list[tuple[str, str]] = []

    def __call__(self, rule: Rule, call: IncomingCall, table: Table) -> Inquiry:
        assert table is TABLE
        self.asked.append((rule.name, call.sid))
        return self.inquiry


@pytest.fixture
def inquire() -> FakeInquiries:
    return FakeInquiries()


def call(**changes: str) -> IncomingCall:
    return replace(CALL, **changes)


def test_a_did_that_leads_to_a_rule_asks_and_decides(inquire):
    decision = route.did(CALL, TABLE, inquire)

    assert inquire.asked == [("VIP customers", "CA1")]
    assert decision == Decision(
        destination=VIP_QUEUE,
        explanation=(
            "+1 202-555-0101 called +1 202-555-0180 Sales.",
            "This asks the CRM rule VIP customers.",
            "Asked Directory.",
            "Tier is “Gold”.",
            "✓ = Gold held: compared as text.",
            "Sent to Queue vip.",
        ),
        verdict=rules.decide(VIP, rules.Found("Gold"), TABLE.zone),
        inquiry=inquire.inquiry,
    )


@pytest.mark.parametrize(
    ("answer", "destination", "sentences"),
    [
        (
            rules.Found("bronze"),
            OFFER,
            (
                "Tier is “bronze”.",
                "✗ = Gold did not hold: compared as text.",
                "✓ = Bronze held: the same text, as letter case and outer blanks don't count.",
                "Played the recording offer.wav.",
            ),
        ),
        (
            rules.Found(None),
            GENERAL,
            (
                "Tier is empty.",
                "✗ = Gold did not hold: the field is empty.",
                "✗ = Bronze did not hold: the field is empty.",
                "The outcome is “no condition matched”.",
                "Sent to Queue general.",
            ),
        ),
        (
            rules.NotFound(),
            GENERAL,
            ("The outcome is “not found”.", "Sent to Queue general."),
        ),
        (
            rules.Several(2),
            GENERAL,
            (
                "2 records were found, so none was chosen.",
                "The outcome is “several found”.",
                "Sent to Queue general.",
            ),
        ),
        (
            rules.Withheld(),
            GENERAL,
            (
                "The caller shows no phone number, so nobody was looked up.",
                "The outcome is “withheld”.",
                "Sent to Queue general.",
            ),
        ),
        (
            rules.Failed("The directory gave no answer within the budget."),
            GENERAL,
            (
                "The directory gave no answer within the budget.",
                "The outcome is “CRM failed”.",
                "Sent to Queue general.",
            ),
        ),
    ],
)
def test_every_answer_is_explained_to_its_end(inquire, answer, destination, sentences):
    inquire.inquiry = Inquiry(answer)

    decision = route.did(CALL, TABLE, inquire)

    assert decision.destination == destination
    assert decision.explanation[2:] == sentences


@pytest.mark.parametrize(
    ("caller", "called", "destination", "explanation"),
    [
        (
            "anonymous",
            "+12025550181",
            to("ivr", "801"),
            ("anonymous called +1 202-555-0181 Support.", "Sent to IVR 801 Main menu."),
        ),
        (
            "",
            "+12025550182",
            DESK,
            ("somebody without a number called +1 202-555-0182.", "Dialled +1 202-555-0199."),
        ),
    ],
)
def test_a_did_without_a_rule_asks_nobody(inquire, caller, called, destination, explanation):
    decision = route.did(call(caller=caller, called=called), TABLE, inquire)

    assert decision == Decision(destination, explanation)
    assert inquire.asked == []


@pytest.mark.parametrize(
    ("called", "sentence"),
    [
        ("+12025550189", "+1 202-555-0189 is not a DID of this installation."),
        ("", "Twilio named no number called."),
    ],
)
def test_an_unknown_did_goes_to_the_safe_destination(inquire, called, sentence):
    decision = route.did(call(called=called), TABLE, inquire)

    explanation = (sentence, "Sent to the safe destination, Queue general.")
    assert decision == Decision(GENERAL, explanation, is_safe=True)


@pytest.mark.parametrize(
    ("digits", "destination", "led_by", "pressed", "sent"),
    [
        ("1", GENERAL, "1", "key 1 was pressed", "Sent to Queue general."),
        ("12", GENERAL, "1", "key 1 was pressed", "Sent to Queue general."),
        ("#", OFFER, "#", "key # was pressed", "Played the recording offer.wav."),
        ("", to("ivr", "802"), "none", "no key was pressed", "Sent to IVR 802."),
        ("9", MENU, "wrong", "key 9 was pressed, which leads nowhere", BACK),
        ("none", MENU, "wrong", "key n was pressed, which leads nowhere", BACK),
    ],
)
def test_a_key_leads_where_the_menu_says(inquire, digits, destination, led_by, pressed, sent):
    decision = route.key(call(digits=digits), IVR, TABLE, inquire)

    explanation = (f"In IVR 801 Main menu, {pressed}.", sent)
    assert decision == Decision(destination, explanation, "801", led_by)
    assert inquire.asked == []


@pytest.mark.parametrize(
    ("key", "rule", "first"),
    [("3", SPEAKING, "speaks first"), ("4", KEYED, "asks for digits first")],
)
def test_a_key_with_a_rule_that_says_something_first_asks_nobody_yet(inquire, key, rule, first):
    decision = route.key(call(digits=key), IVR, TABLE, inquire)

    explanation = (
        f"In IVR 801 Main menu, key {key} was pressed.",
        f"This leads to the CRM rule {rule.name}, which {first}.",
    )
    assert decision == Decision(to("rule", rule.name), explanation, "801", key, prelude=rule)
    assert inquire.asked == []


def test_a_key_with_a_rule_that_says_nothing_first_asks_at_once(inquire):
    decision = route.key(call(digits="2"), IVR, TABLE, inquire)

    assert inquire.asked == [("Quiet", "CA1")]
    assert (decision.destination, decision.ivr, decision.key) == (VIP_QUEUE, "801", "2")
    assert decision.explanation == (
        "In IVR 801 Main menu, key 2 was pressed.",
        "This asks the CRM rule Quiet.",
        "Asked Directory.",
        "Tier is “Gold”.",
        "✓ = Gold held: compared as text.",
        "Sent to Queue vip.",
    )


def test_after_its_greeting_the_rule_on_a_key_is_asked(inquire):
    decision = route.ask(CALL, IVR, "3", TABLE, inquire)

    assert inquire.asked == [("Speaking", "CA1")]
    assert decision == Decision(
        destination=VIP_QUEUE,
        explanation=(
            "Key 3 in IVR 801 Main menu leads to CRM rule Speaking.",
            "Asked Directory.",
            "Tier is “Gold”.",
            "✓ = Gold held: compared as text.",
            "Sent to Queue vip.",
        ),
        ivr="801",
        key="3",
        verdict=rules.decide(SPEAKING, rules.Found("Gold"), TABLE.zone),
        inquiry=inquire.inquiry,
    )


def test_a_value_that_was_keyed_in_is_not_told(inquire):
    inquire.inquiry = Inquiry(rules.Found("4711"), value_is_hidden=True)

    decision = route.ask(call(digits="4711"), IVR, "4", TABLE, inquire)

    assert decision.explanation == (
        "Key 4 in IVR 801 Main menu leads to CRM rule Account.",
        "Tier is hidden, as it shows what was keyed in.",
        "✗ = a hidden value did not hold: compared as text.",
        "✗ = a hidden value did not hold: compared as text.",
        "The outcome is “no condition matched”.",
        BACK,
    )


@pytest.mark.parametrize(
    ("led_by", "destination", "key", "slot", "sent"),
    [
        ("1", GENERAL, "1", "Key 1", "Sent to Queue general."),
        ("none", to("ivr", "802"), "none", "No key", "Sent to IVR 802."),
        ("<key>", MENU, "wrong", "Wrong key", BACK),
    ],
)
def test_an_address_with_a_key_that_has_no_rule_follows_the_menu(
    inquire, led_by, destination, key, slot, sent
):
    decision = route.ask(CALL, IVR, led_by, TABLE, inquire)

    explanation = (f"{slot} in IVR 801 Main menu asks no CRM rule.", sent)
    assert decision == Decision(destination, explanation, "801", key)
    assert inquire.asked == []


@pytest.mark.parametrize(
    "result", ["bridged", "bridging-in-process", "hangup", "redirected", "redirected-from-bridged"]
)
def test_a_call_that_a_queue_took_is_over(result):
    assert route.after_queue(call(queue_result=result), TABLE, Progress()) is None


@pytest.mark.parametrize("result", ["error", "queue-full", "system-error", "no-such-result", ""])
def test_a_call_that_a_queue_did_not_take_goes_to_the_safe_destination(result):
    decision = route.after_queue(call(queue_result=result), TABLE, Progress())

    assert decision == Decision(
        GENERAL,
        (
            f"The queue did not take the call ({result or 'no result'}).",
            "Sent to the safe destination, Queue general.",
        ),
        is_safe=True,
    )


@pytest.mark.parametrize("status", ["completed", "answered"])
def test_a_call_that_was_answered_is_over(status):
    assert route.after_dial(call(dial_status=status), TABLE, Progress()) is None


@pytest.mark.parametrize("status", ["busy", "no-answer", "failed", "canceled", ""])
def test_a_call_that_nobody_answered_goes_to_the_dids_own_safe_destination(status):
    decision = route.after_dial(call(called="+12025550182", dial_status=status), TABLE, Progress())

    assert decision == Decision(
        to("say", "We are closed"),
        (
            f"The number that was dialled did not answer ({status or 'no result'}).",
            "Sent to the safe destination, Say We are closed.",
        ),
        is_safe=True,
    )


def test_when_the_safe_destination_fails_too_a_last_sentence_ends_the_call():
    decision = route.after_queue(call(queue_result="error"), TABLE, Progress(safe=True))

    assert decision == Decision(
        LAST_WORDS,
        (
            "The queue did not take the call (error).",
            "The safe destination was tried already; a last sentence ends the call.",
        ),
        is_safe=True,
    )


@pytest.mark.parametrize("status", ["completed", "busy", "failed", "no-answer", "canceled"])
@pytest.mark.parametrize("go_on", [route.after_queue, route.after_dial])
def test_a_call_that_has_ended_is_over_whatever_became_of_the_step(go_on, status):
    ended = call(status=status, queue_result="error", dial_status="failed")

    assert go_on(ended, TABLE, Progress()) is None


@pytest.mark.parametrize("status", ["", "queued", "ringing", "in-progress"])
@pytest.mark.parametrize("go_on", [route.after_queue, route.after_dial])
def test_a_call_that_has_not_ended_goes_on(go_on, status):
    going_on = call(status=status, queue_result="error", dial_status="failed")

    assert go_on(going_on, TABLE, Progress()).destination == GENERAL


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, "An earlier webhook of this call failed."),
        (
            {
                "error_url": "https://calls.example.com/twiml/ivr/801/ask?r=12&n=3&k=4",
                "error_code": "11205",
            },
            "An earlier webhook of this call failed at /twiml/ivr/801/ask (Twilio's error 11205).",
        ),
        ({"error_code": "11200"}, "An earlier webhook of this call failed (Twilio's error 11200)."),
        ({"error_url": "https://[calls/twiml/did"}, "An earlier webhook of this call failed."),
    ],
)
def test_a_call_of_which_a_webhook_failed_goes_to_the_safe_destination(changes, sentence):
    decision = route.after_failure(call(**changes), TABLE, Progress())

    explanation = (sentence, "Sent to the safe destination, Queue general.")
    assert decision == Decision(GENERAL, explanation, is_safe=True)


def test_a_call_that_failed_on_its_way_to_safety_hears_a_last_sentence():
    decision = route.after_failure(CALL, TABLE, Progress(safe=True))

    assert (decision.destination, decision.is_safe) == (LAST_WORDS, True)


@pytest.mark.parametrize("progress", [Progress(), Progress(step=100, visits=10)])
def test_a_call_that_goes_somewhere_does_not_circle(progress):
    assert route.circling(CALL, TABLE, progress) is None


@pytest.mark.parametrize(
    ("progress", "destination", "explanation"),
    [
        (
            Progress(step=11, visits=11),
            GENERAL,
            (
                "The call has taken more than 10 steps without a key being pressed.",
                "Sent to the safe destination, Queue general.",
            ),
        ),
        (
            Progress(step=11, visits=11, safe=True),
            LAST_WORDS,
            (
                "The call has taken more than 10 steps without a key being pressed.",
                "The safe destination was tried already; a last sentence ends the call.",
            ),
        ),
        (
            Progress(step=101, visits=1),
            LAST_WORDS,
            (
                "The call has taken more than 100 steps.",
                "The safe destination is not tried any more; a last sentence ends the call.",
            ),
        ),
    ],
)
def test_a_call_that_circles_is_led_out(progress, destination, explanation):
    decision = route.circling(CALL, TABLE, progress)

    assert decision == Decision(destination, explanation, is_safe=True)


@pytest.mark.parametrize(("step", "destination"), [(0, GENERAL), (100, GENERAL), (101, LAST_WORDS)])
def test_after_a_hundred_steps_a_last_sentence_ends_the_call(step, destination):
    decision = route.safely(CALL, TABLE, "It went wrong.", Progress(step=step))

    assert decision.destination == destination


@pytest.mark.parametrize(
    ("called", "destination", "sentence"),
    [
        ("+12025550180", DESK, "Dialled +1 202-555-0199."),
        ("+12025550181", HANGUP, "Hung up."),
        ("+12025550189", HANGUP, "Hung up."),
    ],
)
def test_after_a_recording_a_did_goes_where_its_rule_says(called, destination, sentence):
    decision = route.after_recording(call(called=called), TABLE)

    assert decision == Decision(destination, ("The recording has played out.", sentence))


def test_a_note_stands_before_the_explanation():
    decision = Decision(HANGUP, ("Hung up.",))

    assert decision.noting("Release 3 decided.").explanation == ("Release 3 decided.", "Hung up.")
    assert decision.noting("") is decision
