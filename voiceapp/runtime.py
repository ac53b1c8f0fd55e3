"""What the doors share: made once in `create_app`, found again through the current application."""

import gc
from collections.abc import Callable
from dataclasses import dataclass

from flask import Flask, current_app

from voiceapp.config import Settings
from voiceapp.crm.bounded import Bounded
from voiceapp.crm.breaker import Breakers
from voiceapp.crm.door import Door
from voiceapp.crm.shared import Shared
from voiceapp.crm.trace import Step
from voiceapp.recordings import RecordingStore
from voiceapp.refusals import Refusals
from voiceapp.routing.clients import ClientFor
from voiceapp.routing.deliveries import Deliveries
from voiceapp.routing.inquiry import Inquirer
from voiceapp.routing.journal import Journal
from voiceapp.routing.live import Live
from voiceapp.routing.releases import PendingMemory
from voiceapp.status.metrics import Metrics
from voiceapp.throttle import Throttle
from voiceapp.vault import Vault

_NAME = "voiceapp"


@dataclass(frozen=True, slots=True)
class Runtime:
    """The parts of a running application."""

    settings: Settings
    live: Live
    inquirer: Inquirer
    trying: Inquirer
    """Looks callers up for test calls: remembers nothing between them, and is never paused."""
    breakers: Breakers
    probing: Callable[[list[Step]], ClientFor]
    """Makes clients whose requests are noted; tokens and fields are those of calls."""
    door: Door
    shared: Shared
    """What processes and machines know together; nothing without Redis."""
    deliveries: Deliveries
    journal: Journal
    metrics: Metrics
    recordings: RecordingStore
    vault: Vault
    bounded: Bounded
    refusals: Refusals
    throttle: Throttle
    pending: PendingMemory
    watch: bool


def attach(app: Flask, runtime: Runtime) -> None:
    """Give an application its parts."""
    app.extensions[_NAME] = runtime


def begin(application: object) -> None:
    """Load what calls follow, in a process that is about to answer them; to be called once.

    An application that is not ours is left alone.
    """
    parts = getattr(application, "extensions", {}).get(_NAME)
    if isinstance(parts, Runtime):
        parts.live.ensure_started(watch=parts.watch)
        gc.collect()
        gc.freeze()  # all this stays: let no collection in the midst of a call go through it


def runtime() -> Runtime:
    """Return the parts of the current application."""
    parts: Runtime = current_app.extensions[_NAME]
    return parts
