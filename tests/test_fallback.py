"""Where nothing is left but the process, or not even that, calls reach the safe destination."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from tests.conftest import MakeApp, poster
from tests.demo_calls import ACCOUNTS, ADA, SALES, SUPPORT
from tests.routing.journals import calls_in
from tests.twiml.documents import faults_of
from voiceapp.extensions import db
from voiceapp.routing import draft
from voiceapp.routing.releases import publish
from voiceapp.rules.plan import Did
from voiceapp.rules.rule import Destination, DestinationKind
from voiceapp.runtime import runtime

DIAL = Destination(DestinationKind.DIAL, "+12025550199")
SIP = Destination(DestinationKind.DIAL, "sip:desk@example.com")
SAY = Destination(DestinationKind.SAY, "We are closed & sorry.")


def give_own_safety(app: Flask, **safe: Destination) -> None:
    """Publish a release in which DIDs have safe destinations of their own."""
    with app.app_context():
        session = db.session()
        for stored in draft.stored(session, Did):
            to = safe.get(f"did{stored.part.number.removeprefix('+')}")
            draft.save(session, replace(stored.part, safe=to), "test")
        session.commit()
        publish(session, "test")
        runtime().live.refresh()


def own_safety() -> dict[str, Destination]:
    numbers = (SALES, SUPPORT, ACCOUNTS)
    return {
        f"did{number.removeprefix('+')}": to
        for number, to in zip(numbers, (DIAL, SIP, SAY), strict=True)
    }


@pytest.fixture
def alone(make_app: MakeApp, instance: Path) -> Flask:
    """A process that starts with its copy of the release, without database, Redis and CRM."""
    give_own_safety(make_app(), **own_safety())
    (instance / "voiceapp.db").unlink()
    (instance / "voiceapp.db").mkdir()  # nothing can be opened there
    return make_app(
        {"REDIS_URL": f"unix://{instance}/no.socket"}, propagate_faults=False, watch=True
    )


@pytest.mark.parametrize(
    ("called", "lands"),
    [
        (SALES, ">+12025550199</Number>"),
        (SUPPORT, ">sip:desk@example.com</Sip>"),
        (ACCOUNTS, ">We are closed &amp; sorry.</Say>"),
        ("+12025550000", ">general</Enqueue>"),
    ],
)
def test_the_fallback_needs_nothing_but_the_process(alone, instance, called, lands):
    answer = poster(alone)("/twiml/fallback", CallSid="CA1", From=ADA, To=called)

    assert lands in answer.text
    assert faults_of(answer.data) == []
    assert calls_in(instance / "journal") == ["CA1"]


def test_the_fallback_is_exported_as_files_that_stand_alone(app, tmp_path):
    give_own_safety(app, **own_safety())
    folder = tmp_path / "hosted" / "here"

    done = app.test_cli_runner().invoke(args=["export-fallback", str(folder)])

    assert done.exit_code == 0, done.output
    files = {path.name: path.read_text() for path in folder.glob("*.xml")}
    assert files.keys() == {"fallback.xml", *(f"{n[1:]}.xml" for n in (SALES, SUPPORT, ACCOUNTS))}
    assert "<Enqueue>general</Enqueue>" in files["fallback.xml"]
    assert '<Dial timeout="30"><Number>+12025550199</Number></Dial>' in files[f"{SALES[1:]}.xml"]
    assert "<Sip>sip:desk@example.com</Sip>" in files[f"{SUPPORT[1:]}.xml"]
    assert ">We are closed &amp; sorry.</Say><Hangup />" in files[f"{ACCOUNTS[1:]}.xml"]
    assert "action=" not in "".join(files.values())
    assert f"| {SALES[1:]}.xml | {SALES} | {DIAL} |" in (folder / "README.md").read_text()


def test_the_export_lies_in_the_instance_folder_and_names_what_is_left_of_before(app, instance):
    run = app.test_cli_runner().invoke
    give_own_safety(app, **own_safety())
    run(args=["export-fallback"])
    give_own_safety(app)

    done = run(args=["export-fallback"])

    assert (instance / "fallback" / "fallback.xml").exists()
    assert done.output.count("maybe no longer right") == 3
    assert (instance / "fallback" / "README.md").read_text().count("maybe no longer right") == 3


def test_the_export_works_without_the_database(alone, tmp_path):
    done = alone.test_cli_runner().invoke(args=["export-fallback", str(tmp_path / "out")])

    assert done.exit_code == 0, done.output
    assert len(list((tmp_path / "out").glob("*.xml"))) == 4


def test_an_export_that_is_not_possible_says_why(app, tmp_path):
    (tmp_path / "file").write_text("")

    done = app.test_cli_runner().invoke(args=["export-fallback", str(tmp_path / "file" / "x")])

    assert done.exit_code == 1
    assert "can't be written" in done.output


def test_without_a_release_there_is_nothing_to_export(make_app, instance, tmp_path):
    shutil.rmtree(instance)

    done = make_app().test_cli_runner().invoke(args=["export-fallback", str(tmp_path / "out")])

    assert done.exit_code == 1
    assert "make setup" in done.output
