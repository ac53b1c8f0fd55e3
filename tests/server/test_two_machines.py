"""Two machines with one PostgreSQL and one Redis are one service."""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from tests.conftest import settings
from tests.demo_calls import ADA, SALES
from tests.routing.journals import eventually
from tests.server.callers import Answer, Twilio, call_fields, new_sid
from tests.server.load import DID
from tests.server.releases import ask_the_crm, release
from tests.server.serving import Server, run_flask, serving
from tests.wire.hosting import Hosted, hosted
from tests.wire.suitecrm import SuiteCrm
from voiceapp.crm.breaker import FAILURES

PUBLIC = "https://calls.example.com"  # of the load balancer in front of both

MANY = 32
"""So many calls at once that each process answers some of them."""

Machines = tuple[Server, Server]


@pytest.fixture
def suite(tmp_path: Path) -> Iterator[Hosted]:
    """A CRM at an address that other processes can look up."""
    crm = SuiteCrm()
    crm.add("Contacts", phone_work=ADA, tier_c="Gold")
    with hosted(crm, tmp_path, "/suite/", "localhost") as suite:
        yield suite


@pytest.fixture
def common(suite: Hosted, postgres_url: str, redis_url: str) -> dict[str, str]:
    """What both machines are told."""
    return {
        **suite.settings,
        "PUBLIC_BASE_URL": PUBLIC,
        "DATABASE_URL": postgres_url,
        "REDIS_URL": redis_url,
        "SECRET_KEY": "the same for both",
        "CREDENTIALS_KEY": Fernet.generate_key().decode(),
    }


@pytest.fixture
def machines(installed: Path, tmp_path: Path, common: dict[str, str]) -> Iterator[Machines]:
    """Two machines at work, each with a folder of its own and a worker."""
    folders = [tmp_path / name / "instance" for name in ("first", "second")]
    for folder in folders:
        shutil.copytree(installed, folder)
        (folder / "voiceapp.db").unlink()
    run_flask(settings(folders[0]) | common, "setup")
    with ExitStack() as stack:
        first, second = [stack.enter_context(serving(folder, **common)) for folder in folders]
        yield first, second


def post(machine: Server, sid: str) -> Answer:
    """Post the first webhook of a call to one of the machines, as it comes from Twilio."""
    with Twilio(machine.base) as twilio:
        twilio.base = PUBLIC
        return twilio.post(DID, **call_fields(ADA, SALES, sid))


def call(machine: Server) -> str:
    """Return where a new call of Ada's lands."""
    return post(machine, new_sid()).lands


def calls_of(machine: Server) -> list[str]:
    """Return the call of each row in the journal that both have."""
    return [row.call_sid for row in machine.rows()]


def test_what_is_published_on_one_the_other_follows(machines: Machines) -> None:
    first, second = machines
    assert (call(first), call(second)) == ("vip", "vip")

    release(first, "night")

    assert eventually(lambda: call(second) == "night", 10)
    assert eventually(lambda: {call(machine) for machine in [*machines] * 4} == {"night"}, 10)


def test_a_webhook_that_is_delivered_to_both_is_answered_alike_and_has_one_row(
    machines: Machines,
) -> None:
    first, second = machines
    sid, another = new_sid(), new_sid()
    answer = post(first, sid)
    post(second, another)
    release(first, "night")
    assert eventually(lambda: {call(second) for _ in range(8)} == {"night"}, 20)

    again = [post(machine, sid) for machine in [second, first] * 4]

    assert answer.lands == "vip"
    assert {one.body for one in again} == {answer.body}
    assert eventually(lambda: calls_of(first).count(another) == 1)
    assert eventually(lambda: calls_of(first).count(sid) == 1)


def test_both_sign_in_to_the_crm_once(machines: Machines, suite: Hosted) -> None:
    first, _ = machines
    ask_the_crm(first, suite)
    for machine in machines:
        assert eventually(lambda machine=machine: is_asking(machine, suite), 20)

    landings = {call(machine) for machine in [*machines] * 6}

    assert landings == {"vip"}
    assert suite.crm.given == 1


def is_asking(machine: Server, suite: Hosted) -> bool:
    """Say whether each of many calls to the machine asks the CRM, whichever process has it."""
    asked = len(suite.crm.searches())
    with ThreadPoolExecutor(MANY) as pool:
        landed = set(pool.map(call_of_another, [machine] * MANY))
    return landed == {"general"} and len(suite.crm.searches()) - asked >= MANY


_others = count()


def call_of_another(machine: Server) -> str:
    """Return where a call lands of somebody whom nobody has asked for yet."""
    caller = f"+1202556{next(_others):04}"
    with Twilio(machine.base) as twilio:
        twilio.base = PUBLIC
        return twilio.post(DID, **call_fields(caller, SALES, new_sid())).lands


def test_a_crm_that_one_leaves_alone_the_other_leaves_alone_too(
    machines: Machines, suite: Hosted
) -> None:
    first, second = machines
    ask_the_crm(first, suite)
    for machine in machines:
        assert eventually(lambda machine=machine: is_asking(machine, suite), 20)
    suite.crm.troubles = [lambda visit: visit.answer(b"", 503)] * 1000
    for _ in range(2 * FAILURES):  # of both processes of the machine
        call_of_another(first)
    asked = len(suite.crm.searches())

    # what the worker's probes ask is no call's
    before = [call_of_another(second) for _ in range(6)]

    assert set(before) == {"overflow"}
    assert len(suite.crm.searches()) - asked <= 3
    suite.crm.troubles.clear()
    assert eventually(lambda: call_of_another(second) == "general", 60)
    assert eventually(lambda: call_of_another(first) == "general", 2)
    assert eventually(lambda: {call(machine) for machine in [*machines] * 2} == {"vip"}, 2)
