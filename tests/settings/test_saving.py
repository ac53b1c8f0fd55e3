"""Two people save the same part, on both databases; and what “Save and publish” publishes."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event
from sqlalchemy.orm import Session

from tests.settings.conftest import SignedIn
from tests.settings.test_parts import (
    MENU,
    NUMBERS,
    QUEUES,
    SETTINGS,
    Page,
    drafted,
    id_of,
    opened,
    send,
    to,
)
from voiceapp.extensions import db
from voiceapp.models.releases import Release
from voiceapp.routing import draft, releases
from voiceapp.routing.document import dump
from voiceapp.routing.kinds import key_of
from voiceapp.rules.plan import Did, Ivr, Plan, Queue
from voiceapp.rules.uses import Part

SALES = "+12025550180"


@pytest.fixture
def editor(app: Flask, signed_in: SignedIn) -> FlaskClient:
    """The browser of somebody who may edit."""
    return signed_in("editor")


def change(app: Flask, part: Part, new: Part | None, author: str = "Bob") -> None:
    """Save another part in the place of one, or nothing, as somebody else does."""
    with app.app_context():
        session = db.session()
        stored = draft.find_key(session, type(part), key_of(part))
        assert stored is not None
        if new is None:
            draft.remove(session, type(part), stored.id, stored.version, author)
        else:
            draft.change(session, stored.id, stored.version, new, author)
        session.commit()
        db.session.remove()


def newest(app: Flask) -> int | None:
    with app.app_context():
        return releases.newest_number(db.session())


def sales(plan: Plan) -> Did:
    [did] = [did for did in plan.dids if did.number == SALES]
    return did


def main_menu(plan: Plan) -> Ivr:
    [ivr] = [ivr for ivr in plan.ivrs if ivr.number == "801"]
    return ivr


Conflict = tuple[str, Callable[[Plan], Part], Callable[[Part], Part], dict[str, str], str]

CONFLICTS: list[Conflict] = [
    (
        QUEUES,
        lambda plan: Queue("vip"),
        lambda queue: Queue("gold"),
        {"name": "platinum"},
        "Name gold platinum",
    ),
    (
        NUMBERS,
        sales,
        lambda did: replace(did, name="Shop"),  # type: ignore[arg-type]
        {"name": "Orders", "number": "+12025550188"},
        f"Number {SALES} +12025550188 Name Shop Orders",
    ),
    (
        MENU,
        main_menu,
        lambda ivr: replace(ivr, keys={}, loops=5),  # type: ignore[arg-type]
        {"key_3__kind": "queue", "key_3__queue": "billing"},
        "Key 1 – Queue general Key 2 – CRM rule Balance check Key 3 – Queue billing "
        "Key 9 – hang up Loops 5 3",
    ),
    (
        SETTINGS,
        lambda plan: plan.installation,
        lambda settings: replace(settings, country="DE"),  # type: ignore[arg-type]
        {"time_zone": "Europe/Berlin"},
        "Country DE US Time zone UTC Europe/Berlin",
    ),
]


@pytest.mark.parametrize(("tab", "which", "theirs", "typed", "told"), CONFLICTS)
def test_who_saves_second_sees_both_and_may_save_again(
    app: Flask,
    editor: FlaskClient,
    tab: str,
    which: Callable[[Plan], Part],
    theirs: Callable[[Part], Part],
    typed: dict[str, str],
    told: str,
):
    part = which(drafted(app))
    address = tab if tab == SETTINGS else f"{tab}{id_of(app, type(part), key_of(part))}"
    page = opened(editor, address)
    change(app, part, theirs(part))
    between = drafted(app)

    answer = send(editor, address, page, do="publish", **typed)

    page = Page(answer)
    assert answer.status_code == 409
    assert "Bob has saved this meanwhile" in page.said_at("conflict")
    assert f"Field Theirs Yours {told} Save again" in page.said_at("conflict")
    assert (drafted(app), newest(app)) == (between, 1)
    sent = {name.replace("__", "-"): text for name, text in typed.items()}
    assert {name: page.fields[name] for name in sent} == sent
    assert address in page.actions

    answer = send(editor, address, page)

    assert (answer.status_code, answer.location) == (303, address)
    shown = opened(editor, address).fields
    assert {name: shown[name] for name in sent} == sent
    assert len(drafted(app).queues) == len(between.queues)


def test_who_saves_the_same_second_is_told_so(app: Flask, editor: FlaskClient):
    address = f"{QUEUES}{id_of(app, Queue, 'vip')}"
    page = opened(editor, address)
    change(app, Queue("vip"), Queue("gold"))

    answer = send(editor, address, page, name="gold")

    assert answer.status_code == 409
    assert "Both are the same." in Page(answer).said_at("conflict")


def test_a_page_that_refers_to_what_was_renamed_meanwhile_does_not_bring_the_old_name_back(
    app: Flask, editor: FlaskClient
):
    address = f"{MENU}{id_of(app, Ivr, '801')}"
    page = opened(editor, address)
    change(app, Queue("general"), Queue("everybody"))

    answer = send(editor, address, page, name="Menu")

    page = Page(answer)
    assert answer.status_code == 422
    assert page.wrong("no_key-queue") == "“general” is gone. Choose which queue."
    assert main_menu(drafted(app)).no_key == to("queue", "everybody")


@pytest.mark.parametrize("is_published", [False, True])
def test_what_somebody_has_deleted_meanwhile_is_not_lost(
    app: Flask, editor: FlaskClient, is_published: bool
):
    address = f"{NUMBERS}{id_of(app, Did, SALES)}"
    page = opened(editor, address)
    change(app, sales(drafted(app)), None)
    if is_published:
        with app.app_context():
            releases.publish(db.session(), "Bob")

    answer = send(editor, address, page, name="Orders")

    page = Page(answer)
    assert answer.status_code == 409
    assert "Somebody has deleted this meanwhile" in page.said_at("conflict")
    assert (page.fields["name"], page.fields["number"]) == ("Orders", SALES)
    assert f"{NUMBERS}new" in page.actions
    assert SALES not in [did.number for did in drafted(app).dids]

    answer = send(editor, f"{NUMBERS}new", page)

    assert answer.status_code == 303
    assert sales(drafted(app)) == Did(SALES, "Orders", to("rule", "VIP customers"))


def test_what_is_deleted_and_wrong_as_well_says_both(app: Flask, editor: FlaskClient):
    address = f"{QUEUES}{id_of(app, Queue, 'vip')}"
    page = opened(editor, address)
    change(app, Queue("vip"), None)

    answer = send(editor, address, page, name=" ")

    page = Page(answer)
    assert answer.status_code == 409
    assert "Somebody has deleted this meanwhile" in page.text
    assert page.wrong("name") == "Type a name, e.g. general."
    assert editor.get(address).status_code == 404


def test_a_version_that_no_page_has_is_a_conflict(app: Flask, editor: FlaskClient):
    address = f"{QUEUES}{id_of(app, Queue, 'vip')}"
    page = opened(editor, address)

    for version in ("", "0", "-1", "99", "x", "²", "1.0", "9" * 5000):
        answer = send(editor, address, page, version=version, name="gold")
        assert answer.status_code == 409

    assert Queue("vip") in drafted(app).queues


class TestSaveAndPublish:
    def test_what_is_saved_is_published_if_nothing_else_waits(
        self, app: Flask, editor: FlaskClient
    ):
        address = f"{QUEUES}{id_of(app, Queue, 'vip')}"

        answer = send(editor, address, opened(editor, address), do="publish", name="gold")

        assert (answer.status_code, answer.location) == (303, address)
        page = opened(editor, address)
        assert "Release 2 is live: calls follow it within two seconds." in page.text
        assert "not live yet" not in page.text
        with app.app_context():
            session = db.session()
            [release] = releases.listed(session, limit=1)
            assert (release.number, release.author) == (2, "Editor")
            assert "Queue vip removed" in release.comment
            assert "Queue gold added" in release.comment
            assert "CRM rule VIP customers changed" in release.comment  # it refers to the queue
            assert releases.plan_of(session, 2) == draft.read(session)

    @pytest.mark.parametrize("author", ["Bob", "Editor"])
    def test_else_it_is_saved_and_what_waits_is_shown(
        self, app: Flask, editor: FlaskClient, author: str
    ):
        change(app, sales(drafted(app)), replace(sales(drafted(app)), name="Shop"), author)

        answer = send(
            editor, f"{QUEUES}new", opened(editor, f"{QUEUES}new"), do="publish", name="nights"
        )

        page = opened(editor, answer.location)
        assert answer.location == "/admin/releases/review"
        assert "More than this waits to go live" in page.text
        assert "Shop changed" in page.text
        assert "Queue nights added" in page.text
        assert newest(app) == 1
        assert Queue("nights") in drafted(app).queues

    def test_what_somebody_saves_in_that_moment_is_not_published(
        self, app: Flask, editor: FlaskClient
    ):
        page = opened(editor, f"{QUEUES}new")
        shop = replace(sales(drafted(app)), name="Shop")

        def be_second(session: Session) -> None:
            with Session(session.get_bind()) as other:
                if draft.find_key(other, Queue, "nights") is not None:
                    draft.save(other, shop, "Bob")
                    other.commit()

        event.listen(db.session, "after_commit", be_second)
        answer = send(editor, f"{QUEUES}new", page, do="publish", name="nights")
        event.remove(db.session, "after_commit", be_second)

        assert answer.location == "/admin/releases/review"
        assert newest(app) == 1
        assert sales(drafted(app)) == shop

    def test_what_would_hurt_is_saved_and_says_where(self, app: Flask, editor: FlaskClient):
        menu = main_menu(drafted(app))
        change(app, menu, replace(menu, no_key=to("queue", "nowhere")))
        with app.app_context():  # it got live before anybody checked for it
            session = db.session()
            session.add(Release(number=2, document=dump(draft.read(session))))
            session.commit()

        answer = send(
            editor, f"{QUEUES}new", opened(editor, f"{QUEUES}new"), do="publish", name="nights"
        )
        page = opened(editor, answer.location)

        assert answer.location == "/admin/releases/review"
        assert "It can't be published like this yet." in page.text
        assert "IVR 801 Main menu : No key: There is no queue nowhere." in page.text
        assert newest(app) == 2
        assert Queue("nights") in drafted(app).queues
