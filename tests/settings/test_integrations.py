"""CRM › Integrations: set up, tested for real, and in the hands of admins only."""

import html
import re

import pytest

from tests.crm.conftest import to_this_machine
from tests.settings.conftest import post
from tests.settings.forms import Page, drafted, keep, opened, place_of, send
from tests.settings.routes import content
from tests.settings.services import serving
from voiceapp.crm.contract import (
    CrmBadAnswer,
    CrmCredentialsRefused,
    CrmOutOfTime,
    CrmRefused,
    CrmUnavailable,
)
from voiceapp.crm.registry import DIRECTORY, KINDS
from voiceapp.extensions import db
from voiceapp.models.integrations import Credential
from voiceapp.routing.releases import publish
from voiceapp.rules.plan import Integration
from voiceapp.rules.rule import Rule
from voiceapp.runtime import runtime
from voiceapp.vault import origin

TAB, NEW = "/admin/integrations/", "/admin/integrations/new"
ADA, SECRET = "+12025550101", "hush-hush-4711"


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


@pytest.fixture
def typed(service):
    return {
        "name": "Shop",
        "url": service.url("/find?key=1"),
        "header_name": "X-Api-Key",
        "header_value": SECRET,
    }


@pytest.fixture
def shop(admin, typed):
    """The page of a Custom URL that is set up."""
    answer = send(admin, NEW, custom(admin), **typed)
    assert answer.status_code == 303
    return answer.location


def custom(admin) -> Page:
    """A new integration's page on which Custom URL was chosen."""
    return Page(send(admin, NEW, do="reshape", crm="own:custom").text)


def key_of(app, name: str) -> str:
    return next(one.key for one in drafted(app).integrations if one.name == name)


def outcome_of(answer) -> str:
    assert answer.status_code == 200
    found = re.search(r'<div id="told"[^>]*>(.*?)</div>', answer.text, re.DOTALL)
    return html.unescape(" ".join(re.sub("<[^>]+>", " ", found[1]).split()))


def private(app) -> str:
    """Make a rule's own integration, and return the address that its page would have."""
    keep(app, Integration("own-1", "Custom URL", "custom", "https://x.example/", is_private=True))
    return place_of(app, Integration, "own-1")


def test_a_new_one_asks_which_crm_it_is(admin):
    page = opened(admin, NEW)

    (blank, _), *kinds = page["crm"].options
    assert blank == ""
    titles = [title for _, title in kinds[:-1]]
    assert titles == sorted(titles, key=str.casefold)
    assert {value for value, _ in kinds} == {f"own:{key}" for key in KINDS if key != DIRECTORY}
    assert "url" not in page.data()


def test_a_custom_url_has_an_address_and_a_header(admin):
    page = custom(admin)

    titles = [one.title for one in page.shown() if not one.name.startswith("try")]
    assert titles == ["Name", "CRM To Use", "Address", "Header name", "Header value"]
    assert not page["header_name"].required
    assert page["url"].required


def test_a_custom_url_is_tested_with_a_number_as_it_has_nothing_else_to_tell(admin, shop):
    text = html.unescape(re.sub("<[^>]+>", " ", admin.get(shop).text))

    assert "CRM Field Name  (optional)" in text
    assert "A number that calls  (optional)" not in text
    assert "Signs in" not in text


def test_what_is_set_up_is_offered_to_rules(app, admin, shop, typed):
    key = key_of(app, "Shop")
    with app.app_context():
        [row] = db.session.query(Credential).all()
        opened_ = runtime().vault.open(row.secrets)

    assert (row.integration, row.origin) == (key, origin(typed["url"]))
    assert opened_ == {"header x-api-key": SECRET}
    assert (f"shared:{key}", "Shop") in opened(admin, "/admin/routing/new")["crm"].options
    text = admin.get(TAB).text
    assert "find?…" in text
    assert "key=1" not in text


