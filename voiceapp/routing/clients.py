"""Integrations with their secrets, as clients that can be asked."""

import threading
from collections.abc import Callable, Mapping
from typing import TypeAlias

from cachetools import LRUCache

from voiceapp.crm.contract import CrmClient, CrmRefused
from voiceapp.rules.plan import Integration
from voiceapp.vault import Sealed, Vault, origin

_KEPT = 1024


Credentials: TypeAlias = Mapping[str, Mapping[str, str]]
"""For each integration the origins that it has secrets for, and these secrets, encrypted."""

ClientFor: TypeAlias = Callable[[Integration, Mapping[str, str], str], CrmClient]
"""`client_for(integration, secrets, country)`. Raises ValueError with a sentence if the
integration is not set up rightly."""


class Clients:
    """Makes clients and keeps them, with their pooled connections, until something changes."""

    def __init__(self, client_for: ClientFor, vault: Vault) -> None:
        self._client_for = client_for
        self._vault = vault
        self._credentials: Credentials = {}
        self._kept: LRUCache[object, CrmClient] = LRUCache(_KEPT)
        self._lock = threading.Lock()

    def take_credentials(self, credentials: Credentials) -> None:
        """Use these secrets from now on."""
        self._credentials = credentials

    def client(self, integration: Integration, country: str) -> CrmClient:
        """Return the client of an integration. Raises CrmRefused if it can't be used as it is."""
        sealed = self._sealed(integration)
        options = tuple(sorted(integration.options.items()))
        key = (integration.key, integration.kind, integration.url, options, sealed, country)
        with self._lock:
            known = self._kept.get(key)
        if known is None:
            known = self._make(integration, sealed, country)
            with self._lock:
                self._kept[key] = known
        return known

    def _sealed(self, integration: Integration) -> str | None:
        """Return the secrets that may go to an integration's address; None if it has none."""
        by_origin = self._credentials.get(integration.key)
        if not by_origin:
            return None
        try:
            sealed = by_origin.get(origin(integration.url))
        except ValueError as error:
            raise CrmRefused(str(error)) from error
        if sealed is None:
            raise CrmRefused("The credentials were saved for another address; type them again.")
        return sealed

    def _make(self, integration: Integration, sealed: str | None, country: str) -> CrmClient:
        try:
            secrets = {} if sealed is None else self._vault.open(sealed)
            return self._client_for(integration, secrets, country)
        except Sealed as error:
            raise CrmRefused("The credentials can't be decrypted; type them again.") from error
        except ValueError as error:
            raise CrmRefused(str(error)) from error
