"""What is special about SuiteCRM."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from tests.crm.https_server import Visit
from tests.wire.asking import Asking
from tests.wire.suitecrm import SuiteCrm
from voiceapp.crm.contract import (
    CrmBadAnswer,
    CrmCredentialsRefused,
    CrmError,
    CrmMisconfigured,
    CrmNotPermitted,
    CrmRefused,
    CrmTooMany,
    CrmUnavailable,
    Found,
    NotFound,
    Order,
    Several,
)
from voiceapp.crm.fields import FieldType
from voiceapp.crm.kind import VERSION
from voiceapp.crm.registry import KINDS

ADA = "+12025550101"
ADA_LIKE = "%2%0%2%5%5%5%0%1%0%1%"


@pytest.fixture
def asking(start: Callable[..., Asking]) -> Asking:
    return start(SuiteCrm)


def found(answer: object, field: str) -> Any:
    assert isinstance(answer, Found)
    return answer.values[field]


def test_a_caller_is_looked_for_in_all_phone_fields_with_one_request(asking):
    asking.crm.add("Contacts", phone_work="(202) 555-0101", tier_c="Gold")

    answer = asking.caller(ADA, "tier_c")

    assert found(answer, "tier_c") == "Gold"
    [search] = asking.crm.searches()
    assert (search.method, search.path) == ("GET", "/suite/legacy/Api/V8/module/Contacts")
    assert search.headers["authorization"] == f"Bearer {asking.crm.tokens[0]}"
    assert search.query == {
        "fields[Contacts]": "date_entered,phone_mobile,phone_work,phone_home,phone_other,"
        "assistant_phone,tier_c",
        "filter[operator]": "or",
        "filter[phone_mobile][like]": ADA_LIKE,
        "filter[phone_work][like]": ADA_LIKE,
        "filter[phone_home][like]": ADA_LIKE,
        "filter[phone_other][like]": ADA_LIKE,
        "filter[assistant_phone][like]": ADA_LIKE,
        "sort": "-date_entered",
        "page[size]": "10",
    }


def test_keyed_digits_are_looked_for_as_they_are(asking):
    asking.crm.add("Contacts", account_no_c="0042")

    asking.digits("0042", "account_no_c", "tier_c")

    assert asking.crm.searches()[0].query == {
        "fields[Contacts]": "date_entered,phone_mobile,phone_work,phone_home,phone_other,"
        "assistant_phone,tier_c,account_no_c",
        "filter[account_no_c][eq]": "0042",
        "sort": "-date_entered",
        "page[size]": "10",
    }


@pytest.mark.parametrize(
    "stored",
    ["202.555.0101", "1-202-555-0101", "20 25 55 01 01", "001 202 5550101", "202-555-0101 ext. 12"],
)
def test_the_spacing_of_a_number_does_not_matter(asking, stored):
    asking.crm.add("Contacts", phone_home=stored)

    assert isinstance(asking.caller(ADA), Found)


def test_what_only_has_the_same_digits_in_it_is_not_the_caller(asking):
    asking.crm.add("Contacts", phone_mobile="20255590101", phone_work="2025550101 99 88")

    assert asking.caller(ADA) == NotFound()


def test_a_number_from_abroad_is_looked_for_with_its_country_code(asking):
    asking.crm.add("Contacts", phone_mobile="+49 (0)30 1234567")

    answer = asking.caller("+49301234567")

    assert isinstance(answer, Found)
    assert asking.crm.searches()[0].query["filter[phone_mobile][like]"] == "%4%9%3%0%1%2%3%4%5%6%7%"


@pytest.mark.parametrize(("version", "base"), [("7", "/suite/Api"), ("8", "/suite/legacy/Api")])
def test_each_version_has_its_own_address(asking, version, base):
    asking.crm.base = base
    asking.crm.add("Contacts", phone_mobile=ADA)
    asking.connect(options={VERSION: version})

    assert isinstance(asking.caller(ADA), Found)


def test_the_other_version_is_said_not_to_be_there(asking):
    asking.connect(options={VERSION: "7"})

    with pytest.raises(CrmRefused, match="version that was chosen is not at this address"):
        asking.sign_in()


@pytest.mark.parametrize(
    ("order", "sort"),
    [
        (None, "-date_entered"),
        (Order(), "-date_entered"),
        (Order("balance_c"), "-balance_c"),
        (Order("balance_c", is_highest=False), "balance_c"),
    ],
)
def test_the_records_come_in_the_order_that_counts(asking, order, sort):
    asking.crm.add("Contacts", phone_mobile=ADA)

    asking.caller(ADA, order=order)

    query = asking.crm.searches()[0].query
    assert (query["sort"], query["page[size]"]) == (sort, "100" if order else "10")


def test_the_records_of_one_number_come_with_what_tells_them_apart(asking):
    asking.crm.add("Contacts", phone_mobile=ADA, balance_c=9)
    asking.crm.add("Contacts", phone_work=ADA, balance_c=10)

    answer = asking.caller(ADA, order=Order("balance_c"))

    assert isinstance(answer, Several)
    assert [one.values["balance_c"] for one in answer.records] == [Decimal(10), Decimal(9)]
    assert [one.created for one in answer.records] == [
        "2026-01-02T10:00:00+00:00",
        "2026-01-01T10:00:00+00:00",
    ]


def test_a_lead_that_was_converted_is_nobodys(asking):
    asking.crm.add("Leads", phone_mobile=ADA, converted=True, account_no_c="1001")

    assert asking.caller(ADA, module="Leads") == NotFound()
    assert asking.digits("1001", "account_no_c", module="Leads") == NotFound()


def test_converted_leads_count_for_a_full_page(asking):
    for _ in range(10):
        asking.crm.add("Leads", phone_mobile=ADA, converted=True)

    with pytest.raises(CrmTooMany):
        asking.caller(ADA, module="Leads")


def test_a_module_of_ones_own_is_searched_by_its_phone_fields(asking):
    asking.crm.add("acme_Visits", converted=True, hotline_c="202-555-0101", tier_c="Gold")

    answer = asking.caller(ADA, "tier_c", module="acme_Visits")

    assert found(answer, "tier_c") == "Gold"
    assert "filter[hotline_c][like]" in asking.crm.searches()[0].query


def test_a_module_whose_fields_stay_unsaid_is_searched_by_the_usual_ones(asking):
    asking.crm.undescribed = {"Leads", "acme_Visits"}
    asking.crm.add("Leads", assistant_phone=ADA, tier_c="Gold")
    asking.crm.add("Leads", phone_mobile=ADA, converted=True)

    assert found(asking.caller(ADA, "tier_c", module="Leads"), "tier_c") == "Gold"
    with pytest.raises(CrmMisconfigured):
        asking.caller(ADA, module="acme_Visits")


def test_texts_are_read_as_people_see_them(asking):
    asking.crm.add("Contacts", phone_mobile=ADA, tier_c='O\'Hara & "Sons" <Ltd> &amp;')

    assert found(asking.caller(ADA, "tier_c"), "tier_c") == 'O\'Hara & "Sons" <Ltd> &amp;'


def test_several_of_a_list_are_a_list_of_keys(asking):
    asking.crm.add("Contacts", phone_mobile=ADA, tags_c=["Hot Prospect", "Cold_Lead"])
    asking.crm.add("Contacts", phone_mobile="+12025550102", tags_c="^Cold_Lead^")
    asking.crm.add("Contacts", phone_mobile="+12025550103", tags_c="^^")

    assert found(asking.caller(ADA, "tags_c"), "tags_c") == ["Hot Prospect", "Cold_Lead"]
    assert found(asking.caller("+12025550102", "tags_c"), "tags_c") == ["Cold_Lead"]
    assert found(asking.caller("+12025550103", "tags_c"), "tags_c") == []


def test_keys_of_a_list_become_labels_where_they_are_told(asking):
    asking.crm.tells_items = True
    asking.crm.add("Contacts", phone_mobile=ADA, stage_c="Cold_Lead", tags_c=["Cold_Lead"])

    answer = asking.caller(ADA, "stage_c", "tags_c")

    assert (found(answer, "stage_c"), found(answer, "tags_c")) == ("Cold lead", ["Cold lead"])
    assert asking.fields()["stage_c"].choices == (
        ("Hot Prospect", "Hot Prospect"),
        ("Cold_Lead", "Cold lead"),
    )


def test_keys_of_a_list_stay_as_they_are_where_labels_are_not_told(asking):
    asking.crm.add("Contacts", phone_mobile=ADA, stage_c="Cold_Lead")

    assert found(asking.caller(ADA, "stage_c"), "stage_c") == "Cold_Lead"
    assert asking.fields()["stage_c"].choices == ()


def test_labels_of_fields_are_made_from_their_names(asking):
    fields = asking.fields()

    assert fields["account_no_c"].label == "Account no"
    assert fields["phone_mobile"].label == "Phone mobile"
    assert fields["account_name"].type is FieldType.LINK
    assert "accounts" not in fields


@pytest.mark.parametrize(("digits", "is_there"), [("42", True), ("0042", False), ("42x", False)])
def test_digits_keyed_in_for_a_number_are_compared_as_digits(asking, digits, is_there):
    asking.crm.add("Contacts", number_c=42, balance_c=42)

    for field in ("number_c", "balance_c"):
        answer = asking.digits(digits, field)
        assert isinstance(answer, Found if is_there else NotFound)


def test_a_phone_field_that_is_only_shown_is_not_searched(asking):
    asking.crm.add("Contacts", tier_c="Gold")

    assert asking.caller(ADA) == NotFound()
    assert "account_phone" not in str(asking.crm.searches()[0])
    assert asking.fields()["account_phone"].type is FieldType.TEXT


def test_the_fields_of_a_module_that_there_is_not_are_refused(asking):
    with pytest.raises(CrmMisconfigured):
        asking.fields("NoSuchModule")


def test_only_modules_that_may_be_viewed_are_listed(asking):
    assert asking.modules() == ["Contacts", "Leads", "Accounts", "Calls", "acme_Visits"]


@pytest.mark.parametrize(
    ("field", "module"),
    [("accounts.name", "Contacts"), ("tier_c", "Contacts.x"), ("a,b", "Contacts")],
)
def test_a_name_that_can_be_none_is_never_sent(asking, field, module):
    with pytest.raises(CrmMisconfigured):
        asking.caller(ADA, field, module=module)
    with pytest.raises(CrmMisconfigured):
        asking.digits("1001", field, module=module)
    assert asking.crm.searches() == []


def test_a_user_signs_in_with_user_name_and_password(asking):
    asking.crm.grant = "password"
    asking.crm.add("Contacts", phone_mobile=ADA)
    asking.connect(options={"account": "phone-system"}, secrets={"token": "user-password-4711"})

    assert isinstance(asking.caller(ADA), Found)
    assert asking.crm.requests[0].form == {
        "grant_type": "password",
        "client_id": "6e9bc0de-client",
        "client_secret": "client-secret-4711",
        "username": "phone-system",
        "password": "user-password-4711",
    }


@pytest.mark.parametrize(
    ("options", "secrets"),
    [
        ({"username": "nobody"}, {}),
        ({}, {"password": "wrong-secret"}),
        ({"account": "nobody"}, {"token": "user-password-4711"}),
        ({"account": "phone-system"}, {"token": "mistyped-4711"}),
    ],
    ids=["client", "secret", "user", "password"],
)
def test_whoever_is_not_let_in_is_said_so_whatever_status_it_comes_with(asking, options, secrets):
    asking.crm.grant = "password"
    asking.connect(
        options={"account": "phone-system"} | options,
        secrets={"token": "user-password-4711"} | secrets,
    )

    with pytest.raises(CrmCredentialsRefused) as caught:
        asking.caller(ADA)

    assert "4711" not in f"{caught.value!r} {caught.value.__cause__!r}"


def test_a_fault_of_its_own_while_signing_in_is_no_wrong_password(asking, server):
    body = b'{"error": "unknown_error", "message": "Key cannot be parsed"}'
    server.behaviour = lambda visit: visit.answer(body, 500)

    with pytest.raises(CrmUnavailable):
        asking.sign_in()


@pytest.mark.parametrize(
    ("options", "secrets", "complaint"),
    [
        ({"account": "phone-system"}, {}, "A secret of this CRM is missing"),
        ({}, {"token": "user-password"}, "Type the User name, too: the User's password needs it"),
    ],
)
def test_user_and_password_go_together(asking, options, secrets, complaint):
    with pytest.raises(ValueError, match=complaint):
        asking.connect(options=options, secrets=secrets)


def detail(text: str, status: int = 400) -> Callable[[Visit], None]:
    body = json.dumps({"errors": {"status": status, "title": None, "detail": text}})
    return lambda visit: visit.answer(body.encode(), status)


@pytest.mark.parametrize(
    ("happens", "expected"),
    [
        (detail("[SuiteCRM] [Not Allowed] The API user does not have access."), CrmNotPermitted),
        (detail("[SuiteCRM] [AccessDeniedException] "), CrmNotPermitted),
        (detail("Module Nothing does not exist"), CrmMisconfigured),
        (detail("Sort field nothing in Contact module is not found"), CrmMisconfigured),
        (detail("Filter field x in Contact module is not found", 200), CrmMisconfigured),
        (detail("something broke", 500), CrmUnavailable),
        (lambda visit: visit.answer(b'{"data": []} Database failure.'), CrmBadAnswer),
        (lambda visit: visit.answer(b"<br /><b>Notice</b>: ... {}"), CrmBadAnswer),
        (lambda visit: visit.answer(b'{"data": {"id": "1"}}'), CrmBadAnswer),
    ],
)
def test_what_goes_wrong_is_told_apart(asking, happens, expected):
    asking.caller(ADA)
    asking.crm.troubles = [happens]

    with pytest.raises(CrmError) as caught:
        asking.caller(ADA)

    assert type(caught.value) is expected


def test_a_version_that_cannot_search_is_said_to_be_too_old(asking):
    asking.crm.knows_like = False

    with pytest.raises(CrmRefused, match="too old"):
        asking.caller(ADA)


def test_what_may_not_be_described_is_told_apart_too(asking):
    asking.crm.hidden_modules = {"Leads"}

    with pytest.raises(CrmNotPermitted):
        asking.fields("Leads")


@pytest.mark.parametrize("body", [b'{"data": {"attributes": []}}', b'{"data": {}}', b"{}"])
def test_modules_that_are_told_in_another_shape_are_none_or_unreadable(asking, body, monkeypatch):
    asking.sign_in()
    monkeypatch.setattr(type(asking.crm), "__call__", lambda self, visit: visit.answer(body))

    if b"[]" in body:
        assert asking.modules() == []
    else:
        with pytest.raises(CrmBadAnswer):
            asking.modules()


def test_a_record_without_fields_is_not_the_callers(asking):
    asking.caller(ADA)
    asking.crm.troubles = [lambda visit: visit.answer(b'{"data": [{"attributes": []}]}')]

    assert asking.caller(ADA, "tier_c") == NotFound()


@pytest.mark.parametrize(
    ("sent", "read"),
    [(b"true", True), (b"false", False), (b'"1"', True), (b'"0"', False), (b'""', "")],
)
def test_a_yes_or_no_comes_in_several_ways(asking, sent, read):
    asking.caller(ADA)
    body = b'{"data": [{"attributes": {"phone_mobile": "%s", "vip_c": %s}}]}'
    asking.crm.troubles = [lambda visit: visit.answer(body % (ADA.encode(), sent))]

    assert found(asking.caller(ADA, "vip_c"), "vip_c") == read


@pytest.mark.parametrize(
    "url", ["http://crm.example.com", "https://crm.example.com/#/home", "https://c.example/?a=1"]
)
def test_an_address_that_can_be_none_is_refused(url):
    with pytest.raises(ValueError, match=r"address|site"):
        KINDS["suitecrm"].check(url)
