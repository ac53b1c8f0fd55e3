"""What every installation begins with: a queue that calls are safe in, and the directory."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from voiceapp.config import Settings
from voiceapp.crm.registry import DIRECTORY
from voiceapp.routing import draft
from voiceapp.routing.releases import publish
from voiceapp.rules.plan import USUAL_DAYS, Installation, Integration, Queue
from voiceapp.rules.rule import Destination, DestinationKind
from voiceapp.rules.uses import Part

SAFE = Destination(DestinationKind.QUEUE, "general")


def parts(settings: Settings) -> Sequence[Part]:
    """Return the parts without which nothing could be published."""
    return (
        Installation(
            safe=SAFE,
            country=settings.default_country,
            time_zone=settings.time_zone,
            journal_days=USUAL_DAYS,
        ),
        Integration(key=DIRECTORY, name="Directory", kind=DIRECTORY),
        Queue(SAFE.option),
    )


def begin_empty(session: Session, settings: Settings) -> int:
    """Publish a release in which every call goes to the safe destination; return its number."""
    for part in parts(settings):
        draft.save(session, part, author="setup")
    return publish(session, author="setup", comment="Empty, to begin with.")
