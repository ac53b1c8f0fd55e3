"""Whether the CRMs that calls ask answer: a light for each."""

from collections.abc import Mapping
from datetime import UTC, datetime

from voiceapp.console.ready import newest_table
from voiceapp.crm.pause import Pause
from voiceapp.routing.standing import pauses
from voiceapp.routing.tables import NoTable
from voiceapp.runtime import runtime


class Light:
    """A CRM that calls ask, or leave alone because it fails: since when, and why."""

    def __init__(self, name: str, pause: Pause | None) -> None:
        self.name = name
        self.is_on = pause is None
        self.since = datetime.fromtimestamp(pause.since if pause else 0, UTC)
        self.reason = pause.reason if pause else ""


def of_calls() -> Mapping[str, Light]:
    """Return the lights of the CRMs that the rules of the newest release ask, by their keys."""
    try:
        table = newest_table(runtime().live, watch=runtime().watch)
    except NoTable:
        return {}
    standing = pauses(table, runtime().live.clients, runtime().breakers)
    return {key: Light(name, pause) for key, (name, pause) in standing.items()}
