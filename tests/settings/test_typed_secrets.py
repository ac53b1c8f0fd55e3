"""What is typed about a CRM is not lost, and nothing wrong is carried over; nobody sees secrets."""

import html
from datetime import timedelta

import pytest

from tests.crm.conftest import to_this_machine
from tests.settings.conftest import post
from tests.settings.forms import Page, drafted, opened, send
from tests.settings.services import serving
from voiceapp.extensions import db
from voiceapp.models.integrations import Credential, TypedSecrets
from voiceapp.models.types import now
from voiceapp.routing import typed as typed_secrets
from voiceapp.runtime import runtime

NEW, NEW_RULE = "/admin/integrations/new", "/admin/routing/new"
SECRET, OTHER, ADA = "hush-hush-4711", "another-hush-0815", "+12025550101"
KEPT = "Kept from what you typed just now"
SHOP = {"name": "Shop", "header_name": "X-Api-Key", "header_value": SECRET}


@pytest.fixture
def service(tmp_path):
    with serving(tmp_path) as service:
        yield service


@pytest.fixture
def app(make_app, service):
    return make_app(service.settings, resolve=to_this_machine)


@pytest.fixture
def admin(signed_in):
    return signed_in("admin")


def chosen(admin, crm: str = "own:custom", at: str = NEW, page: Page | None = None, **typed):
    """Choose a CRM and have its fields shown."""
    answer = send(admin, at, page, do="reshape", crm=crm, **typed)
    assert answer.status_code == 200
    return shown(answer)


def shown(answer) -> Page:
    """Read a page that is shown again, and see that no secret is on it."""
    for secret in (SECRET, OTHER):
        assert secret not in html.unescape(answer.text)
    return Page(answer.text)


def live(app) -> list[str]:
    """Return the secrets that count."""
    with app.app_context():
        rows = db.session.query(Credential).all()
        return [one for row in rows for one in runtime().vault.open(row.secrets).values()]


def waiting(app) -> int:
    with app.app_context():
        return db.session.query(TypedSecrets).count()


# A secret outlasts every fault


@pytest.mark.parametrize(
    "fault",
    [
        {"name": ""},
        {"name": "Directory"},
        {"url": ""},
        {"url": "crm.test/find"},
        {"url": "http://crm.test/find"},
        {"url": "https://a b/"},
        {"header_name": ""},
        {"header_name": "not a header"},
    ],
)
@pytest.mark.parametrize("do", ["save", "publish", "try"])
def test_one_typed_with_a_fault_is_there_when_the_fault_is_mended(app, admin, service, fault, do):
    typed = SHOP | {"url": service.url()}
    answer = send(admin, NEW, chosen(admin), do=do, **typed | fault, **{"try": ADA})
    page = shown(answer)
    assert answer.status_code == 422
    assert live(app) == []

    mended = typed | {"header_value": ""}
    assert send(admin, NEW, page, do="save", **mended).status_code == 303

    assert live(app) == [SECRET]
    assert waiting(app) == 0


def test_the_page_says_so(admin, service):
    answer = send(admin, NEW, chosen(admin), **SHOP | {"url": service.url(), "name": ""})

    page = shown(answer)
    assert KEPT in answer.text
    assert page["header_value"].value == ""
    assert list(page.errors()) == ["name"]


@pytest.mark.parametrize("do", ["reshape", "try"])
def test_it_outlasts_a_button_and_is_used_by_the_next(admin, service, do):
    page = shown(send(admin, NEW, chosen(admin), do=do, **SHOP | {"url": service.url()}))

    answer = send(admin, NEW, page, do="try", **{"try": ADA})

    shown(answer)
    assert service.visits[-1].headers["x-api-key"] == SECRET


def test_it_outlasts_the_rows_of_a_rule(app, admin, service):
    page = chosen(admin, at=NEW_RULE)
    filled = {
        **SHOP,
        "url": service.url(),
        "field": "Tier",
        "conditions__0__value": "Gold",
        "conditions__0__destination__kind": "queue",
        "conditions__0__destination__queue": "vip",
    }
    page = shown(send(admin, NEW_RULE, page, do="", **filled, conditions__do="add"))
    page = shown(send(admin, NEW_RULE, page, do="", conditions__do="remove:1"))

    assert send(admin, NEW_RULE, page).status_code == 303
    assert live(app) == [SECRET]


def test_what_is_typed_anew_counts(app, admin, service):
    page = shown(send(admin, NEW, chosen(admin), **SHOP | {"url": service.url(), "name": ""}))
    page = shown(send(admin, NEW, page, header_value=OTHER))

    send(admin, NEW, page, name="Shop")

    assert live(app) == [OTHER]


