"""What can be wrong with an account, each in a sentence for whoever has to put it right."""


class PeopleError(Exception):
    """The base of all of them; its text is the sentence."""


class EmailTaken(PeopleError):
    """Somebody has an account under this e-mail address already."""


class BadEmail(PeopleError):
    """What was typed is no e-mail address."""


class BadName(PeopleError):
    """The name is empty, too long, or holds what can't be shown."""


class WeakPassword(PeopleError):
    """The password is too easy to guess, or too long."""


class WrongPassword(PeopleError):
    """The present password was mistyped."""


class LinkSpent(PeopleError):
    """The link is unknown, used, or too old; which of them, nobody is told."""

    def __init__(self) -> None:
        super().__init__("This link was used already, or is too old. Ask an admin for a new one.")


class LastAdmin(PeopleError):
    """Without this admin nobody could manage people any more."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is the only admin. Make somebody else an admin first.")
