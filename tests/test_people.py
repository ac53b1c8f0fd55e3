"""People: their links are used once, their sign-ins end, and an admin always remains."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from argon2 import PasswordHasher
from sqlalchemy import Engine, create_engine, select
from sqlalchemy.orm import Session

from voiceapp import people
from voiceapp.extensions import db
from voiceapp.models.people import OneTimeLink, Person, SignIn
from voiceapp.models.types import now
from voiceapp.people import Role
from voiceapp.people.passwords import HASHER, NOBODYS, is_right

EMAIL, PASSWORD = "ada@example.com", "correct horse battery"
OTHER_PASSWORD = "staple correct horse"
CHEAP = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)

Join = Callable[..., Person]


class Counting(PasswordHasher):
    """A hasher that remembers the hashes it was asked to verify."""

    def __init__(self) -> None:
        super().__init__()
        self.verified: list[str] = []

    def verify(self, hash, password):
        self.verified.append(hash)
        return super().verify(hash, password)


class Watching(PasswordHasher):
    """A hasher that remembers whether a connection was held while it was at work."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.held: list[bool] = []
        self._session = session

    def hash(self, password, *, salt=None):
        self.held.append(self._session.in_transaction())
        return super().hash(password)

    def verify(self, hash, password):
        self.held.append(self._session.in_transaction())
        return super().verify(hash, password)


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with Session(engine) as session:
        yield session


@pytest.fixture
def join(session: Session) -> Join:
    """Make a person who has accepted their link: `join("sam@example.com", Role.ADMIN)`."""

    def join(email: str = EMAIL, role: Role = Role.EDITOR, name: str = "Ada Gold") -> Person:
        token = people.add(session, email, name, role)
        return people.accept_link(session, token, PASSWORD, hasher=CHEAP)

    return join


def later(**ago: float) -> Callable[[], datetime]:
    """Return a clock that is ahead: `later(hours=1)`."""
    return lambda: now() + timedelta(**ago)


def test_a_role_may_what_the_lesser_ones_may():
    assert [[one.may(other) for other in Role] for one in Role] == [
        [True, False, False],
        [True, True, False],
        [True, True, True],
    ]


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (" Ada@Example.COM ", EMAIL),
        ("admin@example.com", "admin@example.com"),
        ("admin@pbx.test", "admin@pbx.test"),
        ("admin@pbx.internal", "admin@pbx.internal"),
        ("ada@exämple.de", "ada@exämple.de"),
    ],
)
def test_an_address_is_kept_in_lower_case_and_found_however_it_is_typed(session, typed, kept):
    people.add(session, typed, "Ada", Role.VIEWER)

    [person] = people.everybody(session)
    assert (person.email, person.role) == (kept, "viewer")
    assert people.by_email(session, typed.upper()) is person


@pytest.mark.parametrize(
    "typed", ["", "ada", "ada@", "@example.com", "a b@example.com", "a@b@c", "a\0@example.com"]
)
def test_what_is_no_address_is_refused(session, typed):
    with pytest.raises(people.BadEmail, match="is no e-mail address"):
        people.add(session, typed, "Ada", Role.VIEWER)

    assert people.everybody(session) == []


@pytest.mark.parametrize("name", ["", "  ", "x" * 201, "Ada\nGold", "Ada\0"])
def test_a_name_is_one_line(session, name):
    with pytest.raises(people.BadName):
        people.add(session, EMAIL, name, Role.VIEWER)


def test_an_address_has_one_account(session):
    people.add(session, EMAIL, "Ada", Role.VIEWER)

    with pytest.raises(people.EmailTaken, match=r"ada@example\.com has an account already"):
        people.add(session, "ADA@example.com", "Other", Role.ADMIN)

    assert [person.name for person in people.everybody(session)] == ["Ada"]


def test_everybody_is_listed_by_name(session):
    for name in ("bea", "Cem", "Ada"):
        people.add(session, f"{name}@example.com", name, Role.VIEWER)

    assert [person.name for person in people.everybody(session)] == ["Ada", "bea", "Cem"]


def test_a_link_leads_to_a_password(session):
    token = people.add(session, EMAIL, "Ada", Role.EDITOR)

    assert people.person_of_link(session, token).email == EMAIL
    assert people.authenticate(session, EMAIL, PASSWORD) is None
    person = people.accept_link(session, token, PASSWORD)
    assert people.authenticate(session, "Ada@Example.com ", PASSWORD) is person


