"""What is special about Zoho CRM: COQL, data centres, tokens that are counted."""

import json
from collections.abc import Callable

import pytest

from tests.crm.https_server import Visit
from tests.wire.asking import Asking
from tests.wire.standin import Response
from tests.wire.zoho import CENTRES, Zoho
from voiceapp.crm.contract import (
    CrmBadAnswer,
    CrmCredentialsRefused,
    CrmMisconfigured,
    CrmNotPermitted,
    CrmThrottled,
    CrmUnavailable,
    Found,
    NotFound,
    Order,
    Several,
)
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.fields import FieldType
from voiceapp.crm.kind import Connection, secret_slot
from voiceapp.crm.registry import KINDS

ADA = "+12025550101"
SPELLED = (
    "('+12025550101', '12025550101', '2025550101', '(202) 555-0101', '+1 202-555-0101', "
    "'0012025550101', '+1 202 555 0101', '+1-202-555-0101', '+1.202.555.0101', '202-555-0101', "
    "'202 555 0101', '202.555.0101', '202/555/0101', '202 5550101', '202-5550101', "
    "'202/5550101', '(202) 555 0101', '+1 (202) 555-0101', '1-202-555-0101')"
)


@pytest.fixture
def asking(start: Callable[..., Asking]) -> Asking:
    return start(Zoho)


def queries(asking: Asking) -> list[str]:
    return [request.json["select_query"] for request in asking.crm.searches()]


def says(status: int, code: str) -> Callable[[Visit], None]:
    body = json.dumps({"code": code, "details": {}, "message": "secret", "status": "error"})
    return lambda visit: visit.answer(body.encode(), status)


def test_a_lookup_is_one_query_for_all_spellings_in_all_phone_fields(asking):
    asking.crm.add("Contacts", Other_Phone="(202) 555-0101", Tier="Gold")

    answer = asking.caller(ADA, "Tier")

    assert answer == Found({"Tier": "Gold"}, "phone number", "(202) 555-0101")
    [request] = asking.crm.searches()
    assert (request.method, request.host) == ("POST", "www.zohoapis.eu")
    assert (request.path, request.query) == ("/crm/v8/coql", {})
    assert request.headers["authorization"] == "Zoho-oauthtoken 1000.access.1-secret"
    assert request.json == {
        "select_query": "select id, Created_Time, Phone, Mobile, Home_Phone, Other_Phone, "
        f"Tier from Contacts where (((Phone in {SPELLED} or Mobile in {SPELLED}) or "
        f"Home_Phone in {SPELLED}) or Other_Phone in {SPELLED}) "
        "order by Created_Time desc limit 10"
    }


def test_a_lead_that_was_converted_is_not_found(asking):
    asking.crm.add("Leads", Mobile=ADA, Tier="Gold", Converted__s=True)

    assert asking.caller(ADA, "Tier", module="Leads") == NotFound()

    assert queries(asking) == [
        "select id, Created_Time, Phone, Mobile, Tier from Leads "
        f"where ((Phone in {SPELLED} or Mobile in {SPELLED}) and Converted__s = 'false') "
        "order by Created_Time desc limit 10"
    ]


def test_an_organisation_without_converted_leads_is_not_asked_for_them(asking):
    asking.crm.untold = {"Converted__s"}
    asking.crm.add("Leads", Mobile=ADA, Tier="Gold")

    answer = asking.caller(ADA, "Tier", module="Leads")

    assert answer == Found({"Tier": "Gold"}, "phone number", ADA)
    assert "Converted__s" not in queries(asking)[0]


@pytest.mark.parametrize("field", ["Asst_Phone", "Fax"])
def test_the_number_of_an_assistant_or_a_fax_is_not_the_contacts(asking, field):
    asking.crm.add("Contacts", Phone="+12025550199", **{field: ADA})

    assert asking.caller(ADA) == NotFound()
    assert field not in queries(asking)[0]


@pytest.mark.parametrize(
    ("order", "written"),
    [
        (Order(), "Created_Time desc"),
        (Order("Balance"), "Balance desc"),
        (Order("Balance", is_highest=False), "Balance asc"),
        (Order("Group"), "'Group' desc"),
    ],
)
def test_the_order_is_told_so_that_the_page_has_the_right_ones(asking, order, written):
    for number in range(130):
        asking.crm.add("Accounts", Phone=ADA, Balance=number, Group=f"{number:03}")

    answer = asking.caller(ADA, module="Accounts", order=order)

    assert isinstance(answer, Several)
    assert answer.count == 100
    assert queries(asking)[0].endswith(f" order by {written} limit 100")


