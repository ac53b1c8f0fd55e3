"""What the service says of itself: shortly to anybody, in full to whoever has the token."""

import os
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from flask import Flask
from werkzeug.test import TestResponse

from tests.conftest import BASE, MakeApp, poster
from tests.demo_calls import ADA, SALES
from voiceapp.crm.contract import CrmThrottled
from voiceapp.extensions import db
from voiceapp.models.integrations import Credential
from voiceapp.models.releases import Release
from voiceapp.routing import draft
from voiceapp.routing.document import dump
from voiceapp.routing.releases import publish
from voiceapp.rules.plan import Integration
from voiceapp.rules.rule import Location, Rule
from voiceapp.runtime import runtime
from voiceapp.status import heartbeat
from voiceapp.status.heartbeat import Heartbeat
from voiceapp.vault import origin

TOKEN = "t0ken"
FIELDS = {"CallSid": "CA1", "From": ADA, "To": SALES, "CallStatus": "ringing"}


def ask(app: Flask, path: str, token: str | None = TOKEN) -> TestResponse:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return app.test_client().get(path, headers=headers)


def degraded(app: Flask) -> list[str]:
    answer = ask(app, "/readyz").json
    assert answer is not None
    return list(answer["degraded"])


@pytest.fixture
def app(make_app: MakeApp, instance: Path) -> Flask:
    """An application with a token for those who watch it, and a worker that was just alive."""
    (instance / heartbeat.FILE).write_text("{}")
    return make_app({"METRICS_TOKEN": TOKEN})


def numbers(app: Flask) -> Mapping[str, float]:
    lines = ask(app, "/metrics").text.splitlines()
    return {
        name: float(value)
        for name, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    }


def wrong(app: Flask) -> list[str]:
    """Return what the numbers say is not as it should be."""
    beginning = 'voiceapp_degraded{what="'
    return [
        name.removeprefix(beginning).removesuffix('"}')
        for name, value in numbers(app).items()
        if name.startswith(beginning) and value
    ]


def test_the_process_says_that_it_is_there(app):
    answer = ask(app, "/healthz", None)

    assert (answer.status_code, answer.text) == (200, "ok\n")
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers


def test_it_is_ready_once_there_is_a_release_to_follow(app):
    assert (ask(app, "/readyz").status_code, ask(app, "/readyz").json) == (
        200,
        {
            "status": "ready",
            "release": 1,
            "degraded": [],
            "lost_rows": 0,
            "journal_backlog_bytes": 0,
            "worker_seen_seconds": pytest.approx(0, abs=20),
            "breakers": {"Directory": "closed"},
        },
    )


@pytest.mark.parametrize("token", [None, "", "wrong", f"{TOKEN} "[:-2]])
def test_strangers_hear_only_whether_it_is_ready(app, instance, token):
    (instance / heartbeat.FILE).unlink()

    answer = ask(app, "/readyz", token)

    assert (answer.status_code, answer.json) == (200, {"status": "ready"})


def test_without_a_release_it_is_not_ready(make_app, instance):
    shutil.rmtree(instance)
    app = make_app({"METRICS_TOKEN": TOKEN})

    assert (ask(app, "/readyz", None).status_code, ask(app, "/readyz", None).json) == (
        503,
        {"status": "not ready"},
    )
    assert "No release has been published, or none can be read." in degraded(app)


def test_a_database_that_is_away_degrades_it(make_app, app, instance):
    ask(app, "/readyz")
    (instance / "voiceapp.db").unlink()
    (instance / "voiceapp.db").mkdir()
    alone = make_app({"METRICS_TOKEN": TOKEN})

    assert ask(alone, "/readyz").status_code == 200
    assert degraded(alone) == ["The database is away."]
    assert wrong(alone) == ["database"]


def test_a_redis_that_is_away_degrades_it(make_app, app, instance):
    alone = make_app({"METRICS_TOKEN": TOKEN, "REDIS_URL": f"unix://{instance}/no"})

    assert degraded(alone) == ["Redis is away."]
    assert wrong(alone) == ["redis"]


def test_a_redis_that_is_there_does_not(make_app, app, redis_url):
    assert degraded(make_app({"METRICS_TOKEN": TOKEN, "REDIS_URL": redis_url})) == []


def test_a_worker_that_has_not_shown_itself_for_long_degrades_it(app, instance):
    then = time.time() - 60
    os.utime(instance / heartbeat.FILE, (then, then))
    assert degraded(app) == ["The worker is not running."]
    assert numbers(app)["voiceapp_worker_seen_seconds"] == pytest.approx(60, abs=20)

    Heartbeat(instance, dict).beat()

    assert degraded(app) == []


def test_the_backlog_is_what_the_worker_has_not_read(app, instance):
    journal = instance / "journal"
    journal.mkdir()
    (journal / "a.jsonl").write_bytes(bytes(6_000_000))
    assert degraded(app) == ["The journal waits for the database."]
    assert numbers(app)["voiceapp_journal_backlog_bytes"] == 6_000_000

    Heartbeat(instance, lambda: {"a.jsonl": 5_999_000, "gone.jsonl": 7}).beat()

    assert degraded(app) == []
    assert numbers(app)["voiceapp_journal_backlog_bytes"] == 1000


def test_lost_rows_and_open_breakers_degrade_it(make_app, app):
    parts = app.extensions["voiceapp"]
    parts.metrics.lost()
    with app.app_context():
        parts.live.ensure_started(watch=False)
    leave_alone(app, parts.live.tables.newest.integrations["directory"])

    assert degraded(app) == [
        "Rows of the journal were lost since the start.",
        "CRMs that are not asked, as they fail: Directory.",
    ]
    assert 'voiceapp_breaker{integration="Directory",state="open"} 1.0' in ask(app, "/metrics").text


