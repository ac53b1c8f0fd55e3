"""What the lists and counts of calls lack at the moment, and why."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from voiceapp.routing.sums import is_behind
from voiceapp.runtime import runtime
from voiceapp.status import heartbeat
from voiceapp.status.health import BACKLOG_BYTES


@dataclass(frozen=True, slots=True)
class Lack:
    """A reason why calls are not shown that there were; `is_bad` if that does not end by itself."""

    title: str
    text: str
    is_bad: bool = False


def lacking_calls() -> tuple[Lack, ...]:
    """Return why calls may not be listed, as this machine sees it; nothing if all are."""
    sign = heartbeat.seen(runtime().settings.instance)
    lost = runtime().metrics.lost_rows()
    checks = (
        (not sign.is_alive, _WORKER_IS_GONE),
        (sign.is_alive and sign.backlog_bytes > BACKLOG_BYTES, _JOURNAL_WAITS),
        (lost > 0, _lost(lost)),
    )
    return tuple(lack for is_so, lack in checks if is_so)


def lacking_counts(session: Session) -> tuple[Lack, ...]:
    """Return why numbers of calls may be too low; nothing if they are right."""
    listed = lacking_calls()
    return (*listed, _STILL_COUNTED) if is_behind(session) else listed


_WORKER_IS_GONE = Lack(
    "New calls are not listed or counted at the moment",
    "They are answered as ever, but the worker, which writes them down, is not running. They "
    "appear here once it does. Tell whoever runs voiceapp to start it.",
    is_bad=True,
)
_JOURNAL_WAITS = Lack(
    "Calls are still being written down",
    "There are so many that the list lags behind. The missing ones appear by and by.",
)
_STILL_COUNTED = Lack(
    "Calls are still being counted",
    "The numbers of calls are too low until the worker is through with it.",
)


def _lost(count: int) -> Lack:
    what = "1 decision is" if count == 1 else f"{count} decisions are"
    return Lack(
        f"{what} missing for good",
        "Since the server was started, neither its disk nor the database took them. The calls went "
        "where they should; they are just not listed. Tell whoever runs voiceapp.",
        is_bad=True,
    )
