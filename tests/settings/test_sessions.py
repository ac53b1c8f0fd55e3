"""Sessions: what begins one, what ends it, and that nobody else has it."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from tests.settings.conftest import PASSWORD, browser, copied, csrf, is_in, post, try_to_sign_in
from voiceapp import people
from voiceapp.extensions import db
from voiceapp.models.people import OneTimeLink, Person, SignIn
from voiceapp.models.types import now
from voiceapp.people import Role
from voiceapp.runtime import runtime

DATABASES = ("sqlite",)  # what is tested here is no matter of rows

OTHER_PASSWORD = "staple correct horse"


def take(app, attempts: int) -> None:
    """Use attempts up, from wherever, for the viewer's account."""
    with app.app_context():
        for number in range(attempts):
            runtime().throttle.take("viewer@example.com", f"192.0.2.{number}")


def test_a_planted_cookie_is_worth_nothing_after_signing_in(app, join):
    victim = browser(app)
    csrf(victim, "/admin/sign-in")
    attacker = copied(victim)

    try_to_sign_in(victim, join())

    assert is_in(victim)
    assert not is_in(attacker)


def test_a_session_ends_when_another_one_begins_in_its_place(signed_in, join):
    client = signed_in("viewer")
    earlier = copied(client)

    post(client, "/admin/sign-in", page="/admin/account", email=join(), password=PASSWORD)

    assert "admin@example.com" in client.get("/admin/account").text
    assert not is_in(earlier)


def test_signing_out_ends_a_copied_cookie_too(signed_in):
    client = signed_in("viewer")
    thief = copied(client)
    assert is_in(thief)

    answer = post(client, "/admin/sign-out", page="/admin/account")

    assert (answer.status_code, answer.location) == (303, "/admin/sign-in")
    assert not is_in(client)
    assert not is_in(thief)


def test_a_made_up_cookie_is_nobodys(app, signed_in):
    client = copied(signed_in())
    signed = client.get_cookie("__Host-voiceapp", "calls.example.com").value
    for value in (signed[:-1], "x" + signed, "x", "eyJ0b2tlbiI6IngifQ.x.x", ""):
        forger = browser(app)
        forger.set_cookie("__Host-voiceapp", value, domain="calls.example.com")

        assert not is_in(forger)


@pytest.mark.parametrize(
    ("column", "lasts"), [("seen_at", timedelta(hours=12)), ("created_at", timedelta(days=7))]
)
def test_a_session_ends_by_itself(app, signed_in, column, lasts):
    client = signed_in()

    def set_back(by):
        with app.app_context():
            db.session.execute(update(SignIn).values({column: now() - by}))
            db.session.commit()

    set_back(lasts - timedelta(minutes=1))
    assert is_in(client)
    set_back(lasts)
    assert not is_in(client)


def test_what_was_sent_too_late_leads_back_to_its_page(app):
    client = browser(app)

    assert client.post("/admin/queues/1").location == "/admin/sign-in?next=/admin/queues/1"
    assert client.post("/admin/sign-out").location.startswith("/admin/sign-in")


def test_another_password_ends_all_other_sessions(app, signed_in, join):
    client, elsewhere = signed_in("viewer"), signed_in("viewer")
    thief = copied(client)

    answer = post(client, "/admin/account", present=PASSWORD, password=OTHER_PASSWORD)

    assert answer.status_code == 303
    assert [is_in(one) for one in (client, elsewhere, thief)] == [True, False, False]
    assert try_to_sign_in(browser(app), join("viewer")).status_code == 422
    assert try_to_sign_in(browser(app), join("viewer"), OTHER_PASSWORD).status_code == 303


@pytest.mark.parametrize(
    ("present", "password", "sentence"),
    [
        ("wrong", OTHER_PASSWORD, "That is not your present password."),
        (PASSWORD, "short", "A password needs at least 12 characters."),
        (PASSWORD, "x" * 201, "A password has at most 200 characters."),
        (PASSWORD, "viewer@example.com", "A password can&#39;t be your name"),
        ("", "", "Type your present password."),
    ],
)
def test_a_password_stays_unless_all_is_right(signed_in, present, password, sentence):
    client = signed_in("viewer")

    answer = post(client, "/admin/account", present=present, password=password)

    assert answer.status_code == 422
    assert sentence in answer.text
    assert is_in(client)


def test_the_present_password_can_not_be_guessed_without_end(app, signed_in):
    client = signed_in("viewer")
    take(app, 8)
    for new in ("short", OTHER_PASSWORD):  # neither counts: it was the right one
        post(client, "/admin/account", present=PASSWORD, password=new)
    for wrong in ("wrong", PASSWORD):
        answer = post(client, "/admin/account", present=wrong, password=OTHER_PASSWORD)
        assert answer.status_code == 422

    answer = post(client, "/admin/account", present=OTHER_PASSWORD, password=PASSWORD)

    assert answer.status_code == 429
    assert "Wait a quarter of an hour" in answer.text


def test_another_role_holds_from_the_next_request_on(app, signed_in):
    client = signed_in()
    assert client.get("/admin/people/").status_code == 200

    with app.app_context():
        db.session.execute(update(Person).values(role=Role.VIEWER))
        db.session.commit()

    assert client.get("/admin/people/").status_code == 403
    assert client.get("/admin/queues/").status_code == 200


def test_a_link_lets_somebody_choose_a_password_once(app, invite):
    address = f"/admin/welcome/{invite()}"
    client = browser(app)

    assert "ada@example.com" in client.get(address).text
    refused = post(client, address, password="short")
    accepted = post(client, address, password=OTHER_PASSWORD)

    assert refused.status_code == 422
    assert (accepted.status_code, accepted.location) == (303, "/admin/")
    assert is_in(client)
    assert browser(app).get(address).status_code == 410
    assert try_to_sign_in(browser(app), "ada@example.com", OTHER_PASSWORD).status_code == 303


def test_who_is_second_to_use_a_link_is_told_so(app, invite, monkeypatch):
    address = f"/admin/welcome/{invite()}"

    def accept_link(*arguments):
        raise people.LinkSpent

    monkeypatch.setattr(people, "accept_link", accept_link)
    answer = post(browser(app), address, password=OTHER_PASSWORD)

    assert answer.status_code == 410
    assert "This link was used already" in answer.text


def test_looking_at_a_link_does_not_use_it_up(app, invite):
    address = f"/admin/welcome/{invite()}"

    for method in ("GET", "HEAD", "OPTIONS", "GET"):
        assert browser(app).open(address, method=method).status_code == 200


def test_links_that_are_spent_unknown_or_too_old_look_the_same(app, invite):
    spent, old = invite(), invite("old@example.com")
    post(browser(app), f"/admin/welcome/{spent}", password=OTHER_PASSWORD)
    with app.app_context():
        db.session.execute(update(OneTimeLink).values(created_at=now() - timedelta(days=7)))
        db.session.commit()

    answers = [browser(app).get(f"/admin/welcome/{token}") for token in (spent, old, "ünknown")]

    assert {one.status_code for one in answers} == {410}
    assert len({one.text for one in answers}) == 1


def test_a_link_of_somebody_else_ends_the_session_it_is_used_in(app, signed_in, invite):
    client = signed_in()
    admin = copied(client)
    address = f"/admin/welcome/{invite()}"

    assert "Sign out" not in client.get(address).text
    post(client, address, password=OTHER_PASSWORD)

    assert "ada@example.com" in client.get("/admin/account").text
    assert not is_in(admin)
