"""Settings of a CRM that can never be asked: what is wrong stands beside its field."""

import html

import pytest

from tests.settings.forms import NEW_RULE, Page, drafted, opened, place_of, rule_of, send
from voiceapp.crm.kind import ACCOUNT, TOKEN, URL, USERNAME, VERSION
from voiceapp.rules.plan import Integration
from voiceapp.rules.rule import Rule

DATABASES = ("sqlite",)  # what is tested here is no matter of rows

NEW_INTEGRATION = "/admin/integrations/new"
KEY = "a-key-of-thirty-characters-4711"
RULE = {
    "field": "phone",
    "conditions__0__value": "x",
    "conditions__0__destination__kind": "queue",
    "conditions__0__destination__queue": "vip",
}
ODOO = {"crm": "own:odoo", "url": "https://acme.odoo.com", "password": KEY}
OLDER = ODOO | {VERSION: "14", ACCOUNT: "acme", USERNAME: "ada@example.com"}
VTIGER = {"crm": "own:vtiger", "url": "https://crm.example.com", "username": "ada", "password": KEY}
SUITE = {
    "crm": "own:suitecrm", "url": "https://crm.example.com", VERSION: "8", USERNAME: "client",
    "password": KEY,
}  # fmt: skip
TYPE_USER = "Type the User name, too: the User's password needs it."
NEEDED = "too: Version 14 to 18 needs it."
CLOUD = "The host must end in .vtiger.com, as in the address bar when you work in the CRM."
WRONG = [
    (OLDER | {ACCOUNT: ""}, {ACCOUNT: f"Type the Database, {NEEDED}"}),
    (
        ODOO | {VERSION: "14"},
        {ACCOUNT: f"Type the Database, {NEEDED}", USERNAME: f"Type the Login, {NEEDED}"},
    ),
    (
        ODOO | {ACCOUNT: "a b"},
        {ACCOUNT: "The name of the database has letters, digits, dots, _ and - only."},
    ),
    (ODOO | {VERSION: "moon"}, {VERSION: "Choose the Version."}),
    (VTIGER | {VERSION: "cloud"}, {URL: CLOUD}),
    (SUITE | {ACCOUNT: "ada"}, {TOKEN: "Type the User's password."}),
    (SUITE | {TOKEN: "hush-hush"}, {ACCOUNT: TYPE_USER}),
    (SUITE | {TOKEN: "hush-hush", ACCOUNT: "  "}, {ACCOUNT: TYPE_USER}),
]
RIGHT = [
    ODOO | {VERSION: "19"},
    ODOO,
    OLDER,
    VTIGER | {VERSION: "server"},
    VTIGER | {"url": "https://acme.od2.vtiger.com"},
    SUITE,
    SUITE | {ACCOUNT: "ada", TOKEN: "hush-hush"},
]


@pytest.fixture
def app(make_app):
    """An application that finds no host."""
    return make_app(resolve=lambda host, port: [])


@pytest.fixture
def admin(signed_in):
    return signed_in("admin")


@pytest.fixture(params=["an integration", "a rule"])
def url(request):
    """The page of an integration, or of a rule that has a CRM of its own."""
    return NEW_INTEGRATION if request.param == "an integration" else NEW_RULE


def saved(admin, url, typed):
    """Save what is typed on the page that asks for it."""
    shaped = {name: typed[name] for name in ("crm", VERSION) if name in typed}
    page = Page(send(admin, url, do="reshape", **shaped).text)
    return send(admin, url, page, name="Ours", **(RULE if url == NEW_RULE else {}), **typed)


@pytest.mark.parametrize(("typed", "wrong"), WRONG)
def test_what_can_never_be_asked_is_said_beside_its_field(app, admin, url, typed, wrong):
    before = drafted(app)

    answer = saved(admin, url, typed)

    assert answer.status_code == 422
    assert Page(answer.text).errors() == wrong
    assert drafted(app) == before


@pytest.mark.parametrize("typed", RIGHT)
def test_what_can_be_asked_is_saved(admin, url, typed):
    answer = saved(admin, url, typed)

    assert answer.status_code == 303, Page(answer.text).errors()


@pytest.mark.parametrize(
    ("typed", "required"),
    [
        ({"crm": "own:odoo"}, {ACCOUNT: False, USERNAME: False}),
        ({"crm": "own:odoo", VERSION: "19"}, {ACCOUNT: False, USERNAME: False}),
        ({"crm": "own:odoo", VERSION: "14"}, {ACCOUNT: True, USERNAME: True}),
        ({"crm": "own:suitecrm"}, {ACCOUNT: False, TOKEN: False}),
        ({"crm": "own:suitecrm", ACCOUNT: "ada"}, {ACCOUNT: False, TOKEN: True}),
    ],
)
def test_the_page_says_what_has_to_be_told(admin, url, typed, required):
    page = Page(send(admin, url, do="reshape", **typed).text)

    assert {name: page[name].required for name in required} == required
    for name, is_required in required.items():
        assert page[name].label.endswith("(optional)") is not is_required


def test_what_decides_that_shapes_the_page_when_it_is_chosen(admin, url):
    odoo = Page(send(admin, url, do="reshape", crm="own:odoo").text)
    vtiger = Page(send(admin, url, do="reshape", crm="own:vtiger").text)

    assert "data-reshapes" in odoo[VERSION].attributes
    assert "data-reshapes" not in vtiger[VERSION].attributes


def test_a_secret_that_is_kept_need_not_be_typed_again(app, admin):
    saved(admin, NEW_INTEGRATION, SUITE | {ACCOUNT: "ada", TOKEN: "hush-hush"})
    url = place_of(app, Integration, key_of(app))

    assert send(admin, url, opened(admin, url), name="Suite").status_code == 303
    answer = send(admin, url, opened(admin, url), **{ACCOUNT: "bob"})

    assert Page(answer.text).errors()[TOKEN] == "Type the User's password."


def test_who_signs_in_as_the_client_again_takes_the_user_away(app, admin):
    saved(admin, NEW_INTEGRATION, SUITE | {ACCOUNT: "ada", TOKEN: "hush-hush"})
    url = place_of(app, Integration, key_of(app))

    assert send(admin, url, opened(admin, url), **{ACCOUNT: ""}).status_code == 303


@pytest.mark.parametrize(
    ("typed", "advice"),
    [
        ({"crm": "own:hubspot", "password": KEY}, "Try again in a while. If it stays so, ask"),
        (ODOO, "Look whether the address is right and the CRM is running, then try again."),
    ],
)
def test_what_to_do_when_a_crm_is_away_fits_the_crm(admin, url, typed, advice):
    page = Page(send(admin, url, do="reshape", crm=typed["crm"]).text)
    rule = RULE if url == NEW_RULE else {}

    answer = send(
        admin, url, page, do="try", name="Ours", **rule, **typed, **{"try": "+12025550101"}
    )

    assert " has no address." in answer.text or rule
    assert advice in html.unescape(answer.text)


def key_of(app) -> str:
    return next(one.key for one in drafted(app).integrations if one.kind == "suitecrm")


def test_the_fields_of_a_crm_that_can_never_be_asked_are_not_read(app, admin):
    saved(admin, NEW_RULE, OLDER)
    url = place_of(app, Rule, rule_of(app, "Ours").name)

    answer = send(admin, url, opened(admin, url), do="fields", **{USERNAME: ""})

    wrong = Page(answer.text).wrong()
    assert f"Type the Login, {NEEDED}" in wrong
    assert "The CRM can't be asked yet: look at CRM Settings." in wrong
