"""The road of a call whose rule asks a Custom URL: from the signed webhook to the wire and back."""

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests.conftest import MakeApp, Post, poster
from tests.crm.conftest import to_this_machine
from tests.crm.https_server import HttpsServer, Visit
from voiceapp.crm.kind import HEADER_NAME, header_slot
from voiceapp.crm.registry import CUSTOM_URL
from voiceapp.extensions import db
from voiceapp.models.integrations import Credential
from voiceapp.routing import draft
from voiceapp.routing.releases import publish
from voiceapp.rules.operators import Operator
from voiceapp.rules.plan import Did, Integration
from voiceapp.rules.rule import Condition, Destination, DestinationKind, Location, Outcome, Rule
from voiceapp.runtime import runtime
from voiceapp.vault import origin

ADA, SHOP = "+12025550101", "+12025550183"
KEY = "shop-secret-4711"


def queue(name: str) -> Destination:
    return Destination(DestinationKind.QUEUE, name)


RULE = Rule(
    name="Shop customers",
    location=Location.DID,
    integration="shop",
    module="",
    field="customer.tier",
    conditions=(Condition(Operator.AT_LEAST, ("3",), queue("vip")),),
    outcomes={
        Outcome.NO_CONDITION: queue("general"),
        Outcome.NOT_FOUND: Destination(DestinationKind.IVR, "801"),
        Outcome.SEVERAL: queue("billing"),
        Outcome.WITHHELD: queue("general"),
        Outcome.FAILED: queue("overflow"),
    },
    budget=Decimal("0.5"),
)


@pytest.fixture
def app(make_app: MakeApp, server: HttpsServer, ca_bundle: Path) -> Flask:
    """An application with a release in which a DID asks the server at crm.test."""
    overrides = {"CRM_ALLOWED_HOSTS": "crm.test", "CRM_CA_BUNDLE": str(ca_bundle)}
    app = make_app(overrides, resolve=to_this_machine)
    url = f"https://crm.test:{server.port}/callers?key=1"
    with app.app_context():
        session = db.session()
        shop = Integration("shop", "Shop", CUSTOM_URL, url, {HEADER_NAME: "X-Api-Key"})
        for part in (shop, RULE, Did(SHOP, "Shop", Destination(DestinationKind.RULE, RULE.name))):
            draft.save(session, part, "test")
        sealed = runtime().vault.seal({header_slot("X-Api-Key"): KEY})
        session.add(Credential(integration="shop", origin=origin(url), secrets=sealed))
        publish(session, "test")
    return app


@pytest.fixture
def calls(app: Flask, instance: Path) -> Callable[..., tuple[str, dict[str, Any]]]:
    """Call the shop; return where the call was sent and what the journal has of it."""
    twilio: Post = poster(app)

    def call(caller: str = ADA, step: int = 0) -> tuple[str, dict[str, Any]]:
        response = twilio(f"/twiml/did?n={step}", CallSid="CA1", From=caller, To=SHOP)
        lines = [
            line
            for file in sorted((instance / "journal").glob("*.jsonl"))
            for line in file.read_text().splitlines()
        ]
        assert response.status_code == 200
        entry = json.loads(lines[-1])["entry"]
        return f"{entry['destination_kind']} {entry['destination_option']}", entry

    return call


def test_what_the_service_says_decides_and_is_explained(
    calls: Callable, server: HttpsServer, says: Callable
):
    says({"customer": {"tier": 3}})

    destination, entry = calls()

    [visit] = server.visits
    assert visit.target == (
        "/callers?key=1&caller=%2B12025550101&called=%2B12025550183&call_id=CA1&field=customer.tier"
    )
    assert visit.headers["x-api-key"] == KEY
    assert destination == "queue vip"
    asked = entry["explanation"][2]
    assert asked.startswith("Asked Shop by the phone number +1 202-555-0101: 1 found in ")
    assert entry["explanation"] == [
        "+1 202-555-0101 called +1 202-555-0183 Shop.",
        "This asks the CRM rule Shop customers.",
        asked,
        "customer.tier is “3”.",
        "✓ >= 3 held: compared as numbers.",
        "Sent to Queue vip.",
    ]
    assert entry["lookup"]["values"] == {"customer.tier": {"number": "3"}}


