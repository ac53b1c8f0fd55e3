"""Encrypts the secrets of integrations; a secret goes only to the origin it was saved with."""

import json
import re
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

_AMBIGUOUS = re.compile(r"[@\\\s\x00-\x1f]")
"""What programs read differently in the host part of an address."""

_OTHER_KEY = "The credentials were encrypted with another CREDENTIALS_KEY."


class Sealed(Exception):
    """A secret can't be opened: it was encrypted with a key that is not there any more."""


class Vault:
    """Seals and opens secrets; the first key seals, all of them open."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._fernet = MultiFernet([Fernet(key) for key in keys])

    def seal(self, secrets: Mapping[str, str]) -> str:
        """Return secrets encrypted, as text."""
        return self.seal_text(json.dumps(dict(secrets)))

    def open(self, sealed: str) -> dict[str, str]:
        """Return what `seal` was given. Raises Sealed."""
        try:
            opened: dict[str, str] = json.loads(self.open_text(sealed))
        except ValueError as error:
            raise Sealed(_OTHER_KEY) from error
        return opened

    def seal_text(self, text: str) -> str:
        """Return a text encrypted, in ASCII."""
        return self._fernet.encrypt(text.encode("utf-8", "surrogatepass")).decode()

    def open_text(self, sealed: str) -> str:
        """Return what `seal_text` was given. Raises Sealed."""
        try:
            return self._fernet.decrypt(sealed.encode()).decode("utf-8", "surrogatepass")
        except (InvalidToken, ValueError) as error:
            raise Sealed(_OTHER_KEY) from error


def origin(url: str) -> str:
    """
    Return scheme, host and port of an address, by which secrets are held.

    Raises ValueError, with a sentence, for what is no address.

    >>> origin("https://CRM.example/path"), origin("https://crm.example:8443/")
    ('https://crm.example:443', 'https://crm.example:8443')
    """
    if _AMBIGUOUS.search(url.partition("://")[2].split("/", 1)[0]):
        raise ValueError("This is not an address that can be asked.")
    try:
        parts = urlsplit(url)
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)
    except ValueError as error:
        raise ValueError("This is not an address that can be asked.") from error
    return f"{parts.scheme}://{(parts.hostname or '').lower()}:{port}"
