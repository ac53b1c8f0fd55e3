"""DIDs: the phone numbers of ours that are called, and where each leads."""

from typing import Any

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from wtforms import ValidationError

from voiceapp.crm.phone import read_e164
from voiceapp.extensions import db
from voiceapp.people import Role
from voiceapp.routing import draft
from voiceapp.rules.plan import Did, Plan
from voiceapp.rules.rule import Location
from voiceapp.rules.way import way_of
from voiceapp.settings import editing
from voiceapp.settings.door import needs
from voiceapp.settings.fields import DestinationField
from voiceapp.settings.forms import PartForm, Text
from voiceapp.settings.offer import FROM_DID, SAFE
from voiceapp.settings.picture import draw

bp = Blueprint("dids", __name__, url_prefix="/dids")


class DidForm(PartForm[Did]):
    """A number, what it is for, and where its calls go."""

    number = Text("Number", required="Type the number that is called, e.g. +12025550180.")
    name = Text("Name", required="Type what the number is for, e.g. Sales.", longest=100)
    destination = DestinationField("Destination", FROM_DID, location=Location.DID)
    safe = DestinationField("Safe destination", SAFE, none="As in Settings")

    named_by = "number"
    taken = "There is a DID of this number. Look for it in the list."

    @classmethod
    def values(cls, part: Did) -> dict[str, Any]:
        return {
            "number": part.number,
            "name": part.name,
            "destination": part.destination,
            "safe": part.safe,
        }

    def validate_number(self, field: Text) -> None:
        """Take a number in any spelling that is one."""
        country = self.meta.offer.plan.installation.country
        number = read_e164(field.data or "", country)
        if number is None:
            raise ValidationError(
                "This is no phone number. Type it with + and the country code, e.g. +12025550180."
            )
        field.data = number

    def part(self, was: Did | None) -> Did:
        assert self.destination.data is not None  # noqa: S101 - the form is valid
        return Did(
            number=self.number.data or "",
            name=self.name.data or "",
            destination=self.destination.data,
            safe=self.safe.data,
        )


def _around(plan: Plan, did: Did | None, form: DidForm) -> dict[str, Any]:
    if did is None:
        return {}
    way = way_of(did, plan)
    return {"way": way, "drawing": draw(way)}


PAGES = editing.Pages(Did, "DID", DidForm, "dids/edit.html", "dids", _around)


@bp.get("/")
@needs(Role.VIEWER)
def index() -> ResponseReturnValue:
    """List the DIDs and where each leads."""
    return render_template("dids/index.html", dids=draft.stored(db.session(), Did))


@bp.route("/new", methods=["GET", "POST"])
@needs(Role.EDITOR)
def new() -> ResponseReturnValue:
    """Add a DID."""
    return editing.edit(PAGES)


@bp.route("/<int:id_>", methods=["GET", "POST"])
@needs(Role.VIEWER, to_change=Role.EDITOR)
def edit(id_: int) -> ResponseReturnValue:
    """Show the way of calls to a DID, and change it."""
    return editing.edit(PAGES, id_)


@bp.route("/<int:id_>/delete", methods=["GET", "POST"])
@needs(Role.EDITOR)
def delete(id_: int) -> ResponseReturnValue:
    """Delete a DID; calls to it go to the safe destination then."""
    return editing.delete(PAGES, id_, lambda plan, did: ())
