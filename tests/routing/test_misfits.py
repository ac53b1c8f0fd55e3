"""Values that a field will never have: none that a call might still find is called wrong."""

import pytest

from voiceapp.crm.fields import Field, FieldType
from voiceapp.routing.misfits import misfits
from voiceapp.rules.operators import OPERANDS, ORDERING, Operator
from voiceapp.rules.rule import Condition, Destination, DestinationKind

TIERS = (("1", "Gold"), ("2", "Hot Prospect"), ("3", "10"), ("4", "Zoë"))
WHOLE = {Operator.EQUAL, Operator.IS_NOT, Operator.ONE_OF}


def told(operator: str, *values: str, **fields: Field) -> list[str]:
    condition = Condition(Operator(operator), values, Destination(DestinationKind.HANGUP))
    return list(misfits([condition], fields))


def field(type_: FieldType, *choices: tuple[str, str]) -> Field:
    return Field("f", "F", type_, choices)


TIER = field(FieldType.CHOICE, *TIERS)


@pytest.mark.parametrize("type_", [FieldType.CHOICE, FieldType.CHOICES])
@pytest.mark.parametrize(
    ("value", "is_right"),
    [
        ("Gold", True),
        (" gOLD ", True),
        ("ＧＯＬＤ", True),
        ("hot prospect", True),
        ("10.0", True),
        ("Zoe\u0308", True),
        ("Gould", False),
        ("1", False),
        ("Hot", False),
    ],
)
def test_a_value_of_a_list_is_compared_as_in_a_call(type_, value, is_right):
    sentences = told("=", value, Contacts=field(type_, *TIERS))

    assert sentences == ([] if is_right else [f"The list of f in Contacts has no “{value}”."])


def test_all_that_is_on_no_list_is_told_at_once():
    sentence = "The list of f in Contacts has no “Gould”, “Silber”."

    assert told("is one of", "Gould", "Gold", "Silber", "Gould", Contacts=TIER) == [sentence]


def test_of_very_many_some_are_told():
    [sentence] = told("is one of", *map(chr, range(97, 117)), Contacts=TIER)

    assert sentence == "The list of f in Contacts has no “a”, “b”, “c”, “d”, “e”, “f” and 14 more."


@pytest.mark.parametrize(
    ("value", "is_right"),
    [("yes", True), (" TRUE", True), ("No", True), ("false", True), ("y", False), ("1", False)],
)
def test_a_yes_no_field_is_one_of_both(value, is_right):
    sentences = told("=", value, Contacts=field(FieldType.YES_NO))

    sentence = f"f in Contacts is yes or no, and can't be “{value}”."
    assert sentences == ([] if is_right else [sentence])


@pytest.mark.parametrize("operator", sorted({*ORDERING, *WHOLE} - {Operator.BETWEEN}))
@pytest.mark.parametrize(
    ("type_", "value", "is_right"),
    [
        (FieldType.NUMBER, "$1,250.00", True),
        (FieldType.NUMBER, "many", False),
        (FieldType.NUMBER, " -5 €", True),
        (FieldType.NUMBER, "0.50", True),
        (FieldType.NUMBER, "2026-11-22", False),
        (FieldType.DATE, "2026-11-22", True),
        (FieldType.DATE, "2026-11-22T10:00Z", True),
        (FieldType.DATE, "22.11.2026", False),
        (FieldType.MOMENT, " 2026-11-22", True),
        (FieldType.MOMENT, "5", False),
    ],
)
def test_what_is_compared_with_a_number_or_a_date_has_to_be_of_the_kind(
    operator, type_, value, is_right
):
    sentences = told(operator, value, Contacts=field(type_))

    assert len(sentences) == (not is_right)
    assert all(f"can't be compared with “{value}”" in one for one in sentences)


def test_both_ends_of_a_range_have_to_be_numbers():
    assert told("between", "1", "many", Contacts=field(FieldType.NUMBER)) == [
        "f in Contacts is a number, and can't be compared with “many”."
    ]


def test_a_date_says_how_it_is_typed():
    assert told("<", "soon", Contacts=field(FieldType.DATE)) == [
        "f in Contacts is a date, and can't be compared with “soon”: dates are typed like "
        "2026-11-22."
    ]


@pytest.mark.parametrize("operator", Operator)
@pytest.mark.parametrize("type_", FieldType)
def test_operators_that_make_no_sense_of_a_limit_are_free(operator, type_):
    measuring = ORDERING.union(WHOLE)
    limited = {
        **dict.fromkeys((FieldType.CHOICE, FieldType.CHOICES, FieldType.YES_NO), WHOLE),
        **dict.fromkeys((FieldType.NUMBER, FieldType.DATE, FieldType.MOMENT), measuring),
    }

    sentences = told(operator, *["?"] * OPERANDS[operator][0], Contacts=field(type_, *TIERS))

    assert bool(sentences) is (operator in limited.get(type_, ()))


@pytest.mark.parametrize("type_", [FieldType.CHOICE, FieldType.CHOICES])
def test_a_list_that_the_crm_keeps_to_itself_has_everything(type_):
    assert told("=", "Gould", Contacts=field(type_)) == []


def test_a_value_has_to_fit_in_one_of_the_modules_only():
    stage = field(FieldType.CHOICE, ("a", "Cold"))

    assert told("=", "Cold", Contacts=TIER, Leads=stage) == []
    assert told("=", "Cold", Contacts=TIER, Leads=field(FieldType.TEXT)) == []
    assert told("=", "Warm", Contacts=TIER, Leads=stage) == [
        "The list of f in Contacts has no “Warm”.",
        "The list of f in Leads has no “Warm”.",
    ]


def test_where_no_module_has_the_field_nothing_is_said_of_values():
    assert told("=", "Warm") == []
