"""What keeps CRMs ready to be asked, done by the worker outside of calls."""

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timedelta
from functools import partial
from typing import TypeAlias

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from voiceapp.crm.breaker import Breakers
from voiceapp.crm.contract import CrmClient, CrmError, CrmRefused
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.registry import DIRECTORY
from voiceapp.models.types import now
from voiceapp.routing import catalogue
from voiceapp.routing.clients import Clients
from voiceapp.routing.live import Live
from voiceapp.routing.standing import asked
from voiceapp.routing.table import Table
from voiceapp.rules.plan import Integration

_PATIENCE = 15.0
_HOLDS = timedelta(hours=24)
_NOTHING_PAUSED = Breakers()

Apart: TypeAlias = Callable[[str], AbstractContextManager[object]]
"""Holds what is done with the CRM of a name, so that a bug met there keeps no other from it."""


class CrmsAway(Exception):
    """Some CRMs could not be asked; the message names each with the reason. Others were."""


def sign_in(live: Live, breakers: Breakers = _NOTHING_PAUSED, apart: Apart = nullcontext) -> None:
    """Renew the tokens that end soon, of every CRM that calls may ask. Raises CrmsAway."""
    live.refresh()
    loaded = live.tables.loaded
    if loaded is None:
        return
    _each(
        live.clients,
        loaded.table,
        lambda client, integration: client.sign_in(Deadline.after(_PATIENCE)),
        breakers,
        apart,
    )


def read_fields(
    live: Live,
    engine: Engine,
    breakers: Breakers = _NOTHING_PAUSED,
    apart: Apart = nullcontext,
) -> None:
    """Read the modules, and the fields of those that calls search, if they are a day old.

    Raises CrmsAway.
    """
    live.refresh()
    loaded = live.tables.loaded
    if loaded is None:
        return
    table = loaded.table

    def read(client: CrmClient, integration: Integration) -> None:
        modules = {module for key, module in table.fields if key == integration.key}
        _read(engine, integration, modules - {""}, client)

    _each(live.clients, table, read, breakers, apart)


def _read(
    engine: Engine, integration: Integration, modules: Collection[str], client: CrmClient
) -> None:
    steps = [partial(_read_fields, engine, integration, one, client) for one in sorted(modules)]
    if modules and integration.kind != DIRECTORY:  # that has whatever modules contacts are put in
        steps.append(partial(_read_modules, engine, integration, client))
    wrong: CrmError | None = None
    for step in steps:
        try:
            step()
        except CrmError as error:  # of one module, maybe; the others are read all the same
            wrong = error
    if wrong is not None:
        raise wrong


def _read_fields(engine: Engine, integration: Integration, module: str, client: CrmClient) -> None:
    """Keep the fields that a CRM tells; no database connection is held while it is asked."""
    with Session(engine) as session:
        known = catalogue.fields_of(session, integration, module)
    if known is not None and _holds(known.read_at):
        return
    fields = client.fields(module, Deadline.after(_PATIENCE))
    if not fields:
        return  # it tells none, and nobody is helped by an empty list
    with Session(engine) as session:
        catalogue.keep_fields(session, integration, module, fields)
        session.commit()


def _read_modules(engine: Engine, integration: Integration, client: CrmClient) -> None:
    """Keep the modules that a CRM tells; those of before where it tells none."""
    with Session(engine) as session:
        known = catalogue.modules_of(session, integration)
        read_at = catalogue.modules_read_at(session, integration)
    if read_at is not None and _holds(read_at):
        return
    try:
        told = client.modules(Deadline.after(_PATIENCE))
    except CrmRefused:  # who may read fields may still not list all modules: not before tomorrow
        told = ()
    with Session(engine) as session:
        catalogue.keep_modules(session, integration, told or known)
        session.commit()


def _holds(read_at: datetime) -> bool:
    return now() - read_at <= _HOLDS


def _each(
    clients: Clients,
    table: Table,
    do: Callable[[CrmClient, Integration], None],
    breakers: Breakers,
    apart: Apart,
) -> None:
    """Do something with every CRM that calls ask; trouble with one keeps it from no other.

    One that is paused is left alone, but for a pause of those who have little time.
    """
    wrong: list[str] = []
    for one in asked(table):
        with apart(one.name):
            try:
                source = clients.source(one.integration, table.country)
                pause = breakers.pause(source.name)
                if pause is None or not pause.holds_for(_PATIENCE):
                    do(source.client, one.integration)
            except CrmError as error:
                wrong.append(f"{one.name}: {error}")
    if wrong:
        raise CrmsAway(" ".join(wrong))
