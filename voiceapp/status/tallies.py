"""Files in which processes count side by side, so that one of them can tell of all.

Each process has a name that no other has at the same time, and adds to what one of that name has
counted before: nothing that was counted dies with a process. The files have all the room they
will need from the beginning, since a full disk would end a process that makes them grow.
"""

import logging
import os
from pathlib import Path

from prometheus_client import values

_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_ROOM = {"counter": 32 * 1024, "histogram": 256 * 1024}

log = logging.getLogger(__name__)


def forget(folder: Path, names: str) -> None:
    """Begin anew with what processes counted whose names match a pattern."""
    for path in folder.glob(f"*_{names}.db"):
        path.unlink(missing_ok=True)


def count_together(folder: Path, name: str) -> None:
    """Let this process count in files; to be called before anything is counted.

    Where they can't be made (a full disk) it counts for itself.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for kind, room in _ROOM.items():
            _reserve(folder / f"{kind}_{name}.db", room)
    except OSError as error:
        log.warning("This process counts for itself: %s", error.strerror)
        return
    os.environ[_FOLDER] = str(folder)
    values.ValueClass = values.MultiProcessValue(  # type: ignore[no-untyped-call]  # ships no types
        lambda: name
    )


def shared_folder() -> Path | None:
    """Return where this process counts together with others; None if it counts for itself."""
    folder = os.environ.get(_FOLDER)
    return Path(folder) if folder and values.ValueClass is not values.MutexValue else None


class Names:
    """Gives each process of a server a name, and the name of one that ended to the next."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._taken: set[int] = set()

    def take(self) -> str:
        """Return a name that nobody has."""
        number = next(number for number in range(len(self._taken) + 1) if number not in self._taken)
        self._taken.add(number)
        return f"{self._prefix}{number}"

    def give_back(self, name: str) -> None:
        """Let another process have a name."""
        self._taken.discard(int(name.removeprefix(self._prefix)))


web_names = Names("web-")
"""Of the web processes. Here, since gunicorn reads its configuration anew when it reloads."""


def _reserve(path: Path, room: int) -> None:
    if not path.exists():
        unready = path.with_suffix(".new")  # whoever tells the numbers reads every .db there is
        unready.write_bytes(bytes(room))
        unready.replace(path)
