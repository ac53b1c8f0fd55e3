"""What all forms of the settings pages have in common.

Forgery is refused at the door of the pages, not in each form.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from werkzeug.datastructures import MultiDict
from wtforms import Field, Form, HiddenField, StringField, ValidationError
from wtforms.meta import DefaultMeta
from wtforms.validators import DataRequired, Length, StopValidation

from voiceapp.rules.uses import Part
from voiceapp.settings.offer import Offer

P = TypeVar("P", bound=Part)
_FORM_ID = re.compile("[0-9a-f]{32}")


def stripped(text: str | None) -> str:
    """Return a text without blanks around it, blank for none."""
    return (text or "").strip()


def read_version(text: str | None) -> int:
    """Return the version that a page was shown with; -1 for what is none."""
    return int(text) if text and text.isdecimal() and len(text) < 10 else -1


def is_form_id(text: str | None) -> bool:
    """Say whether a text is what we tell one form on somebody's screen from another by."""
    return bool(_FORM_ID.fullmatch(text or ""))


class Text(StringField):
    """A line of text, without blanks around it; `required` is what to type, as a sentence."""

    def __init__(
        self, label: str, *, required: str = "", longest: int = 200, **arguments: Any
    ) -> None:
        validators: list[Callable[..., None]] = [DataRequired(required)] if required else []
        validators.append(Length(max=longest, message=f"Use at most {longest} characters."))
        validators.append(_refuse_nul)
        filters = [stripped, *arguments.pop("filters", [])]
        super().__init__(
            label, [*validators, *arguments.pop("validators", [])], filters, **arguments
        )


def _refuse_nul(form: Form, field: Field) -> None:
    if "\0" in (field.data or ""):
        raise StopValidation("There is a character in it that can't be kept. Type it anew.")


def refuse(faults: Callable[[str], Iterable[str]]) -> Callable[[Form, Field], None]:
    """Return a validator that says the first of the faults found in a text."""

    def validate(form: Form, field: Field) -> None:
        for sentence in faults(field.data or ""):
            raise ValidationError(sentence.rpartition(": ")[2])

    return validate


class Sentences:
    """What WTForms says by itself, in our words."""

    _OURS: ClassVar[Mapping[str, str]] = {"Not a valid choice.": "Choose one of the list."}

    def gettext(self, text: str) -> str:
        """Return our words for a text of WTForms."""
        return self._OURS.get(text, text)

    def ngettext(self, singular: str, plural: str, number: int) -> str:
        """Return our words for a text of WTForms that depends on a number."""
        return self.gettext(singular if number == 1 else plural)


class BaseForm(Form):
    """A form whose pick-lists come from an `Offer`; `meta` is what its fields find in theirs.

    `order` are the fields that a page shows first, where that is not the order they are made in.
    """

    order: ClassVar[Sequence[str]] = ()

    class Meta(DefaultMeta):
        """How WTForms speaks."""

        def get_translations(self, form: Any) -> Sentences:
            """Return our words."""
            return Sentences()

    def __init__(
        self,
        offer: Offer | None = None,
        formdata: MultiDict[str, str] | None = None,
        meta: Mapping[str, Any] | None = None,
        **data: Any,
    ) -> None:
        super().__init__(formdata, meta={"offer": offer, **(meta or {})}, **data)

    def messages(self) -> list[tuple[str, str]]:
        """Return every error, each with the id of the field it stands under."""
        first = [self[name] for name in self.order]
        others = [field for field in self if field.short_name not in self.order]
        return [message for field in (*first, *others) for message in _messages(field)]


def _messages(field: Field) -> Iterator[tuple[str, str]]:
    """Yield the errors of a field, and of the fields within it."""
    own = field.errors if isinstance(field.errors, list | tuple) else ()  # a row has none itself
    yield from ((field.id, str(error)) for error in own if isinstance(error, str))
    for inner in (*getattr(field, "entries", ()), *getattr(field, "form", ())):
        yield from _messages(inner)


class PartForm(BaseForm, Generic[P]):
    """A form that edits one part of the draft, and remembers which version it was shown.

    `named_by` is the field that the part is known by, `taken` what to say if another has it.
    """

    version = HiddenField(default="0")

    named_by: ClassVar[str]
    taken: ClassVar[str]

    @classmethod
    def values(cls, part: P) -> dict[str, Any]:
        """Return what stands in the fields for a part."""
        raise NotImplementedError

    def part(self, was: P | None) -> P:
        """Return the part that a valid form describes; `was` is what it takes the place of."""
        raise NotImplementedError

    def read_version(self) -> int:
        """Return the version that the page was shown with; -1 for what is none."""
        return read_version(self.version.data)
