"""Queries in SOQL, the SQL of Salesforce.

Source: the SOQL and SOSL Reference, developer.salesforce.com/docs.
"""

from collections.abc import Callable, Mapping, Sequence

from voiceapp.crm.answers import name, without_phones
from voiceapp.crm.contract import Caller, KeyedDigits, Order, Search
from voiceapp.crm.fields import Field, FieldType
from voiceapp.crm.match import is_number
from voiceapp.crm.phone import beginnings, spellings

TITLE = "Salesforce"
_ESCAPED = str.maketrans(
    {"\\": r"\\", "'": r"\'", '"': r"\"", "\n": r"\n", "\r": r"\r", "\t": r"\t"}
)


def query(
    search: Search,
    object_: str,
    known: Mapping[str, Field],
    numbers: Sequence[str],
    country: str,
) -> str | None:
    """Return what asks for the records of a caller; None if there can be none.

    `numbers` are the fields for telephone numbers. Raises `CrmMisconfigured` for a name that is
    none.
    """
    where = _where(search, known, numbers, country)
    if where is None:
        return None
    if object_ == "Lead":
        where = f"({where}) AND IsConverted = false"
    needed = [name(TITLE, one) for one in search.needed()]
    wanted = dict.fromkeys(("Id", "CreatedDate", *numbers, *map(_labelled(known), needed)))
    return (
        f"SELECT {', '.join(wanted)} "  # noqa: S608  # names are checked, values are quoted
        f"FROM {object_} WHERE {where} "
        f"ORDER BY {_order(search.order)} LIMIT {search.limit}"
    )


def _labelled(known: Mapping[str, Field]) -> Callable[[str], str]:
    """Return what selects a field: of a pick list its label, under the field's own name."""

    def select(one: str) -> str:
        field = known.get(one)
        is_list = field is not None and field.type in (FieldType.CHOICE, FieldType.CHOICES)
        return f"toLabel({one})" if is_list else one

    return select


def _where(
    search: Search, known: Mapping[str, Field], numbers: Sequence[str], country: str
) -> str | None:
    match search.who:
        case Caller(number):
            if not numbers:
                raise without_phones(TITLE, search.module, known)
            tried = ", ".join(map(_quoted, spellings(number, country)))
            extended = [_quoted(f"{one}%") for one in beginnings(number, country)]
            return " OR ".join(
                test
                for one in numbers
                for test in (f"{one} IN ({tried})", *(f"{one} LIKE {like}" for like in extended))
            )
        case KeyedDigits(digits, field):
            searched = known.get(field)
            is_numeric = searched is not None and searched.type is FieldType.NUMBER
            if is_numeric and not is_number(digits):
                return None  # 0042 is no number, and 42 is not what was keyed in
            return f"{name(TITLE, field)} = {digits if is_numeric else _quoted(digits)}"


def _order(order: Order | None) -> str:
    field = name(TITLE, order.field) if order and order.field else "CreatedDate"
    return f"{field} {'DESC' if order is None or order.is_highest else 'ASC'} NULLS LAST"


def _quoted(typed: str) -> str:
    """
    Return a text as a string of SOQL.

    >>> print(_quoted("O'Hara\\n"))
    'O\\'Hara\\n'
    """
    return f"'{typed.translate(_ESCAPED)}'"
