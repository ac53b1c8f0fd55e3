"""What every page shows around its content, and how values look wherever they stand."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import g, url_for
from flask_wtf.csrf import generate_csrf
from markupsafe import Markup, escape

from voiceapp.crm.phone import show
from voiceapp.extensions import db
from voiceapp.people import Role
from voiceapp.routing import draft, releases
from voiceapp.routing.kinds import key_of
from voiceapp.rules.plan import Did, Installation, Integration, Ivr, Queue, Recording
from voiceapp.rules.rule import Destination, DestinationKind, Rule
from voiceapp.rules.unbroken import UNBROKEN
from voiceapp.rules.uses import Part
from voiceapp.rules.words import Name, Words
from voiceapp.runtime import runtime
from voiceapp.settings.door import bp

_MENU = (
    ("Overview", "overview.index", Role.VIEWER),
    ("Calls", "calls.index", Role.VIEWER),
    ("DIDs", "dids.index", Role.VIEWER),
    ("IVRs", "ivrs.index", Role.VIEWER),
    ("Queues", "queues.index", Role.VIEWER),
    ("Recordings", "recordings.index", Role.VIEWER),
    ("CRM", "", Role.VIEWER),
    ("Routing", "routing.index", Role.VIEWER),
    ("Integrations", "integrations.index", Role.ADMIN),
    ("Directory", "directory.index", Role.VIEWER),
    ("", "", Role.VIEWER),
    ("Releases", "releases.index", Role.VIEWER),
    ("People", "people.index", Role.ADMIN),
    ("Audit log", "audit.index", Role.ADMIN),
    ("Settings", "installation.index", Role.VIEWER),
)
"""The menu: title, endpoint, and from which role on it is shown. Without an endpoint, a heading."""

_TYPES: Mapping[DestinationKind, type[Part]] = {
    DestinationKind.QUEUE: Queue,
    DestinationKind.IVR: Ivr,
    DestinationKind.RECORDING: Recording,
    DestinationKind.RULE: Rule,
}
_BLUEPRINTS: Mapping[type[Part], str] = {
    Did: "dids",
    Ivr: "ivrs",
    Queue: "queues",
    Recording: "recordings",
    Rule: "routing",
    Integration: "integrations",
}


@dataclass(frozen=True, slots=True)
class MenuItem:
    """One line of the menu; a heading if it leads nowhere."""

    title: str
    address: str
    section: str


@bp.app_context_processor
def around() -> dict[str, Any]:
    """Return what every page shows around its content."""
    person = getattr(g, "person", None)
    if person is None:
        return {"person": None, "csrf_token": generate_csrf}
    role = Role(person.role)
    return {
        "person": person,
        "may_edit": role.may(Role.EDITOR),
        "is_admin": role.may(Role.ADMIN),
        "menu": [_item(*one[:2]) for one in _MENU if role.may(one[2])],
        "csrf_token": generate_csrf,
        "pending": runtime().pending.pending(db.session()),
        "live": releases.newest_number(db.session()),
        "link_of": link_of,
        "page_of": page_of,
        "address_of": address_of,
    }


def _item(title: str, endpoint: str) -> MenuItem:
    if not endpoint:
        return MenuItem(title, "", "")
    return MenuItem(title, url_for(f"settings.{endpoint}"), endpoint.partition(".")[0])


def link_of(destination: Destination) -> str:
    """Return the address of the page about what a destination names; blank if it has none."""
    type_ = _TYPES.get(destination.kind)
    return page_of(type_, destination.option) if type_ else ""


def address_of(part: Part) -> str:
    """Return the address of the page about a part; blank if it has none."""
    return page_of(type(part), key_of(part))


def page_of(type_: type[Any], key: str) -> str:
    """Return the address of the page of a part; blank if the draft has no such part."""
    if type_ is Installation:
        return url_for("settings.installation.index")
    if "ids" not in g:
        g.ids = draft.ids(db.session())
    id_ = g.ids.get((type_, key))
    return url_for(f"settings.{_BLUEPRINTS[type_]}.edit", id_=id_) if id_ else ""


@bp.app_template_filter("number")
def number(text: str) -> str:
    """Return a telephone number as people read it."""
    return show(text)


@bp.app_template_filter("words")
def words(sentence: Words) -> Markup:
    """Return a sentence with its names strong."""
    return Markup("").join(
        Markup("<strong>{}</strong>").format(part.text) if isinstance(part, Name) else part
        for part in sentence
    )


@bp.app_template_filter("unbroken")
def unbroken(sentence: str) -> Markup:
    """Return a sentence in which no line ends within a telephone number, or before a unit."""
    marked, last = Markup(""), 0
    for match in UNBROKEN.finditer(sentence):
        number = Markup('<span class="number">{}</span>').format(match[0])
        marked += escape(sentence[last : match.start()]) + number
        last = match.end()
    return marked + escape(sentence[last:])


@bp.app_template_filter("milliseconds")
def milliseconds(ms: float) -> Markup:
    """Return a time as the sentences have it, with its unit in the same line."""
    return unbroken(f"{ms:,.0f} ms")


@bp.app_template_filter("moment")
def moment(at: datetime) -> Markup:
    """Return a moment relative to now, with the exact one in the installation's zone beside."""
    local = at.astimezone(zone())
    near, exact = _told(at, local)
    return Markup('<time datetime="{}" title="{}">{} <span class="soft">{}</span></time>').format(
        at.astimezone(UTC).isoformat(timespec="seconds"),
        f"{local:%Y-%m-%d %H:%M:%S} {local.tzname()}",
        near,
        exact,
    )


@bp.app_template_filter("exact")
def exact(at: datetime) -> str:
    """Return a moment to the second in the installation's zone."""
    return f"{at.astimezone(zone()):%Y-%m-%d %H:%M:%S}"


def zone() -> ZoneInfo:
    """Return the installation's time zone as the draft has it; UTC for one that is unknown."""
    if "zone" not in g:
        try:
            stored = draft.find_key(db.session(), Installation, "")
            g.zone = ZoneInfo(stored.part.time_zone if stored else "UTC")
        except (KeyError, ValueError, OSError):
            g.zone = ZoneInfo("UTC")
    found: ZoneInfo = g.zone
    return found


def _told(at: datetime, local: datetime) -> tuple[str, str]:
    """Return how long ago a moment was, or on which day, and its time of day."""
    now = datetime.now(UTC)
    seconds = (now - at).total_seconds()
    days = (now.astimezone(local.tzinfo).date() - local.date()).days
    if seconds < 60:
        near = "just now"
    elif seconds < 3600:
        near = f"{int(seconds // 60)} min ago"
    else:
        near = {0: "today", 1: "yesterday"}.get(days, f"{local:%Y-%m-%d}")
    return near, f"{local:%H:%M:%S}"
