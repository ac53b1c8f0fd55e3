"""What Twilio sends, read without relying on any of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceapp.twiml.call import IncomingCall, read_count

FIELDS = {
    "CallSid": "CA1",
    "AccountSid": "AC1",
    "From": "+12025550101",
    "To": "+12025550180",
    "CallStatus": "completed",
    "CallDuration": "45",
    "Digits": "1001",
    "DialCallStatus": "no-answer",
    "QueueResult": "queue-full",
    "ErrorUrl": "https://calls.example.com/twiml/did",
    "ErrorCode": "11200",
    "CallerCity": "WASHINGTON",
}


def test_the_fields_of_a_webhook_become_a_call():
    assert IncomingCall.from_form(FIELDS) == IncomingCall(
        sid="CA1",
        caller="+12025550101",
        called="+12025550180",
        status="completed",
        duration=45,
        digits="1001",
        dial_status="no-answer",
        queue_result="queue-full",
        error_url="https://calls.example.com/twiml/did",
        error_code="11200",
    )


def test_what_is_missing_is_blank():
    assert IncomingCall.from_form({}) == IncomingCall()


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (" +12025550101 ", "+12025550101"),
        ("+1202\x005550101\r\n", "+12025550101"),
        ("Ada\u0085\x7f\ud800", "Ada"),
        ("x" * 200, "x" * 128),
        ("\x00" * 200 + "x", "x"),
        ("Zoë ☎", "Zoë ☎"),
    ],
)
def test_texts_are_cleaned_and_cut(sent, read):
    assert IncomingCall.from_form({"From": sent}) == IncomingCall(caller=read)


def test_the_id_of_a_call_is_cut_to_what_the_journal_holds():
    assert IncomingCall.from_form({"CallSid": "C" * 200}).sid == "C" * 64


def test_the_address_that_failed_is_kept_with_its_query():
    call = IncomingCall.from_form({"ErrorUrl": "x" * 3000, "ErrorCode": "1" * 20})

    assert (call.error_url, call.error_code) == ("x" * 2000, "1" * 10)


@pytest.mark.parametrize(
    ("status", "is_over"),
    [
        ("completed", True),
        ("busy", True),
        ("failed", True),
        ("no-answer", True),
        ("canceled", True),
        ("queued", False),
        ("ringing", False),
        ("in-progress", False),
        ("", False),
    ],
)
def test_a_call_is_over_when_twilio_says_so(status, is_over):
    assert IncomingCall(status=status).is_over is is_over


@pytest.mark.parametrize("duration", ["", "-1", "1.5", "soon", "１", "9" * 10])
def test_a_duration_that_is_no_small_number_is_none(duration):
    assert IncomingCall.from_form({"CallDuration": duration}).duration is None


@given(st.dictionaries(st.sampled_from(list(FIELDS)), st.text(st.characters())))
def test_whatever_is_sent_no_text_is_long_or_breaks_a_line(fields):
    call = IncomingCall.from_form(fields)

    texts = (call.sid, call.caller, call.called, call.status, call.digits, call.error_code)
    assert all(len(text) <= 128 for text in texts)
    assert len(call.error_url) <= 2000
    texts = (*texts, call.error_url)
    assert all(text == text.strip() for text in texts)
    assert not any(character < " " for text in texts for character in text)


@pytest.mark.parametrize("number", ["+12025550101", "+4930123456", "+442079460958", "+2665551234"])
def test_a_caller_has_the_number_they_show(number):
    assert IncomingCall(caller=number).number == number


@pytest.mark.parametrize(
    "shown",
    [
        "",
        "anonymous",
        "Anonymous",
        "RESTRICTED",
        "unavailable",
        "+266696687",
        "+7378742833",
        "+86282452253",
        "+8656696",
        "+2562533",
        "2025550101",
        "12345",
        "+123456",
        "+1234567890123456",
        "+02025550101",
        "+1202555０１０１",
        "+1 202 555 0101",
        "sip:ada@example.com",
        "client:ada",
    ],
)
def test_a_caller_who_shows_no_telephone_number_has_none(shown):
    assert IncomingCall(caller=shown).number is None


def test_keyed_digits_are_not_shown_in_logs():
    assert "1001" not in repr(IncomingCall(digits="1001"))


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("0", 0),
        ("12", 12),
        ("999999999", 999_999_999),
        ("1000000000", None),
        ("-1", None),
        ("+1", None),
        ("1.0", None),
        (" 1", None),
        ("²", None),
        ("", None),
    ],
)
def test_a_count_is_a_small_whole_number(text, count):
    assert read_count(text) == count
