"""The secrets of integrations, kept outside of releases and in force at once.

A secret is kept for the origin (scheme, host, port) it was typed for, and with the user or the
header it belongs to. A draft that leads elsewhere, or wants another header, gets secrets of its
own, and calls of the present release go on with theirs.
"""

import logging
from collections.abc import Mapping
from typing import TypeAlias

from sqlalchemy import select
from sqlalchemy.orm import Session

from voiceapp.crm.registry import KINDS
from voiceapp.models.integrations import Credential
from voiceapp.rules.plan import Integration
from voiceapp.vault import Sealed, Vault, origin

log = logging.getLogger(__name__)

Kept: TypeAlias = frozenset[tuple[str, str]]
"""For which origins, and there for which user or header, an integration has a secret."""


def kept(session: Session, vault: Vault, key: str) -> Kept:
    """Return which secrets an integration has; not those that can't be decrypted any more."""
    return frozenset(
        (at, slot)
        for at, sealed in sealed_of(session, key).items()
        for slot in _open(vault, sealed)
    )


def sealed_of(session: Session, key: str) -> Mapping[str, str]:
    """Return the secrets of an integration by their origins, encrypted."""
    query = select(Credential).where(Credential.integration == key)
    return {row.origin: row.secrets for row in session.scalars(query)}


def slot_of(integration: Integration) -> str:
    """Return with what the secret belongs that an integration needs; blank if it needs none."""
    return KINDS[integration.kind].slot(integration.options)


def with_secret(
    vault: Vault, sealed: Mapping[str, str], integration: Integration, secret: str
) -> Mapping[str, str]:
    """Return encrypted secrets with one more, for the present address of an integration.

    Where it needs none, that stands there: or it would wait for one because others are there.
    """
    slot, at = slot_of(integration), origin(integration.url)
    if secret and slot:
        return {**sealed, at: vault.seal({**_open(vault, sealed.get(at)), slot: secret})}
    if not slot and sealed and at not in sealed:
        return {**sealed, at: vault.seal({})}
    return sealed


def keep(
    session: Session, vault: Vault, integration: Integration, secret: str, author: str
) -> None:
    """Keep a secret that was typed for an integration; a blank one changes nothing."""
    before = sealed_of(session, integration.key)
    for at, sealed in with_secret(vault, before, integration, secret).items():
        if sealed != before.get(at):
            session.merge(Credential(integration=integration.key, origin=at, secrets=sealed))
            log.info("%s typed a secret of %s for %s", author, integration.name, at)


def _open(vault: Vault, sealed: str | None) -> Mapping[str, str]:
    """Return secrets; none for what can't be decrypted, which has to be typed again."""
    try:
        return vault.open(sealed) if sealed is not None else {}
    except Sealed:
        return {}
