"""Twilio in front of a running server: signs, posts, follows what it is told."""

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from types import TracebackType
from typing import Self
from urllib.parse import urlencode, urlsplit
from uuid import uuid4
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import fromstring  # type: ignore[import-untyped]  # ships no types

from tests.conftest import TOKEN, sign
from tests.twiml.documents import faults_of
from voiceapp.console.report import read_keys
from voiceapp.console.story import Reply, Walk
from voiceapp.console.walk import walk

ACCOUNT = f"AC{'0' * 32}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for one request."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def twiml(self) -> Element:
        """The document, having seen that it is one that Twilio takes."""
        assert self.status == 200
        assert self.headers["Content-Type"].partition(";")[0] == "text/xml"
        assert faults_of(self.body) == []
        document: Element = fromstring(self.body)
        return document

    @property
    def lands(self) -> str:
        """Where the call goes next: the text of the first verb, a queue or an address."""
        return self.twiml[0].text or ""


class Twilio:
    """Posts webhooks signed, over one connection that it keeps open; for one thread.

    `base` is the public address, which Twilio connects to and signs.
    """

    def __init__(
        self, base: str, token: str = TOKEN, trusting: ssl.SSLContext | None = None
    ) -> None:
        self.base = base
        self._token = token
        host, port = urlsplit(base).hostname or "", urlsplit(base).port
        self._connection = (
            HTTPSConnection(host, port, timeout=20, context=trusting)
            if trusting
            else HTTPConnection(host, port, timeout=20)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        self._connection.close()

    def post(self, target: str, **fields: str) -> Answer:
        """Post a webhook, signed, to a target that goes over the wire as it stands here."""
        return self.send("POST", target, fields, self.signature(target, fields))

    def signature(self, target: str, fields: Mapping[str, str] | None = None) -> str:
        """Return how this target with these fields is signed."""
        return sign(self.base + target, fields or {}, self._token)["X-Twilio-Signature"]

    def send(
        self, method: str, target: str, fields: Mapping[str, str] | None, signature: str | None
    ) -> Answer:
        """Send a request with the signature that is given, right or wrong, or without any.

        Raises OSError or HTTPException when no answer comes.
        """
        headers = {} if signature is None else {"X-Twilio-Signature": signature}
        body = None
        if fields is not None:
            body = self.encoded(fields)
            headers["Content-Type"] = "application/x-www-form-urlencoded; charset=UTF-8"
        return self.request(method, target, body, headers)

    def encoded(self, fields: Mapping[str, str]) -> str:
        """Return the body that has these fields."""
        return urlencode(fields)

    def request(
        self, method: str, target: str, body: str | bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        """Send any request. Raises OSError or HTTPException when no answer comes."""
        try:
            self._connection.request(method, target, body, dict(headers))
            response = self._connection.getresponse()
            return Answer(response.status, dict(response.headers), response.read())
        except (OSError, HTTPException):
            self.close()
            raise

    def call(self, caller: str, called: str, press: str | None = None) -> Walk:
        """Place a call and follow it to its end, as `flask call` would."""
        return follow(self.post, caller, called, press)


def follow(post: Callable[..., Answer], caller: str, called: str, press: str | None = None) -> Walk:
    """Follow a call to its end; `post(target, **fields)` is how its webhooks are posted."""

    def send(target: str, fields: Mapping[str, str]) -> Reply:
        answer = post(target, **fields)
        return Reply(answer.status, answer.headers["Content-Type"], answer.body.decode())

    keys = read_keys(press)
    sid = new_sid()
    return walk(send, caller=caller, called=called, call_sid=sid, account_sid=ACCOUNT, keys=keys)


def new_sid() -> str:
    """Return the id of a call that has not been placed yet."""
    return f"CA{uuid4().hex}"


def call_fields(caller: str, called: str, sid: str | None = None, **more: str) -> dict[str, str]:
    """Return what Twilio posts about a call."""
    return {
        "CallSid": sid or new_sid(),
        "AccountSid": ACCOUNT,
        "From": caller,
        "To": called,
        "CallStatus": "in-progress",
        **more,
    }
