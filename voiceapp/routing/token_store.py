"""Tokens of CRMs kept in the database, encrypted: one for all processes and machines.

Whoever fetches a new one claims that in the row first, for as long as it may take; no transaction
stays open meanwhile, and the claim of a process that died ends by itself.
"""

import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import ColumnElement, Engine, delete, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from voiceapp.crm.bounded import Bounded, OutOfTime
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.kind import Connection
from voiceapp.crm.tokens import Claim, StoreAway, Token
from voiceapp.models.crm_state import CrmToken
from voiceapp.vault import Sealed, Vault

_BUDGET = 0.25
"""Seconds that the database has for each step at most: a caller may be waiting."""
_KEPT_AFTERWARDS = 90 * 86_400.0
"""Seconds: the next one may be given only for what came with the last, however long ago."""

T = TypeVar("T")


def known_as(connection: Connection, key: str) -> str:
    """Return by what the tokens of a connection are known: a hash that takes `key` to make.

    Whose integration it is has no part in it: what was tested before it was saved, and only then
    got a key, may have used up a token that can be used once.
    """
    told = [
        connection.kind,
        connection.url,
        sorted(connection.options.items()),
        sorted(connection.secrets.items()),
    ]
    return hmac.new(key.encode(), json.dumps(told).encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class DatabaseTokens:
    """Keeps the token of one connection, `known_as` by its hash. Methods raise StoreAway."""

    engine: Engine
    bounded: Bounded
    vault: Vault
    connection: str
    clock: Callable[[], float] = time.time

    def read(self, deadline: Deadline) -> Token | None:
        """Return the token that was kept last; None for one that can't be decrypted."""
        sealed = self._run(self._read, deadline)
        if not sealed:
            return None
        try:
            opened = self.vault.open(sealed)
            times = float(opened["fetched_at"]), float(opened["expires_at"])
            return Token(opened["value"], *times, json.loads(opened["extra"]))
        except (Sealed, KeyError, ValueError):
            return None

    def claim(self, seconds: float, deadline: Deadline) -> Claim | None:
        """Take it on to fetch a token within some seconds; None while another does."""
        return self._run(lambda session: self._claim(session, seconds), deadline)

    def keep(self, token: Token | None, claim: Claim, deadline: Deadline) -> None:
        """Keep a token that was fetched, or none, and let go of the claim.

        What comes too late for its claim is kept only in the place of what ends earlier: tokens
        of one connection last equally long, so that one was fetched before.
        """
        self._run(lambda session: self._keep(session, token, claim), deadline)

    def _read(self, session: Session) -> str:
        row = session.get(CrmToken, self.connection)
        return row.sealed if row else ""

    def _claim(self, session: Session, seconds: float) -> Claim | None:
        now = self.clock()
        claim = now + seconds
        if session.get(CrmToken, self.connection) is None:
            session.add(CrmToken(connection=self.connection, claimed_until=claim))
            try:
                session.commit()
            except IntegrityError:  # another was faster
                session.rollback()
            else:
                return claim
        is_ours = self._update(session, CrmToken.claimed_until <= now, claimed_until=claim)
        session.commit()
        return claim if is_ours else None

    def _keep(self, session: Session, token: Token | None, claim: Claim) -> None:
        kept = self._sealed(token) if token is not None else {}
        is_ours = self._update(session, CrmToken.claimed_until == claim, claimed_until=0.0, **kept)
        if token is not None and not is_ours:  # the claim that is there now is another's
            self._update(session, CrmToken.expires_at < token.expires_at, **kept)
        session.commit()

    def _sealed(self, token: Token) -> dict[str, object]:
        told = {
            "value": token.value,
            "fetched_at": str(token.fetched_at),
            "expires_at": str(token.expires_at),
            "extra": json.dumps(dict(token.extra)),
        }
        return {"sealed": self.vault.seal(told), "expires_at": token.expires_at}

    def _update(self, session: Session, holds: ColumnElement[bool], **values: object) -> bool:
        """Change the row if something holds of it, and say whether it did."""
        mine = CrmToken.connection == self.connection
        changed = session.execute(update(CrmToken).where(mine, holds).values(**values))
        return changed.rowcount == 1  # type: ignore[attr-defined,no-any-return]  # as of any update

    def _run(self, work: Callable[[Session], T], deadline: Deadline) -> T:
        def in_session() -> T:
            with Session(self.engine) as session:
                return work(session)

        try:
            return self.bounded.run(in_session, deadline.within(_BUDGET))
        except (SQLAlchemyError, OutOfTime) as error:
            raise StoreAway from error


def forget_old(session: Session, clock: Callable[[], float] = time.time) -> None:
    """Delete the tokens that ended 90 days ago: their connection is typed otherwise by now."""
    ended = clock() - _KEPT_AFTERWARDS
    session.execute(
        delete(CrmToken).where(CrmToken.expires_at < ended, CrmToken.claimed_until < ended)
    )
    session.commit()
