"""Values of conditions that a field of a CRM, as the CRM describes it, will never have."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC

from voiceapp.crm.fields import Field, FieldType
from voiceapp.rules.operators import ORDERING, Operator, compare
from voiceapp.rules.rule import Condition
from voiceapp.rules.values import Scalar, read_date, read_instant, read_number

_WHOLE = (Operator.EQUAL, Operator.IS_NOT, Operator.ONE_OF)
"""The operators that ask for the whole value."""
_MEASURING = ORDERING.union(_WHOLE)
"""The operators that compare numbers and dates as such: other ones look at what they begin with."""
_MOST_TOLD = 6


@dataclass(frozen=True, slots=True)
class _Limit:
    """What a type of field can be compared with by some operators, and how to say it can't."""

    operators: Collection[Operator]
    allows: Callable[[Field, str], bool]
    sentence: str


def _is_number(field: Field, value: str) -> bool:
    return read_number(value) is not None


def _is_time(field: Field, value: str) -> bool:
    return read_date(value) is not None or read_instant(value) is not None


def _is_yes_or_no(field: Field, value: str) -> bool:
    return _is_same(value, (True, False))


def _is_listed(field: Field, value: str) -> bool:
    labels = [label for _, label in field.choices]
    return not labels or _is_same(value, labels)


def _is_same(value: str, ours: Iterable[Scalar]) -> bool:
    """Say whether a call would find one of the values the same as what was typed."""
    return any(compare(Operator.EQUAL, one, (value,), UTC).holds for one in ours)


_LIST = _Limit(_WHOLE, _is_listed, "The list of {field} has no {values}.")
_TIME = _Limit(
    _MEASURING,
    _is_time,
    "{field} is a date, and can't be compared with {values}: dates are typed like 2026-11-22.",
)
_LIMITS: Mapping[FieldType, _Limit] = {
    FieldType.NUMBER: _Limit(
        _MEASURING, _is_number, "{field} is a number, and can't be compared with {values}."
    ),
    FieldType.DATE: _TIME,
    FieldType.MOMENT: _TIME,
    FieldType.YES_NO: _Limit(_WHOLE, _is_yes_or_no, "{field} is yes or no, and can't be {values}."),
    FieldType.CHOICE: _LIST,
    FieldType.CHOICES: _LIST,
}
"""The types that not every value fits; what is missing here can be compared with anything."""


def misfits(conditions: Iterable[Condition], fields: Mapping[str, Field]) -> Iterator[str]:
    """
    Say which values of conditions don't fit a field, given as it is in each of several modules.

    A value that fits in one of the modules is right: a rule has one list of conditions for all.

    >>> from voiceapp.rules.rule import Destination, DestinationKind
    >>> lead = Condition(Operator.EQUAL, ("Gould",), Destination(DestinationKind.HANGUP))
    >>> tier = Field("tier", "Tier", FieldType.CHOICE, (("1", "Gold"),))
    >>> list(misfits([lead], {"Contacts": tier}))
    ['The list of tier in Contacts has no “Gould”.']
    """
    values = [(one.operator, value) for one in conditions for value in one.values]
    wrong = dict.fromkeys(
        value
        for operator, value in values
        if not any(_fits(field, operator, value) for field in fields.values())
    )
    if not wrong:
        return
    for module, field in fields.items():
        yield _LIMITS[field.type].sentence.format(
            field=f"{field.name} in {module}", values=_quoted(tuple(wrong))
        )


def _fits(field: Field, operator: Operator, value: str) -> bool:
    limit = _LIMITS.get(field.type)
    return limit is None or operator not in limit.operators or limit.allows(field, value)


def _quoted(values: tuple[str, ...]) -> str:
    more = len(values) - _MOST_TOLD
    told = ", ".join(f"“{value}”" for value in values[:_MOST_TOLD])
    return f"{told} and {more} more" if more > 0 else told
