"""Recordings: audio files that callers hear."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO

from flask import Blueprint, Response, abort, render_template, send_file
from flask.typing import ResponseReturnValue

from voiceapp import audio
from voiceapp.audio import NotAudio
from voiceapp.extensions import db
from voiceapp.people import Role
from voiceapp.routing import draft
from voiceapp.routing.kinds import Stored
from voiceapp.rules.plan import Plan, Recording
from voiceapp.rules.rule import DestinationKind
from voiceapp.rules.uses import Use, all_uses, uses
from voiceapp.runtime import runtime
from voiceapp.settings import editing
from voiceapp.settings.door import needs
from voiceapp.settings.recording_form import RecordingForm, audio_of

bp = Blueprint("recordings", __name__, url_prefix="/recordings")

_KINDS = {"audio/wav": "WAV", "audio/mpeg": "MP3"}


@dataclass(frozen=True, slots=True)
class Sounding:
    """A recording as people know it: what kind of file it is, and how long it lasts."""

    kind: str
    length: str


def _used_by(plan: Plan, recording: Recording) -> tuple[Use, ...]:
    return uses(plan, DestinationKind.RECORDING, recording.name)


PAGES = editing.Pages(
    Recording,
    "recording",
    RecordingForm,
    "recordings/edit.html",
    "recordings",
    lambda plan, recording, form: (
        {"users": _used_by(plan, recording), "sounding": soundings([recording])[recording]}
        if recording
        else {}
    ),
)


@bp.get("/")
@needs(Role.VIEWER)
def index() -> ResponseReturnValue:
    """List the recordings, to be listened to, each with what plays it."""
    used = all_uses(draft.read(db.session()))
    recordings = sorted(draft.stored(db.session(), Recording), key=_by_name)
    sounding = soundings(one.part for one in recordings)
    return render_template(
        "recordings/index.html",
        recordings=[
            (one, sounding[one.part], used.get((DestinationKind.RECORDING, one.part.name), ()))
            for one in recordings
        ],
    )


@bp.route("/new", methods=["GET", "POST"])
@needs(Role.EDITOR)
def new() -> ResponseReturnValue:
    """Add a recording."""
    return editing.edit(PAGES)


@bp.route("/<int:id_>", methods=["GET", "POST"])
@needs(Role.VIEWER, to_change=Role.EDITOR)
def edit(id_: int) -> ResponseReturnValue:
    """Show a recording; give it another name, or another file."""
    return editing.edit(PAGES, id_)


@bp.get("/<int:id_>/audio")
@needs(Role.VIEWER)
def listen(id_: int) -> Response:
    """Play a recording as the draft has it, with ETag and ranges."""
    recording = editing.found(db.session(), Recording, id_).part
    found = audio_of(recording.hash)
    if found is None:
        abort(404)
    content = BytesIO(found.content) if isinstance(found.content, bytes) else found.content
    response = send_file(content, mimetype=found.media_type, conditional=True, etag=recording.hash)
    response.cache_control.private = True
    return response


@bp.route("/<int:id_>/delete", methods=["GET", "POST"])
@needs(Role.EDITOR)
def delete(id_: int) -> ResponseReturnValue:
    """Delete a recording, after naming what plays it."""
    return editing.delete(PAGES, id_, _used_by)


def soundings(recordings: Iterable[Recording]) -> Mapping[Recording, Sounding]:
    """Return how recordings show in lists; without a length if the content is gone."""
    recordings = tuple(recordings)
    lengths = runtime().recordings.lengths({one.hash for one in recordings})
    return {one: _sounding(one, lengths.get(one.hash)) for one in recordings}


def _sounding(recording: Recording, seconds: float | None) -> Sounding:
    kind = _KINDS.get(recording.media_type, recording.media_type)
    try:
        return Sounding(kind, in_words(seconds or _seconds(recording.hash)))
    except (LookupError, NotAudio):
        return Sounding(kind, "")


def in_words(seconds: float) -> str:
    """
    Return a length as people read it.

    >>> in_words(1.24), in_words(59.96), in_words(125)
    ('1.2 s', '1 min 0 s', '2 min 5 s')
    """
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    return f"{round(seconds) // 60} min {round(seconds) % 60} s"


@lru_cache(maxsize=1000)
def _seconds(digest: str) -> float:
    """Return how long a content lasts, which never changes. Raises LookupError and NotAudio."""
    found = audio_of(digest)
    if found is None:
        raise LookupError(digest)
    content = found.content
    return audio.inspect(content if isinstance(content, bytes) else content.read_bytes()).seconds


def _by_name(stored: Stored[Recording]) -> str:
    return stored.part.name.casefold()
