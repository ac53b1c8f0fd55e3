"""What stands in for a CRM that can't be had here: a small one behind real HTTPS.

Each CRM has a class of its own that reads the CRM's query language, searches records in memory,
and answers as the vendor's documents say, oddities included.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.crm.https_server import Visit


@dataclass(frozen=True)
class Request:
    """A request as a CRM reads it."""

    method: str
    host: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        assert self.headers["content-type"] == "application/x-www-form-urlencoded"
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True, strict_parsing=True))


@dataclass(frozen=True)
class Response:
    """An answer; `body` is sent as JSON unless it is bytes, None as no body at all."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Entry:
    """A record of a stand-in, by the CRM's own names of fields."""

    id: str
    fields: dict[str, Any]


Trouble = Callable[[Visit], None]


@dataclass(frozen=True)
class Names:
    """How one CRM names what every stand-in has in Contacts, for the tests that all share.

    `phones` are the fields for telephone numbers, the usual one first. `tier` is a text, `stage`
    a pick list with a value of the label “Hot Prospect”, stored as `hot`, `balance` a number,
    `vip` a yes/no, `since` a date, `account` a text with what callers key in.
    """

    phones: tuple[str, ...]
    tier: str
    stage: str
    hot: Any
    balance: str
    vip: str
    since: str
    account: str


class StandIn(ABC):
    """One CRM; `kind` is its key in the registry, the rest is what an admin types for it.

    `troubles` are done, one each, instead of answering the next searches.
    """

    kind: ClassVar[str]
    hosts: ClassVar[tuple[str, ...]]
    url: ClassVar[str]
    options: ClassVar[dict[str, str]] = {}
    secrets: ClassVar[dict[str, str]]
    """By the names of `voiceapp.crm.kind`; each is long enough to be searched for in logs."""
    names: ClassVar[Names]
    phones_in: ClassVar[dict[str, str]] = {}
    """The usual phone field of a module that has another one than Contacts."""
    needs_phone_fields: ClassVar[bool] = True
    """Finds callers by what it tells of its fields, and not by people who have a number anyway."""
    has_tokens: ClassVar[bool] = False
    """Signs in for a while; then it has to count in `given` how often."""
    has_labels: ClassVar[bool] = True
    """Tells what the items of a pick list are called, and not only how they are stored."""
    tells_empty_numbers: ClassVar[bool] = True
    """Tells a number that nobody filled in from 0."""
    tells_forbidden: ClassVar[bool] = True
    """Tells what may not be read from what is not there."""
    finds_extensions: ClassVar[bool] = True
    """Can be asked at once for numbers that have an extension behind them."""
    most_requests: ClassVar[int] = 1
    """How many requests find a caller, once signed in and the fields read."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.troubles: list[Trouble] = []
        self.refuses_signing_in = False
        """As with a wrong secret."""
        self.forbids = False
        """Knows who asks, and lets them search nothing."""
        self.is_throttled = False
        self.is_vague = False
        """Finds every record that has a number at all, as a fuzzy index might."""
        self.given = 0

    @abstractmethod
    def add(self, module: str, **fields: Any) -> str:
        """Keep a record in a module (Contacts, Leads, Accounts) and return its id."""

    @abstractmethod
    def answer(self, request: Request) -> Response:
        """Answer as the CRM does."""

    @abstractmethod
    def is_search(self, request: Request) -> bool:
        """Say whether a request looks for a caller, rather than signing in or describing."""

    def expire(self) -> None:
        """Let the tokens that were given so far end."""
        raise NotImplementedError  # for those that give tokens

    def searches(self) -> list[Request]:
        return [request for request in self.requests if self.is_search(request)]

    def __call__(self, visit: Visit) -> None:
        parts = urlsplit(visit.target)
        if "+" in parts.query:
            visit.answer(b"A plus sign in a query is a blank: escape it.", status=418)
            return
        query = dict(parse_qsl(parts.query, keep_blank_values=True)) if parts.query else {}
        host = visit.headers["host"].partition(":")[0]
        request = Request(visit.method, host, unquote(parts.path), query, visit.headers, visit.body)
        self.requests.append(request)
        if self.troubles and self.is_search(request):
            self.troubles.pop(0)(visit)
            return
        send(visit, self.answer(request))


def send(visit: Visit, response: Response) -> None:
    """Send an answer over the wire."""
    body = response.body
    if not isinstance(body, bytes):
        body = b"" if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", **response.headers}
    visit.answer(body, response.status, [f"{name}: {value}" for name, value in headers.items()])
