"""What is special about Dynamics 365: OData, lookups, labels, definitions, Microsoft's sign-in."""

import json
import re
from urllib.parse import quote, urlencode

import pytest

from tests.wire.asking import Asking
from tests.wire.dynamics import Dynamics
from tests.wire.dynamics_odata import STAGES
from voiceapp.crm.contract import (
    CrmCredentialsRefused,
    CrmMisconfigured,
    CrmNotPermitted,
    CrmRefused,
    CrmThrottled,
    CrmUnavailable,
    Found,
    NotFound,
    Order,
    Several,
)
from voiceapp.crm.fields import FieldType
from voiceapp.crm.registry import KINDS

ADA = "+12025550101"


@pytest.fixture
def asking(start) -> Asking:
    return start(Dynamics)


def values(answer, *fields):
    assert isinstance(answer, Found)
    return tuple(answer.values[field] for field in fields)


def last(asking):
    return asking.crm.searches()[-1]


def test_one_request_asks_for_all_spellings_in_all_phone_fields(asking):
    asking.caller(ADA, "new_tier")

    tried = json.dumps(
        [
            "+12025550101",
            "12025550101",
            "2025550101",
            "(202) 555-0101",
            "+1 202-555-0101",
            "0012025550101",
            "+1 202 555 0101",
            "+1-202-555-0101",
            "+1.202.555.0101",
            "202-555-0101",
            "202 555 0101",
            "202.555.0101",
            "202/555/0101",
            "202 5550101",
            "202-5550101",
            "202/5550101",
            "(202) 555 0101",
            "+1 (202) 555-0101",
            "1-202-555-0101",
        ],
        separators=(",", ":"),
    )
    extended = ("+12025550101", "2025550101", "(202) 555-0101", "202-555-0101", "+1 202-555-0101")
    by_number = " or ".join(
        test
        for field in ("telephone1", "mobilephone", "telephone2", "telephone3")
        for test in (
            f"Microsoft.Dynamics.CRM.In(PropertyName='{field}',PropertyValues={tried})",
            *(f"startswith({field},'{one}')" for one in extended),
        )
    )
    assert (last(asking).method, last(asking).path) == ("GET", "/api/data/v9.2/contacts")
    assert last(asking).query == {
        "$select": "telephone1,mobilephone,telephone2,telephone3,new_tier,createdon",
        "$filter": f"statecode eq 0 and ({by_number})",
        "$orderby": "createdon desc",
        "$top": "10",
    }
    assert last(asking).headers["odata-version"] == "4.0"
    assert last(asking).headers["odata-maxversion"] == "4.0"


def test_a_request_stays_far_below_the_length_that_is_allowed(asking):
    asking.caller(ADA, "new_tier")

    assert len(urlencode(last(asking).query, quote_via=quote)) < 4000


def test_the_number_of_somebodys_manager_is_not_theirs(asking):
    asking.crm.add("Contacts", telephone1="+12025550199", managerphone=ADA)

    assert asking.caller(ADA, "new_tier") == NotFound()


def test_only_active_people_are_found(asking):
    """Merging two contacts leaves one of them behind, inactive."""
    asking.crm.add("Contacts", telephone1=ADA, new_tier="Old", statecode=1)
    asking.crm.add("Contacts", telephone1=ADA, new_tier="Gold")

    answer = asking.caller(ADA, "new_tier")

    assert values(answer, "new_tier") == ("Gold",)


def test_a_qualified_lead_is_not_found(asking):
    asking.crm.add("Leads", telephone1=ADA, statecode=1)

    assert asking.caller(ADA, module="Leads") == NotFound()


def test_the_highest_value_is_asked_for_first(asking):
    for balance in (20, 300):
        asking.crm.add("Contacts", telephone1=ADA, new_balance=balance)

    answer = asking.caller(ADA, order=Order("new_balance", is_highest=True))

    assert (last(asking).query["$orderby"], last(asking).query["$top"]) == (
        "new_balance desc",
        "100",
    )
    assert [one.values["new_balance"] for one in answer.records] == [300, 20]


def test_the_lowest_value_is_asked_for_first(asking):
    for balance in (20, 300):
        asking.crm.add("Contacts", telephone1=ADA, new_balance=balance)

    answer = asking.caller(ADA, order=Order("new_balance", is_highest=False))

    assert last(asking).query["$orderby"] == "new_balance asc"
    assert [one.values["new_balance"] for one in answer.records] == [20, 300]


