"""People: they come in by a link that is shown once, and an admin can't lock everybody out."""

import json
import re
from datetime import timedelta

import pytest
from itsdangerous import base64_decode
from sqlalchemy import select, update

from tests.settings.conftest import COOKIE, HOST, PASSWORD, browser, csrf, post
from voiceapp.extensions import db
from voiceapp.models.people import OneTimeLink, Person
from voiceapp.models.types import now

ADA = {"email": "ada@example.com", "name": "Ada Gold", "role": "editor"}
NASTY = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


@pytest.fixture
def id_of(app):
    """Return the id of who has an e-mail address."""

    def id_of(email: str) -> int:
        with app.app_context():
            return db.session.scalars(select(Person.id).filter_by(email=email)).one()

    return id_of


def link_in(page: str) -> str:
    """Return the address of the link that a page shows."""
    return re.search(r"https://calls\.example\.com(/admin/welcome/[\w-]{43})<", page)[1]


def roles(app) -> dict[str, str]:
    with app.app_context():
        return dict(db.session.execute(select(Person.email, Person.role)).all())


def test_the_list_says_how_far_everybody_has_come(app, signed_in, join, id_of):
    client = signed_in(name="Grace")
    post(client, "/admin/people/invite", **ADA)
    post(client, "/admin/people/invite", email="tim@example.com", name="Tim Late", role="viewer")
    with app.app_context():
        late = update(OneTimeLink).where(OneTimeLink.person_id == id_of("tim@example.com"))
        db.session.execute(late.values(created_at=now() - timedelta(days=8)))
        db.session.commit()

    page = client.get("/admin/people/").text

    rows = page.split("<tr>")[2:]
    assert [re.search(r">([^<]+)</a>", row)[1] for row in rows] == ["Ada Gold", "Grace", "Tim Late"]
    assert "link open until" in rows[0]
    assert "seen" in rows[1]
    assert "was not used in time" in rows[2]


def test_an_invited_person_comes_in_with_the_link_and_has_their_role(app, signed_in):
    answer = post(signed_in(), "/admin/people/invite", **ADA)
    guest = browser(app)

    post(guest, link_in(answer.text), password=PASSWORD)

    assert answer.status_code == 200
    assert "It works once, and for 7 days." in answer.text
    assert guest.get("/admin/queues/new").status_code == 200
    assert guest.get("/admin/people/").status_code == 403


def test_a_link_is_shown_once_and_kept_nowhere(signed_in):
    client = signed_in()

    token = link_in(post(client, "/admin/people/invite", **ADA).text).rpartition("/")[2]

    pages = [client.get(address).text for address in ("/admin/people/", "/admin/people/2")]
    assert not any(token in page for page in pages)
    cookie = client.get_cookie(COOKIE, HOST).value
    assert set(json.loads(base64_decode(cookie.partition(".")[0]))) == {"csrf_token", "token"}


def test_a_link_is_not_logged(signed_in, caplog):
    caplog.set_level("DEBUG")

    token = link_in(post(signed_in(), "/admin/people/invite", **ADA).text).rpartition("/")[2]

    assert token not in caplog.text


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"email": ""}, "Type their e-mail address."),
        ({"email": "ada"}, "is no e-mail address"),
        ({"email": "admin@example.com"}, "has an account already"),
        ({"email": "ADMIN@example.com"}, "has an account already"),
        ({"name": " "}, "Type their name."),
        ({"name": "x" * 201}, "Use at most 200 characters."),
        ({"name": "Ada\u202eGold"}, "A name is a line of"),
        ({"role": "owner"}, "Choose one of the list."),
        ({"role": ""}, "Choose a role."),
    ],
)
def test_an_invitation_says_what_is_wrong_with_it(app, signed_in, fields, sentence):
    client = signed_in()

    answer = post(client, "/admin/people/invite", **ADA | fields)

    assert answer.status_code == 422
    assert sentence in answer.text
    assert list(roles(app)) == ["admin@example.com"]


def test_sending_an_invitation_again_makes_no_second_link(signed_in):
    client = signed_in()
    post(client, "/admin/people/invite", **ADA)

    again = post(client, "/admin/people/invite", **ADA)

    assert again.status_code == 422
    assert "/admin/welcome/" not in again.text


def test_another_role_holds_at_once(signed_in, id_of):
    client, other = signed_in(), signed_in("viewer")
    assert other.get("/admin/queues/new").status_code == 403

    answer = post(client, f"/admin/people/{id_of('viewer@example.com')}", role="editor")

    assert (answer.status_code, answer.location) == (303, "/admin/people/")
    assert "Viewer is an editor now." in client.get(answer.location).text
    assert other.get("/admin/queues/new").status_code == 200


