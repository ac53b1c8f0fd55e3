"""The pages of releases, on both databases: look over, publish, go back, put back."""

from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.settings.conftest import SignedIn
from tests.settings.test_parts import Page, drafted, opened
from tests.settings.test_saving import change, editor, newest, sales
from voiceapp.extensions import db
from voiceapp.models.releases import Release
from voiceapp.routing import draft, releases
from voiceapp.routing.document import dump
from voiceapp.rules.plan import Queue

__all__ = ["editor"]

RELEASES = "/admin/releases/"
REVIEW = f"{RELEASES}review"
DISCARD = f"{RELEASES}discard"
SHOP = "DID +12025550180 Shop"


def open_a_shop(app: Flask) -> None:
    """Change the draft a little, as somebody else does."""
    change(app, sales(drafted(app)), replace(sales(drafted(app)), name="Shop"))


def add(app: Flask, queue: str) -> None:
    with app.app_context():
        draft.add(db.session(), Queue(queue), "Cid")
        db.session.commit()


class TestReview:
    def test_it_lists_what_waits_and_who_did_it(self, app: Flask, editor: FlaskClient):
        assert "Nothing. Calls follow release 1, which is the same as the draft." in (
            opened(editor, REVIEW).text
        )
        open_a_shop(app)
        change(app, Queue("billing"), None, "Dan")
        add(app, "nights")

        page = opened(editor, REVIEW)

        assert "3 changes. Calls follow release 1 until you publish." in page.text
        for told in ("Shop changed Bob, just now", "billing removed Dan", "nights added Cid"):
            assert told in page.text
        assert "Name Sales Shop" in page.text
        assert "3 changes not live yet: review" in page.text

    def test_what_was_listed_is_published(self, app: Flask, editor: FlaskClient):
        open_a_shop(app)
        page = opened(editor, REVIEW)

        answer = editor.post(REVIEW, data=page.fields | {"comment": " For Christmas. "})

        assert (answer.status_code, answer.location) == (303, RELEASES)
        text = opened(editor, RELEASES).text
        assert "Release 2 is live: calls follow it within two seconds." in text
        assert "For Christmas." in text
        with app.app_context():
            [release] = releases.listed(db.session(), limit=1)
            assert (release.author, release.comment) == ("Editor", "For Christmas.")
            assert releases.plan_of(db.session(), 2) == drafted(app)

    def test_what_came_since_is_not_published_but_shown(self, app: Flask, editor: FlaskClient):
        open_a_shop(app)
        page = opened(editor, REVIEW)
        add(app, "nights")

        answer = editor.post(REVIEW, data=page.fields | {"comment": "For Christmas."})

        page = Page(answer)
        assert answer.status_code == 409
        assert "The draft has changed since you looked at it. This is how it is now." in page.text
        assert "Queue nights added" in page.text
        assert page.fields["comment"] == "For Christmas."
        assert newest(app) == 1
        assert editor.post(REVIEW, data=page.fields).status_code == 303
        assert newest(app) == 2

    def test_a_second_click_publishes_nothing(self, app: Flask, editor: FlaskClient):
        open_a_shop(app)
        page = opened(editor, REVIEW)

        answers = [editor.post(REVIEW, data=page.fields).status_code for _ in range(2)]

        assert (answers, newest(app)) == ([303, 409], 2)

    def test_a_page_that_does_not_say_what_it_showed_publishes_nothing(
        self, app: Flask, editor: FlaskClient
    ):
        open_a_shop(app)
        token = {"csrf_token": opened(editor, REVIEW).fields["csrf_token"]}

        for fields in ({}, {"seen": ""}, {"seen": "1"}, {"seen": "\0" * 99}):
            assert editor.post(REVIEW, data=token | fields).status_code == 409

        assert newest(app) == 1

    def test_what_would_hurt_is_refused_and_says_where(self, app: Flask, editor: FlaskClient):
        change(app, Queue("overflow"), None)

        page = opened(editor, REVIEW)
        answer = editor.post(REVIEW, data=page.fields)

        sentence = "CRM rule VIP customers : CRM failed: There is no queue overflow."
        assert sentence in page.text
        assert answer.status_code == 422
        assert sentence in Page(answer).text
        assert newest(app) == 1

    def test_viewers_look_and_do_nothing(self, app: Flask, signed_in: SignedIn):
        open_a_shop(app)
        viewer = signed_in("viewer")

        page = opened(viewer, REVIEW)

        assert "Shop changed" in page.text
        assert page.actions == ["/admin/sign-out"]
        for address in (REVIEW, DISCARD, f"{RELEASES}1/roll-back"):
            assert viewer.post(address, data=page.fields).status_code == 403
        assert newest(app) == 1


