"""Zendesk's search language: how numbers, digits and what belongs to people are asked for."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from voiceapp.crm.answers import text, unknown
from voiceapp.crm.contract import FieldValue, Search
from voiceapp.crm.fields import Field
from voiceapp.crm.match import Candidate
from voiceapp.crm.phone import national, spellings
from voiceapp.crm.zendesk_fields import PLACES, TITLE, Place, value

_KEYWORD = re.compile(r"[A-Za-z0-9_]+", re.ASCII)
_PUNCTUATION = re.compile(r"[^0-9A-Za-z]+", re.ASCII)
_PLAIN = re.compile(r"[0-9A-Za-z+]+", re.ASCII)
_SORTED_BY = {"created_at": "created_at", "updated_at": "updated_at"}
_TICKETS_SORTED_BY = _SORTED_BY | {
    "priority": "priority",
    "status": "status",
    "type": "ticket_type",
}


def by_number(number: str, country: str) -> str:
    """
    Return the query for the end users who have a number (E.164); alternatives repeat a keyword.

    The star takes any country code and trunk zero, for the rest there is the number as people
    write it.

    >>> query = by_number("+49301234567", "US")
    >>> query.startswith('type:user role:end-user phone:*301234567 phone:+49301234567 phone:"+49 ')
    True
    """
    written = [one for one in spellings(number, country) if not one.isdecimal()]
    phones = " ".join(f"phone:{_term(one)}" for one in written)
    return f"type:user{PLACES['Contacts'].filter} phone:*{national(number)} {phones}"


def of_people(ids: Iterable[str]) -> str:
    """
    Return the query for the tickets of some end users that are not solved yet.

    >>> of_people(["35", "36"])
    'type:ticket status<solved requester:35 requester:36'
    """
    return " ".join(["type:ticket status<solved", *(f"requester:{id_}" for id_ in ids)])


def _term(typed: str) -> str:
    return typed if _PLAIN.fullmatch(typed) else f'"{typed}"'


@dataclass(frozen=True, slots=True)
class Asked:
    """A search within a module, by what is known of the module's fields."""

    search: Search
    place: Place
    known: Mapping[str, Field]

    def by_digits(self, digits: str, name: str) -> str:
        """Return the query for the records with digits in a field; blank if there can be none.

        Punctuation is in no index. Raises `CrmMisconfigured` for a field that there is not:
        Zendesk would take it for a word.
        """
        keyword = name.rpartition(".")[2]
        if not _KEYWORD.fullmatch(keyword) or (self.known and name not in self.known):
            raise unknown(TITLE, name)
        words = _PUNCTUATION.sub(" ", digits).strip()
        return (
            f"type:{self.place.type}{self.place.filter} {keyword}:{_term(words)}" if words else ""
        )

    def params(self, query: str) -> dict[str, str]:
        """Return the parameters of a query, in the order asked for as far as Zendesk can sort."""
        order = self.search.order
        sorts = _TICKETS_SORTED_BY if "type:ticket" in query else _SORTED_BY
        by = sorts.get(order.field) if order else None
        is_upward = order is not None and by is not None and not order.is_highest
        return {
            "query": query,
            "per_page": str(self.search.limit),
            "sort_by": by or "created_at",
            "sort_order": "asc" if is_upward else "desc",
        }

    def candidate(
        self, record: Mapping[str, FieldValue], phones: Sequence[FieldValue] = ()
    ) -> Candidate:
        """Return a record that was read, with the numbers by which it may be the caller's.

        Raises `CrmMisconfigured` for a field that neither the record nor the module has.
        """
        return Candidate(
            phones=phones,
            fields={
                one: value(self.place, record, one, self.known.get(one))
                for one in self.search.needed()
            },
            created=record.get("created_at"),
            key=text(record.get("id")),
        )
