"""Requests to a CRM's interface at the wire: signed, sent, and once more with renewed access."""

import json
import traceback
from collections.abc import Callable

import pytest

from tests.crm.https_server import HttpsServer, Visit
from voiceapp.crm.api import LARGEST_DESCRIPTION, Access, Api, KeySignIn, TokenSignIn
from voiceapp.crm.contract import (
    CrmBadAnswer,
    CrmCredentialsRefused,
    CrmError,
    CrmMisconfigured,
    CrmNotPermitted,
    CrmOutOfTime,
    CrmRefused,
    CrmUnavailable,
)
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.http import HttpDoor
from voiceapp.crm.tokens import FRESH, Token, Tokens

MIB = 1024 * 1024
SECRET = "hunter2"


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class Issuer:
    """Gives the tokens hunter2-1, hunter2-2, …, each for an hour."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.tokens = Tokens(clock=self.clock)
        self.given = 0

    def fetch(self, before: Token | None, deadline: Deadline) -> Token:
        self.given += 1
        now = self.clock.now
        return Token(f"{SECRET}-{self.given}", now, now + 3600, {"site": "/eu"})

    def sign_in(self, use: Callable[[Token], Access] | None = None) -> TokenSignIn:
        return TokenSignIn(self.tokens, self.fetch, use or in_header)


def in_header(token: Token) -> Access:
    return Access({"Authorization": f"Bearer {token.value}"})


@pytest.fixture
def base(server: HttpsServer) -> str:
    return f"https://crm.test:{server.port}"


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def api(door: HttpDoor, base: str) -> Api:
    """An interface that wants a key with every request."""
    return Api("Crm", door, f"{base}/v1", KeySignIn({"X-Key": SECRET}))


@pytest.fixture
def token_api(door: HttpDoor, base: str, issuer: Issuer) -> Api:
    return Api("Crm", door, base, issuer.sign_in())


def accepts(server: HttpsServer, *values: str) -> None:
    """Let the server answer those who come with one of some tokens, and refuse all others."""

    def behaviour(visit: Visit) -> None:
        is_known = visit.headers["authorization"].removeprefix("Bearer ") in values
        visit.answer(b'"welcome"' if is_known else b'{"error": 1}', 200 if is_known else 401)

    server.behaviour = behaviour


def sent(server: HttpsServer) -> list[str]:
    return [visit.headers["authorization"].removeprefix("Bearer ") for visit in server.visits]


def test_a_key_goes_with_every_request(api, server, says, deadline):
    says({"data": [1]})

    assert api.get("/find", deadline) == {"data": [1]}
    assert api.send("GET", "/find", deadline, headers={"X-More": "1"}) == {"data": [1]}

    first, second = server.visits
    assert (first.method, first.target, first.headers["x-key"]) == ("GET", "/v1/find", SECRET)
    assert (second.headers["x-key"], second.headers["x-more"]) == (SECRET, "1")


def test_access_brings_parameters_and_the_address_along(door, server, says, deadline, base, issuer):
    says([])
    sign_in = issuer.sign_in(
        lambda token: Access(params={"key": token.value}, base=base + token.extra["site"])
    )

    Api("Crm", door, "https://nowhere.test", sign_in).get("/find", deadline, {"a": "1"})

    assert server.targets == ["/eu/find?a=1&key=hunter2-1"]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("+12025550101", "%2B12025550101"),
        ("Ada Lovelace", "Ada%20Lovelace"),
        ("a&b=c#d/e%", "a%26b%3Dc%23d%2Fe%25"),
        ("Zoë", "Zo%C3%AB"),
        ("", ""),
    ],
)
def test_a_parameter_arrives_as_it_was_meant(api, server, says, deadline, value, written):
    says([])

    api.get("/find", deadline, {"q": value})

    assert server.targets == [f"/v1/find?q={written}"]


def test_a_search_is_sent_as_json_and_again_if_the_connection_was_dead(api, server, deadline):
    server.behaviour = lambda visit: visit.hang_up() if visit.number == 2 else visit.answer(b"[]")
    api.get("/ping", deadline)

    assert api.search("/search", deadline, {"phone": "+1"}) == []

    assert [(one.method, one.target) for one in server.visits[1:]] == [("POST", "/v1/search")] * 2
    assert json.loads(server.visits[-1].body) == {"phone": "+1"}


@pytest.mark.parametrize("size", [MIB + 1, LARGEST_DESCRIPTION - 2])
def test_a_description_may_be_larger_than_other_answers(api, server, deadline, size):
    server.behaviour = lambda visit: visit.answer(b'"%s"' % (b"x" * size))

    with pytest.raises(CrmBadAnswer, match=r"^The answer of crm\.test is larger than 1 MiB\.$"):
        api.get("/fields", deadline)

    assert len(api.describe("/fields", deadline)) == size


def test_a_description_has_its_limit_too(api, server, deadline):
    server.behaviour = lambda visit: visit.answer(b'"%s"' % (b"x" * LARGEST_DESCRIPTION))

    with pytest.raises(CrmBadAnswer, match=r"^The answer of crm\.test is larger than 8 MiB\.$"):
        api.describe("/fields", deadline)


def test_a_token_is_fetched_once_and_goes_with_every_request(token_api, server, deadline, issuer):
    accepts(server, "hunter2-1")

    token_api.sign_in(deadline)
    assert [token_api.get("/", deadline) for _ in range(2)] == ["welcome"] * 2

    assert sent(server) == ["hunter2-1"] * 2
    assert issuer.given == 1


def test_a_refused_token_is_renewed_and_the_request_sent_again(token_api, server, deadline, issuer):
    accepts(server, "hunter2-2")
    token_api.sign_in(deadline)
    issuer.clock.now += FRESH

    assert token_api.get("/", deadline) == "welcome"

    assert sent(server) == ["hunter2-1", "hunter2-2"]
    assert issuer.given == 2


def test_it_is_sent_again_exactly_once(token_api, server, deadline, issuer):
    accepts(server)
    token_api.sign_in(deadline)
    issuer.clock.now += FRESH

    with pytest.raises(CrmCredentialsRefused, match=r"^Crm did not accept the credentials\.$"):
        token_api.get("/", deadline)

    assert sent(server) == ["hunter2-1", "hunter2-2"]
    assert issuer.given == 2


def test_a_fresh_token_that_is_refused_is_not_tried_again(token_api, server, deadline, issuer):
    accepts(server)

    with pytest.raises(CrmCredentialsRefused, match=r"^The CRM gave a token and then did not acc"):
        token_api.get("/", deadline)

    assert (sent(server), issuer.given) == (["hunter2-1"], 1)


def test_a_token_that_another_call_renewed_meanwhile_is_used(token_api, server, deadline, issuer):
    def renew_and_refuse(visit: Visit) -> None:
        accepts(server, "hunter2-2")
        issuer.tokens.renewed(first, issuer.fetch, deadline)
        visit.answer(status=401)

    first = issuer.tokens.current(issuer.fetch, deadline)
    issuer.clock.now += FRESH
    server.behaviour = renew_and_refuse

    assert token_api.get("/", deadline) == "welcome"

    assert (sent(server), issuer.given) == (["hunter2-1", "hunter2-2"], 2)


@pytest.mark.parametrize(
    ("status", "error"),
    [(403, CrmNotPermitted), (404, CrmMisconfigured), (302, CrmRefused), (503, CrmUnavailable)],
)
def test_other_errors_renew_nothing(token_api, server, deadline, issuer, status, error):
    server.behaviour = lambda visit: visit.answer(status=status)
    token_api.sign_in(deadline)
    issuer.clock.now += FRESH

    with pytest.raises(error):
        token_api.get("/", deadline)

    assert (len(server.visits), issuer.given) == (1, 1)


def test_a_refused_key_has_no_other_in_its_place(api, server, deadline):
    server.behaviour = lambda visit: visit.answer(status=401)
    api.sign_in(deadline)

    with pytest.raises(CrmCredentialsRefused):
        api.get("/", deadline)

    assert len(server.visits) == 1


def test_an_access_that_ends_is_renewed_ahead(token_api, server, deadline, issuer):
    token_api.sign_in(deadline)
    issuer.clock.now += 3000

    token_api.sign_in(deadline)

    assert (issuer.given, server.visits) == (2, [])


def test_what_comes_too_late_is_out_of_time(api, server):
    server.behaviour = lambda visit: visit.drip(b"HTTP/1.1 200 OK\r\n\r\n")

    with pytest.raises(CrmOutOfTime, match=r"^crm\.test gave no answer within the budget\.$"):
        api.get("/", Deadline.after(0.3))


@pytest.mark.parametrize(
    "behaviour",
    [
        lambda visit: visit.answer(b"hunter2", status=401),
        lambda visit: visit.answer(b"hunter2", status=500),
        lambda visit: visit.answer(b"<p>hunter2"),
        lambda visit: visit.answer(b"[]", headers=["Content-Encoding: hunter2"]),
        lambda visit: visit.hang_up(),
    ],
    ids=["refused", "failed", "no JSON", "packed", "broken off"],
)
def test_no_secret_stands_in_what_is_said_of_trouble(door, server, deadline, base, behaviour):
    server.behaviour = behaviour
    access = Access({"X-Key": SECRET}, {"key": SECRET})
    sign_in = TokenSignIn(Tokens(), Issuer().fetch, lambda token: access)

    with pytest.raises(CrmError) as met:
        Api("Crm", door, base, sign_in).get("/", deadline)

    assert SECRET in server.visits[0].target
    assert SECRET not in "".join(traceback.format_exception(met.value))
    assert SECRET not in repr((access, KeySignIn({"X-Key": SECRET}), sign_in, met.value))
