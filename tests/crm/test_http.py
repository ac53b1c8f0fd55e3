"""The door to the network: what is sent, what comes back, whom it trusts."""

import ast
import logging
import ssl
from contextlib import closing
from pathlib import Path

import pytest
import trustme

import voiceapp.crm
from tests.crm.https_server import HttpsServer
from voiceapp.crm.contract import CrmBadAnswer, CrmRefused


@pytest.fixture
def url(server):
    return f"https://crm.test:{server.port}/"


def test_an_answer_has_status_headers_and_body(door, server, url, deadline):
    server.behaviour = lambda visit: visit.answer(b"not here", 404, ["X-Who: crm"])

    answer = door.request("GET", url, deadline=deadline)

    assert (answer.status, answer.headers["x-who"], answer.body) == (404, "crm", b"not here")
    assert "not here" not in repr(answer)


def test_a_request_has_what_was_asked_for_and_little_else(door, server, url, deadline):
    door.request(
        "GET",
        url + "find?a=1",
        deadline=deadline,
        params={"caller": "+12025550101"},
        headers={"X-Key": "secret"},
    )

    (visit,) = server.visits
    assert (visit.method, visit.target) == ("GET", "/find?a=1&caller=%2B12025550101")
    assert visit.headers == {
        "host": f"crm.test:{server.port}",
        "user-agent": "voiceapp",
        "accept": "application/json",
        "accept-encoding": "gzip",
        "connection": "keep-alive",
        "x-key": "secret",
    }


@pytest.mark.parametrize(
    ("path", "params", "target"),
    [
        ("", {}, "/"),
        ("find", {}, "/find"),
        ("find", {"name": "Zoë & Co"}, "/find?name=Zo%C3%AB%20%26%20Co"),
        ("find?", {"a": "1"}, "/find?a=1"),
        ("find?a=1", {}, "/find?a=1"),
        ("find?name=Zoë Ω&a=%zz", {"b": "2"}, "/find?name=Zo%C3%AB%20%CE%A9&a=%25zz&b=2"),
        ("Zoë/find?a=1", {"b": "2"}, "/Zo%C3%AB/find?a=1&b=2"),
        ("find#part", {"a": "1"}, "/find?a=1"),
        ("find?a=1#part", {"b": "?"}, "/find?a=1&b=%3F"),
    ],
)
def test_an_address_is_spelled_as_it_can_be_sent(door, server, url, deadline, path, params, target):
    for _ in range(2):  # the second time it is known
        door.request("GET", url + path, deadline=deadline, params=params)

    assert [visit.target for visit in server.visits] == [target, target]


def test_a_body_is_sent_as_json_or_as_a_form(door, server, url, deadline):
    door.request("POST", url, deadline=deadline, json={"phone": "+1"})
    door.request("POST", url, deadline=deadline, form={"grant_type": "refresh_token"})

    as_json, as_form = server.visits
    assert as_json.body == b'{"phone": "+1"}'
    assert as_json.headers["content-type"] == "application/json"
    assert as_form.body == b"grant_type=refresh_token"
    assert as_form.headers["content-type"] == "application/x-www-form-urlencoded"


def test_the_certificate_is_asked_for_by_name(door, server, url, deadline):
    door.request("GET", url, deadline=deadline)

    assert server.names == ["crm.test"]


def test_cookies_are_not_kept(door, server, url, deadline):
    server.behaviour = lambda visit: visit.answer(headers=["Set-Cookie: session=1; Path=/"])

    door.request("GET", url, deadline=deadline)
    door.request("GET", url, deadline=deadline)

    assert "cookie" not in server.visits[1].headers


def test_the_habits_of_the_machine_do_not_count(
    make_door, server, url, deadline, monkeypatch, tmp_path
):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine crm.test login somebody password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(netrc))

    answer = make_door().request("GET", url, deadline=deadline)

    assert answer.status == 200
    assert "authorization" not in server.visits[0].headers


def test_a_certificate_of_an_unknown_authority_is_refused(door, deadline):
    stranger = trustme.CA().issue_cert("crm.test")
    with closing(HttpsServer(stranger)) as server:
        with pytest.raises(CrmRefused) as caught:
            door.request("GET", f"https://crm.test:{server.port}/", deadline=deadline)

        assert server.visits == []
    assert str(caught.value) == (
        "The certificate of crm.test was not accepted: its authority is not known here."
    )
    assert caught.value.advice == (
        "If the server is one of your own, whoever runs voiceapp can have it trusted: they put the "
        "authority's certificate into a file, set CRM_CA_BUNDLE in the file .env to its path, and "
        "start voiceapp again."
    )
    assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)


def test_a_certificate_for_another_name_is_refused(make_door, server, deadline):
    door = make_door(allowed_hosts={"other.test"})

    with pytest.raises(CrmRefused, match="not accepted: it is for another name"):
        door.request("GET", f"https://other.test:{server.port}/", deadline=deadline)

    assert server.visits == []


def test_a_certificate_for_the_address_alone_is_refused(make_door, authority, deadline):
    door = make_door()
    with (
        closing(HttpsServer(authority.issue_cert("127.0.0.1"))) as server,
        pytest.raises(CrmRefused, match="not accepted: it is for another name"),
    ):
        door.request("GET", f"https://crm.test:{server.port}/", deadline=deadline)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://crm.test/", "The address must start with https://."),
        ("ftp://crm.test/", "The address must start with https://."),
        ("https://me:secret@crm.test/", "User name and password must not stand in the address."),
        ("https://me@crm.test/", "User name and password must not stand in the address."),
        ("https://", "The address or a header of the request is not valid."),
        ("https://crm.test:99999/", "The address or a header of the request is not valid."),
        ("crm.test", "The address or a header of the request is not valid."),
    ],
)
def test_an_address_that_must_not_be_asked_is_refused(door, deadline, url, sentence):
    with pytest.raises(CrmRefused) as caught:
        door.request("GET", url, deadline=deadline)

    assert str(caught.value) == sentence


@pytest.mark.parametrize("value", ["secret\r\nX-Other: 1", "secret\n", "secret☎"])
def test_a_header_that_cannot_be_sent_is_refused_and_not_quoted(door, url, deadline, value):
    with pytest.raises(CrmRefused, match=r"a header of the request is not valid\.$") as caught:
        door.request("GET", url, deadline=deadline, headers={"X-Key": value})

    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    "answer",
    [
        b"220 mail.test ESMTP\r\n",
        b"HTTP/1.1 200 So\r\nContent-Length: 1, 2\r\n\r\n",
        b"HTTP/1.1 200 So\r\nX-Long: " + b"x" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 So\r\n" + b"X-Many: x\r\n" * 200 + b"\r\n",
    ],
)
def test_what_is_not_http_is_a_bad_answer(door, server, url, deadline, answer):
    server.behaviour = lambda visit: visit.socket.sendall(answer)

    with pytest.raises(CrmBadAnswer, match=r"^crm.test did not answer in proper HTTP\.$"):
        door.request("GET", url, deadline=deadline)


def test_nothing_of_the_address_is_logged(door, server, url, deadline, caplog):
    caplog.set_level(logging.DEBUG)
    server.behaviour = lambda visit: visit.answer(headers=["no colon here", "X-After: 1"])

    door.request("GET", url + "?caller=%2B12025550101", deadline=deadline)

    assert "2025550101" not in caplog.text


def test_only_the_door_uses_requests():
    importers = set()
    for path in Path(voiceapp.crm.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
            if any(name.partition(".")[0] == "requests" for name in [*names, module]):
                importers.add(path.name)

    assert importers == {"http.py"}
