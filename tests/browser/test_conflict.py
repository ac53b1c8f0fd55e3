"""Two people change the same thing: nobody's typing is lost, and nobody overwrites unseen."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.browsing import Complaints
from tests.browser.conftest import Open, Session
from tests.browser.forms import press


@pytest.fixture
def two(window: Open, signed_in: Session, complaints: Complaints) -> tuple[Page, Page]:
    """Windows of two people; the server may say that there is a conflict."""
    complaints.expect(409)
    return window(storage_state=signed_in), window(storage_state=signed_in)


def test_who_comes_second_sees_both_and_may_win(two: tuple[Page, Page]) -> None:
    first, second = _open_queue(two, "billing")

    _save_as(first, "invoices")
    expect(first.get_by_role("status")).to_contain_text("Saved as a draft.")

    _save_as(second, "accounts payable")
    notice = second.get_by_role("alert")
    expect(notice).to_be_focused()
    expect(notice.get_by_role("heading")).to_have_text("Admin has saved this meanwhile")
    expect(notice.get_by_role("cell")).to_have_text(["invoices", "accounts payable"])
    expect(second.get_by_label("Name")).to_have_value("accounts payable")

    press(second, "Save")
    expect(second.get_by_role("status")).to_contain_text("Saved as a draft.")
    first.reload()
    expect(first.get_by_label("Name")).to_have_value("accounts payable")


def _open_queue(two: tuple[Page, Page], name: str) -> tuple[Page, Page]:
    """Open the page of one queue in both windows."""
    for page in two:
        page.goto("/admin/queues/")
        page.get_by_role("link", name=name, exact=True).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(name)
    return two


def _save_as(page: Page, name: str) -> None:
    page.get_by_label("Name").fill(name)
    press(page, "Save")
