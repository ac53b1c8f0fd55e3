"""Odoo's older interface, JSON-RPC: always 200, with the error inside.

Sources: “External RPC API” at odoo.com/documentation, and a running Odoo 19, which still has it.
"""

import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

from voiceapp.crm.answers import bad, read, refused, text
from voiceapp.crm.contract import CrmCredentialsRefused, CrmError, CrmUnavailable, FieldValue
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.door import Door, HttpAnswer
from voiceapp.crm.odoo_model import TITLE, fault_of, no_database
from voiceapp.crm.payload import at_path
from voiceapp.crm.tokens import Token, Tokens

_DAY = 86_400.0
_SINCE = 17
"""The version since which names of other records are read together with a record."""


class JsonRpc:
    """Calls methods of models as a user, whose number is found out once and then kept."""

    def __init__(
        self, door: Door, base: str, database: str, login: str, key: str, tokens: Tokens
    ) -> None:
        self._door = door
        self._url = f"{base}/jsonrpc"
        self._database = database
        self._login = login
        self._key = key
        self._tokens = tokens

    def call(
        self, model: str, method: str, arguments: Mapping[str, Any], deadline: Deadline, **rest: Any
    ) -> FieldValue:
        """Return what a method returns for named arguments. Raises `CrmError`."""

        def attempt(user: Token) -> FieldValue:
            signed = [self._database, int(user.value), self._key]
            asked = [*signed, model, method, [], arguments]
            return self._service("object", "execute_kw", asked, deadline, **rest)

        user = self._tokens.current(self._fetch, deadline)
        try:
            return attempt(user)
        except CrmCredentialsRefused:
            user = self._tokens.renewed(user, self._fetch, deadline)
        return attempt(user)

    def reads_on(self, deadline: Deadline) -> bool:
        """Say whether fields of the records that a record leads to are read with it."""
        user = self._tokens.current(self._fetch, deadline)
        return int(user.extra.get("series", 0)) >= _SINCE

    def sign_in(self, deadline: Deadline) -> None:
        """See that the user's number is known."""
        self._tokens.kept_young(self._fetch, deadline)

    def _fetch(self, before: Token | None, deadline: Deadline) -> Token:
        signed = [self._database, self._login, self._key, {}]
        user = self._service("common", "authenticate", signed, deadline)
        if user is False:
            raise refused(TITLE)
        version = self._service("common", "version", [], deadline)
        # 18, or “saas~18” in between
        series = re.search(r"\d+", text(at_path(version, "server_version_info.0")))
        if not text(user).isdecimal() or series is None:
            raise bad(TITLE)
        now = time.time()
        return Token(text(user), now, now + _DAY, {"series": series[0]})

    def _service(
        self, service: str, method: str, arguments: Sequence[Any], deadline: Deadline, **rest: Any
    ) -> FieldValue:
        params = {"service": service, "method": method, "args": list(arguments)}
        body = {"jsonrpc": "2.0", "method": "call", "id": 1, "params": params}
        answer = self._door.request(
            "POST", self._url, deadline=deadline, json=body, repeatable=True, **rest
        )
        payload = read(TITLE, answer, self._fault)
        if not isinstance(payload, Mapping) or "result" not in payload:
            raise bad(TITLE)
        return payload["result"]

    def _fault(self, answer: HttpAnswer, payload: FieldValue) -> CrmError | None:
        error = payload.get("error") if isinstance(payload, Mapping) else None
        if error is None:
            return None
        told = at_path(error, "data")
        match text(at_path(told, "name")):
            case "odoo.exceptions.MissingError":  # the user is there no more
                return refused(TITLE)
            case "psycopg2.OperationalError" if self._is_named(text(at_path(told, "message"))):
                return no_database()
        return fault_of(told) or CrmUnavailable(f"{TITLE} has a fault of its own.")

    def _is_named(self, said: str) -> bool:
        """Say whether PostgreSQL complains about the database, in whatever language."""
        return f'"{self._database}"' in said
