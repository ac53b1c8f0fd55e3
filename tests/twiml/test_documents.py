"""The tests' own measure of an answer: it lets nothing pass that Twilio would trip over."""

import pytest

from tests.twiml.documents import faults_of

URL = "/twiml/did?r=1&amp;n=1"


@pytest.mark.parametrize(
    "inside",
    [
        "",
        "<Hangup/>",
        f"<Say voice='Polly.Joanna' language='en-US'>Hello.</Say><Redirect>{URL}</Redirect>",
        f"<Gather action='{URL}' numDigits='1' finishOnKey=''><Say>1?</Say></Gather><Hangup/>",
        f"<Enqueue action='{URL}' method='POST'>vip</Enqueue>",
        f"<Dial action='{URL}' timeout='30'><Number>+12025550101</Number></Dial>",
        f"<Dial action='{URL}'><Sip>sip:a@example.com</Sip></Dial>",
    ],
)
def test_what_twilio_follows_passes(inside: str):
    assert faults_of(f"<Response>{inside}</Response>".encode()) == []


@pytest.mark.parametrize(
    "body",
    [
        "",
        "Internal Server Error",
        "<html></html>",
        "\n<?xml version='1.0'?><Response/>",
        "<!DOCTYPE x><Response/>",
        "<Response><Hangup/></Response><Response/>",
        "<Response>Hello<Hangup/></Response>",
        "<Response><Hangup/>Hello</Response>",
        "<Response><Hang/></Response>",
        "<Response><Hangup reason='x'/></Response>",
        "<Response><Hangup>x</Hangup></Response>",
        "<Response><Say></Say><Hangup/></Response>",
        "<Response><Say>Hello.</Say></Response>",
        "<Response><Say language='English'>Hello.</Say><Hangup/></Response>",
        "<Response><Redirect></Redirect></Response>",
        "<Response><Redirect>javascript:1</Redirect></Response>",
        "<Response><Redirect method='PUT'>/twiml/did</Redirect></Response>",
        "<Response><Gather action='/a'><Hangup/></Gather><Hangup/></Response>",
        "<Response><Gather action='/a'><Dial>1</Dial></Gather><Hangup/></Response>",
        "<Response><Gather action='/a' numDigits='0'/><Hangup/></Response>",
        "<Response><Gather action='/a'/></Response>",
        "<Response><Enqueue>vip</Enqueue></Response>",
        "<Response><Enqueue action='/a'> </Enqueue></Response>",
        f"<Response><Enqueue action='/a'>{'q' * 65}</Enqueue></Response>",
        "<Response><Dial action='/a'><Number>12</Number></Dial></Response>",
        "<Response><Dial><Number>+12025550101</Number></Dial></Response>",
        f"<Response><Say>{'é' * 4000}</Say>{'<Pause/>' * 8000}<Hangup/></Response>",
    ],
)
def test_what_twilio_would_trip_over_is_told(body: str):
    assert faults_of(body.encode()) != []
