"""Who is it? Passwords and tokens, checked; and when a sign-in ends."""

from collections.abc import Callable
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from sqlalchemy import ColumnElement, delete, or_, select, update
from sqlalchemy.orm import Session

from voiceapp.models.audit import Action, Actor, note
from voiceapp.models.people import OneTimeLink, Person, SignIn
from voiceapp.models.types import now
from voiceapp.people import links
from voiceapp.people.accounts import by_email
from voiceapp.people.errors import WrongPassword
from voiceapp.people.passwords import HASHER, check_password, hash_password, is_right
from voiceapp.people.tokens import hash_token, make_token

UNUSED_FOR = timedelta(hours=12)
IN_ALL = timedelta(days=7)
SEEN_EVERY = timedelta(minutes=1)

_NOT_PRESENT = "That is not your present password."

Clock = Callable[[], datetime]


def authenticate(
    session: Session, email: str, password: str, *, hasher: PasswordHasher = HASHER
) -> Person | None:
    """Return who has this e-mail address and password; None, with the same work, if nobody does.

    A hash that was made with other parameters than those of `hasher` is made anew.
    """
    found = by_email(session, email)
    person_id, kept = (found.id, found.password_hash) if found else (None, None)
    session.commit()  # hashing takes a while, and must not hold a connection
    right = is_right(password, kept, hasher)
    if kept is None or not right:
        _note_failure(session, person_id)
        return None
    renewed = hash_password(password, hasher) if hasher.check_needs_rehash(kept) else kept
    person = session.scalar(select(Person).filter_by(id=person_id, password_hash=kept))
    if person is not None and renewed != kept:
        person.password_hash = renewed
        session.commit()
    return person


def change_password(
    session: Session, person: Person, old: str, new: str, *, hasher: PasswordHasher = HASHER
) -> str:
    """Change a password, end all sign-ins, and return the token of a new one.

    Raises WrongPassword and WeakPassword.
    """
    kept, email, name = person.password_hash, person.email, person.name
    unchanged = update(Person).where(Person.id == person.id, Person.password_hash == kept)
    session.commit()  # hashing takes a while, and must not hold a connection
    if not is_right(old, kept, hasher):
        _note_failure(session, person.id)
        raise WrongPassword(_NOT_PRESENT)
    check_password(new, email=email, name=name)
    changed = unchanged.values(password_hash=hash_password(new, hasher))
    # whoever changed it at the same moment, or took it away, leaves nothing to be changed
    if session.scalar(changed.returning(Person.id)) is None:
        session.rollback()
        raise WrongPassword(_NOT_PRESENT)
    links.shut_out(session, person)
    note(session, Action.PASSWORD_CHANGED, links.told_as(person), by=Actor(name, email))
    return _begin(session, person, now())


def sign_in(session: Session, person: Person, *, clock: Clock = now) -> str:
    """Return the token of a new sign-in; sweeps away what is too old to be used."""
    note(session, Action.SIGNED_IN, links.told_as(person), by=Actor(person.name, person.email))
    return _begin(session, person, clock())


def _begin(session: Session, person: Person, at: datetime) -> str:
    session.execute(delete(SignIn).where(_has_ended(at)))
    session.execute(delete(OneTimeLink).where(OneTimeLink.created_at <= at - links.VALID_FOR))
    token = make_token()
    session.add(
        SignIn(token_hash=hash_token(token), person_id=person.id, created_at=at, seen_at=at)
    )
    session.commit()
    return token


def signed_in(session: Session, token: str, *, clock: Clock = now) -> Person | None:
    """Return whose sign-in this is, and note that it is used; None if it has ended."""
    at = clock()
    found = session.execute(
        select(SignIn, Person)
        .join(Person)
        .where(SignIn.token_hash == hash_token(token), ~_has_ended(at))
    ).one_or_none()
    if found is None:
        return None
    kept, person = found
    if at - kept.seen_at >= SEEN_EVERY:
        kept.seen_at = at
        session.commit()
    return person


def sign_out(session: Session, token: str) -> None:
    """End one sign-in, if it has not ended already."""
    ended = delete(SignIn).where(SignIn.token_hash == hash_token(token))
    person_id = session.scalar(ended.returning(SignIn.person_id))
    person = session.get(Person, person_id) if person_id is not None else None
    if person is not None:
        who = Actor(person.name, person.email)
        note(session, Action.SIGNED_OUT, links.told_as(person), by=who)
    session.commit()


def _note_failure(session: Session, person_id: int | None) -> None:
    """Note that a password was wrong; what was typed for an address may have been one, too."""
    person = session.get(Person, person_id) if person_id is not None else None
    subject = links.told_as(person) if person else "nobody who has an account"
    note(session, Action.SIGN_IN_FAILED, subject)
    session.commit()


def _has_ended(at: datetime) -> ColumnElement[bool]:
    return or_(SignIn.seen_at <= at - UNUSED_FOR, SignIn.created_at <= at - IN_ALL)
