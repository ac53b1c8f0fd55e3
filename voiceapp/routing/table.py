"""A plan compiled for answering calls: frozen, in memory, looked up by number."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from zoneinfo import ZoneInfo

from voiceapp.rules.plan import Did, Integration, Ivr, Plan
from voiceapp.rules.rule import Destination, Rule, Voice

DRAFT = 0
"""The number of a table that was compiled from the draft."""


@dataclass(frozen=True, slots=True)
class Table:
    """One release, ready to be looked up; `number` is the release's.

    `fields` has, for each integration and module, every field that some rule reads, so that one
    question to the CRM serves all rules of a call. `kept` has, for each integration, the seconds
    for which its answers are of use to some rule.
    """

    number: int
    dids: Mapping[str, Did]
    ivrs: Mapping[str, Ivr]
    rules: Mapping[str, Rule]
    integrations: Mapping[str, Integration]
    recordings: Mapping[str, str]
    fields: Mapping[tuple[str, str], tuple[str, ...]]
    kept: Mapping[str, int]
    safe: Destination
    voice: Voice
    country: str
    zone: ZoneInfo

    def safe_for(self, called: str) -> Destination:
        """Return the safe destination of a DID, which is the installation's unless it has one."""
        did = self.dids.get(called)
        return (did and did.safe) or self.safe


def compile_plan(plan: Plan, number: int) -> Table:
    """Return the table of a plan that has passed `check`; `number` is its release or `DRAFT`.

    Raises KeyError for a time zone that this machine does not know.
    """
    fields: dict[tuple[str, str], set[str]] = defaultdict(set)
    kept: dict[str, int] = {}
    for rule in plan.rules:
        kept[rule.integration] = max(kept.get(rule.integration, 0), rule.fresh, rule.stale)
        for module in rule.modules:
            fields[rule.integration, module].update(rule.fields)
    return Table(
        number=number,
        dids=MappingProxyType({did.number: did for did in plan.dids}),
        ivrs=MappingProxyType({ivr.number: ivr for ivr in plan.ivrs}),
        rules=MappingProxyType({rule.name: rule for rule in plan.rules}),
        integrations=MappingProxyType({one.key: one for one in plan.integrations}),
        recordings=MappingProxyType({one.name: one.hash for one in plan.recordings}),
        fields=MappingProxyType({asked: tuple(sorted(names)) for asked, names in fields.items()}),
        kept=MappingProxyType(kept),
        safe=plan.installation.safe,
        voice=plan.installation.voice,
        country=plan.installation.country,
        zone=ZoneInfo(plan.installation.time_zone),
    )
