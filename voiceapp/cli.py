"""The commands of `flask --app wsgi …`."""

import json
import os
import secrets
import shutil
import socket
import sys
from logging.config import dictConfig

import click
from flask import Flask, current_app
from flask.cli import with_appcontext
from flask_migrate import upgrade

from voiceapp import database, people, worker
from voiceapp.beginning import SAFE, begin_empty
from voiceapp.config import Settings
from voiceapp.console.place import place_call
from voiceapp.console.ready import as_twilio_sends, draft_table, newest_table
from voiceapp.console.report import read_keys, to_json, to_text
from voiceapp.console.story import Ended
from voiceapp.crm_commands import crms, lookup, rotate_credentials
from voiceapp.demo import load_demo
from voiceapp.extensions import db
from voiceapp.fallback import export_fallback
from voiceapp.logs import CONFIG
from voiceapp.routing.releases import NotPublishable, newest_number
from voiceapp.routing.table import Table
from voiceapp.routing.tables import NoTable
from voiceapp.runtime import runtime
from voiceapp.status import tallies
from voiceapp.users import users

_NICE = 10
"""How far the worker stands back for calls where both want a processor."""


def register(app: Flask) -> None:
    """Give an application its commands."""
    own = (call, setup, port, work)
    for command in (*own, users, crms, lookup, rotate_credentials, export_fallback):
        app.cli.add_command(command)


@click.command("call")
@click.argument("caller", metavar="FROM")
@click.argument("called", metavar="TO")
@click.option("--press", help="Keys for each prompt, e.g. 1,1001# (an empty one lets it time out).")
@click.option("--draft", "on_draft", is_flag=True, help="Follow the draft, not the release.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print everything, for programs, with the keys as they were sent.",
)
@with_appcontext
def call(caller: str, called: str, press: str | None, on_draft: bool, as_json: bool) -> None:
    """Try a call without a telephone: print where it goes, and why."""
    try:
        keys = read_keys(press)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    table = _draft_table() if on_draft else _newest_table()
    caller, called = (as_twilio_sends(number, table.country) for number in (caller, called))
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # the proxy's
    walked = place_call(app, runtime().settings, table, caller, called, keys)
    if as_json:
        click.echo(json.dumps(to_json(walked), indent=2, ensure_ascii=not _speaks_unicode()))
    else:
        width = min(shutil.get_terminal_size().columns, 100)
        click.echo(to_text(walked, width=width, encoding=sys.stdout.encoding or "ascii"))
    runtime().journal.close()
    if walked.ended is Ended.ERROR:
        raise SystemExit(1)


@click.command("setup")
@click.option("--empty", is_flag=True, help="Begin without the demo: one queue takes every call.")
@with_appcontext
@database.needed()
def setup(empty: bool) -> None:
    """Bring the database up to date; load the demo and make an admin if there is none yet."""
    upgrade()
    if newest_number(db.session()) is None:
        click.echo(_begin_empty() if empty else _begin_with_demo())
    if not people.everybody(db.session()):
        _make_first_admin(runtime().settings)


def _begin_empty() -> str:
    number = begin_empty(db.session(), runtime().settings)
    return f"Release {number} is empty: every call goes to {SAFE}."


def _begin_with_demo() -> str:
    number = load_demo(db.session(), runtime().recordings, runtime().settings)
    return f"The demo is loaded as release {number}."


def _make_first_admin(settings: Settings) -> None:
    """Make the first admin of the settings pages, and print how to sign in."""
    password = settings.admin_password or secrets.token_urlsafe(12)
    try:
        people.make_first_admin(db.session(), settings.admin_email, password)
    except people.PeopleError as error:
        raise click.ClickException(
            f"The first admin can't be made. {error}\nCheck ADMIN_EMAIL and ADMIN_PASSWORD."
        ) from error
    where, who = f"{settings.public_base_url}/admin/", settings.admin_email
    if settings.admin_password:
        click.echo(f"Sign in at {where} as {who} with the password of ADMIN_PASSWORD.")
    else:
        click.echo(f"Sign in at {where} as {who} with the password {password}")
        click.echo("It is shown only this once.")


@click.command("port")
@with_appcontext
def port() -> None:
    """Print the port to serve on, having seen that it is free."""
    settings = runtime().settings
    try:
        socket.create_server((settings.host, settings.port)).close()
    except OSError as error:
        why = str(error.strerror).partition(" (while")[0]
        raise click.ClickException(
            f"Nothing can listen on {settings.host}, port {settings.port}: {why}.\n"
            "Is voiceapp running already? Otherwise change HOST or PORT."
        ) from error
    click.echo(settings.port)


@click.command("worker")
@with_appcontext
def work() -> None:
    """Do what must not happen in a call: write the journal's rows, keep CRMs signed in."""
    dictConfig(CONFIG)
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # the proxy's
    folder = runtime().settings.instance / "metrics"

    def begin() -> None:
        os.nice(_NICE)
        tallies.forget(folder, "worker")
        tallies.count_together(folder, "worker")

    worker.run_worker(
        app,
        runtime().live,
        breakers=runtime().breakers,
        metrics=runtime().metrics,
        on_start=begin,
    )


def _speaks_unicode() -> bool:
    return (sys.stdout.encoding or "ascii").lower().replace("-", "") == "utf8"


def _newest_table() -> Table:
    try:
        return newest_table(runtime().live, watch=False)
    except NoTable as error:
        raise click.ClickException(f"{error} Run: make setup") from error


@database.needed()
def _draft_table() -> Table:
    try:
        return draft_table(db.session())
    except NotPublishable as error:
        raise click.ClickException(f"The draft can't be tried yet:\n{error}") from error
