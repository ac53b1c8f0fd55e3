"""What each answer says to browsers, and what nobody gets."""

from collections.abc import Mapping

from flask import Flask
from sqlalchemy import select

from voiceapp.extensions import db
from voiceapp.models.recordings import RecordingContent

EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Strict-Transport-Security": "max-age=31536000",
}
NOWHERE = {"X-Powered-By", "Access-Control-Allow-Origin"}
_POLICY = ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'")
_UNCACHED = ("no-store", "no-cache, private")


def addresses(app: Flask) -> dict[str, str]:
    """Return an address of each view, of files and recordings that are there where one is named."""
    with app.app_context():
        digest = db.session.scalars(select(RecordingContent.hash)).first()
    named = {
        "static": {"filename": "voiceapp.css"},
        "bootstrap.static": {"filename": "css/bootstrap.min.css"},
        "prompts.recording": {"digest": digest, "name": "x.wav"},
    }
    adapter = app.url_map.bind("calls.example.com")
    found = {}
    for rule in app.url_map.iter_rules():
        values = named.get(rule.endpoint, dict.fromkeys(rule.arguments, 1))
        found[rule.rule] = adapter.build(rule.endpoint, values | (rule.defaults or {}))
    return found


def faults_of(address: str, headers: Mapping[str, str]) -> list[str]:
    """Return what is wrong with the headers of an answer; TwiML no browser reads."""
    faults = [f"{name} is there" for name in sorted(NOWHERE & set(headers))]
    kind = headers.get("Content-Type", "").lower()
    if kind.startswith("text/") and "charset=utf-8" not in kind:
        faults.append("text without charset")
    if address.startswith("/twiml"):
        return faults
    faults += [f"no {name}" for name, value in EVERYWHERE.items() if headers.get(name) != value]
    policy = headers.get("Content-Security-Policy", "")
    faults += [f"no {part} in the policy" for part in _POLICY if part not in policy]
    if "unsafe" in policy:
        faults.append("something unsafe in the policy")
    if address.startswith("/admin") and not headers["Cache-Control"].startswith(_UNCACHED):
        faults.append("it may be cached")
    return faults
