"""The content of recordings, shared by all machines; each keeps a copy on its own disk."""

from sqlalchemy import LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from voiceapp.extensions import Base


class RecordingContent(Base):
    """An audio file under the SHA-256 of its content (hex); never changed."""

    __tablename__ = "recording_contents"

    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    media_type: Mapped[str] = mapped_column(String(50))
    content: Mapped[bytes] = mapped_column(LargeBinary)