def test_a_new_link_shuts_out_until_a_password_is_chosen(app, signed_in, id_of):
    client, other = signed_in(), signed_in("viewer")
    id_ = id_of("viewer@example.com")

    answer = post(client, f"/admin/people/{id_}/link", page=f"/admin/people/{id_}")

    assert answer.status_code == 200
    assert other.get("/admin/").status_code == 303
    old = post(browser(app), "/admin/sign-in", email="viewer@example.com", password=PASSWORD)
    assert old.status_code == 422
    assert post(other, link_in(answer.text), password=PASSWORD).status_code == 303


def test_a_newer_link_takes_the_place_of_the_older_one(app, signed_in, id_of):
    client = signed_in()
    older = link_in(post(client, "/admin/people/invite", **ADA).text)
    id_ = id_of("ada@example.com")

    newer = link_in(post(client, f"/admin/people/{id_}/link", page=f"/admin/people/{id_}").text)

    assert browser(app).get(older).status_code == 410
    assert browser(app).get(newer).status_code == 200


def test_nobody_takes_their_own_password_away(signed_in, id_of):
    client = signed_in()
    id_ = id_of("admin@example.com")

    answer = post(client, f"/admin/people/{id_}/link", page=f"/admin/people/{id_}")

    assert answer.location == "/admin/account"
    assert client.get("/admin/people/").status_code == 200


def test_a_removed_person_is_out_at_once(app, signed_in, id_of):
    client, other = signed_in(), signed_in("editor")
    address = f"/admin/people/{id_of('editor@example.com')}/remove"

    asked = client.get(address)
    answer = post(client, address)

    assert "is signed out everywhere at once" in asked.text
    assert (answer.status_code, answer.location) == (303, "/admin/people/")
    assert other.get("/admin/").status_code == 303
    assert list(roles(app)) == ["admin@example.com"]
    assert client.get(address).status_code == 404


@pytest.mark.parametrize("what", ["", "/remove"])
def test_the_last_admin_stays_one(app, signed_in, id_of, what):
    client = signed_in()
    post(client, "/admin/people/invite", **ADA | {"role": "admin"})  # who is not in yet

    answer = post(client, f"/admin/people/{id_of('admin@example.com')}{what}", role="viewer")

    assert answer.status_code == 422
    assert "Admin is the only admin. Make somebody else an admin first." in answer.text
    assert roles(app)["admin@example.com"] == "admin"
    assert client.get("/admin/people/").status_code == 200


def test_giving_up_ones_own_role_holds_at_once(signed_in, join, id_of):
    client = signed_in()
    join("admin", "grace@example.com")

    answer = post(client, f"/admin/people/{id_of('admin@example.com')}", role="viewer")

    assert answer.location == "/admin/"
    assert "Admin is a viewer now." in client.get("/admin/").text
    assert client.get("/admin/people/").status_code == 403


def test_removing_oneself_signs_out(app, signed_in, join, id_of):
    client = signed_in()
    join("admin", "grace@example.com")

    answer = post(client, f"/admin/people/{id_of('admin@example.com')}/remove")

    assert answer.location == "/admin/sign-in"
    assert "Your account is removed." in client.get("/admin/sign-in").text
    assert list(roles(app)) == ["grace@example.com"]


def test_who_is_gone_is_not_found(signed_in):
    client = signed_in()
    token = csrf(client, "/admin/account")

    answers = [client.get("/admin/people/99"), client.get("/admin/people/99/remove")]
    answers += [
        client.post(f"/admin/people/99{what}", data={"csrf_token": token, "role": "viewer"})
        for what in ("", "/link", "/remove")
    ]

    assert {one.status_code for one in answers} == {404}


def test_names_and_addresses_are_shown_as_they_are_typed(app, signed_in, id_of):
    email = "<b>x</b>@example.com"
    client = signed_in(email=email, name=NASTY)
    id_ = id_of(email)
    invited = post(client, "/admin/people/invite", **ADA | {"name": NASTY})
    guest = browser(app).get(link_in(invited.text))
    refused = post(client, "/admin/people/invite", email='"><script>', name=NASTY, role="x")

    pages = [
        client.get(address)
        for address in (
            "/admin/",
            "/admin/people/",
            f"/admin/people/{id_}",
            f"/admin/people/{id_}/remove",
        )
    ]

    for answer in (*pages, invited, guest, refused):
        assert "<script>" not in answer.text
        assert "<img src" not in answer.text
        assert "<b>x" not in answer.text
        assert "&lt;script&gt;alert(1)" in answer.text
