"""What Zendesk says about its fields, and the values of records read by it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from voiceapp.crm.answers import rows, text, unknown
from voiceapp.crm.contract import FieldValue
from voiceapp.crm.fields import Field, FieldType, read_as
from voiceapp.crm.payload import at_path

TITLE = "Zendesk"
_TYPES = {
    "text": FieldType.TEXT,
    "textarea": FieldType.TEXT,
    "regexp": FieldType.TEXT,
    "integer": FieldType.NUMBER,
    "decimal": FieldType.NUMBER,
    "date": FieldType.DATE,
    "checkbox": FieldType.YES_NO,
    "dropdown": FieldType.CHOICE,
    "tagger": FieldType.CHOICE,
    "multiselect": FieldType.CHOICES,
    "lookup": FieldType.LINK,
}
_OF_TICKETS = "custom_field_"


def _choices(*values: str) -> tuple[tuple[str, str], ...]:
    return tuple((value, value) for value in values)


_TIMES = (
    Field("created_at", "Created", FieldType.MOMENT),
    Field("updated_at", "Updated", FieldType.MOMENT),
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where Zendesk has a module: what it is called, in a search and in the plural.

    `fields` are those that all accounts have; of its own ones, an account lists those of `listed`,
    and a record has them in `holder`.
    """

    type: str
    plural: str
    listed: str
    holder: str
    fields: tuple[Field, ...]
    filter: str = ""


PLACES = {
    "Contacts": Place(
        "user",
        "users",
        "user_fields",
        "user_fields",
        (
            Field("name", "Name"),
            Field("phone", "Phone", FieldType.PHONE),
            Field("email", "Primary email"),
            Field("tags", "Tags", FieldType.CHOICES),
            Field("organization_id", "Org.", FieldType.LINK),
            Field("external_id", "External ID"),
            Field("alias", "Alias"),
            Field("details", "Details"),
            Field("notes", "Notes"),
            Field("locale", "Language"),
            Field("iana_time_zone", "Time zone"),
            Field("verified", "Verified", FieldType.YES_NO),
            Field("suspended", "Suspended", FieldType.YES_NO),
            Field("last_login_at", "Last sign-in", FieldType.MOMENT),
            *_TIMES,
        ),
        " role:end-user",
    ),
    "Accounts": Place(
        "organization",
        "organizations",
        "organization_fields",
        "organization_fields",
        (
            Field("name", "Name"),
            Field("tags", "Tags", FieldType.CHOICES),
            Field("domain_names", "Domains", FieldType.CHOICES),
            Field("group_id", "Group", FieldType.LINK),
            Field("external_id", "External ID"),
            Field("details", "Details"),
            Field("notes", "Notes"),
            *_TIMES,
        ),
    ),
    "Tickets": Place(
        "ticket",
        "tickets",
        "ticket_fields",
        "custom_fields",
        (
            Field("id", "Ticket number", FieldType.NUMBER),
            Field("subject", "Subject"),
            Field(
                "status",
                "Status",
                FieldType.CHOICE,
                _choices("new", "open", "pending", "hold", "solved", "closed"),
            ),
            Field(
                "priority",
                "Priority",
                FieldType.CHOICE,
                _choices("low", "normal", "high", "urgent"),
            ),
            Field(
                "type",
                "Type",
                FieldType.CHOICE,
                _choices("question", "incident", "problem", "task"),
            ),
            Field("tags", "Tags", FieldType.CHOICES),
            Field("group_id", "Group", FieldType.LINK),
            Field("assignee_id", "Assignee", FieldType.LINK),
            Field("organization_id", "Organization", FieldType.LINK),
            Field("external_id", "External ID"),
            Field("satisfaction_rating.score", "Satisfaction"),
            Field("due_at", "Due", FieldType.MOMENT),
            *_TIMES,
        ),
    ),
}


def place_of(module: str) -> Place:
    """Return where a module is. Raises `CrmMisconfigured` for one that there is not."""
    if module not in PLACES:
        raise unknown(TITLE, module)
    return PLACES[module]


def read_fields(place: Place, listed: Sequence[Mapping[str, FieldValue]]) -> tuple[Field, ...]:
    """Return the fields of a module: those of all accounts, then the account's own."""
    return (*place.fields, *_own(place, listed))


def _own(place: Place, listed: Sequence[Mapping[str, FieldValue]]) -> Iterator[Field]:
    taken = {field.name for field in place.fields}
    for row in listed:
        type_ = _TYPES.get(text(row.get("type")))
        if type_ is None:
            continue  # a ticket's status, say, which is among those of all accounts
        is_ticket = place.type == "ticket"
        key = f"{_OF_TICKETS}{text(row.get('id'))}" if is_ticket else text(row.get("key"))
        name = f"{place.holder}.{key}" if key in taken else key
        choices = tuple(
            (text(option.get("value")), text(option.get("name")))
            for option in rows(TITLE, row, "custom_field_options")
        )
        yield Field(name, text(row.get("title")) or key, type_, choices)


def value(
    place: Place, record: Mapping[str, FieldValue], name: str, field: Field | None
) -> FieldValue:
    """Return a field of a record as rules want it.

    Raises `CrmMisconfigured` for one that neither the module nor the record has.
    """
    own = record.get(place.holder)
    if isinstance(own, list):  # of tickets, by number
        own = {f"{_OF_TICKETS}{text(one.get('id'))}": one.get("value") for one in rows(TITLE, own)}
    if name.partition(".")[0] in record:
        sent = at_path(record, name)
    elif isinstance(own, Mapping) and name in own:
        sent = own[name]
    elif field is None:
        raise unknown(TITLE, name)
    else:
        sent = None
    if field is not None and field.type is FieldType.DATE and isinstance(sent, str):
        return sent[:10]  # it comes as midnight of that day
    return read_as(field, sent)
