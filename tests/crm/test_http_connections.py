"""The door to the network: how long a connection is used, and what happens when it is dead."""

import ssl
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from voiceapp.crm.contract import CrmUnavailable


@pytest.fixture
def url(server):
    return f"https://crm.test:{server.port}/"


def test_a_connection_is_used_again(door, server, url, deadline):
    for _ in range(3):
        door.request("GET", url, deadline=deadline)

    assert [visit.number for visit in server.visits] == [1, 2, 3]
    assert len(server.connections) == 1


def test_a_new_connection_does_not_read_the_authorities_again(
    door, server, url, deadline, monkeypatch
):
    loaded = []
    monkeypatch.setattr(
        ssl.SSLContext, "load_verify_locations", lambda *args, **more: loaded.append(args)
    )
    server.behaviour = lambda visit: visit.answer(headers=["Connection: close"])

    for _ in range(3):
        door.request("GET", url, deadline=deadline)

    assert len(server.connections) == 3
    assert loaded == []


def test_a_connection_that_rested_too_long_is_not_trusted(make_door, server, url, deadline, clock):
    door = make_door(clock=clock)
    door.request("GET", url, deadline=deadline)

    clock.ahead = 51
    door.request("GET", url, deadline=deadline)

    assert len(server.connections) == 2


def test_a_connection_closed_between_requests_is_replaced(door, server, url, deadline):
    has_closed = threading.Event()

    def answer_and_close(visit):
        visit.answer(b"fine")
        visit.hang_up()
        has_closed.set()

    server.behaviour = answer_and_close

    for _ in range(3):
        has_closed.clear()
        assert door.request("POST", url, deadline=deadline).body == b"fine"
        has_closed.wait()

    assert len(server.connections) == 3


def close_on_second_request(visit):
    if visit.number == 2:
        visit.hang_up()
    else:
        visit.answer(b"fine")


def test_a_connection_closed_at_the_wrong_moment_does_not_fail_the_request(
    door, server, url, deadline
):
    server.behaviour = close_on_second_request
    door.request("GET", url, deadline=deadline)

    answer = door.request("GET", url, deadline=deadline)

    assert answer.body == b"fine"
    assert [visit.number for visit in server.visits] == [1, 2, 1]


def test_the_second_attempt_takes_no_pooled_connection(door, server, url, deadline):
    both_are_here = threading.Barrier(2)

    def behaviour(visit):
        if visit.number == 2:
            visit.hang_up()
            return
        if len(server.connections) <= 2:
            both_are_here.wait(timeout=5)
        visit.answer(b"fine")

    server.behaviour = behaviour
    with ThreadPoolExecutor(2) as threads:
        for _ in range(2):
            threads.submit(door.request, "GET", url, deadline=deadline)

    answer = door.request("GET", url, deadline=deadline)

    assert answer.body == b"fine"
    assert [visit.number for visit in server.visits] == [1, 1, 2, 1]


def test_what_must_not_happen_twice_is_not_sent_twice(door, server, url, deadline):
    server.behaviour = close_on_second_request
    door.request("POST", url, deadline=deadline)

    with pytest.raises(CrmUnavailable, match=r"^The connection to crm.test broke off\.$"):
        door.request("POST", url, deadline=deadline)

    assert len(server.visits) == 2


def test_a_search_by_post_may_be_sent_again(door, server, url, deadline):
    server.behaviour = close_on_second_request
    door.request("POST", url, deadline=deadline)

    answer = door.request("POST", url, deadline=deadline, repeatable=True)

    assert answer.body == b"fine"


def test_a_fresh_connection_that_breaks_is_not_tried_again(door, server, url, deadline):
    server.behaviour = lambda visit: visit.hang_up()

    with pytest.raises(CrmUnavailable, match=r"^The connection to crm.test broke off\.$"):
        door.request("GET", url, deadline=deadline)

    assert len(server.visits) == 1


def test_an_answer_that_has_begun_is_not_asked_for_again(door, server, url, deadline):
    def break_off_the_second(visit):
        if visit.number == 2:
            visit.socket.sendall(b"HTTP/1.1 200 So\r\nContent-Length: 10\r\n\r\nhalf")
            visit.hang_up()
        else:
            visit.answer()

    server.behaviour = break_off_the_second
    door.request("GET", url, deadline=deadline)

    with pytest.raises(CrmUnavailable, match=r"^The connection to crm.test broke off\.$"):
        door.request("GET", url, deadline=deadline)

    assert len(server.visits) == 2