class TestDiscard:
    def discard(self, app: Flask, editor: FlaskClient, title: str, **fields: str) -> str:
        page = opened(editor, REVIEW)
        answer = editor.post(DISCARD, data=page.fields | {"title": title} | fields)
        assert (answer.status_code, answer.location) == (303, REVIEW)
        return opened(editor, REVIEW).text

    def test_one_change_is_put_back(self, app: Flask, editor: FlaskClient):
        open_a_shop(app)
        add(app, "nights")

        text = self.discard(app, editor, SHOP)

        assert f"Put back as it is live: {SHOP}." in text
        assert "1 change. Calls follow release 1" in text
        assert sales(drafted(app)).name == "Sales"
        assert Queue("nights") in drafted(app).queues

    def test_what_is_not_waiting_is_not_put_back(self, app: Flask, editor: FlaskClient):
        open_a_shop(app)

        assert "Nothing was put back." in self.discard(app, editor, "Queue nights")

        assert sales(drafted(app)).name == "Shop"

    @pytest.mark.parametrize("seen", ["", "1-0", "x"])
    def test_a_page_that_is_out_of_date_puts_nothing_back(
        self, app: Flask, editor: FlaskClient, seen: str
    ):
        open_a_shop(app)

        text = self.discard(app, editor, SHOP, seen=seen)

        assert "The draft has changed since you looked at it. This is how it is now." in text
        assert sales(drafted(app)).name == "Shop"


class TestRelease:
    def test_it_says_what_it_changed_and_what_going_back_would(
        self, app: Flask, editor: FlaskClient
    ):
        open_a_shop(app)
        with app.app_context():
            releases.publish(db.session(), "Bob", "A shop.")

        first, second = (opened(editor, f"{RELEASES}{number}") for number in (1, 2))

        assert f"{SHOP} changed" in second.text
        assert "Published by Bob" in second.text
        assert "“A shop.”" in second.text
        assert "Go back" not in second.text
        assert "this difference to release 2: DID +12025550180 Sales changed" in first.text
        assert f"{RELEASES}1/roll-back" in first.actions

    def test_going_back_makes_a_new_release_and_leaves_the_draft(
        self, app: Flask, editor: FlaskClient
    ):
        open_a_shop(app)
        with app.app_context():
            releases.publish(db.session(), "Bob")
        before = drafted(app)
        page = opened(editor, f"{RELEASES}1")

        answer = editor.post(f"{RELEASES}1/roll-back", data=page.fields)

        assert (answer.status_code, answer.location) == (303, RELEASES)
        text = opened(editor, RELEASES).text
        assert "Release 3 is live and does what release 1 did." in text
        assert "1 change not live yet: review" in text
        assert drafted(app) == before
        with app.app_context():
            documents = [releases.read_document(db.session(), number) for number in (1, 3)]
        assert documents[0] == documents[1]

    def test_one_that_would_hurt_does_not_come_back(self, app: Flask, editor: FlaskClient):
        with app.app_context():
            session = db.session()
            plan = replace(draft.read(session), queues=())
            session.add(Release(number=2, document=dump(plan), author="Ann"))
            session.commit()
            releases.publish(session, "Ann")
        page = opened(editor, f"{RELEASES}2")

        answer = editor.post(f"{RELEASES}2/roll-back", data=page.fields)

        assert answer.status_code == 422
        assert "Settings : Safe destination: There is no queue general." in Page(answer).text
        assert newest(app) == 3

    def test_a_number_that_no_release_has_is_not_found(self, app: Flask, editor: FlaskClient):
        fields = opened(editor, RELEASES).fields

        for number in (0, 2, 2**31 - 1, 2**31, 10**20):
            assert editor.get(f"{RELEASES}{number}").status_code == 404
            sent = editor.post(f"{RELEASES}{number}/roll-back", data=fields)
            assert sent.status_code == 404
        assert newest(app) == 1


class TestList:
    def test_older_ones_follow_on_further_pages(self, app: Flask, editor: FlaskClient):
        with app.app_context():
            session = db.session()
            document = releases.read_document(session, 1)
            assert document is not None
            for number in range(2, 53):
                session.add(Release(number=number, document=document, author="Ann"))
            session.commit()

        first = opened(editor, RELEASES)
        second = opened(editor, f"{RELEASES}?below=3")

        assert f"{RELEASES}?below=3" in first.links
        assert f"{RELEASES}52" in first.links
        assert f"{RELEASES}2" not in first.links
        assert {f"{RELEASES}2", f"{RELEASES}1"} <= second.links
        assert not any("below" in link for link in second.links)

    def test_no_number_in_the_address_is_a_fault_of_ours(self, app: Flask, editor: FlaskClient):
        asked = ["", "x", "0", "-1", str(2**31), str(-(10**20)), str(10**20), "9" * 5000, "1e3"]

        answers = {one: editor.get(f"{RELEASES}?below={one}").status_code for one in asked}

        assert set(answers.values()) <= {200, 404}, answers
