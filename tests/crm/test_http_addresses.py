"""The door to the network: whom it connects to."""

import socket
import time
from contextlib import closing

import pytest

from tests.crm.https_server import HttpsServer
from voiceapp.crm.contract import CrmOutOfTime, CrmRefused, CrmUnavailable
from voiceapp.crm.deadline import Deadline

PUBLIC = "93.184.215.14"


class LoopbackConnect:
    """Notes the addresses that are dialled, and leads all of them to this machine."""

    def __init__(self):
        self.dialled = []

    def __call__(self, address, seconds):
        host, port = address
        self.dialled.append(host)
        return socket.create_connection(("127.0.0.1", port), seconds)


@pytest.fixture
def connect():
    return LoopbackConnect()


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "10.0.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[fe80::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::a9fe:a9fe]",
    ],
)
def test_an_address_inside_the_network_is_refused(make_door, connect, deadline, host):
    door = make_door(connect=connect)

    with pytest.raises(CrmRefused, match="leads into a private network"):
        door.request("GET", f"https://{host}/", deadline=deadline)

    assert connect.dialled == []


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["10.0.0.1"],
        ["169.254.169.254"],
        ["::1"],
        ["fe80::1%lo"],
        ["::ffff:10.0.0.1"],
        [PUBLIC, "10.0.0.1"],
    ],
)
def test_a_name_that_leads_inside_the_network_is_refused(make_door, connect, deadline, addresses):
    door = make_door(connect=connect, resolve=lambda host, port: addresses)

    with pytest.raises(CrmRefused) as caught:
        door.request("GET", "https://inside.test/?caller=%2B12025550101", deadline=deadline)

    assert str(caught.value) == (
        "inside.test leads into a private network, where no CRM is asked unless it is allowed by "
        "name."
    )
    assert caught.value.advice == (
        "If it is a CRM of your own, whoever runs voiceapp can allow it: they add inside.test to "
        "CRM_ALLOWED_HOSTS in the file .env and start voiceapp again."
    )
    assert connect.dialled == []


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f000001", "localhost", "localhost."])
def test_other_spellings_of_this_machine_are_refused(make_door, connect, deadline, host):
    def resolve(host, port):
        return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port)]

    door = make_door(connect=connect, resolve=resolve)

    with pytest.raises((CrmRefused, CrmUnavailable)):
        door.request("GET", f"https://{host}/", deadline=deadline)

    assert connect.dialled == []


@pytest.mark.parametrize("spelling", ["crm.test", "CRM.Test", "crm.test.", " crm.test "])
def test_a_host_may_be_allowed_by_name_in_any_case(make_door, server, deadline, spelling):
    door = make_door(allowed_hosts=[spelling])

    answer = door.request("GET", f"https://Crm.tesT:{server.port}/", deadline=deadline)

    assert answer.status == 200


def test_a_literal_address_may_be_allowed(make_door, authority, deadline):
    door = make_door(allowed_hosts={"127.0.0.1"})
    with closing(HttpsServer(authority.issue_cert("127.0.0.1"))) as server:
        answer = door.request("GET", f"https://127.0.0.1:{server.port}/", deadline=deadline)

    assert answer.status == 200


def test_allowing_a_name_does_not_allow_its_address(make_door, server, deadline):
    with pytest.raises(CrmRefused):
        make_door().request("GET", f"https://127.0.0.1:{server.port}/", deadline=deadline)


def test_the_address_that_was_checked_is_the_one_connected_to(
    make_door, connect, server, deadline, clock
):
    asked = []

    def rebind(host, port):
        asked.append(host)
        return [PUBLIC] if len(asked) == 1 else ["127.0.0.1"]

    door = make_door(allowed_hosts=(), connect=connect, resolve=rebind, clock=clock)
    url = f"https://crm.test:{server.port}/"

    answer = door.request("GET", url, deadline=deadline)

    assert answer.status == 200
    assert (asked, connect.dialled) == (["crm.test"], [PUBLIC])

    clock.ahead = 61  # the pooled connection is too old by now, and so is the kept address
    with pytest.raises(CrmRefused, match="leads into a private network"):
        door.request("GET", url, deadline=deadline)

    assert (asked, connect.dialled) == (["crm.test"] * 2, [PUBLIC])
    assert len(server.visits) == 1


def test_the_next_address_is_tried_when_one_is_dead(make_door, server, deadline):
    def connect(address, seconds):
        if address[0] == "::1":
            raise ConnectionRefusedError
        return socket.create_connection(address, seconds)

    door = make_door(connect=connect, resolve=lambda host, port: ["::1", "127.0.0.1"])

    answer = door.request("GET", f"https://crm.test:{server.port}/", deadline=deadline)

    assert answer.status == 200


def test_an_address_that_swallows_everything_leaves_time_for_the_next(make_door, deadline):
    shares = []

    def connect(address, seconds):
        shares.append(seconds)
        raise TimeoutError

    door = make_door(connect=connect, resolve=lambda host, port: ["127.0.0.1", "127.0.0.2"])

    with pytest.raises(CrmUnavailable, match=r"^crm.test could not be reached\.$"):
        door.request("GET", "https://crm.test/", deadline=deadline)

    assert len(shares) == 2
    assert shares[0] < 5.1


def test_addresses_that_swallow_everything_to_the_end_are_out_of_time(make_door):
    def connect(address, seconds):
        time.sleep(seconds)
        raise TimeoutError

    door = make_door(connect=connect, resolve=lambda host, port: ["127.0.0.1", "127.0.0.2"])

    with pytest.raises(CrmOutOfTime, match=r"^crm.test could not be reached within the budget\.$"):
        door.request("GET", "https://crm.test/", deadline=Deadline.after(0.1))


def test_a_port_where_nobody_listens_is_unavailable(door, deadline):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    with pytest.raises(CrmUnavailable, match=r"^crm.test could not be reached\.$"):
        door.request("GET", f"https://crm.test:{port}/", deadline=deadline)
