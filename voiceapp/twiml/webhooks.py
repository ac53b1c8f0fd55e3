"""Twilio's door: guard, read, route, answer. The caller always hears something."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from flask import Blueprint, Request, Response, abort, current_app, request
from twilio.twiml.voice_response import VoiceResponse
from werkzeug.exceptions import HTTPException

from voiceapp.routing import route
from voiceapp.routing.record import decision_entry, end_entry
from voiceapp.routing.route import Decision
from voiceapp.routing.table import Table
from voiceapp.routing.tables import NoTable
from voiceapp.routing.trial import trial_of
from voiceapp.rules.plan import Ivr
from voiceapp.runtime import runtime
from voiceapp.twiml import verbs
from voiceapp.twiml.call import IncomingCall
from voiceapp.twiml.signature import is_genuine, signed_url
from voiceapp.twiml.urls import CallUrls, Progress
from voiceapp.twiml.voices import DEFAULT_VOICE

bp = Blueprint("twiml", __name__, url_prefix="/twiml")

METHODS = ["GET", "POST"]
LARGEST_BODY = 64 * 1024
_GATHERING = {"key", "ask"}
_FINAL = {"completed", "busy", "failed", "no-answer", "canceled"}


@bp.before_request
def refuse_unless_twilio() -> None:
    """Let nothing in that Twilio did not sign; nothing was read or written until here."""
    if request.method not in METHODS:
        abort(405)
    request.max_content_length = LARGEST_BODY
    settings = runtime().settings
    url = signed_url(settings.public_base_url, request.environ)
    signature = request.headers.get("X-Twilio-Signature", "")
    if not is_genuine(settings.twilio_auth_tokens, url, _signed_params(request), signature):
        abort(403)
    account = settings.twilio_account_sid
    if account and _fields(request).get("AccountSid") != account:
        abort(403)


@dataclass(frozen=True, slots=True)
class Visit:
    """One webhook being answered: the call, the table it follows, and where it can go next."""

    door: str
    call: IncomingCall
    progress: Progress
    table: Table
    note: str
    began: float

    def urls(self, decision: Decision) -> CallUrls:
        """Return the addresses for the next steps of the call after a decision."""
        urls = self.menu_urls(decision.ivr)
        if self.call.digits:
            urls = urls.after_key()
        return urls.towards_safety() if decision.is_safe else urls

    def menu_urls(self, ivr: str) -> CallUrls:
        """Return the addresses for the next steps of the call in an IVR, or on a DID."""
        base = runtime().settings.public_base_url
        return CallUrls(base, self.table.number, self.progress, ivr, self.table.recordings)


@bp.route("/did", methods=METHODS)
def did() -> Response:
    """Answer a call to one of our DIDs; the voice URL of every number."""
    return _answer(_visit("did"), lambda v: route.did(v.call, v.table, runtime().inquirer.inquire))


@bp.route("/ivr/<number>", methods=METHODS)
def menu(number: str) -> Response:
    """Speak an IVR's greeting and wait for a key."""
    visit = _visit("menu")
    ivr = visit.table.ivrs.get(number)
    if ivr is None or visit.progress.is_lost():
        return _answer(visit, _in_ivr(number, _key))
    return _twiml(verbs.menu(ivr, visit.menu_urls(number), visit.table.voice))


@bp.route("/ivr/<number>/key", methods=METHODS)
def key(number: str) -> Response:
    """Answer a key pressed in an IVR, or silence."""
    return _answer(_visit("key"), _in_ivr(number, _key))


@bp.route("/ivr/<number>/ask", methods=METHODS)
def ask(number: str) -> Response:
    """Ask the CRM for the rule on a key, after its greeting or with the digits keyed in."""
    led_by = request.args.get("k", "")

    def asked(visit: Visit, ivr: Ivr) -> Decision:
        return route.ask(visit.call, ivr, led_by, visit.table, runtime().inquirer.inquire)

    return _answer(_visit("ask"), _in_ivr(number, asked))


@bp.route("/after/queue", methods=METHODS)
def after_queue() -> Response:
    """Go on after a queue: the call is over, or the queue did not take it."""
    visit = _visit("queue")
    return _go_on(visit, route.after_queue(visit.call, visit.table, visit.progress))


@bp.route("/after/dial", methods=METHODS)
def after_dial() -> Response:
    """Go on after a number was dialled: the call is over, or nobody answered."""
    visit = _visit("dial")
    return _go_on(visit, route.after_dial(visit.call, visit.table, visit.progress))


@bp.route("/after/recording", methods=METHODS)
def after_recording() -> Response:
    """Go on after a recording has played out on a DID."""
    return _answer(_visit("recording"), lambda v: route.after_recording(v.call, v.table))


@bp.route("/fallback", methods=METHODS)
def fallback() -> Response:
    """Take a call whose webhook failed to its safe destination; needs nothing but the process."""
    return _answer(
        _visit("fallback"),
        lambda v: route.safely(
            v.call, v.table, "An earlier webhook of this call failed.", v.progress
        ),
    )


