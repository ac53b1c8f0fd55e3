"""CRM call routing on Twilio: look the caller up, compare one field, send the call on."""

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from flask import Flask, Request, redirect, url_for
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from sqlalchemy import event
from werkzeug.wrappers import Response

from voiceapp import cli, config, logs, models, prompts
from voiceapp.assembly import assemble
from voiceapp.config import ROOT
from voiceapp.crm.resolver import Resolve, system_resolve
from voiceapp.extensions import bootstrap, db, migrate
from voiceapp.proxies import ClientAddress
from voiceapp.routing.clients import ClientFor
from voiceapp.runtime import attach
from voiceapp.settings import pages
from voiceapp.status import health
from voiceapp.twiml import webhooks

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
    app.session_interface = _Sessions()
    inner = _TidyPath(app.wsgi_app)
    # as Flask documents it
    app.wsgi_app = ClientAddress(inner, settings.trusted_proxies)  # type: ignore[method-assign]
    attach(app, assemble(settings, engine, client_for, resolve, watch=watch))
    app.register_blueprint(webhooks.bp)
    app.register_blueprint(prompts.bp)
    app.register_blueprint(health.bp)
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


class _Sessions(SecureCookieSessionInterface):
    """Sessions for whoever uses a browser; Twilio's webhooks have none, and don't pay for one."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Read the session of a request, unless it is a webhook."""
        return None if request.path.startswith("/twiml") else super().open_session(app, request)


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
    """Let readers and one writer work side by side, hold foreign keys, and know all letters."""
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")
    # its own is for ASCII only
    connection.create_function("lower", 1, lambda text: text and text.lower(), deterministic=True)
