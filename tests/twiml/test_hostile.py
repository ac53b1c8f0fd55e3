"""Thousands of spoiled webhooks, signed all the same: each call lands, and is journalled once."""

import os
import random
from collections import Counter
from pathlib import Path
from urllib.parse import quote_from_bytes, urlencode

import pytest
from flask import Flask
from werkzeug.test import EnvironBuilder, TestResponse
from werkzeug.wrappers import Request

from tests.conftest import BASE, MakeApp, sign
from tests.routing.journals import entries_in
from tests.twiml.documents import chooses, faults_of, next_target
from voiceapp.routing.entry import DecisionEntry, Entry
from voiceapp.runtime import Runtime

WEBHOOKS = int(os.environ.get("HOSTILE_WEBHOOKS", "2000"))
MOST_HOPS = 15
FORM = "application/x-www-form-urlencoded"

TARGETS = (
    "/twiml/did",
    "/twiml/ivr/801",
    "/twiml/ivr/801/key",
    "/twiml/ivr/801/ask",
    "/twiml/ivr/802/key",
    "/twiml/ivr/802/ask",
    "/twiml/after/queue",
    "/twiml/after/dial",
    "/twiml/after/recording",
    "/twiml/fallback",
    "/twiml/status",
    "/twiml/elsewhere",
)
FIELDS = {
    "CallSid": ["CA" + "0" * 32, "CA1"],
    "AccountSid": ["AC" + "0" * 32],
    "From": ["+12025550101", "+12025550103", "anonymous", "+266696687", "sip:a@b", "client:x"],
    "To": ["+12025550180", "+12025550181", "+12025550182", "+15550000000"],
    "CallStatus": ["ringing", "in-progress", "completed"],
    "Digits": ["1", "2", "9", "#", "1001"],
    "DialCallStatus": ["completed", "busy"],
    "QueueResult": ["bridged", "queue-full"],
    "CallDuration": ["12"],
    "ErrorUrl": [f"{BASE}/twiml/did?r=1&n=3&v=1"],
}
HOSTILE = (
    b"",
    b" ",
    b"\x00",
    b"\xff\xfe",
    b"\xed\xa0\x80",  # a surrogate
    "\u202e١٢٣\u2028".encode(),
    b"</Response><Dial>+1</Dial>",
    b"]]>&amp;&#0;<!ENTITY x SYSTEM 'file:///etc/passwd'>",
    b"' OR 1=1; DROP TABLE decisions; --",
    b"{{7*7}}${7*7}%n%s",
    b"../../../../etc/passwd",
    b"\r\nX-Injected: 1",
    b"1e400",
    b"-1",
    b"NaN",
    b"9" * 400,
    "\U0001f4de".encode() * 50,
)
QUERIES = {
    "r": ["1", "0", "-1", "2", "99999999999999999999", "x", ""],
    "n": ["0", "5", "99", "100", "101", "-3", "1e9", "９"],
    "v": ["0", "9", "10", "11", "-1", "x"],
    "k": ["1", "2", "#", "none", "wrong", "", "zz", "9" * 300, "\x00"],
    "s": ["1", "0", "x"],
}


def test_whatever_twilio_is_made_to_send_the_call_lands_and_is_journalled_once(
    make_app: MakeApp, instance: Path, monkeypatch: pytest.MonkeyPatch
):
    seed = int(os.environ.get("HOSTILE_SEED", random.randrange(10**6)))
    print(f"HOSTILE_SEED={seed} HOSTILE_WEBHOOKS={WEBHOOKS}")  # noqa: T201 - to repeat a failure
    chance = random.Random(seed)
    app = make_app()  # faults of ours come through and fail the test
    appended = _appended(app, monkeypatch)

    for number in range(WEBHOOKS):
        target, body = _target(chance), _body(chance)
        send = _get if chance.random() < 0.25 else _post
        before = len(appended)
        response = send(app, target, body)
        noted = sum(isinstance(entry, DecisionEntry) for entry in appended[before:])

        sent = f"{send.__name__} {target!r} {body[:300]!r}"
        story = f"seed {seed}, webhook {number}: {sent} → {response.text!r}"
        assert response.status_code == 200, story
        assert response.mimetype == "text/xml", story
        assert faults_of(response.data) == [], story
        assert noted == chooses(target, response.text), story
        assert _ends(app, response, body), story

    assert _known(entries_in(instance / "journal")) == _known(appended)


def _appended(app: Flask, monkeypatch: pytest.MonkeyPatch) -> list[Entry]:
    """Return a list that grows with all that is handed to the journal from now on."""
    parts: Runtime = app.extensions["voiceapp"]
    appended: list[Entry] = []
    append = parts.journal.append

    def noting(entry: Entry) -> None:
        appended.append(entry)
        append(entry)

    monkeypatch.setattr(parts.journal, "append", noting)
    return appended


def _known(entries: list[Entry]) -> Counter[tuple[str, int, str]]:
    """Count decisions by what they are known by: the call, its step and the door."""
    decided = (entry for entry in entries if isinstance(entry, DecisionEntry))
    return Counter((entry.call_sid, entry.step, entry.door) for entry in decided)


def _target(chance: random.Random) -> str:
    query = [
        (name, chance.choice(values))
        for name, values in QUERIES.items()
        if chance.random() < 0.6
        for _ in range(chance.choice((1, 1, 1, 2)))
    ]
    target = chance.choice(TARGETS)
    return f"{target}?{urlencode(query)}" if query else target


def _body(chance: random.Random) -> bytes:
    pairs = []
    for name, values in FIELDS.items():
        fate = chance.random()
        if fate < 0.15:
            continue
        value = chance.choice(values).encode()
        if fate < 0.4:
            value = chance.choice(HOSTILE)
        if fate < 0.43:
            value = bytes(chance.randrange(256) for _ in range(chance.randrange(1000)))
        pairs += [(name, value)] * (2 if chance.random() < 0.1 else 1)
    if chance.random() < 0.1:
        pairs.append((chance.choice(["x" * 500, "", "\x00", "CallSid[]"]), b"1"))
    if chance.random() < 0.03:
        pairs.append(("Huge", b"h" * 30_000))
    chance.shuffle(pairs)
    if chance.random() < 0.05:
        return b"&".join(name.encode() + b"=" + value for name, value in pairs)  # raw bytes
    return "&".join(f"{name}={quote_from_bytes(value)}" for name, value in pairs).encode()


def _post(app: Flask, target: str, body: bytes) -> TestResponse:
    """Post a body, signed over what the server will read in it."""
    environ = EnvironBuilder(method="POST", data=body, content_type=FORM).get_environ()
    headers = sign(BASE + target, Request(environ).form)
    return app.test_client().post(
        target, base_url=BASE, data=body, content_type=FORM, headers=headers
    )


def _get(app: Flask, target: str, body: bytes) -> TestResponse:
    """Send the same by GET, which is signed by its address alone."""
    query = quote_from_bytes(body, safe="&=%+[]")
    target = f"{target}{'&' if '?' in target else '?'}{query}"
    return app.test_client().get(target, base_url=BASE, headers=sign(BASE + target, {}))


def _ends(app: Flask, response: TestResponse, body: bytes) -> bool:
    """Say whether a caller who presses nothing from now on comes to an end."""
    body = body.replace(b"Digits", b"Nothing")
    for _ in range(MOST_HOPS):
        target = next_target(response.data)
        if target is None:
            return True
        response = _post(app, target, body)
    return False
