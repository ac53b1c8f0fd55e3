"""The people behind the settings pages: accounts, one-time links, passwords, sign-ins.

Every function takes a session first and commits what it changes itself.
"""

from voiceapp.people.accounts import (
    add,
    by_email,
    change_role,
    everybody,
    make_first_admin,
    remove,
)
from voiceapp.people.errors import (
    BadEmail,
    BadName,
    EmailTaken,
    LastAdmin,
    LinkSpent,
    PeopleError,
    WeakPassword,
    WrongPassword,
)
from voiceapp.people.links import accept_link, person_of_link, renew_link
from voiceapp.people.role import Role
from voiceapp.people.sign_ins import (
    authenticate,
    change_password,
    sign_in,
    sign_out,
    signed_in,
)

__all__ = [
    "BadEmail",
    "BadName",
    "EmailTaken",
    "LastAdmin",
    "LinkSpent",
    "PeopleError",
    "Role",
    "WeakPassword",
    "WrongPassword",
    "accept_link",
    "add",
    "authenticate",
    "by_email",
    "change_password",
    "change_role",
    "everybody",
    "make_first_admin",
    "person_of_link",
    "remove",
    "renew_link",
    "sign_in",
    "sign_out",
    "signed_in",
]
