"""CRM call routing on Twilio: look the caller up, compare one field, send the call on."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from flask import Flask, redirect, url_for
from sqlalchemy import Engine, event
from werkzeug.wrappers import Response

from voiceapp import cli, config, logs, models, prompts
from voiceapp.config import ROOT, Settings
from voiceapp.crm.bounded import Bounded
from voiceapp.crm.contract import CrmClient
from voiceapp.crm.http import HttpDoor
from voiceapp.crm.kind import Connection, Surroundings
from voiceapp.crm.lookup import Lookup
from voiceapp.crm.registry import build_client
from voiceapp.crm.resolver import Resolve, system_resolve
from voiceapp.crm.tokens import Tokens
from voiceapp.crm.trace import Step, TracedDoor
from voiceapp.extensions import bootstrap, db, migrate
from voiceapp.models.contacts import finder
from voiceapp.proxies import ClientAddress
from voiceapp.recordings import RecordingStore
from voiceapp.refusals import Refusals
from voiceapp.routing.catalogue import Shelf
from voiceapp.routing.clients import ClientFor, Clients
from voiceapp.routing.inquiry import Inquirer
from voiceapp.routing.journal import Journal
from voiceapp.routing.ledger import straight_to
from voiceapp.routing.live import Live
from voiceapp.routing.releases import PendingMemory
from voiceapp.routing.token_store import DatabaseTokens, known_as
from voiceapp.rules.plan import Integration
from voiceapp.runtime import Runtime, attach
from voiceapp.settings import pages
from voiceapp.shared import RedisShared
from voiceapp.throttle import Throttle
from voiceapp.twiml import webhooks
from voiceapp.vault import Vault

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["create_app"]


def create_app(
    overrides: Mapping[str, str] | None = None,
    *,
    client_for: ClientFor | None = None,
    resolve: Resolve = system_resolve,
    watch: bool = True,
    propagate_faults: bool = False,
) -> Flask:
    """Return the application: configured, extensions attached, doors open, no thread started.

    `overrides` stand before the environment. `client_for` makes CRM clients, `resolve` names
    addresses; `watch` off leaves it to the caller to look for releases; `propagate_faults` lets
    our own faults through instead of landing the call safely. Raises ConfigError.
    """
    settings = config.load(overrides)
    logs.mask_by_default()
    app = Flask(__name__, instance_path=str(settings.instance), template_folder=ROOT / "templates")
    app.config.from_mapping(
        SECRET_KEY=settings.secret_key,
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_ENGINE_OPTIONS=_engine_options(settings.database_url),
        PROPAGATE_FAULTS=propagate_faults,
        **_cookie(settings.public_base_url),
        WTF_CSRF_TIME_LIMIT=None,  # a page may stay open as long as its session lasts
        BOOTSTRAP_SERVE_LOCAL=True,
    )
    models.load_all()
    db.init_app(app)
    migrate.init_app(app, db, directory=str(ROOT / "migrations"))
    bootstrap.init_app(app)
    with app.app_context():
        engine = db.engine
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
    inner = _TidyPath(app.wsgi_app)
    # as Flask documents it
    app.wsgi_app = ClientAddress(inner, settings.trusted_proxies)  # type: ignore[method-assign]
    attach(app, _runtime(settings, engine, client_for, resolve, watch=watch))
    app.register_blueprint(webhooks.bp)
    app.register_blueprint(prompts.bp)
    app.register_blueprint(pages.bp)
    app.add_url_rule("/", "front", _front)
    cli.register(app)
    return app


def _front() -> Response:
    """Lead whoever opens the bare address to the settings pages."""
    return redirect(url_for("settings.overview.index"))


def _cookie(base_url: str) -> dict[str, Any]:
    """Return how the session's cookie is kept: out of scripts' reach, and off plain http."""
    is_secure = base_url.startswith("https:")
    return {
        # the prefix makes browsers refuse one that another host or plain http has set
        "SESSION_COOKIE_NAME": "__Host-voiceapp" if is_secure else "voiceapp",
        "SESSION_COOKIE_SECURE": is_secure,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
    }


class _TidyPath:
    """Takes a webhook's address with a slash too many for what was meant.

    Routing would answer it with a redirect or an error page, which no caller can follow. The
    signature is checked over the address as it was sent.
    """

    def __init__(self, application: "WSGIApplication") -> None:
        self._application = application

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        path = re.sub("/{2,}", "/", environ.get("PATH_INFO", ""))
        if path.startswith("/twiml/"):
            environ["PATH_INFO"] = path.rstrip("/")
        return self._application(environ, start_response)


def _runtime(
    settings: Settings,
    engine: Engine,
    client_for: ClientFor | None,
    resolve: Resolve,
    *,
    watch: bool,
) -> Runtime:
    bounded, vault = Bounded(), Vault(settings.credentials_keys)
    around = _surroundings(settings, engine, bounded, vault, resolve)
    probing: Callable[[list[Step]], ClientFor]
    if client_for is None:
        client_for, probing = _client_maker(around), _probing(around)
    else:
        probing = partial(_given, client_for)
    clients = Clients(client_for, vault)
    return Runtime(
        settings=settings,
        live=Live(engine, clients, bounded, settings.instance),
        inquirer=Inquirer(clients, Lookup()),
        probing=probing,
        door=around.door,
        journal=Journal(settings.instance / "journal", straight_to(engine)),
        recordings=RecordingStore(engine, settings.instance / "recordings"),
        vault=vault,
        bounded=bounded,
        refusals=Refusals(),
        throttle=Throttle(_shared(settings, vault)),
        pending=PendingMemory(),
        watch=watch,
    )


def _shared(settings: Settings, vault: Vault) -> RedisShared | None:
    """Return what is shared with other processes and machines; None without Redis."""
    if not settings.redis_url:
        return None
    return RedisShared(settings.redis_url, settings.credentials_keys[0], vault)


def _given(client_for: ClientFor, steps: list[Step]) -> ClientFor:
    """Return clients that were handed in, which note nothing."""
    return client_for


def _surroundings(
    settings: Settings, engine: Engine, bounded: Bounded, vault: Vault, resolve: Resolve
) -> Surroundings:
    """Return what clients share: one door, and what is known of CRMs beyond this process."""

    def tokens(connection: Connection) -> Tokens:
        known = known_as(connection, settings.credentials_keys[0])
        return Tokens(DatabaseTokens(engine, bounded, vault, known))

    door = HttpDoor(
        allowed_hosts=settings.crm_allowed_hosts,
        ca_bundle=settings.crm_ca_bundle or None,
        resolve=resolve,
    )
    book = Shelf(engine, bounded).book
    return Surroundings(door, finder(engine), bounded, tokens=tokens, book=book)


def _probing(around: Surroundings) -> Callable[[list[Step]], ClientFor]:
    """Return what makes clients whose every request is noted."""

    def probing(steps: list[Step]) -> ClientFor:
        door = TracedDoor(around.door, steps)
        return _client_maker(replace(around, door=door))

    return probing


def _client_maker(around: Surroundings) -> ClientFor:
    def client_for(integration: Integration, secrets: Mapping[str, str], country: str) -> CrmClient:
        connection = Connection(
            integration.kind,
            integration.url,
            integration.options,
            secrets,
            country,
            integration.key,
        )
        return build_client(connection, around)

    return client_for


def _engine_options(database_url: str) -> dict[str, Any]:
    """Return options that keep a lost database from holding a thread for long, and secrets kept."""
    options: dict[str, Any] = {
        "pool_size": 10,
        "max_overflow": 20,
        "pool_timeout": 2,
        "hide_parameters": True,  # a fault is logged with its statement, but not with what is in it
    }
    if database_url.startswith("postgresql"):
        options["pool_pre_ping"] = True
        options["connect_args"] = {
            "connect_timeout": 2,
            "tcp_user_timeout": 3000,
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 2,
            "options": "-c statement_timeout=15000",
        }
    return options


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    """Let readers and one writer work side by side, and hold foreign keys."""
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")
