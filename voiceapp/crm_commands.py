"""The commands about CRMs: which there are, looking somebody up, encrypting secrets anew."""

import json
from dataclasses import asdict

import click
from flask.cli import with_appcontext

from voiceapp import database
from voiceapp.crm.registry import KINDS
from voiceapp.crm.trace import Step
from voiceapp.extensions import db
from voiceapp.routing import credentials, draft
from voiceapp.routing.checkup import Checkup, check_up
from voiceapp.routing.clients import Clients
from voiceapp.routing.rehearsal import question
from voiceapp.rules.plan import Integration, Plan
from voiceapp.runtime import runtime

_FAILED = 1
_NOTHING_ASKED = (
    'Nothing was asked: it lists no modules. Give "" for the MODULE, a FIELD and a NUMBER.'
)


@click.command("crms")
def crms() -> None:
    """List the CRMs: key, name, modules, how it signs in, whether it was tried live."""
    rows = [
        (
            key,
            kind.title,
            ", ".join(kind.modules) or "no modules",
            kind.signs_in,
            f"tried: {kind.tried}" if kind.tried else "not yet tried against a live system",
        )
        for key, kind in sorted(KINDS.items(), key=lambda one: one[1].title.casefold())
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, [*widths, 0], strict=True))
        click.echo("  ".join(cells).rstrip())


@click.command("lookup")
@click.argument("integration")
@click.argument("module", default="")
@click.argument("field", default="")
@click.argument("number", default="")
@click.option("--json", "as_json", is_flag=True, help="Print it for programs.")
@with_appcontext
@database.needed()
def lookup(integration: str, module: str, field: str, number: str, as_json: bool) -> None:
    """Look a NUMBER up in a MODULE of an INTEGRATION and print a FIELD of the record.

    With an INTEGRATION alone, sign in and list its modules. It is given by its name, as the draft
    has it; nothing is saved. A Custom URL has no modules: look up by

      lookup "Web shop" "" customer.tier +12025550101

    What was asked is printed without secrets; number and value are printed as they are. Exit code
    1 if the CRM failed.
    """
    if module and not number:
        raise click.UsageError("Type the MODULE, the FIELD and the NUMBER, or none of them.")
    plan = draft.read(db.session())
    asked = _integration(plan, integration)
    steps: list[Step] = []
    clients = Clients(runtime().probing(steps), runtime().vault)
    clients.take_credentials({asked.key: credentials.sealed_of(db.session(), asked.key)})
    db.session.close()
    tried = check_up(clients, question(asked, module, field), asked, plan, number, steps)
    if tried.found is not None and tried.found.fault:
        raise click.UsageError(tried.found.fault)
    if as_json:
        click.echo(json.dumps(_to_json(tried, steps), indent=2, ensure_ascii=False))
    else:
        _print(tried, steps)
    if tried.trouble:
        raise SystemExit(_FAILED)


@click.command("rotate-credentials")
@with_appcontext
@database.needed()
def rotate_credentials() -> None:
    """Encrypt all credentials anew with the first key of CREDENTIALS_KEY."""
    session = db.session()
    done, lost = credentials.rotate(session, runtime().vault)
    session.commit()
    click.echo(f"Encrypted anew: the credentials of {done} address{'es' if done != 1 else ''}.")
    if lost:
        raise click.ClickException(
            f"Those of {lost} can't be decrypted with any key of CREDENTIALS_KEY. List the key "
            "they were encrypted with second, or type them again under Integrations."
        )


def _integration(plan: Plan, name: str) -> Integration:
    shared = [one for one in plan.integrations if not one.is_private]
    exact = [one for one in shared if name in (one.name, one.key)]
    alike = [one for one in shared if one.name.casefold() == name.casefold()]
    if found := exact or alike:
        return found[0]
    names = ", ".join(one.name for one in plan.integrations if not one.is_private)
    raise click.ClickException(f"There is no integration {name}. There are: {names}.")


def _to_json(tried: Checkup, steps: list[Step]) -> dict[str, object]:
    found = tried.found
    return {
        "outcome": found.outcome if found else getattr(tried.greeting.error, "outcome", ""),
        "value": found.value if found else None,
        "matched_by": found.matched_by if found else None,
        "records": found.records if found else 0,
        "steps": [asdict(step) for step in steps],
    }


def _print(tried: Checkup, steps: list[Step]) -> None:
    click.echo(tried.verdict or _NOTHING_ASKED)
    click.echo()
    for sentence in (*tried.greeting.sentences, *(tried.found.sentences if tried.found else ())):
        click.echo(sentence)
    click.echo()
    for step in steps:
        click.echo(f"  {step.status or 'no answer'!s:>9}  {step.ms:7,.0f} ms  {step.request}")
