"""Every operator against every kind of value, as `docs/design.md` has it."""

from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from voiceapp.rules.operators import OPERANDS, Comparison, Operator, compare
from voiceapp.rules.relation import Ground, readings
from voiceapp.rules.values import Structure, Value

UTC = ZoneInfo("UTC")
FAR_EAST = ZoneInfo("Pacific/Kiritimati")  # UTC+14
FAR_WEST = ZoneInfo("Pacific/Pago_Pago")  # UTC-11

LESS = "< <= is not"
GREATER = "> >= is not"
SAME = "= <= >="
OTHER = "is not"


def held(actual: Value, *expected: str, among: str, zone: ZoneInfo = UTC) -> str:
    """Return those of some operators that hold, in their order."""
    operators = [Operator(one) for one in among.split("|")]
    return " ".join(one for one in operators if compare(one, actual, expected, zone).holds)


def relations(actual: Value, expected: str, zone: ZoneInfo = UTC) -> str:
    return held(actual, expected, among="<|>|=|<=|>=|is not", zone=zone)


def ground(operator: str, actual: Value, *expected: str) -> Ground:
    return compare(Operator(operator), actual, expected, UTC).ground


def test_operators_are_offered_in_the_clients_order():
    assert " | ".join(Operator) == (
        "< | > | = | <= | >= | is not | contains | starts with | is one of | between"
        " | is empty | is not empty"
    )
    assert set(OPERANDS) == set(Operator)


@pytest.mark.parametrize(
    ("actual", "expected", "holding"),
    [
        ("9", "10", LESS),
        ("10", "9", GREATER),
        ("10", "10.00", SAME),
        ("-5", "0", LESS),
        ("1,250.00", "1000", GREATER),
        ("1,250.00", "$1250", SAME),
        ("€ -5", "-5.0 €", SAME),
        (" 40 ", "40", SAME),
        ("0.30000000000000000001", "0.3", GREATER),
        ("99999999999999999999", "100000000000000000000", LESS),
        (Decimal("9"), "10", LESS),
        (Decimal("1000"), "1,000", SAME),
        (Decimal("1E+3"), "1000", SAME),
        (Decimal("-1E+999999"), "0", LESS),
        (Decimal("1E-999999"), "0", GREATER),
    ],
)
def test_numbers_are_compared_by_size(actual, expected, holding):
    assert relations(actual, expected) == holding
    assert ground("=", actual, expected) is Ground.NUMBERS


@pytest.mark.parametrize(
    ("actual", "expected", "holding"),
    [
        ("Gold", "Gold", SAME),
        ("Gold", "gold", SAME),
        (" gold ", "GOLD", SAME),
        ("ＧＯＬＤ", "gold", SAME),
        ("Straße", "STRASSE", SAME),
        ("Gold", "Silver", OTHER),
        ("Gold", "5", OTHER),
        ("5", "Gold", OTHER),
        (Decimal(5), "Gold", OTHER),
        ("007", "7", OTHER),
        ("007", "007", SAME),
        ("0123", "0124", OTHER),
        (Decimal(7), "007", OTHER),
        ("1e3", "1000", OTHER),
        ("1e3", "1E3", SAME),
        ("NaN", "NaN", SAME),
        ("NaN", "1", OTHER),
        ("１２", "13", OTHER),
        ("１２", "12", SAME),  # as text, which NFKC makes alike
        ("1.250,00", "1250", OTHER),
        ("yes", "true", OTHER),
        ("yes", "Yes", SAME),
    ],
)
def test_anything_else_is_text_without_an_order(actual, expected, holding):
    assert relations(actual, expected) == holding
    assert ground("<", actual, expected) is Ground.UNORDERED_TEXT


@pytest.mark.parametrize(
    ("actual", "expected", "holding", "why"),
    [
        ("2026-11-22", "2026-11-23", LESS, Ground.DATES),
        (" 2026-11-22", "2026-11-22 ", SAME, Ground.DATES),
        ("2026-11-22", "2025-12-31", GREATER, Ground.DATES),
        ("2026-11-22T10:00:00Z", "2026-11-22T11:00:00+01:00", SAME, Ground.INSTANTS),
        ("2026-11-22T10:00:00.000+0000", "2026-11-22 10:00Z", SAME, Ground.INSTANTS),
        ("2026-11-22T23:00:00-05:00", "2026-11-23T03:59:59Z", GREATER, Ground.INSTANTS),
        ("2026-11-23T01:00:00+14:00", "2026-11-22T12:00:00Z", LESS, Ground.INSTANTS),
        ("0001-01-01T00:00+14:00", "9999-12-31T23:59-11:00", LESS, Ground.INSTANTS),
    ],
)
@pytest.mark.parametrize("zone", [UTC, FAR_EAST, FAR_WEST])
def test_two_dates_or_two_moments_are_compared_whatever_the_zone(
    actual, expected, holding, why, zone
):
    assert relations(actual, expected, zone) == holding
    assert ground("=", actual, expected) is why


