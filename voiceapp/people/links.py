"""One-time links: how people get a password without anybody else knowing it."""

from collections.abc import Callable
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from voiceapp.models.audit import Action, Actor, note
from voiceapp.models.people import OneTimeLink, Person, SignIn
from voiceapp.models.types import now
from voiceapp.people.errors import LinkSpent
from voiceapp.people.passwords import HASHER, check_password, hash_password
from voiceapp.people.tokens import hash_token, make_token

VALID_FOR = timedelta(days=7)


def renew_link(session: Session, person: Person) -> str:
    """Return the token of a new link; older links, the password and all sign-ins are void."""
    shut_out(session, person)
    person.password_hash = None
    token = new_link(session, person)
    note(session, Action.PASSWORD_RESET, told_as(person))
    session.commit()
    return token


def person_of_link(session: Session, token: str, *, clock: Callable[[], datetime] = now) -> Person:
    """Return whose link this is, without using it. Raises LinkSpent."""
    person = session.scalar(
        select(Person)
        .join(OneTimeLink)
        .where(
            OneTimeLink.token_hash == hash_token(token),
            OneTimeLink.created_at > clock() - VALID_FOR,
        )
    )
    if person is None:
        raise LinkSpent
    return person


def accept_link(
    session: Session,
    token: str,
    password: str,
    *,
    clock: Callable[[], datetime] = now,
    hasher: PasswordHasher = HASHER,
) -> Person:
    """Give the link's person their password, and use the link up.

    Raises LinkSpent, and WeakPassword, which leaves the link as it is.
    """
    person = person_of_link(session, token, clock=clock)
    email, name = person.email, person.name
    session.commit()  # hashing takes a while, and must not hold a connection
    check_password(password, email=email, name=name)
    password_hash = hash_password(password, hasher)
    used = delete(OneTimeLink).where(OneTimeLink.token_hash == hash_token(token))
    # whoever else had the link at the same moment deletes nothing
    if session.scalar(used.returning(OneTimeLink.person_id)) is None:
        session.rollback()
        raise LinkSpent
    person.password_hash = password_hash
    note(session, Action.PASSWORD_CHOSEN, told_as(person), by=Actor(name, email))
    session.commit()
    return person


def new_link(session: Session, person: Person) -> str:
    """Return the token of one more link for a person; does not commit."""
    token = make_token()
    session.add(OneTimeLink(token_hash=hash_token(token), person_id=person.id))
    return token


def told_as(person: Person) -> str:
    """Return how the audit log names somebody."""
    return f"{person.name} ({person.email})"


def shut_out(session: Session, person: Person) -> None:
    """End all sign-ins and links of a person; does not commit."""
    session.execute(delete(OneTimeLink).where(OneTimeLink.person_id == person.id))
    session.execute(delete(SignIn).where(SignIn.person_id == person.id))
