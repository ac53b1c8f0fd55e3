"""Where things stand in a picture: layers from left to right, in each layer one below the other.

The layers are the boxes of a column, the labels of the wires that leave it, the boxes of the next
column, and so on. A wire that passes a layer has a lane there, which it shares with those to the
same place; so none crosses a box or a label.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from statistics import fmean

from voiceapp.rules.way import Edge, Way, columns

_BOXES_APART, _LANES_APART = 12.0, 4.0
_FAN, _WIDEST_FAN = 18.0, 80.0
_SWEEPS = 12


@dataclass(frozen=True, slots=True)
class Size:
    """How wide and high something is; `port` is how far above its bottom wires meet it."""

    width: float
    height: float
    port: float


LANE = Size(0, 8, 4)


@dataclass(slots=True, eq=False, repr=False)
class Stop:
    """Where wires begin, end or pass in a layer; `bottom` is how far down it reaches."""

    layer: int
    size: Size
    is_box: bool = False
    bottom: float = 0.0
    before: list["Stop"] = field(default_factory=list)
    after: list["Stop"] = field(default_factory=list)

    @property
    def top(self) -> float:
        """Return where the stop begins from above."""
        return self.bottom - self.size.height

    @property
    def port(self) -> float:
        """Return how far down wires meet the stop."""
        return self.bottom - self.size.port


class Layers:
    """Everything in a picture of a way, in its place; built from the sizes of boxes and labels."""

    def __init__(self, way: Way, boxes: Mapping[str, Size], labels: Mapping[Edge, Size]) -> None:
        self._layers: dict[int, list[Stop]] = defaultdict(list)
        self._lanes: dict[tuple[str, int], Stop] = {}
        column = columns(way)
        self.boxes = {
            node.id: self._add(2 * column[node.id], boxes[node.id], is_box=True)
            for node in way.nodes
        }
        self.tracks = {edge: self._track(edge, labels[edge]) for edge in way.edges}
        self._order()
        self._settle()
        self._lefts, self._rights = self._bounds()

    @property
    def width(self) -> float:
        """Return how far to the right the last layer reaches."""
        return max(self._rights, default=0.0)

    @property
    def height(self) -> float:
        """Return how far down the lowest stop reaches."""
        return max((stop.bottom for layer in self._layers.values() for stop in layer), default=0.0)

    def left(self, stop: Stop) -> float:
        """Return where the layer of a stop begins."""
        return self._lefts[stop.layer]

    def right(self, stop: Stop) -> float:
        """Return where the layer of a stop ends."""
        return self._rights[stop.layer]

    def _add(self, layer: int, size: Size, *, is_box: bool = False) -> Stop:
        stop = Stop(layer, size, is_box)
        self._layers[layer].append(stop)
        return stop

    def _lane(self, target: str, layer: int) -> Stop:
        if (target, layer) not in self._lanes:
            self._lanes[target, layer] = self._add(layer, LANE)
        return self._lanes[target, layer]

    def _track(self, edge: Edge, label: Size) -> tuple[Stop, ...]:
        """Return the stops of a wire from its source to its target."""
        source, target = self.boxes[edge.source], self.boxes[edge.target]
        first = self._add(source.layer + 1, label)
        passed = range(first.layer + 1, target.layer)
        lanes = (self._lane(edge.target, layer) for layer in passed)
        track = (source, first, *lanes, target)
        for one, following in pairwise(track):
            if following not in one.after:
                one.after.append(following)
                following.before.append(one)
        return track

    def _order(self) -> None:
        """Put what wires lead to beside where they come from."""
        for layer in range(1, len(self._layers)):
            rank = {stop: index for index, stop in enumerate(self._layers[layer - 1])}
            around = {stop: fmean(rank[one] for one in stop.before) for stop in self._layers[layer]}
            self._layers[layer].sort(key=around.__getitem__)

    def _settle(self) -> None:
        """Move each stop as near to those it is wired to as the others in its layer allow."""
        there = range(len(self._layers))
        for layer in [*there, *reversed(there)] * _SWEEPS:
            stops = self._layers[layer]
            apart = [other.size.height + _apart(one, other) for one, other in pairwise(stops)]
            for stop, bottom in zip(stops, settled(list(map(_wanted, stops)), apart), strict=True):
                stop.bottom = bottom
        stops = [stop for layer in self._layers.values() for stop in layer]
        highest = min((stop.top for stop in stops), default=0.0)
        for stop in stops:
            stop.bottom -= highest

    def _bounds(self) -> tuple[list[float], list[float]]:
        lefts, rights, left = [], [], 0.0
        for layer in range(len(self._layers)):
            stops = self._layers[layer]
            lefts.append(left)
            rights.append(left + max(stop.size.width for stop in stops))
            climbs = (abs(stop.port - one.port) for stop in stops for one in stop.after)
            left = rights[-1] + min(_FAN + max(climbs, default=0.0) / 7, _WIDEST_FAN)
        return lefts, rights


def settled(wanted: Sequence[float], apart: Sequence[float]) -> list[float]:
    """
    Return the places nearest to those wanted that are in order and far enough apart.

    `apart` is how far each place must be from the one before, the first left out.

    >>> settled([0, 50, 50], [10, 10])
    [0.0, 45.0, 55.0]
    """
    offsets = list(accumulate(apart, initial=0.0))[: len(wanted)]
    pools: list[list[float]] = []  # of neighbours that touch
    for place, offset in zip(wanted, offsets, strict=True):
        pool = [place - offset]
        while pools and fmean(pools[-1]) > fmean(pool):
            pool = pools.pop() + pool
        pools.append(pool)
    packed = [fmean(pool) for pool in pools for _ in pool]
    return [place + offset for place, offset in zip(packed, offsets, strict=True)]


def _wanted(stop: Stop) -> float:
    neighbours = [one.port for one in (*stop.before, *stop.after)]
    return fmean(neighbours) + stop.size.port if neighbours else stop.bottom


def _apart(one: Stop, other: Stop) -> float:
    return _BOXES_APART if one.is_box and other.is_box else _LANES_APART
