"""Forms under people's hands: the Enter key, rows, secrets, and a session that has ended."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Locator, Page, Request, expect
from sqlalchemy import select

from tests.browser.browsing import Complaints
from tests.browser.conftest import Open, Session
from tests.browser.forms import choose, press
from tests.browser.installation import sign_in
from tests.server.serving import Server
from voiceapp.crm.fields import Field, FieldType
from voiceapp.extensions import db
from voiceapp.models.integrations import Credential
from voiceapp.routing import catalogue, draft
from voiceapp.rules.plan import Integration
from voiceapp.runtime import runtime

SIGNED_OUT = "You are signed out. Sign in in another tab, then go on here."
KEPT = "Kept from what you typed just now, not saved yet. Leave it blank to use it."


def test_enter_in_a_rule_saves_it(admin: Page) -> None:
    _open_rule(admin)
    name = admin.get_by_label("Rule Name")
    name.fill("VIPs")
    name.press("Enter")
    expect(admin.get_by_role("status")).to_contain_text("Saved as a draft.")
    expect(admin.get_by_role("heading", level=1)).to_have_text("VIPs")

    name.fill("VIP customers")
    _row(admin, 1).get_by_label("Value", exact=True).press("Enter")
    expect(admin.get_by_role("heading", level=1)).to_have_text("VIP customers")


def test_enter_tries_a_rule_and_saves_nothing(admin: Page, server: Server) -> None:
    _open_rule(admin)
    before = _draft(server)
    admin.get_by_label("Rule Name").fill("Tried only")
    admin.get_by_label("A number that calls").fill("(202) 555-0101")
    admin.get_by_label("A number that calls").press("Enter")

    expect(admin.locator("#told")).to_contain_text("→ Queue vip")
    expect(admin.get_by_label("Rule Name")).to_have_value("Tried only")
    assert _draft(server) == before


@pytest.mark.parametrize("label", ["A number that calls", "CRM Field Name"])
def test_enter_tests_an_integration_and_saves_nothing(
    admin: Page, server: Server, label: str
) -> None:
    admin.goto("/admin/integrations/")
    admin.get_by_role("main").get_by_role("link", name="Directory", exact=True).first.click()
    before = _draft(server)
    admin.get_by_label("Name", exact=True).fill("Tested only")
    admin.get_by_label("CRM Field Name").fill("Tier")
    admin.get_by_label("A number that calls").fill("(202) 555-0101")
    admin.get_by_label(label).press("Enter")

    expect(admin.locator("#told")).to_contain_text("Gold")
    expect(admin.get_by_label("Name", exact=True)).to_have_value("Tested only")
    assert _draft(server) == before


def test_a_button_of_a_row_asks_once_and_hands_the_focus_on(admin: Page) -> None:
    _open_rule(admin)
    heading = admin.get_by_role("heading", name=re.compile(r"^Condition \d$"))
    rows = heading.count()

    with _one_request(admin):
        press(admin, "+ Add a condition")
        expect(_row(admin, rows + 1).get_by_label("Operator")).to_be_focused()
    with _one_request(admin):
        press(admin, f"Move up condition {rows + 1}")
        expect(_tool(admin, f"Move up condition {rows}")).to_be_focused()
    with _one_request(admin):
        press(admin, f"Move down condition {rows}")
        expect(_tool(admin, f"Move up condition {rows + 1}")).to_be_focused()  # it is the last
    with _one_request(admin):
        press(admin, "Remove condition 1")
        expect(_row(admin, 1).get_by_label("Operator")).to_be_focused()
    expect(heading).to_have_count(rows)
    for number in range(rows, 0, -1):
        press(admin, f"Remove condition {number}")
        expect(heading).to_have_count(number - 1)
    expect(_tool(admin, "+ Add a condition")).to_be_focused()


def test_what_stands_beside_a_form_follows_its_shape(admin: Page) -> None:
    _open_rule(admin)
    admin.get_by_label("A number that calls").fill("1001")
    with _one_request(admin):
        admin.get_by_label("IVR", exact=True).check()
        expect(admin.get_by_label("IVR", exact=True)).to_be_focused()
        expect(admin.get_by_label("Digits they key in")).to_be_visible()
    admin.get_by_label("Digits they key in").check()

    expect(admin.get_by_label("Digits that a caller keys in")).to_have_value("1001")


def test_a_second_click_while_the_first_is_under_way_is_ignored(admin: Page) -> None:
    _open_rule(admin)
    rows = admin.get_by_role("heading", name=re.compile(r"^Condition \d$"))
    count = rows.count()

    with _one_request(admin):
        _tool(admin, "+ Add a condition").evaluate("one => { one.click(); one.click(); }")
        expect(rows).to_have_count(count + 1)


def test_a_secret_outlasts_a_new_row(admin: Page, server: Server) -> None:
    _begin_rule_with_secret(admin, "Shop")
    press(admin, "+ Add a condition")
    expect(_row(admin, 2)).to_be_visible()
    expect(admin.get_by_text(KEPT)).to_be_visible()
    press(admin, "Remove condition 2")
    expect(_row(admin, 2)).to_have_count(0)
    press(admin, "Save")
    expect(admin.get_by_role("status")).to_contain_text("Saved as a draft.")

    assert _secrets(server)["Shop"] == "s3cret"


def test_a_secret_outlasts_a_fault(admin: Page, server: Server, complaints: Complaints) -> None:
    complaints.expect(422)
    _begin_rule_with_secret(admin, "")
    press(admin, "Save")

    expect(admin.locator("#summary")).to_be_focused()
    expect(admin.get_by_label("Header value")).to_have_value("")
    expect(admin.get_by_label("Header value")).to_have_accessible_description(
        re.compile(re.escape(KEPT))
    )
    admin.get_by_label("Rule Name").fill("Faulty at first")
    press(admin, "Save")
    expect(admin.get_by_role("status")).to_contain_text("Saved as a draft.")
    assert _secrets(server)["Faulty at first"] == "s3cret"


def test_another_crm_begins_empty_and_the_first_one_comes_back(admin: Page) -> None:
    admin.goto("/admin/integrations/new")
    admin.get_by_label("CRM To Use").select_option(label="EspoCRM")
    admin.get_by_label("Site URL").fill("https://espo.example")
    admin.get_by_label("API Key").fill("s3cret")
    admin.get_by_label("CRM To Use").select_option(label="vtiger")
    expect(admin.locator("input[name=url]")).to_have_value("")
    expect(admin.get_by_text(KEPT)).to_have_count(0)

    admin.get_by_label("CRM To Use").select_option(label="EspoCRM")
    expect(admin.get_by_label("Site URL")).to_have_value("https://espo.example")
    expect(admin.get_by_text(KEPT)).to_be_visible()


def test_without_scripts_a_secret_outlasts_a_new_row(window: Open, signed_in: Session) -> None:
    page = window(java_script_enabled=False, storage_state=signed_in)
    page.goto("/admin/routing/new")
    page.get_by_label("CRM To Use").select_option(label="Custom URL")
    press(page, "Show the fields of this choice")
    expect(page.get_by_text(KEPT)).to_have_count(0)
    page.get_by_label("Header value").fill("s3cret")
    press(page, "+ Add a condition")

    expect(_row(page, 2)).to_be_visible()
    expect(page.get_by_text(KEPT)).to_be_visible()


def test_who_is_signed_out_in_another_tab_is_told_and_loses_nothing(page: Page) -> None:
    sign_in(page)  # a session of its own, as it ends here
    _open_rule(page)
    page.get_by_label("Rule Name").fill("Half done")
    other = page.context.new_page()
    other.goto("/admin/")
    other.locator("details.who summary").click()
    press(other, "Sign out")
    other.wait_for_url(re.compile("/admin/sign-in"))

    press(page, "+ Add a condition")
    notice = page.get_by_role("alert")
    expect(notice).to_have_text(SIGNED_OUT)
    expect(notice).to_be_focused()
    press(page, "+ Add a condition")
    expect(notice).to_have_count(1)

    page.get_by_label("Rule Name").fill("Almost done")
    expect(page.locator("#words")).to_have_text(SIGNED_OUT)
    expect(page.get_by_label("Rule Name")).to_have_value("Almost done")

    sign_in(other)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.get_by_role("alert")).to_have_count(0)
    press(page, "Save")
    expect(page.get_by_role("heading", level=1)).to_have_text("Almost done")


def _open_rule(page: Page, name: str = "VIP customers") -> None:
    page.goto("/admin/routing/")
    page.get_by_role("link", name=name, exact=True).first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


def _begin_rule_with_secret(page: Page, name: str) -> None:
    """Fill in the form of a rule that asks a CRM of its own, a secret last."""
    page.goto("/admin/routing/new")
    page.get_by_label("Rule Name").fill(name)
    page.get_by_label("CRM Field Name").fill("customer.tier")
    row = _row(page, 1)
    row.get_by_label("Value", exact=True).fill("Gold")
    choose(row, "Queue", "vip")
    page.get_by_label("CRM To Use").select_option(label="Custom URL")
    page.get_by_label("CRM URL").fill("https://shop.example/callers?phone={phone}")
    page.get_by_label("Header name").fill("X-Api-Key")
    page.get_by_label("Header value").fill("s3cret")


def _row(page: Page, number: int) -> Locator:
    return page.get_by_role("group", name=f"Condition {number}", exact=True)


def _tool(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def _secrets(server: Server) -> dict[str, str]:
    """Return the secret of each rule that has one of its own."""
    with server.application():
        rows = {row.integration: row.secrets for row in db.session.scalars(select(Credential))}
        return {
            rule.name: next(iter(runtime().vault.open(rows[rule.integration]).values()))
            for rule in draft.read(db.session()).rules
            if rule.integration in rows
        }


def _draft(server: Server) -> object:
    with server.application():
        return draft.read(db.session())


@contextmanager
def _one_request(page: Page) -> Iterator[None]:
    """Let a page send its form exactly once, and a moment later nothing more either."""
    sent: list[str] = []

    def note(request: Request) -> None:
        if request.method == "POST":  # not what belongs to a page just opened
            sent.append(request.url)

    page.on("request", note)
    yield
    page.wait_for_timeout(400)  # what a rule says in words is asked for after a pause
    page.remove_listener("request", note)
    assert sent == [page.url]


def test_a_field_left_quickly_brings_what_fits_it(admin: Page, server: Server) -> None:
    _read_fields(server)
    admin.goto("/admin/routing/new")
    admin.get_by_label("CRM To Use").select_option(label="Shop")
    expect(admin.locator("#field-known")).to_contain_text("Type a few letters")
    name = admin.get_by_label("CRM Field Name")

    name.fill("Balance")
    name.press("Tab")
    _row(admin, 1).get_by_label("Value", exact=True).press_sequentially("1250")  # none of it lost
    expect(admin.locator("#field-known")).to_contain_text("Balance · number")
    expect(_row(admin, 1).get_by_label("Value", exact=True)).to_have_value("1250")
    expect(_row(admin, 1).get_by_label("Value", exact=True)).to_be_focused()
    expect(admin.get_by_label("Operator").locator("option", has_text="contains")).to_have_count(0)

    name.fill("Tear")
    name.press("Tab")
    expect(admin.locator("#field-known")).to_contain_text("Contacts has no field of this name.")

    name.fill("Balance")
    admin.get_by_role("button", name="+ Add a condition").click()  # the button is not lost
    expect(admin.get_by_role("heading", name="Condition 2")).to_be_visible()
    expect(admin.locator("#field-known")).to_contain_text("Balance · number")


def test_leaving_with_something_typed_asks_first(admin: Page) -> None:
    asked: list[str] = []
    admin.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    _open_rule(admin, "Balance check")
    admin.get_by_label("A number that calls").fill("(202) 555-0101")
    admin.reload()
    assert asked == []

    admin.get_by_label("Rule Name").press_sequentially("!")
    admin.goto("/admin/queues/")
    assert asked == ["beforeunload"]

    _open_rule(admin, "Balance check")
    admin.get_by_label("Rule Name").fill("VIPs")
    press(admin, "Save")
    expect(admin.get_by_role("status")).to_contain_text("Saved as a draft.")
    assert asked == ["beforeunload"]


def test_who_comes_back_sees_the_fields_of_the_crm_that_is_restored(admin: Page) -> None:
    admin.goto("/admin/integrations/new")
    admin.get_by_label("CRM To Use").select_option(label="EspoCRM")
    expect(admin.get_by_label("Site URL")).to_be_visible()

    admin.goto("/admin/queues/")
    admin.go_back()

    expect(admin.get_by_label("CRM To Use")).to_have_value("own:espocrm")
    expect(admin.get_by_label("Site URL")).to_be_visible()


def _read_fields(server: Server) -> None:
    """Set up a CRM whose fields were read."""
    with server.application():
        shop = Integration("shop", "Shop", "espocrm", "https://crm.example/")
        draft.save(db.session(), shop, "test")
        fields = [
            Field("Balance", "Balance", FieldType.NUMBER),
            Field("Phone", "Phone", FieldType.PHONE),
        ]
        catalogue.keep_fields(db.session(), shop, "Contacts", fields)
        db.session.commit()
