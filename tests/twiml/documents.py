"""What any answer to Twilio has to be, held against the verbs that the twilio package knows."""

import inspect
import re
from collections.abc import Iterator
from xml.etree import ElementTree

from twilio.twiml.voice_response import Dial, Gather, VoiceResponse

LARGEST = 64 * 1024
ENDINGS = {"Redirect", "Enqueue", "Dial", "Hangup"}


def _camel(name: str) -> str:
    first, *rest = name.rstrip("_").split("_")
    return first + "".join(part.capitalize() for part in rest)


def _children(parent: type) -> dict[str, set[str]]:
    """Return the elements that may stand in a parent, each with the attributes it may have."""
    methods = inspect.getmembers(parent, inspect.isfunction)
    return {
        name.capitalize(): {_camel(one) for one in inspect.signature(method).parameters}
        for name, method in methods
        if not name.startswith("_")
    }


KNOWN = {
    "Response": _children(VoiceResponse),
    "Gather": _children(Gather),
    "Dial": _children(Dial),
}
_ADDRESS = r"(/|https?://)[\x21-\x7e]+"
_ATTRIBUTES = {
    "action": _ADDRESS,
    "method": "GET|POST",
    "input": "dtmf|speech|dtmf speech",
    "numDigits": "[1-9][0-9]*",
    "finishOnKey": "[0-9#*]?",
    "timeout": "[1-9][0-9]*",
    "loop": "[0-9]+",
    "voice": r"\S+",
    "language": "[A-Za-z]{2,3}(-[A-Za-z0-9]+)+",
}
_TEXTS = {
    "Redirect": _ADDRESS,
    "Play": _ADDRESS,
    "Enqueue": r"(?s)\S(.{0,62}\S)?",
    "Say": r"(?s)\s*\S.{0,4095}",
    "Number": r"\+[1-9][0-9]{6,14}",
    "Sip": r"sips?:\S+",
}
"""How the texts of elements read; those that are not here hold nothing but elements."""


def faults_of(body: bytes) -> list[str]:
    """Return what is wrong with an answer; nothing means that Twilio can follow it to an end."""
    if len(body) >= LARGEST:
        return ["too large"]
    if re.search(rb"<!(DOCTYPE|ENTITY)", body):
        return ["declares entities"]
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError as error:
        return [f"unreadable: {error}"]
    if root.tag != "Response":
        return [f"root is {root.tag}"]
    return [*_faults_at(root), *_faults_within(root), *_faults_of_ending(root)]


def _faults_at(element: ElementTree.Element) -> Iterator[str]:
    """Find what is wrong with an element's own text and the values of its attributes."""
    if not re.fullmatch(_TEXTS.get(element.tag, r"\s*"), element.text or ""):
        yield f"{element.tag} holds {(element.text or '')[:80]!r}"
    if (element.tail or "").strip():
        yield f"text after {element.tag}"
    for name, value in element.attrib.items():
        if not re.fullmatch(_ATTRIBUTES.get(name, ".*"), value):
            yield f"{element.tag} {name}={value[:80]!r}"


def _faults_within(parent: ElementTree.Element) -> Iterator[str]:
    for child in parent:
        known = KNOWN.get(parent.tag, {}).get(child.tag)
        if known is None:
            yield f"{child.tag} in {parent.tag}"
            continue
        yield from (f"{child.tag} {name}" for name in child.attrib if name not in known)
        yield from _faults_at(child)
        yield from _faults_within(child)


def _faults_of_ending(root: ElementTree.Element) -> list[str]:
    if not len(root):
        return []  # a status callback wants no instructions
    last = root[-1]
    if last.tag not in ENDINGS:
        return [f"ends with {last.tag}"]
    if last.tag in ("Enqueue", "Dial") and not last.get("action"):
        return [f"{last.tag} without an action"]
    return []


def next_target(body: bytes) -> str | None:
    """Return where a caller goes who presses nothing: the target of the last Redirect."""
    root = ElementTree.fromstring(body)
    return root[-1].text if len(root) and root[-1].tag == "Redirect" else None


def chooses(target: str, twiml: str) -> bool:
    """Say whether the answer of a webhook chose a destination: no menu, and no call that is over.

    Each that did has a row in the journal.
    """
    path = target.partition("?")[0]
    if path.startswith("/twiml/after/") and not path.endswith("/recording"):
        return not twiml.endswith("<Response><Hangup /></Response>")
    return path != "/twiml/status" and not re.search("<Gather[^>]*/key[?]", twiml)