@pytest.mark.parametrize(
    ("moment", "zone", "day"),
    [
        ("2026-11-22T10:30:00Z", UTC, "2026-11-22"),
        ("2026-11-22T10:30:00Z", FAR_EAST, "2026-11-23"),
        ("2026-11-22T10:30:00Z", FAR_WEST, "2026-11-21"),
        ("2026-11-22T23:30:00-05:00", UTC, "2026-11-23"),
        ("2026-11-22T23:30:00-05:00", FAR_WEST, "2026-11-22"),
        ("2026-07-01T22:30:00Z", ZoneInfo("Europe/Berlin"), "2026-07-02"),  # summer time
        ("2026-12-01T22:30:00Z", ZoneInfo("Europe/Berlin"), "2026-12-01"),
    ],
)
def test_a_moment_against_a_date_counts_as_its_day_in_the_installations_zone(moment, zone, day):
    assert relations(moment, day, zone) == SAME
    assert relations(day, moment, zone) == SAME
    assert relations(moment, "2026-01-01", zone) == GREATER
    assert relations("2026-01-01", moment, zone) == LESS
    assert ground("=", moment, day) is Ground.DAYS


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        ("2026-11-22T10:00:00", "2026-11-22"),  # without a zone it is no moment
        ("2026-11-22T10:00:00", "2026-11-22T10:00:00Z"),
        ("22.11.2026", "2026-11-22"),
        ("2026-02-30", "2026-02-28"),
        ("2026-11-22", "2026"),
        (Decimal(20261122), "2026-11-22"),
    ],
)
def test_what_is_no_date_on_one_side_is_text(actual, expected):
    assert relations(actual, expected) == OTHER


def test_a_moment_without_a_day_in_the_zone_is_text():
    last_moment = "9999-12-31T23:59:59Z"

    assert relations(last_moment, "9999-12-31", FAR_WEST) == SAME
    assert relations(last_moment, "9999-12-31", FAR_EAST) == OTHER


@pytest.mark.parametrize(
    ("actual", "expected", "holding"),
    [
        (True, "yes", SAME),
        (True, "true", SAME),
        (True, " YES ", SAME),
        (True, "no", OTHER),
        (True, "1", OTHER),
        (False, "no", SAME),
        (False, "False", SAME),
        (False, "0", OTHER),
        (False, "yes", OTHER),
    ],
)
def test_yes_and_no_are_what_the_crm_sent_as_such(actual, expected, holding):
    assert relations(actual, expected) == holding
    assert ground("=", actual, expected) is Ground.YES_NO


@pytest.mark.parametrize("value", [None, "", "  ", "\u3000", (), ("", " ")])
def test_of_an_empty_field_only_is_not_and_is_empty_hold(value):
    among = "<|>|=|<=|>=|is not|contains|starts with|is one of"

    assert held(value, "", among=among) == "is not"
    assert held(value, "Gold", among=among) == "is not"
    assert held(value, "0", "9", among="between") == ""
    assert held(value, among="is empty|is not empty") == "is empty"
    assert ground("=", value, "Gold") is Ground.EMPTY


@pytest.mark.parametrize("value", ["Gold", "0", False, Decimal(0), Structure(), ("", "vip")])
def test_of_a_field_that_holds_something_is_not_empty_holds(value):
    assert held(value, among="is empty|is not empty") == "is not empty"
    assert ground("is empty", value) is Ground.NOT_EMPTY


@pytest.mark.parametrize(
    ("actual", "expected", "holding"),
    [
        ("Gold member", "member", "contains"),
        ("Gold member", "GOLD", "contains starts with"),
        ("Gold member", " gold ", "contains starts with"),
        ("Gold", "Gold member", ""),
        ("1,250", "250", "contains"),
        ("1,250", "1250", ""),  # a text operator sees the text
        (Decimal("1250.50"), "12", "contains starts with"),
        (Decimal("1E+3"), "1000", "contains starts with"),
        (Decimal("1000"), "1,000", ""),
        ("0049", "00", "contains starts with"),
        (True, "ye", "contains starts with"),
        (True, "tru", "contains starts with"),
        (False, "o", "contains"),
        (False, "yes", ""),
    ],
)
def test_contains_and_starts_with_look_at_the_text(actual, expected, holding):
    assert held(actual, expected, among="contains|starts with") == holding
    assert ground("contains", actual, expected) is Ground.TEXT


