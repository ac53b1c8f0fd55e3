"""A CRM on the pages: tested for real, its fields offered in rules, what it has changed flagged."""

import html
import re
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.crm.conftest import to_this_machine
from tests.settings.conftest import post
from tests.settings.forms import Page, drafted, keep, opened, place_of, rule_of, send
from tests.wire.espocrm import EspoCrm
from tests.wire.hosting import hosted
from voiceapp.crm.contract import CrmCredentialsRefused, CrmMisconfigured
from voiceapp.crm.espocrm import EspoCrmClient
from voiceapp.crm.fields import Field, FieldType
from voiceapp.crm.kind import TOKEN, Ask
from voiceapp.crm.registry import KINDS
from voiceapp.extensions import db
from voiceapp.models.crm_state import CrmModule, CrmToken
from voiceapp.models.integrations import Credential
from voiceapp.models.types import now
from voiceapp.routing import catalogue
from voiceapp.routing.releases import publish
from voiceapp.rules.plan import Integration
from voiceapp.rules.rule import Prefer, Rule
from voiceapp.runtime import runtime

NEW_INTEGRATION, NEW_RULE = "/admin/integrations/new", "/admin/routing/new"
ADA = "+12025550101"
RULE = {
    "name": "Shop customers",
    "field": "cStage",
    "conditions__0__value": "Hot Prospect",
    "conditions__0__destination__kind": "queue",
    "conditions__0__destination__queue": "vip",
}


@pytest.fixture
def espo(tmp_path):
    crm = EspoCrm()
    crm.add("Contacts", phoneNumber=ADA, cTier="Gold", cStage="hot")
    crm.add("Leads", phoneNumber="+12025550102", cStage="cold")
    with hosted(crm, tmp_path) as espo:
        yield espo


@pytest.fixture
def app(make_app, espo):
    return make_app(espo.settings, resolve=to_this_machine)


@pytest.fixture
def admin(signed_in):
    return signed_in("admin")


@pytest.fixture
def editor(signed_in):
    return signed_in("editor")


@pytest.fixture
def typed(espo):
    """What an admin types to set it up."""
    return {
        "name": "Our CRM",
        "crm": "own:espocrm",
        "url": espo.url,
        "password": espo.crm.secrets["password"],
    }


@pytest.fixture
def shop(app, admin, typed):
    """The page of the integration, set up."""
    answer = send(admin, NEW_INTEGRATION, chosen(admin), **typed)
    assert answer.status_code == 303, Page(answer.text).errors()
    return answer.location


@pytest.fixture
def asking(app, shop):
    """What is typed for a rule that asks the integration."""
    key = next(one.key for one in drafted(app).integrations if one.name == "Our CRM")
    return RULE | {"crm": f"shared:{key}"}


def chosen(admin) -> Page:
    """A new integration's page on which EspoCRM was chosen."""
    return Page(send(admin, NEW_INTEGRATION, do="reshape", crm="own:espocrm").text)


def asked(editor, asking, url: str = NEW_RULE) -> Page:
    """A rule's page on which the integration was chosen."""
    return Page(send(editor, url, do="reshape", crm=asking["crm"]).text)


def text_of(answer) -> str:
    """What people read on a page."""
    return html.unescape(" ".join(re.sub("<[^>]+>", " ", answer.text).split()))


def told(answer) -> str:
    """What the page says of a test."""
    assert answer.status_code == 200
    found = re.search(r'<div id="told"[^>]*>(.*?)</div>', answer.text, re.DOTALL)
    return html.unescape(" ".join(re.sub("<[^>]+>", " ", found[1]).split()))


