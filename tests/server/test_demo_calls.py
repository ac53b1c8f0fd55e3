"""Every call of the demo, through the running server and through the terminal."""

import json

import pytest
from flask import Flask

from tests.demo_calls import ACCOUNTS, BEA, DEMO_CALLS, SALES, STRANGER, DemoCall
from tests.routing.journals import eventually
from tests.server.callers import Twilio
from tests.server.load import tell
from tests.server.serving import Server
from voiceapp.console.story import Walk
from voiceapp.models.journal import DecisionRow

each_call = pytest.mark.parametrize("demo", DEMO_CALLS, ids=str)


@each_call
def test_the_server_leads_the_call_where_the_demo_says(twilio: Twilio, demo: DemoCall) -> None:
    walk = twilio.call(demo.caller, demo.called, demo.press)

    assert demo.is_walked_by(walk), f"{walk.ended} {walk.where}"


@each_call
def test_the_terminal_leads_the_call_where_the_demo_says(app: Flask, demo: DemoCall) -> None:
    done = app.test_cli_runner().invoke(args=["call", *demo.command])

    assert done.exit_code == 0
    _assert_printed(done.stdout, demo)


@pytest.mark.parametrize("demo", [DEMO_CALLS[0], DEMO_CALLS[12], DEMO_CALLS[-2]], ids=str)
def test_the_command_leads_the_call_where_the_demo_says(server: Server, demo: DemoCall) -> None:
    printed = server.flask("call", *demo.command)

    _assert_printed(printed, demo)


def _assert_printed(text: str, demo: DemoCall) -> None:
    printed = json.loads(text)
    played = [heard["play"].rpartition("/")[2] for heard in printed["heard"] if "play" in heard]
    outcomes = [one["outcome"] for one in printed["decisions"] if one["outcome"]]
    assert (printed["ended"], printed["where"]) == (demo.ended, demo.where)
    assert played == [demo.played] * bool(demo.played)
    assert outcomes == [demo.outcome] * bool(demo.outcome)
    assert printed["release"] == 1


def test_every_decision_of_every_call_becomes_a_row(server: Server, twilio: Twilio) -> None:
    walks = [twilio.call(demo.caller, demo.called, demo.press) for demo in DEMO_CALLS]

    decided = {step for walk in walks for step in _decided(walk)}
    assert eventually(lambda: decided <= {_known_by(row) for row in server.rows()})

    rows = server.rows()
    for demo, walk in zip(DEMO_CALLS, walks, strict=True):
        its = [row for row in rows if row.call_sid == _sid(walk)]
        assert len(its) == len(_decided(walk))
        assert [row.outcome for row in its if row.outcome] == [demo.outcome] * bool(demo.outcome)
        assert {(row.release, row.test) for row in its} == {(1, False)}
    tell(f"{len(walks)} calls, {len(decided)} decisions, as many rows")


def _sid(walk: Walk) -> str:
    return walk.steps[0].params["CallSid"]


def _decided(walk: Walk) -> set[tuple[str, int]]:
    """Return the call and the number of each step that chose a destination: all but the menus."""
    return {
        (_sid(walk), number)
        for number, step in enumerate(walk.steps)
        if not step.twiml.count("/key?")
    }


def _known_by(row: DecisionRow) -> tuple[str, int]:
    return row.call_sid, row.step


def test_keyed_digits_are_kept_nowhere(server: Server, twilio: Twilio) -> None:
    walk = twilio.call(STRANGER, ACCOUNTS, "1,86753098675309#")

    assert eventually(lambda: _sid(walk) in [row.call_sid for row in server.rows()])
    assert server.mentions("86753098675309") == []


class TestTheRecordingThatACallerHears:
    def test_it_is_fetched_without_a_signature(self, twilio: Twilio) -> None:
        answer = twilio.request("GET", _recording(twilio), None, {})

        assert answer.status == 200
        assert answer.headers["Content-Type"] == "audio/wav"
        assert answer.body.startswith(b"RIFF")
        assert len(answer.body) == int(answer.headers["Content-Length"])

    def test_a_range_of_it_is_had_alone(self, twilio: Twilio) -> None:
        target = _recording(twilio)
        whole = twilio.request("GET", target, None, {}).body

        answer = twilio.request("GET", target, None, {"Range": "bytes=100-199"})

        assert answer.status == 206
        assert answer.headers["Content-Range"] == f"bytes 100-199/{len(whole)}"
        assert answer.body == whole[100:200]

    def test_it_is_not_sent_again_to_whoever_has_it(self, twilio: Twilio) -> None:
        target = _recording(twilio)
        tag = twilio.request("GET", target, None, {}).headers["ETag"]

        answer = twilio.request("GET", target, None, {"If-None-Match": tag})

        assert answer.status == 304
        assert answer.body == b""


def _recording(twilio: Twilio) -> str:
    """Return the target of the recording that Bea hears, which she is told in full."""
    [heard] = twilio.call(BEA, SALES).heard
    assert heard.text.startswith(f"{twilio.base}/recordings/")
    return heard.text.removeprefix(twilio.base)
