"""Nothing is taken that our own pages have not sent, in the same session."""

import pytest

from tests.settings.conftest import PASSWORD, browser, csrf
from tests.settings.routes import content, senders

FIELDS = {"email": "admin@example.com", "password": PASSWORD, "name": "Forged", "role": "admin"}


def refusals(app, client, fields, **options):
    """Send fields to every page that takes some, and return what answers otherwise than 400."""
    answers = {
        one.address: client.post(one.address, data=fields, **options) for one in senders(app)
    }
    return {address: one.status for address, one in answers.items() if one.status_code != 400}


@pytest.mark.parametrize("token", [None, "", "made-up", "ünicode\0", "x" * 5000])
def test_without_the_pages_token_nothing_is_taken(app, signed_in, token):
    client = signed_in()
    before = content(app)

    others = refusals(app, client, FIELDS | ({} if token is None else {"csrf_token": token}))

    assert others == {}
    assert content(app) == before
    assert client.get("/admin/").status_code == 200  # not signed out either


def test_the_token_of_somebody_elses_session_is_worth_nothing(app, signed_in):
    client, other = signed_in(), signed_in("admin", "eve@example.com")
    token = csrf(other, "/admin/account")
    before = content(app)

    others = refusals(app, client, FIELDS | {"csrf_token": token})

    assert others == {}
    assert content(app) == before


def test_a_token_counts_only_in_the_form(app, signed_in):
    client = signed_in()
    token = csrf(client, "/admin/account")

    others = refusals(app, client, FIELDS, headers={"X-CSRFToken": token})

    assert others == {}
    assert client.post(f"/admin/sign-out?csrf_token={token}").status_code == 400
    assert client.post("/admin/sign-out", json={"csrf_token": token}).status_code == 400


def test_nobody_is_signed_in_by_a_forged_form(app, join):
    join()
    client, attacker = browser(app), browser(app)
    token = csrf(attacker, "/admin/sign-in")

    answers = [
        client.post("/admin/sign-in", data=FIELDS),
        client.post("/admin/sign-in", data=FIELDS | {"csrf_token": token}),
    ]

    assert [one.status_code for one in answers] == [400, 400]
    assert client.get("/admin/").status_code == 303


def test_the_token_from_before_signing_in_ends_with_it(app, join):
    client = browser(app)
    token = csrf(client, "/admin/sign-in")
    client.post("/admin/sign-in", data={"csrf_token": token, "email": join(), "password": PASSWORD})

    answer = client.post("/admin/sign-out", data={"csrf_token": token})

    assert answer.status_code == 400


def test_a_refusal_says_what_to_do(signed_in):
    answer = signed_in().post("/admin/people/invite", data=FIELDS)

    assert answer.status_code == 400
    assert "Nothing was changed. Go back" in answer.text


def test_opening_pages_changes_nothing(app, signed_in):
    client = signed_in()
    before = content(app)

    for one in senders(app):
        client.get(one.address, query_string=FIELDS | {"do": "publish", "csrf_token": "x"})
        client.head(one.address)

    assert content(app) == before