@pytest.mark.parametrize("typed", ["O'Hara", "'", "\\", "\\'", "' or 'a' = 'a", "a\nb", "%", "*"])
def test_what_is_keyed_in_is_found_as_it_is(asking, typed):
    asking.crm.add("Contacts", Customer_No=typed, Tier="Gold")
    asking.crm.add("Contacts", Customer_No="other", Tier="Silver")

    answer = asking.digits(typed, "Customer_No", "Tier")

    assert answer == Found({"Tier": "Gold"}, "Customer_No")


def test_a_quote_is_written_twice(asking):
    asking.digits("O'Hara\\", "Customer_No")

    assert queries(asking) == [
        "select id, Created_Time, Phone, Mobile, Home_Phone, Other_Phone, Customer_No "
        r"from Contacts where Customer_No = 'O''Hara\\' order by Created_Time desc limit 10"
    ]


def test_digits_are_looked_for_as_a_number_in_a_field_of_numbers(asking):
    asking.crm.add("Contacts", Member_No=42, Tier="Gold")

    answer = asking.digits("42", "Member_No", "Tier")

    assert answer == Found({"Tier": "Gold"}, "Member_No")
    assert " where Member_No = 42 order by " in queries(asking)[0]


@pytest.mark.parametrize("digits", ["0042", "42#", "*", "4" * 40, "٤٢"])
def test_what_no_number_can_be_is_not_looked_for_among_numbers(asking, digits):
    asking.crm.add("Contacts", Member_No=42)

    assert asking.digits(digits, "Member_No") == NotFound()
    assert queries(asking) == []


def test_a_field_called_like_a_word_of_sql_stands_in_quotes(asking):
    asking.crm.add("Contacts", Phone=ADA, Group="A7")

    assert asking.caller(ADA, "Group").values == {"Group": "A7"}
    assert asking.digits("A7", "Group").matched_by == "Group"

    assert ", 'Group' from Contacts " in queries(asking)[0]
    assert " where 'Group' = 'A7' " in queries(asking)[1]


def test_what_is_read_anyway_is_asked_for_once(asking):
    asking.crm.add("Contacts", Phone=ADA)

    answer = asking.caller(ADA, "Phone", "Created_Time", "id")

    assert answer.values["Created_Time"] == "2026-01-01T10:00:00+05:30"
    assert queries(asking)[0].startswith("select id, Created_Time, Phone, Mobile, ")


def test_a_module_that_is_none_never_becomes_part_of_a_query(asking):
    with pytest.raises(CrmMisconfigured):
        asking.digits("1", "Customer_No", module="Contacts where id = 1 or Tier")

    assert queries(asking) == []


def test_fields_of_a_linked_record_are_read_by_their_path(asking):
    account = asking.crm.add("Accounts", Account_Name="Zylker", Industry="Tea")
    asking.crm.add("Contacts", Phone=ADA, Account_Name=account, Owner="554023000000235011")

    answer = asking.caller(ADA, "Account_Name.Industry", "Account_Name", "Owner")

    assert answer.values == {
        "Account_Name.Industry": "Tea",
        "Account_Name": account,
        "Owner": "554023000000235011",
    }


@pytest.mark.parametrize("sends_actual_values", [True, False])
def test_pick_lists_come_as_people_read_them_whichever_zoho_sends(asking, sends_actual_values):
    asking.crm.sends_actual_values = sends_actual_values
    asking.crm.add("Contacts", Phone=ADA, Stage="hot")

    assert asking.caller(ADA, "Stage").values == {"Stage": "Hot Prospect"}


def test_a_label_that_is_the_key_of_another_stays_what_it_is(asking):
    asking.crm.add("Contacts", Phone=ADA, Stage="cold")

    assert asking.caller(ADA, "Stage").values == {"Stage": "Cold"}


