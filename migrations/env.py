"""How Alembic reaches the database: through the application that Flask-Migrate hands over."""

from logging.config import fileConfig

from alembic import context
from flask import current_app

from voiceapp.models.types import UtcDateTime

if context.config.config_file_name:
    fileConfig(context.config.config_file_name, disable_existing_loggers=False)


def render(kind: str, item: object, autogen_context: object) -> str | bool:
    """Write our own column types as what they are made of, so that migrations stand alone."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return False


def skip_empty(context_: object, revision: object, directives: list) -> None:
    """Make no migration where nothing changed."""
    if directives and directives[0].upgrade_ops.is_empty():
        directives[:] = []


_WITHOUT_LIMITS = {
    # a change of a table replaces it, which would take along the rows that point to it
    "sqlite": "PRAGMA foreign_keys = OFF",
    "postgresql": "SET statement_timeout = 0",
}


def run() -> None:
    """Bring the database up to date over the application's own connection."""
    extension = current_app.extensions["migrate"]
    with extension.db.engine.connect() as connection:
        connection.exec_driver_sql(_WITHOUT_LIMITS[connection.dialect.name])
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=extension.db.metadata,
            render_item=render,
            process_revision_directives=skip_empty,
            **extension.configure_args,
        )
        with context.begin_transaction():
            context.run_migrations()


if context.is_offline_mode():
    raise SystemExit("Migrations need a database; offline mode is not supported.")
run()
