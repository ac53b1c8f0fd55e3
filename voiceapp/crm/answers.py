"""What a CRM's answers mean: JSON read, statuses and shapes turned into errors."""

import re
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeAlias

from voiceapp.crm.contract import (
    CrmBadAnswer,
    CrmCredentialsRefused,
    CrmError,
    CrmMisconfigured,
    CrmNotPermitted,
    CrmRefused,
    CrmThrottled,
    CrmUnavailable,
    FieldValue,
)
from voiceapp.crm.door import HttpAnswer
from voiceapp.crm.payload import parse_json

Fault: TypeAlias = Callable[[HttpAnswer, FieldValue], CrmError | None]
"""Looks for a CRM's own way to say that something is wrong; None leaves it to the status."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*", re.ASCII)


def no_fault(answer: HttpAnswer, payload: FieldValue) -> None:
    """Leave it to the status."""


def read(title: str, answer: HttpAnswer, fault: Fault = no_fault) -> FieldValue:
    """Return the JSON of an answer, None for an empty one; raise what is wrong with it.

    `title` names the CRM in sentences, `fault` looks for its own way to say what is wrong.
    """
    is_good = 200 <= answer.status < 300
    payload: FieldValue = None
    if answer.body.strip():
        try:
            payload = parse_json(answer.body)
        except CrmBadAnswer as error:
            if is_good:
                raise CrmBadAnswer(f"{title} answered with something else than JSON.") from error
    wrong = fault(answer, payload) or (None if is_good else by_status(title, answer))
    if isinstance(wrong, CrmMisconfigured):
        wrong.said = answer.body.decode(errors="replace")
    if wrong is not None:
        raise wrong
    return payload


def by_status(title: str, answer: HttpAnswer) -> CrmError:
    """Return what a status means that is not 2xx."""
    status = answer.status
    if status == 401:
        return refused(title)
    if status == 403:
        return not_permitted(title)
    if status == 429:
        return throttled(title, answer)
    if status >= 500:
        pause = _asked_pause(answer) if status == 503 else None
        return CrmUnavailable(f"{title} has a fault of its own ({status}).", retry_after=pause)
    if 300 <= status < 400:
        return CrmRefused(f"{title} answered with a redirect ({status}); they are not followed.")
    if status >= 400:
        rejected = f"{title} rejected the request ({status})"
        return CrmMisconfigured(f"{rejected}.", f"{rejected}: it may not know {{it}}.")
    return CrmBadAnswer(f"{title} answered with status {status} instead of 200.")


def refused(title: str) -> CrmCredentialsRefused:
    """Return the error for credentials that a CRM does not accept."""
    return CrmCredentialsRefused(f"{title} did not accept the credentials.")


def not_permitted(title: str) -> CrmNotPermitted:
    """Return the error for what these credentials may not read."""
    return CrmNotPermitted(f"{title} does not permit these credentials to read this.")


def unknown(title: str, name: str = "") -> CrmMisconfigured:
    """Return the error for a module or field that there is not: `name`, if it is known which."""
    message = f"{title} does not know the module or a field that was asked for."
    return CrmMisconfigured(message, f"{title} does not know {{it}}.", name)


def without_phones(title: str, module: str, known: Collection[str]) -> CrmMisconfigured:
    """Return the error for a module that has no phone fields to find a caller by.

    `known` are its fields; where the CRM tells of none, there may be no such module at all.
    """
    if not known:
        return unknown(title)
    return CrmMisconfigured(
        f"{module} of {title} has no phone fields, so callers can't be found in it. "
        "Choose another module."
    )


def throttled(title: str, answer: HttpAnswer) -> CrmThrottled:
    """Return the error for being asked too often, with the pause that the CRM asks for."""
    return CrmThrottled(f"{title} says that it is asked too often.", _asked_pause(answer))


def _asked_pause(answer: HttpAnswer) -> float | None:
    return retry_after(answer.headers.get("Retry-After", ""), datetime.now(UTC))


def retry_after(header: str, now: datetime) -> float | None:
    """
    Return the seconds that a Retry-After header asks for; None for none (RFC 9110, 10.2.3).

    >>> now = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
    >>> retry_after("120", now), retry_after("Sun, 22 Nov 2026 10:01:00 GMT", now)
    (120.0, 60.0)
    >>> retry_after("soon", now), retry_after("", now)
    (None, None)
    """
    header = header.strip()
    if header.isascii() and header.isdigit():
        return float(header[:9])
    try:
        until = parsedate_to_datetime(header)
        return max((until - now).total_seconds(), 0)
    except (ValueError, TypeError):  # the second for a date without a zone
        return None


def bad(title: str) -> CrmBadAnswer:
    """Return the error for an answer of another shape than the CRM's documents promise."""
    return CrmBadAnswer(f"The answer of {title} has another shape than it should.")


def rows(title: str, payload: FieldValue, *path: str) -> list[Mapping[str, FieldValue]]:
    """Return the list of objects at a path within an answer; none for nothing there.

    Raises `CrmBadAnswer` for another shape.

    >>> rows("X", {"data": [{"id": "1"}]}, "data"), rows("X", None, "data")
    ([{'id': '1'}], [])
    """
    for name in path:
        if payload is None:
            return []
        if not isinstance(payload, Mapping):
            raise bad(title)
        payload = payload.get(name)
    if payload is None:
        return []
    if not isinstance(payload, list) or not all(isinstance(row, Mapping) for row in payload):
        raise bad(title)
    return payload


def text(value: FieldValue) -> str:
    """Return a text as it is, and a number written out; blank for anything else."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def name(title: str, typed: str) -> str:
    """Return the name of a module or field as it is, if it can be one in a query at all.

    Letters, digits and underscores, with dots between the steps of a path. Raises
    `CrmMisconfigured` for anything else, so that nothing typed becomes a part of a query.

    >>> name("X", "Account.Tier__c")
    'Account.Tier__c'
    """
    if not _NAME.fullmatch(typed):
        raise unknown(title, typed)
    return typed
