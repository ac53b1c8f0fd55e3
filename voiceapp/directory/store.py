"""The contacts in the database: listed, searched, saved and deleted.

Whoever calls `save_contact` and `delete_contact` commits.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Row, Select, func, or_, select, tuple_
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from voiceapp.crm.directory import PHONE
from voiceapp.crm.phone import compact, read_e164, spellings
from voiceapp.models.audit import Action, note
from voiceapp.models.contacts import Contact, ContactKey, fold
from voiceapp.rules.diff import Line

MODULES = ("Contacts", "Leads", "Accounts")
"""The modules that are always there, empty or not."""

_BATCH = 1000


class ContactGone(LookupError):
    """Somebody else has deleted the contact."""


class ContactChanged(Exception):
    """Somebody else has saved the contact since it was read."""


@dataclass(frozen=True, slots=True)
class StoredContact:
    """A contact as it is kept."""

    id: int
    name: str
    phones: tuple[str, ...]
    fields: Mapping[str, str]

    @property
    def fingerprint(self) -> str:
        """A short text that is another one after any change."""
        content = json.dumps([self.name, self.phones, dict(self.fields)], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Page:
    """Some contacts by name; `next` goes into `after` for those that follow, None at the end."""

    contacts: tuple[StoredContact, ...]
    next: tuple[str, int] | None


def columns_of(contact: StoredContact) -> Mapping[str, str]:
    """Return what a contact says, column by column, without blanks around it."""
    numbers = "; ".join(phone.strip() for phone in contact.phones)
    fields = {field: text.strip() for field, text in contact.fields.items()}
    return {"Name": contact.name.strip(), "Phone": numbers, **fields}


def modules(session: Session) -> tuple[str, ...]:
    """Return the modules that are always there, and any others that hold contacts."""
    held = _distinct(session, Contact.module.expression)
    return (*MODULES, *sorted(held - set(MODULES)))


def field_names(session: Session, module: str) -> tuple[str, ...]:
    """Return the names of all fields in a module, in alphabetical order."""
    held = _distinct(session, ContactKey.field.expression, ContactKey.module == module)
    return tuple(sorted(held - {PHONE}, key=lambda name: (fold(name), name)))


def search(
    session: Session,
    module: str,
    text: str,
    country: str,
    after: tuple[str, int] | None = None,
    limit: int = 50,
) -> Page:
    """Return contacts by part of the name, a number in any spelling, or the text of a field.

    All of them for a blank text. The order is by folded name and id, which is the same on every
    database.
    """
    query = stored(module).order_by(Contact.folded_name, Contact.id).limit(limit + 1)
    if wanted := text.replace("\0", "").strip():
        query = query.where(_matches(module, wanted, country))
    if after is not None:
        query = query.where(tuple_(Contact.folded_name, Contact.id) > after)
    rows = session.execute(query).all()
    contacts = tuple(map(from_row, rows[:limit]))
    if len(rows) <= limit:
        return Page(contacts, None)
    return Page(contacts, (fold(contacts[-1].name), contacts[-1].id))


def module_of(session: Session, contact_id: int) -> str | None:
    """Return the module that a contact is in; None if it is not there, or not any more."""
    return session.scalar(select(Contact.module).where(Contact.id == contact_id))


def find_contact(session: Session, module: str, contact_id: int) -> StoredContact | None:
    """Return one contact; None if it is not there, or not any more."""
    row = session.execute(stored(module).where(Contact.id == contact_id)).one_or_none()
    return None if row is None else from_row(row)


def save_contact(
    session: Session,
    contact_id: int | None,
    module: str,
    name: str,
    phones: Sequence[str],
    fields: Mapping[str, str],
    seen: str | None = None,
) -> int:
    """Change a contact, or add one where there is no id yet; return its id.

    Whoever calls has checked it; `seen` is the fingerprint that it was read with. Raises
    ContactGone and ContactChanged; then nothing was changed.
    """
    before = None
    if contact_id is None:
        contact = Contact(module=module)
    else:
        contact = _row(session, module, contact_id, seen)
        before = _as_kept(contact)
    contact.name = name.strip()
    contact.phones = [phone.strip() for phone in phones if phone.strip()]
    contact.fields = {
        field.strip(): value.strip() for field, value in fields.items() if value.strip()
    }
    contact.index()
    session.add(contact)
    _flush(session)
    _tell(session, module, before, _as_kept(contact))
    return contact.id


def delete_contact(session: Session, module: str, contact_id: int, seen: str | None = None) -> None:
    """Delete the contact that was read with the fingerprint `seen`, if one is given.

    Raises ContactGone and ContactChanged; then nothing was changed.
    """
    contact = _row(session, module, contact_id, seen)
    _tell(session, module, _as_kept(contact), None)
    session.delete(contact)
    _flush(session)


def everything(session: Session, module: str) -> Iterator[StoredContact]:
    """Yield all contacts of a module by id, read in batches: no query stays open in between."""
    last = 0
    while rows := session.execute(
        stored(module).where(Contact.id > last).order_by(Contact.id).limit(_BATCH)
    ).all():
        yield from map(from_row, rows)
        last = rows[-1].id


def stored(module: str) -> Select[int, str, list[str], dict[str, str]]:
    """Return the query for all contacts of a module, to be narrowed down."""
    columns = (Contact.id, Contact.name, Contact.phones, Contact.fields)
    return select(*columns).where(Contact.module == module)


def from_row(row: Row[int, str, list[str], dict[str, str]]) -> StoredContact:
    """Return what a row of `stored` says."""
    id_, name, phones, fields = row
    return StoredContact(id_, name, tuple(phones), dict(fields))


def _row(session: Session, module: str, contact_id: int, seen: str | None) -> Contact:
    contact = session.get(Contact, contact_id, populate_existing=True, with_for_update=True)
    if contact is None or contact.module != module:
        raise ContactGone("Somebody else has deleted this contact.")
    if seen not in (None, _as_kept(contact).fingerprint):
        raise ContactChanged("Somebody else has changed this contact.")
    return contact


def _as_kept(contact: Contact) -> StoredContact:
    return StoredContact(contact.id, contact.name, tuple(contact.phones), dict(contact.fields))


def _tell(
    session: Session, module: str, before: StoredContact | None, after: StoredContact | None
) -> None:
    """Write into the audit log what becomes of a contact."""
    was, is_ = (columns_of(one) if one else {} for one in (before, after))
    lines = [
        Line(column, was.get(column, ""), is_.get(column, ""))
        for column in dict.fromkeys((*was, *is_))
        if was.get(column, "") != is_.get(column, "")
    ]
    one = after or before
    if one is not None and lines:
        changed = Action.CHANGED if before else Action.ADDED
        note(session, changed if after else Action.DELETED, f"{module}: {one.name}", lines)


def _flush(session: Session) -> None:
    try:
        session.flush()
    except StaleDataError as error:
        session.rollback()
        raise ContactGone("Somebody else has deleted this contact.") from error


def _distinct(
    session: Session, column: ColumnElement[str], *where: ColumnElement[bool]
) -> set[str]:
    """Return the different texts in a column, each looked up in an index behind the last.

    With DISTINCT, databases would read the whole index, however few there are.
    """
    first = select(func.min(column).label("text")).where(*where).cte("found", recursive=True)
    following = select(func.min(column)).where(*where, column > first.c.text).scalar_subquery()
    found = first.union_all(select(following).where(first.c.text.is_not(None)))
    return set(session.scalars(select(found.c.text).where(found.c.text.is_not(None))))


def _matches(module: str, text: str, country: str) -> ColumnElement[bool]:
    keys = select(ContactKey.contact_id).where(ContactKey.module == module)
    field = keys.where(ContactKey.field != PHONE, ContactKey.value == text)
    phone = keys.where(ContactKey.field == PHONE, ContactKey.value.in_(_numbers(text, country)))
    return or_(
        Contact.folded_name.contains(fold(text), autoescape=True),
        Contact.id.in_(field),
        Contact.id.in_(phone),
    )


def _numbers(text: str, country: str) -> list[str]:
    number = read_e164(text, country)
    tried = [text] if number is None else [text, *spellings(number, country)]
    return [key for key in dict.fromkeys(map(compact, tried)) if key]