def follow(app: Flask, integrations: Sequence[Integration], rules: Sequence[Rule]) -> None:
    """Publish rules with the CRMs that they ask."""
    with app.app_context():
        plan = replace(
            draft.read(db.session()), integrations=tuple(integrations), rules=tuple(rules)
        )
        db.session.add(Release(number=2, document=dump(plan)))
        db.session.commit()
        runtime().live.ensure_started(watch=False)
        runtime().live.refresh()


def leave_alone(app: Flask, integration: Integration) -> None:
    parts = app.extensions["voiceapp"]
    name = parts.live.clients.source(integration, parts.live.tables.newest.country).name
    with pytest.raises(CrmThrottled), parts.breakers.watching(name, 3):
        raise CrmThrottled("Asked too often.")


def test_each_crm_of_a_rules_own_has_a_name(make_app, app):
    own = [
        Integration(key, "Custom URL", "custom", f"https://{key}.example", is_private=True)
        for key in ("a", "b")
    ]
    rules = [Rule(f"Rule {one.key}", Location.DID, one.key, "", "tier", (), {}) for one in own]
    follow(app, own, rules)
    leave_alone(app, own[0])

    states = {"Custom URL of rule Rule a": "open", "Custom URL of rule Rule b": "closed"}
    assert ask(app, "/readyz").json["breakers"] == states
    assert degraded(app) == ["CRMs that are not asked, as they fail: Custom URL of rule Rule a."]
    found = numbers(app)
    assert all(
        found[f'voiceapp_breaker{{integration="{name}",state="{state}"}}'] == 1
        for name, state in states.items()
    )


@pytest.mark.parametrize("which", [0, 1])
def test_of_two_crms_with_one_name_the_worse_counts(make_app, app, which):
    two = [Integration(key, "Shop", "custom", f"https://{key}.example") for key in ("a", "b")]
    rules = [Rule(one.key, Location.DID, one.key, "", "tier", (), {}) for one in two]
    follow(app, two, rules)
    leave_alone(app, two[which])

    assert ask(app, "/readyz").json["breakers"] == {"Shop": "open"}


def test_another_key_than_the_credentials_were_saved_with_degrades_it(make_app, app, caplog):
    shop = Integration("shop", "Web shop", "custom", "https://crm.example.com/find")
    with app.app_context():
        session = db.session()
        secrets = runtime().vault.seal({"header_value": "hunter2"})
        session.add(Credential(integration="shop", origin=origin(shop.url), secrets=secrets))
        draft.save(session, shop, "test")
        [rule] = [one for one in draft.read(session).rules if one.name == "VIP customers"]
        draft.save(session, replace(rule, integration="shop", module=""), "test")
        publish(session, "test")
    same = make_app({"METRICS_TOKEN": TOKEN})
    assert degraded(same) == []
    assert "CREDENTIALS_KEY" not in caplog.text

    other = make_app({"METRICS_TOKEN": TOKEN, "CREDENTIALS_KEY": Fernet.generate_key().decode()})

    [told] = degraded(other)
    assert "Web shop" in told
    assert "CREDENTIALS_KEY" in told
    assert wrong(other) == ["credentials"]
    [line] = [one for one in caplog.messages if "CREDENTIALS_KEY" in one]
    assert "Web shop" in line


def test_a_worker_that_ends_well_is_gone_at_once(instance):
    beating = Heartbeat(instance, dict)
    beating.beat()
    assert heartbeat.seen(instance).is_alive

    beating.end()

    assert not heartbeat.seen(instance).is_alive


def test_a_worker_that_is_gone_can_be_alarmed_on(app, instance):
    assert wrong(app) == []

    (instance / heartbeat.FILE).unlink()

    assert numbers(app)["voiceapp_worker_seen_seconds"] > 30
    assert wrong(app) == ["worker"]


def test_metrics_are_there_only_where_a_token_is_set_and_for_whoever_has_it(make_app, app):
    assert ask(make_app(), "/metrics").status_code == 404
    assert [ask(app, "/metrics", token).status_code for token in (None, "wrong")] == [401, 401]
    answer = ask(app, "/metrics")
    assert answer.status_code == 200
    assert answer.mimetype == "text/plain"


def test_calls_are_counted_without_their_numbers_and_test_calls_are_not(app):
    twilio = poster(app)
    twilio("/twiml/did", **FIELDS)
    twilio("/twiml/did", **FIELDS)
    twilio("/twiml/did", **{**FIELDS, "CallSid": "CA2", "To": "+12025550199"})
    app.test_client().post("/twiml/did", base_url=BASE, data=FIELDS)
    app.test_cli_runner().invoke(args=["call", ADA, SALES])

    found = numbers(app)
    text = ask(app, "/metrics").text

    assert found['voiceapp_decisions_total{destination="queue",outcome="matched"}'] == 1
    assert found['voiceapp_decisions_total{destination="queue",outcome="no rule"}'] == 1
    assert found["voiceapp_answer_seconds_count"] == 2
    assert found['voiceapp_lookup_seconds_count{crm="directory",result="found"}'] == 1
    assert found["voiceapp_webhooks_redelivered_total"] == 1
    assert found["voiceapp_webhooks_refused_total"] == 1
    assert found["voiceapp_releases_followed_total"] == 1
    assert "2025550" not in text


def test_no_session_is_begun_and_nothing_may_be_posted(app):
    for path in ("/healthz", "/readyz", "/metrics"):
        assert "Set-Cookie" not in ask(app, path).headers
        assert app.test_client().post(path).status_code == 405
    with app.app_context():
        assert runtime().journal.lost == 0
