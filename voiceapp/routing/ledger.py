"""The worker's half of the journal: lines become rows, finished files go.

A line may be read more than once (after a restart, after a batch that failed half way); that
does no harm, because a row is known by its call, step and door, and the first one stays.
"""

import fcntl
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import Connection, Engine, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    SQLAlchemyError,
    StatementError,
)

from voiceapp.models.journal import CallEndRow, DecisionRow
from voiceapp.routing.entry import DecisionEntry, EndEntry, Entry
from voiceapp.routing.journal_files import REFUSED, SUFFIX, whole_lines
from voiceapp.routing.lines import LineError, decode

_INSERTS: dict[str, Callable[[Any], Any]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}
_ROWS: dict[type[Entry], tuple[Any, list[str]]] = {
    DecisionEntry: (DecisionRow, ["call_sid", "step", "door"]),
    EndEntry: (CallEndRow, ["call_sid"]),
}
_COLUMNS = {kind: [field.name for field in fields(kind)] for kind in _ROWS}

log = logging.getLogger(__name__)


class CollectError(Exception):
    """A pass could not be finished, because of the database or the disk; nothing is lost by it.

    The message is for a log and quotes no row. Whoever collects tries again later.
    """


@dataclass(frozen=True, slots=True)
class _Refusal:
    line: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class _Line:
    raw: bytes
    entry: Entry


def write_rows(engine: Engine, entries: Iterable[Entry]) -> int:
    """Insert a row for each entry, all in one transaction; those that are there already stay.

    Returns how many entries have a row that says another destination: the webhook was delivered
    twice, and answered differently. Raises `SQLAlchemyError`, or for a value no driver can send
    `UnicodeError` or `OverflowError`; then none was written.
    """
    by_type: dict[type[Entry], list[dict[str, Any]]] = {kind: [] for kind in _ROWS}
    for entry in entries:
        kind = type(entry)
        by_type[kind].append({name: getattr(entry, name) for name in _COLUMNS[kind]})
    insert = _INSERTS[engine.dialect.name]
    differing = 0
    with engine.begin() as connection:
        for kind, rows in by_type.items():
            if rows:
                table, known_by = _ROWS[kind]
                inserted = connection.execute(
                    insert(table).on_conflict_do_nothing(index_elements=known_by), rows
                )
                if kind is DecisionEntry and inserted.rowcount != len(rows):
                    differing = _count_differing(connection, rows)
    return differing


def _count_differing(connection: Connection, rows: Sequence[dict[str, Any]]) -> int:
    row = DecisionRow
    query = select(
        row.call_sid, row.step, row.door, row.destination_kind, row.destination_option
    ).where(row.call_sid.in_({row["call_sid"] for row in rows}))
    stored = {tuple(one[:3]): tuple(one[3:]) for one in connection.execute(query)}
    return sum(
        (row["destination_kind"], row["destination_option"])
        != stored.get((row["call_sid"], row["step"], row["door"]))
        for row in rows
    )


def straight_to(engine: Engine) -> Callable[[Entry], None]:
    """Return how a `Journal` inserts an entry that no file took; see `write_rows`."""

    def straight(entry: Entry) -> None:
        write_rows(engine, [entry])

    return straight


