"""The CRMs: tokens to ask them with, and the fields they have

Revision ID: 0003
Revises: 0002
Create Date: 2026-11-23 02:10:00
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "crm_tokens",
        sa.Column("connection", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.Column("claimed_until", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("connection", name=op.f("pk_crm_tokens")),
    )
    op.create_table(
        "crm_modules",
        sa.Column("integration", sa.String(length=200), nullable=False),
        sa.Column("place", sa.String(length=64), nullable=False),
        sa.Column("module", sa.String(length=200), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("integration", "place", "module", name=op.f("pk_crm_modules")),
    )


def downgrade():
    op.drop_table("crm_modules")
    op.drop_table("crm_tokens")
