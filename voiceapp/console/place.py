"""Places a test call: signed as Twilio signs, through the application's own WSGI door."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from flask import Flask
from twilio.request_validator import RequestValidator
from werkzeug.test import Client

from voiceapp.config import Settings
from voiceapp.console.story import Reply, Walk
from voiceapp.console.walk import walk
from voiceapp.routing.route import Decision
from voiceapp.routing.table import Table
from voiceapp.routing.trial import TestCall
from voiceapp.rules.decide import Found
from voiceapp.rules.explain import masked
from voiceapp.rules.values import spell


def place_call(
    app: Flask, settings: Settings, table: Table, caller: str, called: str, keys: Sequence[str]
) -> Walk:
    """Return what a call would meet that follows `table`; it is journalled as a test.

    `keys` answer one Gather each, see `walk.walk`.
    """
    validator = RequestValidator(settings.twilio_auth_tokens[0])
    client = Client(app)

    def send(url: str, params: Mapping[str, str]) -> Reply:
        trial = TestCall(table)
        signature = validator.compute_signature(settings.public_base_url + url, params)
        response = client.post(
            url,
            data=dict(params),
            base_url=settings.public_base_url,
            headers={"X-Twilio-Signature": signature},
            environ_overrides=trial.environ(),
        )
        return Reply(
            status=response.status_code,
            content_type=response.content_type or "",
            body=response.get_data(as_text=True),
            decisions=tuple(map(describe, trial.decisions)),
            release=table.number,
        )

    return walk(
        send,
        caller=caller,
        called=called,
        call_sid=f"CA{secrets.token_hex(16)}",
        account_sid=settings.twilio_account_sid or f"AC{'0' * 32}",
        keys=keys,
    )


def describe(decision: Decision) -> dict[str, Any]:
    """Return a decision as `flask call --json` prints it."""
    verdict, inquiry = decision.verdict, decision.inquiry
    is_hidden = inquiry is not None and inquiry.value_is_hidden
    value = condition = None
    if verdict and isinstance(verdict.answer, Found) and not is_hidden:
        value = spell(verdict.answer.value)
    if verdict and verdict.condition:
        condition = masked(verdict.condition) if is_hidden else str(verdict.condition)
    lookup = None
    if inquiry and inquiry.reply and inquiry.record:
        lookup = {
            "matched_by": inquiry.record.get("matched_by"),
            "ms": inquiry.record["ms"],
            "age": inquiry.record["age"],
        }
    return {
        "rule": verdict.rule.name if verdict else None,
        "outcome": verdict.outcome.value if verdict else None,
        "value": value,
        "condition": condition,
        "destination": {
            "kind": decision.destination.kind.value,
            "option": decision.destination.option,
        },
        "lookup": lookup,
        "explanation": list(decision.explanation),
    }
