"""The terminal's side of a test call: the keys that were typed in, and what to print."""

import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass
from itertools import count
from typing import Any, assert_never

import phonenumbers

from voiceapp.console.story import Decided, Ended, Heard, Keyed, Step, Walk, masked
from voiceapp.rules.unbroken import UNBROKEN

_NOT_A_KEY = re.compile(r"[^0-9*#]")
_E164 = re.compile(r"\+[0-9]+")
_HARD_BLANK = "\N{NO-BREAK SPACE}"
_NARROWEST = 20  # columns; below that nothing can be read, whatever the terminal says


def read_keys(press: str | None) -> tuple[str, ...]:
    """Read `--press`: one element for each Gather, separated by commas; None means no keys.

    An empty element lets its Gather time out. Raises ValueError, with a sentence for whoever
    typed it, if something else than 0-9, * and # is pressed.

    >>> read_keys("1,1001#")
    ('1', '1001#')
    >>> read_keys("1,")
    ('1', '')
    >>> read_keys(None)
    ()
    """
    if press is None:
        return ()
    keys = tuple(element.strip() for element in press.split(","))
    if wrong := _NOT_A_KEY.search("".join(keys)):
        raise ValueError(
            f"A telephone has no key {wrong[0]!r}: use 0-9, * and #, "
            "and a comma between the answers to two menus."
        )
    return keys


def to_json(walk: Walk) -> dict[str, Any]:
    """Return the call as plain data, in the shape that `call --json` promises.

    Keyed digits stand in `params` as they were sent; whoever stores this must mask them.
    """
    return {
        "steps": [
            {
                "url": step.url,
                "params": dict(step.params),
                "status": step.status,
                "twiml": step.twiml,
            }
            for step in walk.steps
        ],
        "heard": [{heard.kind: heard.text} for heard in walk.heard],
        "decisions": [dict(decision) for decision in walk.decisions],
        "release": walk.release,
        "ended": walk.ended.value,
        "where": walk.where,
    }


def to_text(walk: Walk, *, width: int = 80, encoding: str = "utf-8") -> str:
    """Tell the call as a story, in lines of at most `width` columns, without a last newline.

    Holds only what a terminal with that `encoding` can show: signs have plain stand-ins, other
    characters become question marks. More than one keyed digit is masked; it may be an account.
    """
    signs = _signs_for(encoding)
    headline = f"{_number(walk.caller) or 'A withheld number'} calls {_number(walk.called)}"
    lines = [_paragraph("", headline, width), ""]
    lines += (_paragraph(sign, text, width) for sign, text in _story(walk, signs))
    return "\n".join(lines).encode(encoding, "replace").decode(encoding)


@dataclass(frozen=True, slots=True)
class _Signs:
    heard: str
    keyed: str
    ended: str
    mask: str
    numbers: str

    def number(self, told: int) -> str:
        return self.numbers[told - 1] if told <= len(self.numbers) else f"{told}."


_DRAWN = _Signs("♪", "⌨", "→", "••••", "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳")
_TYPED = _Signs("~", ">", "->", "****", "")

_ENDINGS: Mapping[Ended, str] = {
    Ended.QUEUE: "Queue {}",
    Ended.DIAL: "Dials {}",
    Ended.PLAY: "Hangs up after the recording {}",
    Ended.HANGUP: "Hangs up",
    Ended.MENU: "Waits for keys {}",
    Ended.RECORD: "Records what the caller says",
    Ended.ERROR: "Error: {}",
}


def _signs_for(encoding: str) -> _Signs:
    try:
        "".join(astuple(_DRAWN)).encode(encoding)
    except UnicodeEncodeError:
        return _TYPED
    return _DRAWN


def _story(walk: Walk, signs: _Signs) -> Iterator[tuple[str, str]]:
    numbers = count(1)
    for event in walk.events:
        match event:
            case Decided(decision):
                for sentence in decision["explanation"]:
                    yield signs.number(next(numbers)), sentence
            case Heard("say", words):
                yield signs.heard, f'hears: "{words}"'
            case Heard():
                yield signs.heard, f"hears the recording {event.name}"
            case Keyed(keys):
                yield signs.keyed, f"keys in {masked(keys, signs.mask)}"
            case Step():
                pass  # how it was asked is for the JSON; the story is what the caller lives through
            case _:
                assert_never(event)
    yield signs.ended, _ENDINGS[walk.ended].format(_place(walk)) + _release(walk)


def _release(walk: Walk) -> str:
    if walk.release is None:
        return ""
    return f" (release {walk.release})" if walk.release else " (the draft)"


def _place(walk: Walk) -> str:
    if walk.ended is Ended.DIAL:
        return ", ".join(map(_number, walk.where.split(", ")))
    if walk.ended is Ended.MENU:
        return f"at {walk.where}" if walk.where.startswith("/") else f"in IVR {walk.where}"
    return walk.where


def _number(number: str) -> str:
    if not _E164.fullmatch(number):
        return number
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return number
    if not phonenumbers.is_possible_number(parsed):  # a word keyed in, such as +266696687
        return number
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def _paragraph(sign: str, text: str, width: int) -> str:
    # CRM values stand in the sentences: nothing of them may steer the terminal
    shown = "".join(char if char.isprintable() else "?" for char in " ".join(text.split()))
    start = f"{sign} " if sign else ""
    kept = UNBROKEN.sub(lambda match: match[0].replace(" ", _HARD_BLANK), shown)
    filled = textwrap.fill(
        kept,
        max(width, _NARROWEST),
        initial_indent=start,
        subsequent_indent=" " * len(start),
        break_on_hyphens=False,
    )
    return filled.replace(_HARD_BLANK, " ")
