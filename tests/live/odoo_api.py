"""Odoo's own external interfaces, as plainly as they are: JSON-2 and, older, JSON-RPC."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import requests

_TIMEOUT = 60


class OdooRefused(Exception):
    """Odoo answered with an error; the message is what it said."""


@dataclass(frozen=True, slots=True)
class OdooApi:
    """Calls methods of models by JSON-2, as the user whose API key it has."""

    base: str
    database: str
    api_key: str = field(repr=False)

    def call(self, model: str, method: str, **arguments: Any) -> Any:
        """Call a method with named arguments, and return what it returned. Raises OdooRefused."""
        answer = requests.post(
            f"{self.base}/json/2/{model}/{method}",
            json=arguments,
            headers={
                "Authorization": f"bearer {self.api_key}",
                "X-Odoo-Database": self.database,
            },
            timeout=_TIMEOUT,
        )
        if not answer.ok:
            raise OdooRefused(f"{model}.{method}: {answer.status_code} {_message(answer)}")
        return answer.json()

    def create(self, model: str, *records: Mapping[str, Any]) -> list[int]:
        """Create records, and return their ids in the same order. Raises OdooRefused."""
        made: list[int] = self.call(model, "create", vals_list=list(records))
        return made

    def search(self, model: str, domain: Sequence[Any], **more: Any) -> list[dict[str, Any]]:
        """Return the records that a domain fits; `more` are fields, limit and order."""
        found: list[dict[str, Any]] = self.call(model, "search_read", domain=list(domain), **more)
        return found


def json_rpc(base: str, service: str, method: str, *arguments: Any) -> Any:
    """Call a service by JSON-RPC, and return its result. Raises OdooRefused."""
    answer = requests.post(
        f"{base}/jsonrpc",
        json={
            "jsonrpc": "2.0",
            "method": "call",
            "id": 1,
            "params": {"service": service, "method": method, "args": arguments},
        },
        timeout=_TIMEOUT,
    ).json()
    if "error" in answer:
        raise OdooRefused(f"{service}.{method}: {answer['error']['data']['message']}")
    return answer["result"]


def _message(answer: requests.Response) -> str:
    try:
        return str(answer.json()["message"])
    except ValueError:
        return answer.text[:500]
