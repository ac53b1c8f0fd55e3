"""Spoiled webhooks: fields missing, doubled, huge, hostile, not UTF-8, with control characters."""

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote_from_bytes, urlencode

from flask import Flask
from werkzeug.datastructures import MultiDict
from werkzeug.test import EnvironBuilder, TestResponse
from werkzeug.wrappers import Request

from tests.conftest import BASE, sign
from tests.routing.journals import entries_in
from tests.twiml.documents import chooses, faults_of, next_target
from voiceapp.routing.entry import DecisionEntry, Entry
from voiceapp.runtime import Runtime

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


@dataclass(frozen=True, slots=True)
class Webhook:
    """A request as it goes over the wire, but for its signature; without a body it is a GET."""

    target: str
    body: bytes | None

    @property
    def method(self) -> str:
        return "GET" if self.body is None else "POST"

    def signature(self, base: str = BASE, **how: str) -> str:
        """Return how Twilio signs it: over what the server will read in it."""
        return sign(base + self.target, self.form, **how)["X-Twilio-Signature"]

    @property
    def form(self) -> MultiDict[str, str]:
        """The fields as the server will read them; a GET is signed by its address alone."""
        if self.body is None:
            return MultiDict()
        environ = EnvironBuilder(method="POST", data=self.body, content_type=FORM).get_environ()
        return Request(environ).form

    def sent_to(self, app: Flask, signature: str | None) -> TestResponse:
        """Send it to an application of this process."""
        return app.test_client(use_cookies=False).open(
            self.target,
            method=self.method,
            base_url=BASE,
            data=self.body,
            content_type=FORM,
            headers={} if signature is None else {"X-Twilio-Signature": signature},
        )


def spoiled(chance: random.Random) -> Webhook:
    """Return a webhook that something is wrong with."""
    target, body = _target(chance), _body(chance)
    if chance.random() < 0.25:
        query = quote_from_bytes(body, safe="&=%+[]")
        return Webhook(f"{target}{'&' if '?' in target else '?'}{query}", None)
    return Webhook(target, body)


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
            value = chance.randbytes(chance.randrange(200))
        pairs += [(name, value)] * (2 if chance.random() < 0.1 else 1)
    if chance.random() < 0.1:
        pairs.append((chance.choice(["x" * 500, "", "\x00", "CallSid[]"]), b"1"))
    if chance.random() < 0.03:
        pairs.append(("Huge", b"h" * 30_000))
    chance.shuffle(pairs)
    if chance.random() < 0.05:
        return b"&".join(name.encode() + b"=" + value for name, value in pairs)  # raw bytes
    return "&".join(f"{name}={quote_from_bytes(value)}" for name, value in pairs).encode()


def assert_all_land(app: Flask, instance: Path, count: int, seed: int, follows: float = 1) -> None:
    """Send so many spoiled webhooks, signed: each is answered well, and journalled once if due.

    Of a share of them it is seen that a caller who presses nothing from then on comes to an end.
    """
    chance = random.Random(seed)
    with _appended(app) as appended:
        for number in range(count):
            webhook = spoiled(chance)
            before = len(appended)
            response = webhook.sent_to(app, webhook.signature())
            noted = sum(isinstance(entry, DecisionEntry) for entry in appended[before:])

            story = f"seed {seed}, webhook {number}: {webhook!r:.400} → {response.text!r}"
            assert response.status_code == 200, story
            assert response.mimetype == "text/xml", story
            assert faults_of(response.data) == [], story
            assert noted == chooses(webhook.target, response.text), story
            assert chance.random() > follows or _ends(app, response, webhook), story

    assert _known(entries_in(instance / "journal")) == _known(appended)


@contextmanager
def _appended(app: Flask) -> Iterator[list[Entry]]:
    """Yield a list that grows with all that is handed to the journal."""
    parts: Runtime = app.extensions["voiceapp"]
    appended: list[Entry] = []
    append = parts.journal.append

    def noting(entry: Entry) -> None:
        appended.append(entry)
        append(entry)

    parts.journal.append = noting  # type: ignore[method-assign]
    yield appended
    parts.journal.append = append  # type: ignore[method-assign]


def _known(entries: list[Entry]) -> Counter[tuple[str, int, str]]:
    """Count decisions by what they are known by: the call, its step and the door."""
    decided = (entry for entry in entries if isinstance(entry, DecisionEntry))
    return Counter((entry.call_sid, entry.step, entry.door) for entry in decided)


def _ends(app: Flask, response: TestResponse, webhook: Webhook) -> bool:
    """Say whether a caller who presses nothing from now on comes to an end."""
    body = (webhook.body or webhook.target.partition("?")[2].encode()).replace(b"Digits", b"None")
    for _ in range(MOST_HOPS):
        target = next_target(response.data)
        if target is None:
            return True
        following = replace(webhook, target=target, body=body)
        response = following.sent_to(app, following.signature())
    return False
