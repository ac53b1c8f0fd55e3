"""Webhooks as Twilio posts them, signed beforehand, so that sending them costs next to nothing."""

import base64
import hmac
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

BASE = "http://calls.example.com"
"""The public address of every side: what is signed is the same for all of them."""
TOKEN = "12345"
ACCOUNT = f"AC{'0' * 32}"
TARGET = "/twiml/did"

_FIRST_DID = 12_025_550_000
_FIRST_CALLER = 12_122_500_000  # behind it are 7.5 million numbers that there could be
_sids = itertools.count()
_strangers = itertools.count(_FIRST_CALLER)

_PLACES = {"City": "WASHINGTON", "Country": "US", "State": "DC", "Zip": "20001"}
_FIELDS = {
    "AccountSid": ACCOUNT,
    "ApiVersion": "2010-04-01",
    "CallSid": "CA{sid:032x}",
    "CallStatus": "ringing",
    "Called": "+{called}",
    "Caller": "+{caller}",
    "Direction": "inbound",
    "From": "+{caller}",
    "StirVerstat": "TN-Validation-Passed-A",
    "To": "+{called}",
    **{
        f"{who}{what}": text
        for who in ("Called", "Caller", "From", "To")
        for what, text in _PLACES.items()
    },
}
"""What a call brings along; Twilio sends about as much."""

# filled in for each call: signing must cost next to nothing beside answering
_SIGNED = BASE + TARGET + "".join(name + _FIELDS[name] for name in sorted(_FIELDS))
_BODY = "&".join(f"{name}={value.replace('+', '%2B')}" for name, value in _FIELDS.items())
_HEAD = (
    f"POST {TARGET} HTTP/1.1\r\nHost: calls.example.com\r\nUser-Agent: TwilioProxy/1.1\r\n"
    "Content-Type: application/x-www-form-urlencoded; charset=UTF-8\r\n"
    "X-Twilio-Signature: {signature}\r\nContent-Length: {length}\r\n\r\n"
)


def did(number: int) -> str:
    """Return one of our numbers, counted from 0."""
    return f"+{_FIRST_DID + number}"


def familiar(number: int) -> str:
    """Return somebody who calls again and again, counted from 0."""
    return f"+{_FIRST_CALLER - 1 - number}"


@dataclass(frozen=True, slots=True)
class Callers:
    """Who calls: `again` so many people, over and over; 0 lets nobody call twice.

    They call our first `dids` numbers in turn, from number `first` on.
    """

    again: int = 0
    dids: int = 1
    first: int = 0

    def requests(self, count: int) -> Iterator[bytes]:
        """Yield the webhooks of so many calls; none has the id of another."""
        people = range(_FIRST_CALLER - self.again, _FIRST_CALLER)
        callers = itertools.cycle(people) if self.again else _strangers
        numbers = itertools.cycle(
            range(_FIRST_DID + self.first, _FIRST_DID + self.first + self.dids)
        )
        for caller, called in zip(itertools.islice(callers, count), numbers, strict=False):
            yield signed(caller, called)


def signed(caller: int, called: int) -> bytes:
    """Return the webhook of a call not placed before, signed as Twilio signs it."""
    facts = {"sid": next(_sids), "caller": caller, "called": called}
    digest = hmac.digest(TOKEN.encode(), _SIGNED.format(**facts).encode(), "sha1")
    body = _BODY.format(**facts)
    head = _HEAD.format(signature=base64.b64encode(digest).decode(), length=len(body))
    return (head + body).encode()


def write(path: Path, callers: Callers, count: int) -> None:
    """Write a file of so many webhooks, each ended by a zero byte."""
    with path.open("wb") as file:
        for request in callers.requests(count):
            file.write(request + b"\0")
