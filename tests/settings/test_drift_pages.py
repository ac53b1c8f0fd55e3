"""What the CRM may not have is seen before it is published."""

import html
import re
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.settings.conftest import SignedIn
from tests.settings.forms import drafted, keep, place_of, rule_of, send
from tests.settings.test_parts import opened
from voiceapp.crm.fields import Field, FieldType
from voiceapp.extensions import db
from voiceapp.routing import catalogue, releases
from voiceapp.rules.operators import Operator
from voiceapp.rules.plan import Integration, Queue
from voiceapp.rules.rule import Condition, Destination, DestinationKind, Rule
from voiceapp.runtime import runtime

DATABASES = ("sqlite",)  # what is tested here is no matter of rows

REVIEW = "/admin/releases/review"
SHOP = Integration("shop", "Our CRM", "espocrm", "https://crm.example/")
VIP = Destination(DestinationKind.QUEUE, "vip")
NAME = "Shop customers"
LIVE = 2
"""The release that the fixture `rule` makes, after the demo's."""
STAGE = Field("cStage", "Stage", FieldType.CHOICE, (("hot", "Hot Prospect"), ("cold", "Cold")))
BALANCE = Field("cBalance", "Balance", FieldType.NUMBER)
PHONE = Field("phoneNumber", "Phone", FieldType.PHONE)
FIELDS = (STAGE, BALANCE, PHONE, Field("cVip", "VIP", FieldType.YES_NO))


@pytest.fixture
def editor(app: Flask, signed_in: SignedIn) -> FlaskClient:
    """The browser of somebody who may edit."""
    return signed_in("editor")


@pytest.fixture
def rule(app: Flask) -> str:
    """The address of a rule that is live, and asks for what the CRM has."""
    asking = replace(
        rule_of(app, "VIP customers"),
        name=NAME,
        integration=SHOP.key,
        field="cStage",
        conditions=(Condition(Operator.EQUAL, ("hot prospect",), VIP),),
        then_modules=(),
    )
    keep(app, SHOP, asking)
    publish(app)
    tell(app, "Contacts", *FIELDS)
    return place_of(app, Rule, NAME)


def publish(app: Flask) -> None:
    with app.app_context():
        releases.publish(db.session(), "test")


def tell(app: Flask, module: str, *fields: Field) -> None:
    """Let the CRM have told the fields of a module."""
    with app.app_context():
        catalogue.keep_fields(db.session(), SHOP, module, fields)
        db.session.commit()


def tell_modules(app: Flask, *modules: str) -> None:
    with app.app_context():
        catalogue.keep_modules(db.session(), SHOP, modules)
        db.session.commit()


def newest(app: Flask) -> int | None:
    with app.app_context():
        return releases.newest_number(db.session())


def text_of(browser: FlaskClient, url: str) -> str:
    shown = re.sub("<[^>]+>", " ", browser.get(url).text)
    return html.unescape(" ".join(shown.split()))


Typed = dict[str, str]

WRONG: list[tuple[Typed, str]] = [
    ({"field": "cTier"}, "Our CRM has no field cTier in Contacts."),
    ({"conditions__0__value": "Warm"}, "The list of cStage in Contacts has no “Warm”."),
    (
        {"field": "cVip", "conditions__0__value": "maybe"},
        "cVip in Contacts is yes or no, and can't be “maybe”.",
    ),
    (
        {"field": "cBalance", "conditions__0__operator": ">", "conditions__0__value": "many"},
        "cBalance in Contacts is a number, and can't be compared with “many”.",
    ),
]
RIGHT: list[Typed] = [
    {"conditions__0__value": " COLD"},
    {"conditions__0__operator": "contains", "conditions__0__value": "Hot"},
    {"field": "account.tier", "conditions__0__value": "Gold"},
    {"field": "cBalance", "conditions__0__operator": ">", "conditions__0__value": "$1,000"},
]


@pytest.mark.parametrize(("typed", "sentence"), WRONG)
def test_what_the_crm_may_not_have_is_seen_before_it_is_published(
    app: Flask, editor: FlaskClient, rule: str, typed: Typed, sentence: str
):
    answer = send(editor, rule, do="publish", **typed)

    assert (answer.status_code, answer.location, newest(app)) == (303, REVIEW, LIVE)
    text = text_of(editor, REVIEW)
    assert "The CRM may not have what a rule asks for" in text
    assert "1 rule asks for what the CRM may not have" in text
    assert text.index(f"{NAME} : {sentence}") < text.index("Publish this change")
    assert f'<a href="{rule}">{NAME}</a>: ' in editor.get(REVIEW).text
    for url in (rule, "/admin/routing/"):
        assert sentence in text_of(editor, url)


