"""Questions to Bullhorn's index: a query as Lucene reads it, the fields wanted, their order.

Sources: the reference of the REST API, bullhorn.github.io/rest-api-docs (Search); what Bullhorn's
own dataloader sends, github.com/bullhorn/dataloader; "Apache Lucene: Query Parser Syntax".
"""

from collections.abc import Mapping, Sequence
from typing import Any

from voiceapp.crm.answers import name
from voiceapp.crm.bullhorn_session import TITLE
from voiceapp.crm.contract import Caller, KeyedDigits, Order, Search
from voiceapp.crm.fields import Field, FieldType
from voiceapp.crm.match import is_number
from voiceapp.crm.phone import spellings

_THERE, _IN_USE = "isDeleted:0", 'NOT status:"Archive"'
_CURRENT = {
    "ClientContact": (_THERE, _IN_USE),
    "Lead": (_THERE, _IN_USE, 'NOT status:"Converted"'),
    "ClientCorporation": (_IN_USE,),  # has no isDeleted, and asking for it would find nothing
    "Candidate": (_THERE, _IN_USE),
}


def lucene(
    entity: str,
    search: Search,
    known: Mapping[str, Field],
    numbers: Sequence[str],
    country: str,
) -> str:
    """Return the query for whoever is looked for, among the records that are in use."""
    current = _CURRENT.get(entity, (_THERE,) if "isDeleted" in known else ())
    return " AND ".join((f"({_where(search, known, numbers, country)})", *current))


def _where(search: Search, known: Mapping[str, Field], numbers: Sequence[str], country: str) -> str:
    match search.who:
        case Caller(number):
            tried = spellings(number, country)
            return " OR ".join(f"{one}:{_term(spelling)}" for one in numbers for spelling in tried)
        case KeyedDigits(digits, field):
            term = digits if _is_number(known, field) else _quoted(digits)
            return f"{name(TITLE, field)}:{term}"


def _term(spelling: str) -> str:
    """Return a number as a term: the index has it as bare digits, or as words of them."""
    return spelling if spelling.isdecimal() else _quoted(spelling)


def _quoted(typed: str) -> str:
    r"""
    Return a text as a phrase, in which two characters only mean something else than themselves.

    >>> print(_quoted('1" OR id:*\\'))
    "1\" OR id:*\\"
    """
    escaped = typed.replace("\\", r"\\").replace('"', r"\"")
    return f'"{escaped}"'


def _is_number(known: Mapping[str, Field], name: str) -> bool:
    return name in known and known[name].type is FieldType.NUMBER


def is_no_number(search: Search, known: Mapping[str, Field]) -> bool:
    """Say whether digits can't be what a number field holds: 0042 is not how 42 is written."""
    if not isinstance(search.who, KeyedDigits) or not _is_number(known, search.who.field):
        return False
    return not is_number(search.who.digits)


def sort(order: Order | None) -> str:
    """Return by what the records are sorted: the newest first, if nothing else is wanted."""
    field = name(TITLE, order.field) if order and order.field else "dateAdded"
    return f"-{field}" if order is None or order.is_highest else field


def selected(names: Sequence[str]) -> str:
    """
    Return names as Bullhorn selects them, those within a record in parentheses behind it.

    >>> selected(("id", "address.city", "owner.id", "address.zip"))
    'id,address(city,zip),owner(id)'
    """
    tree: dict[str, Any] = {}
    for one in names:
        node = tree
        for step in one.split("."):
            node = node.setdefault(step, {})
    return _written(tree)


def _written(tree: Mapping[str, Any]) -> str:
    return ",".join(f"{one}({_written(within)})" if within else one for one, within in tree.items())
