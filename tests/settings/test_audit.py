"""The audit log: every change is in it, by whom and from where, and no secret ever."""

import json
import re

import pytest
from sqlalchemy import select

from tests.crm.conftest import to_this_machine
from tests.settings.conftest import PASSWORD, browser, post, try_to_sign_in
from tests.settings.forms import Page, keep, opened, place_of, send
from tests.settings.services import serving
from tests.settings.test_directory_import import confirm, upload
from voiceapp import people
from voiceapp.extensions import db
from voiceapp.models.audit import Action, AuditRow, note
from voiceapp.models.people import Person
from voiceapp.people import Role
from voiceapp.routing import draft
from voiceapp.rules.plan import Did, Queue
from voiceapp.rules.rule import Destination, DestinationKind, Rule

SECRET, OTHER_PASSWORD = "hush-hush-4711", "staple correct horse"


@pytest.fixture
def log(app):
    """Return what was written since it was asked last: action, subject, and the lines."""
    seen = 0

    def log() -> list[tuple[str, str, dict[str, tuple[str, str]]]]:
        nonlocal seen
        with app.app_context():
            rows = db.session.scalars(
                select(AuditRow).where(AuditRow.id > seen).order_by(AuditRow.id)
            ).all()
            seen = max((row.id for row in rows), default=seen)
            return [
                (
                    row.action,
                    row.subject,
                    {line["label"]: (line["before"], line["after"]) for line in row.lines},
                )
                for row in rows
            ]

    return log


def rows(app) -> list[AuditRow]:
    with app.app_context():
        found = db.session.scalars(select(AuditRow).order_by(AuditRow.id)).all()
        db.session.expunge_all()
        return list(found)


def person(app, email: str) -> int:
    with app.app_context():
        return db.session.scalars(select(Person.id).filter_by(email=email)).one()


def place(app, type_, key: str) -> str:
    """Return the address of the page of a DID or a queue."""
    tab = {Did: "dids", Queue: "queues"}[type_]
    with app.app_context():
        return f"/admin/{tab}/{draft.ids(db.session())[type_, key]}"


def test_a_part_is_told_when_it_comes_changes_and_goes(app, signed_in, log):
    client = signed_in("editor")
    did = Did("+12025550183", "Shop", Destination(DestinationKind.QUEUE, "vip"))
    log()

    send(client, "/admin/queues/new", name="night")
    keep(app, did)
    address = place(app, Did, did.number)
    send(client, address, name="Corner shop", destination__queue="night")
    version = opened(client, address)["version"].value
    post(client, f"{address}/delete", version=version)

    added, changed, deleted = log()
    assert added == ("added", "Queue night", {})
    assert changed == (
        "changed",
        "DID +12025550183 Corner shop",
        {"Name": ("Shop", "Corner shop"), "Destination": ("Queue vip", "Queue night")},
    )
    assert deleted == (
        "deleted",
        "DID +12025550183 Corner shop",
        {"Name": ("Corner shop", ""), "Destination": ("Queue night", "")},
    )


def test_another_name_is_told_as_that_and_whatever_follows_it(app, signed_in, log):
    client = signed_in("editor")
    log()

    send(client, place(app, Queue, "vip"), name="gold")

    first, *followers = log()
    assert first == ("renamed", "Queue gold", {"Name": ("vip", "gold")})
    assert {action for action, _, _ in followers} == {"changed"}
    assert any("Queue gold" in after for _, _, lines in followers for _, after in lines.values())


def test_what_is_not_saved_is_not_told(app, signed_in, log):
    client = signed_in("editor")
    log()

    taken = send(client, "/admin/queues/new", name="vip")
    outdated = send(client, place(app, Queue, "vip"), name="gold", version="99")

    assert (taken.status_code, outdated.status_code) == (422, 409)
    assert log() == []


def test_saving_what_is_there_changes_nothing(app, signed_in, log):
    client = signed_in("editor")
    log()

    send(client, place(app, Queue, "vip"))

    assert log() == []