def test_the_newest_comes_first_and_says_when_it_was_created(asking):
    asking.crm.add("Contacts", telephone1=ADA, createdon="2026-03-01T10:00:00Z")
    asking.crm.add("Contacts", telephone1=ADA, createdon="2026-04-01T10:00:00Z")

    answer = asking.caller(ADA, order=Order())

    assert isinstance(answer, Several)
    assert [one.created for one in answer.records] == [
        "2026-04-01T10:00:00Z",
        "2026-03-01T10:00:00Z",
    ]


def test_a_lookup_reads_as_the_name_of_what_it_leads_to(asking):
    company = {"id": "5f1e", "name": "Initech"}
    asking.crm.add("Contacts", telephone1=ADA, parentcustomerid=company, ownerid=None)

    answer = asking.caller(ADA, "parentcustomerid", "_parentcustomerid_value", "ownerid")

    assert values(answer, "parentcustomerid", "_parentcustomerid_value") == ("Initech", "Initech")
    assert values(answer, "ownerid") == (None,)
    assert "_parentcustomerid_value,_ownerid_value" in last(asking).query["$select"]


def test_fields_of_what_a_lookup_leads_to_are_read_in_the_same_request(asking):
    account = {"new_tier": "Gold", "new_stage": 727000001, "new_balance": 1000, "new_vip": True}
    company = {"id": "5f1e", "name": "Initech", "row": account}
    asking.crm.add("Contacts", telephone1=ADA, parentcustomerid=company)
    asking.caller(ADA)
    asking.crm.requests.clear()
    names = ("new_tier", "new_stage", "new_balance", "new_vip")
    fields = [f"parentcustomerid_account.{one}" for one in names]

    answer = asking.caller(ADA, *fields)

    assert values(answer, *fields) == ("Gold", "Hot Prospect", 1000, True)
    assert last(asking).query["$expand"] == f"parentcustomerid_account($select={','.join(names)})"
    assert len(asking.crm.requests) == 1


def test_fields_behind_an_empty_lookup_are_empty(asking):
    asking.crm.add("Contacts", telephone1=ADA)

    answer = asking.caller(ADA, "parentcustomerid_account.new_tier")

    assert values(answer, "parentcustomerid_account.new_tier") == (None,)


def test_two_lookups_in_a_row_are_refused(asking):
    with pytest.raises(CrmMisconfigured):
        asking.caller(ADA, "parentcustomerid_account.primarycontactid.fullname")
    assert asking.crm.searches() == []


def test_a_record_is_found_by_a_field_of_what_a_lookup_leads_to(asking):
    company = {"id": "5f1e", "name": "Initech", "row": {"new_accountno": "0042"}}
    asking.crm.add("Contacts", parentcustomerid=company, new_tier="Gold")

    answer = asking.digits("0042", "parentcustomerid_account.new_accountno", "new_tier")

    assert values(answer, "new_tier") == ("Gold",)
    condition = "statecode eq 0 and (parentcustomerid_account/new_accountno eq '0042')"
    assert last(asking).query["$filter"] == condition


def test_several_choices_read_as_a_list_of_labels(asking):
    asking.crm.add("Contacts", telephone1=ADA, new_tags="1,3")

    answer = asking.caller(ADA, "new_tags")

    assert values(answer, "new_tags") == (["VIP; gold", "Press"],)


def test_a_choice_that_is_newer_than_what_is_known_of_the_field_has_its_label(asking):
    asking.crm.add("Contacts", telephone1=ADA, new_stage=727000009)

    answer = asking.caller(ADA, "new_stage")

    assert values(answer, "new_stage") == ("Brand New",)


def test_numbers_and_dates_come_as_stored_and_not_as_shown(asking):
    asking.crm.add(
        "Contacts", telephone1=ADA, new_balance=1000, new_since="2026-11-22", new_vip=False
    )

    answer = asking.caller(ADA, "new_balance", "new_since", "new_vip", "createdon")

    assert values(answer, "new_balance", "new_since", "new_vip") == (1000, "2026-11-22", False)
    assert values(answer, "createdon") == ("2026-01-01T10:00:00Z",)


