"""Asks CRMs that calls leave alone whether they answer again; done by the worker."""

from voiceapp.crm.breaker import Breakers
from voiceapp.crm.contract import (
    Caller,
    CallFacts,
    CrmClient,
    CrmError,
    KeyedDigits,
    Search,
    Who,
)
from voiceapp.crm.deadline import Deadline
from voiceapp.routing.live import Live
from voiceapp.routing.standing import sources
from voiceapp.routing.upkeep import Apart
from voiceapp.rules.rule import FindBy, Rule

_PATIENCE = 5.0
_NOBODY, _NOBODYS_DIGITS = "+12025550100", "0000000000"
"""A number from the range reserved for examples, and digits that nobody has."""


def probe(live: Live, breakers: Breakers, apart: Apart) -> None:
    """Ask each CRM that is paused, when it is time. Raises SQLAlchemyError."""
    live.refresh()
    loaded = live.tables.loaded
    if loaded is None:
        return
    for integration, rule, source in sources(loaded.table, live.clients):
        with apart(integration.name):
            if breakers.due(source.name):
                breakers.judge(source.name, _trouble_with(source.client, rule), _PATIENCE)


def _trouble_with(client: CrmClient, rule: Rule) -> CrmError | None:
    """Look somebody up who is nobody, as the rule does; return what goes wrong."""
    who: Who
    if rule.find_by is FindBy.DIGITS:
        who = KeyedDigits(_NOBODYS_DIGITS, rule.search_field)
    else:
        who = Caller(_NOBODY)
    search = Search(who, rule.module, rule.fields)
    facts = CallFacts(caller=_NOBODY, call_id="probe")
    try:
        client.find(search, facts, Deadline.after(_PATIENCE))
    except CrmError as error:
        return error
    return None
