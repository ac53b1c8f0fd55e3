"""Twilio delivers a webhook twice: it hears the same twice, and the journal has it once."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from flask import Flask

from tests.conftest import BASE, MakeApp, Post, poster, sign
from tests.demo_calls import ADA, SALES
from tests.routing.journals import calls_in
from voiceapp.extensions import db
from voiceapp.routing import draft
from voiceapp.routing import trial as trials
from voiceapp.routing.releases import publish
from voiceapp.rules.plan import Did
from voiceapp.rules.rule import Destination, DestinationKind
from voiceapp.runtime import attach, runtime

FIELDS = {"CallSid": "CA1", "From": ADA, "To": SALES, "CallStatus": "ringing"}


def lead_sales_elsewhere(app: Flask) -> None:
    """Publish a release in which the DID Sales leads to the queue overflow."""
    with app.app_context():
        session = db.session()
        dids = {stored.part.number: stored.part for stored in draft.stored(session, Did)}
        to = Destination(DestinationKind.QUEUE, "overflow")
        draft.save(session, replace(dids[SALES], destination=to), "test")
        session.commit()
        publish(session, "test")
        runtime().live.refresh()


def post_with_token(app: Flask, token: str, **fields: str) -> str:
    headers = {**sign(f"{BASE}/twiml/did", fields), "I-Twilio-Idempotency-Token": token}
    client = app.test_client()
    return client.post("/twiml/did", base_url=BASE, data=fields, headers=headers).text


def test_a_second_delivery_is_answered_as_the_first_whatever_changed(
    app: Flask, twilio: Post, instance: Path
):
    first = twilio("/twiml/did", **FIELDS)
    lead_sales_elsewhere(app)

    second = twilio("/twiml/did", **FIELDS)

    assert ">vip</Enqueue>" in first.text
    assert (second.status_code, second.mimetype, second.text) == (200, "text/xml", first.text)
    assert calls_in(instance / "journal") == ["CA1"]


def test_a_second_delivery_by_get_is_the_same(app: Flask, instance: Path):
    url = f"{BASE}/twiml/did?CallSid=CA1&From=%2B12025550101&To=%2B12025550180"

    answers = {
        app.test_client().get(url, base_url=BASE, headers=sign(url, {})).text for _ in range(2)
    }

    assert len(answers) == 1
    assert calls_in(instance / "journal") == ["CA1"]


def test_twilios_token_says_what_is_the_same_delivery(app: Flask, instance: Path):
    first = post_with_token(app, "one", **FIELDS)
    lead_sales_elsewhere(app)

    again = post_with_token(app, "one", **FIELDS | {"CallStatus": "in-progress"})
    another = post_with_token(app, "two", **FIELDS)

    assert again == first
    assert ">overflow</Enqueue>" in another


def test_a_fault_is_repeated_too(make_app: MakeApp, monkeypatch: pytest.MonkeyPatch):
    app = make_app(propagate_faults=False)
    inquirer = app.extensions["voiceapp"].inquirer
    with monkeypatch.context() as broken:
        broken.setattr(type(inquirer), "inquire", None)
        first = poster(app)("/twiml/did", **FIELDS).text

    second = poster(app)("/twiml/did", **FIELDS).text

    assert ">general</Enqueue>" in first
    assert second == first


def test_another_process_answers_the_same_where_redis_is(
    make_app: MakeApp, redis_url: str, instance: Path
):
    shared = {"REDIS_URL": redis_url}
    first, second = make_app(shared), make_app(shared)
    answer = poster(first)("/twiml/did", **FIELDS).text
    lead_sales_elsewhere(second)

    again = poster(second)("/twiml/did", **FIELDS).text

    assert again == answer
    assert calls_in(instance / "journal") == ["CA1"]


def test_a_menu_is_spoken_anew_and_takes_no_place_in_memory(app: Flask, twilio: Post):
    def answer(*_: object, **__: object) -> None:
        raise AssertionError("A menu decides nothing.")

    attach(app, replace(app.extensions["voiceapp"], deliveries=SimpleNamespace(answer=answer)))

    first, second = (twilio("/twiml/ivr/801?r=1&n=1", **FIELDS) for _ in range(2))

    assert "<Gather" in first.text
    assert second.text == first.text


def test_who_can_not_hear_a_menu_is_taken_onwards_once(app: Flask, twilio: Post, instance: Path):
    first, second = (twilio("/twiml/ivr/999?r=1&n=1", **FIELDS) for _ in range(2))

    assert ">general</Enqueue>" in first.text
    assert second.text == first.text
    assert calls_in(instance / "journal") == ["CA1"]


def test_test_calls_are_decided_each_time(app: Flask):
    with app.app_context():
        runtime().live.ensure_started(watch=False)
        trial = trials.TestCall(runtime().live.tables.newest)
    headers = sign(f"{BASE}/twiml/did", FIELDS)

    for _ in range(2):
        app.test_client().post(
            "/twiml/did", base_url=BASE, data=FIELDS, headers=headers, environ_base=trial.environ()
        )

    assert len(trial.decisions) == 2