def test_it_is_edited_and_keeps_its_key_and_its_secret(app, admin, shop, service):
    key = key_of(app, "Shop")

    answer = send(admin, shop, name="Web shop", url=service.url("/other"))
    test = outcome_of(send(admin, shop, do="try", try_field="Tier", **{"try": ADA}))

    assert answer.status_code == 303
    assert key_of(app, "Web shop") == key
    assert "Tier is “Gold”." in test
    assert service.visits[0].headers["x-api-key"] == SECRET


@pytest.mark.parametrize("do", ["save", "try"])
@pytest.mark.parametrize("host", ["evil.test", "crm.test.evil.test"])
def test_another_host_wants_the_secret_typed_again(app, admin, shop, service, do, host):
    before = content(app)

    answer = send(admin, shop, do=do, url=service.url(host=host), **{"try": ADA})

    assert answer.status_code == 422
    assert Page(answer.text).errors() == {
        "header_value": "The address leads to another host: type the header's value again."
    }
    assert service.visits == []
    assert content(app) == before


@pytest.mark.parametrize(
    ("changed", "name", "sentence"),
    [
        ({"name": ""}, "name", "Type a name, e.g. Shop."),
        ({"name": "  "}, "name", "Type a name, e.g. Shop."),
        ({"name": "Directory"}, "name", "There is an integration of this name. Type another one."),
        ({"url": ""}, "url", "Type the address. It begins with https://."),
        ({"url": "http://crm.test/"}, "url", "The address must start with https://."),
        ({"crm": "own:directory"}, "crm", "Choose the CRM to ask."),
        ({"crm": "shared:directory"}, "crm", "Choose the CRM to ask."),
        ({"crm": "own:nonsense"}, "crm", "Choose the CRM to ask."),
        ({"crm": ""}, "crm", "Choose the CRM to ask."),
    ],
)
def test_what_can_not_be_is_said_beside_its_field(app, admin, typed, changed, name, sentence):
    before = drafted(app)

    answer = send(admin, NEW, custom(admin), **typed | changed)

    assert answer.status_code == 422
    assert Page(answer.text).errors() == {name: sentence}
    assert drafted(app) == before


def test_what_stands_behind_a_hash_is_cut_off_an_address(app, admin, typed, service):
    address = service.url("/find")

    answer = send(admin, NEW, custom(admin), **typed | {"url": f" {address}#Contact/view "})

    assert answer.status_code == 303
    assert drafted(app).integrations[-1].url == address


def test_a_name_is_taken_from_nobody_by_a_rename(admin, shop):
    answer = send(admin, shop, name="Directory")

    assert answer.status_code == 422
    assert "name" in Page(answer.text).errors()


def test_a_connection_is_tested_as_it_stands_in_the_form(app, admin, typed, service):
    before = content(app)

    page = custom(admin)
    answer = send(admin, NEW, page, do="try", try_field="name", **typed, **{"try": ADA})

    test = outcome_of(answer)

    assert "1 found in" in test
    assert "name is “Ada”." in test
    assert {**content(app), "typed_secrets": []} == before
    [visit] = service.visits
    assert visit.headers["x-api-key"] == SECRET


def test_the_directory_is_tested_too(app, admin):
    url = place_of(app, Integration, "directory")

    test = outcome_of(
        send(admin, url, do="try", try_module="Contacts", try_field="Tier", **{"try": ADA})
    )

    assert "Tier is “Gold”." in test


def test_what_is_no_number_is_said_to_be_none(admin, typed, service):
    test = outcome_of(send(admin, NEW, custom(admin), do="try", **typed, **{"try": "nobody"}))

    assert test == "▲ Type a phone number, e.g. +12025550101."
    assert service.visits == []


ADVICE = {
    "refused": CrmRefused.advice,
    "credentials": CrmCredentialsRefused.advice,
    "away": CrmUnavailable.advice,
    "late": CrmOutOfTime.advice,
    "bad": CrmBadAnswer.advice,
}


