"""The map of the settings pages, and what the database holds, for tests that walk all of it."""

from collections.abc import Iterator
from dataclasses import dataclass

from flask import Flask
from sqlalchemy import select

from voiceapp.extensions import db
from voiceapp.routing import draft
from voiceapp.rules.plan import Did, Integration, Ivr, Queue, Recording
from voiceapp.rules.rule import Rule

OWN = "settings."
_PARTS = {
    "dids": Did,
    "ivrs": Ivr,
    "queues": Queue,
    "recordings": Recording,
    "routing": Rule,
    "integrations": Integration,
}
_PASSING = {"sign_ins"}  # when somebody was last seen changes with every page


@dataclass(frozen=True, slots=True)
class Route:
    """A page by the name of its view, its address in the demo, and how it may be asked for."""

    name: str
    address: str
    methods: frozenset[str]


def routes(app: Flask) -> Iterator[Route]:
    """Yield every page under /admin, with a part of the demo wherever one has to be named."""
    adapter = app.url_map.bind("calls.example.com")
    with app.app_context():
        ids = {type_: id_ for (type_, _), id_ in draft.ids(db.session()).items()}
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/admin"):
            name = rule.endpoint.removeprefix(OWN)
            id_ = ids.get(_PARTS.get(name.partition(".")[0], object), 1)
            arguments = {**dict.fromkeys(rule.arguments, id_), **(rule.defaults or {})}
            address = adapter.build(rule.endpoint, arguments)
            yield Route(name, address, frozenset(rule.methods or ()))


def senders(app: Flask) -> list[Route]:
    """Return the pages that take what somebody sends."""
    return [one for one in routes(app) if "POST" in one.methods and one.name != "nothing"]


def content(app: Flask) -> dict[str, list[tuple[object, ...]]]:
    """Return every row of the database, to compare before and after."""
    with app.app_context():
        return {
            table.name: sorted((tuple(row) for row in db.session.execute(select(table))), key=repr)
            for table in db.metadata.sorted_tables
            if table.name not in _PASSING
        }
