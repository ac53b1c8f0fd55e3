"""Rows of a form that are added, removed and reordered, by buttons of the form itself."""

import re
from collections.abc import Callable

from werkzeug.datastructures import MultiDict

_Row = list[tuple[str, str]]


def rearranged(formdata: MultiDict[str, str], name: str, action: str) -> MultiDict[str, str]:
    """Return what a form has sent, with the rows `name-0-…`, `name-1-…` as a button wants them.

    `action` is `add`, `remove:<i>`, `up:<i>` or `down:<i>`, counting rows from 0 as they stand;
    anything else, and what can't be done, leaves them as they are. Rows are numbered anew; what
    is numbered as no page numbers its rows is left out.
    """
    pattern = re.compile(rf"{re.escape(name)}-(\d{{1,6}})-(.+)", re.ASCII | re.DOTALL)
    rows: dict[int, _Row] = {}
    others: MultiDict[str, str] = MultiDict()
    for key, value in formdata.items(multi=True):
        if match := pattern.fullmatch(key):
            rows.setdefault(int(match[1]), []).append((match[2], value))
        elif not _is_numbered(key, name):
            others.add(key, value)
    ordered = [rows[number] for number in sorted(rows)]
    _act(ordered, action)
    for number, row in enumerate(ordered):
        for part, value in row:
            others.add(f"{name}-{number}-{part}", value)
    return others


def _is_numbered(key: str, name: str) -> bool:
    """Say whether WTForms would read a row's number, whatever it is, in what a field is called."""
    return key.startswith(f"{name}-") and key[len(name) + 1 :].partition("-")[0].isdigit()


def _act(rows: list[_Row], action: str) -> None:
    verb, _, number = action.partition(":")
    if verb == "add":
        # a row is there as soon as one of its parts is; the others come blank
        rows.append([("row", "")])
    elif number.isdecimal() and len(number) < 7 and int(number) < len(rows) and verb in _MOVES:
        _MOVES[verb](rows, int(number))


def _remove(rows: list[_Row], number: int) -> None:
    del rows[number]


def _up(rows: list[_Row], number: int) -> None:
    if number:
        rows[number - 1], rows[number] = rows[number], rows[number - 1]


def _down(rows: list[_Row], number: int) -> None:
    if number + 1 < len(rows):
        _up(rows, number + 1)


_MOVES: dict[str, Callable[[list[_Row], int], None]] = {
    "remove": _remove,
    "up": _up,
    "down": _down,
}
