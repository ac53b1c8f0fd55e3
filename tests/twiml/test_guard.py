"""The guard at Twilio's door: what it can't read or believe gets no TwiML and leaves no trace."""

import logging
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.conftest import BASE, MakeApp, Post, sign
from tests.routing.journals import files_in
from tests.twiml.documents import faults_of
from voiceapp.refusals import EVERY, Refusals
from voiceapp.runtime import attach, runtime

ADA, SALES = "+12025550101", "+12025550180"
FIELDS = {"CallSid": "CA1", "From": ADA, "To": SALES}
DID = "/twiml/did"


class _Odd(Exception):
    """What no library has a name for."""


class _BrokenInput:
    """The body of a request that breaks off with an error of the server's own."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def read(self, *_: int) -> bytes:
        raise self._error

    readline = readinto = read

    def close(self) -> None:
        """Nothing to close."""


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def with_parts(app: Flask, **parts: object) -> Flask:
    """Give an application other parts than it was made with."""
    attach(app, replace(app.extensions["voiceapp"], **parts))  # type: ignore[arg-type]
    return app


def post(app: Flask, target: str, **environ: object) -> TestResponse:
    """Post a signed webhook to a target as it is spelled, however strange."""
    return app.test_client().post(
        base_url=BASE,
        data=FIELDS,
        headers=sign(BASE + target, FIELDS),
        environ_overrides={"PATH_INFO": target, "RAW_URI": target, **environ},
    )


def assert_refused(response: TestResponse, status: int) -> None:
    assert response.status_code == status
    assert "<Response" not in response.text
    assert response.mimetype != "text/xml"


@pytest.mark.parametrize("error", [_Odd(), OSError(), ValueError(), EOFError(), RuntimeError()])
@pytest.mark.parametrize(
    "media_type",
    ["application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "application/json"],
)
@pytest.mark.parametrize(
    "framing", [{"CONTENT_LENGTH": "50"}, {"CONTENT_LENGTH": "", "wsgi.input_terminated": True}]
)
def test_a_body_that_cannot_be_read_is_refused_without_a_trace(
    make_app: MakeApp,
    instance: Path,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    media_type: str,
    framing: dict[str, object],
):
    app = make_app(propagate_faults=False)

    response = post(
        app, DID, **{"wsgi.input": _BrokenInput(error), "CONTENT_TYPE": media_type}, **framing
    )

    assert_refused(response, 400)
    assert files_in(instance / "journal") == []
    assert caplog.records == []


class _Faulty:
    """A part of the application of which nothing works."""

    def __getattr__(self, name: str) -> object:
        raise _Odd(name)


@pytest.mark.parametrize(("part", "status"), [("settings", 400), ("refusals", 403)])
def test_a_fault_inside_the_guard_yields_no_twiml(
    make_app: MakeApp, instance: Path, part: str, status: int
):
    app = with_parts(make_app(propagate_faults=False), **{part: _Faulty()})

    response = app.test_client().post(DID, base_url=BASE, data=FIELDS)

    assert_refused(response, status)
    assert files_in(instance / "journal") == []


def test_a_fault_before_the_guard_was_done_yields_no_twiml_though_it_is_signed(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
):
    def faulty(*_: object) -> None:
        raise _Odd

    monkeypatch.setattr("voiceapp.answering.runtime", faulty)

    response = post(make_app(propagate_faults=False), DID)

    assert_refused(response, 403)


class TestRefusals:
    def test_the_first_of_each_reason_is_said_at_once(self, caplog: pytest.LogCaptureFixture):
        refusals = Refusals(Clock())

        for reason in ("it is not signed.", "it is too late.", "it is not signed."):
            refusals.note(reason)

        assert [(one.levelno, one.getMessage()) for one in caplog.records] == [
            (logging.WARNING, "Refused a webhook as it is not signed."),
            (logging.WARNING, "Refused a webhook as it is too late."),
        ]

    def test_the_same_reason_is_said_once_a_minute_with_the_count(
        self, caplog: pytest.LogCaptureFixture
    ):
        clock = Clock()
        refusals = Refusals(clock)

        for _ in range(5 * 60):  # one a second
            refusals.note("it is not signed.")
            clock.now += 1

        assert (
            caplog.messages
            == ["Refused a webhook as it is not signed."]
            + ["Refused 60 webhooks as it is not signed."] * 4
        )

    def test_after_a_quiet_time_one_is_one_again(self, caplog: pytest.LogCaptureFixture):
        clock = Clock()
        refusals = Refusals(clock)

        refusals.note("it is not signed.")
        clock.now += EVERY
        refusals.note("it is not signed.")

        assert caplog.messages == ["Refused a webhook as it is not signed."] * 2

    def test_a_clock_that_has_just_begun_says_the_first(self, caplog: pytest.LogCaptureFixture):
        clock = Clock()
        clock.now = 0

        Refusals(clock).note("it is not signed.")

        assert caplog.messages == ["Refused a webhook as it is not signed."]


def test_refused_webhooks_leave_a_warning_for_each_reason_and_nothing_they_held(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture
):
    caplog.set_level("INFO")
    account = f"AC{'1' * 32}"
    app = make_app({"TWILIO_ACCOUNT_SID": account}, propagate_faults=False)
    fields = {"CallSid": "held-sid", "From": "held-from", "AccountSid": "held-account"}
    target = "/twiml/held-path?held=query"
    clock = Clock()
    with_parts(app, refusals=Refusals(clock))

    for _ in range(3):
        for headers in ({}, {"X-Twilio-Signature": "held-signature"}, sign(BASE + target, fields)):
            sent = {**headers, "User-Agent": "held-agent"}
            response = app.test_client().post(target, base_url=BASE, data=fields, headers=sent)
            assert_refused(response, 403)
        clock.now += EVERY / 3

    assert [one.levelno for one in caplog.records] == [logging.WARNING] * 3
    assert [message.partition(" as ")[2][:20] for message in caplog.messages] == [
        "it is not signed.",
        "its signature is not",
        "its AccountSid is no",
    ]
    assert "held" not in caplog.text


SPELLINGS = ["//twiml/did", "/twiml//did", "/twiml/did/", "///twiml///did//"]


@pytest.mark.parametrize("target", SPELLINGS)
def test_slashes_too_many_change_nothing_about_the_answer(twilio: Post, app: Flask, target: str):
    plain = twilio(DID, **FIELDS)

    response = post(app, target)

    assert (response.status_code, response.mimetype) == (200, "text/xml")
    assert response.data == plain.data
    assert ">vip</Enqueue>" in response.text


@pytest.mark.parametrize("target", ["/twiml", "/twiml/", "/twiml//", "//twiml/"])
def test_the_address_of_the_door_itself_leads_to_the_safe_destination(app: Flask, target: str):
    response = post(app, target)

    assert (response.status_code, response.mimetype) == (200, "text/xml")
    assert faults_of(response.data) == []
    assert ">general</Enqueue>" in response.text


@pytest.mark.parametrize("target", [*SPELLINGS, "/twiml", "/twiml/"])
def test_slashes_too_many_let_nobody_in(app: Flask, target: str):
    signed_for_the_plain_address = sign(BASE + "/twiml/elsewhere", FIELDS)

    response = app.test_client().post(
        base_url=BASE,
        data=FIELDS,
        headers=signed_for_the_plain_address,
        environ_overrides={"PATH_INFO": target, "RAW_URI": target},
    )

    assert_refused(response, 403)
    with app.app_context():
        assert files_in(runtime().settings.instance / "journal") == []