@pytest.mark.parametrize(
    ("behaviour", "sentence", "advice"),
    [
        (
            lambda visit: visit.answer(b"{}", 401),
            "The CRM did not accept the credentials.",
            "credentials",
        ),
        (
            lambda visit: visit.answer(b"", 302, ["Location: https://evil.test/"]),
            "The CRM answered with a redirect (302); they are not followed.",
            "refused",
        ),
        (
            lambda visit: visit.answer(b"<html></html>"),
            "The answer of the CRM is not proper JSON.",
            "bad",
        ),
        (
            lambda visit: visit.answer(b"{}", 503),
            "The CRM has a fault of its own (503).",
            "away",
        ),
        (
            lambda visit: visit.stopped.wait(),
            "crm.test gave no answer within the budget.",
            "late",
        ),
    ],
    ids=["401", "redirect", "HTML", "503", "timeout"],
)
def test_a_test_that_fails_says_why_and_what_to_do(
    admin, typed, service, behaviour, sentence, advice
):
    service.server.behaviour = behaviour

    test = outcome_of(send(admin, NEW, custom(admin), do="try", **typed, **{"try": ADA}))

    assert sentence in test
    assert ADVICE[advice] in test
    assert SECRET not in test


def test_a_private_address_is_named_as_such(admin, typed, service):
    changed = {"url": f"https://inside.test:{service.server.port}/"}

    test = outcome_of(send(admin, NEW, custom(admin), do="try", **typed | changed, **{"try": ADA}))

    assert "inside.test leads into a private network" in test
    assert "they add inside.test to CRM_ALLOWED_HOSTS in the file .env" in test
    assert "type the credentials again" not in test
    assert service.visits == []


def test_before_it_is_deleted_the_rules_that_ask_it_are_named(app, admin, shop):
    key, rule = key_of(app, "Shop"), place_of(app, Rule, "VIP customers")
    send(
        admin,
        rule,
        Page(send(admin, rule, do="reshape", crm=f"shared:{key}").text),
    )

    answer = admin.get(f"{shop}/delete")

    assert "Delete the integration Shop?" in answer.text
    assert "CRM rule VIP customers" in answer.text
    assert "Each of these needs another CRM before" in answer.text
    version = re.search(r'name="version" value="(\d+)"', answer.text)[1]
    assert post(admin, f"{shop}/delete", version=version).status_code == 303
    assert "Shop" not in {one.name for one in drafted(app).integrations}


def test_the_directory_can_not_be_deleted(app, admin):
    url = place_of(app, Integration, "directory")
    before = drafted(app)

    assert admin.get(f"{url}/delete").status_code == 404
    assert post(admin, f"{url}/delete", page=url, version="1").status_code == 404
    assert drafted(app) == before


@pytest.mark.parametrize("crm", ["own:custom", "shared:directory", "own:nonsense", ""])
def test_the_directory_stays_what_it_is(app, admin, crm):
    url = place_of(app, Integration, "directory")

    answer = send(admin, url, name="Contacts", crm=crm, url="https://evil.test/")

    assert answer.status_code == 303
    assert Integration("directory", "Contacts", "directory") in drafted(app).integrations


def test_the_integration_of_a_rule_has_no_page(app, admin):
    url = private(app)
    before = drafted(app)

    for address in (url, f"{url}/delete"):
        assert admin.get(address).status_code == 404
        assert post(admin, address, page=NEW, version="1", name="Mine").status_code == 404
    assert "x.example" not in admin.get(TAB).text
    assert drafted(app) == before


def test_a_kind_that_is_not_there_any_more_has_no_page_but_can_be_deleted(app, admin):
    keep(app, Integration("old", "Old CRM", "bygone", "https://x.example/"))
    url = place_of(app, Integration, "old")

    assert "Old CRM" in admin.get(TAB).text
    assert admin.get(url).status_code == 404
    assert admin.get(f"{url}/delete").status_code == 200


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_they_are_for_admins_only(app, signed_in, admin, shop, role):
    client = signed_in(role)
    before = drafted(app)

    for address in (TAB, NEW, shop, f"{shop}/delete"):
        assert client.get(address).status_code == 403
    for address in (NEW, shop, f"{shop}/delete"):
        assert post(client, address, page="/admin/account", do="try").status_code == 403
    assert drafted(app) == before


def test_what_is_set_up_can_be_published(app, shop):
    with app.app_context():
        assert publish(db.session(), "test") == 2
