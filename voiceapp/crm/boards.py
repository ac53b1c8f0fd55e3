"""Where it stands which CRMs are paused: among all machines, and in a folder of each."""

import logging
import os
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from voiceapp.crm.contract import LONGEST_PAUSE
from voiceapp.crm.shared import Shared

_HELD = 2 * LONGEST_PAUSE
"""Seconds that it stands: longer than from one probe to the next."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FolderBoard:
    """A folder that all processes of a machine see; needs no database and no network.

    What a full disk does not take, the process that put it up knows for itself.
    """

    folder: Path
    _untold: dict[str, str] = field(default_factory=dict)

    def read(self, source: str) -> str | None:
        """Return what stands there of a CRM; None for nothing, and for what is damaged."""
        if (text := self._untold.get(source)) is not None:
            return text
        path = f"{self.folder}/{source}"
        try:
            return None if _is_old(os.stat(path)) else Path(path).read_text()
        except (OSError, ValueError):  # the second for what is no UTF-8
            return None

    def write(self, source: str, text: str) -> None:
        """Put up what all should know of a CRM."""
        draft = self.folder / f".{source}.{secrets.token_hex(4)}"
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._tidy_up()
            draft.write_text(text)
            draft.replace(self.folder / source)
        except OSError as error:
            _remove(draft)
            if source not in self._untold:
                log.warning("Other processes can't be told of a CRM: %s", error.strerror)
            self._untold[source] = text
        else:
            self._untold.pop(source, None)

    def _tidy_up(self) -> None:
        with os.scandir(self.folder) as entries:
            for entry in entries:
                with suppress(OSError):  # another process may have removed it
                    if _is_old(entry.stat()):
                        _remove(Path(entry))


def _is_old(found: os.stat_result) -> bool:
    return time.time() - found.st_mtime > _HELD


def _remove(path: Path) -> None:
    with suppress(OSError):  # it may not even be there
        path.unlink()


@dataclass(frozen=True, slots=True)
class SharedBoard:
    """What all machines share; while that is away, nothing stands there."""

    shared: Shared

    def read(self, source: str) -> str | None:
        """Return what stands there of a CRM; None for nothing."""
        return self.shared.read([f"breaker {source}"])[0]

    def write(self, source: str, text: str) -> None:
        """Put up what all should know of a CRM."""
        self.shared.write({f"breaker {source}": text}, _HELD)
        self.read(source)  # or what a call writes might wait until it is answered
