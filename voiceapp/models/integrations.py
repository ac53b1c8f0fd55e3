"""The secrets of integrations: encrypted, outside of releases, in force at once."""

from datetime import datetime

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from voiceapp.extensions import Base
from voiceapp.models.types import UtcDateTime, now


class Credential(Base):
    """The secrets of one integration, and the origin (scheme, host, port) they may go to."""

    __tablename__ = "credentials"

    integration: Mapped[str] = mapped_column(String(200), primary_key=True)
    origin: Mapped[str] = mapped_column(String(300))
    secrets: Mapped[str] = mapped_column(Text)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, onupdate=now)
