"""CSV in and out: what a file says about contacts, and what is wrong with each of its lines."""

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from voiceapp.directory import check
from voiceapp.directory.numbers import SEPARATORS, findable

MOST_BYTES = 5 * 1024 * 1024
MOST_LINES = 20_000
MOST_COLUMNS = 200

_DELIMITERS = (",", ";", "\t")
_ID = re.compile(r"0*([1-9]\d{0,9})", re.ASCII)
_HIGHEST_ID = 2**31 - 1

# A spreadsheet takes such a cell for a formula. One that begins with apostrophes gets another
# too, so that taking one off always brings back what was there.
_FORMULA = re.compile(r"[\s']*[=+\-@\t\r]")
_GUARDED = re.compile(r"'[\s']*[=+\-@\t\r]")


class UnreadableSheet(Exception):
    """Nothing can be made of a file; its text is a sentence that says why."""


@dataclass(frozen=True, slots=True)
class ContactLine:
    """A contact as a file has it; `line` is where it starts, and the header is line 1."""

    line: int
    id: int | None
    name: str
    phones: tuple[str, ...]
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class LineFault:
    """Why a line can't be taken."""

    line: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file that was read: the names of its free fields, its good lines, and the faults."""

    columns: tuple[str, ...]
    lines: tuple[ContactLine, ...]
    faults: tuple[LineFault, ...]
    has_phones: bool


class Writable(Protocol):
    """What can be written as a line."""

    @property
    def id(self) -> int | None: ...
    @property
    def name(self) -> str: ...
    @property
    def phones(self) -> Sequence[str]: ...
    @property
    def fields(self) -> Mapping[str, str]: ...


@dataclass(frozen=True, slots=True)
class _Header:
    """Which column is what, by position."""

    width: int
    columns: Mapping[str, int]
    fields: Mapping[str, int]
    faults: tuple[LineFault, ...]


def read(content: bytes, country: str) -> Sheet:
    """Read a CSV file as spreadsheets write it. Raises UnreadableSheet."""
    if len(content) > MOST_BYTES:
        raise UnreadableSheet("The file is larger than 5 MB. Split it.")
    text = _decode(content)
    records = _records(text, _delimiter(text))
    header = _header(next(records)[1])
    lines: list[ContactLine] = []
    faults = list(header.faults)
    ids: dict[int, int] = {}
    for count, (line, cells) in enumerate(records, 1):
        if count > MOST_LINES:
            raise UnreadableSheet(f"The file has more than {MOST_LINES:,} lines. Split it.")
        contact = _contact(header, line, cells)
        sentences = list(_faults(header, cells, contact, country))
        if contact.id is not None and ids.setdefault(contact.id, line) != line:
            sentences.append(f"Line {ids[contact.id]} has the same Id. Remove one of them.")
        faults += [LineFault(line, sentence) for sentence in sentences]
        if not sentences:
            lines.append(_with_findable_phones(contact, country))
    return Sheet(tuple(header.fields), tuple(lines), tuple(faults), "Phone" in header.columns)


def write(contacts: Iterable[Writable], columns: Sequence[str]) -> Iterator[str]:
    """Yield a CSV file line by line, to be sent as UTF-8; its first character tells Excel so."""
    writer = csv.writer(_Echo())
    yield "\ufeff" + writer.writerow(map(_guard, ("Id", "Name", "Phone", *columns)))
    for one in contacts:
        cells = (
            "" if one.id is None else str(one.id),
            one.name,
            "; ".join(one.phones),
            *(one.fields.get(column, "") for column in columns),
        )
        yield writer.writerow(map(_guard, cells))


class _Echo:
    """A file that hands back what is written to it."""

    def write(self, text: str) -> str:
        return text


def _decode(content: bytes) -> str:
    text = next((text for text in _readings(content) if text is not None), None)
    if text is None or "\0" in text:
        raise UnreadableSheet(
            "This is no CSV file. In a spreadsheet, save it as “CSV UTF-8”, and upload that."
        )
    if not text.strip():
        raise UnreadableSheet("The file is empty. Choose another.")
    return text


def _readings(content: bytes) -> Iterator[str | None]:
    """Yield a text for each encoding that spreadsheets may have used, None where it was not."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encodings: tuple[str, ...] = ("utf-16",)
    elif content.startswith(codecs.BOM_UTF8):
        encodings = ("utf-8-sig",)
    else:
        encodings = ("utf-8", "windows-1252")
    for encoding in encodings:
        try:
            yield content.decode(encoding)
        except UnicodeDecodeError:
            yield None


