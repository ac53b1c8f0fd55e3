"""Whom a call is from and to, as people type it and as Twilio sends it."""

import re
from typing import Any

from wtforms.validators import StopValidation

from voiceapp.console.ready import as_twilio_sends
from voiceapp.settings.forms import Text

LONGEST = 128
"""Characters; what Twilio sends beyond them is cut off."""

_DIALLED = re.compile(r"\+[0-9]{2,15}|[0-9]{2,6}", re.ASCII)
_WITHHELD = "anonymous"


class Party(Text):
    """A phone number in any spelling, a short code, a name or an address such as `sip:…`.

    `data` is what Twilio would send for it.
    """

    def __init__(self, label: str, **arguments: Any) -> None:
        super().__init__(label, longest=LONGEST, **arguments)

    def pre_validate(self, form: Any) -> None:
        """Refuse what nobody could call from or be called at."""
        typed = self.data or ""
        if not typed:
            return
        number = read_party(typed, self.meta.offer.plan.installation.country)
        if number is None:
            raise StopValidation(
                "This is no phone number. Type it with + and the country code, e.g. +12025550123."
            )
        self.data = number


def read_party(text: str, country: str) -> str | None:
    """
    Return what Twilio sends for somebody as people type them; None for what is nobody.

    >>> read_party("(202) 555-0101", "US"), read_party("Anonymous", "US"), read_party("12345", "US")
    ('+12025550101', 'anonymous', '12345')
    >>> read_party("202-555", "US") is read_party("?", "US") is None
    True
    """
    if text.casefold() == _WITHHELD:
        return _WITHHELD
    sent = as_twilio_sends(text, country)
    is_name = sent.isprintable() and any(letter.isalpha() for letter in sent)
    return sent if is_name or _DIALLED.fullmatch(sent) else None
