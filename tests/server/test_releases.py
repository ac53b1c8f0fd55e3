"""A release is followed soon by every process, and each call keeps the one it began with."""

import json
from datetime import UTC, datetime

from tests.demo_calls import ADA, SALES, SUPPORT
from tests.routing.journals import eventually
from tests.server.callers import Twilio, call_fields
from tests.server.conftest import Serve
from tests.server.load import DID, tell, under_load
from tests.server.releases import are_following, decisions, redraft, release
from tests.server.serving import PROCESSES
from voiceapp.console.story import Ended

LONGEST = 5.0
"""Seconds after which a release must be followed even on a machine that is busy; promised: 2."""


def test_every_process_knows_the_release_before_the_first_call(serve: Serve) -> None:
    server = serve(worker=False)

    assert eventually(lambda: server.log.count("Following release 1") == PROCESSES)


def test_every_process_follows_a_new_release_within_two_seconds(serve: Serve) -> None:
    server = serve(worker=False)
    with under_load(server, threads=2, called=[SALES]) as load:
        assert eventually(lambda: are_following(server, 1))
        processes = server.web_processes()

        number = release(server, "second")
        published = datetime.now(UTC)
        assert eventually(lambda: are_following(server, number))
        load.raise_faults()

    for process, entries in decisions(server).items():
        last_by_old = max(entry.at for entry in entries if entry.release == 1)
        took = (last_by_old - published).total_seconds()
        tell(f"process {process} followed release 1 for {took:.2f} s after 2 was published")
        assert took < LONGEST
    assert server.web_processes() == processes
    assert set(load.landings(SALES)) == {"vip", "second"}


def test_a_call_goes_on_with_the_release_it_began_with(serve: Serve) -> None:
    server = serve(worker=False)
    fields = call_fields(ADA, SUPPORT)
    with Twilio(server.base) as twilio:
        menu = twilio.post(DID, **fields).lands
        key = twilio.post(menu, **fields).twiml[0].attrib["action"]
        release(server, "second")
        assert eventually(lambda: twilio.call(ADA, SUPPORT, "1").where == "second")

        begun = twilio.post(key, **fields, Digits="1")
        begins = twilio.call(ADA, SALES)

    assert menu == "/twiml/ivr/801?r=1&n=1&v=1"
    assert begun.lands == "general"
    assert (begins.ended, begins.where) == (Ended.QUEUE, "second")


def test_a_release_that_four_have_followed_is_had_from_the_database(serve: Serve) -> None:
    server = serve(worker=False)
    queues = {1: "general"} | {number: f"queue-{number}" for number in range(2, 6)}
    with Twilio(server.base) as twilio:
        for number in range(2, 6):
            assert release(server, queues[number]) == number
        assert eventually(lambda: twilio.call(ADA, SALES).where == queues[5])

        # more releases than a process keeps, to and fro, so that each has to be had again
        for number in (1, 2, 3, 4, 5, 4, 3, 2, 1):
            key = f"/twiml/ivr/801/key?r={number}&n=2&v=2"
            answer = twilio.post(key, **call_fields(ADA, SUPPORT, Digits="1"))
            assert answer.lands == queues[number]

        assert twilio.call(ADA, SALES).where == queues[5]


def test_a_release_that_is_not_at_hand_is_told_from_the_one_that_decided(serve: Serve) -> None:
    server = serve()
    fields = call_fields(ADA, SUPPORT, Digits="1")

    with Twilio(server.base) as twilio:
        answer = twilio.post("/twiml/ivr/801/key?r=99&n=2&v=2", **fields)

    assert answer.lands == "general"
    assert eventually(lambda: len(server.rows()) == 1)
    [row] = server.rows()
    assert row.release == 1
    assert row.explanation[0].startswith("The call began with release 99, which is not at hand")


def test_a_draft_is_followed_by_the_test_call_that_asks_for_it_and_by_no_other(
    serve: Serve,
) -> None:
    server = serve()
    with server.application():
        redraft("drafted")

    over_draft = json.loads(server.flask("call", ADA, SALES, "--draft", "--json"))
    over_release = json.loads(server.flask("call", ADA, SALES, "--json"))
    with Twilio(server.base) as twilio:
        real = twilio.call(ADA, SALES)

    assert (over_draft["where"], over_draft["release"]) == ("drafted", 0)
    assert (over_release["where"], over_release["release"]) == ("vip", 1)
    assert real.where == "vip"
    assert eventually(lambda: len(server.rows()) == 3)
    assert sorted((row.release, row.test) for row in server.rows()) == [
        (0, True),
        (1, False),
        (1, True),
    ]
