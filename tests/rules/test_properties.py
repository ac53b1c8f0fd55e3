"""What holds for every rule and every value, whatever a CRM may send."""

from decimal import Decimal
from zoneinfo import ZoneInfo

from hypothesis import example, given
from hypothesis import strategies as st

from voiceapp.rules.decide import Found, decide
from voiceapp.rules.explain import reasons
from voiceapp.rules.operators import OPERANDS, Operator, compare
from voiceapp.rules.rule import (
    Condition,
    Destination,
    DestinationKind,
    Location,
    Outcome,
    Rule,
)
from voiceapp.rules.values import Structure, read_number

UTC = ZoneInfo("UTC")

_zones = st.sampled_from(["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Europe/Dublin"])
_any_text = st.text(st.characters())  # lone surrogates and unassigned characters included
_numbers = (
    st.decimals(allow_nan=False, allow_infinity=False, places=2).map(str)
    | st.integers().map("{:,}".format)
    | st.tuples(st.integers(0, 10**9), st.sampled_from("$£€")).map(lambda one: f"{one[1]} {one[0]}")
)
_times = st.datetimes(timezones=st.timezones()).map(str) | st.dates().map(str)
_lookalikes = st.from_regex(r"[+-]?[$€]?\d{0,4}(,\d{2,3})?([.]\d*)?(e\d)?", fullmatch=True)
_texts = _any_text | _numbers | _times | _lookalikes | st.sampled_from(["yes", "FALSE", "Gold "])
_decimals = st.decimals(allow_nan=False, allow_infinity=False) | st.builds(
    Decimal.scaleb, st.decimals(-10, 10, places=3), st.integers(-9999, 9999)
)
_scalars = _texts | st.booleans() | _decimals
_elements = _scalars | st.builds(Structure)
_values = st.none() | _elements | st.lists(_elements, max_size=4).map(tuple)

_operands = {
    operator: st.lists(_texts, min_size=least, max_size=most or 4).map(tuple)
    for operator, (least, most) in OPERANDS.items()
}
_conditions = st.sampled_from(Operator).flatmap(
    lambda operator: st.builds(
        Condition,
        st.just(operator),
        _operands[operator],
        st.builds(Destination, st.just(DestinationKind.QUEUE), _any_text),
    )
)


def holds(operator, actual, *expected, zone=UTC):
    return compare(operator, actual, expected, zone).holds


def is_number(value):
    return isinstance(value, Decimal) or read_number(value) is not None


@given(_numbers | _decimals, _numbers)
def test_of_two_numbers_either_less_or_at_least_holds(actual, expected):
    assert is_number(actual)
    assert holds(Operator.LESS, actual, expected) is not holds(Operator.AT_LEAST, actual, expected)


@given(_numbers | _decimals, _numbers)
def test_of_two_numbers_either_greater_or_at_most_holds(actual, expected):
    assert holds(Operator.GREATER, actual, expected) is not holds(
        Operator.AT_MOST, actual, expected
    )


@given(_numbers, _numbers)
def test_what_is_less_one_way_is_greater_the_other_way(one, other):
    assert holds(Operator.LESS, one, other) is holds(Operator.GREATER, other, one)


@given(_scalars, _texts)
@example(None, "Gold")
@example("", "Gold")
def test_either_equal_or_is_not_holds(actual, expected):
    assert holds(Operator.EQUAL, actual, expected) is not holds(Operator.IS_NOT, actual, expected)


@given(_scalars, _texts)
def test_at_most_and_at_least_both_hold_only_on_what_is_equal(actual, expected):
    both = holds(Operator.AT_MOST, actual, expected) and holds(Operator.AT_LEAST, actual, expected)

    assert both is holds(Operator.EQUAL, actual, expected)


@given(_texts)
def test_every_text_equals_itself_unless_it_is_empty(text):
    assert holds(Operator.EQUAL, text, text) is holds(Operator.NOT_EMPTY, text)


@given(_values, _texts, _texts, _zones.map(ZoneInfo))
def test_between_is_at_least_and_at_most(actual, low, high, zone):
    both = holds(Operator.AT_LEAST, actual, low, zone=zone) and holds(
        Operator.AT_MOST, actual, high, zone=zone
    )

    assert holds(Operator.BETWEEN, actual, low, high, zone=zone) is both


@given(_values, st.lists(_texts, min_size=1, max_size=4))
def test_one_of_is_equal_to_any(actual, expected):
    equal = [holds(Operator.EQUAL, actual, one) for one in expected]

    assert holds(Operator.ONE_OF, actual, *expected) is any(equal)


@given(_values)
def test_a_value_is_either_empty_or_not(actual):
    assert holds(Operator.EMPTY, actual) is not holds(Operator.NOT_EMPTY, actual)


@given(_values, st.lists(_conditions, max_size=6).map(tuple), _zones.map(ZoneInfo))
@example("0001-01-01T00:00:00+14:00", (), UTC)
@example(Decimal("1E+9999"), (), UTC)
def test_whatever_the_crm_sends_the_first_condition_that_holds_wins(value, conditions, zone):
    outcomes = dict.fromkeys(Outcome, Destination(DestinationKind.HANGUP))
    rule = Rule("any", Location.DID, "directory", "Contacts", "Tier", conditions, outcomes)
    holding = [one for one in conditions if compare(one.operator, value, one.values, zone).holds]

    verdict = decide(rule, Found(value), zone)

    first = holding[0] if holding else None
    assert verdict.condition == first
    assert verdict.destination == (
        first.destination if first else Destination(DestinationKind.HANGUP)
    )
    assert len(verdict.tried) == (conditions.index(first) + 1 if first else len(conditions))
    assert all(isinstance(sentence, str) for sentence in reasons(verdict))
