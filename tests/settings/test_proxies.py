"""Behind proxies of ours the client's address counts; in front of them a claim counts nothing."""

import pytest
from sqlalchemy import select

from tests.conftest import BASE, MakeApp, poster, sign
from tests.settings.conftest import browser, csrf
from voiceapp.extensions import db
from voiceapp.models.audit import AuditRow
from voiceapp.runtime import runtime

DATABASES = ("sqlite",)  # what is tested here is no matter of rows

FIELDS = {"CallSid": "CA1", "From": "+12025550101", "To": "+12025550180"}
FORGED = {
    "X-Forwarded-For": "192.0.2.1",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "http",
    "X-Forwarded-Prefix": "/x",
}


def fail(app, forwarded: str | None) -> str:
    """Fail to sign in through proxies, and return the address that is noted for it."""
    client = browser(app)
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    fields = {"csrf_token": csrf(client, "/admin/sign-in"), "email": "x@example.com"}
    client.post("/admin/sign-in", data=fields | {"password": "x"}, headers=headers)
    with app.app_context():
        newest = select(AuditRow.address).order_by(AuditRow.id.desc())
        return db.session.scalars(newest.limit(1)).one()


@pytest.mark.parametrize(
    ("trusted", "forwarded", "noted"),
    [
        ("0", "192.0.2.1", "127.0.0.1"),
        ("0", None, "127.0.0.1"),
        ("1", None, "127.0.0.1"),
        ("1", "192.0.2.1", "192.0.2.1"),
        ("1", "198.51.100.7, 192.0.2.1", "192.0.2.1"),
        ("1", "192.0.2.1,", "127.0.0.1"),
        ("1", '"198.51.100.7, 192.0.2.1', "192.0.2.1"),
        ("1", "198.51.100.7, x' OR 1=1", "127.0.0.1"),
        ("2", "192.0.2.1", "127.0.0.1"),
        ("2", "198.51.100.7, 192.0.2.1, 10.0.0.1", "192.0.2.1"),
        ("1", "[2001:db8::1]:443", "2001:db8::1"),
    ],
)
def test_the_address_is_what_a_proxy_of_ours_has_seen(make_app: MakeApp, trusted, forwarded, noted):
    assert fail(make_app({"TRUSTED_PROXIES": trusted}), forwarded) == noted


def test_whoever_guesses_can_t_make_up_an_address_for_each_attempt(make_app: MakeApp):
    app = make_app({"TRUSTED_PROXIES": "1"})
    client = browser(app)
    token = csrf(client, "/admin/sign-in")

    def attempt(number: int, seen: str) -> int:
        headers = {"X-Forwarded-For": f"198.51.100.{number}, {seen}"}
        fields = {"csrf_token": token, "email": f"{number}@example.com", "password": "x"}
        return client.post("/admin/sign-in", data=fields, headers=headers).status_code

    with app.app_context():
        for number in range(48):
            runtime().throttle.take(f"{number}@example.org", "192.0.2.1")

    assert [attempt(number, "192.0.2.1") for number in range(4)] == [422, 422, 429, 429]
    assert attempt(9, "192.0.2.2") == 422


@pytest.mark.parametrize("trusted", ["0", "1", "3"])
def test_signatures_are_checked_by_the_public_address_alone(make_app: MakeApp, trusted):
    app = make_app({"TRUSTED_PROXIES": trusted})
    forged = sign("https://evil.example/twiml/did", FIELDS) | FORGED

    genuine = app.test_client().post(
        "/twiml/did", base_url=BASE, data=FIELDS, headers=sign(BASE + "/twiml/did", FIELDS) | FORGED
    )
    refused = app.test_client().post("/twiml/did", base_url=BASE, data=FIELDS, headers=forged)

    assert genuine.text == poster(app)("/twiml/did", **FIELDS).text
    assert refused.status_code == 403


def test_nobody_is_led_to_a_claimed_host(make_app: MakeApp):
    client = browser(make_app({"TRUSTED_PROXIES": "1"}))

    answer = client.get("/admin/queues/", headers=FORGED)

    assert answer.location == "/admin/sign-in?next=/admin/queues/"
