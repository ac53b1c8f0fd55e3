"""The door to the network: how long it waits, and how much it takes."""

import socket
import threading
import time
import zlib
from contextlib import contextmanager

import pytest

from tests.crm.https_server import plain_server
from voiceapp.crm.contract import CrmBadAnswer, CrmOutOfTime, CrmUnavailable
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.http import MAX_BODY

BUDGET = 0.5
NO_ANSWER = r"^crm.test gave no answer within the budget\.$"


@contextmanager
def cut_off_in_time():
    """Hold that what happens inside ends at the budget, not when the other side is done."""
    began = time.monotonic()
    yield
    took = time.monotonic() - began
    assert BUDGET * 0.9 < took < BUDGET + 2


@pytest.fixture
def url(server):
    return f"https://crm.test:{server.port}/"


@pytest.fixture
def packed(server):
    """Let the server answer with a body that is packed as gzip."""

    def pack(body):
        packer = zlib.compressobj(wbits=31)
        data = packer.compress(body) + packer.flush()
        server.behaviour = lambda visit: visit.answer(data, headers=["Content-Encoding: gzip"])

    return pack


def test_a_server_that_says_nothing_is_cut_off(door, server, url):
    server.behaviour = lambda visit: visit.stopped.wait()

    with cut_off_in_time(), pytest.raises(CrmUnavailable, match=NO_ANSWER):
        door.request("GET", url, deadline=Deadline.after(BUDGET))


def test_headers_that_arrive_in_drops_are_cut_off(door, server, url):
    server.behaviour = lambda visit: visit.drip(b"HTTP/1.1 200 So\r\nX-Long: " + b"x" * 200)

    with cut_off_in_time(), pytest.raises(CrmUnavailable, match=NO_ANSWER):
        door.request("GET", url, deadline=Deadline.after(BUDGET))


def test_a_body_that_arrives_in_drops_is_cut_off(door, server, url):
    def behaviour(visit):
        visit.socket.sendall(b"HTTP/1.1 200 So\r\nContent-Length: 200\r\n\r\n")
        visit.drip(b"x" * 200)

    server.behaviour = behaviour

    with cut_off_in_time(), pytest.raises(CrmUnavailable, match=NO_ANSWER):
        door.request("GET", url, deadline=Deadline.after(BUDGET))


def test_chunks_that_arrive_in_drops_are_cut_off(door, server, url):
    def behaviour(visit):
        visit.socket.sendall(b"HTTP/1.1 200 So\r\nTransfer-Encoding: chunked\r\n\r\n")
        visit.drip(b"1\r\nx\r\n" * 50)

    server.behaviour = behaviour

    with cut_off_in_time(), pytest.raises(CrmUnavailable, match=NO_ANSWER):
        door.request("GET", url, deadline=Deadline.after(BUDGET))


def test_endless_interim_answers_are_cut_off(door, server, url):
    def behaviour(visit):
        while not visit.stopped.wait(0.01):
            visit.socket.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")

    server.behaviour = behaviour

    with cut_off_in_time(), pytest.raises(CrmUnavailable, match=NO_ANSWER):
        door.request("GET", url, deadline=Deadline.after(BUDGET))


def test_a_request_that_is_not_taken_is_cut_off(door, server, url):
    server.behaviour = lambda visit: visit.stopped.wait()
    server.takes_bodies = False

    with cut_off_in_time(), pytest.raises(CrmUnavailable, match=NO_ANSWER):
        door.request("POST", url, deadline=Deadline.after(BUDGET), json="x" * 50_000_000)


def connect_without_timeout(address, seconds):
    """Show that TLS is bounded by itself, not by what the connecting left behind."""
    return socket.create_connection(address)


def test_a_server_that_never_answers_the_handshake_is_cut_off(make_door):
    door = make_door(connect=connect_without_timeout)

    with (
        plain_server(lambda connection, stopped: stopped.wait()) as port,
        cut_off_in_time(),
        pytest.raises(CrmUnavailable, match=NO_ANSWER),
    ):
        door.request("GET", f"https://crm.test:{port}/", deadline=Deadline.after(BUDGET))


def test_a_handshake_that_arrives_in_drops_is_cut_off(make_door):
    door = make_door(connect=connect_without_timeout)

    def drip(connection, stopped):
        connection.sendall(b"\x16\x03\x03\x40\x00")  # a long handshake record begins
        while not stopped.wait(0.1):
            connection.sendall(b"\x02")

    with (
        plain_server(drip) as port,
        cut_off_in_time(),
        pytest.raises(CrmUnavailable, match=NO_ANSWER),
    ):
        door.request("GET", f"https://crm.test:{port}/", deadline=Deadline.after(BUDGET))


