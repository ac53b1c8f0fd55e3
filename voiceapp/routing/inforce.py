"""Which secrets calls use at this moment, so that another one in its place takes effect at once."""

from sqlalchemy.orm import Session

from voiceapp.crm.registry import KINDS
from voiceapp.routing import releases
from voiceapp.routing.credentials import Kept, slots_of
from voiceapp.rules.uses import rules_asking
from voiceapp.vault import origin


def in_force(session: Session, key: str) -> Kept:
    """Return for which origin, and there for which user or header, calls use an integration.

    None where no rule of the live release asks it.
    """
    number = releases.newest_number(session)
    live = releases.plan_of(session, number) if number is not None else None
    if live is None or not rules_asking(live, key):
        return frozenset()
    return frozenset(
        (origin(one.url), slot)
        for one in live.integrations
        if one.key == key and one.kind in KINDS
        for slot in slots_of(one).values()
    )
