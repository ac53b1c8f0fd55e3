"""What is being edited: one row for each part of the plan."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from voiceapp.extensions import Base
from voiceapp.models.types import UtcDateTime, now


class DraftPart(Base):
    """One DID, IVR, rule, queue, recording or integration, or the installation's settings.

    `body` is the part as `routing.document` writes it, `key` what is unique within its kind.
    A deleted part stays without a body until it is published that it is gone, so that the list
    of changes can say who deleted it. `version` grows with each save, so that nobody overwrites
    what they have not seen.
    """

    __tablename__ = "draft_parts"
    __table_args__ = (UniqueConstraint("kind", "key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    key: Mapped[str] = mapped_column(String(200))
    body: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    version: Mapped[int] = mapped_column(default=1)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, onupdate=now)
    changed_by: Mapped[str] = mapped_column(String(200), default="")

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own convention
