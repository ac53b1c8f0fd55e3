"""Settings: what holds for all calls."""

from typing import Any
from zoneinfo import available_timezones

import phonenumbers
from flask import Blueprint
from flask.typing import ResponseReturnValue
from wtforms import SelectField

from voiceapp.extensions import db
from voiceapp.people import Role
from voiceapp.routing import draft
from voiceapp.routing.kinds import NOTHING_CHOSEN
from voiceapp.rules.plan import Installation
from voiceapp.settings import editing
from voiceapp.settings.door import needs
from voiceapp.settings.fields import DestinationField, VoiceField
from voiceapp.settings.forms import PartForm
from voiceapp.settings.offer import SAFE

bp = Blueprint("installation", __name__, url_prefix="/settings")


def _countries() -> dict[str, str]:
    return {
        code: f"{code} (+{phonenumbers.country_code_for_region(code)})"
        for code in sorted(phonenumbers.SUPPORTED_REGIONS)
    }


def _time_zones() -> dict[str, str]:
    return {name: name for name in sorted(available_timezones())}


_USUAL = Installation(NOTHING_CHOSEN)


class InstallationForm(PartForm[Installation]):
    """The safe destination, and how numbers, times and sentences are read and spoken."""

    safe = DestinationField("Safe destination", SAFE)
    country = SelectField("Country", choices=_countries, default=_USUAL.country)
    time_zone = SelectField("Time zone", choices=_time_zones, default=_USUAL.time_zone)
    voice = VoiceField("Voice", default=_USUAL.voice)

    named_by = "safe"
    taken = "Somebody has saved the settings meanwhile. Load the page again to see them."

    @classmethod
    def values(cls, part: Installation) -> dict[str, Any]:
        return {
            "safe": None if part.safe == NOTHING_CHOSEN else part.safe,
            "country": part.country,
            "time_zone": part.time_zone,
            "voice": part.voice,
        }

    def part(self, was: Installation | None) -> Installation:
        return Installation(
            safe=self.safe.data,
            country=self.country.data,
            time_zone=self.time_zone.data,
            voice=self.voice.data,
        )


PAGES = editing.Pages(
    Installation,
    "settings",
    InstallationForm,
    "installation/edit.html",
    "installation",
    is_many=False,
)


@bp.route("/", methods=["GET", "POST"])
@needs(Role.VIEWER, to_change=Role.EDITOR)
def index() -> ResponseReturnValue:
    """Show and change what holds for all calls."""
    stored = draft.find_key(db.session(), Installation, "")
    return editing.edit(PAGES, stored.id if stored else None)
