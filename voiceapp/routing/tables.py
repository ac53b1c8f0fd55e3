"""The tables a process holds: the newest releases, and older ones that a call still follows."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cachetools import LRUCache, TTLCache

from voiceapp.crm.deadline import Deadline
from voiceapp.crm.flights import Flights, OutOfPatience
from voiceapp.routing.document import UnreadableDocument, parse
from voiceapp.routing.table import Table, compile_plan

log = logging.getLogger(__name__)

KEPT = 3
"""How many of the newest releases are at hand, and how many older ones beside them."""

PATIENCE = 3.0
"""Seconds that a call waits for an older release that another call fetches."""

_MISSED_SECONDS = 5.0
_MOST_MISSED = 256

ReadDocument = Callable[[int], str | None]
"""Returns the document of a release, None if there is none or it can't be had in time."""


class NoTable(Exception):
    """This process has no release to follow."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A release's table, and the document that it was compiled from."""

    table: Table
    document: str


class Tables:
    """Compiled releases by their number; safe to share between threads.

    An older one is fetched by one call while the others that follow it wait, `patience` seconds
    at most. One that can't be had is not asked for again for some seconds.
    """

    def __init__(
        self,
        read_document: ReadDocument,
        *,
        patience: float = PATIENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read_document = read_document
        self._patience = patience
        self._recent: Mapping[int, Loaded] = {}
        self._older: LRUCache[int, Loaded] = LRUCache(KEPT)
        self._missed: TTLCache[int, None] = TTLCache(_MOST_MISSED, _MISSED_SECONDS, clock)
        self._fetching: Flights[Table | None] = Flights()
        self._lock = threading.Lock()

    @property
    def loaded(self) -> Loaded | None:
        """Return the newest release with its document; None before there is one."""
        recent = self._recent
        return recent[max(recent)] if recent else None

    @property
    def newest(self) -> Table:
        """Return the table that new calls follow. Raises NoTable before there is one."""
        loaded = self.loaded
        if loaded is None:
            raise NoTable("No release has been published yet.")
        return loaded.table

    def take(self, number: int, document: str) -> Table:
        """Keep a release and return its table; a newer one is followed from now on.

        Raises UnreadableDocument, and leaves everything as it was.
        """
        loaded = Loaded(_compile(number, document), document)
        with self._lock:
            recent = {**self._recent, number: loaded}
            newest = sorted(recent)[-KEPT:]
            self._recent = {kept: recent[kept] for kept in newest}
            for dropped in recent.keys() - self._recent.keys():
                self._older[dropped] = recent[dropped]
        return loaded.table

    def following(self, number: int | None, *, may_fetch: bool = True) -> tuple[Table, str]:
        """Return the table for a call that began with a release, and a note if it is another.

        A call that just begins (`number` is None) follows the newest. `may_fetch` lets a release
        that is not at hand be read from the database. Raises NoTable.
        """
        newest = self.newest
        if number is None or number == newest.number:
            return newest, ""
        table = self._at_hand(number) or (self._fetch(number) if may_fetch else None)
        if table is not None:
            return table, ""
        return newest, (
            f"The call began with release {number}, which is not at hand; "
            f"release {newest.number} decided."
        )

    def knows_recording(self, digest: str) -> bool:
        """Say whether a release at hand plays the recording with this hash."""
        with self._lock:
            at_hand = [*self._recent.values(), *self._older.values()]
        return any(digest in loaded.table.recordings.values() for loaded in at_hand)

    def _at_hand(self, number: int) -> Table | None:
        with self._lock:
            loaded = self._recent.get(number) or self._older.get(number)
        return None if loaded is None else loaded.table

    def _fetch(self, number: int) -> Table | None:
        """Return an older release, whoever of those who want it now reads and compiles it."""
        deadline = Deadline.after(self._patience)
        try:
            table, _ = self._fetching.join(number, lambda: self._fetched(number), deadline)
        except OutOfPatience:
            return None
        return table

    def _fetched(self, number: int) -> Table | None:
        with self._lock:
            is_missed = number in self._missed
        # it may have come since it was looked for
        table = self._at_hand(number)
        if table is not None or is_missed:
            return table
        document = self._read_document(number)
        try:
            if document is not None:
                return self.take(number, document)
        except UnreadableDocument as error:
            log.error("Release %s can't be read: %s", number, error)
        with self._lock:
            self._missed[number] = None
        return None


def _compile(number: int, document: str) -> Table:
    try:
        return compile_plan(parse(document), number)
    except KeyError as error:
        raise UnreadableDocument(f"This machine does not know the time zone {error}.") from error
