"""How a CRM received us, for people who set it up: whether it works, and the modules it has."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from voiceapp.crm.contract import CrmClient, CrmError
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.trace import Step

PATIENCE = 10.0
"""Seconds that signing in, and each list, may take while somebody looks on."""
_MOST_NAMED = 12
_FAMILIAR = {
    *("activity", "appointment", "call", "campaign", "candidate", "case", "contract"),
    *("deal", "document", "event", "helpdesk", "incident", "invoice", "job", "joborder"),
    *("meeting", "opportunity", "order", "placement", "potential", "product", "project"),
    *("prospect", "quote", "salesorder", "task", "ticket", "vendor"),
}
"""Modules of several CRMs that people know by these names, one or many of them."""


@dataclass(frozen=True, slots=True)
class Greeting:
    """How a CRM received us: what was seen, in words; its modules; what is wrong.

    `known` are the modules that people know by name, `others` the rest of a long list. `seen` is
    the same as `sentences` in short.
    """

    sentences: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    seen: tuple[str, ...] = ()
    error: CrmError | None = None

    @property
    def modules(self) -> tuple[str, ...]:
        """Return all modules, those that people know first."""
        return (*self.known, *self.others)


def within() -> Deadline:
    """Return until when somebody who looks on waits for a list."""
    return Deadline.after(PATIENCE)


def greet(client: CrmClient, steps: Sequence[Step], usual: Iterable[str]) -> Greeting:
    """Sign in to a CRM and list its modules, of which some are `usual`; `steps` grow meanwhile."""
    sentences: list[str] = []
    try:
        client.sign_in(within())
        if steps:
            sentences.append(f"Signed in in {_ms(steps):,.0f} ms.")
        before = len(steps)
        modules = tuple(client.modules(within()))
    except CrmError as error:
        return Greeting(tuple(sentences), error=error)
    known, others = sorted_out(modules, usual)
    if modules:
        more = f" and {len(others)} more" if others else ""
        took = f" (listed in {_ms(steps[before:]):,.0f} ms)" if steps[before:] else ""
        sentences.append(f"It has the modules {', '.join(known)}{more}{took}.")
    seen = ("signed in",) if steps else ()
    if modules:
        seen = (*seen, f"{len(modules)} module{'s' if len(modules) > 1 else ''}")
    return Greeting(tuple(sentences), known, others, seen)


def sorted_out(
    modules: Sequence[str], usual: Iterable[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """
    Return the modules that people know, the usual ones first, and the rest of a long list.

    >>> sorted_out(["aaa.log", "Calls", "Leads"], ["Leads"])
    (('Leads', 'Calls', 'aaa.log'), ())
    >>> many = ["Contacts", *(f"x.{number}" for number in range(20)), "Sales_Orders", "Opportunity"]
    >>> known, others = sorted_out(many, ["Contacts"])
    >>> known, len(others)
    (('Contacts', 'Sales_Orders', 'Opportunity'), 20)
    """
    first = [one for one in usual if one in modules]
    familiar = [one for one in modules if _singular(one) in _FAMILIAR]
    known = tuple(dict.fromkeys((*first, *familiar)))
    others = tuple(one for one in modules if one not in known)
    if len(modules) <= _MOST_NAMED:
        return (*known, *others), ()
    return known or others[:_MOST_NAMED], others if known else others[_MOST_NAMED:]


def _singular(module: str) -> str:
    """
    Return what one record of a module is called, as far as English goes.

    >>> _singular("Opportunities"), _singular("Case"), _singular("Sales_Orders")
    ('opportunity', 'case', 'salesorder')
    """
    bare = module.casefold().replace("_", "")
    return f"{bare[:-3]}y" if bare.endswith("ies") else bare.removesuffix("s")


def _ms(steps: Sequence[Step]) -> float:
    return sum(step.ms for step in steps)
