"""Pages with calls say what they lack, and claim nothing that they can't know."""

import os
import time

import pytest

from tests.conftest import poster
from tests.demo_calls import ADA, SALES
from tests.routing.journals import decision
from tests.settings.test_overview import words
from voiceapp.extensions import db
from voiceapp.routing import sums
from voiceapp.routing.ledger import Collector, write_rows
from voiceapp.runtime import runtime
from voiceapp.settings import lacking
from voiceapp.status.heartbeat import FILE, Heartbeat

PAGES = ["/admin/", "/admin/calls/"]


@pytest.mark.parametrize("url", PAGES)
def test_without_a_worker_nobody_is_told_that_there_were_no_calls(app, signed_in, url):
    for number in range(5):
        poster(app)("/twiml/did", CallSid=f"CA{number}", From=ADA, To=SALES)

    text = words(signed_in("viewer").get(url))

    assert "the worker, which writes them down, is not running" in text
    for claim in (
        "Nobody has called",
        "No real call came in",
        "No CRM failed",
        "a few seconds",
        "it appears here",
    ):
        assert claim not in text


@pytest.mark.parametrize("url", PAGES)
def test_a_worker_that_keeps_up_is_not_mentioned(app, signed_in, working, url):
    text = words(signed_in("viewer").get(url))

    assert "worker" not in text
    assert "Nobody has called" in text


@pytest.mark.parametrize("url", PAGES)
def test_calls_on_their_way_to_the_database_are_told(app, signed_in, working, url, monkeypatch):
    monkeypatch.setattr(lacking, "BACKLOG_BYTES", 100)
    poster(app)("/twiml/did", CallSid="CA1", From=ADA, To=SALES)
    viewer = signed_in("viewer")

    assert "Calls are still being written down" in words(viewer.get(url))
    with app.app_context():
        collector = Collector(working / "journal", db.engine)
        collector.collect()
    Heartbeat(working, lambda: collector.read).beat()
    assert "still being" not in words(viewer.get(url))


@pytest.mark.parametrize("url", PAGES)
def test_decisions_that_were_lost_are_told_as_long_as_the_server_runs(app, signed_in, working, url):
    with app.app_context():
        runtime().metrics.lost()
        assert "1 decision is missing for good" in words(signed_in("viewer").get(url))
        runtime().metrics.lost()

    assert "2 decisions are missing for good" in words(signed_in("viewer").get(url))


def test_numbers_that_are_too_low_say_so(app, signed_in, working, monkeypatch):
    monkeypatch.setattr(sums, "FRESH", 3)
    with app.app_context():
        write_rows(db.engine, [decision(f"CA{number}") for number in range(5)])
    viewer = signed_in("viewer")

    assert "Calls are still being counted" in words(viewer.get("/admin/"))
    assert "still being counted" not in words(viewer.get("/admin/calls/"))


def test_a_worker_that_has_gone_silent_is_told(signed_in, working):
    os.utime(working / FILE, (time.time() - 31,) * 2)

    assert "the worker, which writes them down, is not running" in words(
        signed_in("viewer").get("/admin/")
    )
