"""Counting goes by who writes rows, no longer by when somebody looked

Revision ID: 0007
Revises: 0006
Create Date: 2026-11-30 18:15:00
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade():
    with op.batch_alter_table("call_count_mark") as table:
        table.drop_column("settled_at")


def downgrade():
    long_ago = sa.Column(
        "settled_at",
        sa.DateTime(timezone=True),
        nullable=False,
        server_default="2026-01-01 00:00:00+00:00",
    )
    with op.batch_alter_table("call_count_mark") as table:
        table.add_column(long_ago)
