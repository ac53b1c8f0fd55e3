"""Coming in and going: who gets a session, where it leads, and when it ends."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from flask import Flask

from tests.settings.conftest import PASSWORD, browser, csrf, is_in, try_to_sign_in
from voiceapp.runtime import runtime

DATABASES = ("sqlite",)  # what is tested here is no matter of rows


@pytest.fixture
def fail(app: Flask) -> Callable[..., None]:
    """Let sign-ins fail, for one account or from one address: `fail(10, email=…)`."""

    def fail(times: int, *, email: str = "", address: str = "") -> None:
        with app.app_context():
            for number in range(times):
                runtime().throttle.take(
                    email or f"{number}@example.com", address or f"192.0.2.{number}"
                )

    return fail


def without_what_was_typed(answer, email: str) -> tuple[int, str]:
    """Return status and text of a page, without the token and the address that was typed."""
    text = re.sub(r'name="csrf_token" value="[^"]+"', "", answer.text)
    return answer.status_code, text.replace(email, "")


def test_who_knows_the_password_comes_in_however_the_address_is_typed(app, join):
    join("viewer")
    client = browser(app)

    answer = try_to_sign_in(client, " Viewer@Example.com ")

    assert (answer.status_code, answer.location) == (303, "/admin/")
    assert is_in(client)


@pytest.mark.parametrize("is_throttled", [False, True])
def test_nobody_learns_who_has_an_account(app, join, invite, is_throttled, fail):
    invite("invited@example.com")
    tried = {join(): "wrong", "invited@example.com": PASSWORD, "nobody@example.com": PASSWORD}
    if is_throttled:
        for email in tried:
            fail(10, email=email)

    answers = {
        without_what_was_typed(try_to_sign_in(browser(app), email, password), email)
        for email, password in tried.items()
    }

    assert [status for status, _ in answers] == [429 if is_throttled else 422]


def test_the_password_is_never_sent_back(app, join):
    answer = try_to_sign_in(browser(app), join(), "a wrong one")

    assert "a wrong one" not in answer.text


def test_an_account_is_closed_for_a_while_after_ten_failures(app, join):
    email = join()
    for _ in range(10):
        assert try_to_sign_in(browser(app), email, "wrong").status_code == 422

    answer = try_to_sign_in(browser(app), email)

    assert answer.status_code == 429
    assert "Wait a quarter of an hour" in answer.text


def test_of_forty_wrong_passwords_at_once_ten_are_looked_at(app, join):
    clients = [browser(app) for _ in range(40)]
    fields = {"email": join(), "password": "wrong"}
    tokens = [csrf(client, "/admin/sign-in") for client in clients]
    start = Barrier(40)

    def attempt(client, token):
        start.wait(10)
        return client.post("/admin/sign-in", data={"csrf_token": token, **fields}).status_code

    with ThreadPoolExecutor(40) as threads:
        answers = sorted(threads.map(attempt, clients, tokens))

    assert answers == [422] * 10 + [429] * 30


def test_who_comes_in_is_not_counted(app, join, fail):
    email = join()
    fail(9, email=email)

    for _ in range(3):
        assert try_to_sign_in(browser(app), email).status_code == 303
    assert try_to_sign_in(browser(app), email, "wrong").status_code == 422
    assert try_to_sign_in(browser(app), email).status_code == 429


def test_an_address_is_closed_for_a_while_after_fifty_failures(app, join, fail):
    fail(50, address="192.0.2.1")
    here, elsewhere = browser(app), browser(app)
    here.environ_base["REMOTE_ADDR"] = "192.0.2.1"
    elsewhere.environ_base["REMOTE_ADDR"] = "192.0.2.2"

    assert try_to_sign_in(here, join()).status_code == 429
    assert try_to_sign_in(elsewhere, join()).status_code == 303


def test_a_claimed_address_does_not_open_what_is_closed(app, join, fail):
    fail(50, address="127.0.0.1")
    client = browser(app)
    fields = {"csrf_token": csrf(client, "/admin/sign-in"), "email": join(), "password": PASSWORD}

    answer = client.post("/admin/sign-in", data=fields, headers={"X-Forwarded-For": "192.0.2.9"})

    assert answer.status_code == 429


@pytest.mark.parametrize(
    ("wanted", "led_to"),
    [
        ("/admin/queues/", "/admin/queues/"),
        ("/admin/queues/1?x=y&z=%C3%BC", "/admin/queues/1?x=y&z=%C3%BC"),
        ("", "/admin/"),
        ("//evil.example", "/admin/"),
        ("//evil.example/admin/", "/admin/"),
        ("/\\evil.example", "/admin/"),
        ("/admin/\\..\\..\\evil.example", "/admin/"),
        ("https:evil.example", "/admin/"),
        ("https://evil.example/admin/", "/admin/"),
        ("javascript:alert(1)", "/admin/"),
        ("/twiml/did", "/admin/"),
        ("/administrator", "/admin/"),
        ("/admin/../twiml/did", "/admin/"),
        ("/admin/%2e%2e/twiml/did", "/admin/"),
        ("/admin/..", "/admin/"),
        ("/admin//evil.example", "/admin/"),
        ("/admin/@evil.example", "/admin/"),
        ("/admin/\r\nX-Evil: 1", "/admin/"),
        ("/admin/\t/evil.example", "/admin/"),
        ("/admin/?x=\r\nX-Evil: 1", "/admin/"),
        ("/admin/\0", "/admin/"),
        (" /admin/queues/", "/admin/"),
        ("http://[evil", "/admin/"),
        ("/admin/" + "x" * 5000, "/admin/"),
        ("/admin/" + "x/" * 900 + "@", "/admin/"),
    ],
)
def test_signing_in_leads_to_our_own_pages_only(app, join, wanted, led_to):
    answer = try_to_sign_in(browser(app), join(), next=wanted)

    assert (answer.status_code, answer.location) == (303, led_to)
    assert "X-Evil" not in answer.headers


def test_who_is_stopped_on_the_way_gets_there_after_signing_in(app, join):
    client = browser(app)
    stopped = client.get("/admin/queues/?x=1&y=2")

    page = client.get(stopped.location).text
    wanted = re.search(r'name="next"[^>]* value="([^"]*)"', page)[1].replace("&amp;", "&")

    assert try_to_sign_in(client, join(), next=wanted).location == "/admin/queues/?x=1&y=2"


def test_who_is_in_already_is_not_asked_again(signed_in):
    client = signed_in()

    assert client.get("/admin/sign-in").location == "/admin/"
    assert client.get("/admin/sign-in?next=/admin/queues/").location == "/admin/queues/"
    assert client.get("/admin/sign-in?next=//evil.example").location == "/admin/"
