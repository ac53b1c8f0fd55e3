"""How the CRMs that calls ask stand: asked as ever, or left alone for a while."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from voiceapp.crm.breaker import Breakers
from voiceapp.crm.contract import CrmError
from voiceapp.crm.pause import Pause
from voiceapp.routing.clients import Clients, Source
from voiceapp.routing.table import Table
from voiceapp.rules.plan import Integration
from voiceapp.rules.rule import Rule


@dataclass(frozen=True, slots=True)
class Asked:
    """A CRM that calls ask, and the rule that gives it the most time."""

    integration: Integration
    rule: Rule

    @property
    def name(self) -> str:
        """What people know it by; one that belongs to a rule is named after its kind alone."""
        name = self.integration.name
        return f"{name} of rule {self.rule.name}" if self.integration.is_private else name


def asked(table: Table) -> Iterator[Asked]:
    """Yield the CRMs that calls ask."""
    most_patient: dict[str, Rule] = {}
    for rule in table.rules.values():
        other = most_patient.get(rule.integration)
        if other is None or rule.budget > other.budget:
            most_patient[rule.integration] = rule
    for key, rule in most_patient.items():
        yield Asked(table.integrations[key], rule)


def sources(table: Table, clients: Clients) -> Iterator[tuple[Asked, Source]]:
    """Yield the CRMs that calls ask with how they are reached; not those set up wrongly."""
    for one in asked(table):
        try:
            source = clients.source(one.integration, table.country)
        except CrmError:
            continue
        yield one, source


def pauses(
    table: Table, clients: Clients, breakers: Breakers
) -> Mapping[str, tuple[str, Pause | None]]:
    """Return the names of the CRMs that calls ask, by their keys; of those left alone why."""
    return {
        one.integration.key: (one.name, breakers.pause(source.name))
        for one, source in sources(table, clients)
    }
