"""A CRM rule from the first letter to the call that follows it, and back."""

import re

from playwright.sync_api import Locator, Page, expect

from tests.browser.forms import choose, destination, kind_of, open_did, option_of, press
from tests.browser.signed_calls import place_call, wait_until_followed
from tests.demo_calls import ADA, BEA, SALES, SAM, SUPPORT
from tests.server.serving import Server
from voiceapp.console.story import Ended


def test_a_rule_with_two_conditions_decides_calls_until_it_is_rolled_back(
    admin: Page, server: Server
) -> None:
    _make_balance_rule(admin)
    _attach_to_sales(admin)
    _publish(admin, 2)

    wait_until_followed(server, 2, ADA, SALES)
    assert _landing(server, ADA) == (Ended.QUEUE, "vip")  # 1,250.00
    assert _landing(server, SAM) == (Ended.QUEUE, "billing")  # 40
    assert _landing(server, BEA) == (Ended.QUEUE, "general")  # 0

    _roll_back(admin, 1)
    wait_until_followed(server, 3, ADA, SALES)
    assert _landing(server, SAM) == (Ended.MENU, "801")
    assert _landing(server, BEA) == (Ended.PLAY, "bronze-offer.wav")


def test_a_menu_with_a_rule_on_a_key_goes_live(admin: Page, server: Server) -> None:
    admin.goto("/admin/ivrs/new")
    admin.get_by_label("Number", exact=True).fill("900")
    admin.get_by_label("Name", exact=True).fill("Night menu")
    admin.get_by_label("Text to speak").fill("For your balance, press 5.")
    choose(destination(admin, "Key 5"), "CRM rule", "Balance check")
    choose(destination(admin, "No key"), "Queue", "general")
    press(admin, "Save")
    expect(admin.get_by_role("status")).to_contain_text("Saved as a draft.")
    expect(admin.get_by_role("heading", level=1)).to_have_text("900 Night menu")

    open_did(admin, "Support")
    choose(destination(admin), "IVR", "900 Night menu")
    press(admin, "Save")
    number = _publish(admin)

    wait_until_followed(server, number, ADA, SUPPORT)
    walk = place_call(server, ADA, SUPPORT, "5")
    assert (walk.ended, walk.where) == (Ended.QUEUE, "vip")
    assert walk.heard[0].text == "For your balance, press 5."


def test_what_a_rule_says_follows_the_typing(admin: Page) -> None:
    admin.goto("/admin/routing/")
    admin.get_by_role("link", name="VIP customers", exact=True).first.click()
    admin.wait_for_load_state()  # the script is at work by then
    words = admin.locator("#words")
    expect(words).to_contain_text("If Tier is Gold → Queue vip.")

    _row(admin, 1).get_by_label("Value", exact=True).fill("Platinum")
    expect(words).to_contain_text("If Tier is Platinum → Queue vip.")

    admin.get_by_role("button", name="Move down condition 1").click()
    expect(_row(admin, 2).get_by_label("Value", exact=True)).to_have_value("Platinum")
    expect(words).to_contain_text("If it is Platinum → Queue vip.")

    admin.get_by_role("button", name="Remove condition 3").click()
    expect(admin.get_by_role("heading", name="Condition 3")).to_have_count(0)
    expect(words).not_to_contain_text("Bronze")


def test_a_rule_is_tried_before_it_is_saved(admin: Page) -> None:
    admin.goto("/admin/routing/")
    admin.get_by_role("link", name="VIP customers", exact=True).first.click()
    _row(admin, 1).get_by_label("Value", exact=True).fill("Silver")
    admin.get_by_label("A number that calls").fill("(202) 555-0102")
    press(admin, "Try")

    trial = admin.locator("#trial")
    expect(trial).to_contain_text("Tier is “Silver”.")
    expect(trial).to_contain_text("→ Queue vip")
    expect(_row(admin, 1).get_by_label("Value", exact=True)).to_have_value("Silver")


def _make_balance_rule(page: Page) -> None:
    page.goto("/admin/routing/")
    page.get_by_role("link", name="New rule").click()
    page.get_by_label("Rule Name").fill("Good balance")
    page.get_by_label("CRM Field Name").fill("Balance")
    press(page, "+ Add a condition")
    expect(page.get_by_role("heading", name="Condition 2")).to_be_visible()
    for number, (operator, value, queue) in enumerate(
        [(">=", "1000", "vip"), (">", "0", "billing")], 1
    ):
        row = _row(page, number)
        row.get_by_label("Operator").select_option(operator)
        row.get_by_label("Value", exact=True).fill(value)
        kind_of(row).select_option(label="Queue")
        option_of(row).select_option(label=queue)
    press(page, "Save")
    expect(page.get_by_role("status")).to_contain_text("Saved as a draft.")


def _row(page: Page, number: int) -> Locator:
    return page.get_by_role("group", name=f"Condition {number}", exact=True)


def _attach_to_sales(page: Page) -> None:
    open_did(page, "Sales")
    choose(destination(page), "CRM rule", "Good balance")
    press(page, "Save")
    expect(page.get_by_role("status")).to_contain_text("Saved as a draft.")


def _publish(page: Page, changes: int | None = None) -> int:
    page.get_by_role("link", name=re.compile("not live yet: review")).click()
    named = f"Publish these {changes} changes" if changes else re.compile("^Publish th")
    page.get_by_role("button", name=named).click()
    said = page.get_by_role("status")
    expect(said).to_contain_text(re.compile(r"Release \d+ is live"))
    return int(re.findall(r"\d+", said.inner_text())[0])


def _roll_back(page: Page, number: int) -> None:
    page.goto(f"/admin/releases/{number}")
    press(page, f"Roll back to release {number}")
    expect(page.get_by_role("status")).to_contain_text("is live and does what release")


def _landing(server: Server, caller: str) -> tuple[Ended, str]:
    walk = place_call(server, caller, SALES)
    return walk.ended, walk.where
