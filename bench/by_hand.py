"""By hand: what people write today. The signature, one question to the CRM, an if, TwiML."""

import os

import requests
from flask import Flask, Response, abort, request
from twilio.request_validator import RequestValidator
from twilio.twiml.voice_response import VoiceResponse

BASE = os.environ["PUBLIC_BASE_URL"]
CRM = os.environ["CRM_URL"]

app = Flask(__name__)
validator = RequestValidator(os.environ["TWILIO_AUTH_TOKEN"])


@app.post("/twiml/did")
def did() -> Response:
    """Send gold customers to their queue, and everybody else to the general one."""
    signature = request.headers.get("X-Twilio-Signature", "")
    if not validator.validate(BASE + request.path, request.form, signature):
        abort(403)
    response = VoiceResponse()
    response.enqueue(queue_of(request.form["From"]), action="/twiml/after/queue", method="POST")
    return Response(str(response), mimetype="text/xml")


def queue_of(caller: str) -> str:
    """Ask the CRM who calls."""
    try:
        answer = requests.get(CRM, params={"caller": caller}, timeout=3)
        answer.raise_for_status()
        return "vip" if answer.json().get("tier") == "Gold" else "general"
    except (requests.RequestException, ValueError):
        return "overflow"
