"""How many real calls there were, by quarters of an hour; kept longer than the journal's rows."""

from datetime import datetime

from sqlalchemy import BigInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from voiceapp.extensions import Base
from voiceapp.models.types import UtcDateTime

LONGEST_NAME = 300


class CallCount(Base):
    """How many calls first came to something within the quarter of an hour that begins at `slot`.

    `what` is a `routing.counts.What`, `name` which of them: an outcome, a rule, a destination.
    Quarters, because in some time zones days begin at half past or a quarter to.
    """

    __tablename__ = "call_counts"

    what: Mapped[str] = mapped_column(String(20), primary_key=True)
    slot: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
    name: Mapped[str] = mapped_column(String(LONGEST_NAME), primary_key=True)
    calls: Mapped[int]


class CountMark(Base):
    """How far the counting has come: the one row of this table is also what counters lock.

    Rows of `decisions` with an id up to `counted` are in the counts. Up to `settled` none can
    appear any more that is not there by now.
    """

    __tablename__ = "call_count_mark"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    counted: Mapped[int] = mapped_column(BigInteger, default=0)
    settled: Mapped[int] = mapped_column(BigInteger, default=0)
