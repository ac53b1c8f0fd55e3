"""Twilio's door: guard, read, route, answer. The caller always hears something."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from flask import Blueprint, Request, Response, abort, current_app, g
from werkzeug.exceptions import HTTPException

from voiceapp.answering import Webhook, count, once, received, respond
from voiceapp.routing import route
from voiceapp.routing.inquiry import Inquirer
from voiceapp.routing.record import decision_entry, end_entry
from voiceapp.routing.route import Decision
from voiceapp.routing.tables import NoTable
from voiceapp.routing.visit import Visit
from voiceapp.rules.plan import Ivr
from voiceapp.twiml import verbs
from voiceapp.twiml.call import FINAL_STATUSES, IncomingCall
from voiceapp.twiml.signature import is_genuine, signed_url
from voiceapp.twiml.urls import Progress
from voiceapp.twiml.voices import DEFAULT_VOICE

bp = Blueprint("twiml", __name__, url_prefix="/twiml")

METHODS = ["GET", "POST"]
LARGEST_BODY = 64 * 1024
_GATHERING = {"key", "ask"}


@bp.before_request
def refuse_unless_twilio() -> None:
    """Let nothing in that Twilio did not sign; nothing was read or written until here."""
    webhook = received()
    request = webhook.request
    if request.method not in METHODS:
        abort(405)
    request.max_content_length = LARGEST_BODY
    try:
        refusal = _refusal(webhook)
    except HTTPException:
        raise
    except Exception:  # the body can't be read: the server's own errors have no common name
        abort(400)
    if refusal:
        webhook.parts.refusals.note(refusal)
        webhook.parts.metrics.refused()
        abort(403)
    g.is_genuine = True  # the handler of faults answers nobody else


def _refusal(webhook: Webhook) -> str:
    """Return why a webhook is not Twilio's, for whoever runs the server; blank if it is."""
    settings, request = webhook.parts.settings, webhook.request
    url = signed_url(settings.public_base_url, request.environ)
    signature = request.headers.get("X-Twilio-Signature", "")
    if not signature:
        return "it is not signed."
    if not is_genuine(settings.twilio_auth_tokens, url, _signed_params(request), signature):
        return (
            f"its signature is not for an address at {settings.public_base_url}. If it is "
            "Twilio's, check PUBLIC_BASE_URL, TWILIO_AUTH_TOKEN and the proxy."
        )
    account = settings.twilio_account_sid
    if account and webhook.fields.get("AccountSid") != account:
        return "its AccountSid is not TWILIO_ACCOUNT_SID."
    return ""


def _landed(webhook: Webhook, error: Exception) -> str:
    """Return the document that takes a call to its safe destination after a fault."""
    if current_app.config["PROPAGATE_FAULTS"]:
        raise error
    if not isinstance(error, NoTable):
        current_app.logger.error("A voice webhook failed", exc_info=error)
    try:
        visit = _visit(webhook, "fault")
        why = "Something failed in voiceapp."
        return _finish(webhook, visit, route.safely(visit.call, visit.table, why, visit.progress))
    except Exception as second:  # the fault may lie in what both have in common
        if not isinstance(second, NoTable):
            current_app.logger.error("Landing it safely failed, too", exc_info=second)
        return str(verbs.goodbye(DEFAULT_VOICE, verbs.SORRY))


@bp.route("/did", methods=METHODS)
@once(_landed)
def did(webhook: Webhook) -> str:
    """Answer a call to one of our DIDs; the voice URL of every number."""
    inquire = _inquirer(webhook).inquire
    return _answer(webhook, _visit(webhook, "did"), lambda v: route.did(v.call, v.table, inquire))


@bp.route("/ivr/<number>", methods=METHODS)
def menu(number: str) -> Response:
    """Speak an IVR's greeting and wait for a key: nothing is decided that has to be remembered."""
    visit = _visit(received(), "menu")
    ivr = visit.table.ivrs.get(number)
    if ivr is None or visit.progress.is_lost:
        return _out_of_menu(number)
    return respond(visit.menu(ivr))


@once(_landed)
def _out_of_menu(webhook: Webhook, number: str) -> str:
    """Take a call onwards that can't hear a menu."""
    return _answer(webhook, _visit(webhook, "menu"), _in_ivr(number, _key(webhook)))


@bp.route("/ivr/<number>/key", methods=METHODS)
@once(_landed)
def key(webhook: Webhook, number: str) -> str:
    """Answer a key pressed in an IVR, or silence."""
    return _answer(webhook, _visit(webhook, "key"), _in_ivr(number, _key(webhook)))


@bp.route("/ivr/<number>/ask", methods=METHODS)
@once(_landed)
def ask(webhook: Webhook, number: str) -> str:
    """Ask the CRM for the rule on a key, after its greeting or with the digits keyed in."""
    led_by = webhook.request.args.get("k", "")

    def asked(visit: Visit, ivr: Ivr) -> Decision:
        return route.ask(visit.call, ivr, led_by, visit.table, _inquirer(webhook).inquire)

    return _answer(webhook, _visit(webhook, "ask"), _in_ivr(number, asked))


@bp.route("/after/queue", methods=METHODS)
@once(_landed)
def after_queue(webhook: Webhook) -> str:
    """Go on after a queue: the call is over, or the queue did not take it."""
    visit = _visit(webhook, "queue")
    return _finish(webhook, visit, route.after_queue(visit.call, visit.table, visit.progress))