@pytest.mark.parametrize(
    ("actual", "expected", "holds"),
    [
        ("gold", ("Silver", "Gold"), True),
        ("Bronze", ("Silver", "Gold"), False),
        ("1,000", ("999", "1000.0"), True),
        ("1000", ("007", "Gold"), False),
        (True, ("maybe", "true"), True),
        ("2026-11-22T10:30:00Z", ("Gold", "2026-11-22"), True),
        (("new", "vip"), ("VIP", "gold"), True),
        (("new",), ("VIP", "gold"), False),
    ],
)
def test_one_of_holds_if_one_of_its_values_is_the_same(actual, expected, holds):
    assert compare(Operator.ONE_OF, actual, expected, UTC).holds is holds


@pytest.mark.parametrize(
    ("actual", "low", "high", "holds"),
    [
        ("1", "1", "5", True),
        ("5.00", "1", "5", True),
        ("0.99", "1", "5", False),
        ("5.01", "1", "5", False),
        ("3", "5", "1", False),
        ("$1,250", "1,000", "2,000", True),
        (Decimal(3), "1", "5", True),
        ("2026-11-22T10:30:00Z", "2026-11-22", "2026-11-22", True),
        ("2026-11-22", "2026-01-01", "2026-06-30", False),
        ("3", "1", "many", False),
        ("Gold", "1", "5", False),
        ("Gold", "gold", "GOLD", True),
        ("Gold", "Apple", "Zebra", False),
    ],
)
def test_between_includes_both_ends(actual, low, high, holds):
    assert compare(Operator.BETWEEN, actual, (low, high), UTC).holds is holds


@pytest.mark.parametrize(
    ("actual", "expected", "holding"),
    [
        (("new", "VIP "), "vip", "= contains starts with is one of"),
        (("new", "vip"), "vi", "is not contains starts with"),
        (("new", "vip"), "ip", "is not contains"),
        (("new", "vip"), "gold", "is not"),
        (("", "vip"), "gold", "is not"),
        ((Decimal(7), "x"), "7.0", "= is one of"),
        ((True,), "yes", "= contains starts with is one of"),
        ((Structure(), "vip"), "vip", "= contains starts with is one of"),
        ((Structure(),), "vip", "is not"),
    ],
)
def test_a_list_satisfies_a_text_operator_if_one_element_does(actual, expected, holding):
    among = "=|is not|contains|starts with|is one of"

    assert held(actual, expected, among=among) == holding


@pytest.mark.parametrize("values", [("5",), ("5", "5"), (Decimal(5), "7")])
def test_ordering_operators_never_hold_on_lists(values):
    assert held(values, "5", among="<|>|<=|>=") == ""
    assert compare(Operator.BETWEEN, values, ("1", "9"), UTC) == Comparison(
        False, Ground.UNORDERED_LIST
    )


def test_no_operator_reads_a_structure():
    among = "<|>|=|<=|>=|contains|starts with|is one of"

    assert held(Structure(), "a structure", among=among) == ""
    assert held(Structure(), "", "z", among="between") == ""
    assert ground("=", Structure(), "Gold") is Ground.STRUCTURE


@pytest.mark.parametrize(
    ("operator", "actual", "expected", "why"),
    [
        ("=", "Gold", "Gold", Ground.TEXT),
        ("=", "gold ", "Gold", Ground.FOLDED),
        ("<=", "gold", "Gold", Ground.FOLDED),
        ("<=", "Silver", "Gold", Ground.UNORDERED_TEXT),
        ("is not", "Silver", "Gold", Ground.TEXT),
        ("=", ("vip",), "gold", Ground.NO_ELEMENT),
        ("is not", ("vip",), "gold", Ground.NO_ELEMENT),
        ("=", ("Vip",), "vip", Ground.FOLDED),
    ],
)
def test_the_ground_says_how_it_was_compared(operator, actual, expected, why):
    assert ground(operator, actual, expected) is why


def test_a_number_is_not_written_out_beyond_all_reason():
    (text,) = readings(Decimal("-1E+1000000"))

    assert len(text) < 1000
