"""What the real processes write holds no telephone number, whatever they are sent."""

import re
import socket
from pathlib import Path

from tests.demo_calls import ADA, SALES
from tests.server.callers import Twilio, call_fields
from tests.server.conftest import Serve
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


def test_an_access_log_has_every_request_and_neither_numbers_nor_secrets(
    serve: Serve, tmp_path: Path
) -> None:
    log = tmp_path / "access.log"
    server = serve(worker=False, GUNICORN_CMD_ARGS=f"--access-logfile {log}")
    fields = call_fields(ADA, SALES)

    with Twilio(server.base) as twilio:
        twilio.post(DID, **fields)
        for path in (
            f"/admin/calls/?{QUERY}",
            "/admin/dids/+12025550180",
            "/admin/dids/%2B12025550180",
            "/admin/welcome/s3cr3t-one",
            "/admin//welcome/s3cr3t-two",
            "/admin/welcome/s3cr3t-three/",
            "/admin/x%0d%0a127.0.0.1%20[30/Nov/2026]%20forged",
        ):
            twilio.request("GET", path, None, {"Referer": f"/?{QUERY}"})
    server.stop()

    text = log.read_text()
    assert f'"POST {DID}" 200' in text
    assert text.count('"GET /admin/') == len(text.splitlines()) - 2 == 7
    assert text.count("/welcome/••••") == 3
    assert "s3cr3t" not in text
    assert not re.search(r"202\D{0,3}555\D{0,3}01\d\d", text)


def test_without_being_asked_for_there_is_no_access_log(server: Server, twilio: Twilio) -> None:
    twilio.request("GET", "/healthz", None, {})

    assert "/healthz" not in server.log
