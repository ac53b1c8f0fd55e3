"""What a CRM sent as values of rules and of the journal, and whether it tells keyed digits."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceapp.crm.contract import Caller, KeyedDigits
from voiceapp.routing.values import plain_value, shows_digits, to_value
from voiceapp.rules.values import Structure, is_empty

DIGITS = "4711"


@pytest.mark.parametrize(
    ("sent", "value"),
    [
        ("", ""),
        (" Gold ", " Gold "),
        (False, False),
        (0, Decimal(0)),
        (10**40, Decimal(10**40)),
        (Decimal("0.10"), Decimal("0.10")),
        (Decimal("sNaN"), "sNaN"),
        ({}, None),
        ({"id": None}, Structure()),
        (["", " ", None, {}, []], ()),
        ([0, False, "0"], (Decimal(0), False, "0")),
        (("a", ("b",), {"id": 1}), ("a", Structure(), Structure())),
        ([[None]], ()),
    ],
)
def test_a_value_of_a_rule_is_what_was_sent_without_what_is_empty(sent, value):
    assert to_value(sent) == value
    assert type(to_value(sent)) is type(value)


_sent = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(_sent)
def test_whatever_is_sent_can_be_compared_and_kept(sent):
    value = to_value(sent)

    assert json.loads(json.dumps(plain_value(value))) == plain_value(value)
    if isinstance(value, tuple):
        assert not any(is_empty(one) or isinstance(one, tuple) for one in value)


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (None, None),
        (True, True),
        ("1.50", "1.50"),
        (Decimal("1.50"), {"number": "1.50"}),
        (Structure(), {"structure": True}),
        ((Decimal(1), "a", Structure(), False), [{"number": "1"}, "a", {"structure": True}, False]),
    ],
)
def test_the_journal_tells_numbers_and_structures_from_texts(value, plain):
    assert plain_value(value) == plain


@pytest.mark.parametrize(
    "value",
    [
        DIGITS,
        " 4711\n",
        "No. 4711",
        "47-11",
        "4 7 1 1",
        "147110",
        "04711",
        "tel:4711;ext=0",
        Decimal(4711),
        Decimal("4711.00"),
        Decimal("0.4711"),
        ("vip", "4711"),
        (Structure(), Decimal(4711)),
    ],
)
def test_a_value_with_the_keyed_digits_in_it_tells_them(value):
    assert shows_digits(value, KeyedDigits(DIGITS, "No"))


@pytest.mark.parametrize(
    "value", ["471", "1174", "Gold", "", None, True, Decimal(471), Structure(), (), ("47", "11")]
)
def test_a_value_without_the_keyed_digits_does_not_tell_them(value):
    assert not shows_digits(value, KeyedDigits(DIGITS, "No"))


@pytest.mark.parametrize(
    ("digits", "value", "is_told"),
    [
        ("7", "7", True),
        ("7", Decimal(7), True),
        ("7", ("x", "7"), True),
        ("7", "17", False),
        ("7", "Tier 7", False),
        ("471", " 471 ", True),
        ("471", "4711", False),
        ("007", "7", False),
    ],
)
def test_few_digits_stand_in_much_and_tell_only_by_themselves(digits, value, is_told):
    assert shows_digits(value, KeyedDigits(digits, "No")) is is_told


@pytest.mark.parametrize(("digits", "value"), [("004711", "4711"), ("4711", "0004711")])
def test_zeros_in_front_hide_nothing(digits, value):
    assert shows_digits(value, KeyedDigits(digits, "No"))


@pytest.mark.parametrize("value", ["*4711", "No. *4711", "4711", "47*11"])
def test_digits_with_a_star_are_told_as_others_are(value):
    assert shows_digits(value, KeyedDigits("*4711", "No"))


@pytest.mark.parametrize("value", ["Gold", "", None, Structure(), True])
def test_nothing_but_zeros_is_not_told_by_whatever_has_no_digits(value):
    assert not shows_digits(value, KeyedDigits("0000", "No"))


@pytest.mark.parametrize("value", ["Gold", "4711", None, True])
def test_nothing_but_stars_is_not_told_by_whatever_has_none(value):
    assert not shows_digits(value, KeyedDigits("****", "No"))


@pytest.mark.parametrize("value", ["+12025550101", "2025550101", None])
def test_the_number_of_a_caller_is_no_secret(value):
    assert not shows_digits(value, Caller("+12025550101"))