def test_one_that_is_kept_stays_live_until_the_form_is_saved(app, admin, service):
    url = send(admin, NEW, chosen(admin), **SHOP | {"url": service.url()}).location

    page = shown(send(admin, url, name="", header_value=OTHER))
    assert live(app) == [SECRET]
    send(admin, url, page, name="Shop")

    assert live(app) == [OTHER]


@pytest.mark.parametrize("do", ["save", "reshape"])
def test_one_that_can_be_none_is_not_taken_for_one(app, admin, service, do):
    typed = SHOP | {"url": service.url(), "header_value": "in two\nlines"}
    page = shown(send(admin, NEW, chosen(admin), do=do, **typed))

    answer = send(admin, NEW, page)

    assert answer.status_code == 422
    assert list(shown(answer).errors()) == ["header_value"]
    assert live(app) == []


# It goes nowhere else


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"url": "https://evil.test:{port}/find"},
        {"url": "https://crm.test:{other}/find"},
        {"header_name": "X-Other"},
    ],
)
@pytest.mark.parametrize("between", [{}, {"url": ""}, {"url": "http://crm.test"}])
def test_for_another_host_or_header_it_is_typed_again(app, admin, service, elsewhere, between):
    ports = {"port": service.server.port, "other": service.other.port}
    elsewhere = {name: value.format(**ports) for name, value in elsewhere.items()}
    page = shown(send(admin, NEW, chosen(admin), **SHOP | {"url": service.url(), "name": ""}))
    if between:
        page = shown(send(admin, NEW, page, do="reshape", **between))
    moved = {"url": service.url(), "name": "Shop"} | elsewhere

    for do in ("try", "save"):
        answer = send(admin, NEW, page, do=do, **moved, **{"try": ADA})
        assert answer.status_code == 422
        assert "header_value" in shown(answer).errors()

    assert service.visits == []
    assert live(app) == []


@pytest.mark.parametrize("faulty", ["http://crm.test/find", "crm.test"])
def test_one_typed_for_a_host_without_https_goes_to_no_other(admin, service, faulty):
    page = shown(send(admin, NEW, chosen(admin), **SHOP | {"url": faulty}))

    answer = send(admin, NEW, page, do="try", url=service.url(host="evil.test"), **{"try": ADA})

    assert "header_value" in shown(answer).errors()
    assert service.visits == []


def test_another_session_and_another_form_have_nothing_of_it(admin, signed_in, service):
    typed = SHOP | {"url": service.url(), "name": ""}
    page = shown(send(admin, NEW, chosen(admin), **typed))
    thief = signed_in("admin", "bob@example.com")
    theirs = opened(thief, NEW)["csrf_token"].value
    aside = {"name": "Shop", "header_value": ""}

    stolen = send(thief, NEW, page, **aside, csrf_token=theirs)
    other = send(admin, NEW, chosen(admin), **typed | aside)

    for answer in (stolen, other):
        assert list(shown(answer).errors()) == ["header_value"]


def test_it_is_gone_after_some_minutes_and_with_the_sign_in(app, admin, service):
    page = shown(send(admin, NEW, chosen(admin), **SHOP | {"url": service.url(), "name": ""}))
    with app.app_context():
        row = db.session.query(TypedSecrets).one()
        assert SECRET not in row.sealed
        row.typed_at = now() - typed_secrets.HOLDS
        db.session.commit()
    answer = send(admin, NEW, page, name="Shop")
    assert list(shown(answer).errors()) == ["header_value"]
    assert waiting(app) == 0  # swept

    send(admin, NEW, page, header_value=SECRET)
    assert waiting(app) == 1
    post(admin, "/admin/sign-out", page="/admin/")
    assert waiting(app) == 0


def test_one_that_is_gone_is_not_replaced_by_the_old_one_unseen(app, admin, service):
    url = send(admin, NEW, chosen(admin), **SHOP | {"url": service.url()}).location
    page = shown(send(admin, url, name="", header_value=OTHER))
    with app.app_context():
        typed_secrets.forget_old(db.session(), lambda: now() + typed_secrets.HOLDS)
        db.session.commit()

    answer = send(admin, url, page, name="Shop")

    assert shown(answer).errors() == {
        "header_value": "What you typed is not kept any longer. Type it again."
    }
    assert "Leave it blank to keep the one there is." in answer.text
    assert send(admin, url, Page(answer.text)).status_code == 303
    assert live(app) == [SECRET]


