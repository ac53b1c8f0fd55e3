"""Whether the CRMs that calls ask answer: a light for each."""

from collections.abc import Mapping
from datetime import UTC, datetime

from voiceapp.console.ready import newest_table
from voiceapp.crm.breaker import Pause
from voiceapp.crm.contract import CrmError
from voiceapp.routing.table import Table
from voiceapp.routing.tables import NoTable
from voiceapp.rules.plan import Integration
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
    asked = {rule.integration for rule in table.rules.values()}
    return {
        key: Light(one.name, _pause(one, table))
        for key, one in table.integrations.items()
        if key in asked
    }


def _pause(integration: Integration, table: Table) -> Pause | None:
    try:
        source = runtime().live.clients.source(integration, table.country)
    except CrmError:
        return None  # it is not set up rightly, which is said elsewhere
    return runtime().breakers.pause(source.name)
