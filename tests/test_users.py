"""The commands for accounts, and the first admin that `setup` makes."""

import re
from collections.abc import Callable

import pytest
from click.testing import Result
from flask import Flask

from tests.conftest import BASE, settings
from tests.test_cli import flask
from voiceapp import create_app, people
from voiceapp.extensions import db
from voiceapp.models.people import Person

EMAIL, PASSWORD = "ada@example.com", "correct horse battery"

Run = Callable[..., Result]


@pytest.fixture
def run(app: Flask) -> Run:
    """Run a command about accounts: `run("add", …)`."""
    return lambda *arguments: app.test_cli_runner().invoke(args=("users", *arguments))


def accept(app: Flask, printed: str) -> tuple[str, str, str]:
    """Choose a password with the link that a command printed; return who it was for."""
    link, validity = printed.splitlines()
    assert validity == "The link is valid for 7 days, once."
    token = re.fullmatch(rf"{BASE}/admin/welcome/([\w-]{{43}})", link)[1]
    with app.app_context():
        person = people.accept_link(db.session(), token, PASSWORD)
        return person.email, person.name, person.role


def test_an_account_begins_with_a_link(app, run):
    done = run("add", "Ada@example.com", "--name", "Ada Gold", "--role", "admin")

    assert (done.exit_code, done.stderr) == (0, "")
    assert accept(app, done.stdout) == (EMAIL, "Ada Gold", "admin")


def test_who_gets_no_role_may_only_look(app, run):
    done = run("add", EMAIL, "--name", "Ada Gold")

    assert accept(app, done.stdout) == (EMAIL, "Ada Gold", "viewer")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["ada", "--name", "Ada"], "'ada' is no e-mail address."),
        ([EMAIL, "--name", " "], "A name is a line of 1 to 200 characters."),
        (["SAM@example.com", "--name", "Ada"], "sam@example.com has an account already."),
    ],
)
def test_an_account_that_can_not_be_made_is_told(run, arguments, why):
    run("add", "sam@example.com", "--name", "Sam")

    done = run("add", *arguments)

    assert done.exit_code == 1
    assert done.stdout == ""
    assert done.stderr.startswith(f"Error: {why}")


def test_a_role_that_does_not_exist_is_refused(run):
    done = run("add", EMAIL, "--name", "Ada", "--role", "owner")

    assert done.exit_code == 2
    assert "'viewer', 'editor', 'admin'" in done.stderr


def test_a_reset_takes_the_password_away_and_prints_a_link(app, run):
    accept(app, run("add", EMAIL, "--name", "Ada Gold", "--role", "admin").stdout)

    done = run("reset", "ADA@example.com")

    assert done.exit_code == 0
    with app.app_context():
        assert people.authenticate(db.session(), EMAIL, PASSWORD) is None
    assert accept(app, done.stdout) == (EMAIL, "Ada Gold", "admin")


def test_a_reset_for_nobody_is_told(run):
    done = run("reset", EMAIL)

    assert done.exit_code == 1
    assert done.stderr == f"Error: Nobody has the e-mail address {EMAIL}.\n"


def test_people_are_listed(app, run):
    assert run("list").stdout == ""
    accept(app, run("add", EMAIL, "--name", "Ada Gold", "--role", "admin").stdout)
    run("add", "sam.silver@example.com", "--name", "Sam Silver")

    assert run("list").stdout == (
        "ada@example.com         admin   Ada Gold\n"
        "sam.silver@example.com  viewer  Sam Silver (has no password yet)\n"
    )


def first_admin(environment: dict[str, str], email: str, password: str) -> Person | None:
    """Return who can sign in to an application of this environment."""
    app = create_app(environment, watch=False)
    with app.app_context():
        person = people.authenticate(db.session(), email, password)
        db.session.remove()
        db.engine.dispose()
    return person


def test_setup_makes_an_admin_and_shows_the_password_once(tmp_path):
    environment = settings(tmp_path / "instance")

    first, second = flask(environment, "setup"), flask(environment, "setup")

    where = rf"Sign in at {BASE}/admin/ as admin@example\.com with the password ([\w-]{{16}})\n"
    [password] = re.findall(where + r"It is shown only this once\.\n$", first.stdout)
    assert first_admin(environment, "admin@example.com", password)
    assert (second.returncode, second.stdout) == (0, "")


def test_setup_takes_the_admin_that_is_asked_for_and_keeps_the_password_to_itself(tmp_path):
    asked = {"ADMIN_EMAIL": EMAIL, "ADMIN_PASSWORD": PASSWORD}
    environment = settings(tmp_path / "instance") | asked

    done = flask(environment, "setup")

    assert f"/admin/ as {EMAIL} with the password of ADMIN_PASSWORD.\n" in done.stdout
    assert PASSWORD not in done.stdout + done.stderr
    assert first_admin(environment, EMAIL, PASSWORD)


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"ADMIN_PASSWORD": "short"}, "A password needs at least 12 characters."),
        (
            {"ADMIN_EMAIL": "ada"},
            "'ada' is no e-mail address. An email address must have an @-sign.",
        ),
    ],
)
def test_setup_says_what_is_wrong_with_the_admin_that_is_asked_for(tmp_path, asked, why):
    environment = settings(tmp_path / "instance")

    refused = flask(environment | asked, "setup")
    mended = flask(environment, "setup")

    assert refused.returncode == 1
    assert refused.stderr.splitlines()[-2:] == [
        f"Error: The first admin can't be made. {why}",
        "Check ADMIN_EMAIL and ADMIN_PASSWORD.",
    ]
    assert "as admin@example.com with the password" in mended.stdout
