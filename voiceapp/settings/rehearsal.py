"""The buttons that ask a CRM for real: “Try it” of a rule, “Test connection” of an integration."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from voiceapp.crm.advice import advice_of
from voiceapp.crm.contract import CrmError
from voiceapp.crm.fields import Field
from voiceapp.crm.kind import TOKEN, Connection
from voiceapp.crm.trace import Step
from voiceapp.extensions import db
from voiceapp.routing import catalogue, credentials, rehearsal
from voiceapp.routing.checkup import Checkup, check_up
from voiceapp.routing.clients import Clients
from voiceapp.routing.greeting import within
from voiceapp.routing.rehearsal import Rehearsal
from voiceapp.rules.plan import Integration, Plan
from voiceapp.rules.rule import Rule
from voiceapp.runtime import runtime
from voiceapp.settings.crm_fields import CrmFields
from voiceapp.vault import origin

_TELLS_NONE = "The CRM does not tell the fields of {}. Type the field's name."


@dataclass(frozen=True, slots=True)
class Tested:
    """What a connection came to, and every request of ours."""

    checkup: Checkup
    steps: tuple[Step, ...]


def rehearse(
    rule: Rule, integration: Integration, plan: Plan, typed: str, secrets: Mapping[str, str]
) -> Rehearsal:
    """Ask the CRM and decide by the rule; nothing is saved, and no journal knows of it.

    A secret that was not typed is the one kept for the integration's present address, and no
    other. No database connection is held while the CRM is asked.
    """
    clients = _clients(integration, secrets, [])
    db.session.close()
    with suppress(CrmError):  # signing in is done outside of calls: it has no part in the budget
        clients.client(integration, plan.installation.country).sign_in(within())
    return rehearsal.rehearse(clients, rule, integration, plan, typed)


def test(
    rule: Rule, integration: Integration, plan: Plan, typed: str, secrets: Mapping[str, str]
) -> Tested:
    """Sign in, list the modules, and look a number up if one was typed."""
    steps: list[Step] = []
    clients = _clients(integration, secrets, steps)
    db.session.close()
    tried = check_up(clients, rule, integration, plan, typed, steps)
    return Tested(tried, tuple(steps))


def redeem(form: CrmFields) -> None:
    """Exchange a one-time code that was typed for what is kept; what is none stays as it is."""
    choice = form.choice()
    if choice is None or choice.kind.redeem is None or not form.secrets().get(TOKEN):
        return
    integration, vault = form.integration(), runtime().vault
    kept = credentials.sealed_of(db.session(), integration.key)
    sealed = credentials.with_secrets(vault, kept, integration, form.secrets())
    connection = Connection(
        integration.kind,
        integration.url,
        integration.options,
        vault.open(sealed[origin(integration.url)]),
        country="",
    )
    db.session.rollback()
    form.token.data = choice.kind.redeem(connection, runtime().door, within())


def read_fields(
    integration: Integration, modules: Sequence[str], country: str, secrets: Mapping[str, str]
) -> str:
    """Ask the CRM for the fields of modules, and keep them; return what is wrong, as a sentence."""
    clients = _clients(integration, secrets, [])
    db.session.close()
    told: dict[str, Sequence[Field]] = {}
    listed: Sequence[str] = ()
    fault = ""
    try:
        client = clients.client(integration, country)
        for module in modules:
            told[module] = client.fields(module, within())
    except CrmError as error:
        fault = f"{error} {advice_of(error, integration.kind)}"
    else:
        with suppress(CrmError):  # who may read a module's fields may still not list all modules
            listed = client.modules(within())
    session = db.session()
    for module, fields in told.items():
        if fields:
            catalogue.keep_fields(session, integration, module, fields)
    if listed and any(told.values()):
        catalogue.keep_modules(session, integration, listed)
    session.commit()
    silent = " and ".join(module for module, fields in told.items() if not fields)
    return fault or (_TELLS_NONE.format(silent) if silent else "")


def _clients(integration: Integration, secrets: Mapping[str, str], steps: list[Step]) -> Clients:
    """Return clients with the secrets that were typed or kept, whose requests are noted."""
    vault = runtime().vault
    kept = credentials.sealed_of(db.session(), integration.key)
    clients = Clients(runtime().probing(steps), vault)
    clients.take_credentials(
        {integration.key: credentials.with_secrets(vault, kept, integration, secrets)}
    )
    return clients