def test_a_module_without_phone_fields_is_said_beside_it_and_before_publishing(
    app: Flask, editor: FlaskClient, rule: str
):
    tell(app, "Tasks", STAGE)
    sentence = "Tasks in Our CRM has no phone fields, so nobody is found in it by a number."
    typed = {"module": "Tasks", "second_module": "", "third_module": ""}

    shown = html.unescape(send(editor, rule, do="reshape", **typed).text)
    answer = send(editor, rule, do="publish", **typed)

    assert "Tasks has no phone fields, so nobody is found there by a number." in shown
    assert (answer.location, newest(app)) == (REVIEW, LIVE)
    assert all(sentence in text_of(editor, url) for url in (REVIEW, rule, "/admin/routing/"))


def test_a_crm_whose_fields_were_never_read_is_said_before_publishing(
    app: Flask, editor: FlaskClient, rule: str
):
    keep(app, replace(SHOP, key="erp", name="ERP"))
    publish(app)

    answer = send(editor, rule, do="publish", crm="shared:erp")

    assert (answer.location, newest(app)) == (REVIEW, LIVE + 1)
    text = text_of(editor, REVIEW)
    assert "It is not known whether the CRM has what a rule asks for: look below first." in text
    assert (
        f"{NAME} : The fields of Contacts in ERP have not been read yet, so it is not known "
        "whether it has cStage." in text
    )
    assert f'<a href="{rule}#fields">Read the fields there</a>' in editor.get(REVIEW).text
    assert 'id="fields"' in editor.get(rule).text
    editor.post(REVIEW, data=opened(editor, REVIEW).fields)
    assert send(editor, rule, do="publish", budget="4").location == rule  # it is so by now


@pytest.mark.parametrize("type_", [FieldType.DATE, FieldType.MOMENT])
def test_a_date_field_says_how_dates_are_written(
    app: Flask, editor: FlaskClient, rule: str, type_: FieldType
):
    hint = "Dates are written 2024-01-31."
    assert hint not in editor.get(rule).text
    tell(app, "Contacts", replace(STAGE, type=type_), PHONE)
    assert hint in editor.get(rule).text


def test_it_keeps_nothing_from_being_published(app: Flask, editor: FlaskClient, rule: str):
    send(editor, rule, do="publish", field="cTier")

    answer = editor.post(REVIEW, data=opened(editor, REVIEW).fields)

    assert (answer.status_code, newest(app)) == (303, LIVE + 1)
    with app.app_context():
        runtime().live.refresh()
    assert "Our CRM has no field cTier in Contacts." in text_of(editor, "/admin/")


@pytest.mark.parametrize("typed", RIGHT)
def test_what_may_be_right_is_published_at_once(
    app: Flask, editor: FlaskClient, rule: str, typed: Typed
):
    answer = send(editor, rule, do="publish", **typed)

    assert (answer.status_code, answer.location, newest(app)) == (303, rule, LIVE + 1)


def test_a_rule_is_saved_as_a_draft_without_a_detour(app: Flask, editor: FlaskClient, rule: str):
    answer = send(editor, rule, field="cTier")

    assert (answer.location, newest(app)) == (rule, LIVE)


def test_a_module_that_is_gone_is_flagged_everywhere(app: Flask, editor: FlaskClient, rule: str):
    tell_modules(app, "Leads", "Accounts")
    sentence = "Our CRM has no module Contacts."

    assert all(sentence in text_of(editor, url) for url in (rule, "/admin/routing/", "/admin/"))
    answer = send(editor, rule, do="publish", conditions__0__value="Cold")

    assert answer.location == REVIEW
    assert sentence in text_of(editor, REVIEW)


def test_a_rule_that_stays_as_it_is_holds_up_no_other_change(
    app: Flask, editor: FlaskClient, rule: str
):
    tell(app, "Contacts", BALANCE)

    answer = send(editor, "/admin/queues/new", do="publish", name="nights")

    assert (answer.status_code, newest(app)) == (303, LIVE + 1)
    assert Queue("nights") in drafted(app).queues


def test_all_that_may_be_wrong_is_listed_whatever_changes(
    app: Flask, editor: FlaskClient, rule: str
):
    tell(app, "Contacts", BALANCE)

    send(editor, "/admin/queues/new", name="nights")

    assert "Our CRM has no field cStage in Contacts." in text_of(editor, REVIEW)


def test_where_nothing_waits_nothing_is_said(app: Flask, editor: FlaskClient, rule: str):
    tell(app, "Contacts", BALANCE)

    assert "may not have" not in text_of(editor, REVIEW)


def test_what_keeps_it_from_being_published_comes_first(app: Flask, editor: FlaskClient, rule: str):
    keep(app, replace(rule_of(app, "VIP customers"), integration="gone"))

    send(editor, rule, do="publish", field="cTier")

    text = text_of(editor, REVIEW)
    assert newest(app) == LIVE
    assert text.index("It can't be published like this") < text.index("may not have")