def test_lists_and_tags_come_as_lists_of_texts(asking):
    tags = [{"name": "VIP", "id": "1", "color_code": None}, {"name": "Press", "id": "2"}]
    asking.crm.add("Contacts", Phone=ADA, Languages=["English", "German"], Tag=tags)

    answer = asking.caller(ADA, "Languages", "Tag")

    assert answer.values == {"Languages": ["English", "German"], "Tag": ["VIP", "Press"]}


def test_further_modules_are_searched_by_the_phone_fields_they_have(asking):
    asking.crm.add("Visitors", Door_Phone="2025550101", Tier="Gold")

    assert asking.caller(ADA, "Tier", module="Visitors").values == {"Tier": "Gold"}


def test_a_module_without_phone_fields_is_said_so(asking):
    with pytest.raises(CrmMisconfigured):
        asking.caller(ADA, "Name", module="Dealers")

    assert queries(asking) == []


def test_an_encrypted_phone_field_is_left_out_of_the_query(asking):
    asking.crm.add("Contacts", Phone=ADA, Secret_Phone="+12025550199")

    assert asking.fields()["Secret_Phone"].type is FieldType.TEXT
    assert asking.caller("+12025550199", "Tier") == NotFound()
    assert asking.caller(ADA, "Secret_Phone").values == {"Secret_Phone": "+12025550199"}


def test_where_the_fields_are_not_told_the_usual_ones_are_searched(asking):
    asking.crm.hides_fields = True
    asking.crm.add("Contacts", Other_Phone=ADA, Tier="Gold")

    assert asking.caller(ADA, "Tier").values == {"Tier": "Gold"}


def test_the_types_of_fields_are_told(asking):
    types = {name: field.type for name, field in asking.fields().items()}

    assert types == {
        "id": FieldType.NUMBER,
        "Created_Time": FieldType.MOMENT,
        **dict.fromkeys(asking.crm.names.phones, FieldType.PHONE),
        **dict.fromkeys(("Asst_Phone", "Fax"), FieldType.PHONE),
        "Secret_Phone": FieldType.TEXT,
        "Tier": FieldType.TEXT,
        "Stage": FieldType.CHOICE,
        "Languages": FieldType.CHOICES,
        "Balance": FieldType.NUMBER,
        "Score": FieldType.NUMBER,
        "VIP": FieldType.YES_NO,
        "Since": FieldType.DATE,
        "Customer_No": FieldType.TEXT,
        "Member_No": FieldType.NUMBER,
        "Group": FieldType.TEXT,
        "Owner": FieldType.LINK,
        "Tag": FieldType.TEXT,
        "Account_Name": FieldType.LINK,
    }
    stage = asking.fields()["Stage"]
    assert stage.label == "Our Stage"
    assert stage.choices == (
        ("hot", "Hot Prospect"),
        ("cold", "Cold"),
        ("Cold", "Frozen"),
        ("off", "Out of use"),
    )


def test_modules_that_hold_no_records_are_not_listed(asking):
    assert asking.modules() == ["Contacts", "Leads", "Accounts", "Dealers", "Visitors"]


def test_a_token_is_fetched_from_the_data_centre_that_was_chosen(asking):
    asking.sign_in()

    [request] = asking.crm.requests
    assert (request.host, request.path, request.query) == (
        "accounts.zoho.eu",
        "/oauth/v2/token",
        {},
    )
    assert request.form == {
        "grant_type": "refresh_token",
        "client_id": "1000.CLIENT",
        "client_secret": "client-secret-4711",
        "refresh_token": "1000.refresh.4711",
    }


def test_the_host_that_an_answer_names_is_not_asked(asking):
    asking.crm.api_domain = "https://zohoapis.example"
    asking.crm.add("Contacts", Phone=ADA)

    assert isinstance(asking.caller(ADA), Found)


@pytest.mark.parametrize("accounts", CENTRES)
def test_every_data_centre_is_asked_where_its_tokens_are_good(asking, accounts):
    asking.connect(url=f"https://{accounts}")

    asking.caller(ADA)

    hosts = [request.host for request in asking.crm.requests]
    assert hosts == [accounts, CENTRES[accounts], CENTRES[accounts]]


def test_credentials_go_to_no_other_host(asking):
    kind = KINDS["zoho"]

    assert [value for value, _ in kind.ask("url").choices] == [f"https://{one}" for one in CENTRES]
    for other in (
        "https://accounts.zoho.eu.evil.example",
        "https://www.zohoapis.eu",
        "http://x",
        "",
    ):
        with pytest.raises(ValueError, match="data centre"):
            kind.check(other)