class TestConnection:
    def test_it_asks_in_the_crms_own_words(self, admin):
        page = chosen(admin)

        titles = [one.title for one in page.shown() if not one.name.startswith("try")]
        assert titles == ["Name", "CRM To Use", "Site URL", "API Key"]
        text = html.unescape(send(admin, NEW_INTEGRATION, do="reshape", crm="own:espocrm").text)
        assert "Not yet tried against a live system." in text

    def test_it_lists_modules_and_finds_a_number(self, admin, typed, espo):
        answer = send(
            admin, NEW_INTEGRATION, chosen(admin), do="try", try_field="cTier", **typed,
            **{"try": "(202) 555-0101"},
        )  # fmt: skip

        said = told(answer)
        assert re.match(r"✓ It works\. Signed in, \d+ modules; found ", said)
        assert "It has the modules Contacts, Leads, Accounts" in said
        assert "Asked Our CRM for Contacts by the phone number +1 202-555-0101 : 1 found" in said
        assert "cTier is “Gold”." in said
        assert re.search(r"GET https://crm\.test:\d+/api/v1/Contact 200, \d+ ms", said)

    def test_the_record_that_was_found_is_called_by_its_name(self, admin, typed, espo):
        espo.crm.add("Contacts", phoneNumber="+12025550177", name="Ada Gold")

        answer = send(
            admin, NEW_INTEGRATION, chosen(admin), do="try", **typed, **{"try": "+12025550177"},
        )  # fmt: skip

        assert "; found the record of Ada Gold in Contacts." in told(answer)

    def test_a_long_list_of_modules_is_folded(self, admin, typed, espo, monkeypatch):
        many = [f"CTechnical{number}" for number in range(30)]
        monkeypatch.setattr(EspoCrmClient, "modules", lambda *_: ("Contacts", *many, "Cases"))

        answer = send(admin, NEW_INTEGRATION, chosen(admin), do="try", **typed)

        assert "It has the modules Contacts, Cases and 30 more" in told(answer)
        assert "<summary>30 more modules</summary>" in answer.text

    def test_every_module_that_was_listed_is_offered(self, admin, typed, espo, monkeypatch):
        monkeypatch.setattr(EspoCrmClient, "modules", lambda *_: ("Contacts", "Cases"))
        first = Page(send(admin, NEW_INTEGRATION, chosen(admin), do="try", **typed).text)
        offered = [value for value, _ in first["try_module"].options]
        assert offered == [*KINDS["espocrm"].modules, "Cases"]

        answer = send(admin, NEW_INTEGRATION, first, do="reshape", try_module="Cases")
        assert Page(answer.text)["try_module"].value == "Cases"

    def test_a_wrong_address_is_asked_for(self, admin, typed, monkeypatch):
        def rejected(*_: object) -> None:
            raise CrmMisconfigured("EspoCRM rejected the request (415).")

        monkeypatch.setattr(EspoCrmClient, "modules", rejected)

        said = told(send(admin, NEW_INTEGRATION, chosen(admin), do="try", **typed))

        assert "Is this the address of EspoCRM?" in said
        assert CrmMisconfigured.advice not in said

    def test_without_a_number_nobody_is_looked_up(self, admin, typed, espo):
        said = told(send(admin, NEW_INTEGRATION, chosen(admin), do="try", **typed))

        assert "It has the modules" in said
        assert "Asked" not in said
        assert espo.crm.searches() == []

    def test_a_wrong_key_is_said_with_what_to_do(self, admin, typed, espo):
        typed = typed | {"password": "not-the-key-4711"}

        answer = send(admin, NEW_INTEGRATION, chosen(admin), do="try", **typed, **{"try": ADA})

        said = told(answer)
        assert said.startswith("▲ It does not work: EspoCRM did not accept the credentials. ")
        assert CrmCredentialsRefused.advice in said
        assert "not-the-key-4711" not in answer.text
        assert espo.crm.secrets["password"] not in answer.text
        assert espo.crm.searches() == []

    def test_a_field_that_is_not_there_is_said(self, admin, typed):
        answer = send(
            admin, NEW_INTEGRATION, chosen(admin), do="try", try_field="a b", **typed,
            **{"try": ADA},
        )  # fmt: skip

        assert CrmMisconfigured.advice in told(answer)

    def test_a_crm_that_is_down_leaves_the_page_as_it_is(self, admin, typed, tmp_path):
        typed = typed | {"url": "https://crm.test:1/"}

        answer = send(admin, NEW_INTEGRATION, chosen(admin), do="try", **typed, **{"try": ADA})

        page = Page(answer.text)
        assert "crm.test could not be reached." in told(answer)
        assert page["url"].value == "https://crm.test:1/"
        assert page["name"].value == "Our CRM"

    def test_nothing_of_a_test_is_kept(self, app, admin, typed):
        send(admin, NEW_INTEGRATION, chosen(admin), do="try", **typed, **{"try": ADA})

        with app.app_context():
            assert db.session.query(CrmModule).count() == 0
            assert db.session.query(CrmToken).count() == 0
        assert "Our CRM" not in {one.name for one in drafted(app).integrations}

    def test_a_secret_that_is_kept_is_not_asked_for_again(self, admin, shop):
        page = opened(admin, shop)

        said = told(send(admin, shop, page, do="try", try_field="cTier", **{"try": ADA}))

        assert "cTier is “Gold”." in said


