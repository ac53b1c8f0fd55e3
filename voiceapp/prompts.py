"""The public door to recordings: Twilio's media servers fetch them without a signature."""

from flask import Blueprint, Response, abort, send_file

from voiceapp.runtime import runtime

bp = Blueprint("prompts", __name__)

_YEAR = 365 * 24 * 3600


@bp.get("/recordings/<digest>/<name>")
def recording(digest: str, name: str) -> Response:
    """Serve a recording with type, ETag and ranges; the name is for people only."""
    found = runtime().recordings.find(digest)
    if found is None:
        abort(404)
    path, media_type = found
    response = send_file(
        path, mimetype=media_type, conditional=True, etag=digest, max_age=_YEAR, download_name=name
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.cache_control.immutable = True
    return response
