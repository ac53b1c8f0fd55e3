"""Changes to the draft, new releases, and who follows them."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from tests.demo_calls import SALES
from tests.server.serving import Server
from tests.wire.hosting import Hosted
from voiceapp.crm.kind import VERSION
from voiceapp.extensions import db
from voiceapp.routing import credentials, draft
from voiceapp.routing.entry import DecisionEntry
from voiceapp.routing.journal_files import whole_lines
from voiceapp.routing.lines import decode
from voiceapp.routing.releases import publish
from voiceapp.rules.plan import Integration, Queue
from voiceapp.rules.rule import Destination, DestinationKind, Rule
from voiceapp.runtime import runtime


def redraft(queue: str) -> None:
    """Change the draft: Sales, and key 1 of IVR 801, lead to a new queue."""
    session = db.session()
    to = Destination(DestinationKind.QUEUE, queue)
    plan = draft.read(session)
    [sales] = [did for did in plan.dids if did.number == SALES]
    [menu] = [ivr for ivr in plan.ivrs if ivr.number == "801"]
    changed = (
        Queue(queue),
        replace(sales, destination=to),
        replace(menu, keys={**menu.keys, "1": to}),
    )
    for part in changed:
        draft.save(session, part, author="test")
    session.commit()


def release(server: Server, queue: str) -> int:
    """Publish a release that leads to a new queue; return its number."""
    with server.application():
        redraft(queue)
        return publish(db.session(), author="test")


def decisions(server: Server) -> dict[int, list[DecisionEntry]]:
    """Return what each web process has decided, by its id, which the journal's file names hold."""
    found: dict[int, list[DecisionEntry]] = {}
    for path in sorted((server.instance / "journal").glob("*.jsonl")):
        process = int(path.stem.split("-")[-2])
        with suppress(FileNotFoundError):  # the worker was done with it
            entries = map(decode, _whole_lines(path))
            decided = [entry for entry in entries if isinstance(entry, DecisionEntry)]
            found.setdefault(process, []).extend(decided)
    return found


def _whole_lines(path: Path) -> list[bytes]:
    with path.open("rb") as file:
        return list(whole_lines(file))


def are_following(server: Server, number: int) -> bool:
    """Say whether every web process has decided last by this release."""
    found = decisions(server)
    return all(
        found.get(process, []) and found[process][-1].release == number
        for process in server.web_processes()
    )


def ask_the_crm(server: Server, suite: Hosted, **changes: object) -> None:
    """Publish a release in which the demo's first rule asks a SuiteCRM, changed as told."""
    options = {"username": suite.crm.options["username"], VERSION: "8"}
    integration = Integration("suite", "Our Suite", "suitecrm", suite.url, options)
    with server.application():
        session = db.session()
        draft.save(session, integration, "test")
        credentials.keep(session, runtime().vault, integration, suite.crm.secrets, "test")
        rules = {stored.part.name: stored.part for stored in draft.stored(session, Rule)}
        wanted = {"integration": "suite", "field": "tier_c"} | changes
        draft.save(session, replace(rules["VIP customers"], **wanted), "test")
        session.commit()
        publish(session, "test")
