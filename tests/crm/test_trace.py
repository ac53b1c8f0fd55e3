"""What a door remembers of the requests that went through it, and what it never shows."""

import pytest

from voiceapp.crm.contract import CrmRefused, CrmUnavailable
from voiceapp.crm.trace import Step, TracedDoor

SECRET = "hunter2"


class Clock:
    """Goes on by a quarter of a second whenever it is looked at."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 0.25
        return self.now


@pytest.fixture
def traced(door):
    return TracedDoor(door, clock=Clock())


@pytest.fixture
def url(server):
    return f"https://crm.test:{server.port}"


def test_every_request_is_a_step_with_its_status_and_time(traced, server, url, deadline):
    server.behaviour = lambda visit: visit.answer(b"[]", 200 if visit.method == "GET" else 401)

    answers = [
        traced.request("GET", f"{url}/find", deadline=deadline),
        traced.request("POST", f"{url}/token", deadline=deadline, form={"key": SECRET}),
    ]

    assert [answer.status for answer in answers] == [200, 401]
    assert traced.steps == [
        Step(f"GET {url}/find", 200, 250.0),
        Step(f"POST {url}/token", 401, 250.0),
    ]


def test_what_was_asked_reaches_the_other_door_as_it_was(traced, server, url, deadline):
    traced.request("GET", url, deadline=deadline, params={"q": "+1 2"}, headers={"X-Key": SECRET})

    (visit,) = server.visits
    assert (visit.target, visit.headers["x-key"]) == ("/?q=%2B1%202", SECRET)


def test_a_request_without_an_answer_is_a_step_too(traced, server, url, deadline):
    server.behaviour = lambda visit: visit.hang_up()

    with pytest.raises(CrmUnavailable, match=r"^The connection to crm\.test broke off\.$"):
        traced.request("GET", f"{url}/find", deadline=deadline)

    assert traced.steps == [Step(f"GET {url}/find", None, 250.0)]


def test_neither_queries_nor_headers_nor_bodies_are_shown(traced, url, deadline):
    traced.request(
        "POST",
        f"{url}/find?key={SECRET}&phone=%2B1202#{SECRET}",
        deadline=deadline,
        params={"more": SECRET},
        headers={"X-Key": SECRET},
        json={"password": SECRET},
    )

    assert traced.steps == [Step(f"POST {url}/find", 200, 250.0)]


def test_a_password_before_the_host_is_not_shown(traced, deadline):
    with pytest.raises(CrmRefused):
        traced.request("GET", f"https://me:{SECRET}@crm.test/find", deadline=deadline)

    assert SECRET not in str(traced.steps)


def test_an_address_that_is_none_is_refused_as_the_other_door_refuses_it(door, traced, deadline):
    for one in (door, traced):
        with pytest.raises(CrmRefused):
            one.request("GET", "https://[crm", deadline=deadline)
