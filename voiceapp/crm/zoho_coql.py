"""Queries in COQL, the SQL of Zoho CRM.

Sources: zoho.com/crm/developer/docs/api/v8 (COQL and its limitations), Kaizen 171 (quotes, words
of SQL, brackets) and 183 (a hundred values in a list) in Zoho's developer community.
"""

from collections.abc import Mapping, Sequence
from functools import reduce

from voiceapp.crm.answers import name, without_phones
from voiceapp.crm.contract import Caller, KeyedDigits, Order, Search
from voiceapp.crm.fields import Field, FieldType
from voiceapp.crm.match import is_number
from voiceapp.crm.phone import spellings

TITLE = "Zoho CRM"
_SQL = (
    "action authorization case catalog character check column condition connection constraint "
    "count current date day default desc domain end exception external first found global group "
    "hour identity index input key language last left level limit local match max min minute "
    "module month names national next number offset open option order output position prior "
    "privileges procedure public range rank read right row rows schema second section session set "
    "size space start sum system table temporary time timestamp transaction translation unique "
    "unknown usage user value values view work year zone"
)
_RESERVED = frozenset(_SQL.split())
"""Words of SQL that may be names of fields; COQL takes them for one within quotes only."""


def query(
    search: Search, known: Mapping[str, Field], numbers: Sequence[str], country: str
) -> str | None:
    """Return what asks for the records of a caller; None if there can be none.

    `numbers` are the fields for telephone numbers. Raises `CrmMisconfigured` for a name that is
    none.
    """
    where = _where(search, known, numbers, country)
    if where is None:
        return None
    wanted = dict.fromkeys(("id", "Created_Time", *numbers, *search.needed()))
    return (
        f"select {', '.join(map(_column, wanted))} "  # noqa: S608  # names checked, values quoted
        f"from {name(TITLE, search.module)} where {where} "
        f"order by {_order(search.order)} limit {search.limit}"
    )


def _where(
    search: Search, known: Mapping[str, Field], numbers: Sequence[str], country: str
) -> str | None:
    match search.who:
        case Caller(number):
            if not numbers:
                raise without_phones(TITLE, search.module, known)
            tried = ", ".join(map(_quoted, spellings(number, country)))
            tests = [f"{_column(one)} in ({tried})" for one in numbers]
            where = reduce(lambda left, right: f"({left} or {right})", tests)  # in pairs, always
        case KeyedDigits(digits, field):
            searched = known.get(field)
            is_numeric = searched is not None and searched.type is FieldType.NUMBER
            if is_numeric and not is_number(digits):
                return None  # 0042 is no number, and 42 is not what was keyed in
            where = f"{_column(field)} = {digits if is_numeric else _quoted(digits)}"
    tells_converted = not known or "Converted__s" in known
    if search.module == "Leads" and tells_converted:
        return f"({where} and Converted__s = 'false')"
    return where


def _order(order: Order | None) -> str:
    field = _column(order.field) if order and order.field else "Created_Time"
    return f"{field} {'desc' if order is None or order.is_highest else 'asc'}"


def _column(typed: str) -> str:
    """
    Return the name of a field as COQL takes it.

    >>> _column("Account_Name.Industry"), _column("Group")
    ('Account_Name.Industry', "'Group'")
    """
    checked = name(TITLE, typed)
    return f"'{checked}'" if _RESERVED & set(checked.lower().split(".")) else checked


def _quoted(typed: str) -> str:
    r"""
    Return a text as a string of COQL, where a quote within is written twice.

    A backslash is, too. Zoho says nothing of it: so it ends no string, whatever it may mean.

    >>> print(_quoted("O'Hara"), _quoted("\\"))
    'O''Hara' '\\'
    """
    return "'" + typed.replace("\\", "\\\\").replace("'", "''") + "'"
