"""Integrations with their secrets, as clients that can be asked."""

import hashlib
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from cachetools import LRUCache

from voiceapp.crm.contract import CallFacts, CrmClient, CrmRefused
from voiceapp.crm.kind import Kind
from voiceapp.crm.registry import KINDS
from voiceapp.rules.plan import Integration
from voiceapp.vault import Sealed, Vault, origin

_KEPT = 16_384
"""How many clients a process keeps: more than an installation has, each rule with its own CRM."""


Credentials: TypeAlias = Mapping[str, Mapping[str, str]]
"""For each integration the origins that it has secrets for, and these secrets, encrypted."""

ClientFor: TypeAlias = Callable[[Integration, Mapping[str, str], str], CrmClient]
"""`client_for(integration, secrets, country)`. Raises ValueError with a sentence if the
integration is not set up rightly."""


@dataclass(frozen=True, slots=True)
class Source:
    """A client with the name under which all processes know what it was asked.

    The name has nothing secret in it, and is another one when the address, an option, a secret or
    the country changes.
    """

    client: CrmClient
    name: str
    kind: Kind | None
    url: str

    @property
    def is_live(self) -> bool:
        """Say whether it is asked anew each time."""
        return self.kind is not None and self.kind.is_live

    def told(self, call: CallFacts) -> tuple[str, ...]:
        """Return what of a call its answer depends on, beside who is looked for."""
        if self.kind is None:
            return ()
        return tuple(getattr(call, name) for name in self.kind.told(self.url))


@dataclass(frozen=True, slots=True)
class _Lately:
    """What an integration came to, and what it came from."""

    integration: Integration
    credentials: Credentials
    country: str
    source: Source


class CredentialsSealed(CrmRefused):
    """The secrets were encrypted with a key that this machine does not have."""

    advice = (
        "Give each machine the same CREDENTIALS_KEY. If the one they were saved with is gone, "
        "type them again."
    )


class Clients:
    """Makes clients and keeps them, with their pooled connections, until something changes."""

    def __init__(self, client_for: ClientFor, vault: Vault) -> None:
        self._client_for = client_for
        self._vault = vault
        self._credentials: Credentials = {}
        self._sealed: frozenset[str] = frozenset()
        self._kept: LRUCache[object, Source] = LRUCache(_KEPT)
        self._lately: LRUCache[str, _Lately] = LRUCache(_KEPT)
        self._lock = threading.Lock()

    def take_credentials(self, credentials: Credentials) -> None:
        """Use these secrets from now on."""
        before = {sealed for kept in self._credentials.values() for sealed in kept.values()}
        there = {sealed for kept in credentials.values() for sealed in kept.values()}
        self._sealed = (self._sealed & there) | frozenset(
            sealed for sealed in there - before if not self._opens(sealed)
        )
        self._credentials = credentials

    def is_sealed(self, integration: Integration) -> bool:
        """Say whether an integration has secrets that can't be decrypted with any key here."""
        try:
            return _sealed(integration, self._credentials.get(integration.key)) in self._sealed
        except CrmRefused:
            return False

    def client(self, integration: Integration, country: str) -> CrmClient:
        """Return the client of an integration. Raises CrmRefused if it can't be used as it is."""
        return self.source(integration, country).client

    def source(self, integration: Integration, country: str) -> Source:
        """Return the client of an integration, by its name. Raises CrmRefused as `client` does."""
        credentials = self._credentials
        with self._lock:
            lately = self._lately.get(integration.key)
        # a table and all credentials are replaced as a whole, so the same objects say the same
        if (
            lately is not None
            and lately.integration is integration
            and lately.credentials is credentials
            and lately.country == country
        ):
            return lately.source
        source = self._source(integration, credentials, country)
        with self._lock:
            self._lately[integration.key] = _Lately(integration, credentials, country, source)
        return source

    def _source(self, integration: Integration, credentials: Credentials, country: str) -> Source:
        """Return the client that was made for the same settings and secrets, or make one."""
        sealed = _sealed(integration, credentials.get(integration.key))
        options = tuple(sorted(integration.options.items()))
        key = (integration.key, integration.kind, integration.url, options, sealed, country)
        with self._lock:
            known = self._kept.get(key)
        if known is None:
            client = self._make(integration, sealed, country)
            name = hashlib.sha256(json.dumps(key).encode()).hexdigest()
            known = Source(client, name, KINDS.get(integration.kind), integration.url)
            with self._lock:
                self._kept[key] = known
        return known

    def _make(self, integration: Integration, sealed: str | None, country: str) -> CrmClient:
        try:
            secrets = {} if sealed is None else self._vault.open(sealed)
            return self._client_for(integration, secrets, country)
        except Sealed as error:
            raise CredentialsSealed(
                "The credentials can't be decrypted: this machine's CREDENTIALS_KEY is another "
                "than the one they were saved with."
            ) from error
        except ValueError as error:
            raise CrmRefused(str(error)) from error

    def _opens(self, sealed: str) -> bool:
        try:
            self._vault.open(sealed)
        except Sealed:
            return False
        return True


def _sealed(integration: Integration, by_origin: Mapping[str, str] | None) -> str | None:
    """Return the secrets that may go to an integration's address; None if it has none."""
    if not by_origin:
        return None
    try:
        sealed = by_origin.get(origin(integration.url))
    except ValueError as error:
        raise CrmRefused(str(error)) from error
    if sealed is None:
        raise CrmRefused("The credentials were saved for another address; type them again.")
    return sealed
