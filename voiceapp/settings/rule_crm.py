"""Which CRM a rule asks: a shared integration, or one with settings of the rule's own."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from voiceapp.crm.kind import Kind
from voiceapp.crm.registry import CUSTOM_URL, KINDS
from voiceapp.routing import draft
from voiceapp.rules.plan import Integration, Plan
from voiceapp.settings.offer import Choice

_SHARED, _OWN = "shared:", "own:"


@dataclass(frozen=True, slots=True)
class CrmChoice:
    """What “CRM To Use” says: a shared integration, or a kind of CRM with settings of its own."""

    kind: Kind
    kind_key: str
    shared: Integration | None = None

    @property
    def value(self) -> str:
        """How the choice stands in the form."""
        return f"{_SHARED}{self.shared.key}" if self.shared else f"{_OWN}{self.kind_key}"


def choices(plan: Plan) -> list[Choice]:
    """Return the shared integrations, the kinds that a rule can have of its own, Custom URL."""
    shared = [(f"{_SHARED}{one.key}", one.name) for one in plan.integrations if not one.is_private]
    *own, custom = kinds()
    return [
        *sorted(shared, key=lambda one: one[1].casefold()),
        *((value, f"{title}, own settings") for value, title in own),
        custom,
    ]


def kinds() -> list[Choice]:
    """Return the kinds of CRM that can be set up, by their titles; Custom URL comes last."""
    return sorted(
        ((_OWN + key, kind.title) for key, kind in KINDS.items() if _can_be_own(kind)),
        key=lambda one: (one[0] == _OWN + CUSTOM_URL, one[1].casefold()),
    )


def read_choice(value: str, plan: Plan) -> CrmChoice | None:
    """Return the CRM that was chosen; None if there is no such."""
    if value.startswith(_SHARED):
        for one in plan.integrations:
            if one.key == value.removeprefix(_SHARED) and not one.is_private and one.kind in KINDS:
                return CrmChoice(KINDS[one.kind], one.kind, one)
        return None
    key = value.removeprefix(_OWN)
    is_own = value.startswith(_OWN) and key in KINDS and _can_be_own(KINDS[key])
    return CrmChoice(KINDS[key], key) if is_own else None


def _can_be_own(kind: Kind) -> bool:
    """Say whether there is anything about a kind of CRM that a rule could have of its own."""
    return bool(kind.asks)


def choice_of(integration: Integration) -> CrmChoice | None:
    """Return the choice that an integration is; None for a kind that is not there any more."""
    if integration.kind not in KINDS:
        return None
    shared = None if integration.is_private else integration
    return CrmChoice(KINDS[integration.kind], integration.kind, shared)


def private(
    choice: CrmChoice, was: Integration | None, url: str, options: Mapping[str, str]
) -> Integration:
    """Return a rule's own integration; it keeps its key, and with it its secret, as far as it can.

    Another kind of CRM gets another key: a secret of the one is none of the other.
    """
    keeps = was is not None and was.is_private and was.kind == choice.kind_key
    return Integration(
        key=was.key if was is not None and keeps else f"own-{secrets.token_hex(8)}",
        name=choice.kind.title,
        kind=choice.kind_key,
        url=url,
        options={name: value for name, value in options.items() if value},
        is_private=True,
    )


def sweep(session: Session, author: str) -> None:
    """Take private integrations out of the draft that no rule points at any more."""
    plan = draft.read(session)
    used = {rule.integration for rule in plan.rules}
    for stored in draft.stored(session, Integration):
        if stored.part.is_private and stored.part.key not in used:
            draft.remove(session, Integration, stored.id, stored.version, author)
