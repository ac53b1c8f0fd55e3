"""A hundred thousand spoiled webhooks: those that are signed land, the others leave no trace."""

import os
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from itertools import count
from multiprocessing import get_context
from pathlib import Path

import pytest

from tests.chaos.conftest import Note
from tests.chaos.forgeries import FORGERIES, assert_all_refused
from tests.conftest import settings
from tests.routing.journals import entries_in
from tests.server.callers import Answer, Twilio
from tests.server.conftest import Serve
from tests.server.serving import Server
from tests.twiml.documents import chooses
from tests.twiml.hostile import FORM, Webhook, assert_all_land, spoiled
from voiceapp import create_app
from voiceapp.routing.entry import DecisionEntry

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]

WEBHOOKS = int(os.environ.get("CHAOS_WEBHOOKS", "100000"))
AT_ONCE = 5000
"""How many are sent before what came of them is looked at."""
ROUNDS = max(WEBHOOKS // AT_ONCE, 1)
IN_PROCESS = max(ROUNDS // 5, 1)
"""Rounds in a process of ours as well, where each webhook is seen to leave no trace, or one."""
LONGEST_TARGET = 8000  # gunicorn refuses longer request lines, and Twilio sends none

Bear = Callable[[Path, int, int], None]


@pytest.fixture
def seed() -> int:
    seed = int(os.environ.get("HOSTILE_SEED", random.randrange(10**6)))
    print(f"HOSTILE_SEED={seed} CHAOS_WEBHOOKS={WEBHOOKS}")  # noqa: T201 - to repeat a failure
    return seed


def _all_land(instance: Path, webhooks: int, seed: int) -> None:
    """Send webhooks to an application of this process, as `assert_all_land` says."""
    app = create_app(settings(instance), watch=False, propagate_faults=True)
    assert_all_land(app, instance, webhooks, seed, follows=0.1)


def _on_all_cores(bear: Bear, installed: Path, folder: Path, seed: int) -> float:
    """Let processes of ours bear webhooks, each on instance folders of its own."""
    began = time.monotonic()
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as pool:
        borne = [
            pool.submit(
                bear,
                Path(shutil.copytree(installed, folder / str(number))),
                min(WEBHOOKS, AT_ONCE),
                seed + number,
            )
            for number in range(IN_PROCESS)
        ]
        for one in borne:
            one.result()
    return time.monotonic() - began


def test_each_that_is_signed_is_answered_with_twiml(
    installed: Path, tmp_path: Path, seed: int, note: Note
) -> None:
    seconds = _on_all_cores(_all_land, installed, tmp_path, seed)

    done = f"{IN_PROCESS * AT_ONCE} times 200 and TwiML, in {seconds:.0f} s"
    note("spoiled webhooks, signed", "in process", done)


def test_each_that_is_forged_is_refused_without_a_trace(
    installed: Path, tmp_path: Path, seed: int, note: Note
) -> None:
    seconds = _on_all_cores(assert_all_refused, installed, tmp_path, seed)

    done = f"{IN_PROCESS * AT_ONCE} times 403, no trace, in {seconds:.0f} s"
    note("spoiled webhooks, forged", "in process", done)


@pytest.fixture
def server(serve: Serve) -> Server:
    """A server without a worker, which would take the journal's lines away."""
    return serve(worker=False)


def test_the_server_refuses_each_that_is_forged(server: Server, seed: int, note: Note) -> None:
    forge = partial(_forged, random.Random(seed + 1))
    began, refused = time.monotonic(), 0

    for number in range(ROUNDS):
        answers = _all_answers(server, seed + number, forge)
        assert {answer.status for _, answer in answers} == {403}
        assert not any(b"<Response" in answer.body for _, answer in answers)
        refused += len(answers)

    assert not (server.instance / "journal").exists()
    assert "Traceback" not in server.log
    done = f"{refused} times 403, no line, in {time.monotonic() - began:.0f} s"
    note("spoiled webhooks, forged", "gunicorn", done)


def test_the_server_answers_each_that_is_signed(server: Server, seed: int, note: Note) -> None:
    deciding: Counter[tuple[str, str]] = Counter()
    began, answered = time.monotonic(), 0

    for number in range(ROUNDS):
        for webhook, answer in _all_answers(server, seed + number, Webhook.signature):
            assert answer.twiml is not None, webhook
            delivery = (webhook.target, webhook.signature(server.base))
            deciding[delivery] += chooses(webhook.target, answer.body.decode())
            answered += 1

    entries = entries_in(server.instance / "journal")
    written = sum(isinstance(entry, DecisionEntry) for entry in entries)
    # what is the same to the letter as another is a second delivery, unless it names no call
    assert len(+deciding) <= written <= deciding.total()
    assert "Traceback" not in server.log
    done = f"{answered} times 200 and TwiML, in {time.monotonic() - began:.0f} s"
    note("spoiled webhooks, signed", "gunicorn", done)


def _forged(chance: random.Random, webhook: Webhook, base: str) -> str | None:
    return chance.choice(FORGERIES)(webhook, base)


def _all_answers(
    server: Server, seed: int, sign: Callable[[Webhook, str], str | None]
) -> Sequence[tuple[Webhook, Answer]]:
    """Send webhooks over the wire, from several threads."""
    webhooks = list(_sendable(random.Random(seed)))
    threads = 4
    with ThreadPoolExecutor(threads) as pool:
        parts = [
            pool.submit(_answers, server, webhooks[part::threads], sign) for part in range(threads)
        ]
    return [answered for part in parts for answered in part.result()]


def _sendable(chance: random.Random) -> Iterator[Webhook]:
    fitting = (
        webhook for _ in count() if len((webhook := spoiled(chance)).target) <= LONGEST_TARGET
    )
    return (next(fitting) for _ in range(min(WEBHOOKS, AT_ONCE)))


def _answers(
    server: Server, webhooks: Sequence[Webhook], sign: Callable[[Webhook, str], str | None]
) -> list[tuple[Webhook, Answer]]:
    with Twilio(server.base) as twilio:
        return [(webhook, _send(twilio, webhook, sign)) for webhook in webhooks]


def _send(twilio: Twilio, webhook: Webhook, sign: Callable[[Webhook, str], str | None]) -> Answer:
    signature = sign(webhook, twilio.base)
    headers = {} if signature is None else {"X-Twilio-Signature": signature}
    if webhook.body is not None:
        headers["Content-Type"] = FORM
    return twilio.request(webhook.method, webhook.target, webhook.body, headers)
