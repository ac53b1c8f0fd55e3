from decimal import Decimal

import pytest

from voiceapp.crm.contract import CrmBadAnswer
from voiceapp.crm.payload import at_path, parse_json


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'"Gold"', "Gold"),
        (b"true", True),
        (b"null", None),
        (b"1000", 1000),
        (b"-5", -5),
        (b"0.1", Decimal("0.1")),
        (b"40.00", Decimal("40.00")),
        (b"1e3", Decimal("1e3")),
        (b"0.10000000000000000000001", Decimal("0.10000000000000000000001")),
        (b"123456789012345678901234567890", 123456789012345678901234567890),
        (b' {"a": [1, {"b": null}]} ', {"a": [1, {"b": None}]}),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        ('"Zoë ☎ 😀"'.encode(), "Zoë ☎ 😀"),
        (rb'"\ud83d\ude00"', "😀"),
    ],
)
def test_json_is_read_exactly(body, value):
    parsed = parse_json(body)

    assert parsed == value
    assert type(parsed) is type(value)
    assert str(parsed) == str(value)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (rb'"Go\u0000ld"', "Go\ufffdld"),
        (rb'"\ud800 alone"', "\ufffd alone"),
        (rb'"\udc00\ud800"', "\ufffd\ufffd"),
        (rb'"\u0001\u001f\ufffe"', "\ufffd\ufffd\ufffd"),
        (rb'"one\ttwo\r\nthree"', "one\ttwo\r\nthree"),
        (rb'{"ke\u0000y": ["\u0000"]}', {"ke\ufffdy": ["\ufffd"]}),
    ],
)
def test_what_neither_database_nor_xml_can_hold_is_replaced(body, value):
    assert parse_json(body) == value


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"<html>",
        b'{"a": ',
        b'{"a": "b',
        b"{'a': 1}",
        b'{"a": 1} {"b": 2}',
        b"NaN",
        b"[Infinity]",
        b"[-Infinity]",
        b"01",
        b'"a\nb"',
        b"1" * 401,
        b"1" * 5000,
        b"1e401",
        b"1e-401",
        b"1E+999999999999999999999",
        b"0." + b"1" * 400,
        b"[" * 101 + b"]" * 101,
        b"[" * 200_000,
        b'{"a":' * 200_000,
    ],
)
def test_what_is_not_proper_json_is_a_bad_answer(body):
    with pytest.raises(CrmBadAnswer, match=r"^The answer of the CRM is not proper JSON\.$"):
        parse_json(body)


@pytest.mark.parametrize("body", [b'"\xff"', b'"\xed\xa0\x80"', '{"a": 1}'.encode("utf-16")])
def test_what_is_not_utf8_is_a_bad_answer(body):
    with pytest.raises(CrmBadAnswer, match=r"^The answer of the CRM is not UTF-8 text\.$"):
        parse_json(body)


RECORD = {
    "Tier": "Gold",
    "Empty": None,
    "No": False,
    "customer": {"tags": ["vip", {"name": "new"}], "0": "zero"},
    "customer.tier": "literal",
    "custom": {"er.tier": "half literal", "er": {"tier": "steps"}},
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("Tier", "Gold"),
        ("No", False),
        ("customer.tags", ["vip", {"name": "new"}]),
        ("customer.tags.0", "vip"),
        ("customer.tags.1.name", "new"),
        ("customer.0", "zero"),
        ("customer.tier", "literal"),
        ("custom.er.tier", "half literal"),
    ],
)
def test_a_dotted_path_leads_into_the_record(path, value):
    assert at_path(RECORD, path) == value


@pytest.mark.parametrize(
    "path",
    [
        "",
        ".",
        "tier",
        "Empty",
        "Empty.more",
        "Tier.0",
        "Tier.length",
        "customer.tags.2",
        "customer.tags.-1",
        "customer.tags.٠",
        "customer.tags.first",
        "customer.tags.",
        "customer.tags." + "9" * 5000,
        "customer..tags",
    ],
)
def test_a_path_that_leads_nowhere_is_none(path):
    assert at_path(RECORD, path) is None
