"""What clients need of the network: something that sends a request and returns its answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from voiceapp.crm.deadline import Deadline


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What a server answered; header names are found in any case, the body is unpacked."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class Door(Protocol):
    """What is needed of `voiceapp.crm.http.HttpDoor`."""

    def request(
        self,
        method: str,
        url: str,
        *,
        deadline: Deadline,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        repeatable: bool | None = None,
        max_body: int = 1024 * 1024,
    ) -> HttpAnswer:
        """Return the answer to one request, or raise `CrmError`."""
        ...
