"""The public door to recordings: Twilio's media servers fetch them without a signature."""

from io import BytesIO

from flask import Blueprint, Response, abort, send_file
from sqlalchemy.exc import SQLAlchemyError

from voiceapp.crm.bounded import OutOfTime
from voiceapp.crm.deadline import Deadline
from voiceapp.recordings import Audio
from voiceapp.runtime import runtime

bp = Blueprint("prompts", __name__)

_YEAR = 365 * 24 * 3600
_FETCH_BUDGET = 2.0


@bp.get("/recordings/<digest>/<name>")
def recording(digest: str, name: str) -> Response:
    """Serve a recording with type, ETag and ranges; the name is for people only."""
    audio = runtime().recordings.on_disk(digest) or _fetched(digest)
    if audio is None:
        abort(404)
    content = BytesIO(audio.content) if isinstance(audio.content, bytes) else audio.content
    response = send_file(
        content, mimetype=audio.media_type, conditional=True, etag=digest, max_age=_YEAR
    )
    response.cache_control.immutable = True
    return response


def _fetched(digest: str) -> Audio | None:
    """Fetch a recording that calls may hear; strangers can't make us ask for any other."""
    parts = runtime()
    parts.live.ensure_started(watch=parts.watch)
    if not parts.live.tables.knows_recording(digest):
        return None
    try:
        return parts.bounded.run(
            lambda: parts.recordings.fetch(digest), Deadline.after(_FETCH_BUDGET)
        )
    except (SQLAlchemyError, OutOfTime):
        abort(503)
