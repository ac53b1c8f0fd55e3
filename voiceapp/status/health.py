"""The door for whoever watches the service: is it there, is it ready, what does it count?"""

import hmac
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, abort, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST

from voiceapp import database
from voiceapp.routing.standing import pauses
from voiceapp.routing.tables import NoTable
from voiceapp.runtime import Runtime, runtime
from voiceapp.status import heartbeat
from voiceapp.status.metrics import Now

bp = Blueprint("health", __name__)

BACKLOG_BYTES = 5_000_000
"""A journal that is so far ahead of the database is not kept up with."""
_CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Check:
    """Something that can be wrong: its name among the numbers, and what is said if it is."""

    what: str
    is_wrong: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class Condition:
    """How the service is: the release it follows (0 for none), and what is not as it should be."""

    release: int
    checks: tuple[Check, ...]
    lost_rows: int
    backlog_bytes: int
    worker_seconds: float | None
    breakers: dict[str, str]

    @property
    def degraded(self) -> tuple[str, ...]:
        """Return what is wrong, in sentences."""
        return tuple(check.sentence for check in self.checks if check.is_wrong)

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
    condition = _condition(parts, _release(parts))
    now = Now(
        release=condition.release,
        backlog_bytes=condition.backlog_bytes,
        worker_seconds=condition.worker_seconds,
        breakers=condition.breakers,
        degraded={check.what: check.is_wrong for check in condition.checks},
    )
    return Response(parts.metrics.tell(now), content_type=CONTENT_TYPE_LATEST)


def _breakers(parts: Runtime) -> dict[str, str]:
    """Return the state of each CRM that calls ask, by its name; of two with one name the worse."""
    loaded = parts.live.tables.loaded
    if loaded is None:
        return {}
    standing = pauses(loaded.table, parts.live.clients, parts.breakers)
    states = {name: _CLOSED for name, _ in standing.values()}
    return states | {name: "open" for name, pause in standing.values() if pause}


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
    has_database = database.is_there(parts.bounded, "SELECT 1 FROM releases LIMIT 1")
    sealed = parts.live.sealed_off()
    lost = parts.metrics.lost_rows()
    open_ones = sorted(name for name, state in breakers.items() if state != _CLOSED)
    checks = (
        Check("release", not release, "No release has been published, or none can be read."),
        Check("database", not has_database, "The database is away."),
        Check("redis", not _has_redis(parts), "Redis is away."),
        Check("worker", not sign.is_alive, "The worker is not running."),
        Check("journal", sign.backlog_bytes > BACKLOG_BYTES, "The journal waits for the database."),
        Check("lost_rows", lost > 0, "Rows of the journal were lost since the start."),
        Check(
            "crms",
            bool(open_ones),
            f"CRMs that are not asked, as they fail: {', '.join(open_ones)}.",
        ),
        Check(
            "credentials",
            bool(sealed),
            f"CRMs whose credentials can't be decrypted: {', '.join(sealed)}. This machine's "
            "CREDENTIALS_KEY is another than the one they were saved with.",
        ),
    )
    return Condition(release, checks, lost, sign.backlog_bytes, sign.seconds, breakers)


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
