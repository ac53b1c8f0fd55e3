"""What is wrong with a single part of a plan, looked at alone; `check` looks at the whole."""

import re
from collections.abc import Iterator
from zoneinfo import ZoneInfo

from voiceapp.rules.operators import OPERANDS
from voiceapp.rules.plan import Queue, Recording
from voiceapp.rules.rule import Condition, Prompt

LONGEST_SPEECH = 1_200
"""Characters of a spoken text: ten loops of it, escaped, stay below the 64 kB of an answer."""
LONGEST_QUEUE_NAME = 64

_E164 = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)
_SIP = re.compile(r"sips?:[\w.!~*'()&=+$,;?/%-]+@[\w.:;=\[\]-]+", re.ASCII)
_IVR_NUMBER = re.compile(r"\d{1,10}", re.ASCII)
_NOT_IN_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NOT_IN_NAMES = re.compile(r"[/\\\x00-\x1f\x7f]")


def is_number(text: str) -> bool:
    """
    Say whether a text is a telephone number in E.164.

    >>> is_number("+12025550180"), is_number("2025550180")
    (True, False)
    """
    return bool(_E164.fullmatch(text))


def is_dialled(text: str) -> bool:
    """
    Say whether a text can be dialled: a number in E.164, or a SIP address.

    >>> is_dialled("sip:desk@pbx.example.com"), is_dialled("desk@pbx.example.com")
    (True, False)
    """
    return is_number(text) or bool(_SIP.fullmatch(text))


def is_ivr_number(text: str) -> bool:
    """Say whether a text is the number of an IVR: 1 to 10 digits."""
    return bool(_IVR_NUMBER.fullmatch(text))


def is_time_zone(name: str) -> bool:
    """Say whether this machine knows a time zone by this name."""
    try:
        ZoneInfo(name)
    except (ValueError, KeyError, OSError):
        return False
    return True


def is_silent(prompt: Prompt) -> bool:
    """Say whether a caller would hear nothing."""
    return not prompt.recording and not prompt.text.strip()


def speakable(label: str, text: str) -> Iterator[str]:
    """Refuse characters that no TwiML can hold; they come from other programs, unseen."""
    if _NOT_IN_XML.search(text):
        yield f"{label}: There is a character in it that can't be sent. Type the text anew."


def queue(queue: Queue) -> Iterator[str]:
    """Say what is wrong with a queue."""
    if not queue.name.strip() or len(queue.name) > LONGEST_QUEUE_NAME:
        yield "A queue's name has 1 to 64 characters."
    yield from speakable("Name", queue.name)


def recording(recording: Recording) -> Iterator[str]:
    """Say what is wrong with a recording's name, which stands in its address."""
    if not recording.name.strip() or _NOT_IN_NAMES.search(recording.name):
        yield "A recording has a name, without slashes and control characters."


def operands(label: str, condition: Condition) -> Iterator[str]:
    """Say what is wrong with the values that a condition compares with."""
    least, most = OPERANDS[condition.operator]
    count = len(condition.values)
    if count < least or (most is not None and count > most):
        yield f"{label}: “{condition.operator}” needs another number of values."
    elif any(not value.strip() for value in condition.values):
        yield f"{label}: Type a value to compare with, or choose “is empty”."