def _delimiter(text: str) -> str:
    """Return the delimiter with which the header has the most columns that we know."""

    def known(delimiter: str) -> int:
        try:
            header = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
        except csv.Error:
            return 0
        return len({check.column_of(_unguard(cell)) for cell in header} - {None})

    return max(_DELIMITERS, key=known)


def _records(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the line where each record starts, and its cells; blank ones are passed over."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for cells in reader:
            values = [_unguard(cell) for cell in cells]
            if line == 1 or any(values):
                yield line, values
            line = reader.line_num + 1
    except csv.Error as error:
        if "field limit" in str(error):
            raise UnreadableSheet(f"Line {line}: A cell is too long. Shorten it.") from error
        raise UnreadableSheet(
            f"Line {line}: A quotation mark is missing, or one too many. Put it right."
        ) from error


def _header(cells: Sequence[str]) -> _Header:
    if len(cells) > MOST_COLUMNS:
        raise UnreadableSheet(f"The file has more than {MOST_COLUMNS} columns. Remove some.")
    columns: dict[str, int] = {}
    fields: dict[str, int] = {}
    faults: list[LineFault] = []
    for position, cell in enumerate(cells):
        if not cell:
            raise UnreadableSheet(
                f"Column {position + 1} has no name in the first line. Add one, or remove it."
            )
        column = check.column_of(cell)
        if (column or cell) in columns | fields:
            raise UnreadableSheet(f"There are two columns “{column or cell}”. Remove one.")
        (fields if column is None else columns)[column or cell] = position
    if "Name" not in columns:
        raise UnreadableSheet("There is no column “Name”. Write it into the first line.")
    for field in list(fields):
        if sentences := list(check.field_faults(field)):
            faults += [LineFault(1, sentence) for sentence in sentences]
            del fields[field]
    return _Header(len(cells), columns, fields, tuple(faults))


def _contact(header: _Header, line: int, cells: Sequence[str]) -> ContactLine:
    def cell(position: int | None) -> str:
        return cells[position] if position is not None and position < len(cells) else ""

    numbers = (one.strip() for one in SEPARATORS.split(cell(header.columns.get("Phone"))))
    values = {field: cell(position) for field, position in header.fields.items()}
    return ContactLine(
        line=line,
        id=_read_id(cell(header.columns.get("Id"))),
        name=cell(header.columns["Name"]),
        phones=tuple(dict.fromkeys(number for number in numbers if number)),
        fields={field: value for field, value in values.items() if value},
    )


def _read_id(text: str) -> int | None:
    digits = _ID.fullmatch(text)
    number = int(digits[1]) if digits else 0
    return number if 0 < number <= _HIGHEST_ID else None


def _faults(
    header: _Header, cells: Sequence[str], contact: ContactLine, country: str
) -> Iterator[str]:
    position = header.columns.get("Id")
    id_text = cells[position] if position is not None and position < len(cells) else ""
    if any(cells[header.width :]):
        yield "There are more cells than columns. Put cells with commas in quotation marks."
    if id_text and contact.id is None:
        yield f"The Id “{id_text[:30]}” is no number. Leave it empty for a new contact."
    yield from check.name_faults(contact.name)
    yield from check.phone_faults(contact.phones, country)
    if not id_text and check.is_lost(contact.phones, contact.fields):
        yield check.NOTHING_TO_FIND_IT_BY


def _with_findable_phones(contact: ContactLine, country: str) -> ContactLine:
    kept = (findable(phone, country) for phone in contact.phones)
    phones = tuple(dict.fromkeys(phone for phone in kept if phone))
    return ContactLine(contact.line, contact.id, contact.name, phones, contact.fields)


def _guard(cell: str) -> str:
    """
    Keep a spreadsheet from taking a cell for a formula.

    >>> _guard("=1+1"), _guard("'=1"), _guard("O'Hara")
    ("'=1+1", "''=1", "O'Hara")
    """
    return f"'{cell}" if _FORMULA.match(cell) else cell


def _unguard(cell: str) -> str:
    """
    Return a cell as it was before `_guard`, trimmed.

    >>> _unguard(" '=1+1"), _unguard("''=1"), _unguard("'tis")
    ('=1+1', "'=1", "'tis")
    """
    cell = cell.strip()
    return cell[1:].strip() if _GUARDED.match(cell) else cell
