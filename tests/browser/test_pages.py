"""Every page in every look: readable by everybody, nothing sideways, nothing in the console."""

import pytest
from playwright.sync_api import Page

from tests.browser.browsing import Complaints
from tests.browser.flaws import flaws_of
from tests.browser.forms import press
from tests.browser.installation import leave_unpublished, place_calls
from tests.browser.walking import fixed_pages, walk
from tests.server.serving import Server
from voiceapp import people
from voiceapp.extensions import db
from voiceapp.people import Role


@pytest.fixture(scope="module")
def starts(server: Server) -> list[str]:
    """Where the way through the pages begins; calls and changes give them something to show."""
    place_calls(server)
    leave_unpublished(server)
    with server.application() as app:
        return fixed_pages(app)


@pytest.fixture(scope="module")
def welcome(server: Server) -> str:
    """The address that somebody who is invited opens."""
    with server.application():
        token = people.add(db.session(), "ada@example.com", "Ada", Role.EDITOR)
    return f"/admin/welcome/{token}"


@pytest.mark.timeout(600)  # of all pages
def test_every_page_is_in_order(
    admin: Page, starts: list[str], complaints: Complaints, subtests: pytest.Subtests
) -> None:
    unseen = set(starts)
    for address in walk(admin, starts):
        unseen.discard(address)
        with subtests.test(address):
            assert [*flaws_of(admin), *complaints.taken()] == []

    assert unseen == set()


def test_the_way_in_is_in_order(page: Page, welcome: str) -> None:
    for address in ("/admin/sign-in", welcome):
        page.goto(address)
        assert flaws_of(page) == []


def test_a_form_with_faults_is_in_order(admin: Page, complaints: Complaints) -> None:
    complaints.expect(422)
    admin.goto("/admin/dids/new")

    press(admin, "Save")

    admin.get_by_role("alert").wait_for()
    assert flaws_of(admin) == []


def test_a_page_that_is_not_there_is_in_order(admin: Page, complaints: Complaints) -> None:
    complaints.expect(404)
    admin.goto("/admin/nothing-here")

    assert flaws_of(admin) == []
