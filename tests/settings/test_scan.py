"""A scan of everything that answers: what each answer says to browsers, and what nobody gets."""

from http import HTTPStatus

import pytest

from tests.conftest import poster
from tests.headers import EVERYWHERE, addresses, faults_of
from tests.settings.conftest import browser
from voiceapp.extensions import db

DATABASES = ("sqlite",)  # what is tested here is no matter of rows

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW")
HIDDEN = [
    "/.env",
    "/.git/config",
    "/config.py",
    "/instance/secrets.json",
    "/instance/voiceapp.db",
    "/static/",
    "/static/../config.py",
    "/static/%2e%2e/config.py",
    "/static/..%2f..%2f.env",
    "/static//etc/passwd",
    "/bootstrap/static/..%2f..%2fsetup.py",
    "/recordings/../secrets.json",
    "/recordings/..%2fsecrets.json/x",
    "/recordings/" + "0" * 64 + "/x.wav",
    "/migrations/env.py",
    "/templates/base.html",
    "/console",
    "/debug",
    "/nowhere",
]


@pytest.mark.parametrize("role", ["", "viewer", "admin"])
def test_every_route_answers_with_the_right_headers(app, signed_in, role):
    client = signed_in(role) if role else browser(app)

    wrong = []
    for address in addresses(app).values():
        for method in METHODS:
            answer = client.open(address, method=method)
            place = f"{method} {address}: {answer.status}"
            assert answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR, place
            if address.startswith("/twiml"):
                assert answer.status_code in (403, 405), place
            wrong += [f"{place}: {one}" for one in faults_of(address, dict(answer.headers))]

    assert wrong == []


@pytest.mark.parametrize("address", HIDDEN)
@pytest.mark.parametrize("role", ["", "admin"])
def test_nothing_is_handed_out_that_is_no_page(app, signed_in, role, address):
    client = signed_in(role) if role else browser(app)

    answer = client.get(address)

    if answer.status_code == HTTPStatus.PERMANENT_REDIRECT:  # a slash too many
        assert answer.location.startswith("/static/")
        answer = client.get(answer.location)
    assert answer.status_code in (404, 405), answer.status
    assert dict(answer.headers).items() >= EVERYWHERE.items()
    for word in ("SECRET_KEY", "import ", "root:", "{%", "Traceback"):
        assert word not in answer.text


def test_style_sheets_and_recordings_may_be_kept_by_browsers(app):
    client = browser(app)
    found = addresses(app)

    style = client.get(found["/static/<path:filename>"])
    recording = client.get(found["/recordings/<digest>/<name>"])

    assert (style.mimetype, recording.mimetype) == ("text/css", "audio/wav")
    assert "no-store" not in style.headers["Cache-Control"]
    assert "immutable" in recording.headers["Cache-Control"]


def test_answers_to_twilio_have_nothing_for_browsers(app):
    answer = poster(app)("/twiml/did", CallSid="CA1", From="+12025550101", To="+12025550180")

    assert EVERYWHERE.keys().isdisjoint(answer.headers.keys())


def test_an_answer_tells_nothing_of_what_runs_it(make_app):
    app = make_app(propagate_faults=False)
    with app.app_context():
        db.drop_all()

    for address in ("/admin/", "/admin/sign-in", "/admin/queues/", "/nowhere"):
        text = browser(app).get(address).text

        for word in ("Traceback", "sqlalchemy", "werkzeug", "Flask", "SELECT", "/voiceapp/"):
            assert word.lower() not in text.lower(), (address, word)
