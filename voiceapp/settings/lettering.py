"""How much room text takes in a picture, about, and how it is made to fit."""

import unicodedata
from itertools import accumulate

_NARROW = frozenset("ijlft.,:;|!'()[] ")
_BROAD = frozenset("mw@%=<>≤≥+")


def measure(text: str, size: float) -> float:
    """Return about how wide a text is in letters of a size."""
    return size * sum(map(_width, text))


def fit(text: str, size: float, room: float) -> str:
    """
    Shorten a text until there is room for it.

    >>> fit("VIP customers", 10, 100), fit("VIP customers", 10, 50)
    ('VIP customers', 'VIP cu…')
    """
    ends = list(accumulate(measure(letter, size) for letter in text))
    if not ends or ends[-1] <= room:
        return text
    kept = sum(end + size <= room for end in ends)
    return text[:kept].rstrip() + "…"


def wrap(text: str, size: float, room: float, most: int) -> tuple[str, ...]:
    """
    Return a text in lines, the last shortened if there would be more than `most`.

    >>> wrap("not found, several found, withheld", 10, 75, 2)
    ('not found,', 'several foun…')
    """
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and (len(lines) == most or measure(longer, size) <= room):
            lines[-1] = longer
        else:
            lines.append(word)
    return tuple(fit(line, size, room) for line in lines)


def _width(letter: str) -> float:
    if letter in _NARROW:
        return 0.36
    if unicodedata.east_asian_width(letter) in "WF":
        return 1.0
    return 0.8 if letter.isupper() or letter in _BROAD else 0.6
