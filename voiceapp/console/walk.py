"""Plays Twilio's part in a test call: asks for TwiML, follows it, and keeps what happened."""

import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from urllib.parse import unquote, urldefrag, urljoin, urlsplit
from xml.etree.ElementTree import Element, ParseError

from defusedxml.ElementTree import fromstring  # type: ignore[import-untyped]  # ships no types

from voiceapp.console.story import (
    Decided,
    Ended,
    Event,
    Heard,
    Keyed,
    Reply,
    Send,
    Step,
    Walk,
)

VOICE_URL = "/twiml/did"
MAX_REQUESTS = 200
MAX_BYTES = 64 * 1024  # more than that Twilio refuses to read (error 11750)

_XML_TYPES = frozenset({"text/xml", "application/xml"})
_PROMPTS = frozenset({"Say", "Play", "Pause"})
_MENU_PATH = re.compile(r"/twiml/ivr/([^/]+)(?:/.*)?")
_COUNT = re.compile(r"[1-9][0-9]{0,3}")


def walk(
    send: Send,
    *,
    caller: str,
    called: str,
    call_sid: str,
    account_sid: str,
    keys: Sequence[str],
) -> Walk:
    """Call `called` from `caller` and follow the TwiML to the end, as Twilio would.

    Each element of `keys` answers one Gather; an empty one, or a lone finishing key, lets it time
    out. What an element holds beyond the finishing key or numDigits is lost, like keys that are
    pressed while nobody listens. Sound takes no time and `loop` is not repeated; speech is not
    recognised. Whatever Twilio could not play ends the call with `Ended.ERROR`, as does request
    number `MAX_REQUESTS` + 1. Raises nothing but what `send` raises.
    """
    identity = {
        "CallSid": call_sid,
        "AccountSid": account_sid,
        "From": caller,
        "To": called,
        "Caller": caller,
        "Called": called,
        "Direction": "inbound",
        "ApiVersion": "2010-04-01",
    }
    call = _Call(send, identity, keys)
    end = call.run()
    return Walk(caller, called, tuple(call.events), call.release, end.ended, end.where)


class _Unplayable(Exception):
    """Twilio could not go on from here; the message is a sentence for a developer."""


@dataclass(frozen=True, slots=True)
class _Fetch:
    url: str
    digits: str | None = None


@dataclass(frozen=True, slots=True)
class _End:
    ended: Ended
    where: str = ""