def test_publishing_going_back_and_putting_back_are_told(app, signed_in, log):
    client = signed_in("editor")
    send(client, "/admin/queues/new", name="night")
    review = "/admin/releases/review"
    log()

    seen = re.search('name="seen" value="([^"]+)"', client.get(review).text)[1]
    post(client, review, seen=seen, comment="Open at night")
    post(client, "/admin/releases/1/roll-back", page="/admin/releases/1", newest="2")
    seen = re.search('name="seen" value="([^"]+)"', client.get(review).text)[1]
    post(client, "/admin/releases/discard", page=review, seen=seen, title="")

    assert log() == [
        (
            "published",
            "Release 2",
            {"Calls follow": ("release 1", "release 2"), "Comment": ("", "Open at night")},
        ),
        (
            "rolled back",
            "Release 3",
            {"Calls follow": ("release 2", "release 3"), "Comment": ("", "Back to release 1.")},
        ),
        ("put back as it is live", "Queue night", {}),
    ]


def test_contacts_are_told_one_by_one_and_files_by_their_counts(app, signed_in, log):
    client = signed_in("editor")
    log()

    saved = post(
        client,
        "/admin/directory/new",
        module="Contacts",
        name="Nina New",
        phones="+12025550199",
        **{"fields-0-field": "Tier", "fields-0-value": "Gold"},
    )
    post(client, f"{saved.location}/delete", seen=seen_of(client, f"{saved.location}/delete"))
    confirm(
        client,
        upload(
            client, "Name,Phone,Tier\nAda Gold,+12025550101,Platinum\nXaver,204,Gold\n"
        ).location,
    )

    lines = {"Name": "Nina New", "Phone": "+12025550199", "Tier": "Gold"}
    assert log() == [
        ("added", "Contacts: Nina New", {one: ("", text) for one, text in lines.items()}),
        ("deleted", "Contacts: Nina New", {one: (text, "") for one, text in lines.items()}),
        (
            "imported",
            "Contacts: a file",
            {"Contacts added": ("", "1"), "Contacts changed": ("", "1")},
        ),
    ]


def seen_of(client, address: str) -> str:
    return re.search('name="seen" value="([^"]+)"', client.get(address).text)[1]


def test_people_are_told_from_the_invitation_to_the_end(app, signed_in, log):
    admin = signed_in()
    log()

    invited = post(
        admin, "/admin/people/invite", email="ada@example.com", name="Ada", role="viewer"
    )
    token = invited.text.split("/admin/welcome/")[1][:43]
    ada = browser(app)
    post(ada, f"/admin/welcome/{token}", password=PASSWORD)
    post(ada, "/admin/account", present=PASSWORD, password=OTHER_PASSWORD)
    post(ada, "/admin/sign-out", page="/admin/account")
    page = f"/admin/people/{person(app, 'ada@example.com')}"
    post(admin, page, role="editor")
    post(admin, f"{page}/link", page=page)
    post(admin, f"{page}/remove")

    who = "Ada (ada@example.com)"
    assert log() == [
        ("invited", who, {"Role": ("", "viewer")}),
        ("password chosen", who, {}),
        ("signed in", who, {}),
        ("password changed, all sessions ended", who, {}),
        ("signed out", who, {}),
        ("role changed", who, {"Role": ("viewer", "editor")}),
        ("password taken away, new link made", who, {}),
        ("account removed", who, {"Role": ("editor", "")}),
    ]
    by = [row.email for row in rows(app)][-8:]
    assert by == ["admin@example.com", *["ada@example.com"] * 4, *["admin@example.com"] * 3]


def test_whoever_comes_in_and_who_does_not_is_told(app, join, log):
    client, email = browser(app), join("viewer")
    log()

    try_to_sign_in(client, email, "not my password")
    try_to_sign_in(client, "my-password-by-mistake", "x")
    try_to_sign_in(client, email)

    assert log() == [
        ("sign-in failed", "Viewer (viewer@example.com)", {}),
        ("sign-in failed", "nobody who has an account", {}),
        ("signed in", "Viewer (viewer@example.com)", {}),
    ]
    [*_, failed, _, came] = rows(app)
    assert (failed.person, failed.email, failed.address) == ("", "", "127.0.0.1")
    assert (came.person, came.email, came.address) == ("Viewer", email, "127.0.0.1")


def test_the_settings_are_told(signed_in, log):
    client = signed_in("editor")
    log()

    send(client, "/admin/settings/", country="DE")

    assert log() == [("changed", "Settings", {"Country": ("US", "DE")})]


