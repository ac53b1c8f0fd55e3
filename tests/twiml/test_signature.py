"""Whether a request is Twilio's; anything else is not."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator
from werkzeug.datastructures import MultiDict

from voiceapp.twiml.signature import is_genuine, signed_url

# Twilio's own example, https://www.twilio.com/docs/usage/webhooks/webhooks-security
TOKEN = "12345"
URL = "https://example.com/myapp.php?foo=1&bar=2"
FIELDS = {
    "CallSid": "CA1234567890ABCDE",
    "Caller": "+14158675310",
    "Digits": "1234",
    "From": "+14158675310",
    "To": "+18005551212",
}
SIGNATURE = "L/OH5YylLD5NRKLltdqwSvS0BnU="
BODY = '{"CallSid": "CA1"}'


def signed(url: str, params=None, token: str = TOKEN) -> str:
    return RequestValidator(token).compute_signature(url, params or {})


def digested(body: str) -> str:
    return f"{URL}&bodySHA256={hashlib.sha256(body.encode()).hexdigest()}"


def test_twilios_own_example_is_genuine():
    assert is_genuine([TOKEN], URL, FIELDS, SIGNATURE) is True


@pytest.mark.parametrize("tokens", [["12345", "other"], ["other", "12345"]])
def test_while_a_token_is_rotated_both_are_good(tokens):
    assert is_genuine(tokens, URL, FIELDS, SIGNATURE) is True


@pytest.mark.parametrize(
    ("tokens", "url", "fields", "signature"),
    [
        ([], URL, FIELDS, SIGNATURE),
        (["54321"], URL, FIELDS, SIGNATURE),
        ([""], URL, FIELDS, SIGNATURE),
        ([TOKEN], URL.replace("https", "http"), FIELDS, SIGNATURE),
        ([TOKEN], URL.replace("example.com", "example.org"), FIELDS, SIGNATURE),
        ([TOKEN], URL.replace("foo=1", "foo=2"), FIELDS, SIGNATURE),
        ([TOKEN], URL + "&baz=3", FIELDS, SIGNATURE),
        ([TOKEN], URL, FIELDS | {"Digits": "4321"}, SIGNATURE),
        ([TOKEN], URL, FIELDS | {"More": ""}, SIGNATURE),
        ([TOKEN], URL, {}, SIGNATURE),
        ([TOKEN], URL, FIELDS, ""),
        ([TOKEN], URL, FIELDS, SIGNATURE.lower()),
        ([TOKEN], URL, FIELDS, SIGNATURE + "="),
        ([TOKEN], URL, FIELDS, "é☎"),
    ],
)
def test_whatever_differs_is_not_genuine(tokens, url, fields, signature):
    assert is_genuine(tokens, url, fields, signature) is False


def test_repeated_fields_are_signed_too():
    form = MultiDict([("Digits", "1"), ("Digits", "2")])
    signature = signed(URL, form)

    assert is_genuine([TOKEN], URL, form, signature) is True
    assert is_genuine([TOKEN], URL, MultiDict([("Digits", "1")]), signature) is False


def test_a_get_is_signed_by_its_address_alone():
    assert is_genuine([TOKEN], URL, {}, signed(URL)) is True


def test_a_body_that_is_no_form_is_held_against_its_digest():
    url = digested(BODY)

    assert is_genuine([TOKEN], url, BODY, signed(url)) is True
    assert is_genuine([TOKEN], url, BODY.replace("CA1", "CA2"), signed(url)) is False
    assert is_genuine(["54321"], url, BODY, signed(url)) is False


def test_a_body_that_is_no_form_needs_a_digest():
    assert is_genuine([TOKEN], URL, BODY, signed(URL)) is False


_text = st.text(st.characters())


@given(
    st.lists(_text, max_size=2),
    _text | st.just(URL) | st.just(digested(BODY)) | st.just("https://host:99999999/"),
    st.dictionaries(_text, _text, max_size=3) | _text,
    _text,
)
def test_whatever_the_validator_trips_over_is_not_genuine(tokens, url, params, signature):
    assert is_genuine(tokens, url, params, signature) is False


@pytest.mark.parametrize(
    ("environ", "target"),
    [
        ({"RAW_URI": "/twiml/did?r=1"}, "/twiml/did?r=1"),
        ({"REQUEST_URI": "/twiml/did"}, "/twiml/did"),
        ({"RAW_URI": "/a%2Fb/%C3%AB/%7E?x=%20+", "PATH_INFO": "/a/b"}, "/a%2Fb/%C3%AB/%7E?x=%20+"),
        ({"RAW_URI": "/raw", "REQUEST_URI": "/request", "PATH_INFO": "/path"}, "/raw"),
        ({"RAW_URI": "/twiml/did?"}, "/twiml/did?"),
        ({"RAW_URI": "https://evil.example/twiml/did", "PATH_INFO": "/twiml/did"}, "/twiml/did"),
        ({"RAW_URI": "*", "REQUEST_URI": "/twiml/did"}, "/twiml/did"),
        (
            {"RAW_URI": "", "PATH_INFO": "/twiml/did", "QUERY_STRING": "r=1&n=%32"},
            "/twiml/did?r=1&n=%32",
        ),
        ({"PATH_INFO": "/twiml/ivr/\xc3\xab 1"}, "/twiml/ivr/%C3%AB%201"),
        ({}, "/"),
    ],
)
def test_the_address_that_counts_is_the_public_one_with_the_target_as_sent(environ, target):
    assert signed_url("https://calls.example.com", environ) == "https://calls.example.com" + target