class TestFields:
    def test_they_are_read_when_somebody_asks(self, app, editor, asking):
        page = asked(editor, asking)
        assert "have not been read" in send(editor, NEW_RULE, page, do="reshape", **asking).text

        answer = send(editor, NEW_RULE, page, do="fields", **asking)

        assert 'value="cTier" label="Tier · text"' in answer.text
        assert 'value="cStage" label="cStage · pick list"' in answer.text
        text = html.unescape(answer.text)
        assert "pick list: Hot Prospect, Cold" in " ".join(re.sub("<[^>]+>", "", text).split())
        assert Page(answer.text)["name"].value == "Shop customers"

    def test_operators_fit_the_type(self, editor, asking):
        page = Page(send(editor, NEW_RULE, asked(editor, asking), do="fields", **asking).text)

        def offered(field: str) -> list[str]:
            shaped = Page(send(editor, NEW_RULE, page, do="reshape", field=field).text)
            return [value for value, _ in shaped["conditions-0-operator"].options]

        assert offered("cStage") == ["=", "is not", "is one of", "is empty", "is not empty"]
        assert offered("cVip") == ["=", "is not", "is empty", "is not empty"]
        assert "contains" not in offered("cBalance")
        assert "between" in offered("cBalance")
        assert len(offered("cTier")) == 12

    def test_values_fit_the_type(self, editor, asking):
        page = Page(send(editor, NEW_RULE, asked(editor, asking), do="fields", **asking).text)

        dated = Page(
            send(editor, NEW_RULE, page, do="reshape", field="cSince",
                 conditions__0__value="2026-11-22").text
        )  # fmt: skip
        listed = Page(send(editor, NEW_RULE, page, do="reshape").text)

        assert dated["conditions-0-value"].attributes["type"] == "date"
        assert dated["conditions-0-value"].value == "2026-11-22"
        assert listed["conditions-0-value"].attributes["list"] == "field-values"

    def test_a_name_in_other_letters_is_saved_as_the_crm_spells_it(self, app, editor, asking):
        page = Page(send(editor, NEW_RULE, asked(editor, asking), do="fields", **asking).text)

        answer = send(editor, NEW_RULE, page, **asking | {"field": "CSTAGE"})

        assert answer.status_code == 303
        rule = rule_of(app, "Shop customers")
        assert (rule.field, rule.field_type) == ("cStage", "pick list")

    def test_a_free_name_still_works(self, app, editor, asking):
        page = Page(send(editor, NEW_RULE, asked(editor, asking), do="fields", **asking).text)

        answer = send(editor, NEW_RULE, page, **asking | {"field": "account.name"})

        assert answer.status_code == 303
        assert rule_of(app, "Shop customers").field == "account.name"

    def test_what_keeps_them_from_being_read_is_said_and_nothing_is_lost(
        self, editor, asking, espo
    ):
        espo.crm.refuses_signing_in = True

        answer = send(editor, NEW_RULE, asked(editor, asking), do="fields", **asking)

        page = Page(answer.text)
        assert "EspoCRM did not accept the credentials." in page.wrong().pop()
        assert page["conditions-0-value"].value == "Hot Prospect"

    def test_those_of_settings_of_its_own_are_read_before_it_is_saved(
        self, app, editor, signed_in, typed
    ):
        own = RULE | {one: typed[one] for one in ("crm", "url", "password")}
        page = Page(send(editor, NEW_RULE, do="reshape", crm="own:espocrm").text)

        read = send(editor, NEW_RULE, page, do="fields", url=own["url"], password=own["password"])
        page = Page(read.text)
        other = Page(send(editor, NEW_RULE, do="reshape", crm="own:espocrm").text)
        other = send(editor, NEW_RULE, other, do="reshape", url=own["url"])
        saved = send(editor, NEW_RULE, page, **RULE)

        assert 'value="cStage" label="cStage · pick list"' in read.text
        assert "have not been read" in other.text
        assert saved.status_code == 303, Page(saved.text).errors()
        rule = rule_of(app, "Shop customers")
        assert rule.field_type == "pick list"
        assert 'value="cStage"' in editor.get(saved.location).text
        with app.app_context():
            keys = {row.integration for row in db.session.query(CrmModule)}
        assert keys == {rule.integration}

    def test_what_was_read_for_a_rule_that_nobody_saved_is_let_go(self, app, editor, typed):
        page = Page(send(editor, NEW_RULE, do="reshape", crm="own:espocrm").text)
        send(editor, NEW_RULE, page, do="fields", url=typed["url"], password=typed["password"])

        with app.app_context():
            catalogue.forget_forms(db.session())
            assert db.session.query(CrmModule).count() > 1
            catalogue.forget_forms(db.session(), lambda: now() + timedelta(days=1))
            assert db.session.query(CrmModule).count() == 0

    def test_a_crm_that_is_not_described_yet_is_not_asked(self, editor, espo):
        page = Page(send(editor, NEW_RULE, do="reshape", crm="own:espocrm").text)

        answer = send(editor, NEW_RULE, page, do="fields", url=espo.url)

        assert "look at CRM Settings" in answer.text
        assert set(Page(answer.text).errors()) == {"password"}
        assert espo.crm.requests == []

    def test_those_of_all_modules_are_read_and_what_one_lacks_is_said(
        self, app, editor, asking, espo
    ):
        asking = asking | {"second_module": "Leads", "field": "cOnlyHere"}
        asking |= {"prefer": "highest", "prefer_field": "cOnlyHere"}
        page = Page(send(editor, NEW_RULE, asked(editor, asking), do="reshape", **asking).text)
        read = send(editor, NEW_RULE, page, do="fields", **asking)
        assert "Contacts and Leads have no field of this name." in text_of(read)
        integration = next(one for one in drafted(app).integrations if one.name == "Our CRM")
        with app.app_context():
            told = catalogue.fields_of(db.session(), integration, "Contacts").fields
            assert catalogue.fields_of(db.session(), integration, "Leads")
            here = Field("cOnlyHere", "Only here", FieldType.NUMBER)
            there = Field("cOnlyThere", "Only there", FieldType.DATE)
            catalogue.keep_fields(db.session(), integration, "Contacts", [*told, here])
            catalogue.keep_fields(db.session(), integration, "Leads", [*told, there])
            db.session.commit()

        answer = send(editor, NEW_RULE, Page(read.text), do="reshape")

        assert 'value="cOnlyHere" label="Only here · number · not in Leads"' in answer.text
        assert 'value="cOnlyThere" label="Only there · date · not in Contacts"' in answer.text
        assert 'value="cStage" label="cStage · pick list"' in answer.text
        assert text_of(answer).count("▲ Leads has no field of this name.") == 2
        digits = {"location": "IVR", "find_by": "digits", "search_field": "cOnlyThere"}
        keyed = send(editor, NEW_RULE, Page(answer.text), do="reshape", **digits)
        assert "▲ Contacts has no field of this name." in text_of(keyed)

    def test_who_may_only_look_cannot_ask(self, app, asking, editor, signed_in, espo):
        send(editor, NEW_RULE, asked(editor, asking), **asking)
        url = place_of(app, Rule, "Shop customers")
        espo.crm.requests.clear()

        viewer = signed_in("viewer")
        assert 'value="fields"' not in viewer.get(url).text
        assert post(viewer, url, do="fields").status_code == 403
        assert espo.crm.requests == []

    @pytest.mark.parametrize(
        ("crm", "url"),
        [
            ("own:espocrm", "https://a b/"),
            ("own:espocrm", "https://me@crm.test/"),
            ("own:espocrm", "https://crm.test:99999/"),
            ("own:espocrm", "http://crm.test/"),
            ("own:salesforce", "https://crm.test/"),
            ("shared:gone", ""),
            ("", ""),
        ],
    )
    def test_nothing_is_asked_at_an_address_that_can_be_none(self, app, editor, espo, crm, url):
        own = Integration("own-1", "EspoCRM", "espocrm", espo.url, is_private=True)
        rule = replace(rule_of(app, "VIP customers"), name="Own", integration="own-1")
        keep(app, own, rule)
        page = opened(editor, place_of(app, Rule, "Own"))

        answer = send(
            editor, place_of(app, Rule, "Own"), page, do="fields", crm=crm, url=url,
            password="typed-4711-secret",
        )  # fmt: skip

        assert answer.status_code == 200
        assert Page(answer.text).wrong()
        assert espo.crm.requests == []

    @pytest.mark.parametrize("do", ["reshape", "fields", "save", "try"])
    def test_what_no_database_holds_is_no_module(self, editor, asking, do):
        page = asked(editor, asking)

        answer = send(editor, NEW_RULE, page, do=do, **asking | {"module": "Con\0tacts"})

        assert answer.status_code in (200, 422)


