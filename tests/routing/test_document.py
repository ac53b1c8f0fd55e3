"""Plans as JSON: every one comes back as it was, and nothing else is taken for one."""

import json
import operator
from collections.abc import Iterator
from decimal import Decimal
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from tests.conftest import settings as environment
from tests.databases import engine_for
from voiceapp import config
from voiceapp.demo import load_demo
from voiceapp.extensions import db
from voiceapp.recordings import RecordingStore
from voiceapp.routing import draft
from voiceapp.routing.document import UnreadableDocument, dump, from_plain, parse, to_plain
from voiceapp.rules.operators import Operator
from voiceapp.rules.plan import Did, Installation, Ivr, Plan
from voiceapp.rules.rule import (
    Condition,
    Destination,
    DestinationKind,
    Location,
    Outcome,
    Prompt,
    Rule,
)

GENERAL = Destination(DestinationKind.QUEUE, "general")
PLAN = Plan(
    installation=Installation(safe=GENERAL, time_zone="Europe/Berlin"),
    dids=(Did("+12025550180", "Sales", Destination(DestinationKind.RULE, "VIP")),),
    ivrs=(Ivr("801", "Menu", Prompt("Welcome."), {"1": GENERAL}, no_key=GENERAL, loops=2),),
    rules=(
        Rule(
            name="VIP",
            location=Location.DID,
            integration="directory",
            module="Contacts",
            field="Tier",
            conditions=(Condition(Operator.EQUAL, ("Gold",), GENERAL),),
            outcomes={Outcome.FAILED: GENERAL},
            budget=Decimal("2.50"),
        ),
    ),
)
QUEUE = {"kind": "queue", "option": "general"}

_rules = st.builds(
    Rule,
    find_by=...,
    search_field=...,
    greeting=...,
    after_recording=...,
    budget=st.decimals(allow_nan=False, allow_infinity=False),
    voice=...,
)
_plans = st.builds(
    Plan,
    dids=...,
    ivrs=...,
    rules=st.lists(_rules, max_size=3).map(tuple),
    queues=...,
    recordings=...,
    integrations=...,
)


@pytest.fixture
def demo_plan(sqlite_url: str, tmp_path: Path) -> Iterator[Plan]:
    with engine_for(sqlite_url) as engine, Session(engine) as session:
        db.metadata.create_all(engine)
        load_demo(session, RecordingStore(engine, tmp_path), config.load(environment(tmp_path)))
        yield draft.read(session)


def test_a_document_says_what_is_not_at_its_default():
    assert json.loads(dump(PLAN)) == {
        "format": 1,
        "plan": {
            "installation": {"safe": QUEUE, "time_zone": "Europe/Berlin"},
            "dids": [
                {
                    "number": "+12025550180",
                    "name": "Sales",
                    "destination": {"kind": "rule", "option": "VIP"},
                }
            ],
            "ivrs": [
                {
                    "number": "801",
                    "name": "Menu",
                    "greeting": {"text": "Welcome."},
                    "keys": {"1": QUEUE},
                    "no_key": QUEUE,
                    "loops": 2,
                }
            ],
            "rules": [
                {
                    "name": "VIP",
                    "location": "DID",
                    "integration": "directory",
                    "module": "Contacts",
                    "field": "Tier",
                    "conditions": [{"operator": "=", "values": ["Gold"], "destination": QUEUE}],
                    "outcomes": {"CRM failed": QUEUE},
                    "budget": "2.50",
                }
            ],
        },
    }


def test_the_demo_comes_back_as_it_was(demo_plan):
    read = parse(dump(demo_plan))

    assert read == demo_plan
    assert dump(read) == dump(demo_plan)


@given(_plans)
@settings(deadline=None, max_examples=50)
def test_every_plan_comes_back_as_it_was(plan):
    document = dump(plan)

    assert parse(document) == plan
    assert document.isascii()


@given(_rules)
@settings(deadline=None)
def test_every_part_of_a_draft_comes_back_as_it_was(rule):
    assert from_plain(json.loads(json.dumps(to_plain(rule))), Rule) == rule


def test_a_field_that_a_later_version_adds_is_passed_over():
    document = json.loads(dump(PLAN))
    document["plan"]["rules"][0]["mood"] = "sunny"

    assert parse(json.dumps(document)) == PLAN


@pytest.mark.parametrize("text", ["", "release 12", '{"format": 1, "plan": {', "\x00"])
def test_what_is_no_json_is_unreadable(text):
    with pytest.raises(UnreadableDocument, match=r"^A stored release is no JSON\.$"):
        parse(text)


@pytest.mark.parametrize(
    "text", ["null", "[]", '"plan"', "{}", '{"format": 2, "plan": {}}', '{"format": "1"}']
)
def test_another_format_is_unreadable(text):
    with pytest.raises(UnreadableDocument, match=r"^A stored release is not of format 1\.$"):
        parse(text)


@pytest.mark.parametrize("plan", [None, [], "plan", 5, {}, {"installation": {}}])
def test_what_is_no_plan_is_unreadable(plan):
    with pytest.raises(UnreadableDocument, match=r"in a stored Plan$"):
        parse(json.dumps({"format": 1, "plan": plan}))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["installation", "safe", "kind"], "carrier pigeon"),
        (["dids"], None),
        (["dids", 0], "+12025550180"),
        (["dids", 0, "destination"], None),
        (["ivrs", 0, "keys"], ["1"]),
        (["ivrs", 0, "loops"], "many"),
        (["rules", 0, "location"], "elsewhere"),
        (["rules", 0, "budget"], "soon"),
        (["rules", 0, "outcomes"], {"won the lottery": QUEUE}),
        (["rules", 0, "conditions", 0, "operator"], "~"),
        (["rules", 0, "conditions", 0, "values"], 5),
    ],
)
def test_a_part_of_the_wrong_kind_makes_a_document_unreadable(path, value):
    document = json.loads(dump(PLAN))
    parent = reduce(operator.getitem, path[:-1], document["plan"])
    parent[path[-1]] = value

    with pytest.raises(UnreadableDocument):
        parse(json.dumps(document))


@pytest.mark.parametrize("missing", ["name", "location", "conditions", "outcomes"])
def test_a_part_that_is_missing_makes_a_document_unreadable(missing):
    document = json.loads(dump(PLAN))
    del document["plan"]["rules"][0][missing]

    with pytest.raises(UnreadableDocument):
        parse(json.dumps(document))


_json: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def _paths(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every part of a document, at any depth."""
    for key, inner in node.items() if isinstance(node, dict) else enumerate(node):
        yield (*path, key)
        if isinstance(inner, dict | list):
            yield from _paths(inner, (*path, key))


@given(path=st.sampled_from(list(_paths(json.loads(dump(PLAN))))), value=_json)
@settings(deadline=None)
def test_whatever_a_part_is_replaced_by_the_document_is_read_or_unreadable(path, value):
    document = json.loads(dump(PLAN))
    reduce(operator.getitem, path[:-1], document)[path[-1]] = value

    try:
        plan = parse(json.dumps(document))
    except UnreadableDocument:
        return
    assert isinstance(plan, Plan)
