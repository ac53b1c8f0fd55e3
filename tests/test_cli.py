"""The commands: what they take for a number, what they print, and what they refuse."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from subprocess import CompletedProcess

import pytest
from click.testing import Result
from flask import Flask

from tests.conftest import MakeApp, settings
from tests.demo_calls import ADA, SALES
from voiceapp import create_app
from voiceapp.config import ROOT
from voiceapp.extensions import db
from voiceapp.routing import draft
from voiceapp.routing.releases import pending

Run = Callable[..., Result]


def flask(settings: Mapping[str, str], *arguments: str) -> CompletedProcess[str]:
    """Run a command in a process of its own: one that migrates sets up the logging anew."""
    return subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", *arguments],
        cwd=ROOT,
        env={**settings, "PATH": os.defpath, "LANG": "C.UTF-8", "FLASK_SKIP_DOTENV": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def run(app: Flask) -> Run:
    """Run a command of an application with the demo loaded."""
    return lambda *arguments: app.test_cli_runner().invoke(args=arguments)


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        (ADA, ADA),
        ("(202) 555-0101", ADA),
        ("202.555.0101", ADA),
        ("+49 30 1234567", "+49301234567"),
        ("anonymous", "anonymous"),
        ("", ""),
        ("12", "12"),
        ("client:ada2025550101", "client:ada2025550101"),
        ("sip:+12025550101@example.com", "sip:+12025550101@example.com"),
        ("1-800-FLOWERS", "1-800-FLOWERS"),
    ],
)
def test_a_caller_is_read_as_a_number_unless_it_has_letters(run, typed, sent):
    done = run("call", "--json", "--", typed, SALES)

    fields = json.loads(done.stdout)["steps"][0]["params"]
    assert (fields["From"], fields["Caller"]) == (sent, sent)


@pytest.mark.parametrize("typed", [SALES, "(202) 555-0180", "2025550180"])
def test_the_number_called_is_read_as_people_type_it(run, typed):
    done = run("call", ADA, typed, "--json")

    printed = json.loads(done.stdout)
    assert printed["steps"][0]["params"]["To"] == SALES
    assert (printed["ended"], printed["where"], done.exit_code) == ("queue", "vip", 0)


def test_a_key_that_no_telephone_has_is_refused(run):
    done = run("call", ADA, SALES, "--press", "x")

    assert done.exit_code == 2
    assert "A telephone has no key 'x'" in done.stderr


def test_a_call_before_the_first_release_says_what_to_run(tmp_path):
    done = flask(settings(tmp_path / "instance"), "call", ADA, SALES)

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "Error: No release has been published yet. Run: make setup"
    )


def test_setup_loads_the_demo_once_into_a_new_database(tmp_path):
    environment = settings(tmp_path / "instance")

    first, second = flask(environment, "setup"), flask(environment, "setup")
    called = flask(environment, "call", ADA, SALES, "--json")

    assert first.returncode == 0
    assert first.stdout.startswith("The demo is loaded as release 1.\nSign in at ")
    assert (second.returncode, second.stdout) == (0, "")
    printed = json.loads(called.stdout)
    assert (printed["ended"], printed["where"], printed["release"]) == ("queue", "vip", 1)


def test_setup_on_a_database_that_can_not_be_used_says_what_to_check(tmp_path):
    away = {"DATABASE_URL": f"sqlite:///{tmp_path}/away/voiceapp.db"}

    done = flask(settings(tmp_path / "instance") | away, "setup")

    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.splitlines()[-2:] == [
        "Error: The database can't be used: unable to open database file",
        "Check DATABASE_URL.",
    ]


@pytest.mark.parametrize(
    "command", [("users", "list"), ("call", "--draft", ADA, SALES), ("rotate-credentials",)]
)
def test_a_command_without_its_database_says_what_to_check(tmp_path, command):
    away = {"DATABASE_URL": f"sqlite:///{tmp_path}/away/voiceapp.db"}

    done = flask(settings(tmp_path / "instance") | away, *command)

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-2:] == [
        "Error: The database can't be used: unable to open database file",
        "Check DATABASE_URL.",
    ]


def test_setup_can_begin_empty_and_goes_on_so(tmp_path):
    environment = settings(tmp_path / "instance")

    first, second = flask(environment, "setup", "--empty"), flask(environment, "setup")
    called = flask(environment, "call", ADA, SALES, "--json")

    assert first.stdout.startswith("Release 1 is empty: every call goes to Queue general.\n")
    assert (second.returncode, second.stdout) == (0, "")
    printed = json.loads(called.stdout)
    assert (printed["ended"], printed["where"], printed["release"]) == ("queue", "general", 1)
    app = create_app(environment, watch=False)
    with app.app_context():
        plan = draft.read(db.session())
        assert not pending(db.session()).changes
        db.engine.dispose()
    assert (plan.dids, plan.ivrs, plan.rules, plan.recordings) == ((), (), (), ())


def test_the_demo_has_no_command_of_its_own(app):
    assert {"call", "setup", "worker"} <= set(app.cli.commands)
    assert "demo" not in app.cli.commands


def test_the_port_is_printed_if_it_is_free(make_app: MakeApp, free_port: int) -> None:
    app = make_app({"HOST": "127.0.0.1", "PORT": str(free_port)})

    done = app.test_cli_runner().invoke(args=["port"])

    assert (done.exit_code, done.output) == (0, f"{free_port}\n")


def test_a_port_that_is_taken_is_told_with_what_to_do(make_app: MakeApp, free_port: int) -> None:
    app = make_app({"HOST": "127.0.0.1", "PORT": str(free_port)})

    with socket.create_server(("127.0.0.1", free_port)):
        done = app.test_cli_runner().invoke(args=["port"])

    assert done.exit_code == 1
    assert done.output == (
        f"Error: Nothing can listen on 127.0.0.1, port {free_port}: Address already in use.\n"
        "Is voiceapp running already? Otherwise change HOST or PORT.\n"
    )


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port