def test_too_many_tokens_are_no_wrong_credentials(asking):
    for _ in range(10):
        asking.connect()
        asking.sign_in()
    asking.connect()

    with pytest.raises(CrmThrottled):
        asking.sign_in()


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, {"error": "invalid_client"}, CrmCredentialsRefused),
        (200, {"error": "invalid_code"}, CrmCredentialsRefused),
        (400, {"error": "invalid_client_secret"}, CrmCredentialsRefused),
        (400, b"Bad Request", CrmCredentialsRefused),
        (401, b"Unauthorized", CrmCredentialsRefused),
        (200, {"error": "Access Denied", "status": "failure"}, CrmThrottled),
        (400, {"error": "Access Denied", "status": "failure"}, CrmThrottled),
        (429, {"error": "too many"}, CrmThrottled),
        (200, {"error": "general_error"}, CrmUnavailable),
        (500, {"error": "invalid_client"}, CrmUnavailable),
        (200, {"api_domain": "https://www.zohoapis.eu"}, CrmBadAnswer),
        (200, b"", CrmBadAnswer),
        (200, b"<html>", CrmBadAnswer),
    ],
)
def test_what_goes_wrong_with_a_token_has_a_name(asking, status, body, expected):
    asking.crm.token_answer = Response(status, body)

    with pytest.raises(expected):
        asking.sign_in()


def test_a_token_lasts_an_hour_whatever_unit_zoho_counts_in(asking):
    asking.crm.lifetime = 3_600_000
    asking.caller(ADA)

    asking.tokens.age(3600)
    asking.caller(ADA)

    assert asking.crm.given == 2


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (401, "INVALID_TOKEN", CrmCredentialsRefused),
        (401, "AUTHENTICATION_FAILURE", CrmCredentialsRefused),
        (401, "OAUTH_SCOPE_MISMATCH", CrmNotPermitted),
        (403, "NO_PERMISSION", CrmNotPermitted),
        (400, "AUTHORIZATION_FAILED", CrmNotPermitted),
        (400, "INVALID_QUERY", CrmMisconfigured),
        (400, "SYNTAX_ERROR", CrmMisconfigured),
        (400, "INVALID_MODULE", CrmMisconfigured),
        (400, "LIMIT_EXCEEDED", CrmMisconfigured),
        (404, "INVALID_URL_PATTERN", CrmMisconfigured),
        (429, "TOO_MANY_REQUESTS", CrmThrottled),
        (500, "INTERNAL_ERROR", CrmUnavailable),
        (200, "INTERNAL_ERROR", CrmBadAnswer),
    ],
)
def test_zohos_codes_have_our_names(asking, status, code, expected):
    asking.caller(ADA)
    asking.crm.troubles = [says(status, code)] * 2

    with pytest.raises(expected) as caught:
        asking.caller(ADA)

    assert type(caught.value) is expected
    assert "secret" not in str(caught.value)


def redeemed(asking: Asking, code: str, password: str = "") -> str:
    """Exchange a code as the settings pages do when it is saved."""
    told = {**asking.crm.options, **asking.crm.secrets, "token": code}
    told |= {"password": password} if password else {}
    secrets = {secret_slot(name, told): told[name] for name in ("password", "token")}
    connection = Connection("zoho", asking.crm.url, asking.crm.options, secrets, "US")
    return KINDS["zoho"].redeem(connection, asking.door, Deadline.after(10))


def test_a_code_is_exchanged_for_the_refresh_token_once(asking):
    (code,) = asking.crm.codes

    assert redeemed(asking, code) == asking.crm.secrets["token"]
    assert redeemed(asking, code) == code


@pytest.mark.parametrize("typed", ["1000.a-refresh-token", "nonsense", "a+b c&d"])
def test_what_is_no_code_stays_as_it_is(asking, typed):
    assert redeemed(asking, typed) == typed
    assert asking.crm.codes


def test_with_a_wrong_client_secret_nothing_is_exchanged(asking):
    (code,) = asking.crm.codes

    assert redeemed(asking, code, password="another-secret") == code
    assert asking.crm.codes
