"""What the real server says of itself, while its processes come and go."""

import json
import os
import signal

import pytest

from tests.demo_calls import ADA, SALES
from tests.routing.journals import eventually
from tests.server.callers import Twilio
from tests.server.conftest import Serve
from tests.server.load import under_load
from tests.server.serving import Server
from tests.server.watching import TOKEN, numbers, told


@pytest.fixture
def server(serve: Serve) -> Server:
    return serve(METRICS_TOKEN=TOKEN)


def decided(server: Server) -> float:
    return sum(
        number
        for name, number in numbers(server).items()
        if name.startswith("voiceapp_decisions_total")
    )


def test_every_process_tells_of_all_also_of_one_that_was_killed(server: Server) -> None:
    first = server.web_processes()
    with under_load(server) as load:
        load.wait_for(300)
    before = decided(server)
    os.kill(min(first), signal.SIGKILL)
    assert eventually(lambda: len(server.web_processes() - first) == 1)
    with under_load(server) as more:
        more.wait_for(300)

    assert before == len(load.answered)
    assert {decided(server) for _ in range(6)} == {before + len(more.answered)}
    files = sorted(path.name for path in (server.instance / "metrics").glob("counter_*"))
    assert files == ["counter_web-0.db", "counter_web-1.db", "counter_worker.db"]


def test_a_reload_gives_no_name_twice(server: Server) -> None:
    before = server.web_processes()
    with under_load(server) as load:
        load.wait_for(200)
        server.reload()
        assert eventually(lambda: len(server.web_processes() - before) == 2)
        load.wait_for(200)

    assert eventually(lambda: server.web_processes().isdisjoint(before))
    assert decided(server) == len(load.answered)
    assert load.unanswered == []


def test_a_second_answer_that_differs_is_counted_by_the_worker(server: Server) -> None:
    path = server.instance / "journal" / "another-process.jsonl"
    with Twilio(server.base) as twilio:
        twilio.call(ADA, SALES)
    assert eventually(lambda: len(server.rows()) == 1)
    [row] = server.rows()
    entry = {"call_sid": row.call_sid, "step": row.step, "door": row.door, "at": row.at.isoformat()}
    texts = dict.fromkeys(("caller", "called", "ivr", "key", "rule", "outcome"), "")
    where = {"destination_kind": "queue", "destination_option": "another", "ms": 1.0}
    rest = {"release": 1, "test": False, "lookup": None, "explanation": [], "safe": False}
    line = {"type": "decision", "version": 1, "entry": entry | texts | where | rest}

    path.write_text(json.dumps(line) + "\n")

    assert eventually(lambda: numbers(server).get("voiceapp_answers_differing_total") == 1)
    assert len(server.rows()) == 1


def test_a_worker_that_ends_is_missed(server: Server) -> None:
    assert eventually(lambda: json.loads(told(server, "/readyz"))["status"] == "ready")

    server.ask_to_end("worker")

    assert eventually(lambda: json.loads(told(server, "/readyz"))["status"] == "degraded")
    assert json.loads(told(server, "/readyz"))["degraded"] == ["The worker is not running."]