class _Call:
    """A call in progress: the document it stands in, the keys left, what has happened.

    A verb returns where the call goes; None means on to the verb after it.
    """

    def __init__(self, send: Send, identity: Mapping[str, str], keys: Sequence[str]) -> None:
        self.events: list[Event] = []
        self.release: int | None = None
        self._send = send
        self._identity = identity
        self._keys = deque(keys)
        self._url = VOICE_URL
        self._requests = 0

    def run(self) -> _End:
        to: _Fetch | _End = _Fetch(VOICE_URL)
        try:
            while isinstance(to, _Fetch):
                to = self._follow(self._fetch(to))
        except _Unplayable as trouble:
            return _End(Ended.ERROR, str(trouble))
        return to

    def _fetch(self, to: _Fetch) -> Element:
        if self._requests == MAX_REQUESTS:
            raise _Unplayable(f"The call still went on after {MAX_REQUESTS} requests; it may loop.")
        status = "in-progress" if self._requests else "ringing"
        params = {**self._identity, "CallStatus": status}
        if to.digits is not None:
            params["Digits"] = to.digits
        reply = self._send(to.url, params)
        self._requests += 1
        self._url = to.url
        self.release = self.release if reply.release is None else reply.release
        self.events.append(Step(to.url, params, reply.status, reply.body))
        self.events.extend(Decided(decision) for decision in reply.decisions)
        return _read(reply, urlsplit(to.url).path)

    def _follow(self, document: Element) -> _Fetch | _End:
        for verb in document:
            if verb.tag not in _VERBS:
                raise _Unplayable(f"A test call cannot follow the verb {verb.tag:.40}.")
            to = _VERBS[verb.tag](self, verb)
            if to is not None:
                return to
        return self.hangup()

    def say(self, verb: Element) -> None:
        if words := " ".join(_text(verb).split()):
            self.events.append(Heard("say", words))

    def play(self, verb: Element) -> None:
        if address := _text(verb):
            self.events.append(Heard("play", self._resolve(address)))

    def gather(self, verb: Element) -> _Fetch | _End | None:
        for prompt in verb:
            if prompt.tag not in _PROMPTS:
                raise _Unplayable(f"A Gather cannot hold the verb {prompt.tag:.40}.")
            _VERBS[prompt.tag](self, prompt)
        action = self._next_step(verb, verb.get("action", ""))
        if not self._keys:
            return _End(Ended.MENU, _menu(action))
        keys = self._keys.popleft()
        self.events.append(Keyed(keys))
        if digits := _digits(verb, keys):
            return _Fetch(action, digits)
        return _Fetch(action) if verb.get("actionOnEmptyResult") == "true" else None

    def redirect(self, verb: Element) -> _Fetch:
        return _Fetch(self._next_step(verb, _text(verb)))

    def enqueue(self, verb: Element) -> _End:
        if not (queue := _text(verb)):
            raise _Unplayable("The Enqueue names no queue.")
        return _End(Ended.QUEUE, queue)

    def dial(self, verb: Element) -> _End:
        for noun in verb:
            if noun.tag not in {"Number", "Sip"}:
                raise _Unplayable(f"A test call cannot dial a {noun.tag:.40}.")
        whom = ", ".join(filter(None, map(_text, verb))) or _text(verb)
        if not whom:
            raise _Unplayable("The Dial names nobody.")
        return _End(Ended.DIAL, whom)

    def hangup(self, verb: Element | None = None) -> _End:
        last = next((event for event in reversed(self.events) if isinstance(event, Heard)), None)
        if last is not None and last.kind == "play":
            return _End(Ended.PLAY, last.name)
        return _End(Ended.HANGUP)

    def _next_step(self, verb: Element, address: str) -> str:
        method = verb.get("method", "POST")
        if method.upper() != "POST":
            raise _Unplayable(f"The {verb.tag} asks for {method:.10}, but calls go on by POST.")
        return self._resolve(address)

    def _resolve(self, address: str) -> str:
        try:
            # what stands behind a # is connection settings for Twilio: neither sent nor signed
            return urldefrag(urljoin(self._url, address)).url
        except ValueError:
            raise _Unplayable(f"The address {address:.80} cannot be read.") from None


_VERBS: Mapping[str, Callable[[_Call, Element], _Fetch | _End | None]] = {
    "Say": _Call.say,
    "Play": _Call.play,
    "Pause": lambda call, verb: None,
    "Gather": _Call.gather,
    "Redirect": _Call.redirect,
    "Enqueue": _Call.enqueue,
    "Dial": _Call.dial,
    "Record": lambda call, verb: _End(Ended.RECORD),
    "Reject": lambda call, verb: _End(Ended.HANGUP),
    "Hangup": _Call.hangup,
}


def _read(reply: Reply, path: str) -> Element:
    if reply.status != 200:
        raise _Unplayable(f"{path} answered with status {reply.status} instead of 200.")
    media_type = reply.content_type.partition(";")[0].strip().lower()
    if media_type not in _XML_TYPES:
        raise _Unplayable(f"{path} answered with {media_type or 'no content type'}, not with XML.")
    size = len(reply.body.encode(errors="replace"))
    if size > MAX_BYTES:
        raise _Unplayable(f"{path} answered with {size:,} bytes; Twilio reads {MAX_BYTES:,}.")
    try:
        document: Element = fromstring(reply.body, forbid_dtd=True)
    except (ParseError, ValueError) as error:  # ValueError: a DTD, or no Unicode text
        raise _Unplayable(f"{path} answered with XML that cannot be read: {error}.") from error
    if document.tag != "Response":
        raise _Unplayable(f"{path} answered with a {document.tag:.40}, not with a Response.")
    return document


def _text(element: Element) -> str:
    return "".join(element.itertext()).strip()


def _digits(gather: Element, keys: str) -> str:
    finish = gather.get("finishOnKey", "#")
    limit = gather.get("numDigits", "")
    digits = "".join(takewhile(lambda key: key not in finish, keys))
    return digits[: int(limit)] if _COUNT.fullmatch(limit) else digits


def _menu(action: str) -> str:
    path = urlsplit(action).path
    match = _MENU_PATH.fullmatch(path)
    return unquote(match[1]) if match else path
