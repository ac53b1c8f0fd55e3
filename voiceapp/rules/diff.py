"""What differs between two plans, told under the labels of the pages: what will go live."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from voiceapp.rules.contents import KINDS, URL, Content, private_crm
from voiceapp.rules.plan import Integration, Plan
from voiceapp.rules.rule import Rule
from voiceapp.rules.uses import Part, title
from voiceapp.rules.words import shown_address


class What(StrEnum):
    """What became of a part."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Line:
    """A field of a part, before and after; blank where it was not there, or is no longer."""

    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Change:
    """A part that differs: what it is, what became of it, and the fields that tell so."""

    kind: type[Part]
    key: str
    title: str
    what: What
    lines: tuple[Line, ...]


def diff(old: Plan | None, new: Plan) -> tuple[Change, ...]:
    """Return what differs between two plans, in the order of a plan; without an old one, all.

    What differs in a private integration is told with the rule that points at it.
    """
    before, after = _Side(old), _Side(new)
    return tuple(change for kind in KINDS for change in _changes(kind, before, after))


class _Side:
    """One of the two plans, to be looked into by kind and key."""

    def __init__(self, plan: Plan | None) -> None:
        self.plan = plan
        self.crms = {one.key: one for one in plan.integrations} if plan else {}

    def parts(self, kind: type[Part]) -> dict[str, Part]:
        row = KINDS[kind]
        return {row.key(part): part for part in row.parts(self.plan)} if self.plan else {}

    def private(self, part: Part | None) -> Integration | None:
        return private_crm(part, self.crms) if isinstance(part, Rule) else None

    def content(self, part: Part) -> Content:
        return KINDS[type(part)].content(part, self.crms)

    def unusual(self, part: Part) -> Content:
        usual = KINDS[type(part)].usual
        return {
            label: text for label, text in self.content(part).items() if text != usual.get(label)
        }


def _changes(kind: type[Part], before: _Side, after: _Side) -> Iterator[Change]:
    olds, news = before.parts(kind), after.parts(kind)
    for key, part in {**olds, **news}.items():
        old, new = olds.get(key), news.get(key)
        if old == new and before.private(old) == after.private(new):
            continue
        if old is None:
            what, lines = What.ADDED, _lines({}, after.unusual(part))
        elif new is None:
            what, lines = What.REMOVED, _lines(before.unusual(part), {})
        else:
            what, lines = What.CHANGED, _lines(before.content(old), after.content(new))
        yield Change(kind, key, title(part), what, lines)


def _lines(before: Content, after: Content) -> tuple[Line, ...]:
    # the longer one first: conditions that only one of them has stay beside the others
    labels = dict.fromkeys([*max(before, after, key=len), *before, *after])
    pairs = ((label, before.get(label, ""), after.get(label, "")) for label in labels)
    return tuple(_line(label, was, now) for label, was, now in pairs if was != now)


def _line(label: str, was: str, now: str) -> Line:
    """Return a line; of addresses it shows what may be seen, and that the rest differs."""
    if label != URL:
        return Line(label, was, now)
    shown_was, shown_now = (shown_address(url) if url else "" for url in (was, now))
    if shown_was == shown_now:
        shown_now += f" ({_hidden(was, now)} changed)"
    return Line(label, shown_was, shown_now)


def _hidden(was: str, now: str) -> str:
    return "its query" if was.partition("?")[2] != now.partition("?")[2] else "a hidden part"
