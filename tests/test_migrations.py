"""The database grows with the application: what is in it stays, on both databases."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import Connection, create_engine, inspect

from tests.conftest import MakeApp
from voiceapp.extensions import db
from voiceapp.models.contacts import fold
from voiceapp.models.recordings import RecordingContent
from voiceapp.models.types import now
from voiceapp.routing import draft, releases
from voiceapp.rules.plan import Installation, Queue
from voiceapp.rules.rule import Destination, DestinationKind

AT = "2026-01-02 03:04:05+00:00"
GENERAL = Queue("general")
SETTINGS = Installation(Destination(DestinationKind.QUEUE, "general"))
ROWS: dict[str, list[dict[str, Any]]] = {
    "contacts": [
        {"id": 1, "module": "Contacts", "name": "Ada STRASSE", "phones": "[]", "fields": "{}"},
        {"id": 2, "module": "Contacts", "name": "Émile", "phones": '["+33"]', "fields": "{}"},
    ],
    "contact_keys": [
        {"id": 1, "contact_id": 2, "module": "Contacts", "field": "phone", "value": "+33"}
    ],
    "credentials": [
        {
            "integration": "crm",
            "origin": "https://crm.example:443",
            "secrets": "sealed",
            "changed_at": AT,
        }
    ],
    "draft_parts": [
        {
            "id": id_,
            "kind": kind,
            "key": key,
            "body": json.dumps(body),
            "version": 3,
            "changed_at": AT,
            "changed_by": "Ann",
        }
        for id_, kind, key, body in (
            (1, "queue", "general", {"name": "general"}),
            (2, "installation", "", {"safe": {"kind": "queue", "option": "general"}}),
        )
    ],
    "recording_contents": [{"hash": "f" * 64, "media_type": "audio/wav", "content": b"RIFF"}],
    "releases": [
        {
            "number": 1,
            "document": '{"format": 1, "plan": {"installation": {"safe": {"kind": "hangup"}}}}',
            "published_at": AT,
            "author": "Ann",
            "comment": "",
        }
    ],
}
"""What the first version of the application may have in its database."""

Migrate = Callable[..., None]


@pytest.fixture
def app(make_app: MakeApp, database_url: str) -> Flask:
    """An application on a new and empty database."""
    return make_app({"DATABASE_URL": database_url})


@pytest.fixture
def connection(app: Flask, database_url: str) -> Iterator[Connection]:
    """A connection of its own; what it begins is over before anything migrates."""
    engine = create_engine(database_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def up(app: Flask, revision: str = "head") -> None:
    with app.app_context():
        upgrade(revision=revision)


def down(app: Flask, revision: str) -> None:
    with app.app_context():
        downgrade(revision=revision)


def insert(connection: Connection, rows: dict[str, list[dict[str, Any]]]) -> None:
    """Write rows by hand: the models know only the newest tables."""
    for table, some in rows.items():
        for row in some:
            names = ", ".join(row)
            values = ", ".join(f":{name}" for name in row)
            connection.execute(sa.text(f"INSERT INTO {table} ({names}) VALUES ({values})"), row)


def rows_of(connection: Connection) -> dict[str, list[Any]]:
    """Return what is in the database of what was there at first."""
    found = {}
    for table, some in ROWS.items():
        names = ", ".join(some[0])
        query = sa.text(f"SELECT {names} FROM {table} ORDER BY 1")
        found[table] = [tuple(map(str, row)) for row in connection.execute(query)]
    return found


def tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names()) - {"alembic_version"}


def test_an_empty_database_gets_the_tables_of_the_models(app: Flask, connection: Connection):
    up(app)

    assert tables(connection) == set(db.metadata.tables)
    assert compare_metadata(MigrationContext.configure(connection), db.metadata) == []


def test_the_keys_of_all_tables_are_those_of_the_models(app: Flask, connection: Connection):
    up(app)

    inspector = inspect(connection)
    for name, table in db.metadata.tables.items():
        primary = inspector.get_pk_constraint(name)
        assert primary["constrained_columns"] == [column.name for column in table.primary_key]
        assert primary["name"] == f"pk_{name}"
    primary = inspector.get_pk_constraint("credentials")
    assert primary["constrained_columns"] == ["integration", "origin"]


def test_what_the_first_version_knew_is_kept(app: Flask, connection: Connection):
    up(app, "0001")
    insert(connection, ROWS)
    before = rows_of(connection)

    up(app)

    assert rows_of(connection) == before
    with app.app_context():
        drafted = draft.load(db.session())
        assert (drafted.plan.queues, drafted.plan.installation) == ((GENERAL,), SETTINGS)
        assert drafted.stamps[Queue, "general"].by == "Ann"
        assert releases.newest_number(db.session()) == 1


def test_contacts_of_the_first_version_are_sorted(app: Flask, connection: Connection):
    up(app, "0001")
    insert(connection, ROWS)

    up(app)

    names = connection.execute(sa.text("SELECT name, folded_name FROM contacts ORDER BY id"))
    assert [tuple(row) for row in names] == [
        ("Ada STRASSE", fold("Ada STRASSE")),
        ("Émile", fold("Émile")),
    ]


def test_recordings_of_the_first_version_count_as_sent_just_now(app: Flask, connection: Connection):
    up(app, "0001")
    insert(connection, ROWS)
    before = now().replace(microsecond=0)

    up(app)

    with app.app_context():
        row = db.session.get(RecordingContent, "f" * 64)
        assert (row.content, row.seconds) == (b"RIFF", None)
        assert before <= row.created_at <= now()
    columns = inspect(connection).get_columns("recording_contents")
    assert {column["default"] for column in columns} == {None}


def test_a_part_can_be_removed_and_an_integration_moved_afterwards(
    app: Flask, connection: Connection
):
    up(app, "0001")
    insert(connection, ROWS)
    up(app)

    moved = ROWS["credentials"][0] | {"origin": "https://new.example:443"}
    insert(connection, {"credentials": [moved]})
    with app.app_context():
        session = db.session()
        draft.remove(session, Queue, 1, 3, "Bob")
        session.commit()
        db.session.remove()

    with app.app_context():
        assert draft.read(db.session()).queues == ()
        assert draft.load(db.session()).stamps[Queue, "general"].by == "Bob"


def test_the_way_back_keeps_what_the_first_version_knows(app: Flask, connection: Connection):
    up(app, "0001")
    insert(connection, ROWS)
    before, first = rows_of(connection), tables(connection)
    up(app)

    down(app, "0001")

    assert tables(connection) == first
    assert rows_of(connection) == before
    primary = inspect(connection).get_pk_constraint("credentials")
    assert primary["constrained_columns"] == ["integration"]


def test_the_way_back_and_forth_comes_to_the_same(app: Flask, connection: Connection):
    up(app, "0001")
    insert(connection, ROWS)
    before = rows_of(connection)
    up(app)

    down(app, "0001")
    up(app)

    assert rows_of(connection) == before
    assert compare_metadata(MigrationContext.configure(connection), db.metadata) == []
    with app.app_context():
        assert draft.read(db.session()).queues == (GENERAL,)


def test_on_the_way_back_the_newest_secret_of_an_integration_is_kept(
    app: Flask, connection: Connection
):
    up(app)
    [old] = ROWS["credentials"]
    new = old | {"origin": "https://new.example:443", "changed_at": "2026-02-03 00:00:00+00:00"}
    twin = new | {"origin": "https://crm.example:8443"}
    other = old | {"integration": "other"}
    insert(connection, {"credentials": [new, old, twin, other]})

    down(app, "0001")

    assert rows_of(connection)["credentials"] == [
        tuple(map(str, kept.values())) for kept in (new, other)
    ]


def test_all_the_way_down_nothing_is_left(app: Flask, connection: Connection):
    up(app)

    down(app, "base")

    assert tables(connection) == set()
