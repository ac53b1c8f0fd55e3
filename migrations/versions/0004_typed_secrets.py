"""The secrets of forms that are not saved yet

Revision ID: 0004
Revises: 0003
Create Date: 2026-11-30 14:50:00
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "typed_secrets",
        sa.Column("sign_in", sa.String(length=64), nullable=False),
        sa.Column("form", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("typed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["sign_in"],
            ["sign_ins.token_hash"],
            name=op.f("fk_typed_secrets_sign_in"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("sign_in", "form", name=op.f("pk_typed_secrets")),
    )
    op.create_index(op.f("ix_typed_secrets_typed_at"), "typed_secrets", ["typed_at"])


def downgrade():
    op.drop_table("typed_secrets")
