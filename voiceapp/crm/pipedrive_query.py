"""What Pipedrive is asked for: where a module is, which of its fields, in which order."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from voiceapp.crm.answers import rows, text, unknown
from voiceapp.crm.contract import FieldValue, Order, Search
from voiceapp.crm.fields import Field, FieldType
from voiceapp.crm.match import Candidate
from voiceapp.crm.pipedrive_fields import TITLE, has_field, head_of, is_custom, value

_OPTIONAL = re.compile(
    r"(next|last)_activity_id|last_(incoming|outgoing)_mail_time|first_won_time"
    r"|(\w+_)?(deals|activities|messages|people|products|files|notes|followers)_count"
    r"|marketing_status|doi_status|smart_bcc_email",
    re.ASCII,
)
"""Fields that version 2 sends only when it is told to include them."""
_MOST_CUSTOM = 15
_SORTED_BY = ("add_time", "update_time", "id")


@dataclass(frozen=True, slots=True)
class Place:
    """Where Pipedrive has a module: what it is, the paths of its records and of its fields.

    `names` are the fields that hold ids, each with the path of the list that has their names.
    `is_numbered` says whether records have telephone numbers, or else a person who does.
    """

    entity: str
    path: str
    fields: str
    names: Mapping[str, str]
    is_numbered: bool = False


_OWNER = {"owner_id": "/api/v1/users"}
PLACES = {
    "Contacts": Place("person", "/api/v2/persons", "/api/v2/personFields", _OWNER, True),
    "Leads": Place(
        "lead", "/api/v1/leads", "/api/v2/dealFields", _OWNER | {"label_ids": "/api/v1/leadLabels"}
    ),
    "Accounts": Place(
        "organization", "/api/v2/organizations", "/api/v2/organizationFields", _OWNER, True
    ),
    "Deals": Place(
        "deal",
        "/api/v2/deals",
        "/api/v2/dealFields",
        _OWNER | {"pipeline_id": "/api/v2/pipelines", "stage_id": "/api/v2/stages"},
    ),
}


def place_of(module: str) -> Place:
    """Return where a module is. Raises `CrmMisconfigured` for one that there is not."""
    if module not in PLACES:
        raise unknown(TITLE, module)
    return PLACES[module]


@dataclass(frozen=True, slots=True)
class Asked:
    """A search within a module, by what is known of the module's fields."""

    search: Search
    place: Place
    known: Mapping[str, Field]

    def refuse_unknown(self) -> None:
        """Raise `CrmMisconfigured` if a field is not there that the company would have added."""
        for one in self.search.needed() if self.known else ():
            if is_custom(head_of(one)) and head_of(one) not in self.known:
                raise unknown(TITLE, one)

    def phones(self) -> list[str]:
        """Return the telephone fields that the company added."""
        return [
            one.name
            for one in self.known.values()
            if self.place.is_numbered and one.type is FieldType.PHONE and is_custom(one.name)
        ]

    def read(self) -> dict[str, str]:
        """Return the parameters that have version 2 send what is needed, and no more."""
        needed = self.search.needed()
        custom = dict.fromkeys(filter(is_custom, map(head_of, (*needed, *self.phones()))))
        params = {"limit": str(self.search.limit)}
        if 0 < len(custom) <= _MOST_CUSTOM:  # with more it has to send them all
            params["custom_fields"] = ",".join(custom)
        optional = [one for one in needed if _OPTIONAL.fullmatch(one)]
        if optional:
            params["include_fields"] = ",".join(optional)
        return params

    def of_person(self, person: str) -> dict[str, str]:
        """Return the parameters that have it send what belongs to a person, newest first."""
        by, way = _order(self.search.order)
        if self.place.entity == "lead":
            return {
                "person_id": person,
                "limit": str(self.search.limit),
                "sort": f"{by} {way.upper()}",
            }
        return self.read() | {"person_id": person, "sort_by": by, "sort_direction": way}

    def candidate(
        self, record: Mapping[str, FieldValue], phones: Sequence[FieldValue]
    ) -> Candidate:
        """Return a record that was read, with the numbers by which it may be the caller's.

        Raises `CrmMisconfigured` for a field that neither the record nor the module has.
        """
        needed = self.search.needed()
        for one in needed:
            head = head_of(one)
            if not (is_custom(head) or head in self.known or has_field(record, head)):
                raise unknown(TITLE, one)
        return Candidate(
            phones=[*phones, *(value(record, one) for one in self.phones())],
            fields={one: value(record, one, self.known.get(one)) for one in needed},
            created=record.get("add_time"),
            key=text(record.get("id")),
        )


def _order(order: Order | None) -> tuple[str, str]:
    """Return by what records are sorted, as far as Pipedrive can: by when they were made."""
    if order is None or order.field not in _SORTED_BY:
        return _SORTED_BY[0], "desc"
    return order.field, "desc" if order.is_highest else "asc"


def numbers_of(record: Mapping[str, FieldValue]) -> list[FieldValue]:
    """Return a person's telephone numbers, as a search sends them or as the record has them."""
    phones = value(record, "phones")
    return list(phones) if isinstance(phones, list) else []


def live(payload: FieldValue) -> list[Mapping[str, FieldValue]]:
    """Return the records of an answer, without those deleted or archived."""
    listed = rows(TITLE, payload, "data")
    return [row for row in listed if True not in (row.get("is_deleted"), row.get("is_archived"))]
