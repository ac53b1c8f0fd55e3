"""Changes of the draft, told in the audit log in the words of the list of changes."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from sqlalchemy.orm import Session

from voiceapp.models.audit import Action, note
from voiceapp.routing import draft
from voiceapp.routing.differences import diff
from voiceapp.routing.kinds import key_of
from voiceapp.rules.diff import Change, Line, What
from voiceapp.rules.plan import Did, Integration, Ivr, Plan
from voiceapp.rules.uses import Part, title

_Name: TypeAlias = tuple[type[Any], str]

_ACTIONS = {
    What.ADDED: Action.ADDED,
    What.CHANGED: Action.CHANGED,
    What.REMOVED: Action.DELETED,
}
_LISTS = ("dids", "ivrs", "rules", "queues", "recordings", "integrations")
NAMED_BY: Mapping[type[Any], str] = {Did: "number", Ivr: "number", Integration: "key"}
"""What parts are known by that have no unique name."""


@dataclass(frozen=True, slots=True)
class _Renaming:
    """A part that has got another name."""

    old: Part
    new: Part


@contextmanager
def audited(session: Session, action: Action | None = None) -> Iterator[list[str]]:
    """Write into the audit log how the draft differs after what is done within.

    It becomes a part of the same transaction. `action` says what was done where that is more
    than what became of each part. The list has the titles of what differs, in the end.
    """
    before, ids = draft.read(session), draft.ids(session)
    titles: list[str] = []
    yield titles
    session.flush()
    after = draft.read(session)
    renamings = _renamings(before, after, ids, draft.ids(session))
    for one in renamings:
        note(session, action or Action.RENAMED, title(one.new), _told(one, before, after))
        titles.append(title(one.new))
    told = {_name(part) for one in renamings for part in (one.old, one.new)}
    for change in diff(before, after):
        if (change.kind, change.key) not in told:
            note(session, action or _ACTIONS[change.what], change.title, change.lines)
            titles.append(change.title)


def name_line(old: Part, new: Part) -> tuple[Line, ...]:
    """Return the line that tells another name; none if it is the same."""
    name = NAMED_BY.get(type(new), "name")
    was, now = getattr(old, name, ""), getattr(new, name, "")
    return (Line(name.capitalize(), was, now),) if was != now else ()


def named_as(part: Part, other: Part) -> Any:
    """Return a part under the name of another one, so that only the rest of both differs."""
    name = NAMED_BY.get(type(part), "name")
    renamed: Any = part
    return replace(renamed, **{name: getattr(other, name)}) if name_line(part, other) else part


def with_part(plan: Plan, old: Part, new: Part) -> Plan:
    """Return a plan that has one part instead of another."""
    changed: dict[str, Any] = {}
    for name in _LISTS:
        parts = getattr(plan, name)
        if old in parts:
            changed[name] = tuple(new if one == old else one for one in parts)
    if plan.installation == old:
        changed["installation"] = new
    return replace(plan, **changed)


def _renamings(
    before: Plan, after: Plan, ids: Mapping[_Name, int], later: Mapping[_Name, int]
) -> list[_Renaming]:
    """Return the parts that are still there under another name: a row keeps its id."""
    names = {(name[0], id_): name for name, id_ in later.items()}
    moved = {
        name: names[name[0], id_]
        for name, id_ in ids.items()
        if names.get((name[0], id_), name) != name
    }
    if not moved:
        return []
    olds = {_name(part): part for part in _parts(before)}
    news = {_name(part): part for part in _parts(after)}
    return [_Renaming(olds[old], news[new]) for old, new in moved.items()]


def _told(one: _Renaming, before: Plan, after: Plan) -> tuple[Line, ...]:
    """Return the new name, and whatever else of a part differs."""
    renamed = with_part(before, one.old, named_as(one.old, one.new))
    others = [change for change in diff(renamed, after) if _is_about(change, one.new)]
    lines = (line for change in others for line in change.lines)
    return (*name_line(one.old, one.new), *lines)


def _is_about(change: Change, part: Part) -> bool:
    return (change.kind, change.key) == _name(part)


def _parts(plan: Plan) -> Iterator[Part]:
    for name in _LISTS:
        yield from getattr(plan, name)


def _name(part: Part) -> _Name:
    return type(part), key_of(part)
