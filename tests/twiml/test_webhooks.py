"""Twilio's door: whole documents for each webhook of a call."""

import json
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from tests.conftest import BASE, MakeApp, Post, poster, sign

XML = '<?xml version="1.0" encoding="UTF-8"?>'
ADA, SAM, BEA = "+12025550101", "+12025550102", "+12025550103"
SALES, SUPPORT, ACCOUNTS = "+12025550180", "+12025550181", "+12025550182"
SAFELY = (
    '<Enqueue action="/twiml/after/queue?r=1&amp;n={n}&amp;v={v}&amp;s=1" method="POST">'
    "general</Enqueue>"
)


def document(response: TestResponse) -> str:
    """Return the TwiML of an answer without its frame, having seen that the frame is right."""
    assert response.status_code == 200
    assert response.mimetype == "text/xml"
    assert response.text.startswith(f"{XML}<Response")
    body = response.text.removeprefix(XML)
    return "" if body == "<Response />" else body[len("<Response>") : -len("</Response>")]


def journal_of(instance: Path) -> list[dict]:
    """Return the lines that were appended to the journal."""
    files = sorted((instance / "journal").glob("*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text().split("\n") if line]


def test_a_caller_whom_the_rule_knows_is_sent_to_the_queue_of_the_first_condition(twilio: Post):
    response = twilio("/twiml/did", CallSid="CA1", From=ADA, To=SALES)

    assert document(response) == (
        '<Enqueue action="/twiml/after/queue?r=1&amp;n=1&amp;v=1" method="POST">vip</Enqueue>'
    )


def test_a_condition_may_send_the_caller_to_a_menu(twilio: Post):
    response = twilio("/twiml/did", CallSid="CA1", From=SAM, To=SALES)

    assert document(response) == (
        '<Redirect method="POST">/twiml/ivr/801?r=1&amp;n=1&amp;v=1</Redirect>'
    )


def test_a_recording_is_played_by_its_absolute_address_and_the_call_goes_on_after_it(
    twilio: Post,
):
    first = document(twilio("/twiml/did", CallSid="CA1", From=BEA, To=SALES))
    after = twilio("/twiml/after/recording?r=1&n=1&v=1", CallSid="CA1", From=BEA, To=SALES)

    play, redirect = first.split("</Play>")
    assert play.startswith(f"<Play>{BASE}/recordings/")
    assert play.endswith("/bronze-offer.wav")
    assert redirect == (
        '<Redirect method="POST">/twiml/after/recording?r=1&amp;n=1&amp;v=1</Redirect>'
    )
    assert document(after) == "<Hangup />"


def test_a_menu_is_spoken_as_often_as_it_says_and_silence_leads_on(twilio: Post):
    response = twilio("/twiml/ivr/802?r=1&n=1&v=1", CallSid="CA1", From=ADA, To=ACCOUNTS)

    gather = (
        '<Gather action="/twiml/ivr/802/key?r=1&amp;n=2&amp;v=2" finishOnKey="" input="dtmf" '
        'method="POST" numDigits="1" timeout="4">'
        '<Say language="en-US" voice="Polly.Joanna">'
        "Accounts. To key in your account number, press 1.</Say></Gather>"
    )
    redirect = '<Redirect method="POST">/twiml/ivr/802/key?r=1&amp;n=2&amp;v=2&amp;t=1</Redirect>'
    assert document(response) == gather + gather + redirect


def test_a_key_leads_where_the_menu_says_and_the_visits_begin_anew(twilio: Post):
    response = twilio("/twiml/ivr/801/key?r=1&n=9&v=9", CallSid="CA1", To=SUPPORT, Digits="1")

    assert document(response) == (
        '<Enqueue action="/twiml/after/queue?r=1&amp;n=10&amp;v=1" method="POST">general</Enqueue>'
    )


def test_a_key_may_hang_up(twilio: Post):
    response = twilio("/twiml/ivr/801/key?r=1&n=2&v=2", CallSid="CA1", To=SUPPORT, Digits="9")

    assert document(response) == "<Hangup />"


@pytest.mark.parametrize("digits", ["5", "#", "*", "77"])
def test_a_wrong_key_leads_back_to_the_menu(twilio: Post, digits: str):
    response = twilio("/twiml/ivr/801/key?r=1&n=2&v=2", CallSid="CA1", To=SUPPORT, Digits=digits)

    assert document(response) == (
        '<Redirect method="POST">/twiml/ivr/801?r=1&amp;n=3&amp;v=1</Redirect>'
    )


def test_no_key_leads_where_the_menu_says(twilio: Post):
    response = twilio("/twiml/ivr/801/key?r=1&n=2&v=2", CallSid="CA1", To=SUPPORT)

    assert document(response) == (
        '<Enqueue action="/twiml/after/queue?r=1&amp;n=3&amp;v=3" method="POST">general</Enqueue>'
    )


def test_silence_is_silence_even_if_twilio_sends_the_last_key_once_more(twilio: Post):
    fields = {"CallSid": "CA1", "To": ACCOUNTS, "Digits": "1"}

    in_menu = twilio("/twiml/ivr/802/key?r=1&n=2&v=2&t=1", **fields)
    in_rule = twilio("/twiml/ivr/802/ask?r=1&n=3&v=1&k=1&t=1", **fields)

    assert document(in_menu).endswith(">general</Enqueue>")
    assert document(in_rule).endswith(">general</Enqueue>")


def test_a_rule_with_an_announcement_speaks_before_it_asks(twilio: Post):
    response = twilio("/twiml/ivr/801/key?r=1&n=2&v=2", CallSid="CA1", To=SUPPORT, Digits="2")

    assert document(response) == (
        '<Say language="en-US" voice="Polly.Joanna">'
        "Please hold while we look up your account.</Say>"
        '<Redirect method="POST">/twiml/ivr/801/ask?r=1&amp;n=3&amp;v=1&amp;k=2&amp;t=1</Redirect>'
    )


def test_a_rule_that_asks_for_digits_gathers_them_until_the_hash_key(twilio: Post):
    response = twilio("/twiml/ivr/802/key?r=1&n=2&v=2", CallSid="CA1", To=ACCOUNTS, Digits="1")

    assert document(response) == (
        '<Gather action="/twiml/ivr/802/ask?r=1&amp;n=3&amp;v=1&amp;k=1" finishOnKey="#" '
        'input="dtmf" method="POST" timeout="6"><Say language="en-US" voice="Polly.Joanna">'
        "Please key in your account number, then press the hash key.</Say></Gather>"
        '<Redirect method="POST">/twiml/ivr/802/ask?r=1&amp;n=3&amp;v=1&amp;k=1&amp;t=1</Redirect>'
    )


def test_keyed_digits_stand_nowhere_but_in_the_request(
    twilio: Post, instance: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level("DEBUG")

    response = twilio(
        "/twiml/ivr/802/ask?r=1&n=3&v=1&k=1", CallSid="CA1", To=ACCOUNTS, Digits="1003"
    )

    assert "1003" not in response.text
    assert "1003" not in json.dumps([line["entry"] for line in journal_of(instance)])
    assert "1003" not in caplog.text


def test_a_recording_in_a_menu_leads_back_to_it(twilio: Post):
    response = twilio("/twiml/ivr/801/ask?r=1&n=3&v=1&k=2", CallSid="CA1", From=BEA, To=SUPPORT)

    assert document(response).endswith(
        '/thank-you.wav</Play><Redirect method="POST">/twiml/ivr/801?r=1&amp;n=4&amp;v=2</Redirect>'
    )


@pytest.mark.parametrize("result", ["queue-full", "error", "system-error", "leave", "", "news"])
def test_a_queue_that_did_not_take_the_call_leads_to_the_safe_destination(
    twilio: Post, result: str
):
    fields = {"CallSid": "CA1", "To": SALES, "QueueResult": result}

    response = twilio("/twiml/after/queue?r=1&n=1&v=1", **fields)
    again = twilio("/twiml/after/queue?r=1&n=2&v=2&s=1", **fields)

    assert document(response) == SAFELY.format(n=2, v=2)
    assert document(again) == (
        '<Say language="en-US" voice="Polly.Joanna">We are sorry, we can\'t take your call right '
        "now. Please call again later.</Say><Hangup />"
    )


@pytest.mark.parametrize("result", ["bridged", "hangup", "redirected"])
def test_a_call_that_was_taken_from_the_queue_is_over(twilio: Post, instance: Path, result: str):
    response = twilio("/twiml/after/queue?r=1&n=1&v=1", CallSid="CA1", QueueResult=result)

    assert document(response) == "<Hangup />"
    assert journal_of(instance) == []


@pytest.mark.parametrize("status", ["busy", "no-answer", "failed", "canceled", ""])
def test_an_unanswered_dial_leads_to_the_safe_destination(twilio: Post, status: str):
    response = twilio("/twiml/after/dial?r=1&n=1&v=1", CallSid="CA1", DialCallStatus=status)

    assert document(response) == SAFELY.format(n=2, v=2)


def test_an_answered_dial_ends_the_call(twilio: Post):
    response = twilio("/twiml/after/dial?r=1&n=1&v=1", CallSid="CA1", DialCallStatus="completed")

    assert document(response) == "<Hangup />"


@pytest.mark.parametrize(
    "target",
    [
        "/twiml/ivr/801?r=1&n=11&v=11",
        "/twiml/ivr/801/key?r=1&n=11&v=11",
        "/twiml/ivr/801/ask?r=1&n=11&v=11&k=2",
        "/twiml/after/recording?r=1&n=11&v=11",
    ],
)
def test_a_call_that_goes_in_circles_is_taken_to_the_safe_destination(twilio: Post, target: str):
    response = twilio(target, CallSid="CA1", From=ADA, To=SUPPORT)

    assert document(response) == SAFELY.format(n=12, v=12)


def test_a_key_that_is_pressed_late_still_leads_where_the_menu_says(twilio: Post):
    response = twilio("/twiml/ivr/801/key?r=1&n=11&v=11", CallSid="CA1", To=SUPPORT, Digits="1")

    assert document(response) == (
        '<Enqueue action="/twiml/after/queue?r=1&amp;n=12&amp;v=1" method="POST">general</Enqueue>'
    )


def test_a_call_of_more_than_a_hundred_steps_ends_with_a_sentence(twilio: Post):
    response = twilio("/twiml/ivr/801/key?r=1&n=101&v=1", CallSid="CA1", To=SUPPORT, Digits="5")

    assert document(response).endswith("Please call again later.</Say><Hangup />")


@pytest.mark.parametrize(
    "target", ["/twiml/ivr/999", "/twiml/ivr/999/key", "/twiml/ivr/999/ask", "/twiml/voice"]
)
def test_an_address_that_leads_nowhere_leads_to_the_safe_destination(twilio: Post, target: str):
    response = twilio(target, CallSid="CA1", From=ADA, To=SUPPORT)

    assert document(response) == SAFELY.format(n=1, v=1)


def test_the_fallback_takes_a_call_to_the_safe_destination_of_its_did(twilio: Post):
    error_url = f"{BASE}/twiml/ivr/801?r=1&n=4&v=2"

    response = twilio("/twiml/fallback", CallSid="CA1", To=SUPPORT, ErrorUrl=error_url)

    assert document(response) == SAFELY.format(n=5, v=3)


def test_the_end_of_a_call_is_noted_and_answered_with_nothing(twilio: Post, instance: Path):
    ringing = twilio("/twiml/status", CallSid="CA1", CallStatus="ringing")
    ended = twilio("/twiml/status", CallSid="CA1", CallStatus="completed", CallDuration="31")

    assert [document(ringing), document(ended)] == ["", ""]
    [line] = journal_of(instance)
    assert line["entry"]["status"] == "completed"
    assert line["entry"]["duration"] == 31


def test_a_webhook_may_come_by_get(app, instance: Path):
    target = f"/twiml/did?CallSid=CA1&From=%2B{ADA[1:]}&To=%2B{SALES[1:]}"

    response = app.test_client().get(target, base_url=BASE, headers=sign(BASE + target, {}))

    assert document(response).endswith(">vip</Enqueue>")


def test_a_fault_of_ours_takes_the_call_to_the_safe_destination(make_app: MakeApp, instance: Path):
    def faulty_client(*_: object) -> None:
        raise ZeroDivisionError

    app = make_app(client_for=faulty_client, propagate_faults=False)

    response = poster(app)("/twiml/did", CallSid="CA1", From=ADA, To=SALES)

    assert document(response) == SAFELY.format(n=1, v=1)
    [line] = journal_of(instance)
    assert line["entry"]["explanation"] == [
        "Something failed in voiceapp.",
        "Sent to the safe destination, Queue general.",
    ]


def test_without_any_release_the_caller_hears_a_sentence(make_app: MakeApp, tmp_path: Path):
    app = make_app({"INSTANCE_PATH": str(tmp_path / "empty")}, propagate_faults=False)

    response = poster(app)("/twiml/did", CallSid="CA1", From=ADA, To=SALES)

    assert document(response).endswith("Please call again later.</Say><Hangup />")
