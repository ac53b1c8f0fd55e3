"""Signing in to Bullhorn: its data centre, an authorization code, a token, then a REST session.

The code is given to a user name and password, without a browser; it stands in the address that
Bullhorn redirects to, which nobody has to visit.

Sources: "Getting started with the Bullhorn REST API" and the reference, bullhorn.github.io;
for what is sent in case of failure, the recorded answers of open-source clients.
"""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urljoin, urlsplit

from voiceapp.crm.address import base_of
from voiceapp.crm.answers import bad, by_status, read, refused, text
from voiceapp.crm.contract import (
    CrmError,
    CrmNotPermitted,
    CrmRefused,
    CrmUnavailable,
    FieldValue,
)
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.door import Door, HttpAnswer
from voiceapp.crm.oauth import grant
from voiceapp.crm.tokens import Token

TITLE = "Bullhorn"
SITE = "https://rest.bullhornstaffing.com"
"""Where Bullhorn says which data centre a user is at home in."""
OWN_HOST = ".bullhornstaffing.com"
REST_URL = "restUrl"
"""The name under which a session's address is kept with its token."""
_SESSION_MINUTES = 60
_MOST_HOPS = 5
_CONSENT = b'value="Agree"'
_LOGIN = re.compile(
    rb"""invalid\s+(credentials|client\s*id)|<input[^>]+type\s*=\s*["']?password""", re.IGNORECASE
)
"""The marks of the page that somebody sees who was not let in."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """An API user and the OAuth key that was made for it."""

    username: str
    password: str = field(repr=False)
    client_id: str
    client_secret: str = field(repr=False)


def new_session(
    door: Door,
    site: str,
    who: Credentials,
    deadline: Deadline,
    clock: Callable[[], float] = time.time,
) -> Token:
    """Return a session's token, its address beside it. Raises `CrmError`."""
    oauth, rest = _data_centre(door, site, who, deadline)
    code, oauth = _code(door, oauth, who, deadline)
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "client_id": who.client_id,
        "client_secret": who.client_secret,
    }
    access = grant(TITLE, door, f"{oauth}/token", form, deadline)
    login = {"version": "*", "access_token": access.value, "ttl": str(_SESSION_MINUTES)}
    _, answer = _followed(door, f"{rest}/login", login, deadline)
    payload = _object(read(TITLE, answer, _login_fault))
    value, address = text(payload.get("BhRestToken")), text(payload.get("restUrl"))
    if not value:
        raise bad(TITLE)
    now = clock()
    return Token(value, now, now + 60 * _SESSION_MINUTES, {REST_URL: _own(address)})


def _data_centre(door: Door, site: str, who: Credentials, deadline: Deadline) -> tuple[str, str]:
    """Return the addresses for OAuth and REST of the data centre where a user is at home."""
    url = f"{base_of(site)}/rest-services/loginInfo"
    _, answer = _followed(door, url, {"username": who.username}, deadline)
    payload = _object(read(TITLE, answer, _unknown_user))
    oauth, rest = text(payload.get("oauthUrl")), text(payload.get("restUrl"))
    if not oauth or not rest:
        raise refused(TITLE)
    return _own(oauth), _own(rest)


def _code(door: Door, oauth: str, who: Credentials, deadline: Deadline) -> tuple[str, str]:
    """Return an authorization code, and the address for OAuth where it is good.

    The login page instead of a redirect means a wrong password, with status 200; any other page,
    that signing in is out of order.
    """
    params = {
        "client_id": who.client_id,
        "response_type": "code",
        "action": "Login",
        "username": who.username,
        "password": who.password,
    }
    url, answer = _followed(door, f"{oauth}/authorize", params, deadline)
    said = _redirected_with(answer)
    if said.get("code"):
        return said["code"], url.partition("?")[0].removesuffix("/authorize")
    if answer.status < 300 and _CONSENT in answer.body:
        raise CrmNotPermitted("Bullhorn wants the API user to agree to its terms, in a browser.")
    is_page = answer.status < 300
    if answer.status in (400, 401, 403) or "error" in said:
        raise refused(TITLE)
    if is_page and _LOGIN.search(answer.body):
        raise refused(TITLE)
    if is_page:
        raise CrmUnavailable("Bullhorn shows another page than that for signing in.")
    raise by_status(TITLE, answer)


def _followed(
    door: Door, url: str, params: Mapping[str, str], deadline: Deadline
) -> tuple[str, HttpAnswer]:
    """Return what GET answers, and where: one data centre may send on to another."""
    for _ in range(_MOST_HOPS):
        answer = door.request("GET", url, deadline=deadline, params=params)
        target = _target(url, answer)
        if not _is_own(target) or _redirected_with(answer):
            return url, answer
        url, params = target, {}  # all that was asked is in the new address
    raise by_status(TITLE, answer)


def _target(url: str, answer: HttpAnswer) -> str:
    """Return the address that a redirect leads to; blank for none."""
    if not 300 <= answer.status < 400:
        return ""
    try:
        return urljoin(url, answer.headers.get("Location", ""))
    except ValueError:  # what stands there is no address
        return ""


def _redirected_with(answer: HttpAnswer) -> Mapping[str, str]:
    """Return the code, or the error, that stands in the address of a redirect."""
    location = answer.headers.get("Location", "") if 300 <= answer.status < 400 else ""
    query = dict(parse_qsl(location.partition("#")[0].partition("?")[2]))
    return {name: query[name] for name in ("code", "error") if name in query}


def _own(url: str) -> str:
    """Return an address that Bullhorn named, if it is one of Bullhorn's own."""
    if not _is_own(url):
        raise CrmRefused("Bullhorn named an address that is not its own; it is not asked.")
    return base_of(url)


def _is_own(url: str) -> bool:
    """
    Say whether an address is one of Bullhorn's.

    >>> _is_own("https://auth-emea.bullhornstaffing.com/oauth")
    True
    >>> here = "rest.bullhornstaffing.com"
    >>> _is_own(f"http://{here}"), _is_own(f"https://{here}.evil.test")
    (False, False)
    >>> _is_own(f"https://{here}:8443"), _is_own(f"https://a@{here}")
    (False, False)
    """
    try:
        parts = urlsplit(url)
        is_plain = parts.port in (None, 443) and "@" not in parts.netloc
    except ValueError:
        return False
    host = (parts.hostname or "").lower()
    return parts.scheme == "https" and is_plain and host.endswith(OWN_HOST)


def _object(payload: FieldValue) -> Mapping[str, FieldValue]:
    if not isinstance(payload, Mapping):
        raise bad(TITLE)
    return payload


def _unknown_user(answer: HttpAnswer, payload: FieldValue) -> CrmError | None:
    return refused(TITLE) if answer.status in (400, 401, 403, 404) else None


def _login_fault(answer: HttpAnswer, payload: FieldValue) -> CrmError | None:
    """Read a refusal of the token that was given a moment ago: it passes, a later one is taken."""
    if answer.status in (400, 401):
        return CrmUnavailable("Bullhorn gave a token and then did not accept it.")
    return None
