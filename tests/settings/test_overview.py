"""The first page says how things stand and what to do next."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import unescape
from urllib.parse import urlsplit

import pytest
from flask import Flask
from sqlalchemy import delete

from tests.routing.journals import decision
from tests.settings.conftest import COOKIE, HOST, browser
from voiceapp.extensions import db
from voiceapp.models.draft import DraftPart
from voiceapp.models.releases import Release
from voiceapp.routing import draft
from voiceapp.routing.ledger import write_rows
from voiceapp.rules.plan import Did, Queue
from voiceapp.rules.rule import Destination, DestinationKind


@pytest.fixture
def save(app: Flask) -> Callable[..., None]:
    """Save parts of the draft."""

    def save(*parts):
        with app.app_context():
            for part in parts:
                draft.save(db.session(), part, "ada")
            db.session.commit()

    return save


@pytest.fixture
def write(app: Flask) -> Callable[..., None]:
    """Write rows of the journal."""

    def write(*entries):
        with app.app_context():
            write_rows(db.engine, entries)

    return write


def words(page) -> str:
    return " ".join(re.sub("<[^>]+>", " ", page.text.partition("<h1>")[2]).split())


@pytest.mark.parametrize("base", ["http://127.0.0.1:8000", "http://localhost:8000"])
def test_an_address_that_twilio_can_not_reach_is_not_to_be_entered_there(make_app, signed_in, base):
    cookie = signed_in("viewer").get_cookie(COOKIE, HOST)
    client = browser(make_app({"PUBLIC_BASE_URL": base}))
    client.set_cookie("voiceapp", cookie.value, domain=urlsplit(base).hostname)

    text = words(client.get("/admin/", base_url=base))

    assert f"Twilio can't reach {base}. Set PUBLIC_BASE_URL" in unescape(text)
    assert "/twiml/" not in text


def test_an_installation_without_anything_lists_the_first_steps(app, signed_in, working):
    with app.app_context():
        db.session.execute(delete(DraftPart))
        db.session.execute(delete(Release))
        db.session.commit()

    text = words(signed_in("viewer").get("/admin/"))

    assert "(done)" not in text
    steps = ("Make a queue", "Choose the safe destination", "Add a DID", "Publish", "Let Twilio")
    assert [text.index(step) for step in steps] == sorted(text.index(step) for step in steps)
    for path in ("did", "fallback", "status"):
        assert f"https://calls.example.com/twiml/{path}" in text
    assert "can't go live" not in text
    assert "Nobody has called." in text


def test_steps_that_are_done_are_ticked_until_the_first_real_call(signed_in, write):
    client = signed_in("viewer")

    assert words(client.get("/admin/")).count("(done)") == 4
    write(decision("CA1", test=True))
    assert "Until the first call" in words(client.get("/admin/"))
    write(decision("CA2"))
    assert "Until the first call" not in words(client.get("/admin/"))


def test_what_keeps_the_draft_from_going_live_is_told(signed_in, save):
    client = signed_in("viewer")
    assert "go live" not in words(client.get("/admin/"))

    save(Queue("new"))
    assert "1 change is ready to go live" in words(client.get("/admin/"))

    save(Did("+12025550183", "Lost", Destination(DestinationKind.QUEUE, "gone")))
    page = client.get("/admin/")
    assert "DID +12025550183 Lost : Destination: There is no queue gone." in words(page)
    assert "/admin/releases/review" in page.text


def test_real_calls_are_counted_and_trouble_is_visible(signed_in, write):
    now = datetime.now(UTC)
    write(
        decision("CA1", at=now),
        decision("CA2", at=now, outcome="CRM failed"),
        decision("CA3", at=now, test=True),
        decision("CA4", at=now - timedelta(days=3), outcome="CRM failed"),
        decision("CA5", at=now - timedelta(days=3), rule="", outcome="", safe=True),
        decision("CA6", at=now - timedelta(days=9)),
    )

    page = signed_in("viewer").get("/admin/")

    text = words(page)
    assert "Real calls only, no tests." in text
    assert "All 2 4" in text
    assert "Matched 1 1" in text
    assert "CRM failed 1 2" in text
    assert "for 2 calls, 1 of them today." in text
    assert "1 call had to go there, none of them today. This one:" in text
    assert 'aria-label="Day by day, today last: 0, 0, 0, 2, 0, 0, 2"' in page.text
    first = (now - timedelta(days=6)).date()
    assert f"/admin/calls/?outcome=CRM+failed&amp;since={first}&amp;real=y" in page.text


def test_the_last_eight_calls_are_there_tests_marked(signed_in, write):
    now = datetime.now(UTC)
    write(*(decision(f"CA{n}", at=now - timedelta(minutes=n), test=n == 0) for n in range(9)))

    page = signed_in("viewer").get("/admin/")

    assert re.findall(r"/admin/calls/(CA\d)", page.text) == [f"CA{n}" for n in range(8)]
    assert words(page).count(" test ") == 1


def test_every_did_is_there_with_where_it_leads(signed_in):
    text = words(signed_in("viewer").get("/admin/"))

    assert "Accounts +1 202-555-0182 IVR 802" in text
    assert "Sales +1 202-555-0180 CRM rule VIP customers" in text


@pytest.mark.parametrize("url", ["/admin/", "/admin/calls/", "/admin/calls/CA1", "/admin/try/"])
def test_nothing_stands_in_a_page_that_the_policy_would_stop(signed_in, write, url):
    write(decision("CA1", release=1))

    text = signed_in("viewer").get(url).text

    assert not re.search(r"<style|<[^>]*\s(?:style|on[a-z]+)=|<script(?![^>]*\ssrc=)", text)
