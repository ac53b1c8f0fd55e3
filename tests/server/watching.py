"""How a running server is watched: what it tells whoever has the token."""

from collections.abc import Mapping

from tests.server.callers import Twilio
from tests.server.serving import Server

TOKEN = "t0ken"


def told(server: Server, path: str) -> str:
    """Return what the server tells at an address."""
    with Twilio(server.base) as anybody:
        answer = anybody.request("GET", path, None, {"Authorization": f"Bearer {TOKEN}"})
    assert answer.status == 200
    return answer.body.decode()


def numbers(server: Server) -> Mapping[str, float]:
    """Return the numbers that it tells Prometheus."""
    lines = told(server, "/metrics").splitlines()
    return {
        name: float(value)
        for name, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    }
