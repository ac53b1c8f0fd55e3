"""Asks any web service that answers in JSON: the CRM called Custom URL."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol
from urllib.parse import quote, urlencode, urlsplit

from voiceapp.crm.contract import (
    Answer,
    CallFacts,
    CrmBadAnswer,
    CrmRefused,
    CrmUnavailable,
    FieldValue,
    Found,
    KeyedDigits,
    NotFound,
    Several,
    Who,
)
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.http import HttpAnswer
from voiceapp.crm.payload import at_path, parse_json

_PLACEHOLDER = re.compile(r"\{(caller|called|call_id|field|digits)\}")
_UNSEEN = re.compile(r"[\s\x00-\x1f\x7f]")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # a token, RFC 9110 section 5.6.2
_HEADER_VALUE = re.compile(r"[\x21-\x7e]([\t\x20-\x7e]*[\x21-\x7e])?")  # the same, 5.5
_TELLING = 4  # characters of a part of the value that are no accident in an answer
_LONGEST_HOST = 253  # RFC 1035, section 2.3.4
_HEADERS_OF_THE_CONNECTION = frozenset(
    {"host", "connection", "content-length", "transfer-encoding"}
)


class Door(Protocol):
    """What is needed of `voiceapp.crm.http.HttpDoor`."""

    def request(
        self,
        method: str,
        url: str,
        *,
        deadline: Deadline,
        headers: Mapping[str, str] | None = None,
    ) -> HttpAnswer:
        """Return the answer to one request, or raise `CrmError`."""
        ...


@dataclass(frozen=True, slots=True)
class SecretHeader:
    """A header that goes with every request; ValueError says in a sentence what it lacks."""

    name: str
    value: str = field(repr=False)

    def __post_init__(self) -> None:
        if not _HEADER_NAME.fullmatch(self.name):
            raise ValueError("The header's name must be letters, digits and hyphens.")
        if self.name.lower() in _HEADERS_OF_THE_CONNECTION:
            raise ValueError(f"The header {self.name} belongs to the connection; choose another.")
        if not _HEADER_VALUE.fullmatch(self.value):
            raise ValueError(
                "The header's value must be one line of ASCII characters, "
                "without blanks at its ends."
            )

    def is_told_by(self, text: str) -> bool:
        """Say whether a text has the value in it, or what stands there behind “Bearer”."""
        value = self.value.casefold()
        told = [value, *(part for part in value.split()[1:] if len(part) >= _TELLING)]
        return any(one in text.casefold() for one in told)


@dataclass(frozen=True, slots=True)
class CustomUrlClient:
    """A web service at an address of the admin's choice, asked by GET.

    The placeholders `{caller}`, `{called}`, `{call_id}`, `{field}` and `{digits}` in the address
    are filled in, percent-encoded. An address without any gets `caller`, `called`, `call_id`,
    `field` (and `digits`, if they were keyed) added to its query. Numbers are in E.164; several
    fields are joined by commas.

    A JSON object is the record, a JSON list is a list of records; fields are dotted paths into
    it. The statuses 204 and 404 and the bodies `null`, `{}` and `[]` mean that there is none.

    Raises ValueError, with a sentence, for an address that can't be asked.
    """

    door: Door = field(repr=False)
    address: str = field(repr=False)  # keys to a service often stand in its query
    header: SecretHeader | None = None

    def __post_init__(self) -> None:
        refuse_what_cannot_be_asked(self.address)

    def find(
        self,
        who: Who,
        module: str,
        fields: Sequence[str],
        call: CallFacts,
        deadline: Deadline,
    ) -> Answer:
        """Return what the service says of this caller; it knows no modules, so that is not sent.

        Raises `CrmRefused` for 3xx and 4xx (redirects are not followed), `CrmUnavailable` for 429
        and 5xx, `CrmBadAnswer` for what is not JSON as promised or repeats the secret, and what
        the door raises.
        """
        answer = self.door.request(
            "GET",
            self._filled(who, fields, call),
            deadline=deadline,
            headers={self.header.name: self.header.value} if self.header else None,
        )
        if answer.status in (204, 404):
            return NotFound()
        _refuse_all_but_ok(answer.status)
        found = _read(parse_json(answer.body), fields)
        self._refuse_echo(found)
        return found

    def _refuse_echo(self, answer: Answer) -> None:
        """Refuse a record that repeats the secret: explanations and the journal show its values."""
        if self.header is None or not isinstance(answer, Found):
            return
        if any(self.header.is_told_by(text) for text in _texts(list(answer.values.values()))):
            raise CrmBadAnswer("The CRM's answer repeats the secret it was asked with.")

    def _filled(self, who: Who, fields: Sequence[str], call: CallFacts) -> str:
        facts = {
            "caller": call.caller if isinstance(who, KeyedDigits) else who.number,
            "called": call.called,
            "call_id": call.call_id,
            "field": ",".join(fields),
        }
        if isinstance(who, KeyedDigits):
            facts["digits"] = who.digits
        if _PLACEHOLDER.search(self.address):
            return _PLACEHOLDER.sub(
                lambda placeholder: quote(facts.get(placeholder[1], ""), safe=""), self.address
            )
        parts = urlsplit(self.address)
        added = urlencode(facts, quote_via=quote, safe="")
        return parts._replace(query=f"{parts.query}&{added}" if parts.query else added).geturl()


def _texts(value: FieldValue) -> Iterator[str]:
    """Yield every text that a value is or holds."""
    match value:
        case str():
            yield value
        case int() | Decimal() if not isinstance(value, bool):
            yield str(value)
        case Mapping():
            for inner in value.values():
                yield from _texts(inner)
        case list() | tuple():
            for inner in value:
                yield from _texts(inner)


def refuse_what_cannot_be_asked(address: str) -> None:
    if _UNSEEN.search(address):
        raise ValueError("The address must not contain blanks or line breaks.")
    if not address.lower().startswith("https://"):
        raise ValueError("The address must start with https://.")
    host_and_port = re.split("[/?#]", address[len("https://") :], maxsplit=1)[0]
    if _PLACEHOLDER.search(host_and_port):
        raise ValueError("Placeholders may stand only behind the host, in the path or the query.")
    if "@" in host_and_port:
        raise ValueError("User name and password must not stand in the address; use the header.")
    if "#" in address:
        raise ValueError("The address must not have a part after #, as that is never sent.")
    try:
        parts = urlsplit(address)
        is_complete = 0 < len(parts.hostname or "") <= _LONGEST_HOST and parts.port != 0
    except ValueError:  # its sentence is for programmers
        is_complete = False
    if not is_complete:
        raise ValueError("The address must name a host, and a valid port if any, after https://.")


def _refuse_all_but_ok(status: int) -> None:
    if 300 <= status < 400:
        raise CrmRefused(f"The CRM answered with a redirect ({status}); they are not followed.")
    if status in (401, 403):
        raise CrmRefused(f"The CRM did not accept the credentials ({status}).")
    if status == 429:
        raise CrmUnavailable(f"The CRM says that it is asked too often ({status}).")
    if status >= 500:
        raise CrmUnavailable(f"The CRM has a fault of its own ({status}).")
    if status >= 400:
        raise CrmRefused(f"The CRM rejected the request ({status}).")
    if status != 200:
        raise CrmBadAnswer(f"The CRM answered with status {status} instead of 200.")


def _read(payload: FieldValue, fields: Sequence[str]) -> Answer:
    if payload is None or payload == {}:
        return NotFound()
    records: list[Any] = payload if isinstance(payload, list) else [payload]
    if not all(isinstance(record, dict) for record in records):
        raise CrmBadAnswer("The answer of the CRM is neither a JSON object nor a list of objects.")
    if not records:
        return NotFound()
    if len(records) > 1:
        return Several(len(records))
    return Found({name: at_path(records[0], name) for name in fields}, "Custom URL")
