"""How old an answer may be is chosen in a rule, and a CRM that is left alone has a light."""

import re
from dataclasses import replace

import pytest

from tests.crm.conftest import to_this_machine
from tests.settings.conftest import COOKIE, HOST, browser
from tests.settings.forms import NEW_RULE, Page, drafted, keep, opened, place_of, rule_of, send
from voiceapp.crm.contract import CrmThrottled
from voiceapp.extensions import db
from voiceapp.routing.releases import publish
from voiceapp.rules.plan import Integration
from voiceapp.rules.rule import Rule
from voiceapp.runtime import runtime

DATABASES = ("sqlite",)  # what is tested here is no matter of rows

INTEGRATIONS, OVERVIEW, ROUTING = "/admin/integrations/", "/admin/", "/admin/routing/"
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
def viewer(signed_in):
    return signed_in("viewer")


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
    text = plain(page.text)
    assert "What the CRM said of a caller counts for 5 minutes" in text
    assert "CRM failed → what it said up to 1 hour ago, else Queue general" in text


@pytest.mark.parametrize(
    ("fresh", "stale", "said"),
    [
        ("0", "0", "The CRM is asked anew for each call"),
        ("86400", "604800", "What the CRM said of a caller counts for 1 day"),
        ("300", "0", "Not found, several found, withheld or CRM failed → Queue general"),
        (
            "300",
            "86400",
            "CRM failed → what it said up to 1 day ago, else Queue general",
        ),
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


def test_without_redis_it_is_said_that_each_process_remembers_for_itself(
    editor, url, make_app, redis_url
):
    hint = "Each web process remembers for itself"
    assert hint in plain(editor.get(url).text)

    shared = browser(make_app({"REDIS_URL": redis_url}))
    shared.set_cookie(COOKIE, editor.get_cookie(COOKIE, HOST).value, domain=HOST)

    assert hint not in plain(shared.get(url).text)


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
        r"Shop customers ▲ left alone just now [\d:]+ \. The CRM is asked too often.",
        plain(admin.get(INTEGRATIONS).text),
    )
    overview = plain(admin.get(OVERVIEW).text)
    assert "A CRM fails, and calls leave it alone Shop : Left alone just now" in overview
    assert "The CRM is asked too often." in overview


def test_a_crm_of_a_rules_own_is_named_after_the_rule(app, admin, editor):
    page = Page(send(editor, NEW_RULE, do="reshape", crm="own:custom").text)
    send(editor, NEW_RULE, page, **{**FILLED, "crm": "own:custom", "url": SHOP.url})
    own = next(one for one in drafted(app).integrations if one.is_private)

    leave_alone(app, own)

    link = '<a href="/admin/routing/?q=Shop+customers">Custom URL of rule Shop customers</a>'
    assert link in admin.get(OVERVIEW).text


def test_a_crm_that_is_left_alone_says_so_where_it_is_mended(app, admin, viewer, url):
    leave_alone(app)
    its_page = place_of(app, Integration, SHOP.key)

    assert f'<a href="{its_page}">Shop</a>' in admin.get(OVERVIEW).text
    assert '<a href="/admin/routing/?q=Shop">Shop</a>' in viewer.get(OVERVIEW).text
    for page in (its_page, url):
        assert "This CRM fails, and calls leave it alone" in plain(admin.get(page).text)
    [row] = [one for one in viewer.get(ROUTING).text.split("<tr>") if "Left alone" in one]
    assert "Shop customers" in row


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
