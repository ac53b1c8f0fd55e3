"""No telephone number is written into a log, whatever happens to calls and pages."""

import io
import logging
import re
from collections.abc import Iterator

import pytest

from tests.conftest import poster, settings
from tests.settings.conftest import browser
from voiceapp import create_app
from voiceapp.crm.contract import CrmBadAnswer
from voiceapp.crm.phone import spellings
from voiceapp.extensions import db
from voiceapp.logs import CONFIG, Masking, mask
from voiceapp.models.draft import DraftPart
from voiceapp.routing.journal import Journal

CALLER, DID = "+12025550147", "+12025550180"
NUMBERS = re.compile(r"202\D{0,3}555\D{0,3}01\d\d")


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What is logged from here on, as our processes write it."""
    root, before = logging.getLogger(), logging.getLogger().level
    handler = logging.StreamHandler(text := io.StringIO())
    plain = CONFIG["formatters"]["plain"]
    assert plain["class"] == "voiceapp.logs.Masking"
    handler.setFormatter(Masking(plain["format"]))
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield text
    root.removeHandler(handler)
    root.setLevel(before)


class Quoting:
    """A CRM whose errors repeat whom it was asked about; sometimes it breaks."""

    def __init__(self) -> None:
        self.breaks = False

    def find(self, caller, *_):
        if self.breaks:
            raise KeyError(f"no {caller!r} in {spellings(CALLER, 'US')}")
        raise CrmBadAnswer(f"It said that {caller!r} is wrong.")

    def __getattr__(self, name):
        return self.find


@pytest.mark.parametrize(
    "text",
    [
        *spellings("+12025550147", "US"),
        *spellings("+49301234547", "DE"),
        "From=%2B12025550147&To=x",
        "sip:+12025550147@example.com",
        "DETAIL:  Key (kind, key)=(did, +12025550147) already exists.",
        "{'From': '+12025550147'}",
        "tel:2025550147;",
        "q=%7B12025550147%7D",
        "?a=%3D12025550147",
        "Phone%20%3D%20%27%2B12025550147%27",
        "contains%28phone%2C%272025550147%27%29",
        "number=%2B1%20202%20555%200147",
        "number=%2B1+202+555+0147&x=1",
        "number=%2B1%20%28202%29%20555%2D0147",
        "number=%252B12025550147",
        "+1\u00a0202\u00a0555\u00a00147",
        "+1%C2%A0202%C2%A0555%C2%A00147",
        "+1\u202f202\u2009555-0147",
        repr("foo\n2025550147"),
        repr("\t+12025550147\n"),
        repr("+1\u00a0202\u00a0555\u00a00147"),
        repr("\ufeff2025550147"),
        ascii("é2025550147"),
    ],
)
def test_a_number_is_masked_however_it_is_spelled(text):
    masked = mask(text)

    assert "••••47" in masked
    left = re.sub("%[0-9A-F]{2}", "", masked)
    assert not re.search(r"\d{5}|\d\D?\d\D?\d\D?\d\D?\d", left)


@pytest.mark.parametrize(
    "extension", ["x5", " x5", "x12345", " ext. 5", " ext 123", ";ext=5", "%20x5", "+ext+5"]
)
def test_a_number_is_masked_with_its_extension(extension):
    assert mask(f"to 2025550147{extension}, and on") == "to ••••47, and on"


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-30 14:45:00,123 INFO voiceapp: Following release 12",
        "[2026-11-30 14:45:00 +0000] [12345] [INFO] Listening at: http://127.0.0.1:8000 (12345)",
        "20261130T120000.123456-host-4711-0a1b2c3d.jsonl",
        f"A journal entry of call CA{'0123456789' * 3}12 is lost: OperationalError",
        "from 203.0.113.123 and 2001:db8::1 within 1.2345678 s",
        'File "/srv/voiceapp/routing/route.py", line 123, in did',
        "0x7f8812345678",
        "sha256:3f88123456789abc and CA1f8812345678ffee1234567890abcd",
        "100% of 1024 lines, 50%",
    ],
)
def test_what_is_no_number_stays_as_it_is(text):
    assert mask(text) == text


def test_calls_and_faults_leave_no_number_in_the_log(make_app, written, monkeypatch):
    crm = Quoting()
    app = make_app(propagate_faults=False, client_for=lambda *_: crm)
    twilio = poster(app)

    twilio("/twiml/did", CallSid="CA1", From=CALLER, To=DID)
    crm.breaks = True
    twilio("/twiml/did", CallSid="CA2", From=CALLER, To=DID)
    twilio("/twiml/did", CallSid="CA3", From=CALLER, To="+12025550199")
    twilio("/twiml/status", CallSid="CA3", From=CALLER, To=DID, CallStatus="completed")
    app.test_client().post("/twiml/did", data={"From": CALLER})

    def refuse(self, entry):
        raise ValueError(f"{entry!r} can't be written")

    monkeypatch.setattr(Journal, "append", refuse)
    twilio("/twiml/did", CallSid="CA4", From=CALLER, To=DID)

    text = written.getvalue()
    assert "A voice webhook failed" in text
    assert "A decision is not in the journal" in text
    assert "Refused a webhook" in text
    assert "••••47" in text
    assert not NUMBERS.search(text)


def test_pages_and_the_database_leave_no_number_in_the_log(make_app, written, postgres_url):
    app = make_app({"DATABASE_URL": postgres_url}, propagate_faults=False)
    logging.getLogger("sqlalchemy.engine").setLevel(logging.INFO)
    try:
        with app.app_context():
            db.create_all()
            for _ in range(2):
                db.session.add(DraftPart(kind="did", key=CALLER, body={"number": CALLER}))
            with pytest.raises(Exception, match="already exists") as raised:
                db.session.commit()
            app.logger.error("It failed", exc_info=raised.value)
            db.session.rollback()
            db.drop_all()
        client = browser(app)
        client.get(f"/admin/calls/?caller={CALLER}")
        client.post("/admin/sign-in", data={"email": CALLER})
        client.get(f"/admin/welcome/{CALLER}")
    finally:
        logging.getLogger("sqlalchemy.engine").setLevel(logging.NOTSET)

    text = written.getvalue()
    assert "(did, ••••47) already exists" in text
    assert "INSERT INTO draft_parts" in text
    assert not NUMBERS.search(text)


def test_logs_nobody_has_configured_are_masked_too(tmp_path, capsys):
    create_app(settings(tmp_path), watch=False)
    logging.lastResort.handle(
        logging.makeLogRecord({"msg": f"{CALLER} called", "levelno": logging.ERROR})
    )

    assert "••••47 called" in capsys.readouterr().err


@pytest.mark.parametrize("typed", ["\n", "\r", "\x1b[2J", "\u2028", "\x85"])
def test_nobody_makes_up_a_line_by_what_they_type(typed):
    record = logging.makeLogRecord({"msg": "Ada%s2026-01-01 INFO all is well", "args": (typed,)})

    line = Masking(CONFIG["formatters"]["plain"]["format"]).format(record)

    assert len(line.splitlines()) == 1
    assert "\x1b" not in line