class TestSearching:
    def test_a_rule_tries_modules_in_their_order(self, app, editor, asking):
        typed = asking | {
            "second_module": "Leads",
            "conditions__0__value": "Cold",
            "prefer": "highest",
            "prefer_field": "cBalance",
        }
        page = Page(send(editor, NEW_RULE, asked(editor, asking), do="reshape", **typed).text)
        assert send(editor, NEW_RULE, page, **typed).status_code == 303
        url = place_of(app, Rule, "Shop customers")

        tried = told(send(editor, url, do="try", **{"try": "+12025550102"}))

        rule = rule_of(app, "Shop customers")
        assert rule.modules == ("Contacts", "Leads")
        assert (rule.prefer, rule.prefer_field) == (Prefer.HIGHEST, "cBalance")
        assert "none found in" in tried
        assert "Then in Leads: 1 found in" in tried
        assert "→ Queue vip" in tried
        assert opened(editor, url)["second_module"].value == "Leads"
        words = html.unescape(re.sub("<[^>]+>", "", editor.get(url).text))
        assert "by their number in Contacts, then Leads of Our CRM" in words
        assert "Of several records the one with the highest cBalance counts." in words

    def test_of_several_records_the_newest_counts(self, app, editor, asking, espo):
        espo.crm.add("Contacts", phoneNumber=ADA, cStage="cold")
        typed = asking | {"prefer": "newest", "conditions__0__value": "Cold"}

        answer = send(editor, NEW_RULE, asked(editor, asking), do="try", **typed, **{"try": ADA})

        said = told(answer)
        assert "2 found in" in said
        assert "The newest counts." in said
        assert "→ Queue vip" in said

    @pytest.mark.parametrize(
        ("changed", "name", "sentence"),
        [
            ({"second_module": "Contacts"}, "third_module", "Choose each module once."),
            ({"prefer": "lowest", "prefer_field": ""}, "prefer_field", "Type the field whose"),
        ],
    )
    def test_what_can_not_be_is_said(self, editor, asking, changed, name, sentence):
        typed = asking | changed
        page = Page(send(editor, NEW_RULE, asked(editor, asking), do="reshape", **typed).text)

        answer = send(editor, NEW_RULE, page, **typed)

        assert answer.status_code == 422
        assert sentence in Page(answer.text).errors()[name]


