"""How the CRMs that calls ask stand: asked as ever, or left alone for a while."""

from collections.abc import Iterator, Mapping

from voiceapp.crm.breaker import Breakers
from voiceapp.crm.contract import CrmError
from voiceapp.crm.pause import Pause
from voiceapp.routing.clients import Clients, Source
from voiceapp.routing.table import Table
from voiceapp.rules.plan import Integration
from voiceapp.rules.rule import Rule


def sources(table: Table, clients: Clients) -> Iterator[tuple[Integration, Rule, Source]]:
    """Yield the CRMs that calls can ask, each with a rule; not those set up wrongly."""
    asking = {rule.integration: rule for rule in table.rules.values()}
    for key, rule in asking.items():
        integration = table.integrations[key]
        try:
            source = clients.source(integration, table.country)
        except CrmError:
            continue
        yield integration, rule, source


def pauses(
    table: Table, clients: Clients, breakers: Breakers
) -> Mapping[str, tuple[Integration, Pause | None]]:
    """Return the CRMs that calls can ask, by their keys; those left alone with the reason."""
    return {
        integration.key: (integration, breakers.pause(source.name))
        for integration, _, source in sources(table, clients)
    }
