"""The list of calls and the page of one: what was decided, found again by whatever is known."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from tests.demo_calls import ADA, SALES
from tests.routing.journals import decision, end
from voiceapp.extensions import db
from voiceapp.routing import draft
from voiceapp.routing.history import PAGE
from voiceapp.routing.ledger import write_rows
from voiceapp.rules.plan import Installation

CALLS = "/admin/calls/"
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)

Write = Callable[..., None]


@pytest.fixture
def write(app: Flask) -> Write:
    """Write rows of the journal."""

    def write(*entries):
        with app.app_context():
            write_rows(db.engine, entries)

    return write


@pytest.fixture
def viewer(signed_in):
    return signed_in("viewer")


def sids(page) -> list[str]:
    return re.findall(r'href="/admin/calls/(CA\w+)"', page.text)


def test_an_empty_journal_says_what_to_do_first(viewer, working):
    page = viewer.get(CALLS)

    assert page.status_code == 200
    assert "No calls yet" in page.text
    assert "/admin/try/" in page.text


def test_a_row_says_who_called_what_and_where_that_led(viewer, write):
    write(
        decision("CA1", at=AT, outcome="CRM failed"),
        decision("CA2", at=AT + timedelta(minutes=1), test=True, rule="", outcome=""),
        decision("CA3", at=AT + timedelta(minutes=2), rule="", outcome="", ivr="801", key="none"),
    )

    text = viewer.get(CALLS).text

    rows = [" ".join(re.sub("<[^>]+>", " ", row).split()) for row in text.split("<tr>")[2:]]
    assert "+1 202-555-0101 Sales +1 202-555-0180 No key in IVR 801 Queue vip" in rows[0]
    assert "12:01:00 test" in rows[1]
    assert "DID Queue vip" in rows[1]
    assert "CRM rule VIP customers ▲ CRM failed Queue vip" in rows[2]
    assert sids(viewer.get(CALLS)) == ["CA3", "CA2", "CA1"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("caller=(202) 555-0101", ["CA1"]),
        ("caller=Anonymous", ["CA3"]),
        ("caller=sip:ada@example.com", ["CA2"]),
        ("called=2025550181", ["CA2"]),
        ("called=%2B12025550180", ["CA3", "CA1"]),
        ("outcome=CRM failed", ["CA2"]),
        ("since=2026-03-02", ["CA3"]),
        ("until=2026-03-01", ["CA2", "CA1"]),
        ("since=2026-03-01&until=2026-03-01", ["CA2", "CA1"]),
        ("real=y", ["CA3", "CA1"]),
        ("caller=+&called=&outcome=&since=&until=", ["CA3", "CA2", "CA1"]),
    ],
)
def test_calls_are_found_by_what_is_known_of_them(viewer, write, query, found):
    write(
        decision("CA1", at=AT),
        decision(
            "CA2",
            at=AT + timedelta(hours=11, minutes=59),
            caller="sip:ada@example.com",
            called="+12025550181",
            outcome="CRM failed",
            test=True,
        ),
        decision("CA3", at=AT + timedelta(hours=12), caller="anonymous"),
    )

    page = viewer.get(f"{CALLS}?{query}")

    assert page.status_code == 200
    assert sids(page) == found


def test_days_are_those_of_the_installations_zone(app, viewer, write):
    with app.app_context():
        installation = replace(
            draft.read(db.session()).installation, time_zone="America/New_York", country="DE"
        )
        assert isinstance(installation, Installation)
        draft.save(db.session(), installation, "ada")
        db.session.commit()
    write(
        decision("CA1", at=datetime(2026, 3, 2, 4, 59, tzinfo=UTC)),
        decision("CA2", at=datetime(2026, 3, 2, 5, tzinfo=UTC), caller="+49301234567"),
    )

    assert sids(viewer.get(f"{CALLS}?until=2026-03-01")) == ["CA1"]
    assert sids(viewer.get(f"{CALLS}?since=2026-03-02")) == ["CA2"]
    assert sids(viewer.get(f"{CALLS}?caller=030 1234567")) == ["CA2"]


@pytest.mark.parametrize(
    ("query", "field", "message"),
    [
        ("caller=202-555", "caller", "This is no phone number."),
        ("caller=ada%00", "caller", "This is no phone number."),
        (f"caller={'a' * 129}", "caller", "Use at most 128 characters."),
        ("called=?", "called", "This is no number that was called."),
        ("outcome=lost", "outcome", "There is no such outcome."),
        ("since=yesterday", "since", "Type a day as 2026-03-31."),
        ("until=0001-01-01", "until", "Type a day as 2026-03-31."),
        ("until=9999-12-31", "until", "Type a day as 2026-03-31."),
        ("since=2026-03-02&until=2026-03-01", "until", "This day is before the first one."),
    ],
)
def test_what_can_not_be_read_is_told_beside_its_field_and_kept(viewer, query, field, message):
    page = viewer.get(f"{CALLS}?{query}&real=y")

    assert page.status_code == 422
    assert re.search(rf'id="{field}-wrong"[^>]*>.*{re.escape(message)}', page.text)
    assert f'aria-describedby="{field}-wrong"' in page.text
    kept = query.rpartition("=")[2].removesuffix("%00")
    assert re.search(rf'value="{re.escape(kept)}', page.text)
    assert re.search(r'<input[^>]* checked [^>]*id="real"', page.text)


def test_pages_keep_the_filters(viewer, write):
    write(*(decision(f"CA{n}", at=AT + timedelta(minutes=n)) for n in range(PAGE + 2)))
    write(decision("CA9", at=AT, caller="anonymous"))

    first = viewer.get(f"{CALLS}?caller=(202)+555-0101")
    older = re.search(r'href="([^"]+)">Older calls', first.text)
    assert older
    second = viewer.get(older[1].replace("&amp;", "&"))

    assert sids(first) == [f"CA{n}" for n in range(PAGE + 1, 1, -1)]
    assert sids(second) == ["CA1", "CA0"]
    assert "Newest" in second.text
    assert "Newest" not in first.text


@pytest.mark.parametrize("key", ["x", "1-" + "9" * 30, "-1--1", "%00"])
def test_a_page_that_never_was_is_not_found(viewer, key):
    assert viewer.get(f"{CALLS}?before={key}").status_code == 404


def test_a_call_tells_its_steps_in_order_and_how_it_ended(viewer, write):
    to_menu = {"destination_kind": "ivr", "destination_option": "801"}
    write(
        decision("CA1", step=0, at=AT, explanation=("Tier is “Silver”.", "✓ = Silver held.")),
        decision("CA1", step=2, at=AT, door="key", ivr="801", key="1", rule="", outcome=""),
        end("CA1", duration=45),
        decision("CA2", **to_menu),
    )

    text = viewer.get(f"{CALLS}CA1").text

    assert "<h1>+1 202-555-0101" in text
    assert text.index("✓ = Silver held.") < text.index("So the call goes to Queue vip.")
    assert '<ol class="steps" start="3">' in text
    assert "The call ended: completed after 45 s." in text
    assert "/admin/try/?caller=%2B12025550101&amp;called=%2B12025550180&amp;keys=1" in text
    assert f"{CALLS}?caller=%2B12025550101" in text
    assert "The call ended" not in viewer.get(f"{CALLS}CA2").text


def test_the_way_a_call_took_is_drawn_by_the_release_it_followed(viewer, write):
    write(decision("CA1", release=1), decision("CA2", release=0), decision("CA3", release=9))

    released, drafted, unknown = (viewer.get(f"{CALLS}CA{n}").text for n in (1, 2, 3))

    assert 'class="way-wire taken"' in released
    assert "release 1</a>" in released
    assert 'class="way-wire taken"' in drafted
    assert "Drawn over the draft as it is now." in drafted
    assert "way-wire" not in unknown


def test_a_number_that_is_no_did_has_no_way(viewer, write):
    write(decision("CA1", release=1, called="+12025550189", rule="", outcome=""))

    text = viewer.get(f"{CALLS}CA1").text

    assert "way-wire" not in text
    assert "A number that is no DID" in text


def test_nothing_of_a_call_becomes_markup(viewer, write):
    evil = "<script>alert(1)</script>"
    write(
        decision(
            "CA1",
            caller=evil,
            called=evil,
            rule=evil,
            outcome=evil,
            door=evil,
            destination_option=evil,
            explanation=(evil,),
        ),
        end("CA1", status=evil),
    )

    for url in (CALLS, f"{CALLS}CA1", "/admin/"):
        page = viewer.get(url)
        assert page.status_code == 200
        assert evil not in page.text
        assert "&lt;script&gt;" in page.text


@pytest.mark.parametrize("sid", ["CA9", "%00", "x%0Ay"])
def test_a_call_that_nobody_knows_is_not_found(viewer, sid):
    assert viewer.get(CALLS + sid).status_code == 404


def test_every_link_from_a_call_back_to_the_list_is_read(viewer, write):
    for number, caller in enumerate((ADA, "anonymous", "+266696687", "12345", "sip:a@b.example")):
        sid = f"CA{number}"
        write(decision(sid, caller=caller, called=SALES))

        back = re.search(r'href="([^"]+)">Calls from this number', viewer.get(f"{CALLS}{sid}").text)

        assert back
        assert sids(viewer.get(back[1])) == [sid]
