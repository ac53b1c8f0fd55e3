"""What is known of CRMs beyond one process: tokens to ask them with, and the fields they have."""

from datetime import datetime

from sqlalchemy import Double, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from voiceapp.extensions import Base
from voiceapp.models.types import UtcDateTime, now


class CrmToken(Base):
    """A token of one connection, encrypted; times in seconds since 1970.

    A connection is known by a keyed hash of its kind, address, options and secrets: what is typed
    anew has no part in the tokens of before, and integrations that were told the same share one.
    Until `claimed_until` somebody is fetching a new one.
    """

    __tablename__ = "crm_tokens"

    connection: Mapped[str] = mapped_column(String(64), primary_key=True)
    sealed: Mapped[str] = mapped_column(Text, default="")
    expires_at: Mapped[float] = mapped_column(Double, default=0.0)
    claimed_until: Mapped[float] = mapped_column(Double, default=0.0)


class CrmModule(Base):
    """The fields of a module as a CRM told them last; a blank module lists the modules.

    `place` is a hash of the address and options with which it was asked.
    """

    __tablename__ = "crm_modules"

    integration: Mapped[str] = mapped_column(String(200), primary_key=True)
    place: Mapped[str] = mapped_column(String(64), primary_key=True)
    module: Mapped[str] = mapped_column(String(200), primary_key=True)
    content: Mapped[str] = mapped_column(Text)
    read_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, onupdate=now)
