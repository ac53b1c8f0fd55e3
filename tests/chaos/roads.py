"""The roads on which a call comes to ask a CRM, laid to every CRM that is ill."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy.orm import Session

from tests.chaos.ailments import ALL, Ward
from tests.wire.suitecrm import SuiteCrm
from voiceapp.crm.registry import CUSTOM_URL
from voiceapp.routing import credentials, draft
from voiceapp.routing.releases import publish
from voiceapp.rules.operators import Operator
from voiceapp.rules.plan import Did, Integration, Ivr
from voiceapp.rules.rule import (
    Condition,
    Destination,
    DestinationKind,
    FindBy,
    Location,
    Outcome,
    Prompt,
    Rule,
    outcomes_for,
)
from voiceapp.rules.uses import Part
from voiceapp.vault import Vault

BUDGET = 1.0
FAILED = "overflow"
"""The queue for calls whose CRM failed."""

ROADS: dict[str, str | None] = {"DID rule": None, "IVR rule": "1", "keyed digits": "2,1001#"}
"""What is pressed on each road."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of CRM as these tests set it up; `path` is where it is at its host."""

    title: str
    key: str
    path: str
    module: str
    field: str
    search_field: str


KINDS = (
    Kind("Custom URL", CUSTOM_URL, "/customer", "", "Tier", "AccountNo"),
    Kind("SuiteCRM", SuiteCrm.kind, "/suite/", "Contacts", "tier_c", "account_no_c"),
)
CASES = [(kind, fault) for fault in ALL for kind in KINDS]


def called(kind: Kind, fault: str, road: str) -> str:
    """Return the DID at which a road to a CRM begins."""
    number = CASES.index((kind, fault)) * 2 + (road != "DID rule")
    return f"+1202555{1000 + number}"


def lay(session: Session, vault: Vault, ward: Ward) -> None:
    """Publish all roads to all CRMs.

    Each road has an integration of its own, so that what is remembered of one CRM's trouble
    tells no other call beforehand.
    """
    for number, (kind, fault) in enumerate(CASES):
        url = f"https://{ward.places[fault]}{kind.path}"
        for part in _parts(number, kind, fault, url):
            draft.save(session, part, "test")
            if isinstance(part, Integration) and kind.key == SuiteCrm.kind:
                credentials.keep(session, vault, part, SuiteCrm.secrets, "test")
    session.commit()
    publish(session, "test")


def _parts(number: int, kind: Kind, fault: str, url: str) -> Iterator[Part]:
    rules = [_rule(kind, fault, road, f"{number}-{road}") for road in ROADS]
    for rule in rules:
        options = SuiteCrm.options if kind.key == SuiteCrm.kind else {}
        yield Integration(rule.integration, f"CRM of {rule.name}", kind.key, url, options)
        yield rule
    of_did, *of_keys = (Destination(DestinationKind.RULE, rule.name) for rule in rules)
    menu = Destination(DestinationKind.IVR, f"9{number:03}")
    yield Ivr(
        menu.option,
        f"{kind.title} {fault}",
        Prompt("Press a key."),
        keys=dict(zip("12", of_keys, strict=True)),
        no_key=_queue("general"),
    )
    for road, destination in {"DID rule": of_did, "IVR rule": menu}.items():
        yield Did(called(kind, fault, road), f"{kind.title} {fault} {road}", destination)


def _rule(kind: Kind, fault: str, road: str, integration: str) -> Rule:
    find_by = FindBy.DIGITS if road == "keyed digits" else FindBy.CALLER
    return Rule(
        name=f"{kind.title} {fault} {road}".replace(":", ""),
        location=Location.DID if road == "DID rule" else Location.IVR,
        integration=integration,
        module=kind.module,
        field=kind.field,
        conditions=(Condition(Operator.EQUAL, ("Gold",), _queue("vip")),),
        outcomes={**_all_to_general(outcomes_for(find_by)), Outcome.FAILED: _queue(FAILED)},
        find_by=find_by,
        search_field=kind.search_field if find_by is FindBy.DIGITS else "",
        greeting=Prompt("Your number?") if find_by is FindBy.DIGITS else Prompt(),
        budget=Decimal(str(BUDGET)),
    )


def _all_to_general(outcomes: Iterable[Outcome]) -> dict[Outcome, Destination]:
    return dict.fromkeys(outcomes, _queue("general"))


def _queue(name: str) -> Destination:
    return Destination(DestinationKind.QUEUE, name)
