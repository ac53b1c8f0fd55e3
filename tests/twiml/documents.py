"""What any answer to Twilio has to be, held against the verbs that the twilio package knows."""

import inspect
import re
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
    return _faults_within(root) + _faults_of_ending(root)


def _faults_within(parent: ElementTree.Element) -> list[str]:
    faults = []
    for child in parent:
        known = KNOWN.get(parent.tag, {}).get(child.tag)
        if known is None:
            faults.append(f"{child.tag} in {parent.tag}")
            continue
        faults += [f"{child.tag} {name}" for name in child.attrib if name not in known]
        faults += _faults_within(child)
    return faults


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
