"""Changes taken back: parts of the draft put back as they are live."""

from collections.abc import Container, Iterator
from typing import TypeAlias

from sqlalchemy.orm import Session

from voiceapp.models.audit import Action
from voiceapp.routing import draft, releases
from voiceapp.routing.audited import audited
from voiceapp.routing.kinds import key_of
from voiceapp.rules.diff import Change
from voiceapp.rules.plan import Integration, Plan
from voiceapp.rules.rule import Rule
from voiceapp.rules.uses import Part, rules_asking

_Name: TypeAlias = tuple[type[Part], str]


def discard(session: Session, title: str, author: str) -> tuple[str, ...]:
    """Put back what a pending change with this title changed, or everything if it is blank.

    Returns the titles of what was put back; commits. What was taken back may have been referred
    to by what remains: then the draft can't be published until that is mended. Raises
    ChangedMeanwhile; then nothing was put back.
    """
    number = releases.newest_number(session)
    live = releases.plan_of(session, number) if number is not None else None
    drafted = draft.read(session)
    wanted = [
        change for change, _ in releases.pending(session).changes if title in ("", change.title)
    ]
    came = {_name(part): part for change in wanted for part in _belonging(drafted, change)}
    was = {_name(part): part for change in wanted if live for part in _belonging(live, change)}
    with draft.written(session), audited(session, Action.PUT_BACK):
        for name, part in came.items():
            if name not in was and not _is_asked_by_others(drafted, part, came):
                _take_out(session, part, author)
        for part in was.values():
            draft.save(session, part, author)
    with draft.written(session):
        session.commit()
    return tuple(change.title for change in wanted)


def _is_asked_by_others(plan: Plan, part: Part, leaving: Container[_Name]) -> bool:
    """Say whether a rule that stays asks an integration, as one does that was renamed."""
    return isinstance(part, Integration) and any(
        _name(rule) not in leaving for rule in rules_asking(plan, part.key)
    )


def _belonging(plan: Plan, change: Change) -> Iterator[Part]:
    """Yield the part that a change is about, and the private integration of a rule."""
    parts: tuple[Part, ...] = (
        plan.installation,
        *plan.dids,
        *plan.ivrs,
        *plan.rules,
        *plan.queues,
        *plan.recordings,
        *plan.integrations,
    )
    for part in parts:
        if type(part) is change.kind and key_of(part) == change.key:
            yield part
            if isinstance(part, Rule):
                yield from (
                    one
                    for one in plan.integrations
                    if one.key == part.integration and one.is_private
                )


def _name(part: Part) -> _Name:
    return type(part), key_of(part)


def _take_out(session: Session, part: Part, author: str) -> None:
    stored = draft.find_key(session, type(part), key_of(part))
    if stored is not None:
        draft.remove(session, type(part), stored.id, stored.version, author)
