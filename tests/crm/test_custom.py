import json
from decimal import Decimal

import pytest

from voiceapp.crm.contract import (
    Caller,
    CallFacts,
    CrmBadAnswer,
    CrmRefused,
    CrmUnavailable,
    Found,
    KeyedDigits,
    NotFound,
    Search,
)
from voiceapp.crm.custom import CustomUrlClient, SecretHeader

ADA = Caller("+12025550101")
CALL = CallFacts(caller="+12025550101", called="+12025550180", call_id="CA 1/2")


@pytest.fixture
def make_client(door, server):
    """Make clients for a path and query at crm.test."""

    def make(path="/", header=None):
        return CustomUrlClient(door, f"https://crm.test:{server.port}{path}", header)

    return make


@pytest.fixture
def find(make_client, deadline):
    def find(*fields, who=ADA, path="/"):
        search = Search(who, "ignored", fields or ("Tier",))
        return make_client(path).find(search, CALL, deadline)

    return find


def test_an_object_is_the_record(says, find):
    says({"Tier": "Gold", "Other": 1})

    assert find("Tier", "Missing") == Found({"Tier": "Gold", "Missing": None}, "Custom URL")


def test_numbers_arrive_exactly(server, find):
    server.behaviour = lambda visit: visit.answer(b'{"Balance": 1250.10}')

    answer = find("Balance")

    assert repr(answer.values["Balance"]) == "Decimal('1250.10')"
    assert answer.values["Balance"] == Decimal("1250.10")


def test_a_field_may_be_a_dotted_path(says, find):
    says({"customer": {"tags": ["vip", "new"]}})

    assert find("customer.tags.0").values == {"customer.tags.0": "vip"}


def test_a_list_of_one_is_the_record(says, find):
    says([{"Tier": "Gold"}])

    assert find() == Found({"Tier": "Gold"}, "Custom URL")


def test_a_longer_list_is_several(says, find):
    says([{"Tier": "Gold"}, {"Tier": "Silver"}, {}])

    assert find().count == 3


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"null"),
        (200, b"{}"),
        (200, b"[]"),
        (200, b" \n[ ]\n"),
        (404, b"<html>Nobody here</html>"),
        (404, b""),
        (204, b""),
    ],
)
def test_no_record_is_not_found(server, find, status, body):
    server.behaviour = lambda visit: visit.answer(body, status)

    assert find() == NotFound()


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        (201, CrmBadAnswer, "answered with status 201 instead of 200"),
        (206, CrmBadAnswer, "answered with status 206 instead of 200"),
        (301, CrmRefused, "answered with a redirect (301); they are not followed"),
        (302, CrmRefused, "answered with a redirect (302); they are not followed"),
        (307, CrmRefused, "answered with a redirect (307); they are not followed"),
        (400, CrmRefused, "rejected the request (400)"),
        (401, CrmRefused, "did not accept the credentials"),
        (403, CrmRefused, "does not permit these credentials to read this"),
        (410, CrmRefused, "rejected the request (410)"),
        (429, CrmUnavailable, "says that it is asked too often"),
        (500, CrmUnavailable, "has a fault of its own (500)"),
        (503, CrmUnavailable, "has a fault of its own (503)"),
    ],
)
def test_any_other_status_is_a_failure(server, find, status, error, words):
    server.behaviour = lambda visit: visit.answer(
        b'{"Tier": "Gold"}', status, [f"Location: https://crm.test:{server.port}/elsewhere"]
    )

    with pytest.raises(error) as caught:
        find()

    assert str(caught.value) == f"The CRM {words}."
    assert len(server.visits) == 1


@pytest.mark.parametrize(
    "body", [b"", b"<html><p>Welcome</p></html>", b'{"Tier": "Go', b'{"Tier": NaN}', b'"\xff"']
)
def test_what_is_not_json_is_a_bad_answer(server, find, body):
    server.behaviour = lambda visit: visit.answer(body)

    with pytest.raises(CrmBadAnswer):
        find()


@pytest.mark.parametrize("body", [b"true", b"0", b'"Gold"', b"[null]", b'["Gold"]', b"[{}, 1]"])
def test_json_that_is_no_record_is_a_bad_answer(server, find, body):
    server.behaviour = lambda visit: visit.answer(body)

    with pytest.raises(CrmBadAnswer, match="neither a JSON object nor a list of objects"):
        find()


def test_an_answer_that_breaks_off_is_unavailable(server, find):
    def behaviour(visit):
        visit.socket.sendall(b'HTTP/1.1 200 So\r\nContent-Length: 50\r\n\r\n{"Tier": "Go')
        visit.hang_up()

    server.behaviour = behaviour

    with pytest.raises(CrmUnavailable):
        find()


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/{caller}", "/%2B12025550101"),
        ("/who/{caller}/{called}", "/who/%2B12025550101/%2B12025550180"),
        ("/?p={caller}&f={field}", "/?p=%2B12025550101&f=Tier%2Ccustomer.name"),
        ("?id={call_id}", "/?id=CA%201%2F2"),
        ("/?d={digits}", "/?d="),
        ("/?a=1&a={caller}&{unknown}", "/?a=1&a=%2B12025550101&%7Bunknown%7D"),
        ("/a%2Fb/?x=%2B1&y={field}", "/a%2Fb/?x=%2B1&y=Tier%2Ccustomer.name"),
    ],
)
def test_placeholders_are_filled_in_and_nothing_is_added(server, says, find, path, target):
    says({})

    find("Tier", "customer.name", path=path)

    assert server.targets == [target]