def test_a_server_that_speaks_no_tls_is_unavailable(door, deadline):
    def greet(connection, stopped):
        connection.sendall(b"220 mail.test ESMTP\r\n")
        stopped.wait()

    with (
        plain_server(greet) as port,
        pytest.raises(CrmUnavailable, match=r"^No secure connection to crm.test was agreed on\.$"),
    ):
        door.request("GET", f"https://crm.test:{port}/", deadline=deadline)


def test_a_resolver_that_never_answers_is_cut_off(make_door):
    may_answer = threading.Event()
    door = make_door(resolve=lambda host, port: may_answer.wait() and ["127.0.0.1"])

    with cut_off_in_time(), pytest.raises(CrmOutOfTime, match="could not be looked up"):
        door.request("GET", "https://crm.test/", deadline=Deadline.after(BUDGET))

    may_answer.set()


def test_a_budget_that_is_used_up_asks_nobody(door, server, url):
    with pytest.raises(CrmUnavailable, match=NO_ANSWER):
        door.request("GET", url, deadline=Deadline.after(0))

    assert server.connections == []


def test_a_pooled_connection_takes_the_budget_of_its_next_request(door, server, url, deadline):
    door.request("GET", url, deadline=deadline)
    server.behaviour = lambda visit: visit.drip(b"HTTP/1.1 200 So\r\n" + b"x" * 200)

    with cut_off_in_time(), pytest.raises(CrmUnavailable, match=NO_ANSWER):
        door.request("GET", url, deadline=Deadline.after(BUDGET))


@pytest.mark.parametrize("framing", ["Content-Length: 52428800", "X-Length: unknown"])
def test_of_a_huge_body_little_is_read(door, server, url, deadline, framing):
    sent = []

    def behaviour(visit):
        visit.socket.sendall(f"HTTP/1.1 200 So\r\n{framing}\r\n\r\n".encode())
        for _ in range(800):
            visit.socket.sendall(b" " * 65536)
            sent.append(65536)
        visit.hang_up()

    server.behaviour = behaviour

    with pytest.raises(CrmBadAnswer, match=r"^The answer of crm.test is larger than 1 MiB\.$"):
        door.request("GET", url, deadline=deadline)

    assert sum(sent) < 25_000_000  # the rest is what the system's buffers hold


def test_a_body_that_is_announced_too_large_is_not_waited_for(door, server, url, deadline):
    def behaviour(visit):
        visit.socket.sendall(b"HTTP/1.1 200 So\r\nContent-Length: 1048577\r\n\r\n")
        visit.stopped.wait()

    server.behaviour = behaviour

    with pytest.raises(CrmBadAnswer, match="larger than 1 MiB"):
        door.request("GET", url, deadline=deadline)


def test_a_body_of_just_the_limit_is_taken(door, server, url, deadline):
    server.behaviour = lambda visit: visit.answer(b" " * MAX_BODY)

    assert len(door.request("GET", url, deadline=deadline).body) == MAX_BODY


def test_a_packed_body_is_unpacked(door, packed, url, deadline):
    packed(b'{"Tier": "Gold"}')

    assert door.request("GET", url, deadline=deadline).body == b'{"Tier": "Gold"}'


def test_a_packed_body_is_measured_unpacked(door, packed, url, deadline):
    packed(b" " * 50_000_000)

    with pytest.raises(CrmBadAnswer, match="larger than 1 MiB"):
        door.request("GET", url, deadline=deadline)


@pytest.mark.parametrize("encoding", ["gzip, gzip", "br", "deflate", "gzip,identity"])
def test_what_was_packed_otherwise_is_a_bad_answer(door, server, url, deadline, encoding):
    server.behaviour = lambda visit: visit.answer(
        b"packed", headers=[f"Content-Encoding: {encoding}"]
    )

    with pytest.raises(CrmBadAnswer, match="packed its answer in a way that was not asked for"):
        door.request("GET", url, deadline=deadline)


def test_what_is_not_gzip_but_says_so_is_a_bad_answer(door, server, url, deadline):
    server.behaviour = lambda visit: visit.answer(b"{}", headers=["Content-Encoding: gzip"])

    with pytest.raises(CrmBadAnswer, match=r"^The answer of crm.test could not be unpacked\.$"):
        door.request("GET", url, deadline=deadline)


def test_the_body_of_a_redirect_is_bounded_too(door, server, url, deadline):
    server.behaviour = lambda visit: visit.answer(
        b" " * (MAX_BODY + 1), 302, ["Location: https://crm.test/elsewhere"]
    )

    with pytest.raises(CrmBadAnswer, match="larger than 1 MiB"):
        door.request("GET", url, deadline=deadline)
