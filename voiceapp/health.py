"""The door for whoever watches the service: is it there, is it ready, what does it count?"""

import hmac
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, abort, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from voiceapp import heartbeat
from voiceapp.crm.bounded import OutOfTime
from voiceapp.crm.deadline import Deadline
from voiceapp.extensions import db
from voiceapp.metrics import Now
from voiceapp.routing.standing import pauses
from voiceapp.routing.tables import NoTable
from voiceapp.runtime import Runtime, runtime

bp = Blueprint("health", __name__)

BACKLOG_BYTES = 5_000_000
"""A journal that is so far ahead of the database is not kept up with."""
_PATIENCE = 1.0
_CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Condition:
    """How the service is: the release it follows (0 for none), and what is not as it should be."""

    release: int
    degraded: tuple[str, ...]
    lost_rows: int
    backlog_bytes: int
    worker_seconds: float | None
    breakers: dict[str, str]

    @property
    def word(self) -> str:
        """Return the condition in one word or two."""
        if not self.release:
            return "not ready"
        return "degraded" if self.degraded else "ready"


@bp.after_request
def keep_out_of_caches(response: Response) -> Response:
    """Let nobody answer for us."""
    response.cache_control.no_store = True
    return response


@bp.get("/healthz")
def healthz() -> Response:
    """Say that the process answers."""
    return Response("ok\n", mimetype="text/plain")


@bp.get("/readyz")
def readyz() -> tuple[Response, int]:
    """Say whether calls can be routed; with the token also what is not as it should be."""
    release = _release(runtime())
    status = 200 if release else 503
    if not _has_token():
        return jsonify(status="ready" if release else "not ready"), status
    return jsonify(_told(_condition(runtime(), release))), status


@bp.get("/metrics")
def metrics() -> Response:
    """Tell all numbers to Prometheus."""
    parts = runtime()
    if not parts.settings.metrics_token:
        abort(404)
    if not _has_token():
        return Response(status=401, headers={"WWW-Authenticate": "Bearer"})
    sign = heartbeat.seen(parts.settings.instance)
    now = Now(_release(parts), sign.backlog_bytes, sign.seconds, _breakers(parts))
    return Response(parts.metrics.tell(now), content_type=CONTENT_TYPE_LATEST)


def _breakers(parts: Runtime) -> dict[str, str]:
    """Return the state of each CRM that calls ask, by its name."""
    loaded = parts.live.tables.loaded
    if loaded is None:
        return {}
    standing = pauses(loaded.table, parts.live.clients, parts.breakers)
    return {one.name: "open" if pause else _CLOSED for one, pause in standing.values()}


def _has_token() -> bool:
    token, given = runtime().settings.metrics_token, request.authorization
    if not token or given is None or given.type != "bearer" or given.token is None:
        return False
    return hmac.compare_digest(given.token.encode("utf-8", "replace"), token.encode())


def _release(parts: Runtime) -> int:
    """Return the release that this process follows, 0 for none; loads the first one."""
    parts.live.ensure_started(watch=parts.watch)
    try:
        return parts.live.tables.newest.number
    except NoTable:
        return 0


def _condition(parts: Runtime, release: int) -> Condition:
    sign = heartbeat.seen(parts.settings.instance)
    breakers = dict(_breakers(parts))
    lost = parts.metrics.lost_rows()
    open_ones = sorted(name for name, state in breakers.items() if state != _CLOSED)
    checks = (
        (not release, "No release has been published, or none can be read."),
        (not _has_database(parts), "The database is away."),
        (not _has_redis(parts), "Redis is away."),
        (not sign.is_alive, "The worker is not running."),
        (sign.backlog_bytes > BACKLOG_BYTES, "The journal waits for the database."),
        (lost > 0, "Rows of the journal were lost since the start."),
        (bool(open_ones), f"CRMs that are not asked, as they fail: {', '.join(open_ones)}."),
    )
    degraded = tuple(sentence for is_so, sentence in checks if is_so)
    return Condition(release, degraded, lost, sign.backlog_bytes, sign.seconds, breakers)


def _has_database(parts: Runtime) -> bool:
    engine = db.engine

    def ask() -> None:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1 FROM releases LIMIT 1"))

    try:
        parts.bounded.run(ask, Deadline.after(_PATIENCE))
    except (SQLAlchemyError, OutOfTime):
        return False
    return True


def _has_redis(parts: Runtime) -> bool:
    parts.shared.read(["readyz"])
    return not parts.shared.is_away


def _told(condition: Condition) -> dict[str, Any]:
    seconds = condition.worker_seconds
    return {
        "status": condition.word,
        "release": condition.release,
        "degraded": condition.degraded,
        "lost_rows": condition.lost_rows,
        "journal_backlog_bytes": condition.backlog_bytes,
        "worker_seen_seconds": None if seconds is None else round(seconds, 1),
        "breakers": condition.breakers,
    }
