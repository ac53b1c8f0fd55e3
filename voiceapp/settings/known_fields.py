"""What is known of the fields that a rule's form can offer, and what fits them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from voiceapp.crm.fields import Field, FieldType, by_name
from voiceapp.crm.registry import DIRECTORY, KINDS
from voiceapp.directory.store import field_names, modules
from voiceapp.routing import catalogue
from voiceapp.routing.drift import lacks_phones
from voiceapp.rules.operators import Operator
from voiceapp.rules.plan import Integration
from voiceapp.rules.values import read_date

_ORDERED = (
    Operator.LESS,
    Operator.GREATER,
    Operator.EQUAL,
    Operator.AT_MOST,
    Operator.AT_LEAST,
    Operator.IS_NOT,
    Operator.ONE_OF,
    Operator.BETWEEN,
)
_EMPTY = (Operator.EMPTY, Operator.NOT_EMPTY)
_LISTED = (Operator.EQUAL, Operator.IS_NOT, Operator.ONE_OF)
FITTING: Mapping[FieldType, tuple[Operator, ...]] = {
    **dict.fromkeys(FieldType, tuple(Operator)),
    **dict.fromkeys((FieldType.NUMBER, FieldType.DATE, FieldType.MOMENT), (*_ORDERED, *_EMPTY)),
    **dict.fromkeys((FieldType.CHOICE, FieldType.CHOICES), (*_LISTED, *_EMPTY)),
    FieldType.YES_NO: (Operator.EQUAL, Operator.IS_NOT, *_EMPTY),
}
"""The operators that make sense with each type of field; a text may hold a number as well."""


@dataclass(frozen=True, slots=True)
class Known:
    """The fields of a module that a rule searches, and the modules to choose from.

    `can_ask` says that the CRM can be asked for them, `read_at` when it was asked last,
    `lacks_phones` that nobody can be found there by a number.
    """

    fields: Mapping[str, Field] = field(default_factory=dict)
    modules: tuple[str, ...] = ()
    can_ask: bool = False
    read_at: datetime | None = None
    lacks_phones: bool = False

    def type_of(self, name: str) -> str:
        """Return what the CRM says the field holds; blank if it never said."""
        known = self.field(name)
        return known.type.value if self.read_at and known else ""

    def field(self, name: str) -> Field | None:
        """Return the field of a name, however its letters are written; None for an unknown one."""
        return self.fields.get(self.spelled(name))

    def spelled(self, name: str) -> str:
        """Return a field's name as the CRM spells it, where only letter case differs."""
        alike = [one for one in self.fields if one.casefold() == name.casefold()]
        return alike[0] if name not in self.fields and len(alike) == 1 else name

    def values_of(self, name: str) -> tuple[str, ...]:
        """Return what a field may hold, as people read it; none if that is not limited."""
        known = self.field(name)
        if known is None:
            return ()
        if known.type is FieldType.YES_NO:
            return ("yes", "no")
        return tuple(dict.fromkeys(label for _, label in known.choices))

    def operators(self, name: str, chosen: str) -> tuple[str, ...]:
        """Return the operators that fit a field, and the one that is chosen whatever it is."""
        known = self.field(name)
        fitting = FITTING[known.type] if known else tuple(Operator)
        return tuple(one.value for one in Operator if one in fitting or one.value == chosen)

    def is_date(self, name: str) -> bool:
        """Say whether a field holds dates."""
        known = self.field(name)
        return known is not None and known.type in (FieldType.DATE, FieldType.MOMENT)

    def input_type(self, name: str, typed: str) -> str:
        """Return the type of input that a value is typed into."""
        return "date" if self.is_date(name) and (not typed or read_date(typed)) else "text"


NOTHING_KNOWN = Known()


@dataclass(frozen=True, slots=True)
class Offered:
    """A field to choose, and the modules searched that don't have it."""

    field: Field
    missing_in: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Searched:
    """What is known of the modules that a rule searches, in their order."""

    modules: tuple[tuple[str, Known], ...] = ()

    @property
    def first(self) -> Known:
        """What is known of the module searched first."""
        return self.modules[0][1] if self.modules else NOTHING_KNOWN

    @property
    def read_at(self) -> datetime | None:
        """When the fields were read, at the earliest; None if some of them never were."""
        moments = [known.read_at for _, known in self.modules]
        return None if not moments or None in moments else min(filter(None, moments))

    @property
    def has_read(self) -> bool:
        """Whether the fields of some of them were read."""
        return any(known.read_at for _, known in self.modules)

    @property
    def unread(self) -> tuple[str, ...]:
        """The modules whose fields the CRM was never asked for."""
        return tuple(name for name, known in self.modules if known.read_at is None)

    @property
    def without_phones(self) -> tuple[str, ...]:
        """The modules in which nobody can be found by a number."""
        return tuple(name for name, known in self.modules if known.lacks_phones)

    def offered(self) -> tuple[Offered, ...]:
        """Return the fields of all modules, those of the first one first."""
        offered: dict[str, Field] = {}
        for _, known in self.modules:
            offered = {**known.fields, **offered}
        names = dict.fromkeys(name for _, known in self.modules for name in known.fields)
        return tuple(Offered(offered[name], self.without(name)) for name in names)

    def without(self, name: str) -> tuple[str, ...]:
        """Return the modules that have no field of a name, as far as the CRM has told."""
        if not name or "." in name:  # a path leads to a field of another record
            return ()
        spelled = self.first.spelled(name)
        return tuple(
            module
            for module, known in self.modules
            if known.read_at and spelled not in known.fields
        )


def known_of(session: Session, integration: Integration, module: str) -> Known:
    """Return what is known of an integration's modules and of one module's fields."""
    kind, module = KINDS.get(integration.kind), module.replace("\0", "")
    if kind is None or not kind.modules:
        return NOTHING_KNOWN
    if integration.kind == DIRECTORY:
        names = field_names(session, module)
        return Known({name: Field(name, name) for name in names}, modules(session))
    listed = catalogue.fields_of(session, integration, module)
    told = catalogue.modules_of(session, integration)
    return Known(
        fields=by_name(listed.fields) if listed else {},
        modules=tuple(dict.fromkeys((*kind.modules, *told))),
        can_ask=True,
        read_at=listed.read_at if listed else None,
        lacks_phones=listed is not None and lacks_phones(integration.kind, listed.fields),
    )
