"""The places that calls come to, as admins know them: what a destination is called and leads to."""

from dataclasses import dataclass

from voiceapp.rules.plan import Plan
from voiceapp.rules.rule import Destination, DestinationKind

DID = "did"
BACK = "back"
MISSING = "missing"

_NOTES = {
    DestinationKind.QUEUE: "Queue",
    DestinationKind.RECORDING: "Recording",
    DestinationKind.DIAL: "Dial",
    DestinationKind.SAY: "Say",
}
_NOUNS = {
    DestinationKind.QUEUE: "queue",
    DestinationKind.IVR: "IVR",
    DestinationKind.RECORDING: "recording",
    DestinationKind.DIAL: "number",
    DestinationKind.RULE: "CRM rule",
    DestinationKind.SAY: "sentence",
}


@dataclass(frozen=True, slots=True)
class Node:
    """A place on the way of a call.

    `kind` is that of a destination, or `DID`, or for a leaf `BACK` (to a place the call comes
    from) or `MISSING`. `note` says the kind in words where the title does not. `destination` is
    what admins would choose to send a call here, None where there is no such thing.
    """

    id: str
    kind: str
    title: str
    note: str = ""
    destination: Destination | None = None


class Places:
    """Finds the place for a destination in a plan."""

    def __init__(self, plan: Plan) -> None:
        self.ivrs = {ivr.number: ivr for ivr in plan.ivrs}
        self.rules = {rule.name: rule for rule in plan.rules}
        self._known = {
            DestinationKind.QUEUE: {queue.name for queue in plan.queues},
            DestinationKind.IVR: set(self.ivrs),
            DestinationKind.RECORDING: {recording.name for recording in plan.recordings},
            DestinationKind.RULE: set(self.rules),
        }

    def at(self, destination: Destination) -> Node:
        """Return the place of a destination that is there."""
        title, note = self._words(destination)
        return Node(place_id(destination), destination.kind, title, note, destination)

    def seen_from(self, source: Node, destination: Destination | None) -> Node:
        """Return the place that a destination means to a call at `source`."""
        if destination is None:
            return Node(f"{MISSING}:{source.id}", MISSING, "no destination chosen")
        kind, option = destination.kind, destination.option
        if kind is DestinationKind.HANGUP:
            return Node(f"{kind}:{source.id}", kind, "hang up", destination=destination)
        if kind is DestinationKind.MENU:
            is_menu = source.kind == DestinationKind.IVR
            menu = Node(f"{BACK}:{source.id}", BACK, "back to the menu", destination=destination)
            return source if is_menu else menu
        if not option:
            return Node(f"{MISSING}:{source.id}:{kind}", MISSING, f"no {_NOUNS[kind]} chosen")
        if option not in self._known.get(kind, {option}):
            id = f"{MISSING}:{source.id}:{place_id(destination)}"
            return Node(id, MISSING, option, f"no such {_NOUNS[kind]}")
        return self.at(destination)

    def _words(self, destination: Destination) -> tuple[str, str]:
        option = destination.option
        if destination.kind is DestinationKind.IVR:
            return self.ivrs[option].name or option, f"IVR {option}"
        if destination.kind is DestinationKind.RULE:
            rule = self.rules[option]
            return option, f"CRM rule · {rule.field}" if rule.field else "CRM rule"
        return option, _NOTES[destination.kind]


def place_id(destination: Destination) -> str:
    """Return the id of a destination's place."""
    return f"{destination.kind}:{destination.option}"


def back_to(node: Node, source: Node) -> Node:
    """Return a leaf that stands for a place passed before, to spare a line across the picture."""
    kind, _, option = node.id.partition(":")
    title = f"back to {_NOUNS[DestinationKind(kind)]} {option}"
    return Node(f"{BACK}:{source.id}:{node.id}", BACK, title, destination=node.destination)
