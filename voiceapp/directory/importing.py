"""From a file to the directory: which lines add a contact, change one, or leave it alone."""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from sqlalchemy import ColumnElement, delete, insert, text, update
from sqlalchemy.orm import Session

from voiceapp.directory import check
from voiceapp.directory.numbers import one_spelling
from voiceapp.directory.store import StoredContact, columns_of, from_row, stored
from voiceapp.directory.table import ContactLine, LineFault, Sheet
from voiceapp.models.audit import Action, note
from voiceapp.models.contacts import Contact, ContactKey, fold, keys_of
from voiceapp.rules.diff import Line

T = TypeVar("T")

_BATCH = 500  # lines, written in some 0.2 s on a slow machine
_PAUSE = 0.1  # seconds; whoever waits for SQLite looks every 0.1 s whether it is free


@dataclass(frozen=True, slots=True)
class Difference:
    """What a line changes: a column, what stands there, and what will; blank for nothing."""

    column: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Change:
    """A line that changes a contact."""

    line: int
    before: StoredContact
    after: StoredContact

    @property
    def differences(self) -> tuple[Difference, ...]:
        """What differs, column by column."""
        return differences(self.before, self.after)


@dataclass(frozen=True, slots=True)
class ImportPreview:
    """What an import would do, or has done, line by line in the order of the file.

    `overtaken` are lines that were left out because their contact is not as in the preview.
    """

    added: tuple[ContactLine, ...]
    changed: tuple[Change, ...]
    unchanged: tuple[ContactLine, ...]
    faults: tuple[LineFault, ...]
    overtaken: tuple[ContactLine, ...] = ()

    @property
    def fingerprint(self) -> str:
        """A short text that is another one when anything else would be written."""
        return hashlib.sha256(repr((self.added, self.changed)).encode()).hexdigest()


def differences(before: StoredContact, after: StoredContact) -> tuple[Difference, ...]:
    """Return where two contacts differ; blanks around a text are no difference."""
    olds, news = columns_of(before), columns_of(after)
    return tuple(
        Difference(column, olds.get(column, ""), news.get(column, ""))
        for column in dict.fromkeys((*olds, *news))
        if olds.get(column, "") != news.get(column, "")
    )


def preview(session: Session, module: str, sheet: Sheet, country: str) -> ImportPreview:
    """Say what `apply` would do; nothing is changed."""
    return _preview(sheet, _Matches(session, module, sheet, country))


def apply(
    session: Session,
    module: str,
    sheet: Sheet,
    country: str,
    expected: ImportPreview,
    pause: Callable[[float], object] = time.sleep,
) -> ImportPreview:
    """Do what a preview has said, and say what was done; commits after each batch of lines.

    Others write during the pauses in between, and what they have written stays: lines that would
    do anything else by now are `overtaken`. If it breaks off, importing the same file again does
    the rest.
    """
    wanted: dict[int, ContactLine | Change] = {line.line: line for line in expected.added}
    wanted |= {change.line: change for change in expected.changed}
    done = [replace(expected, added=(), changed=())]
    for lines in _batches([line for line in sheet.lines if line.line in wanted]):
        _keep_writers_out(session)
        part = replace(sheet, lines=tuple(lines), faults=())
        found = _as_expected(preview(session, module, part, country), part, wanted)
        _add(session, module, found.added)
        _change(session, module, [change.after for change in found.changed])
        _tell(session, module, found)
        session.commit()
        done.append(found)
        pause(_PAUSE)
    return _joined(done)


def _tell(session: Session, module: str, done: ImportPreview) -> None:
    """Write into the audit log how much a batch of lines has done."""
    counts = {"Contacts added": len(done.added), "Contacts changed": len(done.changed)}
    if lines := [Line(label, "", str(count)) for label, count in counts.items() if count]:
        note(session, Action.IMPORTED, f"{module}: a file", lines)


class _Unmatched(Exception):
    """It can't be said which contact a line means; the text is a sentence for people."""


class _Matches:
    """Finds the contact that each line means; a contact is given away once."""

    def __init__(self, session: Session, module: str, sheet: Sheet, country: str) -> None:
        self._country = country
        self._has_phones = sheet.has_phones
        ids = [line.id for line in sheet.lines if line.id is not None]
        names = dict.fromkeys(fold(line.name) for line in sheet.lines if line.id is None)
        query = stored(module).order_by(Contact.id)

        def load(column: ColumnElement[T], values: Sequence[T]) -> Iterator[StoredContact]:
            for some in _batches(values):
                yield from map(from_row, session.execute(query.where(column.in_(some))))

        self._by_id = {one.id: one for one in load(Contact.id.expression, ids)}
        self._by_mark: dict[tuple[str, str], list[StoredContact]] = {}
        for one in load(Contact.folded_name.expression, list(names)):
            for mark in self._marks(one):
                self._by_mark.setdefault(mark, []).append(one)
        self._line_of_contact: dict[int, int] = {}
        self._line_of_new: dict[tuple[str, str], int] = {}

    def take(self, line: ContactLine) -> StoredContact | None:
        """Return the contact that a line means; None for a new one. Raises _Unmatched."""
        contact = self._find(line)
        if contact is None:
            for key in self._marks(line):
                _claim(self._line_of_new, key, line.line)
        else:
            _claim(self._line_of_contact, contact.id, line.line)
        return contact

    def _find(self, line: ContactLine) -> StoredContact | None:
        if line.id is not None:
            if line.id not in self._by_id:
                raise _Unmatched(
                    f"There is no contact with the Id {line.id}. Leave it empty for a new one."
                )
            return self._by_id[line.id]
        marks = self._marks(line)
        hits = {one.id: one for mark in marks for one in self._by_mark.get(mark, ())}
        if len(hits) > 1:
            raise _Unmatched(
                f"{len(hits)} contacts could be meant. Add the column Id, as an export has it."
            )
        return next(iter(hits.values()), None)

    def _marks(self, one: ContactLine | StoredContact) -> set[tuple[str, str]]:
        """Return what a contact shares with another that is the same: its name with a number.

        The name alone counts for those without a number, and in a file that has no numbers.
        """
        phones = one.phones if self._has_phones else ()
        numbers = {one_spelling(phone, self._country) for phone in phones} or {""}
        return {(fold(one.name), number) for number in numbers}