def test_a_quote_that_is_keyed_in_is_doubled(asking):
    asking.digits("1' or 'a' eq 'a", "new_accountno")

    condition = "statecode eq 0 and (new_accountno eq '1'' or ''a'' eq ''a')"
    assert last(asking).query["$filter"] == condition


def test_digits_are_a_number_where_the_field_is_one(asking):
    asking.crm.add("Contacts", new_size=42, new_tier="Gold")

    assert values(asking.digits("42", "new_size", "new_tier"), "new_tier") == ("Gold",)
    assert last(asking).query["$filter"] == "statecode eq 0 and (new_size eq 42)"
    assert asking.digits("0042", "new_size", "new_tier") == NotFound()


@pytest.mark.parametrize("keyed", ["*42", "4#2", "٤٢", "", "0042", "4" * 40])
def test_what_is_no_number_is_not_looked_for_in_a_field_for_numbers(asking, keyed):
    asking.crm.add("Contacts", new_size=42)

    assert asking.digits(keyed, "new_size") == NotFound()
    assert asking.crm.searches() == []


def test_digits_find_a_choice_by_its_label(asking, monkeypatch):
    monkeypatch.setitem(STAGES, 5, "1005")
    asking.crm.add("Contacts", new_stage=5, new_tier="Gold")

    answer = asking.digits("1005", "new_stage", "new_tier")

    assert values(answer, "new_tier") == ("Gold",)
    assert asking.digits("1006", "new_stage") == NotFound()


def test_digits_in_a_field_that_can_hold_none_are_the_admins_mistake(asking):
    with pytest.raises(CrmMisconfigured):
        asking.digits("1", "new_vip")


def test_the_label_of_a_column_that_shows_another_cannot_be_read(asking):
    with pytest.raises(CrmMisconfigured):
        asking.caller(ADA, "new_stagename")


def test_other_tables_are_searched_by_the_phone_fields_that_they_say_they_have(asking):
    asking.crm.add("opportunity", new_hotline="(202) 555-0101", name="Roof")

    answer = asking.caller(ADA, "name", module="opportunities")

    assert values(answer, "name") == ("Roof",)
    assert "statecode" not in last(asking).query["$filter"]
    assert last(asking).path == "/api/data/v9.2/opportunities"


def test_a_table_without_a_date_of_creation_is_searched_without(asking):
    asking.crm.add("new_visit", new_phone=ADA, new_name="Tour")

    answer = asking.caller(ADA, "new_name", module="new_visits")

    assert values(answer, "new_name") == ("Tour",)
    assert last(asking).query.keys() == {"$select", "$filter", "$top"}


def test_a_table_without_phone_fields_can_not_be_searched_by_number(asking):
    with pytest.raises(CrmMisconfigured):
        asking.caller(ADA, module="workflowlogs")


def test_the_modules_are_the_usual_ones_and_the_tables_that_people_search(asking):
    assert asking.modules() == ["Contacts", "Leads", "Accounts", "new_visits", "opportunities"]


def test_one_request_tells_the_fields_with_all_kinds_of_choices(asking):
    asking.sign_in()
    asking.crm.requests.clear()

    fields = asking.fields()

    assert len(asking.crm.requests) == 1
    assert fields["new_stage"].choices == (
        ("727000000", "Cold"),
        ("727000001", "Hot Prospect"),
    )
    assert fields["new_tags"].choices == (("1", "VIP; gold"), ("2", "Newsletter"), ("3", "Press"))
    assert {name: fields[name].type for name in ("new_tags", "createdon", "new_since")} == {
        "new_tags": FieldType.CHOICES,
        "createdon": FieldType.MOMENT,
        "new_since": FieldType.DATE,
    }
    assert (fields["mobilephone"].type, fields["telephone3"].type) == (
        FieldType.PHONE,
        FieldType.TEXT,
    )
    assert (fields["ownerid"].type, fields["ownerid"].label) == (FieldType.LINK, "ownerid")


def test_columns_that_hold_no_value_of_their_own_are_left_out(asking):
    assert {
        "new_stagename",
        "parentcustomeridname",
        "entityimage",
        "new_hidden",
    }.isdisjoint(asking.fields())


