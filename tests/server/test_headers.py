"""What a running server makes of headers that are sent, and which ones it sends itself."""

from http import HTTPStatus

import pytest

from tests.demo_calls import ADA, SALES
from tests.headers import addresses, faults_of
from tests.server.callers import Twilio, call_fields
from tests.server.conftest import Serve
from tests.server.serving import Server

DID = "/twiml/did"
MOVING = ("SCRIPT_NAME", "PATH_INFO", "Script-Name", "X-Script-Name", "X-Forwarded-Prefix")
FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize("header", MOVING)
def test_no_header_moves_a_path_to_what_a_proxy_lets_through(twilio: Twilio, header: str) -> None:
    statuses = [
        twilio.request("GET", path, None, {header: value}).status
        for path, value in (
            ("/recordings/admin/sign-in", "/recordings"),
            ("/twiml/readyz", "/twiml"),
            ("/recordings/x", "/admin/sign-in"),
            ("/healthz", "/zzz"),
        )
    ]

    assert statuses == [404, 403, 404, 200]


@pytest.mark.parametrize("header", MOVING)
def test_a_webhook_is_taken_or_refused_whatever_path_a_header_claims(
    server: Server, twilio: Twilio, header: str
) -> None:
    fields = call_fields(ADA, SALES)
    signed = {"X-Twilio-Signature": twilio.signature(DID, fields), "Content-Type": FORM}
    body = twilio.encoded(fields)
    logged = len(server.log)

    genuine = twilio.request("POST", DID, body, {**signed, header: "/zzz"})
    forged = twilio.request("POST", DID, body, {"Content-Type": FORM, header: "/zzz"})

    assert (genuine.lands, forged.status) == ("vip", 403)
    assert "Traceback" not in server.log[logged:]


def test_contradicting_claims_of_the_scheme_break_nothing(twilio: Twilio) -> None:
    claims = {"X-Forwarded-Proto": "http", "X-Forwarded-Ssl": "on"}

    assert twilio.request("GET", "/healthz", None, claims).status == HTTPStatus.OK


def test_every_page_of_a_running_server_has_the_right_headers(serve: Serve) -> None:
    server = serve(worker=False, PUBLIC_BASE_URL="https://calls.example.com")
    with server.application() as app:
        pages = addresses(app)

    wrong = []
    with Twilio(server.base) as browser:
        for address in pages.values():
            for method in ("GET", "HEAD", "POST", "OPTIONS", "TRACE"):
                answer = browser.request(method, address, None, {})
                place = f"{method} {address}: {answer.status}"
                assert answer.status < HTTPStatus.INTERNAL_SERVER_ERROR, place
                wrong += [f"{place}: {one}" for one in faults_of(address, answer.headers)]

    assert wrong == []


def test_a_server_tells_its_version_to_nobody(twilio: Twilio) -> None:
    for answer in (
        twilio.request("GET", "/healthz", None, {}),
        twilio.request("GET", "/" + "a" * 9000, None, {}),
    ):
        assert not any(sign.isdigit() for sign in answer.headers.get("Server", ""))
        assert b"unicorn" not in answer.body
