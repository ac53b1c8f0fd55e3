"""Asks any web service that answers in JSON: the CRM called Custom URL."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from voiceapp.crm.address import refuse_no_address
from voiceapp.crm.answers import by_status
from voiceapp.crm.contract import (
    Answer,
    CallFacts,
    CrmBadAnswer,
    FieldValue,
    Found,
    KeyedDigits,
    NotFound,
    Record,
    Search,
    Several,
)
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.door import Door
from voiceapp.crm.fields import Field
from voiceapp.crm.payload import at_path, parse_json

_PLACEHOLDER = re.compile(r"\{(caller|called|call_id|field|digits)\}")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # a token, RFC 9110 section 5.6.2
_HEADER_VALUE = re.compile(r"[\x21-\x7e]([\t\x20-\x7e]*[\x21-\x7e])?")  # the same, 5.5
_TELLING = 4  # characters of a part of the value that are no accident in an answer
_HEADERS_OF_THE_CONNECTION = frozenset(
    {"host", "connection", "content-length", "transfer-encoding"}
)


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

    def find(self, search: Search, call: CallFacts, deadline: Deadline) -> Answer:
        """Return what the service says of this caller; it knows no modules, so that is not sent.

        Raises `CrmError`, as statuses mean (redirects are not followed), `CrmBadAnswer` for what is
        not JSON as promised or repeats the secret, and what the door raises.
        """
        answer = self.door.request(
            "GET",
            self._filled(search, call),
            deadline=deadline,
            headers={self.header.name: self.header.value} if self.header else None,
        )
        if answer.status in (204, 404):
            return NotFound()
        if answer.status != 200:
            raise by_status("The CRM", answer)
        found = _read(parse_json(answer.body), search)
        self._refuse_echo(found)
        return found

    def sign_in(self, deadline: Deadline) -> None:
        """Need nothing: the header goes with every request."""

    def modules(self, deadline: Deadline) -> Sequence[str]:
        """Return none: such a service knows no modules."""
        return ()

    def fields(self, module: str, deadline: Deadline) -> Sequence[Field]:
        """Return none: what such a service answers shows only when it is asked."""
        return ()

    def _refuse_echo(self, answer: Answer) -> None:
        """Refuse a record that repeats the secret: explanations and the journal show its values."""
        if self.header is None:
            return
        if any(self.header.is_told_by(text) for text in _texts(_values(answer))):
            raise CrmBadAnswer("The CRM's answer repeats the secret it was asked with.")

    def _filled(self, search: Search, call: CallFacts) -> str:
        who = search.who
        facts = {
            "caller": call.caller if isinstance(who, KeyedDigits) else who.number,
            "called": call.called,
            "call_id": call.call_id,
            "field": ",".join(search.fields),
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


def told_of_the_call(address: str) -> tuple[str, ...]:
    """
    Return what of a call a service at an address is told beside who is looked for.

    `call_id`, which is another for each call, counts only where the address asks for it.

    >>> told_of_the_call("https://crm.example/find?number={caller}&id={call_id}")
    ('caller', 'call_id')
    >>> told_of_the_call("https://crm.example/find")
    ('caller', 'called')
    """
    named = _PLACEHOLDER.findall(address)
    if not named:
        return ("caller", "called")
    return tuple(name for name in ("caller", "called", "call_id") if name in named)


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


def _values(answer: Answer) -> list[FieldValue]:
    """Return every value that an answer brings."""
    match answer:
        case Found(values):
            return list(values.values())
        case Several(_, records):
            return [value for record in records for value in record.values.values()]
    return []


def refuse_what_cannot_be_asked(address: str) -> None:
    """Raise ValueError, with a sentence, for an address that can't be asked."""
    host_and_port = re.split("[/?#]", address.lower().removeprefix("https://"), maxsplit=1)[0]
    if address.lower().startswith("https://") and _PLACEHOLDER.search(host_and_port):
        raise ValueError("Placeholders may stand only behind the host, in the path or the query.")
    refuse_no_address(address)


def _read(payload: FieldValue, search: Search) -> Answer:
    if payload is None or payload == {}:
        return NotFound()
    records: list[Any] = payload if isinstance(payload, list) else [payload]
    if not all(isinstance(record, dict) for record in records):
        raise CrmBadAnswer("The answer of the CRM is neither a JSON object nor a list of objects.")
    if not records:
        return NotFound()
    wanted = (
        *search.fields,
        *([search.order.field] if search.order and search.order.field else []),
    )
    read = [Record({name: at_path(record, name) for name in wanted}) for record in records]
    if len(read) > 1:
        return Several(len(read), tuple(read))
    return Found(read[0].values, "Custom URL")
