"""Recordings on disk: immutable files under the hash of their content, fetched when missing."""

import hashlib
import logging
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from voiceapp.models.recordings import RecordingContent

log = logging.getLogger(__name__)

SUFFIXES = {"audio/wav": ".wav", "audio/mpeg": ".mp3"}
"""The media types that are taken, which Twilio plays and browsers too."""
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Audio:
    """A recording to be served: its file, or its content where the disk would not take it."""

    content: Path | bytes
    media_type: str


class RecordingStore:
    """Keeps recordings in the database for all machines, and a copy of each on this one's disk."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine = engine
        self._folder = folder

    def add(self, content: bytes, media_type: str) -> str:
        """Keep an audio file and return its hash. Raises KeyError for another media type."""
        digest = hashlib.sha256(content).hexdigest()
        self._write(digest, content, media_type)
        with Session(self._engine) as session:
            if session.get(RecordingContent, digest) is None:
                session.add(RecordingContent(hash=digest, media_type=media_type, content=content))
                session.commit()
        return digest

    def on_disk(self, digest: str) -> Audio | None:
        """Return the recording with a hash, if this machine has it."""
        if not _HASH.fullmatch(digest):
            return None
        for media_type, suffix in SUFFIXES.items():
            path = self._folder / f"{digest}{suffix}"
            if path.exists():
                return Audio(path, media_type)
        return None

    def fetch(self, digest: str) -> Audio | None:
        """Return a recording from the database, and keep it on this machine's disk.

        Raises SQLAlchemyError.
        """
        with Session(self._engine) as session:
            row = session.get(RecordingContent, digest)
        if row is None:
            return None
        try:
            return Audio(self._write(digest, row.content, row.media_type), row.media_type)
        except OSError as error:
            log.warning("A recording can't be kept on the disk: %s", error.strerror)
            return Audio(row.content, row.media_type)

    def _write(self, digest: str, content: bytes, media_type: str) -> Path:
        path = self._folder / f"{digest}{SUFFIXES[media_type]}"
        if not path.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
            try:
                draft.write_bytes(content)
                draft.replace(path)
            finally:
                draft.unlink(missing_ok=True)
        return path
