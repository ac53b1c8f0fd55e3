"""Counts of calls by quarters of an hour, and what is needed to forget old calls quickly

Revision ID: 0006
Revises: 0005
Create Date: 2026-11-30 15:20:00
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "call_counts",
        sa.Column("what", sa.String(length=20), nullable=False),
        sa.Column("slot", sa.DateTime(timezone=True), nullable=False),
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("what", "slot", "name", name=op.f("pk_call_counts")),
    )
    op.create_table(
        "call_count_mark",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("counted", sa.BigInteger(), nullable=False),
        sa.Column("settled", sa.BigInteger(), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_count_mark")),
    )
    op.create_index(op.f("ix_call_ends_at"), "call_ends", ["at"])
    op.create_index(
        "ix_decisions_safe",
        "decisions",
        ["at", "id"],
        sqlite_where=sa.text("safe = 1"),
        postgresql_where=sa.text("safe"),
    )


def downgrade():
    op.drop_index("ix_decisions_safe", table_name="decisions")
    op.drop_index(op.f("ix_call_ends_at"), table_name="call_ends")
    op.drop_table("call_count_mark")
    op.drop_table("call_counts")
