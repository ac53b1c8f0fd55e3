"""The secrets of integrations, encrypted and outside of releases: in force, or just typed."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text
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


class TypedSecrets(Base):
    """The secrets typed into one form that is not saved yet: encrypted, and kept for some minutes.

    They belong to one sign-in, under the SHA-256 (hex) of its token, and go when that ends.
    """

    __tablename__ = "typed_secrets"

    sign_in: Mapped[str] = mapped_column(
        ForeignKey("sign_ins.token_hash", ondelete="CASCADE"), primary_key=True
    )
    form: Mapped[str] = mapped_column(String(64), primary_key=True)
    sealed: Mapped[str] = mapped_column(Text)
    typed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, index=True)
