"""The built-in directory: contacts, leads and accounts with free fields, live when saved."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import JSON, Engine, ForeignKey, Index, String, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from voiceapp.crm.directory import PHONE, DirectoryAway, Find
from voiceapp.crm.match import Candidate
from voiceapp.crm.phone import compact
from voiceapp.extensions import Base

LONGEST_NAME = 200
LONGEST_FIELD = 100
_LONGEST_KEY = 200

# sorted by code point, as SQLite does by itself: the same order on every database
_Sorted = String(LONGEST_NAME).with_variant(String(LONGEST_NAME, collation="C"), "postgresql")


def fold(name: str) -> str:
    """
    Return a name as it is searched and sorted by.

    >>> fold("STRAẞE") == fold("strasse")
    True
    """
    plain = unicodedata.normalize("NFC", name.strip()).casefold()
    return unicodedata.normalize("NFC", plain)[:LONGEST_NAME]


def keys_of(phones: Iterable[str], fields: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return by what a contact is found: pairs of a field, or PHONE, and a text."""
    keys = [(PHONE, compact(phone)) for phone in phones]
    keys += [(field, value.strip()) for field, value in fields.items()]
    return [(field, value[:_LONGEST_KEY]) for field, value in dict.fromkeys(keys) if value]


class Contact(Base):
    """One record of the directory; `phones` are as typed, `fields` by their name."""

    __tablename__ = "contacts"
    __table_args__ = (Index("ix_contacts_listed", "module", "folded_name", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    module: Mapped[str] = mapped_column(String(50))
    name: Mapped[str] = mapped_column(String(LONGEST_NAME))
    folded_name: Mapped[str] = mapped_column(_Sorted)
    phones: Mapped[list[str]] = mapped_column(JSON)
    fields: Mapped[dict[str, str]] = mapped_column(JSON)
    keys: Mapped[list["ContactKey"]] = relationship(cascade="all, delete-orphan")

    @classmethod
    def make(
        cls, module: str, name: str, phones: Iterable[str], fields: Mapping[str, str]
    ) -> "Contact":
        """Return a contact that can be found by its numbers and by each of its fields."""
        contact = cls(module=module, name=name, phones=list(phones), fields=dict(fields))
        contact.index()
        return contact

    def index(self) -> None:
        """Bring the keys up to date with name, numbers and fields; call it after each change."""
        self.folded_name = fold(self.name)
        self.keys = [
            ContactKey(module=self.module, field=field, value=value)
            for field, value in keys_of(self.phones, self.fields)
        ]


class ContactKey(Base):
    """By what a contact is found: a number in compact spelling, or the text of a field."""

    __tablename__ = "contact_keys"
    __table_args__ = (Index("ix_contact_keys_search", "module", "field", "value"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    contact_id: Mapped[int] = mapped_column(
        ForeignKey("contacts.id", ondelete="CASCADE"), index=True
    )
    module: Mapped[str] = mapped_column(String(50))
    field: Mapped[str] = mapped_column(String(LONGEST_FIELD))
    value: Mapped[str] = mapped_column(String(_LONGEST_KEY))


def finder(engine: Engine) -> Find:
    """Return the directory's `find` over a database; needs no application context."""

    def find(module: str, field: str, values: Sequence[str], limit: int) -> Sequence[Candidate]:
        wanted = select(ContactKey.contact_id).where(
            ContactKey.module == module,
            ContactKey.field == field,
            ContactKey.value.in_([value[:_LONGEST_KEY] for value in values]),
        )
        query = (
            select(Contact).where(Contact.id.in_(wanted)).order_by(Contact.id.desc()).limit(limit)
        )
        try:
            with Session(engine) as session:
                contacts = session.scalars(query).all()
                # a later one has a higher id
                return [Candidate(one.phones, dict(one.fields), one.id) for one in contacts]
        except SQLAlchemyError as error:
            raise DirectoryAway from error

    return find
