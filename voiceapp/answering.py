"""How the views of Twilio's door answer: once, however often a webhook is delivered."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Concatenate, ParamSpec, TypeAlias

from flask import Request, Response, request

from voiceapp.crm.contract import Found, NotFound, Several
from voiceapp.crm.lookup import Reply
from voiceapp.routing.deliveries import Delivery
from voiceapp.routing.route import Decision
from voiceapp.routing.trial import TestCall, trial_of
from voiceapp.routing.visit import Visit
from voiceapp.runtime import Runtime, runtime
from voiceapp.status.metrics import Metrics

_RESULTS: Mapping[type, str] = {Found: "found", NotFound: "not found", Several: "several found"}

Values = ParamSpec("Values")


@dataclass(frozen=True, slots=True)
class Webhook:
    """One request of Twilio's: what was sent, the parts that answer, the test call it is of."""

    request: Request
    parts: Runtime
    trial: TestCall | None

    @property
    def fields(self) -> Mapping[str, str]:
        """Return Twilio's fields: the form of a POST, the query of a GET."""
        return self.request.args if self.request.method == "GET" else self.request.form


def received() -> Webhook:
    """Return the webhook that is being answered."""
    # the request itself: Flask looks for it anew behind each look at `flask.request`
    sent: Request = request._get_current_object()  # type: ignore[attr-defined]  # of the proxy
    return Webhook(sent, runtime(), trial_of(sent.environ))


View: TypeAlias = Callable[Concatenate[Webhook, Values], str]
"""Answers a webhook with a document."""


def once(
    landed: Callable[[Webhook, Exception], str], *, is_shared: bool = True
) -> Callable[[View[Values]], Callable[Values, Response]]:
    """Let a view answer what Twilio delivers again as it was answered first.

    With `is_shared`, also where another process answered. Test calls are decided each time. What
    a view raises goes to `landed`, so that a second delivery lands where the first did.
    """

    def decorated(view: View[Values]) -> Callable[Values, Response]:
        @wraps(view)
        def answered(*positional: Values.args, **values: Values.kwargs) -> Response:
            webhook = received()

            def decide() -> str:
                try:
                    return view(webhook, *positional, **values)
                except Exception as error:
                    return landed(webhook, error)

            if webhook.trial is not None:
                return respond(decide())
            parts = webhook.parts
            answer = parts.deliveries.answer(_delivery(webhook), decide, is_shared=is_shared)
            if answer.is_repeated:
                parts.metrics.redelivered()
            return respond(answer.document)

        return answered

    return decorated


def count(metrics: Metrics, decision: Decision, visit: Visit) -> None:
    """Count what a visit decided, and the CRM that was asked for it."""
    verdict, inquiry = decision.verdict, decision.inquiry
    if verdict is not None and inquiry is not None and inquiry.reply is not None:
        reply = inquiry.reply
        if not reply.is_of_call:
            kind = visit.table.integrations[verdict.rule.integration].kind
            metrics.looked_up(kind, _result(reply), reply.ms / 1000)
    outcome = verdict.outcome.value if verdict else ""
    metrics.decided(outcome, decision.destination.kind.value, visit.ms() / 1000)


def _result(reply: Reply) -> str:
    if reply.trouble is not None:
        return "older answer taken"
    if reply.age:
        return "remembered"
    word = (word for kind, word in _RESULTS.items() if isinstance(reply.answer, kind))
    return next(word, "failed")


def respond(document: str) -> Response:
    """Return a document as Twilio takes it."""
    return Response(document, mimetype="text/xml")


def _delivery(webhook: Webhook) -> Delivery:
    environ = webhook.request.environ
    sent = environ.get("HTTP_I_TWILIO_IDEMPOTENCY_TOKEN") or environ["HTTP_X_TWILIO_SIGNATURE"]
    target = f"{environ['PATH_INFO']}?{environ.get('QUERY_STRING', '')}"
    return Delivery(webhook.fields.get("CallSid", ""), target, sent)
