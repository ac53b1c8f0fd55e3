"""Who may open and send what: every page is in the table, and the door holds it."""

import pytest
from flask import Flask
from werkzeug.exceptions import Forbidden

from tests.settings.conftest import browser
from tests.settings.routes import OWN, content, routes
from voiceapp.people import Role
from voiceapp.settings.door import role_for

ANYBODY = (None, None)
VIEWER = (Role.VIEWER, Role.VIEWER)
READ_OR_EDIT = (Role.VIEWER, Role.EDITOR)
EDITOR = (Role.EDITOR, Role.EDITOR)
ADMIN = (Role.ADMIN, Role.ADMIN)

NEEDED = {
    "nothing": VIEWER,
    "access.sign_in": ANYBODY,
    "access.welcome": ANYBODY,
    "access.sign_out": VIEWER,
    "access.account": VIEWER,
    "overview.index": VIEWER,
    "calls.index": VIEWER,
    "calls.call": VIEWER,
    "dids.index": VIEWER,
    "dids.new": EDITOR,
    "dids.edit": READ_OR_EDIT,
    "dids.delete": EDITOR,
    "ivrs.index": VIEWER,
    "ivrs.new": EDITOR,
    "ivrs.edit": READ_OR_EDIT,
    "ivrs.delete": EDITOR,
    "queues.index": VIEWER,
    "queues.new": EDITOR,
    "queues.edit": READ_OR_EDIT,
    "queues.delete": EDITOR,
    "recordings.index": VIEWER,
    "recordings.new": EDITOR,
    "recordings.edit": READ_OR_EDIT,
    "recordings.listen": VIEWER,
    "recordings.delete": EDITOR,
    "routing.index": VIEWER,
    "routing.new": EDITOR,
    "routing.edit": READ_OR_EDIT,
    "routing.delete": EDITOR,
    "routing.words": EDITOR,
    "integrations.index": ADMIN,
    "integrations.new": ADMIN,
    "integrations.edit": ADMIN,
    "integrations.delete": ADMIN,
    "directory.index": VIEWER,
    "directory.new": EDITOR,
    "directory.edit": READ_OR_EDIT,
    "directory.delete": EDITOR,
    "directory.export": EDITOR,
    "directory.imports.new": EDITOR,
    "directory.imports.sample": VIEWER,
    "directory.imports.preview": EDITOR,
    "directory.imports.decide": EDITOR,
    "releases.index": VIEWER,
    "releases.release": VIEWER,
    "releases.review": READ_OR_EDIT,
    "releases.roll_back": EDITOR,
    "releases.undo": EDITOR,
    "people.index": ADMIN,
    "people.invite": ADMIN,
    "people.edit": ADMIN,
    "people.link": ADMIN,
    "people.remove": ADMIN,
    "audit.index": ADMIN,
    "installation.index": READ_OR_EDIT,
    "trials.index": VIEWER,
}
"""From which role on a page is opened, and from which on it is sent something."""

HEALTH = {"health.healthz", "health.readyz", "health.metrics"}  # which have a token of their own
OUTSIDE = {"static", "bootstrap.static", "prompts.recording", "front", *HEALTH}
"""Views beside the settings pages and the webhooks, for anybody by intent."""


def test_every_page_needs_what_the_table_says(app):
    views = app.view_functions

    found = {
        one.name: (role_for(views[OWN + one.name], "GET"), role_for(views[OWN + one.name], "POST"))
        for one in routes(app)
    }

    assert found == NEEDED


def test_there_is_no_other_way_in(app):
    endpoints = {rule.endpoint for rule in app.url_map.iter_rules()}

    others = {one for one in endpoints if not one.startswith((OWN, "twiml."))}

    assert others == OUTSIDE


def test_a_page_that_says_nothing_about_roles_is_for_nobody():
    with pytest.raises(Forbidden):
        role_for(lambda: "", "GET")


def expected(app: Flask, address: str, method: str, role: Role | None) -> str:
    """Return what the table says about somebody with a role, or about a stranger."""
    endpoint, _ = app.url_map.bind("calls.example.com").match(address, method)
    needed = NEEDED[endpoint.removeprefix(OWN)][method == "POST"]
    if needed is None or (role and role.may(needed)):
        return "forgery" if method == "POST" else "in"
    return "refused" if role else "sign in"


def happened(answer) -> str:
    if answer.status_code == 303 and answer.location.startswith("/admin/sign-in"):
        return "sign in"
    return {403: "refused", 400: "forgery", 500: "fault"}.get(answer.status_code, "in")


@pytest.mark.parametrize("role", [None, *Role])
def test_whoever_tries_an_address_gets_as_far_as_their_role(app, signed_in, role):
    client = signed_in(role.value) if role else browser(app)
    before = content(app)

    wrong = {}
    for address in sorted({one.address for one in routes(app)}):
        for method in ("GET", "POST"):
            answer = client.open(address, method=method)
            if happened(answer) != expected(app, address, method, role):
                wrong[method, address] = answer.status

    assert wrong == {}
    assert content(app) == before


def test_what_somebody_may_not_do_is_logged_and_what_strangers_try_is_not(app, signed_in, caplog):
    viewer = signed_in("viewer")

    browser(app).get("/admin/people/")
    browser(app).post("/admin/sign-in")
    assert caplog.messages == []
    viewer.get("/admin/people/")
    viewer.post("/admin/account")

    refused, forged = caplog.messages
    assert refused.startswith("Account ")
    assert refused.endswith("refused settings.people.index: their role does not allow it")
    assert forged.endswith("refused settings.access.account: the form was not one of ours")


@pytest.mark.parametrize("role", list(Role))
def test_a_menu_names_only_what_its_reader_may_open(signed_in, role):
    client = signed_in(role.value)

    page = client.get("/admin/").text

    assert ("/admin/people/" in page) is (role is Role.ADMIN)
    assert ("/admin/audit/" in page) is (role is Role.ADMIN)
    assert ("/admin/integrations/" in page) is (role is Role.ADMIN)