def test_a_lookup_works_while_the_fields_are_not_told(asking):
    asking.crm.tells_fields = False
    asking.crm.add("Contacts", mobilephone=ADA, new_tier="Gold", new_stage=727000001)

    answer = asking.caller(ADA, "new_tier", "new_stage")

    assert values(answer, "new_tier", "new_stage") == ("Gold", "Hot Prospect")


@pytest.mark.parametrize("code", ["invalid_resource", "invalid_scope"])
def test_an_environment_that_the_tenant_has_not_is_no_matter_of_credentials(asking, code):
    asking.crm.sign_in_error = code

    with pytest.raises(CrmRefused, match="environment's address") as caught:
        asking.sign_in()

    assert type(caught.value) is CrmRefused


@pytest.mark.parametrize("tenant", ["..", "a/b", "contoso", "x.com/../y", "x.com?a=b", "x y.z"])
def test_a_tenant_that_can_not_be_one_is_refused_before_anything_is_sent(asking, tenant):
    with pytest.raises(ValueError, match="an ID as Microsoft shows it, or a domain name"):
        asking.connect(options={"account": tenant})

    assert asking.crm.requests == []


def test_a_tenant_may_be_named_by_its_domain(asking):
    asking.connect(options={"account": "contoso.onmicrosoft.com"})

    with pytest.raises(CrmCredentialsRefused):  # it is not the one of the stand-in
        asking.sign_in()
    assert asking.crm.requests[-1].path == "/contoso.onmicrosoft.com/oauth2/v2.0/token"


def test_the_token_is_for_the_site_whatever_page_of_it_is_pasted(asking):
    asking.connect(url="https://ACME.crm4.dynamics.com/apps/sales/")

    asking.sign_in()

    assert asking.crm.requests[-1].form["scope"] == "https://acme.crm4.dynamics.com/.default"


@pytest.mark.parametrize(
    "url", ["https://dynamics.com.evil.test", "https://evildynamics.com", "http://a.dynamics.com"]
)
def test_credentials_never_go_to_another_host(url):
    with pytest.raises(ValueError, match=re.compile("host must end in|start with https")):
        KINDS["dynamics"].check(url)


@pytest.mark.parametrize(
    ("site", "place"),
    [
        ("https://acme.crm9.dynamics.com", "login.microsoftonline.com"),
        ("https://acme.crm.microsoftdynamics.us", "login.microsoftonline.us"),
        ("https://acme.crm.appsplatform.us", "login.microsoftonline.us"),
        ("https://acme.crm.dynamics.cn", "login.partner.microsoftonline.cn"),
    ],
)
def test_each_cloud_has_its_own_place_to_sign_in(asking, site, place):
    asking.connect(url=site)

    with pytest.raises(CrmRefused) as caught:  # by the stand-in, or by the door
        asking.sign_in()
    asked = [request.host for request in asking.crm.requests]
    assert asked == [place] or str(caught.value).startswith(f"{place} leads into")


def test_an_app_that_is_no_user_of_the_environment_is_not_permitted(asking):
    asking.crm.has_user = False

    with pytest.raises(CrmNotPermitted):
        asking.caller(ADA)


def _error(status, code, *headers):
    body = json.dumps({"error": {"code": code, "message": f"secret {ADA}"}}).encode()
    return lambda visit: visit.answer(body, status, headers)


@pytest.mark.parametrize(
    ("trouble", "error"),
    [
        (_error(400, "0x80060888"), CrmMisconfigured),
        (_error(404, "0x8006088a"), CrmMisconfigured),
        (_error(401, "0x80072560"), CrmNotPermitted),
        (_error(403, "0x80048306"), CrmNotPermitted),
        (_error(403, "0x80040220"), CrmNotPermitted),
        (_error(503, "0x80072321"), CrmThrottled),
        (_error(429, "0x80072326"), CrmThrottled),
        (_error(500, "0x80044151"), CrmUnavailable),
    ],
)
def test_every_error_has_its_own_kind(asking, trouble, error):
    asking.caller(ADA)
    asking.crm.troubles = [trouble]

    with pytest.raises(error) as caught:
        asking.caller(ADA)
    assert type(caught.value) is error
    assert ADA not in str(caught.value)


def test_a_throttled_answer_says_how_long_to_wait(asking):
    asking.crm.is_throttled = True

    with pytest.raises(CrmThrottled) as caught:
        asking.caller(ADA)

    assert caught.value.retry_after == 9
