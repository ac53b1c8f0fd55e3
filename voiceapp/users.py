"""The commands `flask --app wsgi users …`: accounts, for whoever has the machine at hand."""

import click
from flask.cli import AppGroup

from voiceapp import database, people
from voiceapp.extensions import db
from voiceapp.people import PeopleError, Role
from voiceapp.runtime import runtime

users = AppGroup("users", help="Add people to the settings pages, or let them in again.")


@users.command("add")
@click.argument("email")
@click.option("--name", required=True, help="How the pages call them.")
@click.option(
    "--role",
    type=click.Choice([role.value for role in Role]),
    default=Role.VIEWER.value,
    show_default=True,
    help="A viewer changes nothing, an editor changes rules, an admin also manages people.",
)
@database.needed()
def add(email: str, name: str, role: str) -> None:
    """Make an account and print the link to choose a password with."""
    try:
        token = people.add(db.session(), email, name, Role(role))
    except PeopleError as error:
        raise click.ClickException(str(error)) from error
    _print_link(token)


@users.command("reset")
@click.argument("email")
@database.needed()
def reset(email: str) -> None:
    """Take the password away, end all sign-ins, and print a new link."""
    person = people.by_email(db.session(), email)
    if person is None:
        raise click.ClickException(f"Nobody has the e-mail address {email}.")
    _print_link(people.renew_link(db.session(), person))


@users.command("list")
@database.needed()
def list_() -> None:
    """Print who there is: e-mail address, role, name."""
    everybody = people.everybody(db.session())
    width = max((len(person.email) for person in everybody), default=0)
    for person in everybody:
        waiting = "" if person.password_hash else " (has no password yet)"
        click.echo(f"{person.email:{width}}  {person.role:6}  {person.name}{waiting}")


def _print_link(token: str) -> None:
    click.echo(f"{runtime().settings.public_base_url}/admin/welcome/{token}")
    click.echo("The link is valid for 7 days, once.")
