"""The floor: the least that a server in Flask can do, the signature and one fixed answer."""

import os

from flask import Flask, Response, abort, request
from twilio.request_validator import RequestValidator
from twilio.twiml.voice_response import VoiceResponse

BASE = os.environ["PUBLIC_BASE_URL"]

app = Flask(__name__)
validator = RequestValidator(os.environ["TWILIO_AUTH_TOKEN"])


@app.post("/twiml/did")
def did() -> Response:
    """Send every call to one queue."""
    signature = request.headers.get("X-Twilio-Signature", "")
    if not validator.validate(BASE + request.path, request.form, signature):
        abort(403)
    response = VoiceResponse()
    response.enqueue("vip", action="/twiml/after/queue", method="POST")
    return Response(str(response), mimetype="text/xml")