def _claim(lines: dict[T, int], what: T, line: int) -> None:
    if lines.setdefault(what, line) != line:
        raise _Unmatched(f"Line {lines[what]} is the same contact. Remove one of them.")


def _preview(sheet: Sheet, matches: _Matches) -> ImportPreview:
    added: list[ContactLine] = []
    changed: list[Change] = []
    unchanged: list[ContactLine] = []
    faults = list(sheet.faults)
    for line in sheet.lines:
        try:
            before = matches.take(line)
        except _Unmatched as error:
            faults.append(LineFault(line.line, str(error)))
            continue
        if before is None:
            added.append(line)
            continue
        change = Change(line.line, before, _merged(before, line, sheet))
        if not change.differences:
            unchanged.append(line)
        elif check.is_lost(change.after.phones, change.after.fields):
            faults.append(LineFault(line.line, check.NOTHING_TO_FIND_IT_BY))
        else:
            changed.append(change)
    faults.sort(key=lambda fault: fault.line)
    return ImportPreview(tuple(added), tuple(changed), tuple(unchanged), tuple(faults))


def _merged(contact: StoredContact, line: ContactLine, sheet: Sheet) -> StoredContact:
    """Return a contact as a line wants it; what the file has no column for stays."""
    kept = {field: text for field, text in contact.fields.items() if field not in sheet.columns}
    phones = line.phones if sheet.has_phones else contact.phones
    return StoredContact(contact.id, line.name, phones, {**kept, **line.fields})


def _keep_writers_out(session: Session) -> None:
    """Let nobody else change contacts until the transaction ends; calls go on reading them.

    One lock for all can't wait for another import in a circle, as locks of rows could.
    """
    if session.connection().dialect.name == "postgresql":
        session.execute(text("LOCK TABLE contacts IN EXCLUSIVE MODE"))
    else:  # SQLite has one lock for whoever writes, were it nothing
        session.execute(text("DELETE FROM contacts WHERE 1 = 0"))


def _as_expected(
    found: ImportPreview, sheet: Sheet, expected: Mapping[int, ContactLine | Change]
) -> ImportPreview:
    """Return what is still to be done as expected; all else has been overtaken."""
    added = tuple(line for line in found.added if line == expected[line.line])
    changed = tuple(change for change in found.changed if change == expected[change.line])
    settled = {line.line for line in (*added, *found.unchanged)}
    settled |= {change.line for change in changed}
    overtaken = tuple(line for line in sheet.lines if line.line not in settled)
    return ImportPreview(added, changed, found.unchanged, (), overtaken)


def _joined(parts: Sequence[ImportPreview]) -> ImportPreview:
    return ImportPreview(
        added=tuple(line for part in parts for line in part.added),
        changed=tuple(change for part in parts for change in part.changed),
        unchanged=tuple(line for part in parts for line in part.unchanged),
        faults=tuple(fault for part in parts for fault in part.faults),
        overtaken=tuple(line for part in parts for line in part.overtaken),
    )


def _add(session: Session, module: str, lines: Sequence[ContactLine]) -> None:
    for some in _batches(lines):
        rows = [{"module": module, **_values(line)} for line in some]
        added = insert(Contact).returning(Contact.id, sort_by_parameter_order=True)
        ids = session.scalars(added, rows).all()
        _add_keys(session, module, zip(ids, some, strict=True))


def _change(session: Session, module: str, contacts: Sequence[StoredContact]) -> None:
    for some in _batches(contacts):
        ids = [one.id for one in some]
        session.execute(update(Contact), [{"id": one.id, **_values(one)} for one in some])
        session.execute(
            delete(ContactKey).where(ContactKey.contact_id.in_(ids)),
            execution_options={"synchronize_session": False},
        )
        _add_keys(session, module, zip(ids, some, strict=True))


def _add_keys(
    session: Session, module: str, contacts: Iterable[tuple[int, ContactLine | StoredContact]]
) -> None:
    rows = [
        {"contact_id": id_, "module": module, "field": field, "value": value}
        for id_, one in contacts
        for field, value in keys_of(one.phones, one.fields)
    ]
    if rows:
        session.execute(insert(ContactKey), rows)


def _values(one: ContactLine | StoredContact) -> dict[str, object]:
    return {
        "name": one.name,
        "folded_name": fold(one.name),
        "phones": list(one.phones),
        "fields": dict(one.fields),
    }


def _batches(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), _BATCH):
        yield items[start : start + _BATCH]
