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

from voiceapp.crm.kind import HEADER_NAME
from voiceapp.crm.registry import KINDS
from voiceapp.models.audit import CHANGED, MASKED, Action, note
from voiceapp.models.integrations import Credential
from voiceapp.rules.diff import Line
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


def slots_of(integration: Integration) -> Mapping[str, str]:
    """Return the secrets that an integration may have, each with the name it is kept under."""
    return KINDS[integration.kind].slots(integration.options)


def with_secrets(
    vault: Vault,
    sealed: Mapping[str, str],
    integration: Integration,
    secrets: Mapping[str, str],
) -> Mapping[str, str]:
    """Return encrypted secrets with those that were typed, for an integration's present address.

    A blank one takes the secret away that is there. Where an integration needs none, that stands
    there: or it would wait for one because others are there.
    """
    slots, at = slots_of(integration), origin(integration.url)
    typed = {slots[name]: value for name, value in secrets.items() if name in slots}
    if typed:
        before = _open(vault, sealed.get(at))
        kept = {name: one for name, one in {**before, **typed}.items() if one}
        return sealed if kept == before else {**sealed, at: vault.seal(kept)}
    if not slots and sealed and at not in sealed:
        return {**sealed, at: vault.seal({})}
    return sealed


def keep(
    session: Session,
    vault: Vault,
    integration: Integration,
    secrets: Mapping[str, str],
    author: str,
) -> Mapping[str, bool]:
    """Keep secrets that were typed for an integration, and take away those that are blank.

    Returns the names of those that are other ones now, each with whether it is there.
    """
    changed: dict[str, bool] = {}
    before = sealed_of(session, integration.key)
    for at, sealed in with_secrets(vault, before, integration, secrets).items():
        if sealed != before.get(at):
            session.merge(Credential(integration=integration.key, origin=at, secrets=sealed))
            log.info("%s typed a secret of %s for %s", author, integration.name, at)
            was, now = _open(vault, before.get(at)), _open(vault, sealed)
            changed |= _changed(integration, was, now)
            _tell(session, integration, at, was, now)
    return changed


def _changed(
    integration: Integration, before: Mapping[str, str], after: Mapping[str, str]
) -> dict[str, bool]:
    slots = slots_of(integration).items()
    return {name: slot in after for name, slot in slots if before.get(slot) != after.get(slot)}


def _tell(
    session: Session,
    integration: Integration,
    at: str,
    before: Mapping[str, str],
    after: Mapping[str, str],
) -> None:
    """Write into the audit log which secrets have changed, and nothing of what they are."""
    names = {slot: name for name, slot in slots_of(integration).items()}
    for slot in dict.fromkeys((*before, *after)):
        if before.get(slot) != after.get(slot):
            is_typed = slot in after
            action = Action.SECRET_TYPED if is_typed else Action.SECRET_REMOVED
            told = Line(
                f"{_label(integration, names.get(slot, ''))} for {at}",
                MASKED if slot in before else "",
                CHANGED if is_typed else "",
            )
            note(session, action, f"Integration {integration.name}", [told])


def _label(integration: Integration, name: str) -> str:
    ask = KINDS[integration.kind].ask(name)
    if ask is not None:
        return ask.label
    return f"Header {integration.options[name]}" if name == HEADER_NAME else "Secret"


def rotate(session: Session, vault: Vault) -> tuple[int, int]:
    """Encrypt all secrets anew with the first key; return how many, and how many can't be read."""
    done = lost = 0
    for row in session.scalars(select(Credential)):
        try:
            row.secrets = vault.seal(vault.open(row.secrets))
            done += 1
        except Sealed:
            lost += 1
    note(session, Action.SECRETS_ENCRYPTED, "All integrations")
    return done, lost


def _open(vault: Vault, sealed: str | None) -> Mapping[str, str]:
    """Return secrets; none for what can't be decrypted, which has to be typed again."""
    try:
        return vault.open(sealed) if sealed is not None else {}
    except Sealed:
        return {}