def test_a_link_is_used_once(session):
    token = people.add(session, EMAIL, "Ada", Role.EDITOR)
    people.accept_link(session, token, PASSWORD)

    with pytest.raises(people.LinkSpent):
        people.person_of_link(session, token)
    with pytest.raises(people.LinkSpent):
        people.accept_link(session, token, OTHER_PASSWORD)

    assert people.authenticate(session, EMAIL, OTHER_PASSWORD) is None


def test_of_two_who_use_a_link_at_once_one_is_refused(session, engine):
    token = people.add(session, EMAIL, "Ada", Role.EDITOR)

    class Meanwhile(PasswordHasher):
        def hash(self, password, *, salt=None):
            with Session(engine) as other:
                people.accept_link(other, token, OTHER_PASSWORD)
            return super().hash(password)

    with pytest.raises(people.LinkSpent):
        people.accept_link(session, token, PASSWORD, hasher=Meanwhile())

    assert people.authenticate(session, EMAIL, PASSWORD) is None
    assert people.authenticate(session, EMAIL, OTHER_PASSWORD)


def test_a_link_ends_after_seven_days(session):
    token = people.add(session, EMAIL, "Ada", Role.EDITOR)

    with pytest.raises(people.LinkSpent):
        people.accept_link(session, token, PASSWORD, clock=later(days=7))

    people.accept_link(session, token, PASSWORD, clock=later(days=6, hours=23, minutes=59))


def test_a_made_up_link_is_told_in_the_same_words_as_a_used_one(session):
    token = people.add(session, EMAIL, "Ada", Role.EDITOR)
    people.accept_link(session, token, PASSWORD)

    told = set()
    for spent in (token, "made-up", "", "\0", "\ud800"):
        with pytest.raises(people.LinkSpent) as raised:
            people.person_of_link(session, spent)
        told.add(str(raised.value))

    assert told == {"This link was used already, or is too old. Ask an admin for a new one."}


def test_a_weak_password_leaves_the_link_as_it_is(session):
    token = people.add(session, EMAIL, "Ada", Role.EDITOR)

    with pytest.raises(people.WeakPassword):
        people.accept_link(session, token, "short")

    people.accept_link(session, token, PASSWORD)


def test_a_new_link_voids_links_password_and_sign_ins(session, join):
    person = join()
    signed_in = people.sign_in(session, person)

    older = people.renew_link(session, person)
    newer = people.renew_link(session, person)

    assert people.authenticate(session, EMAIL, PASSWORD) is None
    assert people.signed_in(session, signed_in) is None
    with pytest.raises(people.LinkSpent):
        people.accept_link(session, older, PASSWORD)
    people.accept_link(session, newer, PASSWORD)


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("", "at least 12"),
        ("x2!" * 3 + "yz", "at least 12"),
        ("x" * 12, "over and over"),
        ("Ada@Example.COM", "your name or your e-mail"),
        ("ada gold the third", "your name or your e-mail"),
        ("xy" * 100 + "z", "at most 200"),
    ],
)
def test_a_password_that_is_guessed_first_is_refused(session, password, why):
    token = people.add(session, EMAIL, "Ada Gold The Third", Role.EDITOR)

    with pytest.raises(people.WeakPassword, match=why):
        people.accept_link(session, token, password)


@pytest.mark.parametrize(
    "password", ["twelve chars", "xy" * 100, "äöü€ 漢字 12345", "\0" * 11 + "1"]
)
def test_a_password_may_have_any_characters(session, password):
    token = people.add(session, EMAIL, "Ada", Role.EDITOR)

    people.accept_link(session, token, password)

    assert people.authenticate(session, EMAIL, password)
    assert people.authenticate(session, EMAIL, password + "x") is None


@pytest.mark.parametrize(
    "email", [EMAIL, "invited@example.com", "nobody@example.com", "", "\0", "\ud800", "x" * 9999]
)
def test_a_refusal_takes_the_same_work_for_everybody(session, join, email):
    join()
    people.add(session, "invited@example.com", "Invited", Role.EDITOR)
    hasher = Counting()

    assert people.authenticate(session, email, "not the password", hasher=hasher) is None

    assert len(hasher.verified) == 1


def test_the_hash_for_nobody_takes_the_work_of_a_real_one_and_fits_nothing():
    assert HASHER.check_needs_rehash(NOBODYS) is False
    assert HASHER.check_needs_rehash(HASHER.hash(PASSWORD)) is False
    assert is_right(PASSWORD, None) is False


def test_a_password_that_is_too_long_is_not_hashed(session, join):
    join()
    hasher = Counting()

    assert people.authenticate(session, EMAIL, "x" * 201, hasher=hasher) is None

    assert hasher.verified == []


