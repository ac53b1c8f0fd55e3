"""What a CRM answered, as a text and back."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceapp.crm import contract
from voiceapp.crm.contract import (
    CrmError,
    CrmThrottled,
    CrmUnavailable,
    Found,
    NotFound,
    Record,
    Several,
)
from voiceapp.crm.plain import Remembered, UnreadableText, read, spell

PLAIN = st.none() | st.booleans() | st.integers() | st.text()
VALUES = st.recursive(
    PLAIN | st.decimals(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.dictionaries(st.text(), VALUES, max_size=4)
RECORDS = st.builds(Record, FIELDS, VALUES, st.none() | st.text())


def types(value: object) -> object:
    """Return a value with the type of each of its parts, as 1 == True == Decimal(1)."""
    if isinstance(value, dict):
        return {name: types(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [types(inner) for inner in value]
    return type(value), value


@given(FIELDS, st.text(), st.none() | st.text())
def test_a_record_comes_back_as_it_was(values, matched_by, stored):
    said = Found(values, matched_by, stored)

    again = read(spell(Remembered(said, 12.5)))

    assert again == Remembered(said, 12.5)
    assert types(again.said.values) == types(values)


@given(st.lists(RECORDS, max_size=3))
def test_several_come_back_as_they_were(records):
    said = Several(len(records), tuple(records))

    assert read(spell(Remembered(said, 1))) == Remembered(said, 1)


def test_nobody_comes_back_as_nobody():
    assert read(spell(Remembered(NotFound(), 1))) == Remembered(NotFound(), 1)


def kinds_of_trouble() -> list[type[CrmError]]:
    found = vars(contract).values()
    return [one for one in found if isinstance(one, type) and issubclass(one, CrmError)]


@pytest.mark.parametrize("kind", kinds_of_trouble())
def test_trouble_comes_back_as_what_it_was(kind):
    said = kind("The CRM is “away”.")

    again = read(spell(Remembered(said, 1))).said

    assert type(again) is kind
    assert str(again) == str(said)


def test_what_stood_in_comes_back_with_the_reason():
    again = read(spell(Remembered(NotFound(), 1, True, CrmUnavailable("It is away."))))

    assert (again.said, again.is_older) == (NotFound(), True)
    assert isinstance(again.trouble, CrmUnavailable)
    assert str(again.trouble) == "It is away."


def test_how_long_to_wait_is_not_told_on():
    again = read(spell(Remembered(CrmThrottled("Too often.", 60), 1))).said

    assert isinstance(again, CrmThrottled)
    assert again.retry_after is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        '{"at": 1}',
        '{"at": "x", "said": ["not found"]}',
        '{"at": 1, "said": ["elsewhere"]}',
        '{"at": 1, "said": ["found", 1, "x", null]}',
        '{"at": 1, "said": ["found", {"Tier": ["number", "x"]}, "x", null]}',
        '{"at": 1, "said": ["found", {"Tier": ["thing", "x"]}, "x", null]}',
        '{"at": 1, "said": ["several", 2, [[1]]]}',
        '{"at": 1, "said": ["error", "ValueError", "x"]}',
        '{"at": 1, "said": ["not found"], "trouble": ["not found"]}',
        "[" * 100_000,
    ],
)
def test_what_is_no_answer_is_refused(text):
    with pytest.raises(UnreadableText):
        read(text)


def test_a_text_has_the_outcome_in_it_for_whoever_looks_into_it():
    assert json.loads(spell(Remembered(CrmUnavailable("Away."), 1))) == {
        "at": 1,
        "said": ["error", "CrmUnavailable", "Away."],
    }


def test_exact_numbers_stay_exact():
    said = Found({"Balance": Decimal("0.10")}, "phone number")

    again = read(spell(Remembered(said, 1))).said

    assert str(again.values["Balance"]) == "0.10"
