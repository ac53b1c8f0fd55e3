"""Whether the database is there, and what is said where it has to be."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from sqlalchemy import text
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from voiceapp.crm.bounded import Bounded, OutOfTime
from voiceapp.crm.deadline import Deadline
from voiceapp.extensions import db

_PATIENCE = 1.0


def is_there(bounded: Bounded, question: str = "SELECT 1") -> bool:
    """Say whether the database answers a question, within a second."""
    engine = db.engine

    def ask() -> None:
        with engine.connect() as connection:
            connection.execute(text(question))

    try:
        bounded.run(ask, Deadline.after(_PATIENCE))
    except (SQLAlchemyError, OutOfTime):
        return False
    return True


@contextmanager
def needed() -> Iterator[None]:
    """Let a command end in a sentence where the database can't be used."""
    try:
        yield
    except OperationalError as error:
        raise click.ClickException(
            f"The database can't be used: {error.orig}\nCheck DATABASE_URL."
        ) from error
