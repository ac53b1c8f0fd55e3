"""What the button “Save and publish” does beyond saving."""

from collections.abc import Sequence
from typing import Any

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from voiceapp.routing import draft, releases
from voiceapp.routing.drift import drift_of_changed
from voiceapp.routing.unread import unread_of_changed
from voiceapp.rules.diff import Change
from voiceapp.rules.plan import Plan
from voiceapp.settings.door import author


def is_alone(session: Session, type_: type[Any], keys: set[str]) -> bool:
    """Say whether nothing waits to go live but what I have changed about one part."""
    return all(
        change.kind is type_ and change.key in keys and stamp.by == author()
        for change, stamp in releases.pending(session).changes
    )


def publish(session: Session, is_alone: bool, back: str) -> ResponseReturnValue:
    """Publish what was just saved, if there is nothing more to be seen; else show what waits."""
    pending = releases.pending(session)
    if not is_alone or any(stamp.by != author() for _, stamp in pending.changes):
        flash("Saved. More than this waits to go live: look it over before you publish.")
        return redirect(url_for("settings.releases.review"), 303)
    changes = tuple(change for change, _ in pending.changes)
    plan = draft.read(session)
    if not releases.faults_of(plan) and (doubt := _doubt(session, plan, changes)):
        flash(f"Saved as a draft. {doubt}: look below first.")
        return redirect(url_for("settings.releases.review"), 303)
    comment = " · ".join(f"{one.title} {one.what}" for one in changes)
    try:
        number = releases.publish(session, author(), comment, pending.seen)
    except releases.NotPublishable:
        flash("Saved as a draft. It can't be published like this yet.")
    except releases.PublishedMeanwhile:
        flash("Saved as a draft. Somebody has changed the draft just now: look it over first.")
    else:
        flash(f"Release {number} is live: calls follow it within two seconds.")
        return redirect(back, 303)
    return redirect(url_for("settings.releases.review"), 303)


def _doubt(session: Session, plan: Plan, changes: Sequence[Change]) -> str:
    """Return why changes had better be looked at before they are published; blank for no reason."""
    if drift_of_changed(session, plan, changes):
        return "The CRM may not have what a rule asks for"
    if unread_of_changed(session, plan, changes):
        return "It is not known whether the CRM has what a rule asks for"
    return ""
