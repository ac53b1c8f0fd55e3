"""Whether an address that an admin typed can be one of a CRM."""

import re
from collections.abc import Callable
from typing import TypeAlias
from urllib.parse import urlsplit

Check: TypeAlias = Callable[[str], None]
"""Raises ValueError, with a sentence, for an address that can't be one of a CRM."""

_UNSEEN = re.compile(r"[\s\x00-\x1f\x7f\\]")
_LONGEST_HOST = 253  # RFC 1035, section 2.3.4


def refuse_no_address(address: str) -> None:
    """Raise ValueError, with a sentence, for what can't be asked over https."""
    if _UNSEEN.search(address):
        raise ValueError("The address must not contain blanks or line breaks.")
    if not address.lower().startswith("https://"):
        raise ValueError("The address must start with https://.")
    if "@" in re.split("[/?#]", address[len("https://") :], maxsplit=1)[0]:
        raise ValueError("User name and password must not stand in the address.")
    if "#" in address:  # a form cuts it off
        raise ValueError("The address must not have a part after #, as that is never sent.")
    try:
        parts = urlsplit(address)
        is_complete = 0 < len(parts.hostname or "") <= _LONGEST_HOST and parts.port != 0
    except ValueError:  # its sentence is for programmers
        is_complete = False
    if not is_complete:
        raise ValueError("The address must name a host, and a valid port if any, after https://.")


def refuse_no_site(address: str) -> None:
    """Raise ValueError, with a sentence, for what is not the address of a CRM's site."""
    refuse_no_address(address)
    if "?" in address:
        raise ValueError("Type the address of the site only, without the part after “?”.")


def only_at(*endings: str, hint: str = "as in the address bar when you work in the CRM") -> Check:
    """Return a check that refuses sites whose host does not end as a vendor's hosts do.

    `hint` says in the sentence where the right address is found.

    >>> only_at(".example.com")("https://shop.example.com/")
    >>> only_at(".example.com")("https://example.com.evil.test")
    Traceback (most recent call last):
    ValueError: The host must end in .example.com, as in the address bar when you work in the CRM.
    """

    def check(address: str) -> None:
        refuse_no_site(address)
        host = (urlsplit(address).hostname or "").lower()
        if not host.endswith(endings):
            named = " or ".join(endings)
            raise ValueError(f"The host must end in {named}, {hint}.")

    return check


def base_of(address: str) -> str:
    """
    Return an address without slashes at its end, to put paths behind.

    >>> base_of("https://crm.example/suite//")
    'https://crm.example/suite'
    """
    return address.rstrip("/")
