"""The door of the settings pages: what browsers are told, and what no request can bend."""

from html import unescape
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient

from tests.settings.conftest import COOKIE, PASSWORD, browser, csrf, post
from tests.settings.routes import content, routes
from voiceapp.extensions import db
from voiceapp.settings.door import MOST_FROM_STRANGERS, MOST_UPLOADED

EVIL = {
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Server": "evil.example",
    "X-Host": "evil.example",
    "Forwarded": "host=evil.example",
}
HEADERS = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Strict-Transport-Security": "max-age=31536000",
}
ADDRESSES = [
    "/admin",
    "/admin/",
    "/admin/queues",
    "/admin//queues/",
    "/admin/queues/",
    "/admin/queues/3",
    "/admin/queues/99",
    "/admin/people/",
    "/admin/sign-in",
    "/admin/sign-out",
    "/admin/welcome/x",
    "/admin/nowhere",
]
METHODS = ["GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE", "BREW"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("role", ["", "viewer", "admin"])
def test_every_answer_tells_the_browser_what_it_needs_to_know(app, signed_in, role, method):
    client = signed_in(role) if role else browser(app)

    for address in ADDRESSES:
        answer = client.open(address, method=method)

        assert dict(answer.headers).items() >= HEADERS.items(), address
        policy = answer.headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in policy
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert "form-action 'self'" in policy


def test_pages_hold_nothing_that_the_policy_forbids(app, signed_in):
    client = signed_in()

    for one in routes(app):
        answer = client.get(one.address)
        page = answer.text if answer.mimetype == "text/html" else ""

        assert "<script>" not in page, one
        assert " style=" not in page, one
        assert "javascript:" not in page, one
        assert " onclick=" not in page, one


def test_plain_http_is_not_told_to_stay_with_https(make_app):
    client = make_app({"PUBLIC_BASE_URL": "http://localhost"}).test_client()

    answer = client.get("/admin/sign-in")

    assert answer.headers["X-Frame-Options"] == "DENY"
    assert "Strict-Transport-Security" not in answer.headers


def attributes(answer) -> set[str]:
    return set(answer.headers["Set-Cookie"].split("; ")[1:])


def test_the_cookie_is_out_of_reach(app, join):
    client = browser(app)

    answer = post(client, "/admin/sign-in", email=join(), password=PASSWORD)

    assert answer.headers["Set-Cookie"].startswith(f"{COOKIE}=")
    assert attributes(answer) == {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"}


def test_on_plain_http_the_cookie_does_without_what_needs_https(make_app):
    client = make_app({"PUBLIC_BASE_URL": "http://localhost"}).test_client()

    answer = client.get("/admin/sign-in")

    assert answer.headers["Set-Cookie"].startswith("voiceapp=")
    assert attributes(answer) == {"HttpOnly", "Path=/", "SameSite=Lax"}


class Deceived(FlaskClient):
    """A browser that was led to a name of somebody else's for this server."""

    def open(self, *args, **options):
        return super().open(*args, base_url="https://evil.example", headers=EVIL, **options)


def test_no_answer_repeats_the_host_that_a_request_claims(app, join):
    client = Deceived(app, app.response_class)

    signed_in = post(client, "/admin/sign-in?next=/admin/people/", email=join(), password=PASSWORD)
    invited = post(
        client, "/admin/people/invite", email="ada@example.com", name="Ada", role="viewer"
    )

    assert "https://calls.example.com/admin/welcome/" in invited.text
    welcome = client.get("/admin/welcome/" + invited.text.split("/admin/welcome/")[1][:43])
    assert welcome.status_code == 200
    others = [client.get(address) for address in (*ADDRESSES, "/")]
    sent = [client.post(one.address) for one in routes(app) if "POST" in one.methods]
    for answer in (signed_in, invited, welcome, *others, *sent):
        assert "evil" not in answer.text
        assert "evil" not in str(answer.headers).lower()
        assert not urlsplit(answer.location or "").netloc


def test_a_stranger_learns_nothing_of_the_host_either(app):
    client = Deceived(app, app.response_class)

    for address in (*ADDRESSES, "/"):
        answer = client.get(address)

        assert "evil" not in answer.text + str(answer.headers).lower()


def test_an_unknown_address_is_not_found_or_leads_to_signing_in(app, signed_in):
    known = signed_in("viewer").get("/admin/nowhere")
    unknown = browser(app).get("/admin/nowhere?x=1")

    assert known.status_code == 404
    assert "There is nothing here" in known.text
    assert unknown.status_code == 303
    assert unknown.location == "/admin/sign-in?next=/admin/nowhere?x%3D1"


@pytest.mark.parametrize("number", [2**31, 2**63, 10**40])
def test_a_number_that_no_database_counts_to_is_not_found(app, signed_in, number):
    client = signed_in()
    addresses = {one.address for one in routes(app) if one.address.endswith("/1")}

    answers = {client.get(f"{address[:-1]}{number}").status_code for address in addresses}

    assert answers <= {303, 404, 410}


def test_a_name_that_no_database_takes_is_not_found(signed_in):
    answer = signed_in().get("/admin/calls/CA%00")

    assert answer.status_code == 404


def test_asking_for_a_pages_head_is_asking_for_the_page(signed_in):
    client = signed_in("viewer")

    answer = client.head("/admin/queues/3")

    assert answer.status_code == 200
    assert answer.data == b""


def test_nothing_is_sent_under_the_name_of_asking_for_a_head(app, signed_in):
    client = signed_in("viewer")
    before = content(app)

    client.head("/admin/queues/3", data={"name": "seized", "version": "1", "do": "publish"})
    client.head("/admin/account", data={"present": PASSWORD, "password": "staple correct horse"})

    assert content(app) == before


def test_what_may_be_asked_is_told_to_who_may_come_in(app, signed_in):
    inside = signed_in("viewer").options("/admin/queues/3")
    outside = browser(app).options("/admin/queues/3")

    assert inside.status_code == 200
    assert {"GET", "POST"} <= set(inside.headers["Allow"].split(", "))
    assert outside.status_code == 303


def test_trace_returns_nothing_of_the_request(signed_in):
    answer = signed_in().open("/admin/queues/", method="TRACE", headers={"X-Secret": "hush"})

    assert answer.status_code == 400
    assert "hush" not in answer.text
    assert COOKIE not in answer.text


def test_what_is_too_large_is_refused_in_words(app, signed_in):
    client = signed_in()
    token = csrf(client, "/admin/account")

    inside = client.post("/admin/account", data={"csrf_token": token, "x": "x" * MOST_UPLOADED})
    outside = browser(app).post("/admin/sign-in", data={"email": "x" * MOST_FROM_STRANGERS})

    for answer in (inside, outside):
        assert answer.status_code == 413
        assert "That is too much at once" in answer.text
        assert dict(answer.headers).items() >= HEADERS.items()


def test_a_fault_of_ours_is_told_in_words_and_logged_without_the_address(make_app, caplog):
    app = make_app(propagate_faults=False)
    with app.app_context():
        db.drop_all()

    answer = browser(app).get("/admin/welcome/a-secret-token")

    assert answer.status_code == 500
    assert "Something went wrong on our side" in answer.text
    assert dict(answer.headers).items() >= HEADERS.items()
    assert "The page settings.access.welcome failed" in caplog.text
    assert "a-secret-token" not in caplog.text


@pytest.mark.parametrize(
    "away", ["sqlite:////does/not/exist/voiceapp.db", "postgresql://nobody@127.0.0.1:1/voiceapp"]
)
def test_a_database_that_is_away_is_told_in_words_and_logged_in_a_line(make_app, away, caplog):
    app = make_app({"DATABASE_URL": away})

    answer = post(browser(app), "/admin/sign-in", email="ada@example.com", password="hush")

    assert answer.status_code == 503
    assert "The database can't be reached" in unescape(answer.text)
    assert "Sign in" not in answer.text
    assert dict(answer.headers).items() >= HEADERS.items()
    [record] = [one for one in caplog.records if "The page" in one.getMessage()]
    assert record.exc_info is None


def test_a_fault_of_the_database_is_logged_without_what_was_sent(make_app, database_url, caplog):
    app = make_app({"DATABASE_URL": database_url}, propagate_faults=False)  # it has no tables

    answer = post(browser(app), "/admin/sign-in", email="hush@example.com", password="hush, I said")

    assert answer.status_code == 500
    assert "FROM people" in caplog.text
    assert "hush" not in caplog.text


def test_the_webhooks_know_nothing_of_all_this(app, twilio):
    answer = twilio("/twiml/did", CallSid="CA1", From="+12025550101", To="+12025550180")

    assert answer.status_code == 200
    assert answer.mimetype == "text/xml"
    added = {"Set-Cookie", "Vary", *HEADERS, "Content-Security-Policy"}
    assert added.isdisjoint(answer.headers.keys())
