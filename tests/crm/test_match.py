"""Which of the records that came near are the caller's."""

from decimal import Decimal

import pytest

from voiceapp.crm.contract import (
    MOST_COMPARED,
    MOST_ORDERED,
    Caller,
    CrmTooMany,
    Found,
    KeyedDigits,
    NotFound,
    Order,
    Record,
    Search,
    Several,
)
from voiceapp.crm.match import Candidate, has_digits, settle

ADA = Caller("+12025550101")
BY_NUMBER = Search(ADA, "Contacts", ("Tier",))
BY_DIGITS = Search(KeyedDigits("1001", "No"), "Contacts", ("Tier",))


def record(
    key: str = "", phone: object = "+12025550101", created: object = None, **fields: object
) -> Candidate:
    return Candidate((phone,), {"Tier": "Gold", **fields}, created, key)


def stranger(key: str = "") -> Candidate:
    return record(key, phone="+442025550101")


@pytest.mark.parametrize(
    "stored",
    [
        "+12025550101",
        "+1 (202) 555-0101",
        "12025550101",
        "0012025550101",
        "(202) 555-0101",
        "202.555.0101",
        " 2025550101 ",
        "tel:+1-202-555-0101",
        "+1 202 555 0101 ext. 5",
        "(202) 555-0101 x5",
        "2025550101 #5",
        "12025550101 extension 12",
        "tel:+12025550101;ext=5",
    ],
)
def test_a_record_is_the_callers_however_its_number_is_formatted(stored):
    assert settle(BY_NUMBER, [record(phone=stored)], "US") == Found(
        {"Tier": "Gold"}, "phone number", stored
    )


@pytest.mark.parametrize(
    ("stored", "country"),
    [
        ("(202) 555-0101", "DE"),
        ("+442025550101", "US"),
        ("+12025550102", "US"),
        ("5550101", "US"),
        ("", "US"),
        ("call me", "US"),
        (None, "US"),
        (["+12025550101"], "US"),
    ],
)
def test_a_record_with_another_number_is_not_the_callers(stored, country):
    assert settle(BY_NUMBER, [record(phone=stored)], country) == NotFound()


def test_any_of_a_records_numbers_will_do_and_the_first_that_fits_is_told():
    one = Candidate((None, "+1202", "(202) 555-0101", "+12025550101"), {"Tier": "Gold"})

    assert settle(BY_NUMBER, [one], "US") == Found(
        {"Tier": "Gold"}, "phone number", "(202) 555-0101"
    )


def test_nobody_is_not_found():
    assert settle(BY_NUMBER, [], "US") == NotFound()


def test_what_was_asked_for_is_answered_and_no_more():
    search = Search(ADA, "Contacts", ("Tier", "Email"), Order("Balance"))

    assert settle(search, [record(Balance=5, Secret="x")], "US") == Found(
        {"Tier": "Gold", "Email": None, "Balance": 5}, "phone number", "+12025550101"
    )


@pytest.mark.parametrize(
    ("keys", "count"), [(("a", "a", "a"), 1), (("a", "b", "a"), 2), (("", "", "a"), 3)]
)
def test_a_record_that_came_twice_counts_once_if_its_key_tells(keys, count):
    answer = settle(BY_NUMBER, [record(key) for key in keys], "US")

    assert getattr(answer, "count", 1) == count


def test_a_record_that_came_twice_is_what_came_first():
    answer = settle(BY_NUMBER, [record("a", Tier="Gold"), record("a", Tier="Silver")], "US")

    assert answer.values == {"Tier": "Gold"}


def test_several_records_carry_what_tells_which_of_them_counts():
    search = Search(ADA, "Contacts", ("Tier",), Order("Balance"))
    records = [
        record("a", Balance=5, created="2026-11-22"),
        stranger("b"),
        record("c", "(202) 555-0101", Balance=None, created=7),
    ]

    assert settle(search, records, "US") == Several(
        2,
        (
            Record({"Tier": "Gold", "Balance": 5}, "2026-11-22", "+12025550101"),
            Record({"Tier": "Gold", "Balance": None}, 7, "(202) 555-0101"),
        ),
    )


@pytest.mark.parametrize(
    ("order", "limit"), [(None, MOST_COMPARED), (Order(), MOST_ORDERED), (Order("x"), MOST_ORDERED)]
)
def test_a_full_page_of_others_may_have_the_caller_on_the_next(order, limit):
    search = Search(ADA, "Contacts", ("Tier",), order)
    page = [stranger(f"{number}") for number in range(limit)]

    assert settle(search, page[:-1], "US") == NotFound()
    with pytest.raises(CrmTooMany, match=r"^Many records have a number like this one, and none of"):
        settle(search, page, "US")
    assert isinstance(settle(search, [*page[:-1], record("me")], "US"), Found)


def test_what_came_twice_does_not_fill_a_page():
    half = [stranger(f"{number}") for number in range(MOST_COMPARED // 2)]

    assert settle(BY_NUMBER, half * 2, "US") == NotFound()


@pytest.mark.parametrize("stored", ["1001", " 1001\n", 1001, Decimal("1001"), Decimal("1001.00")])
def test_keyed_digits_are_found_as_text_or_number(stored):
    assert settle(BY_DIGITS, [record(No=stored)], "US") == Found({"Tier": "Gold"}, "No", None)


@pytest.mark.parametrize("fields", [{}, {"No": None}, {"No": "01001"}, {"Other": "1001"}])
def test_a_record_without_the_digits_is_not_the_callers_whatever_its_number(fields):
    assert settle(BY_DIGITS, [record(**fields)], "US") == NotFound()


def test_several_may_have_the_keyed_digits():
    answer = settle(BY_DIGITS, [record("a", No=1001), record("b", No="1001")], "US")

    assert answer == Several(2, (Record({"Tier": "Gold"}), Record({"Tier": "Gold"})))


@pytest.mark.parametrize(
    ("value", "digits", "has_them"),
    [
        ("01001", "01001", True),
        ("*7#", "*7#", True),
        (["x", 1001], "1001", True),
        (("1001",), "1001", True),
        (0, "0", True),
        (Decimal("1E+3"), "1000", True),
        (1001, "01001", False),
        ("1,001", "1001", False),
        ("1001.0", "1001", False),
        ("１００１", "1001", False),
        ("10011", "1001", False),
        (-1001, "1001", False),
        (Decimal("1001.5"), "1001", False),
        (Decimal("NaN"), "1001", False),
        (Decimal("Infinity"), "1001", False),
        (True, "1", False),
        (False, "0", False),
        (None, "", False),
        ({"No": "1001"}, "1001", False),
        ([], "1001", False),
    ],
)
def test_digits_are_compared_one_by_one(value, digits, has_them):
    assert has_digits(value, digits) is has_them


def test_keyed_digits_are_not_shown_in_what_is_searched():
    assert "1001" not in repr(BY_DIGITS)
