"""Queues: where callers wait for a person."""

from typing import Any

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from voiceapp.extensions import db
from voiceapp.people import Role
from voiceapp.routing import draft
from voiceapp.rules.parts import LONGEST_QUEUE_NAME, speakable
from voiceapp.rules.plan import Plan, Queue
from voiceapp.rules.rule import DestinationKind
from voiceapp.rules.uses import Use, all_uses, uses
from voiceapp.settings import editing
from voiceapp.settings.door import needs
from voiceapp.settings.forms import PartForm, Text, refuse

bp = Blueprint("queues", __name__, url_prefix="/queues")


class QueueForm(PartForm[Queue]):
    """A queue has nothing but a name; Twilio makes it when the first caller comes."""

    name = Text(
        "Name",
        required="Type a name, e.g. general.",
        longest=LONGEST_QUEUE_NAME,
        validators=[refuse(lambda text: speakable("Name", text))],
    )

    named_by = "name"
    taken = "There is a queue of this name. Type another one."

    @classmethod
    def values(cls, part: Queue) -> dict[str, Any]:
        return {"name": part.name}

    def part(self, was: Queue | None) -> Queue:
        return Queue(self.name.data or "")


def _used_by(plan: Plan, queue: Queue) -> tuple[Use, ...]:
    return uses(plan, DestinationKind.QUEUE, queue.name)


PAGES = editing.Pages(
    Queue,
    "queue",
    QueueForm,
    "queues/edit.html",
    "queues",
    lambda plan, queue, form: {"users": _used_by(plan, queue) if queue else ()},
)


@bp.get("/")
@needs(Role.VIEWER)
def index() -> ResponseReturnValue:
    """List the queues, each with what leads there."""
    plan = draft.read(db.session())
    return render_template(
        "queues/index.html",
        queues=draft.stored(db.session(), Queue),
        used=all_uses(plan),
        kind=DestinationKind.QUEUE,
    )


@bp.route("/new", methods=["GET", "POST"])
@needs(Role.EDITOR)
def new() -> ResponseReturnValue:
    """Add a queue."""
    return editing.edit(PAGES)


@bp.route("/<int:id_>", methods=["GET", "POST"])
@needs(Role.VIEWER, to_change=Role.EDITOR)
def edit(id_: int) -> ResponseReturnValue:
    """Show and change a queue."""
    return editing.edit(PAGES, id_)


@bp.route("/<int:id_>/delete", methods=["GET", "POST"])
@needs(Role.EDITOR)
def delete(id_: int) -> ResponseReturnValue:
    """Delete a queue, after naming what leads there."""
    return editing.delete(PAGES, id_, _used_by)
