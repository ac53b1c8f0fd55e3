"""Passwords: which are good enough, and their hashes (argon2id)."""

from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from voiceapp.people.errors import WeakPassword

SHORTEST = 12
LONGEST = 200

HASHER = PasswordHasher()

NOBODYS = (
    "$argon2id$v=19$m=65536,t=3,p=4"
    "$c2FsdCBvZiBub2JvZHkncw$bm8gcGFzc3dvcmQgaXMga25vd24gdG8gZml0IGhlcmU"
)
"""A hash that no password is known for, of the same work as those that HASHER makes."""

_turns = BoundedSemaphore(4)  # a hash takes 64 MiB and a core, and calls need both more


def check_password(password: str, *, email: str, name: str) -> None:
    """Raise WeakPassword for what is too short, too long, or guessed first."""
    if len(password) < SHORTEST:
        raise WeakPassword(f"A password needs at least {SHORTEST} characters.")
    if len(password) > LONGEST:
        raise WeakPassword(f"A password has at most {LONGEST} characters.")
    if len(set(password)) == 1:
        raise WeakPassword("A password can't be one character over and over.")
    if password.strip().casefold() in (email.casefold(), name.casefold()):
        raise WeakPassword("A password can't be your name or your e-mail address.")


def hash_password(password: str, hasher: PasswordHasher = HASHER) -> str:
    """Return a password's hash, with a salt of its own."""
    with _turns:
        return hasher.hash(password)


def is_right(password: str, kept: str | None, hasher: PasswordHasher = HASHER) -> bool:
    """Say whether a password is the one of a hash.

    Where there is no hash, it takes as long to say no. One that is too long is not looked at.
    """
    if len(password) > LONGEST:
        return False
    with _turns:
        try:
            hasher.verify(kept or NOBODYS, password)
        except VerifyMismatchError:
            return False
    return kept is not None
