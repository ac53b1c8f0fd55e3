"""IVRs: spoken menus, with what each key does."""

import re
from typing import Any

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from wtforms import Field, IntegerField, ValidationError

from voiceapp.extensions import db
from voiceapp.people import Role
from voiceapp.routing import draft
from voiceapp.rules.check import LONGEST_TIMEOUT, MOST_LOOPS
from voiceapp.rules.parts import is_ivr_number, is_silent
from voiceapp.rules.plan import KEYS, Ivr, Plan
from voiceapp.rules.rule import Destination, DestinationKind, Location
from voiceapp.rules.uses import Use, all_uses, uses
from voiceapp.rules.way import way_of_ivr
from voiceapp.settings import editing
from voiceapp.settings.door import needs
from voiceapp.settings.fields import DestinationField, PromptField, VoiceField
from voiceapp.settings.forms import PartForm, Text
from voiceapp.settings.offer import FROM_KEY
from voiceapp.settings.picture import draw

bp = Blueprint("ivrs", __name__, url_prefix="/ivrs")

_MENU = Destination(DestinationKind.MENU)
_DIGITS = re.compile(r"\d{1,5}", re.ASCII)
_KEY_NAMES = {"*": "star", "#": "hash"}


def _leads(label: str, none: str = "", default: Destination | None = None) -> DestinationField:
    return DestinationField(label, FROM_KEY, location=Location.IVR, none=none, default=default)


class _WholeField(IntegerField):
    """A number from 1 on, in digits."""

    def __init__(self, label: str, *, most: int, **arguments: Any) -> None:
        super().__init__(label, **arguments)
        self._most = most

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read the number strictly: what merely looks like one is none."""
        typed = valuelist[0].strip() if valuelist else ""
        number = int(typed) if _DIGITS.fullmatch(typed) else 0
        if not 1 <= number <= self._most:
            raise ValueError(f"Type a number from 1 to {self._most}.")
        self.data = number


class _Menu(PartForm[Ivr]):
    number = Text("Number", required="Type a number of 1 to 10 digits, e.g. 801.", longest=10)
    name = Text("Name", required="Type what the menu is for, e.g. Main menu.", longest=100)
    greeting = PromptField("Greeting")
    voice = VoiceField("Voice", none="As in Settings")
    loops = _WholeField("Loops", most=MOST_LOOPS, default=3)
    timeout = _WholeField("Wait for a key", most=LONGEST_TIMEOUT, default=4)
    no_key = _leads("No key")
    wrong_key = _leads("Wrong key", default=_MENU)

    named_by = "number"
    taken = "There is an IVR of this number. Type another one."

    @classmethod
    def values(cls, part: Ivr) -> dict[str, Any]:
        names = ("number", "name", "greeting", "voice", "loops", "timeout", "no_key", "wrong_key")
        values = {name: getattr(part, name) for name in names}
        return values | {_field_of(key): where for key, where in part.keys.items()}

    def validate_number(self, field: Text) -> None:
        """An IVR is known by its digits."""
        if not is_ivr_number(field.data or ""):
            raise ValidationError("An IVR's number has 1 to 10 digits, e.g. 801.")

    def validate_greeting(self, field: PromptField) -> None:
        """A menu that says nothing would leave callers in silence."""
        if is_silent(field.data):
            raise ValidationError("Type what callers hear, or choose a recording.")

    def key_fields(self) -> list[Field]:
        """Return the fields of the twelve keys, as they lie on a telephone."""
        return [self[_field_of(key)] for key in KEYS]

    def part(self, was: Ivr | None) -> Ivr:
        led = {key: self[_field_of(key)].data for key in KEYS}
        return Ivr(
            number=self.number.data or "",
            name=self.name.data or "",
            greeting=self.greeting.data,
            keys={key: destination for key, destination in led.items() if destination},
            no_key=self.no_key.data,
            wrong_key=self.wrong_key.data,
            loops=self.loops.data or 0,
            timeout=self.timeout.data or 0,
            voice=self.voice.data,
        )


def _field_of(key: str) -> str:
    return f"key_{_KEY_NAMES.get(key, key)}"


IvrForm = type(
    "IvrForm",
    (_Menu,),
    {
        "__doc__": "A menu with a field for each key of a telephone.",
        **{_field_of(key): _leads(f"Key {key}", none="Nothing") for key in KEYS},
    },
)


def _used_by(plan: Plan, ivr: Ivr) -> tuple[Use, ...]:
    return uses(plan, DestinationKind.IVR, ivr.number)


def _around(plan: Plan, ivr: Ivr | None, form: _Menu) -> dict[str, Any]:
    if ivr is None:
        return {"users": ()}
    way = way_of_ivr(ivr, plan)
    return {"users": _used_by(plan, ivr), "way": way, "drawing": draw(way)}


PAGES: editing.Pages[Ivr] = editing.Pages(Ivr, "IVR", IvrForm, "ivrs/edit.html", "ivrs", _around)


@bp.get("/")
@needs(Role.VIEWER)
def index() -> ResponseReturnValue:
    """List the IVRs, with what their keys do."""
    plan = draft.read(db.session())
    return render_template(
        "ivrs/index.html",
        ivrs=draft.stored(db.session(), Ivr),
        used=all_uses(plan),
        kind=DestinationKind.IVR,
    )


@bp.route("/new", methods=["GET", "POST"])
@needs(Role.EDITOR)
def new() -> ResponseReturnValue:
    """Add an IVR."""
    return editing.edit(PAGES)


@bp.route("/<int:id_>", methods=["GET", "POST"])
@needs(Role.VIEWER, to_change=Role.EDITOR)
def edit(id_: int) -> ResponseReturnValue:
    """Show and change an IVR."""
    return editing.edit(PAGES, id_)


@bp.route("/<int:id_>/delete", methods=["GET", "POST"])
@needs(Role.EDITOR)
def delete(id_: int) -> ResponseReturnValue:
    """Delete an IVR, after naming what leads there."""
    return editing.delete(PAGES, id_, _used_by)
