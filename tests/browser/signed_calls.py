"""Calls, signed as Twilio signs them, to the server that a browser has changed."""

from tests.routing.journals import eventually
from tests.server.callers import Twilio
from tests.server.releases import are_following
from tests.server.serving import Server
from voiceapp.console.story import Walk


def place_call(server: Server, caller: str, called: str, press: str | None = None) -> Walk:
    """Place a call over a connection of its own, so that any process may take it."""
    with Twilio(server.base) as twilio:
        return twilio.call(caller, called, press)


def wait_until_followed(server: Server, number: int, caller: str, called: str) -> None:
    """Place calls until every web process has decided by a release, within some seconds."""

    def are_all() -> bool:
        place_call(server, caller, called)
        return are_following(server, number)

    assert eventually(are_all), f"Release {number} is not followed."
