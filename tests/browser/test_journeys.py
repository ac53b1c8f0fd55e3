"""What people come for, from the sign-in to the call that goes another way."""

from playwright.sync_api import Page, expect

from tests.browser.forms import choose, destination, open_did, press
from tests.browser.installation import sign_in
from tests.browser.signed_calls import place_call, wait_until_followed
from tests.demo_calls import ADA, SUPPORT
from tests.server.serving import Server
from voiceapp.console.story import Ended


def test_a_new_destination_goes_live_and_comes_back(page: Page, server: Server) -> None:
    sign_in(page)

    _make_queue(page, "weekend")
    expect(page.get_by_role("status")).to_contain_text("Saved as a draft.")
    assert _landing(server) == (Ended.MENU, "801")

    _lead_support_to(page, "weekend")
    expect(page.get_by_role("status")).to_contain_text("More than this waits to go live")
    press(page, "Publish these 2 changes")
    expect(page.get_by_role("status")).to_contain_text("Release 2 is live")
    wait_until_followed(server, 2, ADA, SUPPORT)
    assert _landing(server) == (Ended.QUEUE, "weekend")

    _roll_back_to(page, 1)
    expect(page.get_by_role("status")).to_contain_text("Release 3 is live")
    wait_until_followed(server, 3, ADA, SUPPORT)
    assert _landing(server) == (Ended.MENU, "801")


def _make_queue(page: Page, name: str) -> None:
    page.get_by_role("link", name="Queues", exact=True).click()
    page.get_by_role("link", name="New queue").click()
    page.get_by_label("Name").fill(name)
    press(page, "Save")


def _lead_support_to(page: Page, queue: str) -> None:
    open_did(page, "Support")
    choose(destination(page), "Queue", queue)
    press(page, "Save and publish")


def _roll_back_to(page: Page, release: int) -> None:
    page.get_by_role("link", name="Releases", exact=True).click()
    page.get_by_role("link", name=f"Release {release}", exact=True).click()
    press(page, f"Roll back to release {release}")


def _landing(server: Server) -> tuple[Ended, str]:
    walk = place_call(server, ADA, SUPPORT)
    return walk.ended, walk.where
