"""The content of recordings, shared by all machines; each keeps a copy on its own disk."""

from datetime import datetime

from sqlalchemy import LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from voiceapp.extensions import Base
from voiceapp.models.types import UtcDateTime, now


class RecordingContent(Base):
    """An audio file under the SHA-256 of its content (hex), which never changes.

    `seconds` is how long it lasts, where that was looked at; `created_at` when it was last sent.
    """

    __tablename__ = "recording_contents"

    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    media_type: Mapped[str] = mapped_column(String(50))
    content: Mapped[bytes] = mapped_column(LargeBinary)
    seconds: Mapped[float | None]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
