"""A CRM asked by several processes: signed in to once, its fields read once, kept ready."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from tests.conftest import MakeApp, poster
from tests.crm.conftest import to_this_machine
from tests.demo_calls import ADA, SALES
from tests.wire.hosting import Hosted, hosted
from tests.wire.suitecrm import SuiteCrm
from voiceapp.chores import chores
from voiceapp.crm.kind import VERSION
from voiceapp.extensions import db
from voiceapp.keeping import Keeping
from voiceapp.models.crm_state import CrmModule, CrmToken
from voiceapp.routing import credentials, draft, upkeep
from voiceapp.routing.releases import publish
from voiceapp.rules.plan import Integration
from voiceapp.rules.rule import Rule
from voiceapp.runtime import runtime
from voiceapp.status.metrics import Metrics


@pytest.fixture
def suite(tmp_path: Path) -> Iterator[Hosted]:
    crm = SuiteCrm()
    crm.add("Contacts", phone_work=ADA, tier_c="Gold")
    with hosted(crm, tmp_path, "/suite/") as suite:
        yield suite


@pytest.fixture
def process(make_app: MakeApp, suite: Hosted) -> Callable[[], Flask]:
    """Make applications that share a database, in which the demo's first rule asks the CRM."""

    def make() -> Flask:
        return make_app(suite.settings, resolve=to_this_machine)

    options = {"username": suite.crm.options["username"], VERSION: "8"}
    integration = Integration("suite", "Our Suite", "suitecrm", suite.url, options)
    with make().app_context():
        session = db.session()
        draft.save(session, integration, "test")
        credentials.keep(session, runtime().vault, integration, suite.crm.secrets, "test")
        rules = {stored.part.name: stored.part for stored in draft.stored(session, Rule)}
        asking = replace(rules["VIP customers"], integration="suite", field="tier_c")
        draft.save(session, asking, "test")
        session.commit()
        publish(session, "test")
    return make


def call(app: Flask, sid: str) -> str:
    return poster(app)("/twiml/did", CallSid=sid, From=ADA, To=SALES).text


def test_two_processes_sign_in_once(process, suite):
    first, second = process(), process()

    answers = [call(first, "CA1"), call(second, "CA2"), call(first, "CA3")]

    assert all(">vip</Enqueue>" in answer for answer in answers)
    assert suite.crm.given == 1
    assert len(suite.crm.searches()) == 2  # the third call's answer still counted


def test_what_the_worker_did_no_call_has_to_do(process, suite):
    worker, web = process(), process()
    with worker.app_context():
        upkeep.sign_in(runtime().live)
        upkeep.read_fields(runtime().live, db.engine)
        assert db.session.query(CrmToken).count() == 1
        assert {row.module for row in db.session.query(CrmModule)} == {"", "Contacts"}
    suite.crm.requests.clear()

    answer = call(web, "CA1")

    assert ">vip</Enqueue>" in answer
    assert len(suite.crm.requests) == 1


def test_what_is_tried_uses_the_token_of_calls(process, suite):
    app = process()
    call(app, "CA1")

    done = app.test_cli_runner().invoke(
        args=["lookup", "Our Suite", "Contacts", "tier_c", ADA, "--json"]
    )

    assert '"value": "Gold"' in done.output
    assert suite.crm.given == 1


def test_the_worker_keeps_crms_ready_beside_the_journal(process, instance):
    app = process()

    with app.app_context():
        journal = Keeping(instance, db.engine, Metrics())
        alone, crms, probes, following, _ = chores(
            instance, runtime().live, db.engine, journal, runtime().breakers
        )

    assert [task.name for task in alone] == ["journal"]
    assert [task.name for task in crms] == ["sign_in_to_crms", "read_crm_fields"]
    assert [task.name for task in probes] == ["probe_crms"]
    assert [task.name for task in following] == ["follow_releases"]