def test_a_hash_of_other_parameters_is_made_anew_at_sign_in(session, join):
    person = join()
    before = person.password_hash
    assert HASHER.check_needs_rehash(before)

    people.authenticate(session, EMAIL, "not the password")
    assert person.password_hash == before
    people.authenticate(session, EMAIL, PASSWORD)

    assert HASHER.check_needs_rehash(person.password_hash) is False
    assert people.authenticate(session, EMAIL, PASSWORD) is person


def test_a_sign_in_ends_after_twelve_hours_without_use(session, join):
    token = people.sign_in(session, join())

    assert people.signed_in(session, token, clock=later(hours=11, minutes=59))
    assert people.signed_in(session, token, clock=later(hours=23, minutes=58))
    assert people.signed_in(session, token, clock=later(hours=36)) is None


def test_a_sign_in_ends_after_seven_days_of_use(session, join):
    token = people.sign_in(session, join())

    used = [
        people.signed_in(session, token, clock=later(hours=hours)) is not None
        for hours in range(8, 24 * 7 + 1, 8)
    ]

    assert used == [True] * 20 + [False]


def test_the_use_of_a_sign_in_is_noted_once_a_minute(session, join):
    token = people.sign_in(session, join())
    seen = session.scalars(select(SignIn.seen_at)).one()

    people.signed_in(session, token, clock=lambda: seen + timedelta(seconds=59))
    assert session.scalars(select(SignIn.seen_at)).one() == seen

    people.signed_in(session, token, clock=lambda: seen + timedelta(seconds=60))
    assert session.scalars(select(SignIn.seen_at)).one() == seen + timedelta(seconds=60)


def test_signing_out_ends_one_sign_in(session, join):
    person = join()
    first, second = (people.sign_in(session, person) for _ in range(2))

    people.sign_out(session, first)

    assert people.signed_in(session, first) is None
    assert people.signed_in(session, second) is person


@pytest.mark.parametrize("token", ["", "made-up", "\0", "\ud800"])
def test_a_made_up_token_signs_nobody_in_or_out(session, join, token):
    people.sign_in(session, join())

    people.sign_out(session, token)

    assert people.signed_in(session, token) is None
    assert len(session.scalars(select(SignIn)).all()) == 1


def test_what_is_too_old_is_swept_when_somebody_signs_in(session, join):
    person = join()
    people.add(session, "invited@example.com", "Invited", Role.EDITOR)
    people.sign_in(session, person)
    people.sign_in(session, person, clock=later(hours=11))

    people.sign_in(session, person, clock=later(hours=12))
    assert len(session.scalars(select(SignIn)).all()) == 2
    assert len(session.scalars(select(OneTimeLink)).all()) == 1

    people.sign_in(session, person, clock=later(days=7))
    assert len(session.scalars(select(SignIn)).all()) == 1
    assert session.scalars(select(OneTimeLink)).all() == []


def test_a_changed_password_ends_all_sign_ins_and_begins_a_new_one(session, join):
    person = join()
    before = people.sign_in(session, person)

    token = people.change_password(session, person, PASSWORD, OTHER_PASSWORD)

    assert people.signed_in(session, before) is None
    assert people.signed_in(session, token) is person
    assert people.authenticate(session, EMAIL, PASSWORD) is None
    assert people.authenticate(session, EMAIL, OTHER_PASSWORD) is person


def test_no_connection_is_held_while_a_password_is_hashed(session, join):
    person = join()
    link = people.add(session, "invited@example.com", "Invited", Role.EDITOR)
    hasher = Watching(session)

    people.authenticate(session, EMAIL, PASSWORD, hasher=hasher)  # whose hash is made anew
    people.change_password(session, person, PASSWORD, OTHER_PASSWORD, hasher=hasher)
    people.accept_link(session, link, PASSWORD, hasher=hasher)

    assert hasher.held == [False] * 5


def renew(session: Session, person: Person) -> None:
    people.change_password(session, person, PASSWORD, "a third password")


@pytest.mark.parametrize("meanwhile", [renew, people.renew_link, people.remove])
def test_a_password_that_was_changed_or_taken_away_meanwhile_stays_so(
    session, engine, join, meanwhile
):
    person = join()

    class Meanwhile(PasswordHasher):
        def hash(self, password, *, salt=None):
            with Session(engine) as other:
                meanwhile(other, people.by_email(other, EMAIL))
            return super().hash(password)

    with pytest.raises(people.WrongPassword):
        people.change_password(session, person, PASSWORD, OTHER_PASSWORD, hasher=Meanwhile())

    assert people.authenticate(session, EMAIL, OTHER_PASSWORD) is None
    known = people.authenticate(session, EMAIL, "a third password")
    assert (known is person) is (meanwhile is renew)


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("not the password", OTHER_PASSWORD, people.WrongPassword),
        (PASSWORD, "short", people.WeakPassword),
    ],
)
def test_a_password_that_can_not_be_changed_stays(session, join, old, new, error):
    person = join()
    token = people.sign_in(session, person)

    with pytest.raises(error):
        people.change_password(session, person, old, new)

    assert people.signed_in(session, token) is person
    assert people.authenticate(session, EMAIL, PASSWORD) is person


