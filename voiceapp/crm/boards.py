"""Where it stands which CRMs are paused: in a folder of the machine, and beyond it."""

import logging
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from voiceapp.crm.shared import Shared

_HELD = 3600.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FolderBoard:
    """A folder that all processes of a machine see; needs no database and no network."""

    folder: Path

    def read(self, source: str) -> str | None:
        """Return what stands there of a CRM; None for nothing."""
        path = f"{self.folder}/{source}"
        if not os.path.exists(path):  # as nearly always, so that it has to cost little
            return None
        try:
            return Path(path).read_text()
        except OSError:
            return None

    def write(self, source: str, text: str) -> None:
        """Put up what all should know of a CRM. On a full disk calls go on asking it."""
        draft = self.folder / f".{source}.{secrets.token_hex(4)}"
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft.write_text(text)
            draft.replace(self.folder / source)
        except OSError as error:
            _remove(draft)
            log.warning("It can't be noted that a CRM fails: %s", error.strerror)

    def wipe(self, source: str) -> None:
        """Take down what stands there."""
        _remove(self.folder / source)


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

    def wipe(self, source: str) -> None:
        """Take down what stands there."""
        self.shared.forget(f"breaker {source}")
