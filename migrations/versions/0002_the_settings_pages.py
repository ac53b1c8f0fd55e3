"""The settings pages: people, deleted parts, secrets by origin, sorted contacts, imports, uploads

Revision ID: 0002
Revises: 0001
Create Date: 2026-11-22 22:59:25
"""

import sqlalchemy as sa
from alembic import op

from voiceapp.models.contacts import fold

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade():
    _make_people()
    op.create_table(
        "pending_imports",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("person", sa.String(length=200), nullable=False),
        sa.Column("module", sa.String(length=50), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pending_imports")),
    )
    op.create_index(op.f("ix_pending_imports_created_at"), "pending_imports", ["created_at"])
    with op.batch_alter_table("draft_parts") as table:
        table.alter_column("body", existing_type=sa.JSON(), nullable=True)
    with op.batch_alter_table("credentials") as table:
        table.drop_constraint("pk_credentials", type_="primary")
        table.create_primary_key("pk_credentials", ["integration", "origin"])
    with op.batch_alter_table("decisions") as table:
        table.add_column(sa.Column("safe", sa.Boolean(), nullable=False, server_default=sa.false()))
        table.alter_column("safe", existing_type=sa.Boolean(), server_default=None)
    with op.batch_alter_table("recording_contents") as table:
        table.add_column(sa.Column("seconds", sa.Double(), nullable=True))
        table.add_column(
            sa.Column(
                "created_at",
                sa.DateTime(timezone=True),
                nullable=False,
                server_default=sa.func.current_timestamp(),
            )
        )
    with op.batch_alter_table("recording_contents") as table:
        table.alter_column(
            "created_at", existing_type=sa.DateTime(timezone=True), server_default=None
        )
    _sort_contacts()


def _make_people():
    op.create_table(
        "people",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people")),
        sa.UniqueConstraint("email", name=op.f("uq_people_email")),
    )
    for name, further in (
        ("one_time_links", ()),
        ("sign_ins", (sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),)),
    ):
        op.create_table(
            name,
            sa.Column("id", sa.Integer(), nullable=False),
            sa.Column("token_hash", sa.String(length=64), nullable=False),
            sa.Column("person_id", sa.Integer(), nullable=False),
            sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
            *further,
            sa.ForeignKeyConstraint(
                ["person_id"],
                ["people.id"],
                name=op.f(f"fk_{name}_person_id"),
                ondelete="CASCADE",
            ),
            sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
            sa.UniqueConstraint("token_hash", name=op.f(f"uq_{name}_token_hash")),
        )
        op.create_index(op.f(f"ix_{name}_person_id"), name, ["person_id"])


def _sort_contacts():
    by_code_point = sa.String(length=200).with_variant(
        sa.String(length=200, collation="C"), "postgresql"
    )
    with op.batch_alter_table("contacts") as table:
        table.add_column(sa.Column("folded_name", by_code_point, nullable=True))
    contacts = sa.table("contacts", sa.column("id"), sa.column("name"), sa.column("folded_name"))
    connection = op.get_bind()
    for id_, name in connection.execute(sa.select(contacts.c.id, contacts.c.name)).all():
        connection.execute(
            contacts.update().where(contacts.c.id == id_).values(folded_name=fold(name))
        )
    with op.batch_alter_table("contacts") as table:
        table.alter_column("folded_name", existing_type=by_code_point, nullable=False)
        table.create_index("ix_contacts_listed", ["module", "folded_name", "id"])


def downgrade():
    with op.batch_alter_table("decisions") as table:
        table.drop_column("safe")
    with op.batch_alter_table("contacts") as table:
        table.drop_index("ix_contacts_listed")
        table.drop_column("folded_name")
    with op.batch_alter_table("recording_contents") as table:
        table.drop_column("created_at")
        table.drop_column("seconds")
    _keep_newest_credentials()
    with op.batch_alter_table("credentials") as table:
        table.drop_constraint("pk_credentials", type_="primary")
        table.create_primary_key("pk_credentials", ["integration"])
    op.execute("DELETE FROM draft_parts WHERE body IS NULL")
    with op.batch_alter_table("draft_parts") as table:
        table.alter_column("body", existing_type=sa.JSON(), nullable=False)
    for name in ("pending_imports", "sign_ins", "one_time_links", "people"):
        op.drop_table(name)


def _keep_newest_credentials():
    """Leave each integration the secrets that were changed last."""
    kept = sa.table(
        "credentials", sa.column("integration"), sa.column("origin"), sa.column("changed_at")
    )
    other = kept.alias()
    is_newer = sa.tuple_(other.c.changed_at, other.c.origin) > sa.tuple_(
        kept.c.changed_at, kept.c.origin
    )
    op.execute(
        kept.delete().where(sa.exists().where(other.c.integration == kept.c.integration, is_newer))
    )