def test_no_token_and_no_password_is_kept(session, join):
    person = join()
    tokens = [
        people.sign_in(session, person),
        people.add(session, "invited@example.com", "Invited", Role.EDITOR),
    ]

    rows = [
        str(row)
        for table in (Person, SignIn, OneTimeLink)
        for row in session.execute(select(*table.__table__.columns)).all()
    ]

    assert len(rows) == 4
    assert [secret for secret in (*tokens, PASSWORD) if any(secret in row for row in rows)] == []


def test_the_only_admin_stays_admin(session, join):
    admin = join(role=Role.ADMIN)
    people.add(session, "invited@example.com", "Invited", Role.ADMIN)
    join("sam@example.com", Role.EDITOR)

    for leave in (
        lambda: people.remove(session, admin),
        lambda: people.change_role(session, admin, Role.EDITOR),
    ):
        with pytest.raises(people.LastAdmin) as raised:
            leave()
        assert str(raised.value) == (
            "Ada Gold is the only admin. Make somebody else an admin first."
        )

    people.change_role(session, admin, Role.ADMIN)
    assert admin.role == "admin"


def test_one_of_two_admins_may_go(session, join):
    first, second = join(role=Role.ADMIN), join("sam@example.com", Role.ADMIN)

    people.change_role(session, first, Role.EDITOR)
    assert first.role == "editor"
    people.change_role(session, first, Role.ADMIN)
    people.remove(session, second)

    assert people.everybody(session) == [first]


def test_an_admin_who_never_accepted_their_link_may_go(session, join):
    join(role=Role.ADMIN)
    people.add(session, "invited@example.com", "Invited", Role.ADMIN)
    invited = people.by_email(session, "invited@example.com")

    people.change_role(session, invited, Role.VIEWER)
    people.remove(session, invited)

    assert len(people.everybody(session)) == 1


def test_who_is_removed_leaves_nothing_behind(session, join):
    person = join()
    token = people.sign_in(session, person)
    people.remove(session, person)
    link = people.add(session, EMAIL, "Ada", Role.EDITOR)
    people.remove(session, people.by_email(session, EMAIL))

    assert people.signed_in(session, token) is None
    with pytest.raises(people.LinkSpent):
        people.person_of_link(session, link)
    assert session.scalars(select(SignIn.id)).all() == []
    assert session.scalars(select(OneTimeLink.id)).all() == []


def test_the_first_admin_can_sign_in_at_once(session):
    people.make_first_admin(session, "Admin@example.com", PASSWORD)

    admin = people.authenticate(session, "admin@example.com", PASSWORD)
    assert admin.role == "admin"


@pytest.fixture
def patient_engine(database_url: str) -> Iterator[Engine]:
    """An engine that waits for its turn as the application's does."""
    engine = create_engine(database_url)
    db.metadata.create_all(engine)
    yield engine
    engine.dispose()


def demote(session: Session, admin: Person) -> None:
    people.change_role(session, admin, Role.EDITOR)


@pytest.mark.parametrize("leave", [demote, people.remove])
def test_two_admins_who_end_each_other_at_once_do_not_both_succeed(patient_engine, leave):
    start = Barrier(2)

    def end(email: str) -> bool:
        with Session(patient_engine) as session:
            admin = people.by_email(session, email)
            session.commit()
            start.wait(10)
            try:
                leave(session, admin)
            except people.LastAdmin:
                return False
            return True

    for attempt in range(20):
        pair = [f"{name}{attempt}@example.com" for name in ("ada", "sam")]
        with Session(patient_engine) as session:
            for email in pair:
                token = people.add(session, email, "Admin", Role.ADMIN)
                people.accept_link(session, token, PASSWORD, hasher=CHEAP)
            for left in people.everybody(session):
                if left.email not in pair:
                    people.remove(session, left)

        with ThreadPoolExecutor(2) as threads:
            ended = list(threads.map(end, pair))

        assert sorted(ended) == [False, True]
        with Session(patient_engine) as session:
            assert "admin" in [person.role for person in people.everybody(session)]
