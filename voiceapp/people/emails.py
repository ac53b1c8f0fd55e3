"""E-mail addresses: what is one, and when two are the same."""

from email_validator import EmailNotValidError, validate_email

from voiceapp.people.errors import BadEmail


def read_email(text: str) -> str:
    """Return an e-mail address as it is kept. Raises BadEmail.

    Whether mail arrives there is not asked: none is sent. So addresses for examples and trials
    (`admin@example.com`, `admin@pbx.test`) are as good as any other.
    """
    try:
        valid = validate_email(text.strip(), check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise BadEmail(f"{text.strip()!r} is no e-mail address. {error}") from error
    return comparable(valid.normalized)


def comparable(text: str) -> str:
    """Return an address in the one spelling that is looked up, and counted by the throttle.

    It does no more than this on purpose: if many spellings led to one account, each of them
    would have attempts of its own.

    >>> comparable(" Ada@Example.com ")
    'ada@example.com'
    """
    return text.strip().lower()
