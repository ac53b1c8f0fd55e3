"""A call is tried from a page: placed as Twilio places one, told step by step, digits masked."""

import html
import re

import pytest
from flask import Flask
from sqlalchemy import delete

from tests.conftest import TOKEN
from tests.demo_calls import ACCOUNTS, ADA, NOT_OURS, SALES, SAM
from tests.routing.journals import entries_in
from tests.settings.conftest import post
from voiceapp.extensions import db
from voiceapp.models.releases import Release
from voiceapp.routing import draft
from voiceapp.rules.plan import Did, Queue
from voiceapp.rules.rule import Destination, DestinationKind
from voiceapp.runtime import runtime

DATABASES = ("sqlite",)  # what is tested here is no matter of rows

TRY = "/admin/try/"


@pytest.fixture
def viewer(signed_in):
    return signed_in("viewer")


def place(client, caller=ADA, called=SALES, keys="", on="release"):
    return post(client, TRY, caller=caller, called=called, keys=keys, on=on)


def save(app: Flask, *parts) -> None:
    with app.app_context():
        for part in parts:
            draft.save(db.session(), part, "ada")
        db.session.commit()


def story(page) -> str:
    told = html.unescape(page.text.partition('id="story"')[2])
    return " ".join(
        re.sub(r"</?(?:strong|span|p|ol|li|a|h2|details|summary)\b[^>]*>", " ", told).split()
    )


def test_the_form_is_filled_in_from_the_address(viewer):
    page = viewer.get(f"{TRY}?caller=%2B12025550101&called=%2B12025550180&keys=1,2&on=draft")

    assert page.status_code == 200
    for value in (ADA, SALES, "1,2"):
        assert f'value="{value}"' in page.text
    assert re.search(r'<input checked [^>]*value="draft"', page.text)
    assert '<option value="+12025550180">Sales</option>' in page.text


def test_the_draft_is_tried_first_if_it_is_not_live(app, viewer):
    assert re.search(r'<input checked [^>]*value="release"', viewer.get(f"{TRY}?on=x").text)

    save(app, Queue("new"))

    assert re.search(r'<input checked [^>]*value="draft"', viewer.get(TRY).text)


def test_a_call_is_told_from_its_first_step_to_where_it_ended(viewer):
    page = place(viewer, caller="(202) 555-0102", keys="1")

    assert page.status_code == 200
    told = story(page)
    assert "The caller waits in Queue general. By release 1, in" in told
    assert "+1 202-555-0102 called +1 202-555-0180 Sales." in told
    assert "✓ = Silver held" in told
    assert "The caller hears “Welcome. For our team, press 1." in told
    assert "The caller keys in 1" in told
    assert "<Enqueue" in told
    assert told.count("POST /twiml/") == 3


@pytest.mark.parametrize(
    ("caller", "called", "keys", "ending"),
    [
        ("", SALES, "", "IVR 801 waits for a key."),
        (ADA, NOT_OURS, "", "The caller waits in Queue general."),
        ("+12025550103", SALES, "", "The call is hung up after the recording bronze-offer.wav."),
        (SAM, SALES, "9", "The call is hung up."),
        ("anonymous", SALES, ",,", "The caller waits in Queue general."),
    ],
)
def test_a_call_ends_in_words(viewer, caller, called, keys, ending):
    page = place(viewer, caller, called, keys)

    assert page.status_code == 200
    assert ending in story(page)


def test_digits_keyed_in_and_secrets_are_shown_nowhere_in_the_story(viewer):
    page = place(viewer, called=ACCOUNTS, keys="1,1001#")

    told = story(page)
    assert "The caller keys in ••••" in told
    assert "Digits=••••" in told
    assert "Digits=1" in told
    assert "Queue vip" in told
    assert "1001" not in told
    assert "Signature" not in page.text
    assert f">{TOKEN}<" not in page.text


def test_the_call_is_in_the_journal_as_a_test(app, viewer):
    place(viewer)

    with app.app_context():
        [entry] = entries_in(runtime().settings.instance / "journal")
    assert (entry.test, entry.caller, entry.called, entry.release) == (True, ADA, SALES, 1)


def test_who_is_signed_in_stays_so(viewer):
    page = place(viewer)

    assert "Viewer" in page.text
    assert "Sign out" in page.text
    assert viewer.get(TRY).status_code == 200


def test_the_draft_is_followed_if_that_is_chosen(app, viewer):
    save(app, Did(SALES, "Sales", Destination(DestinationKind.QUEUE, "billing")))

    assert "Queue vip. By release 1" in story(place(viewer))
    assert "Queue billing. By the draft" in story(place(viewer, on="draft"))


def test_a_draft_that_would_hurt_a_call_is_not_tried_and_says_why(app, viewer):
    save(app, Did("+12025550183", "Lost", Destination(DestinationKind.QUEUE, "gone")))

    page = place(viewer, on="draft", keys="1")

    assert page.status_code == 422
    assert "There is no queue gone." in page.text
    assert 'value="1"' in page.text
    assert 'id="story"' not in page.text
    assert "Queue vip" in story(place(viewer))


def test_without_a_release_only_the_draft_can_be_tried(app, viewer):
    with app.app_context():
        db.session.execute(delete(Release))
        db.session.commit()

    page = place(viewer)

    assert page.status_code == 422
    assert "No release has been published yet. Choose the draft." in page.text
    assert "Queue vip. By the draft" in story(place(viewer, on="draft"))


@pytest.mark.parametrize(
    ("field", "typed", "message"),
    [
        ("caller", "202-555", "This is no phone number."),
        ("called", "", "Type the number that is called"),
        ("called", "?", "This is no phone number."),
        ("keys", "1,x", "A telephone has no key 'x'"),
        ("on", "lost", "Choose what the call follows."),
    ],
)
def test_what_can_not_be_tried_is_told_beside_its_field(viewer, field, typed, message):
    page = place(viewer, **{field: typed})

    assert page.status_code == 422
    assert re.search(rf'id="{field}-wrong"[^>]*>.*{message}', html.unescape(page.text))
    assert 'id="story"' not in page.text


def test_a_call_that_nobody_meant_is_not_placed(app, viewer):
    assert viewer.post(TRY, data={"caller": ADA, "called": SALES, "on": "draft"}).status_code == 400

    with app.app_context():
        assert entries_in(runtime().settings.instance / "journal") == []
