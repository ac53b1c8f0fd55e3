"""The journal's rows: what each answered webhook decided, and how each call ended."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, Integer, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from voiceapp.extensions import Base
from voiceapp.models.types import UtcDateTime

# SQLite counts up by itself only in a column that is called INTEGER, which is 64 bits wide there
_Id = BigInteger().with_variant(Integer, "sqlite")

# a telephone number, or a SIP address in full
_Number = String(320)


class DecisionRow(Base):
    """One `DecisionEntry`, field for field; listed newest first and paged by (at, id)."""

    __tablename__ = "decisions"

    id: Mapped[int] = mapped_column(_Id, primary_key=True)
    call_sid: Mapped[str] = mapped_column(String(64))
    step: Mapped[int]
    door: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    release: Mapped[int]
    test: Mapped[bool]
    caller: Mapped[str] = mapped_column(_Number)
    called: Mapped[str] = mapped_column(_Number)
    ivr: Mapped[str] = mapped_column(String(64))
    key: Mapped[str] = mapped_column(String(64))
    rule: Mapped[str] = mapped_column(String(255))
    outcome: Mapped[str] = mapped_column(String(64))
    destination_kind: Mapped[str] = mapped_column(String(64))
    destination_option: Mapped[str] = mapped_column(String(4096))
    ms: Mapped[float]
    lookup: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    explanation: Mapped[list[str]] = mapped_column(JSON)
    safe: Mapped[bool] = mapped_column(default=False)

    __table_args__ = (
        UniqueConstraint("call_sid", "step", "door"),
        Index(None, "at", "id"),
        Index(None, "caller", "at", "id"),
        Index(None, "called", "at", "id"),
        Index(None, "outcome", "at", "id"),
        # as each of them spells that the column holds
        Index(
            "ix_decisions_safe",
            "at",
            "id",
            sqlite_where=text("safe = 1"),
            postgresql_where=text("safe"),
        ),
    )


class CallEndRow(Base):
    """One `EndEntry`; of several reports about one call the first is kept."""

    __tablename__ = "call_ends"

    id: Mapped[int] = mapped_column(_Id, primary_key=True)
    call_sid: Mapped[str] = mapped_column(String(64), unique=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    status: Mapped[str] = mapped_column(String(64))
    duration: Mapped[int | None]
    test: Mapped[bool]
