"""Nothing comes in that Twilio did not sign, and what it signed comes in however it is spelled."""

import shutil
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
import trustme

from tests.conftest import TOKEN
from tests.demo_calls import ADA, SALES, SUPPORT
from tests.server.callers import ACCOUNT, Answer, Twilio, call_fields, new_sid
from tests.server.conftest import Serve
from tests.server.serving import Server, serving
from tests.server.tls_proxy import tls_proxy

DID = "/twiml/did"

Fields = dict[str, str]
Forge = Callable[[Twilio, Fields], Answer]


def _unsigned(twilio: Twilio, fields: Fields) -> Answer:
    return twilio.send("POST", DID, fields, None)


def _blank(twilio: Twilio, fields: Fields) -> Answer:
    return twilio.send("POST", DID, fields, "")


def _signed_with_another_token(twilio: Twilio, fields: Fields) -> Answer:
    return twilio.send("POST", DID, fields, Twilio(twilio.base, "other").signature(DID, fields))


def _signed_for_another_host(twilio: Twilio, fields: Fields) -> Answer:
    elsewhere = Twilio("https://calls.example.com")
    return twilio.send("POST", DID, fields, elsewhere.signature(DID, fields))


def _replayed_to_another_address(twilio: Twilio, fields: Fields) -> Answer:
    return twilio.send("POST", "/twiml/fallback", fields, twilio.signature(DID, fields))


def _replayed_with_a_query(twilio: Twilio, fields: Fields) -> Answer:
    return twilio.send("POST", f"{DID}?r=1", fields, twilio.signature(DID, fields))


def _a_field_altered(twilio: Twilio, fields: Fields) -> Answer:
    return twilio.send("POST", DID, {**fields, "To": SUPPORT}, twilio.signature(DID, fields))


def _a_field_added(twilio: Twilio, fields: Fields) -> Answer:
    return twilio.send("POST", DID, {**fields, "Digits": "1"}, twilio.signature(DID, fields))


def _a_field_left_out(twilio: Twilio, fields: Fields) -> Answer:
    without = {name: value for name, value in fields.items() if name != "CallStatus"}
    return twilio.send("POST", DID, without, twilio.signature(DID, fields))


def _a_get_with_the_signature_of_a_post(twilio: Twilio, fields: Fields) -> Answer:
    target = f"{DID}?{urlencode(fields)}"
    return twilio.send("GET", target, None, twilio.signature(DID, fields))


def _a_post_with_the_signature_of_a_get(twilio: Twilio, fields: Fields) -> Answer:
    return twilio.send("POST", DID, fields, twilio.signature(DID))


_FORGERIES: list[Forge] = [
    _unsigned,
    _blank,
    _signed_with_another_token,
    _signed_for_another_host,
    _replayed_to_another_address,
    _replayed_with_a_query,
    _a_field_altered,
    _a_field_added,
    _a_field_left_out,
    _a_get_with_the_signature_of_a_post,
    _a_post_with_the_signature_of_a_get,
]


@pytest.mark.parametrize("forge", _FORGERIES, ids=lambda forge: forge.__name__.strip("_"))
def test_a_forgery_is_refused_and_leaves_no_trace(
    server: Server, twilio: Twilio, forge: Forge
) -> None:
    sid = new_sid()

    answer = forge(twilio, call_fields(ADA, SALES, sid))

    assert answer.status == 403
    assert server.mentions(sid) == []


def test_what_is_signed_leaves_a_trace(server: Server, twilio: Twilio) -> None:
    sid = new_sid()

    answer = twilio.post(DID, **call_fields(ADA, SALES, sid))

    assert answer.lands == "vip"
    assert server.mentions(sid) != []


