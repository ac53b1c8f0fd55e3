"""What is wrong with a contact, in sentences that say what to do."""

from collections.abc import Iterator, Mapping, Sequence

from voiceapp.directory.numbers import findable
from voiceapp.models.contacts import LONGEST_FIELD, LONGEST_NAME

COLUMNS = {
    "id": "Id",
    "name": "Name",
    "phone": "Phone",
    "phones": "Phone",
    "phone number": "Phone",
    "phone numbers": "Phone",
}
"""The columns that are no free fields, by every name they go by."""


def column_of(name: str) -> str | None:
    """
    Return the column that a name stands for; None for a free field.

    >>> column_of("PHONES"), column_of("Tier")
    ('Phone', None)
    """
    return COLUMNS.get(name.casefold())


NOTHING_TO_FIND_IT_BY = "There is nothing to find it by. Add a phone number, or a field."


def is_lost(phones: Sequence[str], fields: Mapping[str, str]) -> bool:
    """Say whether nothing could ever find a contact."""
    return not phones and not any(value.strip() for value in fields.values())


def name_faults(name: str) -> Iterator[str]:
    """Say what is wrong with a contact's name."""
    if not name.strip():
        yield "There is no name. Add one."
    elif len(name.strip()) > LONGEST_NAME:
        yield f"The name is longer than {LONGEST_NAME} characters. Shorten it."
    if "\0" in name:
        yield "There is a character in the name that can't be kept. Type the name anew."


def phone_faults(phones: Sequence[str], country: str) -> Iterator[str]:
    """Say which of some numbers are none."""
    for phone in phones:
        if findable(phone, country) is None:
            yield (
                f"“{phone}” is no phone number. Type one, as +12025550104 for example, "
                "and set several apart by semicolons."
            )


def field_faults(field: str) -> Iterator[str]:
    """Say what is wrong with the name of a free field."""
    if not field.strip():
        yield "A field has no name. Give it one."
    elif len(field) > LONGEST_FIELD:
        yield (
            f"The name of the field “{field[:30]}…” is longer than {LONGEST_FIELD} characters. "
            "Shorten it."
        )
    elif column_of(field.strip()):
        yield f"“{field}” is not free to be the name of a field. Choose another."
    if "\0" in field:
        yield "There is a character in the name of a field that can't be kept. Type it anew."
