"""The pages work where no script runs."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.browser.forms import destination, kind_of, open_did, option_of, press
from tests.browser.installation import sign_in
from tests.browser.signed_calls import place_call, wait_until_followed
from tests.demo_calls import ADA, SUPPORT
from tests.server.serving import Server


@pytest.fixture
def page(window: Open) -> Page:
    """A window that runs no scripts."""
    return window(java_script_enabled=False)


def test_a_destination_is_chosen_and_published(page: Page, server: Server) -> None:
    sign_in(page)
    open_did(page, "Support")
    where = destination(page)
    expect(option_of(where)).to_have_value("801")

    kind_of(where).select_option(label="Queue")
    expect(option_of(where)).to_have_value("")
    option_of(where).select_option(label="vip")
    press(page, "Save and publish")
    expect(page.get_by_role("status")).to_contain_text("Release 2 is live")

    wait_until_followed(server, 2, ADA, SUPPORT)
    assert place_call(server, ADA, SUPPORT).where == "vip"
