"""The ways that calls may take through a plan, as a graph: what leads where, for what reason."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from voiceapp.rules.operators import Operator
from voiceapp.rules.places import BACK, DID, MISSING, Node, Places, back_to, place_id
from voiceapp.rules.plan import NO_KEY, WRONG_KEY, Did, Ivr, Plan
from voiceapp.rules.rule import (
    Condition,
    Destination,
    DestinationKind,
    Location,
    Outcome,
    Rule,
    outcomes_for,
)

__all__ = [
    "BACK",
    "DID",
    "MISSING",
    "Edge",
    "Node",
    "Taken",
    "Way",
    "columns",
    "taken",
    "way_of",
    "way_of_ivr",
    "way_of_rule",
]

Choice: TypeAlias = tuple[str, Destination | None]
"""A reason to go somewhere; None stands for a place that nobody has chosen."""

_SIGNS = {Operator.AT_MOST: "≤", Operator.AT_LEAST: "≥"}
_AFTERWARDS = "afterwards"


@dataclass(frozen=True, slots=True)
class Edge:
    """A step from one place to the next, with every reason to take it; a DID needs none."""

    source: str
    target: str
    labels: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Return all reasons in a row."""
        return ", ".join(self.labels)


@dataclass(frozen=True, slots=True)
class Way:
    """Places in the order of their columns, and the steps between them; nothing goes in circles."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    def onward(self, node: Node) -> tuple[tuple[Edge, Node], ...]:
        """Return the steps that lead on from a place, in the order they are tried, and whereto."""
        places = {place.id: place for place in self.nodes}
        return tuple((edge, places[edge.target]) for edge in self.edges if edge.source == node.id)


@dataclass(frozen=True, slots=True)
class Taken:
    """One step of a call as the journal has it, blank where something does not apply."""

    ivr: str
    key: str
    rule: str
    outcome: str
    destination: Destination


def way_of(did: Did, plan: Plan) -> Way:
    """Return the ways that calls to a DID may take."""
    root = Node(f"{DID}:{did.number}", DID, did.name or did.number, f"DID {did.number}".rstrip())
    is_asked = did.destination.kind is DestinationKind.RULE
    walk = _Walk(plan, asked=did.destination.option if is_asked else "")
    return walk.from_root(root, [("", did.destination)])


def way_of_ivr(ivr: Ivr, plan: Plan) -> Way:
    """Return the ways that calls may take from a menu, which need not be in the plan yet."""
    walk = _Walk(replace(plan, ivrs=(*plan.ivrs, ivr)))
    root = walk.places.at(Destination(DestinationKind.IVR, ivr.number))
    return walk.from_root(root, _of_ivr(ivr))


def way_of_rule(rule: Rule, plan: Plan) -> Way:
    """Return the ways that calls may take from a rule, which need not be in the plan yet."""
    walk = _Walk(replace(plan, rules=(*plan.rules, rule)), asked=rule.name)
    root = walk.places.at(Destination(DestinationKind.RULE, rule.name))
    return walk.from_root(root, _of_rule(rule))


def columns(way: Way) -> dict[str, int]:
    """Return for each place how many steps the longest way to it has."""
    found = dict.fromkeys((node.id for node in way.nodes), 0)
    targets = defaultdict(list)
    for edge in way.edges:
        targets[edge.source].append(edge.target)
    for source in found:  # a place stands after all those that lead to it
        for target in targets[source]:
            found[target] = max(found[target], found[source] + 1)
    return found


def taken(way: Way, steps: Sequence[Taken]) -> frozenset[Edge]:
    """Return the edges that a call took, as far as the way has them."""
    places = {node.id: node.destination for node in way.nodes}
    before = (None, *(step.destination for step in steps))
    return frozenset(
        edge
        for step, came_from in zip(steps, before, strict=False)
        for edge in way.edges
        if _is_taken(edge, places[edge.target], step, came_from)
    )


def _is_taken(
    edge: Edge, target: Destination | None, step: Taken, came_from: Destination | None
) -> bool:
    kind, _, name = edge.source.partition(":")
    if kind == DID:
        return True
    if kind == DestinationKind.IVR:
        return name == step.ivr and _slot(step.key) in edge.labels
    if kind == DestinationKind.RULE and step.outcome == Outcome.MATCHED:
        return name == step.rule and target == step.destination
    if kind == DestinationKind.RULE:
        return name == step.rule and step.outcome in edge.labels
    if came_from is None or step.ivr or step.rule:
        return False
    return edge.source == place_id(came_from) and target == step.destination


class _Walk:
    """Goes from a root to everything that calls may reach from there.

    `asked` is the rule that a DID asks, if any: it says how calls go on from its recordings.
    """

    def __init__(self, plan: Plan, asked: str = "") -> None:
        self.places = Places(plan)
        self._afterwards = _after_recordings(self.places.rules.get(asked))

    def from_root(self, root: Node, choices: Sequence[Choice]) -> Way:
        """Walk depth first; whatever leads back to where the walk came from becomes a leaf."""
        nodes = {root.id: root}
        reasons: dict[tuple[str, str], list[str]] = {}
        path = {root.id: iter(choices)}
        finished: list[str] = []
        while path:
            source, left = next(reversed(path.items()))
            choice = next(left, None)
            if choice is None:
                finished.append(source)
                del path[source]
                continue
            reason, destination = choice
            node = self.places.seen_from(nodes[source], destination)
            if node.id in path:
                node = back_to(node, nodes[source])
            reasons.setdefault((source, node.id), []).append(reason)
            if node.id not in nodes:
                nodes[node.id] = node
                path[node.id] = self._choices(node)
        return _in_columns([nodes[id] for id in reversed(finished)], list(nodes), reasons)

    def _choices(self, node: Node) -> Iterator[Choice]:
        if node.destination is None or node.kind == BACK:
            return
        option = node.destination.option
        if node.kind == DestinationKind.IVR:
            yield from _of_ivr(self.places.ivrs[option])
        elif node.kind == DestinationKind.RULE:
            yield from _of_rule(self.places.rules[option])
        elif node.destination in self._afterwards:
            yield _AFTERWARDS, self._afterwards[node.destination]


def _in_columns(
    nodes: Sequence[Node], seen: Sequence[str], reasons: Mapping[tuple[str, str], list[str]]
) -> Way:
    """Return a way of nodes that stand before those they lead to, and were `seen` in an order."""
    edges = tuple(
        Edge(source, target, tuple(dict.fromkeys(filter(None, labels))))
        for (source, target), labels in reasons.items()
    )
    column = columns(Way(tuple(nodes), edges))
    ordered = sorted(nodes, key=lambda node: (column[node.id], seen.index(node.id)))
    position = {node.id: index for index, node in enumerate(ordered)}
    return Way(tuple(ordered), tuple(sorted(edges, key=lambda edge: position[edge.source])))


def _after_recordings(rule: Rule | None) -> dict[Destination, Destination]:
    """Return where calls go on from recordings; that they end there goes without saying."""
    if rule is None or rule.location is not Location.DID:
        return {}
    if rule.after_recording.kind is DestinationKind.HANGUP:
        return {}
    reached = (destination for _, destination in _of_rule(rule) if destination is not None)
    return {one: rule.after_recording for one in reached if one.kind is DestinationKind.RECORDING}


def _of_ivr(ivr: Ivr) -> list[Choice]:
    return [(_slot(key), destination) for key, destination in ivr.slots()]


def _of_rule(rule: Rule) -> list[Choice]:
    conditions: list[Choice] = [(_spell(one), one.destination) for one in rule.conditions]
    outcomes = outcomes_for(rule.find_by)
    return [*conditions, *((outcome.value, rule.outcomes.get(outcome)) for outcome in outcomes)]


def _slot(key: str) -> str:
    return {NO_KEY: "no key", WRONG_KEY: "wrong key"}.get(key, key)


def _spell(condition: Condition) -> str:
    operator = condition.operator
    return _SIGNS.get(operator, operator.value) + str(condition).removeprefix(operator)
