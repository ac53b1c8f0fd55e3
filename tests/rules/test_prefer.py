"""Which of several records counts: numbers, dates, zones, what can't be ordered, and ties."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceapp.rules.prefer import Contender, choose
from voiceapp.rules.rule import Location, Prefer, Rule
from voiceapp.rules.values import Structure

HIGHEST, LOWEST, NEWEST = Prefer.HIGHEST, Prefer.LOWEST, Prefer.NEWEST


def by_value(prefer: Prefer, *values: object) -> int | None:
    return choose(prefer, [Contender(value) for value in values])


def newest(*moments: object) -> int | None:
    return choose(NEWEST, [Contender("any", moment) for moment in moments])


@pytest.mark.parametrize(
    ("values", "highest", "lowest"),
    [
        ((Decimal(5), Decimal(40), Decimal(-3)), 1, 2),
        ((Decimal("1.50"), Decimal("1.05")), 0, 1),
        (("9", "10"), 1, 0),
        (("1,250.00", Decimal(999), "$1000"), 0, 1),
        (("-5", "€-6", "+5"), 2, 1),
        (("2026-11-22", "2026-02-03"), 0, 1),
        (("2026-11-22", "2026-11-22T00:00:01Z"), 1, 0),
        (("2026-11-22T10:00:00+02:00", "2026-11-22T09:00:00Z"), 1, 0),
        (("2026-11-22T10:00:00.000+0200", "2026-11-22 09:00:00.000Z"), 1, 0),
        (("2026-11-22T09:00:00", "2026-11-22T10:00:00"), 1, 0),
        ((" 2026-11-22 10:00 ", "2026-11-22 09:59:59"), 0, 1),
        (("2026-11-22T10:00:00.000001Z", "2026-11-22T10:00:00Z"), 0, 1),
        (("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"), 1, 0),
    ],
)
def test_the_highest_and_the_lowest_are_of_numbers_or_of_dates(values, highest, lowest):
    assert by_value(HIGHEST, *values) == highest
    assert by_value(LOWEST, *values) == lowest


NO_ORDER = (None, "", " ", "Gold", "007", "NaN", "1e3", "2026-02-30", True, False, Structure())


@pytest.mark.parametrize("value", [*NO_ORDER, ("5",), (Decimal(5), "x"), ()])
def test_what_can_not_be_ordered_is_passed_over(value):
    for prefer in (HIGHEST, LOWEST):
        assert by_value(prefer, value, "5", value) == 1
        assert by_value(prefer, value, "2026-11-22") == 1
        assert by_value(prefer, value) is None
    assert newest(value, "2026-11-22", value) == 1
    assert newest(value, value) is None


@pytest.mark.parametrize("prefer", [HIGHEST, LOWEST, NEWEST])
def test_of_nobody_nobody_counts(prefer):
    assert choose(prefer, ()) is None


@pytest.mark.parametrize("prefer", [HIGHEST, LOWEST])
def test_numbers_and_dates_are_never_taken_for_each_other(prefer):
    many, day, later = "99999999999999", "2026-11-22", "2026-11-23"

    chosen = [day, later, many][by_value(prefer, day, later, many)]
    turned = [many, later, day][by_value(prefer, many, later, day)]

    assert chosen == turned == {HIGHEST: later, LOWEST: many}[prefer]


@pytest.mark.parametrize(
    ("moments", "index"),
    [
        (("2026-11-22T09:00:00Z", "2026-11-22T10:00:00Z", "2026-11-21T11:00:00Z"), 1),
        (("2026-11-22 09:00:00", "2026-11-22 10:00:00"), 1),
        (("2026-11-22", "2025-12-31"), 0),
        ((Decimal(1_795_000_000_000), Decimal(1_795_000_000_001)), 1),
        ((None, "2026-11-22"), 1),
        (("2026-11-22T12:00:00+05:30", "2026-11-22T07:00:00Z"), 1),
    ],
)
def test_the_newest_is_the_one_that_was_created_last(moments, index):
    assert newest(*moments) == index


@pytest.mark.parametrize(
    "later_than_it_looks",
    ["2026-11-22 08:00:00-02", "20261122T080000-0200", "2026-11-22T08:00:00,5-02:00"],
)
def test_a_zone_counts_however_it_is_written(later_than_it_looks):
    assert newest("2026-11-22T09:00:00Z", later_than_it_looks) == 1


@pytest.mark.parametrize("prefer", [HIGHEST, LOWEST])
@pytest.mark.parametrize(
    ("created", "index"),
    [
        (("2026-11-20", "2026-11-22", "2026-11-21"), 1),
        ((None, None, "2026-11-21"), 2),
        (("2026-11-21", None, "soon"), 0),
    ],
)
def test_among_equals_the_newest_counts(prefer, created, index):
    values = ("5", "5.00", Decimal(5))

    contenders = [Contender(*pair) for pair in zip(values, created, strict=True)]

    assert choose(prefer, contenders) == index


@pytest.mark.parametrize(
    ("prefer", "contenders"),
    [
        (HIGHEST, [Contender("5"), Contender("5.00")]),
        (LOWEST, [Contender("5", "2026-11-22"), Contender("5", "2026-11-22")]),
        (NEWEST, [Contender("5", "2026-11-22"), Contender("6", "2026-11-22T00:00:00Z")]),
    ],
)
def test_if_nothing_tells_them_apart_none_counts(prefer, contenders):
    assert choose(prefer, contenders) is None


def test_the_lowest_of_long_numbers_is_as_exact_as_the_highest():
    more, less = "1" + "0" * 30 + "2", "1" + "0" * 30 + "1"

    assert by_value(HIGHEST, less, more) == 1
    assert by_value(LOWEST, more, less) == 1


_values = (
    st.none()
    | st.booleans()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
    | st.datetimes().map(str)
    | st.dates().map(str)
    | st.tuples(st.text(max_size=2))
)
_contenders = st.lists(st.builds(Contender, _values, _values), max_size=4)


@given(st.sampled_from([HIGHEST, LOWEST, NEWEST]), _contenders)
def test_whatever_stands_in_the_records_one_of_them_counts_or_none(prefer, contenders):
    assert choose(prefer, contenders) in (None, *range(len(contenders)))


@given(st.lists(st.integers(-(10**12), 10**12), min_size=1, unique=True))
def test_the_highest_and_the_lowest_are_those_of_arithmetic(numbers):
    values = [Decimal(number) for number in numbers]

    assert by_value(HIGHEST, *values) == numbers.index(max(numbers))
    assert by_value(LOWEST, *values) == numbers.index(min(numbers))


@pytest.mark.parametrize(
    ("prefer", "fields"),
    [
        (Prefer.NONE, ("Tier",)),
        (NEWEST, ("Tier",)),
        (HIGHEST, ("Tier", "Balance")),
        (LOWEST, ("Tier", "Balance")),
    ],
)
def test_a_rule_reads_what_it_compares_and_what_it_prefers_by(prefer, fields):
    rule = Rule("VIP", Location.DID, "odoo", "Contacts", "Tier", (), {}, prefer_field="Balance")

    assert replace(rule, prefer=prefer).fields == fields
    assert replace(rule, then_modules=("Leads",)).modules == ("Contacts", "Leads")
    assert rule.modules == ("Contacts",)
