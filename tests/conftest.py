"""What all tests may use: applications with the demo loaded, and Twilio as it posts."""

import ipaddress
import shutil
import socket
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import hypothesis
import pytest
from flask import Flask
from jinja2 import BytecodeCache, FileSystemBytecodeCache
from twilio.request_validator import RequestValidator
from werkzeug.test import TestResponse

from voiceapp import create_app
from voiceapp.demo import load_demo
from voiceapp.extensions import db
from voiceapp.runtime import runtime

pytest_plugins = ["tests.databases", "tests.redis_server", "tests.slow_redis"]

hypothesis.settings.register_profile("unhurried", deadline=None)  # machines may be busy
hypothesis.settings.load_profile("unhurried")

TOKEN = "12345"
BASE = "https://calls.example.com"

MakeApp = Callable[..., Flask]
Post = Callable[..., TestResponse]


@pytest.fixture(autouse=True)
def only_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail whatever connects to another machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            host = address[0]  # type: ignore[index]
            if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
                pytest.fail(f"A test connects to {host}.")
        connect(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", guarded)


def settings(instance: Path) -> dict[str, str]:
    """Every setting there is, so that no test depends on the environment it runs in."""
    return {
        "INSTANCE_PATH": str(instance),
        "HOST": "",
        "PORT": "",
        "WEB_CONCURRENCY": "",
        "PUBLIC_BASE_URL": BASE,
        "DATABASE_URL": "",
        "REDIS_URL": "",
        "TRUSTED_PROXIES": "",
        "TWILIO_ACCOUNT_SID": "",
        "TWILIO_AUTH_TOKEN": TOKEN,
        "SECRET_KEY": "",
        "CREDENTIALS_KEY": "",
        "CRM_CA_BUNDLE": "",
        "CRM_ALLOWED_HOSTS": "",
        "DEFAULT_COUNTRY": "US",
        "TIME_ZONE": "UTC",
        "METRICS_TOKEN": "",
        "ADMIN_EMAIL": "",
        "ADMIN_PASSWORD": "",
    }


@pytest.fixture(scope="session")
def demo_instance(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An instance folder with the demo loaded, to be copied and never used itself."""
    instance = tmp_path_factory.mktemp("demo")
    app = create_app(settings(instance), watch=False)
    with app.app_context():
        db.create_all()
        load_demo(db.session(), runtime().recordings, runtime().settings)
        db.session.remove()
        db.engine.dispose()
    return instance


@pytest.fixture
def instance(demo_instance: Path, tmp_path: Path) -> Path:
    """An instance folder of its own for each test, with the demo loaded."""
    return Path(shutil.copytree(demo_instance, tmp_path / "instance"))


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> BytecodeCache:
    """The pages, compiled once for all applications."""
    return FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))


@pytest.fixture
def make_app(instance: Path, templates: BytecodeCache) -> Iterator[MakeApp]:
    """Make applications on the test's instance folder; our own faults come through."""
    made: list[Flask] = []

    def make(overrides: Mapping[str, str] | None = None, **arguments: object) -> Flask:
        arguments = {"watch": False, "propagate_faults": True} | arguments
        app = create_app(settings(instance) | dict(overrides or {}), **arguments)  # type: ignore[arg-type]
        app.jinja_env.bytecode_cache = templates
        made.append(app)
        return app

    yield make
    for app in made:
        with app.app_context():
            runtime().journal.close()
            db.session.remove()
            db.engine.dispose()


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """An application with the demo loaded."""
    return make_app()


def sign(url: str, fields: Mapping[str, str], token: str = TOKEN) -> dict[str, str]:
    """Return the headers with which Twilio sends a webhook."""
    signature = RequestValidator(token).compute_signature(url, fields)
    return {"X-Twilio-Signature": signature}


def poster(app: Flask) -> Post:
    """Return a function that posts webhooks to an application as Twilio does, signed."""

    def post(target: str, **fields: str) -> TestResponse:
        headers = sign(BASE + target, fields)
        return app.test_client().post(target, base_url=BASE, data=fields, headers=headers)

    return post


@pytest.fixture
def twilio(app: Flask) -> Post:
    """Posts webhooks as Twilio does, signed: `twilio("/twiml/did", From=…, To=…)`."""
    return poster(app)
