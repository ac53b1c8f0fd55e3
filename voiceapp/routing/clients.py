"""Integrations with their secrets, as clients that can be asked."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from cachetools import LRUCache

from voiceapp.crm.contract import CrmClient, CrmRefused
from voiceapp.rules.plan import Integration
from voiceapp.vault import Sealed, Vault, origin

_KEPT = 1024


@dataclass(frozen=True, slots=True)
class SealedCredentials:
    """The encrypted secrets of an integration, and the only origin that they may go to."""

    origin: str
    secrets: str


ClientFor: TypeAlias = Callable[[Integration, Mapping[str, str], str], CrmClient]
"""`client_for(integration, secrets, country)`. Raises ValueError with a sentence if the
integration is not set up rightly."""


class Clients:
    """Makes clients and keeps them, with their pooled connections, until something changes."""

    def __init__(self, client_for: ClientFor, vault: Vault) -> None:
        self._client_for = client_for
        self._vault = vault
        self._credentials: Mapping[str, SealedCredentials] = {}
        self._kept: LRUCache[object, CrmClient] = LRUCache(_KEPT)
        self._lock = threading.Lock()

    def take_credentials(self, credentials: Mapping[str, SealedCredentials]) -> None:
        """Use these secrets from now on."""
        self._credentials = credentials

    def client(self, integration: Integration, country: str) -> CrmClient:
        """Return the client of an integration. Raises CrmRefused if it can't be used as it is."""
        credentials = self._credentials.get(integration.key)
        options = tuple(sorted(integration.options.items()))
        key = (integration.key, integration.kind, integration.url, options, credentials, country)
        with self._lock:
            known = self._kept.get(key)
        if known is None:
            known = self._make(integration, credentials, country)
            with self._lock:
                self._kept[key] = known
        return known

    def _make(
        self, integration: Integration, credentials: SealedCredentials | None, country: str
    ) -> CrmClient:
        try:
            secrets = self._secrets(integration, credentials) if credentials else {}
            return self._client_for(integration, secrets, country)
        except ValueError as error:
            raise CrmRefused(str(error)) from error

    def _secrets(
        self, integration: Integration, credentials: SealedCredentials
    ) -> Mapping[str, str]:
        if credentials.origin != origin(integration.url):
            raise CrmRefused("The credentials were saved for another address; type them again.")
        try:
            return self._vault.open(credentials.secrets)
        except Sealed as error:
            raise CrmRefused("The credentials can't be decrypted; type them again.") from error
