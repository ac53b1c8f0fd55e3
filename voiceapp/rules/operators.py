"""The operators of a condition: what each asks of a value, and whether it held."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo
from decimal import Decimal
from enum import StrEnum

from voiceapp.rules.relation import Ground, Relation, readings, relate
from voiceapp.rules.values import Scalar, Structure, Value, fold, is_empty


class Operator(StrEnum):
    """How a condition compares the CRM's value with its own, in the order they are offered."""

    LESS = "<"
    GREATER = ">"
    EQUAL = "="
    AT_MOST = "<="
    AT_LEAST = ">="
    IS_NOT = "is not"
    CONTAINS = "contains"
    STARTS_WITH = "starts with"
    ONE_OF = "is one of"
    BETWEEN = "between"
    EMPTY = "is empty"
    NOT_EMPTY = "is not empty"


OPERANDS: dict[Operator, tuple[int, int | None]] = {
    **dict.fromkeys(Operator, (1, 1)),
    Operator.ONE_OF: (1, None),
    Operator.BETWEEN: (2, 2),
    Operator.EMPTY: (0, 0),
    Operator.NOT_EMPTY: (0, 0),
}
"""How many values an operator takes: at least, at most (None: as many as one likes)."""

ORDERING = frozenset(
    {Operator.LESS, Operator.GREATER, Operator.AT_MOST, Operator.AT_LEAST, Operator.BETWEEN}
)
"""The operators that ask for an order, which lists never have."""

_RELATION_TESTS: dict[Operator, Callable[[Relation], bool]] = {
    Operator.LESS: lambda relation: relation.order == -1,
    Operator.GREATER: lambda relation: relation.order == 1,
    Operator.EQUAL: lambda relation: relation.same,
    Operator.AT_MOST: lambda relation: relation.same or relation.order == -1,
    Operator.AT_LEAST: lambda relation: relation.same or relation.order == 1,
    Operator.IS_NOT: lambda relation: not relation.same,
}
_TEXT_TESTS: dict[Operator, Callable[[str, str], bool]] = {
    Operator.CONTAINS: lambda actual, expected: expected in actual,
    Operator.STARTS_WITH: str.startswith,
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Whether an operator held, and on what grounds."""

    holds: bool
    ground: Ground


def compare(
    operator: Operator, actual: Value, expected: tuple[str, ...], zone: tzinfo
) -> Comparison:
    """
    Compare what the CRM sent with what the admin typed; bad data does not hold, with a reason.

    `expected` has as many values as `OPERANDS` says; `zone` is the installation's time zone,
    by whose days date-times are compared with plain dates.

    >>> from datetime import UTC
    >>> compare(Operator.AT_LEAST, "1,250.00", ("1000",), UTC).holds
    True
    >>> compare(Operator.LESS, "Gold", ("Silver",), UTC).ground.value
    'text has no larger and smaller'
    """
    if is_empty(actual):
        return Comparison(operator in (Operator.IS_NOT, Operator.EMPTY), Ground.EMPTY)
    if operator in (Operator.EMPTY, Operator.NOT_EMPTY):
        return Comparison(operator is Operator.NOT_EMPTY, Ground.NOT_EMPTY)
    if isinstance(actual, tuple):
        return _compare_list(operator, actual, expected, zone)
    if actual is None or isinstance(actual, Structure):
        return Comparison(False, Ground.STRUCTURE)
    return _compare_scalar(operator, actual, expected, zone)


def _compare_list(
    operator: Operator, actual: tuple[Scalar, ...], expected: tuple[str, ...], zone: tzinfo
) -> Comparison:
    if operator in ORDERING:
        return Comparison(False, Ground.UNORDERED_LIST)
    if operator is Operator.IS_NOT:
        same = _compare_list(Operator.EQUAL, actual, expected, zone)
        return Comparison(not same.holds, same.ground)
    each = (compare(operator, element, expected, zone) for element in actual)
    return next((one for one in each if one.holds), Comparison(False, Ground.NO_ELEMENT))


def _compare_scalar(
    operator: Operator, actual: str | bool | Decimal, expected: tuple[str, ...], zone: tzinfo
) -> Comparison:
    match operator:
        case Operator.BETWEEN:
            low = _compare_one(Operator.AT_LEAST, actual, expected[0], zone)
            high = _compare_one(Operator.AT_MOST, actual, expected[1], zone)
            return high if low.holds else low
        case Operator.ONE_OF:
            each = [_compare_one(Operator.EQUAL, actual, one, zone) for one in expected]
            return next((one for one in each if one.holds), each[-1])
        case _:
            return _compare_one(operator, actual, expected[0], zone)


def _compare_one(
    operator: Operator, actual: str | bool | Decimal, expected: str, zone: tzinfo
) -> Comparison:
    if operator in _TEXT_TESTS:
        holds = any(_TEXT_TESTS[operator](text, fold(expected)) for text in readings(actual))
        return Comparison(holds, Ground.TEXT)
    relation = relate(actual, expected, zone)
    holds = _RELATION_TESTS[operator](relation)
    if relation.order is None and operator in ORDERING and not holds:
        is_yes_no = isinstance(actual, bool)
        return Comparison(False, Ground.UNORDERED_YES_NO if is_yes_no else Ground.UNORDERED_TEXT)
    return Comparison(holds, relation.ground)