class TestDrift:
    @pytest.fixture
    def rule(self, app, editor, asking):
        """The address of a rule that is live, on a field that the CRM has."""
        page = Page(send(editor, NEW_RULE, asked(editor, asking), do="fields", **asking).text)
        assert send(editor, NEW_RULE, page, **asking).status_code == 303
        with app.app_context():
            publish(db.session(), "test")
        return place_of(app, Rule, "Shop customers")

    @pytest.mark.parametrize(
        ("fields", "sentence"),
        [
            ([Field("cTier", "Tier")], "Our CRM has no field cStage in Contacts."),
            (
                [Field("cStage", "Stage", FieldType.NUMBER)],
                "cStage in Contacts was of the type “pick list” when the rule was made, "
                "and is “number” now.",
            ),
        ],
    )
    def test_a_field_that_has_gone_or_changed_is_flagged(self, app, editor, rule, fields, sentence):
        integration = next(one for one in drafted(app).integrations if one.name == "Our CRM")
        with app.app_context():
            catalogue.keep_fields(db.session(), integration, "Contacts", fields)
            db.session.commit()

        for url in (rule, "/admin/routing/", "/admin/"):
            assert sentence in html.unescape(editor.get(url).text)

    def test_nothing_is_flagged_as_long_as_all_is_there(self, app, editor, rule):
        for url in (rule, "/admin/routing/", "/admin/"):
            assert "has no field" not in editor.get(url).text

    def test_when_the_fields_were_read_is_shown(self, app, editor, rule):
        with app.app_context():
            row = db.session.query(CrmModule).filter_by(module="Contacts").one()
            row.read_at = now() - timedelta(days=3)
            db.session.commit()

        assert "Read the fields again" in editor.get(rule).text


