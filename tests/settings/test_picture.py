"""The picture of a way: everything in its place, readable, and safe to put into a page."""

import re
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment, FileSystemLoader

from tests.rules.mazes import plans
from voiceapp.rules.operators import Operator
from voiceapp.rules.plan import Did, Installation, Ivr, Plan, Queue
from voiceapp.rules.rule import (
    Condition,
    Destination,
    DestinationKind,
    FindBy,
    Location,
    Prompt,
    Rule,
    outcomes_for,
)
from voiceapp.rules.way import Way, way_of, way_of_ivr, way_of_rule
from voiceapp.settings.layers import settled
from voiceapp.settings.lettering import measure
from voiceapp.settings.picture import Box, Label, Picture, draw

TEMPLATES = Path(__file__).parents[2] / "templates"
EVIL = "<script>\"' onload=x style=y"


def overlap(one: Box | Label, other: Box | Label) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )


def labels_of(picture: Picture) -> list[Label]:
    return [wire.label for wire in picture.wires if wire.label]


@given(plans)
def test_nothing_stands_on_anything_else_or_outside(plan):
    picture = draw(way_of(plan.dids[0], plan))

    things = [*picture.boxes, *labels_of(picture)]
    assert not any(overlap(one, other) for one, other in combinations(things, 2))
    for thing in things:
        assert thing.x >= 0
        assert thing.y >= 0
        assert thing.x + thing.width <= picture.width
        assert thing.y + thing.height <= picture.height


@given(plans)
def test_every_wire_goes_from_its_box_to_its_box(plan):
    way = way_of(plan.dids[0], plan)

    picture = draw(way)

    boxes = {box.node.id: box for box in picture.boxes}
    assert {wire.edge for wire in picture.wires} == set(way.edges)
    for wire in picture.wires:
        source, target = boxes[wire.edge.source], boxes[wire.edge.target]
        assert wire.start.x == pytest.approx(source.x + source.width, abs=0.2)
        assert wire.start.y == pytest.approx(source.y + source.height / 2, abs=0.2)
        assert wire.end.x == pytest.approx(target.x, abs=0.2)
        assert wire.end.y == pytest.approx(target.y + target.height / 2, abs=0.2)
        numbers = [float(one) for one in re.findall(r"-?[\d.]+", wire.path)]
        assert numbers[:2] == [wire.start.x, wire.start.y]
        assert numbers[-2:] == [wire.end.x, wire.end.y]


@given(plans)
def test_no_wire_passes_through_a_box_or_a_label(plan):
    picture = draw(way_of(plan.dids[0], plan))

    for wire in picture.wires:
        x, y = wire.start.x, wire.start.y
        for kind, numbers in re.findall(r"([CH])([^CHM]*)", wire.path):
            ends = [float(one) for one in numbers.split()]
            if kind == "H":
                run = Label(x, y, ends[0] - x, 0.0, ())
                assert not any(overlap(run, box) for box in picture.boxes)
                others = [label for label in labels_of(picture) if label is not wire.label]
                assert not any(overlap(run, label) for label in others)
            x, y = (ends[0], y) if kind == "H" else (ends[4], ends[5])


@given(plans)
def test_what_is_written_fits(plan):
    picture = draw(way_of(plan.dids[0], plan))

    for box in picture.boxes:
        assert measure(box.title, 14) <= box.width
        assert box.is_shortened or (box.title, box.note) == (box.node.title, box.node.note)
    for label in labels_of(picture):
        assert all(measure(line, 12) <= label.width + 0.1 for line in label.lines)


@given(plans)
def test_the_same_way_is_drawn_the_same(plan):
    assert draw(way_of(plan.dids[0], plan)) == draw(way_of(plan.dids[0], plan))


@given(st.lists(st.tuples(st.integers(-999, 999), st.integers(0, 99)), min_size=1))
def test_what_settles_is_in_order_and_far_enough_apart(wanted):
    apart = [distance for _, distance in wanted[1:]]

    places = settled([place for place, _ in wanted], apart)

    assert len(places) == len(wanted)
    for one, other, distance in zip(places, places[1:], apart, strict=False):
        assert other - one >= distance - 1e-6


def to(kind: str, option: str = "") -> Destination:
    return Destination(DestinationKind(kind), option)


PLAN = Plan(Installation(safe=to("queue", "general")), queues=(Queue("general"),))


