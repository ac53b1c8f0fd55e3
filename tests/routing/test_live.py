"""What a process follows, over a real database: releases, credentials, and the copy beside it."""

import json
import logging
import time
from collections.abc import Mapping
from pathlib import Path
from stat import S_IMODE

import pytest
from flask import Flask
from sqlalchemy.exc import OperationalError

from tests.conftest import MakeApp
from tests.server.releases import redraft
from voiceapp.crm.bounded import OutOfTime
from voiceapp.extensions import db
from voiceapp.models.integrations import Credential
from voiceapp.models.releases import Release
from voiceapp.routing import draft
from voiceapp.routing.document import parse
from voiceapp.routing.live import Live
from voiceapp.routing.releases import publish
from voiceapp.routing.table import compile_plan
from voiceapp.routing.tables import NoTable
from voiceapp.rules.plan import Integration, Plan
from voiceapp.runtime import Runtime

CRM = Integration(key="crm", name="CRM", kind="custom", url="https://crm.example/find")
ORIGIN = "https://crm.example:443"
SECRET = "correct horse battery staple"
DAMAGED = [
    b"",
    b"\xff\xfe",
    b'{"number": 1, "docu',
    b"[]",
    b'{"number": 1}',
    b'{"number": 1, "document": null, "credentials": {}}',
    b'{"number": 1, "document": "{}", "credentials": {}}',
    b'{"number": 1, "document": "[[", "credentials": {}}',
]


def parts_of(app: Flask) -> Runtime:
    parts: Runtime = app.extensions["voiceapp"]
    return parts


def live_of(app: Flask) -> Live:
    return parts_of(app).live


def release(app: Flask, queue: str) -> int:
    """Publish a release that leads to a new queue; return its number."""
    with app.app_context():
        redraft(queue)
        return publish(db.session(), author="test")


def drafted(app: Flask) -> Plan:
    """Return the plan of the newest release, from which nothing was changed since."""
    with app.app_context():
        return draft.read(db.session())


def save_secret(app: Flask, value: str) -> None:
    """Save credentials for the CRM, as the settings page does."""
    secrets = parts_of(app).vault.seal({"header_value": value})
    with app.app_context():
        db.session.merge(Credential(integration=CRM.key, origin=ORIGIN, secrets=secrets))
        db.session.commit()


def copy_of(instance: Path) -> dict:
    copy: dict = json.loads((instance / "live.json").read_text())
    return copy


@pytest.fixture
def given_secrets() -> list[Mapping[str, str]]:
    """The secrets that clients were made with."""
    return []


@pytest.fixture
def app(make_app: MakeApp, given_secrets: list[Mapping[str, str]]) -> Flask:
    """An application whose clients only remember their secrets."""
    return make_app(client_for=lambda _, secrets, __: given_secrets.append(secrets))


@pytest.fixture
def away(make_app: MakeApp, tmp_path: Path, given_secrets: list[Mapping[str, str]]) -> Live:
    """What another process of the same instance follows, to which the database is lost."""
    lost = {"DATABASE_URL": f"sqlite:///{tmp_path / 'away' / 'voiceapp.db'}"}
    return live_of(make_app(lost, client_for=lambda _, secrets, __: given_secrets.append(secrets)))


class TestRefresh:
    def test_it_follows_a_newer_release(self, app: Flask):
        live = live_of(app)
        live.refresh()
        first = live.tables.newest
        number = release(app, "second")

        live.refresh()

        assert (first.number, number) == (1, 2)
        assert live.tables.newest == compile_plan(drafted(app), 2)
        assert live.tables.following(1) == (first, "")

    def test_a_release_that_cannot_be_read_changes_nothing(self, app: Flask, instance: Path):
        live_of(app).refresh()
        with app.app_context():
            db.session.add(Release(number=2, document="{}"))
            db.session.commit()

        with pytest.raises(Exception, match="not of format"):
            live_of(app).refresh()

        assert live_of(app).tables.newest.number == 1
        assert copy_of(instance)["number"] == 1


