"""The tables a process holds: the newest releases, and an older one if a call still follows it."""

import logging
import threading
from collections.abc import Callable

from cachetools import LRUCache

from voiceapp.routing.document import UnreadableDocument, parse
from voiceapp.routing.table import Table, compile_plan

log = logging.getLogger(__name__)

KEPT = 3

ReadDocument = Callable[[int], str | None]
"""Returns the document of a release, None if there is none or it can't be had in time."""


class NoTable(Exception):
    """This process has no release to follow."""


class Tables:
    """Compiled releases by their number; safe to share between threads."""

    def __init__(self, read_document: ReadDocument) -> None:
        self._read_document = read_document
        self._kept: LRUCache[int, Table] = LRUCache(KEPT)
        self._newest: Table | None = None
        self._lock = threading.Lock()

    @property
    def newest(self) -> Table:
        """Return the table that new calls follow. Raises NoTable before there is one."""
        if self._newest is None:
            raise NoTable("No release has been published yet.")
        return self._newest

    @property
    def newest_number(self) -> int | None:
        """Return the number of the release that new calls follow; None before there is one."""
        return None if self._newest is None else self._newest.number

    def take(self, number: int, document: str) -> None:
        """Follow a newer release from now on. Raises UnreadableDocument and keeps the old one."""
        try:
            table = compile_plan(parse(document), number)
        except KeyError as error:
            raise UnreadableDocument(
                f"This machine does not know the time zone {error}."
            ) from error
        with self._lock:
            self._kept[number] = table
            if self._newest is None or number > self._newest.number:
                self._newest = table

    def following(self, number: int | None) -> tuple[Table, str]:
        """Return the table for a call that began with a release, and a note if it is another.

        A call that just begins (`number` is None) follows the newest. Raises NoTable.
        """
        if number is None or number == self.newest.number:
            return self.newest, ""
        table = self._at_hand(number) or self._fetch(number)
        if table is not None:
            return table, ""
        newest = self.newest
        return newest, (
            f"The call began with release {number}, which is not at hand; "
            f"release {newest.number} decided."
        )

    def _at_hand(self, number: int) -> Table | None:
        with self._lock:
            return self._kept.get(number)

    def _fetch(self, number: int) -> Table | None:
        document = self._read_document(number)
        if document is None:
            return None
        try:
            self.take(number, document)
        except UnreadableDocument as error:
            log.error("Release %s can't be read: %s", number, error)
            return None
        return self._at_hand(number)
