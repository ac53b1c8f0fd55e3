"""Everything can be done with a keyboard alone."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.forms import destination, kind_of, open_did, option_of

_FIND_STOPS = """() => {
  const controls = "a[href], button, input:not([type=hidden]), select, textarea, summary";
  window.stops = [...document.querySelectorAll(controls)].filter(
    (one) => one.checkVisibility() && !one.disabled && one.tabIndex >= 0);
  return window.stops.length;
}"""
_FOCUSED = """() => {
  const one = document.activeElement, looks = getComputedStyle(one);
  const {left, top, width, height} = one.getClientRects()[0];
  const uppermost = document.elementFromPoint(left + width / 2, top + height / 2);
  return {
    place: window.stops.indexOf(one),
    isMarked: looks.outlineStyle !== "none" && parseFloat(looks.outlineWidth) > 0,
    isUncovered: one.contains(uppermost) || (uppermost && uppermost.contains(one)),
    name: one.outerHTML.slice(0, 100),
  };
}"""


@pytest.fixture
def support(admin: Page) -> Page:
    """The page of the DID Support, nothing focused yet."""
    admin.goto("/admin/")
    open_did(admin, "Support")
    return admin


def test_the_first_stop_skips_to_the_content(support: Page) -> None:
    skip = support.get_by_role("link", name="Skip to the content")
    expect(skip).not_to_be_in_viewport()

    support.keyboard.press("Tab")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()

    support.keyboard.press("Enter")
    support.keyboard.press("Tab")
    expect(support.get_by_role("main").get_by_role("link").first).to_be_focused()


def test_every_control_is_a_stop_in_its_order_and_is_seen_to_be(support: Page) -> None:
    stops = support.evaluate(_FIND_STOPS)

    places = []
    for _ in range(stops):
        support.keyboard.press("Tab")
        focused = support.evaluate(_FOCUSED)
        assert focused["isMarked"], focused["name"]
        assert focused["isUncovered"], focused["name"]
        places.append(focused["place"])

    assert places == list(range(stops))


def test_a_destination_is_chosen_with_the_arrow_keys(support: Page) -> None:
    where = destination(support)
    expect(kind_of(where)).to_have_value("ivr")
    expect(option_of(where)).to_have_value("801")

    kind_of(where).focus()
    support.keyboard.press("ArrowUp")
    expect(kind_of(where)).to_have_value("queue")
    support.keyboard.press("Tab")
    expect(option_of(where)).to_be_focused()
    support.keyboard.press("ArrowDown")
    expect(option_of(where)).to_have_value("billing")