def test_modules_that_the_crm_told_are_offered(app, editor, asking):
    page = Page(send(editor, NEW_RULE, asked(editor, asking), do="fields", **asking).text)

    options = [value for value, _ in page["module"].options]
    assert options[:3] == ["Contacts", "Leads", "Accounts"]
    assert "CStudent" in options


def test_integrations_of_fixed_hosts_ask_for_no_address(app, admin, typed):
    page = Page(send(admin, NEW_INTEGRATION, do="reshape", crm="own:hubspot").text)
    assert "url" not in page.data()

    answer = send(admin, NEW_INTEGRATION, page, name="Hub", crm="own:hubspot", password="k" * 30)

    assert answer.status_code == 303
    hub = next(one for one in drafted(app).integrations if one.name == "Hub")
    assert hub.url == "https://api.hubapi.com"


def test_a_choice_is_one_of_the_list(admin):
    page = Page(send(admin, NEW_INTEGRATION, do="reshape", crm="own:zoho").text)

    answer = send(
        admin, NEW_INTEGRATION, page, name="Z", crm="own:zoho", url="https://evil.test",
        username="id", password="secret", token="token",
    )  # fmt: skip

    assert answer.status_code == 422
    assert Page(answer.text).errors()["url"].startswith("Choose the")


def test_a_code_is_exchanged_when_it_is_saved(app, admin, espo, monkeypatch):
    def redeem(connection, door, deadline):
        assert connection.secret("password") == "key-4711"
        return connection.secret("token").replace("code", "refresh")

    asks = (*KINDS["espocrm"].asks, Ask(TOKEN, "Code", "A code.", is_required=False))
    monkeypatch.setitem(KINDS, "espocrm", replace(KINDS["espocrm"], asks=asks, redeem=redeem))
    typed = {"name": "Shop", "crm": "own:espocrm", "url": espo.url, "password": "key-4711"}

    answer = send(admin, NEW_INTEGRATION, chosen(admin), **typed, token="code-1")

    assert secrets_of(app) == {"password of ": "key-4711", "token of ": "refresh-1"}

    shown = opened(admin, answer.location)
    assert "code-1" not in admin.get(answer.location).text
    send(admin, answer.location, shown, forget_token="y")

    assert secrets_of(app) == {"password of ": "key-4711"}
    assert "forget_token" not in opened(admin, answer.location).data()


def secrets_of(app) -> dict[str, str]:
    """The secrets of the only integration that has some."""
    with app.app_context():
        [row] = db.session.query(Credential).all()
        return runtime().vault.open(row.secrets)


def test_what_is_drafted_stays_a_draft(app, admin, shop):
    keep(app)

    assert "Our CRM" in admin.get("/admin/releases/review").text
