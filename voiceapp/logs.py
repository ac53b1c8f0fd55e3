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
_NUMBER = re.compile(
    r"""
    (?P<other>                                   # what has many digits and is no number
        \b \d{4}-\d\d-\d\d (?: [T ] \d\d (?: :\d\d ){0,2} )? \b
      | (?<![\w.]) \d{1,3} (?: \. \d{1,3} ){3} (?![\w.])
      | (?<![\w.]) \d{1,2} \. \d+ (?![\w.-])
    )
    | (?<!\w) (?: (?: \+ | %2B ) \d{1,3} [ ]? \( | (?: \+ | %2B )? \(? )
      \d (?: [ ).\-/]{0,2} \d ){5,} (?!\w)
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
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
    digits = re.sub(r"%2B|\D", "", match[0], flags=re.IGNORECASE)
    if match["other"] or not _FEWEST <= len(digits) <= _MOST:
        return match[0]
    return f"••••{digits[-2:]}"


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
