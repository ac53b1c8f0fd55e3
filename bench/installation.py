"""What voiceapp routes by in a measure: as many DIDs as rules, each asking the stand-in."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from flask import Flask
from flask_migrate import upgrade
from sqlalchemy.orm import Session

from bench.calls import ACCOUNT, BASE, TOKEN, did
from voiceapp import create_app, people
from voiceapp.crm.registry import CUSTOM_URL
from voiceapp.extensions import db
from voiceapp.routing import draft
from voiceapp.routing.releases import publish
from voiceapp.rules.operators import Operator
from voiceapp.rules.plan import Did, Installation, Integration, Queue
from voiceapp.rules.rule import (
    Condition,
    Destination,
    DestinationKind,
    FindBy,
    Location,
    Outcome,
    Rule,
    outcomes_for,
)
from voiceapp.rules.uses import Part
from voiceapp.runtime import runtime

ADMIN, PASSWORD = "admin@example.com", "correct horse battery staple"

_QUEUES = ("general", "vip", "silver", "overflow")


def settings(instance: Path, port: int, **more: str) -> dict[str, str]:
    """Return all settings of an installation; nothing of the developer's own comes in."""
    return {
        "INSTANCE_PATH": str(instance),
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "WEB_CONCURRENCY": "2",
        "PUBLIC_BASE_URL": BASE,
        "DATABASE_URL": "",
        "REDIS_URL": "",
        "TWILIO_ACCOUNT_SID": ACCOUNT,
        "TWILIO_AUTH_TOKEN": TOKEN,
        "SECRET_KEY": "",
        "CREDENTIALS_KEY": "",
        "CRM_CA_BUNDLE": "",
        "CRM_ALLOWED_HOSTS": "localhost",
        "DEFAULT_COUNTRY": "US",
        "TIME_ZONE": "UTC",
        "ADMIN_EMAIL": ADMIN,
        "ADMIN_PASSWORD": PASSWORD,
        **more,
    }


@contextmanager
def application(settings: Mapping[str, str]) -> Iterator[Flask]:
    """Yield an application of this process for an installation, in its context."""
    app = create_app(settings, watch=False)
    with app.app_context():
        try:
            yield app
        finally:
            runtime().journal.close()
            db.session.remove()
            db.engine.dispose()


def set_up(settings: Mapping[str, str], crm_urls: list[str], rules: int) -> None:
    """Make the database, and publish so many DIDs and rules; they ask the CRMs in turn."""
    with application(settings):
        upgrade()
        people.make_first_admin(db.session(), ADMIN, PASSWORD)
        _save(db.session(), _parts(crm_urls, rules))
        publish(db.session(), author="bench")


def publish_again(settings: Mapping[str, str]) -> int:
    """Publish what an installation has once more, with one change; return the release."""
    with application(settings):
        draft.save(db.session(), Queue("one more"), author="bench")
        return publish(db.session(), author="bench")


def _save(session: Session, parts: Iterator[Part]) -> None:
    with session.no_autoflush:  # or each part would look for those before it
        for part in parts:
            draft.save(session, part, author="bench")
    session.flush()


def _parts(crm_urls: list[str], rules: int) -> Iterator[Part]:
    yield Installation(safe=_queue("general"))
    for name in _QUEUES:
        yield Queue(name)
    for number, url in enumerate(crm_urls):
        # told who calls and not whom, one answer serves all DIDs
        address = f"{url}?caller={{caller}}"
        yield Integration(key=f"crm{number}", name=f"CRM {number}", kind=CUSTOM_URL, url=address)
    for number in range(rules):
        yield Did(did(number), f"Line {number}", Destination(DestinationKind.RULE, _name(number)))
        yield _rule(_name(number), f"crm{number % len(crm_urls)}")


def _name(number: int) -> str:
    return f"Customers of line {number}"


def _rule(name: str, crm: str) -> Rule:
    outcomes = dict.fromkeys(outcomes_for(FindBy.CALLER), _queue("general"))
    return Rule(
        name=name,
        location=Location.DID,
        integration=crm,
        module="",
        field="tier",
        conditions=(
            Condition(Operator.EQUAL, ("Gold",), _queue("vip")),
            Condition(Operator.EQUAL, ("Silver",), _queue("silver")),
        ),
        outcomes={**outcomes, Outcome.FAILED: _queue("overflow")},
    )


def _queue(name: str) -> Destination:
    return Destination(DestinationKind.QUEUE, name)
