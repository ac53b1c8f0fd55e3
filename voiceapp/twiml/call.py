"""What Twilio sends, as a frozen value; no field is relied upon, none is trusted."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_E164 = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)
_WITHHELD_KEYPAD = {
    "+266696687",  # ANONYMOUS, typed on a telephone's keys
    "+7378742833",  # RESTRICTED
    "+86282452253",  # UNAVAILABLE
    "+8656696",  # UNKNOWN
    "+2562533",  # BLOCKED
}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_LONGEST = 128
_LONGEST_URL = 2000
_LONGEST_SID = 64
_LONGEST_NUMBER = 9


FINAL_STATUSES = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})
"""The statuses (CallStatus) of a call that is over."""


@dataclass(frozen=True, slots=True)
class IncomingCall:
    """One webhook of Twilio's: who calls whom, what was pressed, how the last step ended.

    Fields that Twilio left out are blank. Texts are cut to 128 characters (an address to 2,000),
    without control characters, so that nothing a caller sends can spoil a log, a row or an
    answer.
    """

    sid: str = ""
    caller: str = ""
    called: str = ""
    status: str = ""
    duration: int | None = None
    digits: str = field(default="", repr=False)
    dial_status: str = ""
    queue_result: str = ""
    error_url: str = ""
    error_code: str = ""

    @classmethod
    def from_form(cls, form: Mapping[str, str]) -> "IncomingCall":
        """Read Twilio's form fields; unknown ones are passed over, missing ones are blank."""

        def text(name: str, longest: int = _LONGEST) -> str:
            if name not in form:  # werkzeug makes an exception of each miss, which costs more
                return ""
            value = form[name]
            if not value.isprintable():
                value = _CONTROL.sub("", value)
            return value[:longest].strip()

        return cls(
            sid=text("CallSid", _LONGEST_SID),
            caller=text("From"),
            called=text("To"),
            status=text("CallStatus"),
            duration=read_count(text("CallDuration")),
            digits=text("Digits"),
            dial_status=text("DialCallStatus"),
            queue_result=text("QueueResult"),
            error_url=text("ErrorUrl", _LONGEST_URL),
            error_code=text("ErrorCode", 10),
        )

    @property
    def is_over(self) -> bool:
        """Say whether nobody is there any more to hear an answer."""
        return self.status in FINAL_STATUSES

    @property
    def number(self) -> str | None:
        """
        The number of the caller in E.164; None if they show none.

        Withheld numbers, SIP addresses, clients, short codes and blanks are no number.

        >>> IncomingCall(caller="+12025550101").number
        '+12025550101'
        >>> [IncomingCall(caller=c).number for c in ("anonymous", "", "+266696687", "sip:a@b")]
        [None, None, None, None]
        """
        if self.caller in _WITHHELD_KEYPAD or not _E164.fullmatch(self.caller):
            return None
        return self.caller


def read_count(text: str) -> int | None:
    """
    Read a small whole number of a request, or return None.

    >>> read_count("12"), read_count("-1"), read_count("9" * 50), read_count("１")
    (12, None, None, None)
    """
    if text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER:
        return int(text)
    return None
