"""What the pages offer for choice: everything of the draft that a destination can name."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from voiceapp.rules.plan import Plan
from voiceapp.rules.rule import DestinationKind, Location

Choice = tuple[str, str]
"""A value and what people read for it."""

TITLES = {
    DestinationKind.QUEUE: "Queue",
    DestinationKind.IVR: "IVR",
    DestinationKind.RECORDING: "Play a recording",
    DestinationKind.DIAL: "Dial",
    DestinationKind.RULE: "CRM rule",
    DestinationKind.MENU: "Back to the menu",
    DestinationKind.SAY: "Say and hang up",
    DestinationKind.HANGUP: "Hang up",
}

LISTED = (
    DestinationKind.QUEUE,
    DestinationKind.IVR,
    DestinationKind.RECORDING,
    DestinationKind.RULE,
)
"""The kinds of which there is a list to pick from."""

FROM_RULE = (
    DestinationKind.QUEUE,
    DestinationKind.IVR,
    DestinationKind.RECORDING,
    DestinationKind.DIAL,
    DestinationKind.HANGUP,
)
FROM_DID = (*FROM_RULE[:3], DestinationKind.RULE, *FROM_RULE[3:])
FROM_KEY = (*FROM_DID, DestinationKind.MENU)
SAFE = (DestinationKind.QUEUE, DestinationKind.DIAL, DestinationKind.SAY)


@dataclass(frozen=True, slots=True)
class Offer:
    """The pick-lists of one page."""

    plan: Plan

    def options(self, kind: DestinationKind, location: Location | None = None) -> Sequence[Choice]:
        """Return what there is of a kind; CRM rules only those with a Location."""
        return sorted(self._named(kind, location), key=lambda choice: choice[1].casefold())

    def recordings(self) -> Sequence[Choice]:
        """Return the recordings there are."""
        return self.options(DestinationKind.RECORDING)

    def _named(self, kind: DestinationKind, location: Location | None) -> Iterable[Choice]:
        match kind:
            case DestinationKind.QUEUE:
                return ((queue.name, queue.name) for queue in self.plan.queues)
            case DestinationKind.IVR:
                return ((one.number, f"{one.number} {one.name}".strip()) for one in self.plan.ivrs)
            case DestinationKind.RECORDING:
                return ((recording.name, recording.name) for recording in self.plan.recordings)
            case DestinationKind.RULE:
                rules = self.plan.rules
                return ((one.name, one.name) for one in rules if one.location is location)
        return ()
