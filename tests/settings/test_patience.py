"""How old an answer may be is chosen in a rule, and a CRM that is left alone has a light."""

import re
from dataclasses import replace

import pytest

from tests.crm.conftest import to_this_machine
from tests.settings.forms import NEW_RULE, Page, drafted, keep, opened, place_of, rule_of, send
from voiceapp.crm.contract import CrmThrottled
from voiceapp.extensions import db
from voiceapp.routing.releases import publish
from voiceapp.rules.plan import Integration
from voiceapp.rules.rule import Rule
from voiceapp.runtime import runtime

DATABASES = ("sqlite",)  # what is tested here is no matter of rows

INTEGRATIONS, OVERVIEW = "/admin/integrations/", "/admin/"
SHOP = Integration("shop", "Shop", "custom", "https://shop.example.com/find")
FILLED = {
    "name": "Shop customers",
    "field": "tier",
    "crm": "shared:shop",
    "conditions__0__value": "Gold",
    "conditions__0__destination__kind": "queue",
    "conditions__0__destination__queue": "vip",
}


def plain(html: str) -> str:
    return " ".join(re.sub("<[^>]+>", " ", html).split())


@pytest.fixture
def app(make_app):
    app = make_app(resolve=to_this_machine)
    keep(app, SHOP)
    return app


@pytest.fixture
def editor(signed_in):
    return signed_in("editor")


@pytest.fixture
def admin(signed_in):
    return signed_in("admin")


@pytest.fixture
def url(editor):
    """The page of a rule that asks the shop."""
    page = Page(send(editor, NEW_RULE, do="reshape", crm="shared:shop").text)
    return send(editor, NEW_RULE, page, **FILLED).location


def test_a_new_rule_takes_answers_of_five_minutes_and_old_ones_of_an_hour(app, editor, url):
    page = opened(editor, url)

    assert (page["fresh"].value, page["stale"].value) == ("300", "3600")
    rule = rule_of(app, "Shop customers")
    assert (rule.fresh, rule.stale) == (300, 3600)
    assert "Answers count for" not in plain(opened(editor, url).text)


@pytest.mark.parametrize(
    ("fresh", "stale", "said"),
    [
        ("0", "0", "The CRM is asked anew each time"),
        ("86400", "604800", "Answers count for 1 day"),
        ("300", "0", "If the CRM fails, no older answer counts"),
        ("300", "86400", "If the CRM fails, answers up to 1 day old count"),
    ],
)
def test_a_rule_says_what_it_was_told(app, editor, url, fresh, stale, said):
    send(editor, url, fresh=fresh, stale=stale)

    rule = rule_of(app, "Shop customers")
    assert (rule.fresh, rule.stale) == (int(fresh), int(stale))
    page = opened(editor, url)
    assert (page["fresh"].value, page["stale"].value) == (fresh, stale)
    assert said in plain(page.text)


@pytest.mark.parametrize("typed", ["-1", "1e3", "31", "31536000", "x", "٣"])
def test_other_ages_are_refused(app, editor, url, typed):
    before = drafted(app)

    for name in ("fresh", "stale"):
        answer = send(editor, url, **{name: typed})

        assert answer.status_code == 422
        assert Page(answer.text).errors() == {name: "Choose one of the list."}
    assert drafted(app) == before


def test_an_age_that_a_rule_has_is_offered(app, editor, url):
    keep(app, replace(rule_of(app, "Shop customers"), fresh=120))

    page = opened(editor, url)

    assert page["fresh"].value == "120"
    assert send(editor, url, page).status_code == 303
    assert rule_of(app, "Shop customers").fresh == 120


def test_the_directory_is_asked_anew_and_says_so(app, editor):
    url = place_of(app, Rule, "VIP customers")
    page = opened(editor, url)

    assert "what is saved in the Directory is live at once" in editor.get(url).text
    assert send(editor, url, page).status_code == 303
    assert rule_of(app, "VIP customers").fresh == 300


def leave_alone(app, integration: Integration = SHOP) -> None:
    """Let a CRM say that it is asked too often."""
    with app.app_context():
        publish(db.session(), "test")
        runtime().live.refresh()
        source = runtime().live.clients.source(integration, "US")
        with pytest.raises(CrmThrottled), runtime().breakers.watching(source.name, 3):
            raise CrmThrottled("The CRM is asked too often.", 90)


def test_a_crm_that_is_left_alone_has_a_light(app, admin, url):
    leave_alone(app)

    assert re.search(
        "Shop customers ▲ left alone since .*: The CRM is asked too often.",
        plain(admin.get(INTEGRATIONS).text),
    )
    overview = plain(admin.get(OVERVIEW).text)
    assert "A CRM fails, and calls leave it alone Shop , since" in overview
    assert "The CRM is asked too often." in overview


def test_a_crm_of_a_rules_own_is_named_after_the_rule(app, admin, editor):
    page = Page(send(editor, NEW_RULE, do="reshape", crm="own:custom").text)
    send(editor, NEW_RULE, page, **{**FILLED, "crm": "own:custom", "url": SHOP.url})
    own = next(one for one in drafted(app).integrations if one.is_private)

    leave_alone(app, own)

    overview = plain(admin.get(OVERVIEW).text)
    assert "Custom URL of rule Shop customers , since" in overview


def test_a_crm_that_answers_has_another(app, admin, url):
    leave_alone(app)
    with app.app_context():
        runtime().breakers.judge(runtime().live.clients.source(SHOP, "US").name, None, 3)

    assert "● asked" in plain(admin.get(INTEGRATIONS).text)
    assert "leave" not in plain(admin.get(OVERVIEW).text)


def test_one_that_no_call_asks_has_none(app, admin):
    keep(app, replace(SHOP, key="other", name="Other"))

    assert "no rule yet no call asks it" in plain(admin.get(INTEGRATIONS).text)


def test_a_change_is_told_as_it_stands_on_the_page(app, editor, url):
    page = opened(editor, url)
    words = {name: dict(page[name].options) for name in ("fresh", "stale")}

    send(editor, url, fresh="900", stale="0")

    told = plain(editor.get("/admin/releases/review").text)
    for name, chosen in (("fresh", "900"), ("stale", "0")):
        assert f"{page[name].title} {words[name][chosen]}" in told