@pytest.mark.parametrize("method", ["HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_no_other_method_gets_an_answer_signed_or_not(
    server: Server, twilio: Twilio, method: str
) -> None:
    sid = new_sid()
    fields = call_fields(ADA, SALES, sid)

    signed = twilio.send(method, DID, fields, twilio.signature(DID, fields))
    unsigned = twilio.send(method, DID, fields, None)

    assert (signed.status, unsigned.status) == (405, 405)
    assert server.mentions(sid) == []


def test_a_body_of_more_than_64_kb_is_refused_though_it_is_signed(
    server: Server, twilio: Twilio
) -> None:
    sid = new_sid()
    largest = 64 * 1024 - len(urlencode(call_fields(ADA, SALES, sid, SpeechResult="")))

    taken = twilio.post(DID, **call_fields(ADA, SALES, SpeechResult="a" * largest))
    refused = twilio.post(DID, **call_fields(ADA, SALES, sid, SpeechResult="a" * (largest + 1)))

    assert taken.lands == "vip"
    assert refused.status == 413
    assert server.mentions(sid) == []


def test_a_get_is_signed_by_its_address_alone(twilio: Twilio) -> None:
    target = f"{DID}?{urlencode(call_fields(ADA, SALES))}"

    answer = twilio.send("GET", target, None, twilio.signature(target))

    assert answer.lands == "vip"


@pytest.fixture(scope="module")
def behind_tls(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twilio]:
    """Twilio in front of a proxy that takes TLS off, in front of a server."""
    authority = trustme.CA()
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    instance = shutil.copytree(installed, tmp_path_factory.mktemp("behind-tls") / "instance")
    with (
        tls_proxy(authority.issue_cert("localhost")) as proxy,
        serving(instance, worker=False, PUBLIC_BASE_URL=proxy.base) as server,
        Twilio(proxy.base, trusting=trusting) as twilio,
    ):
        proxy.upstream = int(server.settings["PORT"])
        yield twilio


def test_behind_a_proxy_an_address_is_taken_as_it_was_spelled_when_signed(
    behind_tls: Twilio,
) -> None:
    fields = call_fields(ADA, SUPPORT)

    in_query = behind_tls.post("/twiml/ivr/801?x=%C3%AB%2F%7E", **fields)
    in_path = behind_tls.post("/twiml/caf%C3%AB%2Fmenu%7E", **fields)

    assert in_query.twiml[0].tag == "Gather"
    assert in_path.lands == "general"


@pytest.mark.parametrize("place", ["/twiml/ivr/801?x={}", "/twiml/caf{}"])
@pytest.mark.parametrize("respelled", ["%c3%ab%2F%7E", "%C3%AB%2f%7E", "%C3%AB/%7E", "%C3%AB%2F~"])
def test_behind_a_proxy_an_address_spelled_otherwise_than_signed_is_refused(
    behind_tls: Twilio, place: str, respelled: str
) -> None:
    fields = call_fields(ADA, SUPPORT)
    signature = behind_tls.signature(place.format("%C3%AB%2F%7E"), fields)

    answer = behind_tls.send("POST", place.format(respelled), fields, signature)

    assert answer.status == 403


def test_behind_a_proxy_the_public_address_is_signed_with_or_without_its_port(
    behind_tls: Twilio,
) -> None:
    fields = call_fields(ADA, SALES)
    without_port = Twilio("https://localhost").signature(DID, fields)
    of_the_server = Twilio("http://127.0.0.1").signature(DID, fields)

    with_port = behind_tls.post(DID, **fields)
    as_twilio_does = behind_tls.send("POST", DID, fields, without_port)
    refused = behind_tls.send("POST", DID, fields, of_the_server)

    assert (with_port.lands, as_twilio_does.lands) == ("vip", "vip")
    assert refused.status == 403


def test_while_a_token_is_rotated_both_are_taken(serve: Serve) -> None:
    server = serve(worker=False, TWILIO_AUTH_TOKEN=f"new-token,{TOKEN}")
    fields = call_fields(ADA, SALES)

    with Twilio(server.base) as twilio:
        answers = [
            twilio.send("POST", DID, fields, Twilio(server.base, token).signature(DID, fields))
            for token in ("new-token", TOKEN, "other", f"new-token,{TOKEN}")
        ]

    assert [answer.status for answer in answers] == [200, 200, 403, 403]


def test_the_calls_of_another_account_are_refused(serve: Serve) -> None:
    server = serve(worker=False, TWILIO_ACCOUNT_SID=ACCOUNT)
    ours = call_fields(ADA, SALES)
    theirs = {**ours, "AccountSid": f"AC{'1' * 32}"}
    nobodys = {name: value for name, value in ours.items() if name != "AccountSid"}

    with Twilio(server.base) as twilio:
        answers = [twilio.post(DID, **fields) for fields in (ours, theirs, nobodys)]

    assert [answer.status for answer in answers] == [200, 403, 403]
