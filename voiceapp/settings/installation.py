"""Settings: what holds for all calls."""

from collections.abc import Sequence
from importlib import resources
from typing import Any
from zoneinfo import available_timezones

import phonenumbers
from flask import Blueprint
from flask.typing import ResponseReturnValue
from wtforms import IntegerField, SelectField

from voiceapp.extensions import db
from voiceapp.people import Role
from voiceapp.routing import draft
from voiceapp.routing.kinds import NOTHING_CHOSEN
from voiceapp.rules.plan import MOST_DAYS, USUAL_DAYS, Installation
from voiceapp.settings import editing
from voiceapp.settings.door import needs
from voiceapp.settings.fields import DestinationField, VoiceField
from voiceapp.settings.forms import PartForm
from voiceapp.settings.offer import SAFE

bp = Blueprint("installation", __name__, url_prefix="/settings")


def _countries() -> list[tuple[str, str]]:
    """Return the countries that have numbers, by their names, with the code before a number."""
    table = resources.files("tzdata.zoneinfo").joinpath("iso3166.tab").read_text("utf-8")
    lines = (line for line in table.splitlines() if not line.startswith("#"))
    names = dict(line.split("\t", 1) for line in lines)
    named = (
        (code, f"{names.get(code, code)} (+{phonenumbers.country_code_for_region(code)})")
        for code in phonenumbers.SUPPORTED_REGIONS
    )
    return sorted(named, key=lambda choice: choice[1])


def _time_zones() -> dict[str, str]:
    return {name: name for name in sorted(available_timezones())}


_USUAL = Installation(NOTHING_CHOSEN)
_HOW_MANY = f"Type a number of days, 1 to {MOST_DAYS}, or leave it empty to keep them for ever."


class DaysField(IntegerField):
    """A number of days; blank is for ever, and 0 in `data`."""

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        """Read what was typed."""
        typed = "".join(valuelist[:1]).strip()
        self.data = 0
        if not typed:
            return
        if not (typed.isascii() and typed.isdecimal() and len(typed) < 6):
            raise ValueError(_HOW_MANY)
        self.data = int(typed)
        if not 0 < self.data <= MOST_DAYS:
            raise ValueError(_HOW_MANY)

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return str(self.data) if self.data else ""


class InstallationForm(PartForm[Installation]):
    """The safe destination, and how numbers, times and sentences are read and spoken."""

    safe = DestinationField("Safe destination", SAFE)
    country = SelectField("Country", choices=_countries, default=_USUAL.country)
    time_zone = SelectField("Time zone", choices=_time_zones, default=_USUAL.time_zone)
    voice = VoiceField("Voice", default=_USUAL.voice)
    journal_days = DaysField("Keep calls for", default=USUAL_DAYS)

    named_by = "safe"
    taken = "Somebody has saved the settings meanwhile. Load the page again to see them."

    @classmethod
    def values(cls, part: Installation) -> dict[str, Any]:
        return {
            "safe": None if part.safe == NOTHING_CHOSEN else part.safe,
            "country": part.country,
            "time_zone": part.time_zone,
            "voice": part.voice,
            "journal_days": part.journal_days,
        }

    def part(self, was: Installation | None) -> Installation:
        return Installation(
            safe=self.safe.data,
            country=self.country.data,
            time_zone=self.time_zone.data,
            voice=self.voice.data,
            journal_days=self.journal_days.data or 0,
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
