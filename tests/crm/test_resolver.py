import socket
import threading
import time
from ipaddress import ip_address

import pytest

from voiceapp.crm.contract import CrmOutOfTime, CrmUnavailable
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.resolver import Resolver, is_public, system_resolve


class FakeNames:
    """A resolver that knows some names, notes who was asked for, and can be held up."""

    def __init__(self, **addresses):
        self.addresses = addresses
        self.asked = []
        self.may_answer = threading.Event()
        self.may_answer.set()

    def __call__(self, host, port):
        self.asked.append(host)
        self.may_answer.wait()
        if host not in self.addresses:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return self.addresses[host]


def resolving_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("resolve ")]


def test_a_name_resolves_to_its_addresses_in_order(deadline):
    resolver = Resolver(FakeNames(crm=["2606:4700::1", "8.8.8.8"]))

    addresses = resolver.addresses("crm", 443, deadline)

    assert addresses == ("2606:4700::1", "8.8.8.8")


def test_a_good_answer_is_kept_for_a_minute(clock, deadline):
    names = FakeNames(crm=["8.8.8.8"])
    resolver = Resolver(names, clock=clock)
    resolver.addresses("crm", 443, deadline)

    clock.ahead = 59
    resolver.addresses("crm", 443, deadline)
    assert names.asked == ["crm"]

    clock.ahead = 61
    resolver.addresses("crm", 443, deadline)
    assert names.asked == ["crm", "crm"]


def test_a_failure_is_not_kept(deadline):
    names = FakeNames()
    resolver = Resolver(names)
    with pytest.raises(CrmUnavailable):
        resolver.addresses("crm", 443, deadline)

    names.addresses["crm"] = ["8.8.8.8"]

    assert resolver.addresses("crm", 443, deadline) == ("8.8.8.8",)


def test_an_unknown_name_is_a_sentence_with_its_cause(deadline):
    with pytest.raises(CrmUnavailable, match=r"^The name crm could not be resolved\.$") as caught:
        Resolver(FakeNames()).addresses("crm", 443, deadline)

    assert isinstance(caught.value.__cause__, socket.gaierror)


def test_a_name_without_an_address_is_unavailable(deadline):
    with pytest.raises(CrmUnavailable, match=r"^The name crm has no address\.$"):
        Resolver(FakeNames(crm=[])).addresses("crm", 443, deadline)


def test_a_label_too_long_for_dns_is_unavailable(deadline):
    with pytest.raises(CrmUnavailable, match="could not be resolved"):
        Resolver().addresses("a" * 64 + ".test", 443, deadline)


def test_a_resolver_that_never_answers_is_cut_off_and_costs_one_thread():
    names = FakeNames(crm=["8.8.8.8"])
    names.may_answer.clear()
    resolver = Resolver(names)
    began = time.monotonic()

    for _ in range(5):
        with pytest.raises(CrmOutOfTime, match="could not be looked up within the budget"):
            resolver.addresses("crm", 443, Deadline.after(0.05))

    assert time.monotonic() - began < 2
    assert names.asked == ["crm"]
    assert [thread.daemon for thread in resolving_threads()] == [True]

    names.may_answer.set()
    assert resolver.addresses("crm", 443, Deadline.after(5)) == ("8.8.8.8",)
    for thread in resolving_threads():
        thread.join()


def test_all_who_wait_get_the_answer_of_one_lookup(deadline):
    names = FakeNames(crm=["8.8.8.8"])
    names.may_answer.clear()
    resolver = Resolver(names)
    answers = []
    waiting = [
        threading.Thread(target=lambda: answers.append(resolver.addresses("crm", 443, deadline)))
        for _ in range(8)
    ]
    for thread in waiting:
        thread.start()

    names.may_answer.set()
    for thread in waiting:
        thread.join()

    assert answers == [("8.8.8.8",)] * 8
    assert names.asked == ["crm"]


def test_a_slow_name_does_not_hold_up_another(deadline):
    may_answer = threading.Event()

    def resolve(host, port):
        if host == "slow":
            may_answer.wait()
        return ["8.8.8.8"]

    resolver = Resolver(resolve)
    with pytest.raises(CrmUnavailable):
        resolver.addresses("slow", 443, Deadline.after(0.05))

    answer = resolver.addresses("quick", 443, deadline)

    may_answer.set()
    assert answer == ("8.8.8.8",)


def test_the_system_knows_this_machine():
    assert "127.0.0.1" in system_resolve("localhost", 443) or "::1" in system_resolve(
        "localhost", 443
    )


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "2002:808:808::1", "64:ff9b::808:808"],
)
def test_a_public_address_is_public(address):
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "192.0.0.192",
        "192.168.1.1",
        "168.63.129.16",
        "224.0.0.1",
        "239.1.1.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "64:ff9b:1::808:808",
        "2001:0:808:808::1",
        "2001:db8::1",
        "2002:a00:1::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
    ],
)
def test_an_address_inside_a_network_is_not_public(address):
    assert not is_public(ip_address(address))


def test_without_a_thread_to_be_had_a_name_is_unavailable(monkeypatch, deadline):
    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    resolver = Resolver(lambda host, port: ["8.8.8.8"])
    with monkeypatch.context() as exhausted:
        exhausted.setattr(threading.Thread, "start", start)
        for _ in range(2):
            with pytest.raises(CrmUnavailable, match="can't be looked up now"):
                resolver.addresses("crm", 443, deadline)

    assert resolver.addresses("crm", 443, deadline) == ("8.8.8.8",)
