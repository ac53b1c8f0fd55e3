"""Whatever breaks inside, a genuine webhook is answered, and its call lands somewhere."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.conftest import MakeApp, poster
from tests.routing.journals import entries_in
from tests.twiml.documents import faults_of
from voiceapp.crm.contract import CrmClient
from voiceapp.routing.deliveries import Deliveries
from voiceapp.routing.entry import DecisionEntry
from voiceapp.routing.journal import Journal
from voiceapp.runtime import Runtime, attach
from voiceapp.twiml.verbs import SORRY

FIELDS = {
    "CallSid": "CA1",
    "From": "+12025550101",
    "To": "+12025550180",
    "Digits": "1",
    "CallStatus": "in-progress",
}
QUERY = "?r=1&n=3&v=1&k=2"
ASKING = ["/twiml/did", f"/twiml/ivr/801/ask{QUERY}", f"/twiml/ivr/802/ask{QUERY[:-1]}1"]
DECIDING = [
    *ASKING,
    f"/twiml/ivr/801/key{QUERY}",
    f"/twiml/after/queue{QUERY}",
    f"/twiml/after/dial{QUERY}",
    f"/twiml/after/recording{QUERY}",
    "/twiml/fallback",
    "/twiml/elsewhere",
]
FOLLOWING = [*DECIDING, f"/twiml/ivr/801{QUERY}"]
SAFE = ">general</Enqueue>"
LAST_WORDS = f">{SORRY}</Say><Hangup />"


class _Broken(Exception):
    """A fault that nobody thought of."""


def broken(*_: object, **__: object) -> None:
    raise _Broken


def once(fault: Callable[..., object], work: Callable[..., object]) -> Callable[..., object]:
    """Return `work`, which fails the first time."""
    faults = [fault]

    def attempted(*arguments: object, **named: object) -> object:
        return (faults.pop() if faults else work)(*arguments, **named)

    return attempted


def parts_of(app: Flask) -> Runtime:
    parts: Runtime = app.extensions["voiceapp"]
    return parts


def with_parts(app: Flask, **parts: object) -> Flask:
    """Give an application other parts than it was made with."""
    attach(app, replace(parts_of(app), **parts))  # type: ignore[arg-type]
    return app


def assert_lands(response: TestResponse, at: str) -> None:
    """See a document that Twilio takes, and that leads there."""
    assert (response.status_code, response.mimetype) == (200, "text/xml")
    assert faults_of(response.data) == []
    assert at in response.text


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """An application that hides its faults, as it does in use."""
    return make_app(propagate_faults=False)


class _BrokenJournal(Journal):
    def append(self, entry: object) -> None:
        raise _Broken


@pytest.mark.parametrize("target", DECIDING)
def test_a_journal_that_fails_keeps_no_caller_from_where_they_go(
    app: Flask, instance: Path, caplog: pytest.LogCaptureFixture, target: str
):
    expected = poster(app)(target, **FIELDS).text
    with_parts(app, journal=_BrokenJournal(instance / "journal"), deliveries=Deliveries())

    response = poster(app)(target, **FIELDS)

    assert (response.status_code, response.text) == (200, expected)
    assert "A decision is not in the journal" in caplog.messages
    assert parts_of(app).metrics.lost_rows() == 1


def assert_explained(instance: Path, why: str) -> None:
    """See the journal hold one decision, for the safe destination, with this reason."""
    [entry] = entries_in(instance / "journal")
    assert isinstance(entry, DecisionEntry)
    assert entry.destination_option == "general"
    assert entry.explanation[0] == why


@pytest.mark.parametrize("target", ASKING)
def test_an_inquirer_that_fails_leads_to_the_safe_destination(
    app: Flask, instance: Path, caplog: pytest.LogCaptureFixture, target: str
):
    with_parts(app, inquirer=SimpleNamespace(inquire=broken))

    response = poster(app)(target, **FIELDS)

    assert_lands(response, SAFE)
    assert_explained(instance, "Something failed in voiceapp.")
    [record] = [one for one in caplog.records if one.levelname == "ERROR"]
    assert record.exc_info is not None
    assert record.exc_info[0] is _Broken


class _BrokenClient:
    find = staticmethod(broken)


@pytest.mark.parametrize("target", ASKING)
def test_a_client_with_a_bug_leads_to_where_the_rule_or_the_installation_says(
    make_app: MakeApp, target: str
):
    def client_for(*_: object) -> CrmClient:
        return _BrokenClient()  # type: ignore[return-value]  # that is the bug

    response = poster(make_app(client_for=client_for, propagate_faults=False))(target, **FIELDS)

    assert_lands(response, "</Enqueue>")


def no_thread(*_: object, **__: object) -> None:
    raise RuntimeError("can't start new thread")


@pytest.mark.parametrize("target", FOLLOWING)
def test_a_process_that_cannot_start_says_the_last_sentence(app: Flask, target: str):
    live = SimpleNamespace(ensure_started=no_thread, tables=parts_of(app).live.tables)
    with_parts(app, live=live)

    response = poster(app)(target, **FIELDS)

    assert_lands(response, LAST_WORDS)


@pytest.mark.parametrize("target", FOLLOWING)
def test_a_start_that_fails_once_leads_to_the_safe_destination(
    app: Flask, monkeypatch: pytest.MonkeyPatch, target: str
):
    live = parts_of(app).live
    monkeypatch.setattr(live, "ensure_started", once(no_thread, live.ensure_started))

    response = poster(app)(target, **FIELDS)

    assert_lands(response, SAFE)


@pytest.mark.parametrize("watch", [False, True])
def test_without_any_new_thread_a_call_lands_all_the_same(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, watch: bool
):
    app = make_app(propagate_faults=False, watch=watch)
    parts_of(app).live.refresh()  # so that there is something to follow
    monkeypatch.setattr(threading.Thread, "start", no_thread)

    response = poster(app)("/twiml/did", **FIELDS)

    assert_lands(response, "</Enqueue>")


class _BrokenTables:
    """Tables of which nothing can be had."""

    def __getattr__(self, name: str) -> object:
        raise _Broken(name)


@pytest.mark.parametrize("target", FOLLOWING)
def test_without_tables_the_caller_hears_the_last_sentence(app: Flask, target: str):
    live = SimpleNamespace(ensure_started=lambda **_: None, tables=_BrokenTables())
    with_parts(app, live=live)

    response = poster(app)(target, **FIELDS)

    assert_lands(response, LAST_WORDS)


@pytest.mark.parametrize("target", FOLLOWING)
def test_tables_that_fail_once_lead_to_the_safe_destination(
    app: Flask, monkeypatch: pytest.MonkeyPatch, target: str
):
    tables = parts_of(app).live.tables
    monkeypatch.setattr(tables, "following", once(broken, tables.following))

    response = poster(app)(target, **FIELDS)

    assert_lands(response, SAFE)


@pytest.mark.parametrize("status", ["ringing", "completed"])
def test_a_status_callback_is_answered_whatever_is_broken(app: Flask, instance: Path, status: str):
    broken_live = SimpleNamespace(ensure_started=broken, tables=_BrokenTables())
    with_parts(app, live=broken_live, journal=_BrokenJournal(instance / "journal"))

    response = poster(app)("/twiml/status", **{**FIELDS, "CallStatus": status})

    assert response.status_code == 200
    assert faults_of(response.data) == []


def test_a_call_that_was_on_its_way_to_safety_hears_the_last_sentence(app: Flask):
    with_parts(app, inquirer=SimpleNamespace(inquire=broken))

    response = poster(app)(f"/twiml/ivr/801/ask{QUERY}&s=1", **FIELDS)

    assert_lands(response, LAST_WORDS)
