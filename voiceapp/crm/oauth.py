"""Tokens as OAuth 2.0 gives them (RFC 6749): asked for by a form, answered in JSON."""

import time
from collections.abc import Callable, Mapping

from voiceapp.crm.answers import Fault, no_fault, read, refused, text, throttled
from voiceapp.crm.contract import CrmBadAnswer, CrmError, CrmRefused, FieldValue
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.door import Door, HttpAnswer
from voiceapp.crm.tokens import Token, lifetime

HOUR = 3600.0


def grant(
    title: str,
    door: Door,
    url: str,
    form: Mapping[str, str],
    deadline: Deadline,
    *,
    keep: tuple[str, ...] = (),
    usual: float = HOUR,
    as_json: bool = False,
    fault: Fault = no_fault,
    clock: Callable[[], float] = time.time,
) -> Token:
    """Return the token that an authorization server gives for what is in the form.

    `keep` names what else of its answer is kept with the token; `usual` is how long it holds, in
    seconds, where the server doesn't say. `as_json` sends JSON instead of a form. `fault` looks
    for a CRM's own way to say that something is wrong, before the codes of the RFC. Raises
    `CrmError`; whatever the server says in words stays unsaid, as it may repeat the form.
    """

    def any_fault(answer: HttpAnswer, payload: FieldValue) -> CrmError | None:
        return fault(answer, payload) or _fault(title, answer, payload)

    answer = door.request(
        "POST",
        url,
        deadline=deadline,
        form=None if as_json else form,
        json=dict(form) if as_json else None,
    )
    payload = read(title, answer, any_fault)
    value = text(payload.get("access_token")) if isinstance(payload, Mapping) else ""
    if not isinstance(payload, Mapping) or not value:
        raise CrmBadAnswer(f"{title} gave no token when it was signed in to.")
    now = clock()
    extra = {name: text(payload.get(name)) for name in keep if text(payload.get(name))}
    return Token(value, now, now + lifetime(payload.get("expires_in"), usual), extra)


_OUR_FAULT = {"invalid_request", "invalid_scope", "unsupported_grant_type"}


def _fault(title: str, answer: HttpAnswer, payload: FieldValue) -> CrmError | None:
    """Read an error of RFC 6749, section 5.2, whatever status it comes with."""
    code = text(payload.get("error")) if isinstance(payload, Mapping) else ""
    if answer.status == 429 or answer.status >= 500:
        return None  # as the status says
    if code in ("slow_down", "temporarily_unavailable"):
        return throttled(title, answer)
    if code in _OUR_FAULT:
        return CrmRefused(f"{title} does not let an app in that is set up in this way.")
    if code or answer.status in (400, 401, 403):
        return refused(title)
    return None
