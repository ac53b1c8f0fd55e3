"""Accounts: who there is, what they may do, and that an admin remains."""

from sqlalchemy import Select, delete, false, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from voiceapp.models.audit import Action, note
from voiceapp.models.people import Person
from voiceapp.people.emails import comparable, read_email
from voiceapp.people.errors import BadName, EmailTaken, LastAdmin
from voiceapp.people.links import new_link, shut_out, told_as
from voiceapp.people.passwords import check_password, hash_password
from voiceapp.people.role import Role
from voiceapp.rules.diff import Line

LONGEST_NAME = 200


def add(session: Session, email: str, name: str, role: Role) -> str:
    """Make an account without a password and return the token of its one-time link.

    Raises BadEmail, BadName and EmailTaken.
    """
    person = Person(email=read_email(email), name=_read_name(name), role=role)
    _insert(session, person)
    token = new_link(session, person)
    note(session, Action.INVITED, told_as(person), [Line("Role", "", role.value)])
    session.commit()
    return token


def make_first_admin(session: Session, email: str, password: str) -> None:
    """Make an admin who can sign in at once. Raises BadEmail, WeakPassword and EmailTaken."""
    admin = Person(email=read_email(email), name="Admin", role=Role.ADMIN)
    check_password(password, email=admin.email, name=admin.name)
    admin.password_hash = hash_password(password)
    _insert(session, admin)
    note(session, Action.ADDED, told_as(admin), [Line("Role", "", Role.ADMIN.value)])
    session.commit()


def by_email(session: Session, email: str) -> Person | None:
    """Return whose e-mail address this is, in capitals or not; None if it is nobody's."""
    if not email.isprintable():  # PostgreSQL can't even be asked for a NUL
        return None
    return session.scalar(select(Person).filter_by(email=comparable(email)))


def everybody(session: Session) -> list[Person]:
    """Return all people by name."""
    return list(session.scalars(select(Person).order_by(func.lower(Person.name), Person.id)))


def change_role(session: Session, person: Person, role: Role) -> None:
    """Let somebody do more, or less. Raises LastAdmin."""
    if role is not Role.ADMIN:
        _make_sure_an_admin_remains(session, person)
    was = person.role
    session.execute(update(Person).where(Person.id == person.id).values(role=role))
    if was != role:
        note(session, Action.ROLE_CHANGED, told_as(person), [Line("Role", was, role.value)])
    session.commit()


def remove(session: Session, person: Person) -> None:
    """Take an account away, with its sign-ins and links. Raises LastAdmin."""
    _make_sure_an_admin_remains(session, person)
    shut_out(session, person)
    lines = [Line("Role", person.role, "")]
    note(session, Action.ACCOUNT_REMOVED, told_as(person), lines)
    session.execute(delete(Person).where(Person.id == person.id))
    session.commit()


def _admins() -> Select[int]:
    """Select who can sign in as an admin: who never accepted their link could help nobody."""
    return select(Person.id).where(Person.role == Role.ADMIN, Person.password_hash.is_not(None))


def _make_sure_an_admin_remains(session: Session, leaving: Person) -> None:
    """Raise LastAdmin if there is none beside one; until the commit no other admin can leave."""
    # SQLite locks no rows: who writes, be it nothing, is its only writer until the commit
    session.execute(update(Person).where(false()).values(role=Person.role))
    admins = session.scalars(_admins().order_by(Person.id).with_for_update()).all()
    if list(admins) == [leaving.id]:
        session.rollback()
        raise LastAdmin(leaving.name)


def _insert(session: Session, person: Person) -> None:
    """Add a person to the transaction. Raises EmailTaken."""
    email = person.email
    session.add(person)
    try:
        session.flush()
    except IntegrityError as error:
        session.rollback()
        raise EmailTaken(f"{email} has an account already.") from error


def _read_name(text: str) -> str:
    name = text.strip()
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        raise BadName(f"A name is a line of 1 to {LONGEST_NAME} characters.")
    return name
