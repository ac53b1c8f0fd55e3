"""Decisions and ends of calls as the journal keeps them."""

from datetime import UTC, datetime
from uuid import uuid4

from voiceapp.routing.entry import DecisionEntry, EndEntry
from voiceapp.routing.route import Decision
from voiceapp.routing.visit import Visit
from voiceapp.twiml.call import IncomingCall


def decision_entry(decision: Decision, visit: Visit, *, is_test: bool) -> DecisionEntry:
    """Return what the journal keeps of the decision that a visit came to."""
    verdict, inquiry, call = decision.verdict, decision.inquiry, visit.call
    return DecisionEntry(
        call_sid=_sid(call),
        step=visit.progress.step,
        door=visit.door,
        at=datetime.now(UTC),
        release=visit.table.number,
        test=is_test,
        caller=call.caller,
        called=call.called,
        ivr=decision.ivr,
        key=decision.key,
        rule=verdict.rule.name if verdict else "",
        outcome=verdict.outcome.value if verdict else "",
        destination_kind=decision.destination.kind.value,
        destination_option=decision.destination.option,
        ms=round(visit.ms(), 2),
        lookup=inquiry.record if inquiry else None,
        explanation=decision.explanation,
        safe=decision.is_safe,
    )


def end_entry(call: IncomingCall, *, is_test: bool) -> EndEntry:
    """Return what the journal keeps of the end of a call."""
    return EndEntry(
        call_sid=_sid(call),
        at=datetime.now(UTC),
        status=call.status,
        duration=call.duration,
        test=is_test,
    )


def _sid(call: IncomingCall) -> str:
    """Return the call's id; one without gets its own, or all such calls would be one."""
    return call.sid or f"none-{uuid4().hex}"
