"""Secrets typed into a form that is not saved yet: kept for some minutes, and live for nobody.

They are encrypted, and belong to one form in one sign-in. Each is bound to what it was typed for.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from voiceapp.crm.custom import SecretHeader
from voiceapp.crm.kind import ACCOUNT, HEADER_NAME, TOKEN, URL, USERNAME, Kind
from voiceapp.models.integrations import TypedSecrets
from voiceapp.models.types import now
from voiceapp.vault import Sealed, Vault, origin

HOLDS = timedelta(minutes=15)
"""How long they are kept after the form was last shown."""
_MOST, _LONGEST = 12, 20_000
_HOST = re.compile(r"[\w.:-]+")

_OWNERS = {TOKEN: (USERNAME, ACCOUNT), HEADER_NAME: (HEADER_NAME,)}
"""Whom a secret belongs to, by the names of what is told; others belong to the user."""


@dataclass(frozen=True, slots=True)
class Place:
    """What a secret was typed for: a kind of CRM, which of its secrets, the address, the owners.

    `at` is the origin, blank as long as the address can't be one; `host` is what it names so far.
    An owner is None as long as it has yet to be typed.
    """

    kind: str
    name: str
    at: str
    host: str
    owners: tuple[str | None, ...]

    @property
    def is_settled(self) -> bool:
        """Whether nothing of it has yet to be typed."""
        return bool(self.at) and None not in self.owners

    def is_as(self, other: "Place") -> bool:
        """Say whether both are for the same secret of the same kind of CRM."""
        return (self.kind, self.name) == (other.kind, other.name)

    def fits(self, wanted: "Place") -> bool:
        """Say whether what was typed for this place may be used for another one.

        What stood there must be the same; only what had yet to be typed may have come since.
        """
        if not self.is_as(wanted):
            return False
        if self.at and wanted.at:
            is_there = self.at == wanted.at
        else:
            is_there = "" in (self.host, wanted.host) or self.host == wanted.host
        pairs = zip(self.owners, wanted.owners, strict=True)
        return is_there and all(None in pair or pair[0] == pair[1] for pair in pairs)


@dataclass(frozen=True, slots=True)
class Desk:
    """Where somebody types: a sign-in, by the hash of its token, and one form shown to it."""

    sign_in: str
    form: str


def place_of(name: str, kind_key: str, kind: Kind, told: Mapping[str, str]) -> Place:
    """Return what a secret is typed for, by what stands beside it."""
    at, host = _whereto(told.get(URL, "") if kind.ask(URL) else kind.site)
    owners = tuple(_owner(kind, one, told) for one in _OWNERS.get(name, (USERNAME,)))
    return Place(kind_key, name, at, host, owners)


def recall(
    session: Session, vault: Vault, desk: Desk, clock: Callable[[], datetime] = now
) -> Mapping[Place, str]:
    """Return the secrets of a form, what was typed last coming last."""
    row = session.get(TypedSecrets, (desk.sign_in, desk.form))
    if row is None or row.typed_at <= clock() - HOLDS:
        return {}
    try:
        return {_read(place): one for place, one in vault.open(row.sealed).items()}
    except Sealed:
        return {}


def remember(
    session: Session,
    vault: Vault,
    desk: Desk,
    secrets: Mapping[Place, str],
    clock: Callable[[], datetime] = now,
) -> Mapping[Place, str]:
    """Keep secrets in the place of those there were, commit, and return what is kept by now."""
    fitting = [(place, one) for place, one in secrets.items() if len(one) <= _LONGEST]
    kept = dict(fitting[-_MOST:])
    forget_old(session, clock)
    forget(session, desk)
    if kept:
        sealed = vault.seal({_spell(place): one for place, one in kept.items()})
        session.add(TypedSecrets(**_key(desk), sealed=sealed, typed_at=clock()))
    try:
        session.commit()
    except IntegrityError:  # signed out, or sent twice, at this very moment
        session.rollback()
        return {}
    return kept


def forget(session: Session, desk: Desk) -> None:
    """Let go of the secrets of a form."""
    session.execute(delete(TypedSecrets).filter_by(**_key(desk)))


def forget_old(session: Session, clock: Callable[[], datetime] = now) -> None:
    """Let go of the secrets of all forms that were left."""
    session.execute(delete(TypedSecrets).where(TypedSecrets.typed_at <= clock() - HOLDS))


def _key(desk: Desk) -> dict[str, str]:
    return {"sign_in": desk.sign_in, "form": desk.form}


def _spell(place: Place) -> str:
    return json.dumps([place.kind, place.name, place.at, place.host, *place.owners])


def _read(text: str) -> Place:
    kind, name, at, host, *owners = json.loads(text)
    return Place(kind, name, at, host, tuple(owners))


def _owner(kind: Kind, name: str, told: Mapping[str, str]) -> str | None:
    if name == HEADER_NAME:
        return _header(told.get(name, ""))
    ask = kind.ask(name)
    if ask is None:
        return ""
    return told.get(name, "") or (None if ask.is_required else "")


def _header(name: str) -> str | None:
    try:
        return SecretHeader(name, "x").name.lower()
    except ValueError:
        return None


def _whereto(url: str) -> tuple[str, str]:
    """Return the origin and the host of an address, as far as it has them by now."""
    try:
        host = urlsplit(url if "://" in url else f"https://{url}").hostname or ""
    except ValueError:
        host = ""
    if not _HOST.fullmatch(host):
        return "", ""
    try:
        return (origin(url) if url.lower().startswith("https://") else ""), host
    except ValueError:
        return "", host
