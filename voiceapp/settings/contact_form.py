"""The form of a contact of the directory: name, numbers, and free fields in rows."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict
from wtforms import (
    FieldList,
    Form,
    FormField,
    HiddenField,
    StringField,
    TextAreaField,
    ValidationError,
)

from voiceapp.directory import check
from voiceapp.directory.numbers import SEPARATORS, findable
from voiceapp.directory.store import StoredContact
from voiceapp.models.contacts import LONGEST_NAME
from voiceapp.routing import draft
from voiceapp.routing.kinds import NOTHING_CHOSEN
from voiceapp.rules.plan import Installation
from voiceapp.settings.forms import BaseForm, Text, refuse, stripped

LONGEST_MODULE = 50
LONGEST_VALUE = 2000

_INVISIBLE = re.compile(r"[\x00-\x1f\x7f]")


def country_of(session: Session) -> str:
    """Return the country in which numbers without a country code are read."""
    stored = draft.find_key(session, Installation, "")
    installation = stored.part if stored else Installation(safe=NOTHING_CHOSEN)
    return installation.country


def _visible(text: str) -> Iterator[str]:
    if _INVISIBLE.search(text):
        yield "There is a character in it that can't be kept. Type the text anew."


class ModuleField(Text):
    """The module that contacts belong to; any name makes a new one."""

    def __init__(self, label: str, **arguments: Any) -> None:
        super().__init__(
            label,
            required="Type a module, e.g. Contacts.",
            longest=LONGEST_MODULE,
            validators=[refuse(_visible)],
            **arguments,
        )

    def spelled(self, modules: Sequence[str]) -> str:
        """Return the module, in the spelling that it has already if there is one."""
        typed = self.data or ""
        return next((one for one in modules if one.casefold() == typed.casefold()), typed)


class FreeFieldForm(Form):
    """One row: the name of a field, and its value; without a value there is no such field."""

    field = StringField("Field", filters=[stripped])
    value = Text("Value", longest=LONGEST_VALUE, validators=[refuse(_visible)])

    def validate_field(self, field: StringField) -> None:
        """Refuse a name that no field can have; a row that is all blank is none."""
        if not field.data and not self.value.data:
            return
        for sentence in check.field_faults(field.data or ""):
            raise ValidationError(sentence)
        for sentence in _visible(field.data or ""):
            raise ValidationError(sentence)


class NumbersForm(BaseForm):
    """A form with numbers in it, which are read as those of a country."""

    def __init__(
        self, country: str, formdata: MultiDict[str, str] | None = None, **data: Any
    ) -> None:
        self.country = country
        super().__init__(None, formdata, **data)


class ContactForm(NumbersForm):
    """A contact as somebody types it; `seen` is the fingerprint of what the page has shown."""

    seen = HiddenField(default="")
    name = Text(
        "Name",
        required="Type a name, e.g. Ada Gold.",
        longest=LONGEST_NAME,
        validators=[refuse(_visible)],
    )
    module = ModuleField("Module")
    phones = TextAreaField("Phone numbers", filters=[stripped])
    fields = FieldList(FormField(FreeFieldForm), "Fields")

    @staticmethod
    def values(contact: StoredContact) -> dict[str, Any]:
        """Return what stands in the fields for a contact."""
        return {
            "seen": contact.fingerprint,
            "name": contact.name,
            "phones": "\n".join(contact.phones),
            "fields": [{"field": name, "value": text} for name, text in contact.fields.items()],
        }

    def contact(self, id_: int) -> StoredContact:
        """Return the contact that a valid form describes, its numbers so that calls find them."""
        kept = (findable(number, self.country) for number in self._numbers())
        numbers = tuple(dict.fromkeys(number for number in kept if number))
        return StoredContact(id_, self.name.data or "", numbers, self._free_fields())

    def validate_phones(self, field: TextAreaField) -> None:
        """Refuse what is no number, and a contact that nothing could ever find."""
        numbers = self._numbers()
        for number in numbers:
            if findable(number, self.country) is None:
                raise ValidationError(
                    f"“{number[:40]}” is no phone number. Type it as +12025550104 for example, "
                    "and each number on a line of its own."
                )
        if check.is_lost(numbers, self._free_fields()):
            raise ValidationError(check.NOTHING_TO_FIND_IT_BY)

    def validate_fields(self, field: Any) -> None:
        """Refuse a field that stands there twice, beside the second of the two."""
        names: set[str] = set()
        for row in (entry.form for entry in field.entries if entry.form.value.data):
            name = row.field.data
            if name and name in names:
                row.field.errors = [f"The field “{name[:40]}” stands here twice. Remove one."]
                field.errors = [*field.errors, row.errors]
            names.add(name)

    def _numbers(self) -> tuple[str, ...]:
        numbers = (one.strip() for one in SEPARATORS.split(self.phones.data or ""))
        return tuple(number for number in numbers if number)

    def _free_fields(self) -> Mapping[str, str]:
        rows = (entry.form for entry in self.fields.entries)
        return {row.field.data or "": row.value.data for row in rows if row.value.data}
