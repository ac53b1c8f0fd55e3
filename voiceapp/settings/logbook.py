"""Decisions of the journal as the pages show them: by whom they were taken, and whereto."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from voiceapp.routing.entry import DecisionEntry
from voiceapp.rules.plan import Did, Plan, slot_name
from voiceapp.rules.rule import Destination, DestinationKind
from voiceapp.settings.looks import link_of, page_of

_BY_DOOR: Mapping[str, str] = {
    "did": "A number that is no DID",
    "menu": "IVR",
    "key": "IVR",
    "ask": "IVR",
    "queue": "The queue did not take the call",
    "dial": "The number dialled did not answer",
    "recording": "The recording has played out",
    "fallback": "An earlier webhook failed",
    "fault": "Something failed in voiceapp",
    "elsewhere": "A wrong webhook address",
}
"""What led to a decision that neither a rule nor a key nor a DID of ours has taken."""


@dataclass(frozen=True, slots=True)
class Reason:
    """What decided, and the address of the page about it; blank if there is none."""

    text: str
    address: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A decision with what a list shows beside it; `did` is the name of the number called."""

    entry: DecisionEntry
    did: str
    by: tuple[Reason, ...]
    destination: Destination


def rows(entries: Iterable[DecisionEntry], plan: Plan) -> tuple[Row, ...]:
    """Return decisions as rows; `plan` says how the DIDs are called."""
    names = {did.number: did.name for did in plan.dids}
    return tuple(
        Row(
            entry=entry,
            did=names.get(entry.called, ""),
            by=tuple(_reasons(entry, is_ours=entry.called in names)),
            destination=destination_of(entry),
        )
        for entry in entries
    )


def destination_of(entry: DecisionEntry) -> Destination:
    """Return where a decision sent its call."""
    return Destination(DestinationKind(entry.destination_kind), entry.destination_option)


def _reasons(entry: DecisionEntry, *, is_ours: bool) -> Iterator[Reason]:
    if entry.rule:
        rule = Destination(DestinationKind.RULE, entry.rule)
        yield Reason(str(rule), link_of(rule))
    if entry.ivr:
        ivr = Destination(DestinationKind.IVR, entry.ivr)
        yield Reason(f"{slot_name(entry.key)} in {ivr}", link_of(ivr))
    if entry.rule or entry.ivr:
        return
    if entry.door == "did" and is_ours:
        yield Reason("DID", page_of(Did, entry.called))
    else:
        yield Reason(_BY_DOOR.get(entry.door, entry.door))
