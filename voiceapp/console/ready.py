"""What a test call needs first: the table it follows, and numbers as Twilio sends them."""

from sqlalchemy.orm import Session

from voiceapp.crm.phone import read_e164
from voiceapp.routing import draft
from voiceapp.routing.live import Live
from voiceapp.routing.releases import refuse_what_would_hurt
from voiceapp.routing.table import DRAFT, Table, compile_plan


def newest_table(live: Live, *, watch: bool) -> Table:
    """Return the table that calls follow now. Raises NoTable before the first release."""
    live.ensure_started(watch=watch)
    return live.tables.newest


def draft_table(session: Session) -> Table:
    """Return the draft as a table. Raises NotPublishable for one that would hurt a call."""
    plan = draft.read(session)
    refuse_what_would_hurt(plan)
    return compile_plan(plan, DRAFT)


def as_twilio_sends(number: str, country: str) -> str:
    """
    Return a number as people type it in E.164; names and addresses as they are.

    >>> as_twilio_sends("(202) 555-0101", "US"), as_twilio_sends("sip:ada@example.com", "US")
    ('+12025550101', 'sip:ada@example.com')
    """
    if any(letter.isalpha() for letter in number):
        return number
    return read_e164(number, country) or number
