"""Recordings on disk: immutable files under the hash of their content, fetched when missing."""

import hashlib
import logging
import os
import re
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from voiceapp.models.recordings import RecordingContent

log = logging.getLogger(__name__)

SUFFIXES = {"audio/wav": ".wav", "audio/mpeg": ".mp3"}
"""The media types that are taken, which Twilio plays and browsers too."""
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)


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

    def find(self, digest: str) -> tuple[Path, str] | None:
        """Return the file and media type of a recording; None if there is none of this hash."""
        if not _HASH.fullmatch(digest):
            return None
        return self._on_disk(digest) or self._from_database(digest)

    def _on_disk(self, digest: str) -> tuple[Path, str] | None:
        for media_type, suffix in SUFFIXES.items():
            path = self._folder / f"{digest}{suffix}"
            if path.exists():
                return path, media_type
        return None

    def _from_database(self, digest: str) -> tuple[Path, str] | None:
        try:
            with Session(self._engine) as session:
                row = session.get(RecordingContent, digest)
        except SQLAlchemyError as error:
            log.warning("A recording can't be fetched now: %s", type(error).__name__)
            return None
        if row is None:
            return None
        return self._write(digest, row.content, row.media_type), row.media_type

    def _write(self, digest: str, content: bytes, media_type: str) -> Path:
        path = self._folder / f"{digest}{SUFFIXES[media_type]}"
        if not path.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            draft = path.with_name(f".{path.name}.{os.getpid()}")
            draft.write_bytes(content)
            draft.replace(path)
        return path
