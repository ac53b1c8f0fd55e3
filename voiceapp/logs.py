"""How processes write their logs: to the standard error, one line each, with time and place.

No telephone number is written out. Our own log calls name none; what others put into the words of
an error (a driver that quotes a row, a fault with a value in it) is masked on the way.
"""

import logging
import re
from typing import Any

from flask.logging import default_handler

_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_FEWEST, _MOST = 7, 15
# what stands around and between digits may be escaped, as in addresses (%20) and by repr (\xa0)
_NOT_WITHIN_A_WORD = (
    r"(?: (?<![\w%]) | (?<=%[0-9A-F]{2}) | (?<=%25[0-9A-F]{2})"
    r" | (?<=\\[abfnrtv]) | (?<=\\x[0-9a-f]{2}) | (?<=\\u[0-9a-f]{4}) )"
)
_PLUS, _OPENING = r"(?: \+ | %2B )", r"(?: \( | %28 )"
_BLANK = r"(?: [ \u00a0\u2000-\u200a\u202f+] | %20 | %C2%A0 | \\xa0 | \\u200[0-9a] | \\u202f )"
_NUMBER = re.compile(
    rf"""
    (?P<other>                                   # what has many digits and is no number
        \b \d{{4}}-\d\d-\d\d (?: [T ] \d\d (?: :\d\d ){{0,2}} )? \b
      | (?<![\w.]) \d{{1,3}} (?: \. \d{{1,3}} ){{3}} (?![\w.])
      | (?<![\w.]) \d{{1,2}} \. \d+ (?![\w.-])
    )
    | {_NOT_WITHIN_A_WORD}
      (?P<number>
        (?: {_PLUS} \d{{1,3}} {_BLANK}? {_OPENING} | {_PLUS}? {_OPENING}? )
        \d (?: (?: {_BLANK} | [).\-/] | %2[9DEF] ){{0,3}} \d ){{5,}}
      )
      (?: {_BLANK}? (?: x | ext\.? | ;ext= ) {_BLANK}? \d{{1,6}} )?      # its extension
      (?!\w)
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
_BETWEEN_DIGITS = re.compile(r"%[0-9A-F]{2}|\\x..|\\u....|\D", re.IGNORECASE | re.ASCII)
_ONE_TIME = re.compile(r"(?<=/welcome/).+", re.DOTALL)


def mask(text: str) -> str:
    """
    Return a text in which only the last two digits stand of each telephone number.

    >>> mask("(To)=(+12025550183) exists"), mask("?From=%2B12025550101&x"), mask("(202) 555-0101.")
    ('(To)=(••••83) exists', '?From=••••01&x', '••••01.')
    >>> mask("2026-11-30 14:45:00 release 12 followed in 0.1234567 s by 203.0.113.123")
    '2026-11-30 14:45:00 release 12 followed in 0.1234567 s by 203.0.113.123'
    """
    return _NUMBER.sub(_masked, text)


def _masked(match: re.Match[str]) -> str:
    if match["other"]:
        return match[0]
    digits = _BETWEEN_DIGITS.sub("", match["number"])
    return f"••••{digits[-2:]}" if _FEWEST <= len(digits) <= _MOST else match[0]


def loggable_path(path: str) -> str:
    """
    Return a path, in one line, without telephone numbers and without a one-time link's secret.

    >>> loggable_path("/admin/dids/+12025550183"), loggable_path("/admin/welcome/s3cr3t")
    ('/admin/dids/••••83', '/admin/welcome/••••')
    """
    return mask(_one_line(_ONE_TIME.sub("••••", path)))


def _one_line(text: str) -> str:
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)


class Masking(logging.Formatter):
    """Writes records without telephone numbers, those in tracebacks included.

    A message is one line, whatever was typed into what it names: nobody makes up records.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Return the line of a record, without its traceback."""
        return _one_line(super().formatMessage(record))

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as it is written."""
        return mask(super().format(record))


def mask_by_default() -> None:
    """Mask where nobody has configured logs, too: in commands, and wherever else Flask runs."""
    for handler in (default_handler, logging.lastResort):
        if handler is not None:
            handler.setFormatter(Masking(_FORMAT))


CONFIG: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"class": "voiceapp.logs.Masking", "format": _FORMAT}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"level": "INFO", "handlers": ["stderr"]},
    "loggers": {"gunicorn.error": {"level": "INFO", "propagate": True}},
}
"""For `logging.config.dictConfig`."""