def test_forms_that_were_left_are_swept(app, admin, service):
    send(admin, NEW, chosen(admin), **SHOP | {"url": service.url(), "name": ""})

    with app.app_context():
        typed_secrets.forget_old(db.session())
        assert db.session.query(TypedSecrets).count() == 1
        typed_secrets.forget_old(db.session(), lambda: now() + timedelta(minutes=15))
        assert db.session.query(TypedSecrets).count() == 0


# Another kind of CRM begins empty


def test_another_kind_begins_empty_and_the_first_one_comes_back(app, admin):
    odoo = {"url": "https://a.odoo.example", "username": "ada", "account": "shop"}
    page = chosen(admin, "own:odoo")
    page = chosen(admin, "own:vtiger", page=page, password=SECRET, **odoo)
    empty = {name: page[name].value for name in ("url", "username", "password")}
    assert set(empty.values()) == {""}
    assert KEPT not in page.text
    page = chosen(admin, "own:vtiger", page=page, url="https://b.vtiger.example")

    page = chosen(admin, "own:odoo", page=page)

    assert {name: page[name].value for name in odoo} == odoo
    assert KEPT in page.text
    page = chosen(admin, "own:vtiger", page=page)
    assert page["url"].value == "https://b.vtiger.example"


def test_what_is_to_be_removed_of_one_crm_is_kept_of_another(admin):
    force = {"url": "https://acme.my.salesforce.com", "username": "app", "token": OTHER}
    page = chosen(admin, "own:salesforce", page=chosen(admin, "own:salesforce"), **force)
    page = chosen(admin, "own:suitecrm", page=page)

    page = chosen(admin, "own:salesforce", page=page, forget_token="y")

    assert KEPT in page.text
    assert "forget_token" not in page.data()


@pytest.mark.parametrize("do", ["save", "try"])
def test_a_choice_whose_fields_were_not_shown_gets_nothing_of_the_other(app, admin, service, do):
    page = chosen(admin, "own:espocrm", name="Shop")
    typed = {"url": service.url(), "password": SECRET, "crm": "own:vtiger"}

    answer = send(admin, NEW, page, do=do, **typed, **{"try": ADA})

    assert answer.status_code == 422
    assert shown(answer)["url"].value == ""
    assert {"url", "password"} <= set(Page(answer.text).errors())
    assert service.visits == []


def test_what_is_saved_of_a_rules_own_crm_comes_back(app, admin, service):
    filled = {
        "field": "Tier",
        "conditions__0__value": "Gold",
        "conditions__0__destination__kind": "queue",
        "conditions__0__destination__queue": "vip",
    }
    page = chosen(admin, at=NEW_RULE)
    url = send(admin, NEW_RULE, page, **SHOP | filled | {"url": service.url()}).location
    page = chosen(admin, "own:odoo", at=url)
    assert page["url"].value == ""

    page = chosen(admin, "own:custom", at=url, page=page, aside="")

    assert page["url"].value == service.url()
    assert page["header_name"].value == "X-Api-Key"
    assert send(admin, url, page).status_code == 303
    assert live(app) == [SECRET]


def test_modules_of_another_crm_are_not_carried_over(admin):
    page = chosen(admin, "own:espocrm", at=NEW_RULE)
    page = chosen(admin, "own:espocrm", at=NEW_RULE, page=page, module="CStudent")

    page = chosen(admin, "own:hubspot", at=NEW_RULE, page=page)

    assert page["module"].value == "Contacts"
    assert "CStudent" not in page.text
    page = chosen(admin, "own:espocrm", at=NEW_RULE, page=page)
    assert page["module"].value == "CStudent"


@pytest.mark.parametrize(
    "aside", ["%", "a=b&c", "own%3Acustom+url=%00%ED%A0%80", "own:custom" * 99]
)
def test_what_no_page_has_sent_does_no_harm(admin, aside):
    page = chosen(admin, "own:odoo")

    for crm in ("own:custom", "", "own:odoo", "shared:gone"):
        answer = send(admin, NEW, page, crm=crm, aside=aside, shown_crm="own:zoho", form_id="x")
        assert answer.status_code == 422


def test_an_integration_that_was_deleted_meanwhile_keeps_what_was_typed(app, admin, service):
    url = send(admin, NEW, chosen(admin), **SHOP | {"url": service.url()}).location
    mine = opened(admin, url)
    post(admin, f"{url}/delete", version="1")

    answer = send(admin, url, mine, url=service.url("/new"), header_value=OTHER)

    assert answer.status_code == 409
    page = shown(answer)
    assert page["url"].value == service.url("/new")
    assert send(admin, NEW, page).status_code == 303
    assert [one.url for one in drafted(app).integrations if one.name == "Shop"] == [
        service.url("/new")
    ]
