"""What keeps CRMs ready to be asked, done by the worker outside of calls."""

from collections.abc import Callable, Iterable
from datetime import timedelta

from sqlalchemy import Engine
from sqlalchemy.orm import Session

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
from voiceapp.models.types import now
from voiceapp.routing import catalogue
from voiceapp.routing.clients import Clients
from voiceapp.routing.live import Live
from voiceapp.routing.table import Table
from voiceapp.rules.plan import Integration
from voiceapp.rules.rule import FindBy, Rule

_PATIENCE = 15.0
_PROBE_PATIENCE = 5.0
_NOBODY, _NOBODYS_DIGITS = "+12025550100", "0000000000"
"""A number from the range reserved for examples, and digits that nobody has."""
_FIELDS_HOLD = timedelta(hours=24)


class CrmsAway(Exception):
    """Some CRMs could not be asked; the message names each with the reason. Others were."""


def sign_in(live: Live) -> None:
    """Renew the tokens that end soon, of every CRM that calls may ask. Raises CrmsAway."""
    live.refresh()
    loaded = live.tables.loaded
    if loaded is None:
        return
    table = loaded.table
    _each(
        live.clients,
        table,
        _asked(table),
        lambda client, integration: client.sign_in(Deadline.after(_PATIENCE)),
    )


def read_fields(live: Live, engine: Engine) -> None:
    """Read the fields of modules that calls search, if they are a day old. Raises CrmsAway."""
    live.refresh()
    loaded = live.tables.loaded
    if loaded is None:
        return
    table = loaded.table

    def read(client: CrmClient, integration: Integration) -> None:
        modules = {module for key, module in table.fields if key == integration.key}
        wrong: CrmError | None = None
        for module in sorted(filter(None, modules)):
            with Session(engine) as session:
                known = catalogue.fields_of(session, integration, module)
            if known is not None and now() - known.read_at <= _FIELDS_HOLD:
                continue
            try:
                _keep(engine, integration, module, client)
            except CrmError as error:  # of one module, maybe; the others are read all the same
                wrong = error
        if wrong is not None:
            raise wrong

    _each(live.clients, table, _asked(table), read)


def probe(live: Live, breakers: Breakers) -> None:
    """Ask the CRMs that calls leave alone whether they answer again, each when it is time."""
    live.refresh()
    loaded = live.tables.loaded
    if loaded is None:
        return
    table = loaded.table
    for rule in {one.integration: one for one in table.rules.values()}.values():
        integration = table.integrations[rule.integration]
        try:
            source = live.clients.source(integration, table.country)
        except CrmError:
            continue  # it can't be asked as it is set up, so no call does
        if breakers.due(source.name):
            breakers.judge(source.name, _trouble_with(source.client, rule))


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
        client.find(search, facts, Deadline.after(_PROBE_PATIENCE))
    except CrmError as error:
        return error
    return None


def _keep(engine: Engine, integration: Integration, module: str, client: CrmClient) -> None:
    """Keep the fields that a CRM tells; no database connection is held while it is asked."""
    fields = client.fields(module, Deadline.after(_PATIENCE))
    if not fields:
        return  # it tells none, and nobody is helped by an empty list
    with Session(engine) as session:
        catalogue.keep_fields(session, integration, module, fields)
        session.commit()


def _asked(table: Table) -> Iterable[Integration]:
    keys = {rule.integration for rule in table.rules.values()}
    return (one for key, one in table.integrations.items() if key in keys)


def _each(
    clients: Clients,
    table: Table,
    integrations: Iterable[Integration],
    do: Callable[[CrmClient, Integration], None],
) -> None:
    """Do something with every CRM; what is wrong with one keeps it from no other."""
    wrong: list[str] = []
    for integration in integrations:
        try:
            do(clients.client(integration, table.country), integration)
        except CrmError as error:
            wrong.append(f"{integration.name}: {error}")
    if wrong:
        raise CrmsAway(" ".join(wrong))
