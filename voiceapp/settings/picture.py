"""Draws the ways of a call: places as boxes from left to right, with wires between them."""

from collections.abc import Sequence, Set
from dataclasses import dataclass

from voiceapp.rules.rule import DestinationKind
from voiceapp.rules.way import BACK, Edge, Node, Way
from voiceapp.settings.layers import LANE, Layers, Size, Stop
from voiceapp.settings.lettering import fit, measure, wrap

LINE = 14
MARGIN = 8

_TITLE, _NOTE, _LABEL = 14, 11, 12  # sizes of letters; a bold one is wider
_BOX, _LEAF = 46, 26
_BESIDE_TEXT = {_BOX: 46, _LEAF: 26}  # the sign and the blank space
_WIDEST = 200
_WIDEST_LABEL, _MOST_LINES = 150, 4
_LEAVES = {BACK, DestinationKind.HANGUP.value}


@dataclass(frozen=True, slots=True)
class Point:
    """A point of a picture."""

    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Box:
    """A place as it is drawn; `title` and `note` may be shortened, the node has the whole."""

    node: Node
    x: float
    y: float
    width: float
    height: float
    title: str
    note: str
    is_taken: bool = False

    @property
    def is_shortened(self) -> bool:
        """Say whether the box shows less than there is to read."""
        return (self.title, self.note) != (self.node.title, self.node.note)


@dataclass(frozen=True, slots=True)
class Label:
    """What stands above a wire, in lines; `x` and `y` are of its upper left corner."""

    x: float
    y: float
    width: float
    height: float
    lines: tuple[str, ...]
    is_shortened: bool = False


@dataclass(frozen=True, slots=True)
class Wire:
    """A step as it is drawn, from the right of one box to the left of another."""

    edge: Edge
    start: Point
    end: Point
    path: str
    label: Label | None = None
    is_taken: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """What there is to draw, in units of its own; wires that were taken come last, on top."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    wires: tuple[Wire, ...]
    taken: Set[Edge] = frozenset()


def draw(way: Way, taken: Set[Edge] = frozenset()) -> Picture:
    """Return the picture of a way, the same each time; `taken` are the steps that a call took."""
    lines = {edge: wrap(edge.label, _LABEL, _WIDEST_LABEL, _MOST_LINES) for edge in way.edges}
    layers = Layers(
        way,
        {node.id: _size_of_box(node) for node in way.nodes},
        {edge: _size_of_label(lines[edge]) for edge in way.edges},
    )
    wires = [_wire(edge, layers, lines[edge], edge in taken) for edge in way.edges]
    ends = {end for edge in taken for end in (edge.source, edge.target)}
    return Picture(
        width=round(layers.width + 2 * MARGIN, 1),
        height=round(layers.height + 2 * MARGIN, 1),
        boxes=tuple(_box(node, layers, node.id in ends) for node in way.nodes),
        wires=tuple(sorted(wires, key=lambda wire: wire.is_taken)),
        taken=taken,
    )


def _size_of_box(node: Node) -> Size:
    height = _height(node)
    text = max(measure(node.title, _TITLE), measure(node.note, _NOTE))
    return Size(min(text + _BESIDE_TEXT[height], _WIDEST), height, height / 2)


def _height(node: Node) -> int:
    return _LEAF if node.kind in _LEAVES else _BOX


def _size_of_label(lines: Sequence[str]) -> Size:
    if not lines:
        return LANE
    return Size(max(measure(line, _LABEL) for line in lines), LINE * len(lines) + 8, port=3)


def _box(node: Node, layers: Layers, is_taken: bool) -> Box:
    stop = layers.boxes[node.id]
    left, right = layers.left(stop), layers.right(stop)
    width = stop.size.width if node.kind in _LEAVES else right - left
    at, room = _point(left, stop.top), width - _BESIDE_TEXT[_height(node)] + 0.1
    title, note = fit(node.title, _TITLE, room), fit(node.note, _NOTE, room)
    return Box(node, at.x, at.y, round(width, 1), stop.size.height, title, note, is_taken)


def _wire(edge: Edge, layers: Layers, lines: tuple[str, ...], is_taken: bool) -> Wire:
    source, *passed, target = layers.tracks[edge]
    start = at = _point(layers.right(source), source.port)
    path = f"M{start.x:g} {start.y:g}"
    for stop in passed:
        path += _curve(at, _point(layers.left(stop), stop.port))
        at = _point(layers.right(stop), stop.port)
        path += f"H{at.x:g}"
    end = _point(layers.left(target), target.port)
    path += _curve(at, end)
    return Wire(edge, start, end, path, _label(edge, layers, lines), is_taken)


def _curve(start: Point, end: Point) -> str:
    middle = round((start.x + end.x) / 2, 1)
    return f"C{middle:g} {start.y:g} {middle:g} {end.y:g} {end.x:g} {end.y:g}"


def _label(edge: Edge, layers: Layers, lines: tuple[str, ...]) -> Label | None:
    if not lines:
        return None
    stop: Stop = layers.tracks[edge][1]
    at = _point(layers.left(stop), stop.top)
    is_shortened = " ".join(lines) != " ".join(edge.label.split())
    return Label(at.x, at.y, round(stop.size.width, 1), stop.size.height, lines, is_shortened)


def _point(x: float, y: float) -> Point:
    return Point(round(x + MARGIN, 1), round(y + MARGIN, 1))
