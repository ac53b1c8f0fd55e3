"""Tokens as OAuth gives them, asked for at the wire."""

import json
import traceback
from urllib.parse import parse_qsl

import pytest

from tests.crm.https_server import HttpsServer
from voiceapp.crm.contract import (
    CrmBadAnswer,
    CrmCredentialsRefused,
    CrmError,
    CrmMisconfigured,
    CrmRefused,
    CrmThrottled,
    CrmUnavailable,
)
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.http import HttpDoor
from voiceapp.crm.oauth import grant
from voiceapp.crm.tokens import Token, lifetime

SECRET = "hunter2"
FORM = {"grant_type": "client_credentials", "client_id": "me", "client_secret": f"{SECRET} + a&b"}


@pytest.fixture
def ask(server: HttpsServer, door: HttpDoor, deadline: Deadline):
    """Ask the server for a token, a million seconds after 1970."""

    def ask(**more) -> Token:
        url = f"https://crm.test:{server.port}/token"
        return grant("Crm", door, url, FORM, deadline, clock=lambda: 1_000_000.0, **more)

    return ask


def test_a_token_is_what_the_form_was_given_for(ask, server, says):
    says({"access_token": "T1", "expires_in": 1800, "token_type": "bearer"})

    assert ask() == Token("T1", 1_000_000.0, 1_001_800.0)

    (visit,) = server.visits
    assert (visit.method, visit.target) == ("POST", "/token")
    assert visit.headers["content-type"] == "application/x-www-form-urlencoded"
    assert dict(parse_qsl(visit.body.decode())) == FORM


def test_the_form_may_be_sent_as_json(ask, server, says):
    says({"access_token": "T1"})

    ask(as_json=True)

    (visit,) = server.visits
    assert visit.headers["content-type"] == "application/json"
    assert json.loads(visit.body) == FORM


def test_what_is_wanted_beside_the_token_is_kept_with_it(ask, says):
    says({"access_token": "T1", "refresh_token": "R1", "user": 7, "site": None, "scope": "all"})

    assert ask(keep=("refresh_token", "user", "site", "gone")).extra == {
        "refresh_token": "R1",
        "user": "7",
    }


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ({"expires_in": 60}, 60),
        ({"expires_in": "60"}, 60),
        ({"expires_in": None}, 900),
        ({"expires_in": "soon"}, 900),
        ({"expires_in": -1}, 900),
        ({"expires_in": True}, 900),
        ({}, 900),
    ],
)
def test_a_token_holds_as_long_as_is_said_or_as_is_usual(ask, says, told, seconds):
    says({"access_token": "T1", **told})

    assert ask(usual=900.0).expires_at == 1_000_000.0 + seconds


@pytest.mark.parametrize("sent", ["9" * 10, "9" * 400, "٣٦٠٠", "", "1e3", 1.5])
def test_a_lifetime_that_can_not_be_meant_is_the_usual_one(sent):
    assert lifetime(sent, 900) == 900


@pytest.mark.parametrize(
    "payload", [{}, {"access_token": ""}, {"access_token": None}, {"access_token": ["T1"]}, [], 7]
)
def test_an_answer_without_a_token_can_not_be_read(ask, says, payload):
    says(payload)

    with pytest.raises(CrmBadAnswer, match=r"^Crm gave no token when it was signed in to\.$"):
        ask()


@pytest.mark.parametrize("status", [200, 400, 401, 403])
@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("invalid_client", CrmCredentialsRefused),
        ("invalid_grant", CrmCredentialsRefused),
        ("unauthorized_client", CrmCredentialsRefused),
        ("anything_else", CrmCredentialsRefused),
        ("invalid_request", CrmRefused),
        ("invalid_scope", CrmRefused),
        ("unsupported_grant_type", CrmRefused),
        ("slow_down", CrmThrottled),
        ("temporarily_unavailable", CrmThrottled),
    ],
)
def test_an_error_means_the_same_in_whatever_status(ask, server, status, code, error):
    body = json.dumps({"error": code, "error_description": f"The secret {SECRET} is wrong."})
    server.behaviour = lambda visit: visit.answer(body.encode(), status)

    with pytest.raises(CrmError) as met:
        ask()

    assert type(met.value) is error


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, CrmCredentialsRefused),
        (401, CrmCredentialsRefused),
        (403, CrmCredentialsRefused),
        (404, CrmMisconfigured),
        (302, CrmRefused),
        (429, CrmThrottled),
        (500, CrmUnavailable),
        (503, CrmUnavailable),
    ],
)
@pytest.mark.parametrize("body", [b"", b"<p>Sorry</p>", b"[]", b'{"error": null}'])
def test_without_a_code_the_status_says_what_is_wrong(ask, server, status, error, body):
    server.behaviour = lambda visit: visit.answer(body, status)

    with pytest.raises(CrmError) as met:
        ask()

    assert type(met.value) is error


@pytest.mark.parametrize(("status", "error"), [(429, CrmThrottled), (503, CrmUnavailable)])
def test_credentials_are_not_blamed_for_a_server_in_trouble(ask, server, status, error):
    server.behaviour = lambda visit: visit.answer(
        b'{"error": "invalid_client"}', status, ["Retry-After: 7"]
    )

    with pytest.raises(error) as met:
        ask()

    assert getattr(met.value, "retry_after", 7) == 7


def test_who_signs_in_is_not_sent_twice(ask, server):
    server.behaviour = lambda visit: visit.hang_up()

    with pytest.raises(CrmUnavailable):
        ask()

    assert len(server.visits) == 1


@pytest.mark.parametrize("status", [200, 400, 500])
@pytest.mark.parametrize("code", ["invalid_grant", f"{SECRET} is wrong"])
def test_what_the_server_says_in_words_stays_unsaid(ask, server, status, code):
    body = json.dumps({"error": code, "error_description": f"The secret {SECRET} is wrong."})
    server.behaviour = lambda visit: visit.answer(body.encode(), status)

    with pytest.raises(CrmError) as met:
        ask()

    assert SECRET not in "".join(traceback.format_exception(met.value))