class TestTheCopy:
    def test_number_and_document_belong_together(self, app: Flask, instance: Path):
        live_of(app).refresh()

        copy = copy_of(instance)
        assert copy["number"] == 1
        assert parse(copy["document"]) == drafted(app)

    def test_they_do_so_after_a_call_has_fetched_a_newer_release(self, app: Flask, instance: Path):
        live = live_of(app)
        live.refresh()
        release(app, "second")

        table, note = live.tables.following(2)
        live.refresh()

        assert (table, note) == (compile_plan(drafted(app), 2), "")
        assert live.tables.newest == table
        assert copy_of(instance)["number"] == 2
        assert parse(copy_of(instance)["document"]) == drafted(app)

    def test_they_do_so_after_a_call_has_fetched_an_older_release(self, app: Flask, instance: Path):
        release(app, "second")
        live = live_of(app)
        live.refresh()

        older, _ = live.tables.following(1)
        save_secret(app, SECRET)  # so that the copy is written anew
        live.refresh()

        assert (older.number, copy_of(instance)["number"]) == (1, 2)
        assert parse(copy_of(instance)["document"]) == drafted(app)

    def test_a_disk_that_takes_none_does_not_keep_a_release_from_being_followed(
        self, app: Flask, instance: Path, caplog: pytest.LogCaptureFixture
    ):
        (instance / "live.json").mkdir()

        live_of(app).refresh()

        assert live_of(app).tables.newest.number == 1
        assert "can't be kept beside the process" in caplog.text
        assert list(instance.glob(".live.json.*")) == []

    def test_a_disk_that_takes_none_for_long_is_told_once_and_once_when_it_does_again(
        self, app: Flask, instance: Path, caplog: pytest.LogCaptureFixture
    ):
        caplog.set_level(logging.INFO)
        obstacle = instance / "live.json"
        obstacle.mkdir()

        for _ in range(3):
            live_of(app).refresh()
        obstacle.rmdir()
        for _ in range(3):
            live_of(app).refresh()

        told = [one for one in caplog.messages if "kept beside the process" in one]
        assert ["can't be" in one for one in told] == [True, False]
        assert copy_of(instance)["number"] == 1


class TestCredentials:
    def test_they_are_taken_at_once_without_a_release(
        self, app: Flask, given_secrets: list[Mapping[str, str]]
    ):
        live = live_of(app)
        for value in (SECRET, "another"):
            save_secret(app, value)
            live.refresh()
            live.clients.client(CRM, "US")

        assert given_secrets == [{"header_value": SECRET}, {"header_value": "another"}]

    def test_beside_the_process_they_are_kept_encrypted(self, app: Flask, instance: Path):
        save_secret(app, SECRET)
        live_of(app).refresh()

        kept = copy_of(instance)["credentials"][CRM.key]
        assert SECRET not in (instance / "live.json").read_text()
        assert S_IMODE((instance / "live.json").stat().st_mode) == 0o600
        assert list(kept) == [ORIGIN]
        assert parts_of(app).vault.open(kept[ORIGIN]) == {"header_value": SECRET}


def test_a_release_that_takes_long_to_read_is_waited_for(
    app: Flask, monkeypatch: pytest.MonkeyPatch
):
    def slowly(text: str) -> Plan:
        time.sleep(0.5)
        return parse(text)

    monkeypatch.setattr("voiceapp.routing.live._START_BUDGET", 0.25)
    monkeypatch.setattr("voiceapp.routing.tables.parse", slowly)

    live_of(app).ensure_started(watch=False)

    assert live_of(app).tables.newest.number == 1


class TestWithoutADatabase:
    def test_a_process_starts_with_the_copy_and_its_credentials(
        self, app: Flask, away: Live, given_secrets: list[Mapping[str, str]]
    ):
        release(app, "second")
        save_secret(app, SECRET)
        live_of(app).refresh()

        away.ensure_started(watch=False)
        away.clients.client(CRM, "US")

        assert away.tables.newest == compile_plan(drafted(app), 2)
        assert given_secrets == [{"header_value": SECRET}]

    @pytest.mark.parametrize("copy", DAMAGED)
    def test_a_damaged_copy_is_no_table_and_no_fault(
        self, away: Live, instance: Path, caplog: pytest.LogCaptureFixture, copy: bytes
    ):
        (instance / "live.json").write_bytes(copy)

        away.ensure_started(watch=False)

        with pytest.raises(NoTable):
            _ = away.tables.newest
        assert [one.levelno for one in caplog.records] == [logging.WARNING, logging.ERROR]


class _Enough(BaseException):
    """Ends the watcher, which nothing else does."""


@pytest.mark.parametrize(
    "fault",
    [OperationalError("", {}, Exception()), OutOfTime(), RuntimeError(), KeyError(), OSError()],
)
def test_the_watcher_goes_on_after_whatever_happens_and_says_so_once(
    app: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, fault: Exception
):
    caplog.set_level("INFO", "voiceapp")
    live = live_of(app)
    happens = iter([fault, fault, None, _Enough()])

    def refresh() -> None:
        if (what := next(happens)) is not None:
            raise what

    monkeypatch.setattr(live, "refresh", refresh)
    monkeypatch.setattr("voiceapp.routing.live.INTERVAL", 0.001)

    with pytest.raises(_Enough):
        live._watch()

    assert caplog.messages == [
        f"Releases can't be read now: {type(fault).__name__}",
        "Releases can be read again",
    ]
