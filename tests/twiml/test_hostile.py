"""Thousands of spoiled webhooks, signed all the same: each call lands, and is journalled once.

`make chaos` sends many more.
"""

import os
import random
from pathlib import Path

from tests.conftest import MakeApp
from tests.twiml.hostile import assert_all_land

WEBHOOKS = int(os.environ.get("HOSTILE_WEBHOOKS", "2000"))


def test_whatever_twilio_is_made_to_send_the_call_lands_and_is_journalled_once(
    make_app: MakeApp, instance: Path
):
    seed = int(os.environ.get("HOSTILE_SEED", random.randrange(10**6)))
    print(f"HOSTILE_SEED={seed} HOSTILE_WEBHOOKS={WEBHOOKS}")  # noqa: T201 - to repeat a failure
    app = make_app()  # faults of ours come through and fail the test

    assert_all_land(app, instance, WEBHOOKS, seed)