@pytest.mark.parametrize(
    ("status", "body", "destination"),
    [
        (200, b'{"customer": {"tier": 2}}', "queue general"),
        (200, b'{"customer": {}}', "queue general"),
        (200, b'[{"customer": {"tier": "3"}}]', "queue vip"),
        (200, b"[{}, {}]", "queue billing"),
        (200, b"[]", "ivr 801"),
        (200, b"{}", "ivr 801"),
        (200, b"null", "ivr 801"),
        (204, b"", "ivr 801"),
        (404, b"nobody", "ivr 801"),
        (200, b"<html></html>", "queue overflow"),
        (200, b'{"customer": {"ti', "queue overflow"),
        (200, b'"Gold"', "queue overflow"),
        (200, b"", "queue overflow"),
        (401, b"{}", "queue overflow"),
        (302, b"", "queue overflow"),
        (500, b"{}", "queue overflow"),
        (503, b"{}", "queue overflow"),
    ],
)
def test_each_answer_leads_where_the_rule_says(
    calls: Callable, server: HttpsServer, status: int, body: bytes, destination: str
):
    server.behaviour = lambda visit: visit.answer(body, status)

    sent_to, _ = calls()

    assert sent_to == destination


def _drip(visit: Visit) -> None:
    visit.socket.sendall(b"HTTP/1.1 200 So\r\nContent-Length: 200\r\n\r\n")
    visit.drip(b"x" * 200)


def _flood(visit: Visit) -> None:
    visit.socket.sendall(b"HTTP/1.1 200 So\r\n\r\n")
    for _ in range(50):
        visit.socket.sendall(b"x" * 1024 * 1024)


@pytest.mark.parametrize("behaviour", [_drip, _flood, lambda visit: visit.stopped.wait()])
def test_a_service_that_drips_floods_or_says_nothing_counts_as_failed_crm(
    calls: Callable, server: HttpsServer, behaviour: Callable
):
    server.behaviour = behaviour

    destination, entry = calls()

    assert destination == "queue overflow"
    assert entry["lookup"]["answer"] == "CRM failed"
    assert entry["lookup"]["ms"] < 5000  # cut off, by a budget of 500


def test_a_withheld_caller_is_never_looked_up(calls: Callable, server: HttpsServer):
    destination, entry = calls("+266696687")

    assert destination == "queue general"
    assert server.visits == []
    assert entry["outcome"] == "withheld"


def test_a_secret_is_not_sent_to_another_address_than_it_was_saved_with(
    app: Flask, calls: Callable, server: HttpsServer
):
    with app.app_context():
        moved = Integration(
            "shop", "Shop", CUSTOM_URL, "https://other.test/", {HEADER_NAME: "X-Api-Key"}
        )
        draft.save(db.session(), moved, "test")
        publish(db.session(), "test")

    destination, entry = calls()

    assert destination == "queue overflow"
    assert (
        "The credentials were saved for another address; type them again." in (entry["explanation"])
    )
    assert server.visits == []


def test_nothing_secret_is_kept_in_release_copy_journal_or_log(
    app: Flask,
    calls: Callable,
    server: HttpsServer,
    instance: Path,
    caplog: pytest.LogCaptureFixture,
):
    caplog.set_level("DEBUG")
    for status in (200, 401, 500):
        server.behaviour = lambda visit, status=status: visit.answer(KEY.encode(), status)
        calls()

    kept = [path for path in instance.rglob("*") if path.is_file()]

    assert "live.json" in {path.name for path in kept}
    assert [path.name for path in kept if KEY.encode() in path.read_bytes()] == []
    assert KEY not in caplog.text


def test_two_rules_of_one_call_ask_once_for_all_their_fields(
    app: Flask, calls: Callable, server: HttpsServer, says: Callable
):
    with app.app_context():
        draft.save(db.session(), replace(RULE, name="Other", field="customer.name"), "test")
        publish(db.session(), "test")
    says({"customer": {"tier": 3, "name": "Ada"}})

    calls()
    _, entry = calls(step=2)

    assert len(server.visits) == 1
    assert entry["lookup"]["values"] == {
        "customer.name": "Ada",
        "customer.tier": {"number": "3"},
    }
    assert (
        "Asked Shop by the phone number +1 202-555-0101: 1 found earlier in this call."
        in entry["explanation"]
    )
