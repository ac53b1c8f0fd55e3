"""Recordings on disk: immutable files under the hash of their content, fetched when missing."""

import hashlib
import logging
import re
import secrets
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Engine, delete, select, update
from sqlalchemy.orm import Session

from voiceapp.models.recordings import RecordingContent
from voiceapp.models.types import now

log = logging.getLogger(__name__)

SUFFIXES = {"audio/wav": ".wav", "audio/mpeg": ".mp3"}
"""The media types that are taken, which Twilio plays and browsers too."""
KEPT_UNUSED = timedelta(days=1)
"""How long a content waits for a form to be finished."""
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)


def hashes_in(text: str) -> list[str]:
    """Return whatever looks like the hash of a content in a text."""
    return _HASH.findall(text)


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

    def add(self, content: bytes, media_type: str, seconds: float | None = None) -> str:
        """Keep an audio file and return its hash. Raises KeyError for another media type."""
        digest = hashlib.sha256(content).hexdigest()
        self._write(digest, content, media_type)
        if not self.renew(digest):
            row = RecordingContent(
                hash=digest, media_type=media_type, content=content, seconds=seconds
            )
            with Session(self._engine) as session:
                session.add(row)
                session.commit()
        return digest

    def renew(self, digest: str) -> bool:
        """Keep a content for as long as if it was sent now; say whether it is still there."""
        if not _HASH.fullmatch(digest):
            return False
        sent = update(RecordingContent).where(RecordingContent.hash == digest)
        with Session(self._engine) as session:
            found = session.scalar(sent.values(created_at=now()).returning(RecordingContent.hash))
            session.commit()
        return found is not None

    def lengths(self, digests: Iterable[str]) -> Mapping[str, float]:
        """Return how many seconds contents last, of those for which that is known."""
        query = select(RecordingContent.hash, RecordingContent.seconds).where(
            RecordingContent.hash.in_(digests)
        )
        with Session(self._engine) as session:
            return {hash_: length for hash_, length in session.execute(query) if length is not None}

    def sweep(self, used: Collection[str]) -> None:
        """Drop what has not been used for a day, and this machine's copies of what is dropped.

        Raises SQLAlchemyError and OSError.
        """
        # listed first: what is added meanwhile is not taken for something that was dropped
        files = [(path.name.partition(".")[0], path) for path in self._folder.glob("*.*")]
        is_old = RecordingContent.created_at < now() - KEPT_UNUSED
        with Session(self._engine) as session:
            old = session.scalars(select(RecordingContent.hash).where(is_old)).all()
            for digest in set(old).difference(used):
                # asked again, as somebody may just have sent it once more
                gone = delete(RecordingContent).where(RecordingContent.hash == digest, is_old)
                session.execute(gone)
            session.commit()
            kept = {*used, *session.scalars(select(RecordingContent.hash))}
        for digest, path in files:
            if _HASH.fullmatch(digest) and digest not in kept:
                path.unlink(missing_ok=True)

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
