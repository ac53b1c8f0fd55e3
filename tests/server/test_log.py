"""What the real processes write holds no telephone number, whatever they are sent."""

import re
import socket

from tests.demo_calls import ADA, SALES
from tests.server.callers import Twilio, call_fields
from tests.server.serving import Server

DID = "/twiml/did"
QUERY = "From=%2B12025550147&To=+12025550180"


def say(server: Server, request: str) -> None:
    """Send a request as it stands, and read whatever comes back."""
    host, port = server.base.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(request.encode())
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass


def test_no_number_is_in_the_log_of_a_server(server: Server, twilio: Twilio) -> None:
    fields = call_fields(ADA, SALES)

    assert twilio.send("POST", DID, fields, twilio.signature(DID, fields)).status == 200
    assert twilio.send("POST", DID, fields, None).status == 403
    say(server, f"GET {DID}?{QUERY} HTTP/1.1\r\nHost: x\r\n\r\n")
    say(server, f"GET /admin/calls/?{QUERY} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    say(server, f"GET {DID}?{QUERY} HTTP/9.9\r\n\r\n")
    say(server, f"{QUERY} nonsense\r\n\r\n")

    assert "Refused a webhook" in server.log
    assert "Invalid HTTP request line: 'From=••••47&To=••••80 nonsense'" in server.log
    assert not re.search(r"202\D{0,3}555\D{0,3}01\d\d", server.log)