def test_the_command_line_is_somebody_on_the_server(app):
    with app.app_context():
        people.add(db.session(), "tim@example.com", "Tim", Role.VIEWER)

    [*_, last] = rows(app)
    assert (last.person, last.email, last.address) == ("somebody on the server", "", "")


def test_no_secret_is_ever_in_it(tmp_path, make_app, password_hash):
    with serving(tmp_path) as service:
        app = make_app(service.settings, resolve=to_this_machine)
        with app.app_context():
            admin = Person(email="a@example.com", name="A", role="admin")
            admin.password_hash = password_hash
            db.session.add(admin)
            db.session.commit()
        client = browser(app)
        try_to_sign_in(client, "a@example.com")
        new = "/admin/routing/new"
        page = Page(send(client, new, do="reshape", crm="own:custom").text)
        filled = {
            "name": "Shop",
            "field": "Tier",
            "conditions__0__value": "Gold",
            "conditions__0__destination__kind": "queue",
            "conditions__0__destination__queue": "vip",
            "crm": "own:custom",
            "header_name": "X-Api-Key",
        }
        send(client, new, page, **filled, header_value=SECRET, url=service.url("?key=hush-2"))
        address = place_of(app, Rule, "Shop")
        changed = send(client, address, header_value=f"{SECRET}-2", url=service.url("?key=hush-3"))
        assert changed.status_code == 303

    found = rows(app)
    told = [row.action for row in found]
    assert told.count("secret typed") == 2
    whole = json.dumps([[row.subject, row.action, row.lines] for row in found])
    assert "hush" not in whole
    assert PASSWORD not in whole
    typed = [row.lines for row in found if row.action == "secret typed"]
    assert [(line["before"], line["after"]) for [line] in typed] == [
        ("", "changed"),
        ("••••", "changed"),
    ]
    assert "hush" not in client.get("/admin/audit/").text


def test_the_page_lists_the_newest_first_and_finds_by_person_and_part(app, signed_in):
    editor = signed_in("editor")
    for number in range(60):
        send(editor, "/admin/queues/new", name=f"q{number:02}")
    client = signed_in()
    client.get("/admin/")

    first = client.get("/admin/audit/").text
    older = client.get(re.search('href="(/admin/audit/[^"]*below=[^"]+)"', first)[1]).text
    found = client.get("/admin/audit/?who=EDITOR@&what=queue+Q07").text
    nobody = client.get("/admin/audit/?who=%25&what=_").text

    assert first.index("Queue q59") < first.index("Queue q58")
    assert "Queue q05" not in first
    assert "Queue q05" in older
    assert re.findall("Queue (q\\d\\d) ", found) == ["q07"]
    assert "Nobody has done anything like this" in nobody


@pytest.mark.parametrize("sought", ["Österreich", "österreich", "ÖSTERREICH", "rule ö"])
def test_capital_letters_don_t_matter_be_they_beyond_ascii(app, signed_in, sought):
    with app.app_context():
        note(db.session(), Action.CHANGED, "CRM rule Österreich")
        note(db.session(), Action.CHANGED, "CRM rule Vip")
        db.session.commit()

    text = signed_in().get("/admin/audit/", query_string={"what": sought}).text

    assert "CRM rule Österreich" in text
    assert "CRM rule Vip" not in text


@pytest.mark.parametrize(
    "query", ["below=x", "below=-1", f"below={2**64}", "who=%00", "what=%00&below=1"]
)
def test_nothing_that_is_asked_for_breaks_the_page(signed_in, query):
    assert signed_in().get(f"/admin/audit/?{query}").status_code == 200


def test_what_is_written_is_neither_changed_nor_taken_out(app, signed_in):
    signed_in()
    with app.app_context():
        row = db.session.scalars(select(AuditRow)).first()
        row.subject = "nothing"
        with pytest.raises(TypeError, match="neither changed"):
            db.session.commit()
        db.session.rollback()
        db.session.delete(row)
        with pytest.raises(TypeError, match="neither changed"):
            db.session.commit()


def test_a_change_that_can_t_be_told_is_not_made(app, signed_in):
    client = signed_in("editor")
    page = opened(client, "/admin/queues/new")
    with app.app_context():
        AuditRow.__table__.drop(db.engine)

    answer = send(client, "/admin/queues/new", page, name="night")

    assert answer.status_code == 500

    with app.app_context():
        assert draft.find_key(db.session(), Queue, "night") is None