@bp.route("/status", methods=METHODS)
def status() -> Response:
    """Note the end of a call; Twilio wants no instructions."""
    call = IncomingCall.from_form(_fields(request))
    if call.status in _FINAL:
        is_test = trial_of(request.environ) is not None
        runtime().journal.append(end_entry(call, is_test=is_test))
    return _twiml(verbs.nothing())


@bp.route("/", defaults={"_rest": ""}, methods=METHODS)
@bp.route("/<path:_rest>", methods=METHODS)
def elsewhere(_rest: str) -> Response:
    """Take a call to the safe destination whose number points at an address we don't have."""
    return _answer(
        _visit("elsewhere"),
        lambda v: route.safely(
            v.call, v.table, "The address of this webhook is not one of ours.", v.progress
        ),
    )


@bp.errorhandler(HTTPException)
def pass_through(error: HTTPException) -> HTTPException:
    """Leave refusals as they are; the handler below is for faults."""
    return error


@bp.errorhandler(Exception)
def land_safely(error: Exception) -> Response:
    """Take a call to its safe destination whatever went wrong."""
    if current_app.config["PROPAGATE_FAULTS"]:
        raise error
    if not isinstance(error, NoTable):
        current_app.logger.error("A voice webhook failed", exc_info=error)
    try:
        visit = _visit("fault")
    except NoTable:
        return _twiml(verbs.goodbye(DEFAULT_VOICE, verbs.SORRY))
    return _answer(
        visit,
        lambda v: route.safely(v.call, v.table, "Something failed in voiceapp.", v.progress),
    )


def _key(visit: Visit, ivr: Ivr) -> Decision:
    return route.key(visit.call, ivr, visit.table, runtime().inquirer.inquire)


def _in_ivr(number: str, decide: Callable[[Visit, Ivr], Decision]) -> Callable[[Visit], Decision]:
    """Decide within an IVR; one that is not there leads to the safe destination."""

    def decided(visit: Visit) -> Decision:
        ivr = visit.table.ivrs.get(number)
        if ivr is None:
            return route.safely(visit.call, visit.table, f"There is no IVR {number}.")
        return decide(visit, ivr)

    return decided


def _visit(door: str) -> Visit:
    """Read a webhook. Raises NoTable if there is nothing that the call could follow."""
    began = time.perf_counter()
    call = IncomingCall.from_form(_fields(request))
    progress = Progress.from_args(request.args)
    if door not in _GATHERING or progress.silent:
        call = replace(call, digits="")  # of an earlier step, which Twilio may send once more
    if door == "fallback":
        progress = Progress.from_error_url(call.error_url)
    trial = trial_of(request.environ)
    if trial is not None:
        return Visit(door, call, progress, trial.table, "", began)
    live = runtime().live
    live.ensure_started(watch=runtime().watch)
    asked = None if door == "fallback" else progress.release
    table, note = live.tables.following(asked)
    return Visit(door, call, progress, table, note, began)


def _answer(visit: Visit, decide: Callable[[Visit], Decision]) -> Response:
    """Decide, render, write the journal, answer; in this order."""
    if visit.progress.is_lost():
        why = "The call went round in circles without a key being pressed."
        decision = route.safely(visit.call, visit.table, why, visit.progress)
    else:
        decision = decide(visit).noting(visit.note)
    response = _twiml(_rendered(decision, visit))
    trial = trial_of(request.environ)
    if trial is not None:
        trial.decisions.append(decision)
    runtime().journal.append(
        decision_entry(
            decision,
            visit.call,
            step=visit.progress.step,
            door=visit.door,
            release=visit.table.number,
            is_test=trial is not None,
            ms=(time.perf_counter() - visit.began) * 1000,
        )
    )
    return response


def _go_on(visit: Visit, decision: Decision | None) -> Response:
    """Answer with a decision, or end a call that is over."""
    if decision is None:
        return _twiml(verbs.goodbye(visit.table.voice))
    return _answer(visit, lambda _: decision)


def _rendered(decision: Decision, visit: Visit) -> VoiceResponse:
    urls = visit.urls(decision)
    if decision.prelude is not None:
        return verbs.prelude(decision.prelude, decision.key, urls, visit.table.voice)
    return verbs.destination(decision.destination, urls, visit.table.voice)


def _fields(webhook: Request) -> Mapping[str, str]:
    """Return Twilio's fields: the form of a POST, the query of a GET."""
    return webhook.args if webhook.method == "GET" else webhook.form


def _signed_params(webhook: Request) -> Mapping[str, str] | str:
    """Return what Twilio signed beside the address."""
    if webhook.method == "GET":
        return {}
    if webhook.mimetype in ("", "application/x-www-form-urlencoded", "multipart/form-data"):
        return webhook.form
    return webhook.get_data(as_text=True)


def _twiml(document: VoiceResponse) -> Response:
    return Response(str(document), mimetype="text/xml")
