"""How people come to the forms of the settings pages, and fill them in."""

import re

from playwright.sync_api import Locator, Page


def open_did(page: Page, name: str) -> None:
    """Open a DID by its name; wait until the page has its styles, which hide what is not chosen."""
    page.get_by_role("link", name="DIDs", exact=True).click()
    page.get_by_role("main").get_by_role("link", name=name, exact=True).click()
    page.wait_for_url(re.compile(r"/admin/dids/\d+$"))


def destination(page: Page, legend: str = "Destination") -> Locator:
    """Return the group of a destination: its kind, and the option that shows for the kind."""
    return page.get_by_role("group", name=legend, exact=True)


def kind_of(destination: Locator) -> Locator:
    """Return the pick-list of a destination's kinds."""
    return destination.get_by_role("combobox", name="Destination", exact=True)


def option_of(destination: Locator) -> Locator:
    """Return the pick-list of what there is of the kind chosen."""
    return destination.get_by_role("combobox", name="Destination Option", exact=True)


def choose(destination: Locator, kind: str, option: str) -> None:
    """Choose where a call goes."""
    kind_of(destination).select_option(label=kind)
    option_of(destination).select_option(label=option)


def press(page: Page, button: str) -> None:
    """Press a button by exactly what stands on it."""
    page.get_by_role("button", name=button, exact=True).click()
