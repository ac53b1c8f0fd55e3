"""Requests that break off or don't say how long they are: refused, and the server goes on."""

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.demo_calls import ADA, SALES
from tests.server.callers import Twilio, call_fields, new_sid
from tests.server.serving import Server, serving

DID = "/twiml/did"
FORM = "Content-Type: application/x-www-form-urlencoded"
CHUNKED = "Transfer-Encoding: chunked"
SIGNATURES = ["", "X-Twilio-Signature: L/OH5YylLD5NRKLltdqwSvS0BnU="]
"""None, and one that makes the guard read the body."""

# how the body is framed, and the body; {sid} is the call, {size} what the body should have
_BROKEN = {
    "no chunk": (CHUNKED, "CallSid={sid}"),
    "a chunk of no size": (CHUNKED, "zz\r\nCallSid={sid}\r\n0\r\n\r\n"),
    "a chunk of a negative size": (CHUNKED, "-5\r\nCallSid={sid}\r\n0\r\n\r\n"),
    "a chunk of a huge size": (CHUNKED, "fffffffffffffffffff\r\nCallSid={sid}\r\n0\r\n\r\n"),
    "a chunk longer than it says": (CHUNKED, "5\r\nCallSid={sid}\r\n0\r\n\r\n"),
    "a chunk that breaks off": (CHUNKED, "ff\r\nCallSid={sid}"),
    "no last chunk": (CHUNKED, "5\r\nCallS\r\n"),
    "a last chunk that breaks off": (CHUNKED, "5\r\nCallS\r\n0\r\n"),
    "an unknown encoding": ("Transfer-Encoding: {sid}", "CallSid={sid}"),
    "chunks and a length": (f"{CHUNKED}\r\nContent-Length: 3", "zz\r\nCallSid={sid}"),
    "no body": ("Content-Length: 300", ""),
    "a body cut off": ("Content-Length: 300", "CallSid={sid}&From=%2B1202"),
    "a length too small": ("Content-Length: 5", "CallSid={sid}&From=%2B1202"),
    "a length that is none": ("Content-Length: many", "CallSid={sid}"),
    "a negative length": ("Content-Length: -1", "CallSid={sid}"),
    "two lengths": ("Content-Length: 5\r\nContent-Length: 6", "CallSid={sid}"),
    "an endless length": ("Content-Length: 99999999999999999999", "CallSid={sid}"),
}


def _exchange(server: Server, request: bytes) -> bytes:
    """Send bytes as they are, and no more; return all that comes back until the server hangs up."""
    host, port = server.base.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while received := connection.recv(65536):
                answer += received
        except ConnectionResetError:
            pass  # it hung up with something of ours unread
        return answer


def _statuses(answer: bytes) -> list[bytes]:
    lines = answer.split(b"\r\n")
    return [line.split()[1] for line in lines if line.startswith(b"HTTP/1.")]


def _journal(server: Server) -> bytes:
    files = (server.instance / "journal").glob("*.jsonl")
    return b"".join(file.read_bytes() for file in files)


@pytest.fixture(scope="module")
def server(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server without a worker, which would take the journal's lines away."""
    instance = Path(shutil.copytree(installed, tmp_path_factory.mktemp("broken") / "instance"))
    with serving(instance, worker=False) as server:
        yield server


@pytest.mark.parametrize("signature", SIGNATURES, ids=["unsigned", "signed wrongly"])
@pytest.mark.parametrize("broken", _BROKEN)
def test_a_broken_request_is_refused_without_a_trace_and_the_next_one_works(
    server: Server, twilio: Twilio, broken: str, signature: str
) -> None:
    sid = new_sid()
    framing, body = (part.format(sid=sid) for part in _BROKEN[broken])
    lines = [f"POST {DID} HTTP/1.1", "Host: calls.example.com", FORM, signature, framing]
    head = "\r\n".join(filter(None, lines))
    logged = len(server.log)

    answer = _exchange(server, f"{head}\r\n\r\n{body}".encode())
    good = twilio.post(DID, **call_fields(ADA, SALES))

    assert all(400 <= int(status) < 600 for status in _statuses(answer))
    assert b"<Response" not in answer
    assert sid.encode() not in _journal(server)
    assert "Traceback" not in server.log[logged:]
    assert good.lands == "vip"


def test_a_get_with_seven_thousand_characters_of_query_is_taken(twilio: Twilio) -> None:
    fields = call_fields(ADA, SALES)
    room = 7000 - len(urlencode({**fields, "SpeechResult": ""}))
    target = f"{DID}?{urlencode({**fields, 'SpeechResult': 'a' * room})}"

    answer = twilio.send("GET", target, None, twilio.signature(target))

    assert len(target.partition("?")[2]) == 7000
    assert answer.lands == "vip"