def make_rule(*destinations: Destination, name: str = "Levels") -> Rule:
    conditions = (
        Condition(Operator.EQUAL, (f"Level {number}",), destination)
        for number, destination in enumerate(destinations)
    )
    return Rule(
        name=name,
        location=Location.DID,
        integration="directory",
        module="Contacts",
        field="Level",
        conditions=tuple(conditions),
        outcomes=dict.fromkeys(outcomes_for(FindBy.CALLER), to("queue", "general")),
    )


def test_twenty_conditions_stand_in_their_order():
    rule = make_rule(*(to("dial", f"+120255501{number:02}") for number in range(20)))

    picture = draw(way_of_rule(rule, PLAN))

    tops = [label.y for label in labels_of(picture)]
    assert len(tops) == 21
    assert tops == sorted(tops)
    assert not any(label.is_shortened for label in labels_of(picture))


def test_a_place_alone_and_nothing_at_all_can_be_drawn():
    alone = Way(way_of(Did("+12025550180", "Sales", to("hangup")), PLAN).nodes[:1], ())

    assert [box.title for box in draw(alone).boxes] == ["Sales"]
    assert draw(Way((), ())).boxes == ()


def test_long_names_are_shortened_and_told_whole():
    name = "A rule whose name is longer than any box could ever be"

    picture = draw(way_of_rule(make_rule(*[to("dial", "+12025550199")] * 20, name=name), PLAN))

    box, label = picture.boxes[0], labels_of(picture)[0]
    assert box.title.endswith("…")
    assert box.is_shortened
    assert label.lines[-1].endswith("…")
    assert label.is_shortened
    page = render(picture, way_of_rule(make_rule(name=name), PLAN))
    assert f"<title>CRM rule · Level {name}</title>" in page


def render(picture: Picture, way: Way, link=None) -> str:
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    macro = environment.get_template("partials/_picture.html").module.picture  # type: ignore[attr-defined]
    return str(macro(picture, way, link))


def address(destination: Destination) -> str | None:
    if destination.kind is DestinationKind.HANGUP:
        return None
    return f"/{destination.kind}?name={destination.option}"


EVERYTHING = make_rule(*(to(kind, EVIL) for kind in DestinationKind), name=EVIL)
EVIL_PLAN = Plan(
    PLAN.installation,
    ivrs=(Ivr(EVIL, EVIL, Prompt("Press."), {}, to("hangup")),),
    rules=(EVERYTHING,),
    queues=(Queue(EVIL),),
)


def test_names_are_only_ever_text():
    way = way_of(Did("+12025550180", EVIL, to("rule", EVIL)), EVIL_PLAN)

    page = ElementTree.fromstring(render(draw(way), way, address))

    names = {element.tag for element in page.iter()}
    attributes = {name for element in page.iter() for name in element.attrib}
    assert "script" not in names
    assert not [name for name in attributes if name == "style" or name.startswith("on")]
    assert EVIL in {"".join(element.itertext()).strip() for element in page.iter()}


def test_places_link_to_where_they_are_kept_in_the_picture_and_in_the_list():
    way = way_of(Did("+12025550180", "Sales", to("queue", "general")), PLAN)

    page = ElementTree.fromstring(render(draw(way), way, address))

    links = [link.get("href") for link in page.iter("a")]
    assert links == ["/queue?name=general"] * 2
    assert not list(ElementTree.fromstring(render(draw(way), way)).iter("a"))


def test_the_way_that_was_taken_is_thick_and_told_in_words():
    keys = {"1": to("queue", "general"), "2": to("dial", "+12025550199")}
    way = way_of_ivr(Ivr("801", "Main", Prompt("Press."), keys, to("hangup")), PLAN)
    pressed = next(edge for edge in way.edges if edge.labels == ("2",))

    picture = draw(way, frozenset({pressed}))

    assert picture.wires[-1].edge == pressed
    assert [wire.is_taken for wire in picture.wires] == [False, False, False, True]
    assert {box.title for box in picture.boxes if box.is_taken} == {"Main", "+12025550199"}
    page = ElementTree.fromstring(render(picture, way))
    assert "thick line" in "".join(page.find("figcaption").itertext())
    marked = [" ".join("".join(item.itertext()).split()) for item in page.iterfind(".//li[strong]")]
    assert marked == ["2 → Dial +12025550199 taken"]
