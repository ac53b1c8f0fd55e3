"""The secrets of integrations: encrypted, outside of releases, in force at once."""

from datetime import datetime

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from voiceapp.extensions import Base
from voiceapp.models.types import UtcDateTime, now


class Credential(Base):
    """The secrets of one integration for one origin (scheme, host, port), and for no other.

    A draft may lead an integration to another host while calls still follow the old one: each
    origin keeps its own secrets.
    """

    __tablename__ = "credentials"

    integration: Mapped[str] = mapped_column(String(200), primary_key=True)
    origin: Mapped[str] = mapped_column(String(300), primary_key=True)
    secrets: Mapped[str] = mapped_column(Text)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, onupdate=now)