class Collector:
    """Turns the lines of all journal files in `directory` into rows of `engine`'s database.

    A transaction has at most `batch` rows. How far a file was read is kept in memory only; after
    a restart it is simply read again. `on_batch` is called after each transaction. For one thread
    at a time, one collector per directory.
    """

    def __init__(
        self,
        directory: Path,
        engine: Engine,
        *,
        batch: int = 1000,
        on_batch: Callable[[], None] = lambda: None,
    ) -> None:
        self._directory = directory
        self._engine = engine
        self._batch = batch
        self._on_batch = on_batch
        self._offsets: dict[Path, int] = {}
        self.refused = 0
        """How many lines, half lines among them, were set aside since the start."""
        self.differing = 0
        """How many lines told of a second answer that differs from the one a row tells of."""

    @property
    def read(self) -> dict[str, int]:
        """Return how far each file was read, in bytes that are rows by now."""
        return {path.name: offset for path, offset in self._offsets.items()}

    def collect(self) -> int:
        """Read what was appended since the last pass, oldest file first; return the lines read.

        All their rows are committed by then. A file that is read to its end and that nobody
        writes any more is deleted. Raises `CollectError` when the database can't be used (the
        pass ends there) or a file can't be (the others are read before).
        """
        paths = sorted(self._directory.glob(f"*{SUFFIX}"))
        self._offsets = {path: self._offsets.get(path, 0) for path in paths}
        count = 0
        trouble: OSError | None = None
        for path in paths:
            try:
                count += self._collect_file(path)
            except OSError as error:
                trouble = error
        if trouble is not None:
            raise CollectError(f"A journal file can't be read or set aside: {trouble}") from trouble
        return count

    def _collect_file(self, path: Path) -> int:
        count = 0
        with path.open("rb") as file:
            # asked before reading: once its writer is gone, nothing comes after what is read now
            is_finished = _has_no_writer(file)
            file.seek(self._offsets[path])
            lines = whole_lines(file)
            while batch := list(islice(lines, self._batch)):
                self._store(path, batch)
                self._offsets[path] += sum(map(len, batch))
                self._on_batch()
                count += len(batch)
            if is_finished:
                self._finish(path, file)
        return count

    def _finish(self, path: Path, file: BinaryIO) -> None:
        file.seek(self._offsets[path])
        if torn := file.read().strip():
            # the disk was full, or the writer died within its write; `append` had not returned
            self._set_aside(path, [_Refusal(torn + b"\n", "it was not written to its end")])
        path.unlink()
        del self._offsets[path]

    def _store(self, path: Path, batch: Sequence[bytes]) -> None:
        lines: list[_Line] = []
        refusals: list[_Refusal] = []
        for raw in batch:
            try:
                lines.append(_Line(raw, decode(raw)))
            except LineError as error:
                refusals.append(_Refusal(raw, str(error)))
        refusals += self._write(lines)
        # only now: a batch that is tried again must not set the same line aside each time
        self._set_aside(path, refusals)

    def _write(self, lines: Sequence[_Line]) -> list[_Refusal]:
        """Write the rows, by halves if the database won't have one of them; return those."""
        if not lines:
            return []
        try:
            self.differing += write_rows(self._engine, [line.entry for line in lines])
        except (SQLAlchemyError, UnicodeError, OverflowError) as error:
            if not _is_about_a_row(error):
                raise CollectError(f"The database can't be used: {_cause(error)}") from error
            if len(lines) == 1:
                return [_Refusal(lines[0].raw, type(error).__name__)]
            middle = len(lines) // 2
            return self._write(lines[:middle]) + self._write(lines[middle:])
        return []

    def _set_aside(self, path: Path, refusals: Sequence[_Refusal]) -> None:
        if not refusals:
            return
        refused = self._directory / REFUSED / path.name
        refused.parent.mkdir(mode=0o700, exist_ok=True)
        with refused.open("ab") as file:
            file.writelines(refusal.line for refusal in refusals)
        self.refused += len(refusals)
        for refusal in refusals:
            log.warning("A journal line was set aside in %s: %s", refused, refusal.reason)


def _has_no_writer(file: BinaryIO) -> bool:
    """Say whether nobody holds the file's lock. It is ours then, until `file` is closed."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_about_a_row(error: Exception) -> bool:
    """Say whether the database is well, and only would not have what a row holds."""
    if isinstance(error, DBAPIError):
        return isinstance(error, DataError | IntegrityError)
    # of the others the drivers let through what they can't send (half a surrogate pair, a number
    # too big for any column), and SQLAlchemy wraps what a column type could not convert
    return isinstance(error, UnicodeError | OverflowError | StatementError)


def _cause(error: Exception) -> BaseException:
    # the driver's own words; SQLAlchemy's would add the statement and the row
    return getattr(error, "orig", None) or error
