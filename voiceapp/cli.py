"""The commands of `flask --app wsgi …`."""

import json
import shutil
import sys
from logging.config import dictConfig

import click
from flask import Flask, current_app
from flask.cli import with_appcontext

from voiceapp import worker
from voiceapp.console.place import place_call
from voiceapp.console.report import read_keys, to_json, to_text
from voiceapp.console.story import Ended
from voiceapp.crm.phone import read_e164
from voiceapp.demo import load_demo
from voiceapp.extensions import db
from voiceapp.logs import CONFIG
from voiceapp.routing import draft
from voiceapp.routing.releases import newest_number
from voiceapp.routing.table import DRAFT, Table, compile_plan
from voiceapp.routing.tables import NoTable
from voiceapp.rules.check import check
from voiceapp.runtime import runtime
from voiceapp.twiml.voices import is_accepted


def register(app: Flask) -> None:
    """Give an application its commands."""
    for command in (call, demo, work):
        app.cli.add_command(command)


@click.command("call")
@click.argument("caller", metavar="FROM")
@click.argument("called", metavar="TO")
@click.option("--press", help="Keys for each prompt, e.g. 1,1001# (an empty one lets it time out).")
@click.option("--draft", "on_draft", is_flag=True, help="Follow the draft, not the release.")
@click.option("--json", "as_json", is_flag=True, help="Print everything, for programs.")
@with_appcontext
def call(caller: str, called: str, press: str | None, on_draft: bool, as_json: bool) -> None:
    """Try a call without a telephone: print where it goes, and why."""
    try:
        keys = read_keys(press)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    table = _draft_table() if on_draft else _newest_table()
    called = read_e164(called, table.country) or called
    caller = read_e164(caller, table.country) or caller
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    walked = place_call(app, runtime().settings, table, caller, called, keys)
    if as_json:
        click.echo(json.dumps(to_json(walked), indent=2))
    else:
        width = min(shutil.get_terminal_size().columns, 100)
        click.echo(to_text(walked, width=width, encoding=sys.stdout.encoding or "ascii"))
    runtime().journal.close()
    if walked.ended is Ended.ERROR:
        raise SystemExit(1)


@click.command("demo")
@click.option("--quiet", is_flag=True, help="Say nothing if there is nothing to do.")
@with_appcontext
def demo(quiet: bool) -> None:
    """Load the demo as release 1, unless something has been published already."""
    if newest_number(db.session()) is not None:
        if not quiet:
            click.echo("A release is there already; nothing was changed.")
        return
    settings = runtime().settings
    number = load_demo(db.session(), runtime().recordings, settings)
    click.echo(f"The demo is loaded as release {number}.")


@click.command("worker")
@with_appcontext
def work() -> None:
    """Do what must not happen in a call: write the journal's rows."""
    dictConfig(CONFIG)
    worker.run_worker(current_app._get_current_object())  # type: ignore[attr-defined]


def _newest_table() -> Table:
    live = runtime().live
    live.ensure_started(watch=False)
    try:
        return live.tables.newest
    except NoTable as error:
        raise click.ClickException(f"{error} Run: flask --app wsgi demo") from error


def _draft_table() -> Table:
    plan = draft.read(db.session())
    faults = check(plan, is_accepted)
    if faults:
        raise click.ClickException("The draft can't be tried yet:\n" + "\n".join(map(str, faults)))
    return compile_plan(plan, DRAFT)
