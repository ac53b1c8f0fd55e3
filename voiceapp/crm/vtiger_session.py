"""vtiger's web services: how they are called in the cloud and on a server of one's own.

Sources: the REST API manual of Vtiger (help.vtiger.com/article/147111249) for the cloud; the web
service tutorials and the open-source edition's webservice.php for servers.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import md5

from voiceapp.crm.answers import bad, not_permitted, read, refused, text, throttled, unknown
from voiceapp.crm.api import Api
from voiceapp.crm.contract import CrmError, CrmRefused, CrmThrottled, CrmUnavailable, FieldValue
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.door import Door, HttpAnswer
from voiceapp.crm.tokens import Token

TITLE = "vtiger"
REST = "/restapi/v1/vtiger/default"
SCRIPT = "/webservice.php"
_LIFE = 20 * 60.0
"""Seconds for which a session is used; a server ends it after thirty minutes without a call."""


@dataclass(frozen=True, slots=True)
class Operations:
    """Calls the operations of one vtiger: by their paths in the cloud, by a parameter elsewhere."""

    api: Api
    is_cloud: bool

    def query(self, query: str, deadline: Deadline) -> FieldValue:
        """Return the records that a query finds. Raises `CrmError`."""
        path, params = self._call("query", {"query": query})
        return result_of(self.api.get(path, deadline, params))

    def describe(
        self, operation: str, params: Mapping[str, str], deadline: Deadline
    ) -> Mapping[str, FieldValue]:
        """Return what an operation says about modules or fields. Raises `CrmError`."""
        path, params = self._call(operation, params)
        result = result_of(self.api.describe(path, deadline, params))
        if not isinstance(result, Mapping):
            raise bad(TITLE)
        return result

    def _call(self, operation: str, params: Mapping[str, str]) -> tuple[str, Mapping[str, str]]:
        return (
            (f"/{operation}", params)
            if self.is_cloud
            else ("", {"operation": operation} | {**params})
        )


def open_session(
    door: Door,
    address: str,
    user: str,
    access_key: str,
    deadline: Deadline,
    clock: Callable[[], float] = time.time,
) -> Token:
    """Return the session that a server opens for a user who knows the access key.

    The key itself is not sent, but its digest with what the server challenges one by.
    """
    params = {"operation": "getchallenge", "username": user}
    challenge = _named(door.request("GET", address, deadline=deadline, params=params), "token")
    digest = md5(f"{challenge}{access_key}".encode(), usedforsecurity=False).hexdigest()
    form = {"operation": "login", "username": user, "accessKey": digest}
    session = _named(door.request("POST", address, deadline=deadline, form=form), "sessionName")
    now = clock()
    return Token(session, now, now + _LIFE)


def _named(answer: HttpAnswer, name: str) -> str:
    result = result_of(read(TITLE, answer, fault))
    value = text(result.get(name)) if isinstance(result, Mapping) else ""
    if not value:
        raise bad(TITLE)
    return value


def result_of(payload: FieldValue) -> FieldValue:
    """Return the result within an answer. Raises `CrmBadAnswer` for one that has none."""
    if not isinstance(payload, Mapping) or payload.get("success") is not True:
        raise bad(TITLE)
    return payload.get("result")


def _broken(title: str) -> CrmUnavailable:
    return CrmUnavailable(f"{title} has a fault of its own.")


_FAULTS: Mapping[str, Callable[[str], CrmError]] = {
    "SESSION_EXPIRED": refused,
    "SESSION_LEFT_IDLE": refused,
    "INVALID_SESSIONID": refused,
    "INVALID_USER_CREDENTIALS": refused,
    "INVALID_AUTH_TOKEN": refused,
    "ACCESSKEY_UNDEFINED": refused,
    "AUTHENTICATION_REQUIRED": refused,
    "AUTHENTICATION_FAILURE": refused,
    "ACCESS_DENIED": not_permitted,
    "QUERY_SYNTAX_ERROR": unknown,
    "INVALID_ID_ATTRIBUTE": unknown,
    "UNKOWN_ENTITY": unknown,  # as vtiger spells it
    "DATABASE_QUERY_ERROR": _broken,
    "INTERNAL_SERVER_ERROR": _broken,
}


def fault(answer: HttpAnswer, payload: FieldValue) -> CrmError | None:
    """Read the code of an error, which servers send with status 200, the cloud with 400."""
    if answer.status == 429:
        return _throttled(answer)
    if not isinstance(payload, Mapping) or payload.get("success") is not False:
        return None
    error = payload.get("error")
    make = _FAULTS.get(text(error.get("code")) if isinstance(error, Mapping) else "")
    if make is not None:
        return make(TITLE)
    return CrmRefused(f"{TITLE} rejected the request.") if answer.status == 200 else None


def _throttled(answer: HttpAnswer) -> CrmError:
    """Return the error for too many calls a minute; the cloud says when the next one begins."""
    told, reset = throttled(TITLE, answer), answer.headers.get("X-FloodControl-Reset", "")
    if told.retry_after is not None or not (reset.isascii() and reset.isdigit()):
        return told
    return CrmThrottled(str(told), max(float(reset[:12]) - time.time(), 0))
