"""Signatures that are not Twilio's, and the proof that whoever sends them leaves no trace."""

import base64
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

from tests.conftest import BASE, settings, sign
from tests.twiml.hostile import Webhook, spoiled
from voiceapp import create_app
from voiceapp.crm.contract import CrmClient

Forge: TypeAlias = Callable[[Webhook, str], str | None]

_LONG_AGO = "L/OH5YylLD5NRKLltdqwSvS0BnU="


def _signed(url: str, fields: Mapping[str, str]) -> str:
    return sign(url, fields)["X-Twilio-Signature"]


FORGERIES: tuple[Forge, ...] = (
    lambda webhook, base: None,
    lambda webhook, base: "",
    lambda webhook, base: " ",
    lambda webhook, base: "None",
    lambda webhook, base: _LONG_AGO,
    lambda webhook, base: base64.b64encode(random.randbytes(20)).decode(),
    lambda webhook, base: "ÿ" * 28,
    lambda webhook, base: "A" * 4000,
    lambda webhook, base: webhook.signature(base, token="another-token"),
    lambda webhook, base: webhook.signature("https://elsewhere.example.com"),
    lambda webhook, base: webhook.signature(base)[:-2],
    lambda webhook, base: webhook.signature(base).swapcase(),
    lambda webhook, base: f"{webhook.signature(base)},{webhook.signature(base)}",
    lambda webhook, base: _signed(f"{base}{webhook.target}x", webhook.form),
    lambda webhook, base: _signed(base + webhook.target, {**webhook.form.to_dict(), "Of": "us"}),
)
"""How a webhook may be signed by somebody without the auth token, or altered after Twilio did."""


def assert_all_refused(instance: Path, count: int, seed: int) -> None:
    """Send so many forged webhooks: each is 403, and no row, line, file or question comes of it."""
    asked: list[object] = []

    def client_for(*what: object) -> CrmClient:
        asked.append(what)
        raise AssertionError("A CRM was to be asked for somebody who is not Twilio.")

    chance = random.Random(seed)
    app = create_app(settings(instance), client_for=client_for, watch=False, propagate_faults=True)
    before = _contents(instance)

    for number in range(count):
        webhook = spoiled(chance)
        signature = chance.choice(FORGERIES)(webhook, BASE)
        response = webhook.sent_to(app, signature)

        story = f"seed {seed}, webhook {number}: {webhook!r:.400} signed {signature!r:.80}"
        assert response.status_code == 403, story
        assert "<Response" not in response.text, story

    assert asked == []
    assert _contents(instance) == before


def _contents(folder: Path) -> dict[Path, bytes]:
    """Return every file with what is in it, the database's among them."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