@bp.route("/after/dial", methods=METHODS)
@once(_landed)
def after_dial(webhook: Webhook) -> str:
    """Go on after a number was dialled: the call is over, or nobody answered."""
    visit = _visit(webhook, "dial")
    return _finish(webhook, visit, route.after_dial(visit.call, visit.table, visit.progress))


@bp.route("/after/recording", methods=METHODS)
@once(_landed)
def after_recording(webhook: Webhook) -> str:
    """Go on after a recording has played out on a DID."""
    visit = _visit(webhook, "recording")
    return _answer(webhook, visit, lambda v: route.after_recording(v.call, v.table))


@bp.route("/fallback", methods=METHODS)
@once(_landed, is_shared=False)
def fallback(webhook: Webhook) -> str:
    """Take a call whose webhook failed to its safe destination; needs nothing but the process."""
    visit = _visit(webhook, "fallback")
    return _finish(webhook, visit, route.after_failure(visit.call, visit.table, visit.progress))


@bp.route("/status", methods=METHODS)
def status() -> Response:
    """Note the end of a call; Twilio wants no instructions."""
    webhook = received()
    call = IncomingCall.from_form(webhook.fields)
    if call.status in FINAL_STATUSES:
        webhook.parts.journal.append(end_entry(call, is_test=webhook.trial is not None))
    return respond(str(verbs.nothing()))


@bp.route("", defaults={"_rest": ""}, methods=METHODS)
@bp.route("/<path:_rest>", methods=METHODS)
@once(_landed)
def elsewhere(webhook: Webhook, _rest: str) -> str:
    """Take a call to the safe destination whose number points at an address we don't have."""
    return _answer(
        webhook,
        _visit(webhook, "elsewhere"),
        lambda v: route.safely(
            v.call, v.table, "The address of this webhook is not one of ours.", v.progress
        ),
    )


@bp.errorhandler(HTTPException)
def pass_through(error: HTTPException) -> HTTPException:
    """Leave refusals as they are; the handler below is for faults."""
    return error


@bp.errorhandler(Exception)
def land_safely(error: Exception) -> Response | tuple[str, int]:
    """Take a call to its safe destination whatever went wrong."""
    if current_app.config["PROPAGATE_FAULTS"]:
        raise error
    if not g.get("is_genuine"):
        return "", 403
    return respond(_landed(received(), error))


def _inquirer(webhook: Webhook) -> Inquirer:
    """Return who looks callers up: for a test call the CRM is really asked."""
    return webhook.parts.inquirer if webhook.trial is None else webhook.parts.trying


def _key(webhook: Webhook) -> Callable[[Visit, Ivr], Decision]:
    inquire = _inquirer(webhook).inquire
    return lambda visit, ivr: route.key(visit.call, ivr, visit.table, inquire)


def _in_ivr(number: str, decide: Callable[[Visit, Ivr], Decision]) -> Callable[[Visit], Decision]:
    """Decide within an IVR; one that is not there leads to the safe destination."""

    def decided(visit: Visit) -> Decision:
        ivr = visit.table.ivrs.get(number)
        if ivr is None:
            return route.safely(visit.call, visit.table, f"There is no IVR {number}.")
        return decide(visit, ivr)

    return decided


def _visit(webhook: Webhook, door: str) -> Visit:
    """Read a webhook. Raises NoTable if there is nothing that the call could follow."""
    parts, trial = webhook.parts, webhook.trial
    base = parts.settings.public_base_url
    call = IncomingCall.from_form(webhook.fields)
    progress = Progress.from_args(webhook.request.args)
    if call.digits and (door not in _GATHERING or progress.silent):
        call = replace(call, digits="")  # of an earlier step, which Twilio may send once more
    if door == "fallback":
        progress = Progress.from_error_url(call.error_url)
    if trial is not None:
        return Visit(door, call, progress, trial.table, "", base)
    live = parts.live
    live.ensure_started(watch=parts.watch)
    table, note = live.tables.following(progress.release, may_fetch=door != "fallback")
    return Visit(door, call, progress, table, note, base)


def _answer(webhook: Webhook, visit: Visit, decide: Callable[[Visit], Decision]) -> str:
    """Decide, unless the call goes round in circles, and answer."""
    circles = route.circling(visit.call, visit.table, visit.progress)
    return _finish(webhook, visit, circles or decide(visit))


def _finish(webhook: Webhook, visit: Visit, decision: Decision | None) -> str:
    """Render, write the journal, answer; a call without a decision is over."""
    if decision is None:
        return str(verbs.goodbye(visit.table.voice))
    decision = decision.noting(visit.note)
    document = visit.answer(decision)
    if webhook.trial is not None:
        webhook.trial.decisions.append(decision)
    _write_down(webhook, visit, decision)
    return document


def _write_down(webhook: Webhook, visit: Visit, decision: Decision) -> None:
    """Append a decision to the journal; a fault in that keeps no caller from where they go."""
    parts, is_test = webhook.parts, webhook.trial is not None
    is_kept = False
    try:
        parts.journal.append(decision_entry(decision, visit, is_test=is_test))
        is_kept = True
        if not is_test:
            count(parts.metrics, decision, visit)
    except Exception as error:
        if current_app.config["PROPAGATE_FAULTS"]:
            raise
        if not is_kept:
            parts.metrics.lost()
        what = "is not counted" if is_kept else "is not in the journal"
        current_app.logger.error("A decision %s", what, exc_info=error)


def _signed_params(request: Request) -> Mapping[str, str] | str:
    """Return what Twilio signed beside the address."""
    if request.method == "GET":
        return {}
    if request.mimetype in ("", "application/x-www-form-urlencoded", "multipart/form-data"):
        return request.form
    return request.get_data(as_text=True)
