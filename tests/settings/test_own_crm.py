"""A rule with a CRM of its own: what belongs to it is saved, compared and put back with it."""

import re

import pytest

from tests.settings.conftest import post
from tests.settings.forms import NEW_RULE, Page, drafted, opened, rule_of, send
from voiceapp.extensions import db
from voiceapp.routing import discard, draft, releases
from voiceapp.rules.plan import Integration
from voiceapp.rules.rule import Rule

URL = "https://crm.example.com/callers"
OWN = {
    "name": "Own",
    "field": "tier",
    "crm": "own:custom",
    "url": URL,
    "conditions__0__value": "Gold",
    "conditions__0__destination__kind": "queue",
    "conditions__0__destination__queue": "vip",
}


@pytest.fixture
def editor(signed_in):
    return signed_in("editor")


@pytest.fixture
def url(app, editor):
    """The page of a rule with a Custom URL of its own, which is live."""
    page = Page(send(editor, NEW_RULE, do="reshape", crm="own:custom").text)
    answer = send(editor, NEW_RULE, page, **OWN)
    assert answer.status_code == 303
    with app.app_context():
        releases.publish(db.session(), "test")
    return answer.location


def address(app) -> str:
    key = rule_of(app, "Own").integration
    return next(one.url for one in drafted(app).integrations if one.key == key)


def waiting(app) -> list[str]:
    with app.app_context():
        return [f"{one.title} {one.what}" for one, _ in releases.pending(db.session()).changes]


def test_an_address_that_somebody_else_saved_is_not_overwritten_unseen(app, editor, url):
    mine = opened(editor, url)
    assert send(editor, url, url=f"{URL}/new").status_code == 303

    answer = send(editor, url, mine, budget="5")

    assert answer.status_code == 409
    text = " ".join(re.sub("<[^>]+>", " ", answer.text).split())
    assert "CRM URL crm.example.com/callers/new crm.example.com/callers" in text
    assert "Budget 3 s 5 s" in text
    assert address(app) == f"{URL}/new"


def test_what_was_typed_can_be_saved_over_theirs_once_both_were_seen(app, editor, url):
    mine = opened(editor, url)
    send(editor, url, url=f"{URL}/new")

    shown = Page(send(editor, url, mine, url=f"{URL}/mine").text)

    assert send(editor, url, shown).status_code == 303
    assert address(app) == f"{URL}/mine"


def test_a_rule_that_was_deleted_meanwhile_is_not_lost(app, editor, url):
    mine = opened(editor, url)
    post(editor, f"{url}/delete", version="1")

    answer = send(editor, url, mine, field="level")

    assert answer.status_code == 409
    page = Page(answer.text)
    assert "Somebody has deleted this meanwhile" in answer.text
    assert page["field"].value == "level"
    assert send(editor, NEW_RULE, page).status_code == 303
    assert rule_of(app, "Own").field == "level"
    assert address(app) == URL


def test_a_renamed_rule_that_is_put_back_keeps_its_crm(app, editor, url):
    send(editor, url, name="Renown")
    assert waiting(app) == ["CRM rule Own removed", "CRM rule Renown added"]

    with app.app_context():
        discard.discard(db.session(), "", "test")

    assert waiting(app) == []
    assert address(app) == URL


@pytest.mark.parametrize(
    "order", [("CRM rule Own", "CRM rule Renown"), ("CRM rule Renown", "CRM rule Own")]
)
def test_both_halves_of_a_renaming_are_put_back_one_by_one(app, editor, url, order):
    send(editor, url, name="Renown")

    for title in order:
        with app.app_context():
            discard.discard(db.session(), title, "test")

    assert waiting(app) == []
    assert address(app) == URL


def test_a_rule_that_somebody_else_has_changed_is_not_published_along(app, editor, url):
    with app.app_context():
        session = db.session()
        stored = draft.find_key(session, Rule, "Own")
        draft.change(session, stored.id, stored.version, stored.part, "Bob")
        one = draft.find_key(session, Integration, stored.part.integration).part
        draft.save(session, Integration(one.key, one.name, one.kind, f"{URL}/bob", {}, True), "Bob")
        session.commit()

    answer = send(editor, url, do="publish", budget="5")

    assert answer.location == "/admin/releases/review"
    with app.app_context():
        assert releases.newest_number(db.session()) == 2


def test_nobody_goes_back_past_a_release_they_have_not_seen(app, editor, url):
    assert 'name="newest" value="2"' in editor.get("/admin/releases/1").text
    send(editor, url, budget="5")
    with app.app_context():
        releases.publish(db.session(), "Bob")

    answer = post(editor, "/admin/releases/1/roll-back", page="/admin/releases/1", newest="2")

    assert answer.location == "/admin/releases/1"
    assert "Somebody has published a release since you looked." in (
        editor.get("/admin/releases/1").text
    )
    with app.app_context():
        assert releases.newest_number(db.session()) == 3