ADDED = "caller=%2B12025550101&called=%2B12025550180&call_id=CA%201%2F2&field=Tier"


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("", f"/?{ADDED}"),
        ("/find", f"/find?{ADDED}"),
        ("/find?", f"/find?{ADDED}"),
        ("/find?key=1&caller=me", f"/find?key=1&caller=me&{ADDED}"),
    ],
)
def test_without_placeholders_the_facts_join_the_query(server, says, find, path, target):
    says({})

    find(path=path)

    assert server.targets == [target]


def test_keyed_digits_join_the_query_digit_for_digit(server, says, find):
    says({})

    find(who=KeyedDigits("0012*#", "AccountNo"))

    assert server.targets == [f"/?{ADDED}&digits=0012%2A%23"]


def test_keyed_digits_fill_their_placeholder(server, says, find):
    says({})

    find(who=KeyedDigits("007", "AccountNo"), path="/account/{digits}?from={caller}")

    assert server.targets == ["/account/007?from=%2B12025550101"]


def test_what_is_filled_in_is_not_filled_in_again(server, says, find):
    says({})

    find("{caller}", path="/?f={field}")

    assert server.targets == ["/?f=%7Bcaller%7D"]


def test_the_secret_header_goes_along_and_is_never_shown(server, make_client, deadline):
    server.behaviour = lambda visit: visit.answer(status=401)
    header = SecretHeader("X-Api-Key", "open sesame")
    client = make_client("/?key=hidden", header)

    with pytest.raises(CrmRefused) as caught:
        client.find(Search(ADA, "", ("Tier",)), CALL, deadline)

    assert server.visits[0].headers["x-api-key"] == "open sesame"
    shown = f"{client!r} {header!r} {caught.value!r}"
    assert "sesame" not in shown
    assert "hidden" not in shown


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("", "x", "The header's name must be letters, digits and hyphens."),
        ("X Key", "x", "The header's name must be letters, digits and hyphens."),
        ("X-Key\r\nX", "x", "The header's name must be letters, digits and hyphens."),
        ("X-Key\n", "x", "The header's name must be letters, digits and hyphens."),
        ("X-Key:", "x", "The header's name must be letters, digits and hyphens."),
        ("Host", "x", "The header Host belongs to the connection; choose another."),
        ("X-Key", "sesame\r\nX-Other: b", "The header's value must be one line"),
        ("X-Key", "sesame\n", "The header's value must be one line"),
        ("X-Key", "sesame\x00", "The header's value must be one line"),
        ("X-Key", " sesame", "The header's value must be one line"),
        ("X-Key", "", "The header's value must be one line"),
        ("X-Key", "sesame ☎", "The header's value must be one line"),
    ],
)
def test_a_header_that_cannot_be_sent_is_refused_when_it_is_made(name, value, sentence):
    with pytest.raises(ValueError, match=sentence) as caught:
        SecretHeader(name, value)

    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("", "The address must start with https://."),
        ("crm.test/x", "The address must start with https://."),
        ("http://crm.test/", "The address must start with https://."),
        ("{caller}", "The address must start with https://."),
        ("{field}://crm.test/", "The address must start with https://."),
        ("https://{caller}", "Placeholders may stand only behind the host"),
        ("https://{called}.test/", "Placeholders may stand only behind the host"),
        ("https://crm.test{field}/", "Placeholders may stand only behind the host"),
        ("https://crm.test:{digits}/", "Placeholders may stand only behind the host"),
        ("https://{caller}@crm.test/", "Placeholders may stand only behind the host"),
        ("https://me:pass@crm.test/", "User name and password must not stand in the address"),
        ("https://crm.test/#{caller}", "must not have a part after #"),
        ("https://", "must name a host"),
        ("https:///path", "must name a host"),
        ("https://crm.test:0/", "must name a host, and a valid port"),
        ("https://crm.test:99999/", "must name a host, and a valid port"),
        ("https://crm.test:port/", "must name a host, and a valid port"),
        ("https://[::1/", "must name a host, and a valid port"),
        ("https://crm.test/a b", "must not contain blanks or line breaks"),
        ("https://crm.test/\r\nX: y", "must not contain blanks or line breaks"),
    ],
)
def test_an_address_that_cannot_be_asked_is_refused_when_it_is_made(door, address, sentence):
    with pytest.raises(ValueError, match=sentence):
        CustomUrlClient(door, address)


def test_the_record_may_be_large_and_deep(server, find):
    record = {"Tier": "Gold", "more": [{"n": number} for number in range(50_000)]}
    server.behaviour = lambda visit: visit.answer(json.dumps(record).encode())

    assert find("Tier", "more.49999.n").values == {"Tier": "Gold", "more.49999.n": 49999}
