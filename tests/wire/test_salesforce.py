"""What is special about Salesforce: SOQL, converted leads, labels, names in any case."""

import json
from collections.abc import Callable

import pytest

from tests.crm.https_server import Visit
from tests.wire.asking import Asking
from tests.wire.salesforce import Salesforce
from tests.wire.standin import Response
from voiceapp.crm.bounded import Bounded
from voiceapp.crm.contract import (
    CrmBadAnswer,
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
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.fields import FieldType
from voiceapp.crm.kind import Connection, Surroundings
from voiceapp.crm.phone import spellings
from voiceapp.crm.registry import KINDS, build_client
from voiceapp.crm.tokens import Claim, StoreAway, Token, Tokens

ADA = "+12025550101"
SPELLED = ", ".join(f"'{one}'" for one in spellings(ADA, "US"))
EXTENDED = ("+12025550101", "2025550101", "(202) 555-0101", "202-555-0101", "+1 202-555-0101")


def has_number(*fields: str) -> str:
    """Return the test for a field to have the number, with an extension or without."""
    return " OR ".join(
        test
        for one in fields
        for test in (f"{one} IN ({SPELLED})", *(f"{one} LIKE '{like}%'" for like in EXTENDED))
    )


@pytest.fixture
def asking(start: Callable[..., Asking]) -> Asking:
    return start(Salesforce)


def queries(asking: Asking) -> list[str]:
    return [request.query["q"] for request in asking.crm.searches()]


def says(status: int, code: str) -> Callable[[Visit], None]:
    body = json.dumps([{"message": f"secret {ADA}", "errorCode": code}])
    return lambda visit: visit.answer(body.encode(), status)


def test_a_lookup_is_one_query_for_all_spellings_in_all_phone_fields(asking):
    asking.crm.add("Contacts", OtherPhone="(202) 555-0101", Tier__c="Gold")

    answer = asking.caller(ADA, "Tier__c", "Stage__c")

    assert answer == Found({"Tier__c": "Gold", "Stage__c": None}, "phone number", "(202) 555-0101")
    [request] = asking.crm.searches()
    spelled = (
        "('+12025550101', '12025550101', '2025550101', '(202) 555-0101', '+1 202-555-0101', "
        "'0012025550101', '+1 202 555 0101', '+1-202-555-0101', '+1.202.555.0101', "
        "'202-555-0101', '202 555 0101', '202.555.0101', '202/555/0101', '202 5550101', "
        "'202-5550101', '202/5550101', '(202) 555 0101', '+1 (202) 555-0101', '1-202-555-0101')"
    )
    assert f"Phone IN {spelled} OR Phone LIKE '+12025550101%'" in request.query["q"]
    assert (request.method, request.host) == ("GET", "acme.my.salesforce.com")
    assert request.path == "/services/data/v62.0/query"
    assert request.headers["authorization"] == "Bearer 00Dtoken-1!secret"
    assert request.query == {
        "q": "SELECT Id, CreatedDate, Phone, MobilePhone, OtherPhone, Tier__c, toLabel(Stage__c) "
        f"FROM Contact WHERE {has_number('Phone', 'MobilePhone', 'OtherPhone')} "
        "ORDER BY CreatedDate DESC NULLS LAST LIMIT 10"
    }


def test_a_lead_that_was_converted_is_not_found(asking):
    asking.crm.add("Leads", MobilePhone=ADA, Tier__c="Old", IsConverted=True)
    asking.crm.add("Leads", Phone=ADA, Tier__c="Gold")

    answer = asking.caller(ADA, "Tier__c", module="Leads")

    assert answer == Found({"Tier__c": "Gold"}, "phone number", ADA)
    assert queries(asking) == [
        "SELECT Id, CreatedDate, Phone, MobilePhone, Tier__c FROM Lead "
        f"WHERE ({has_number('Phone', 'MobilePhone')}) AND IsConverted = false "
        "ORDER BY CreatedDate DESC NULLS LAST LIMIT 10"
    ]


@pytest.mark.parametrize("module", ["Leads", "Lead"])
def test_a_converted_lead_is_not_found_by_digits_either(asking, module):
    asking.crm.add("Leads", AccountNo__c="1001", IsConverted=True)

    assert asking.digits("1001", "AccountNo__c", module=module) == NotFound()


@pytest.mark.parametrize("field", ["AssistantPhone", "Fax"])
def test_the_number_of_an_assistant_or_a_fax_is_not_the_contacts(asking, field):
    asking.crm.add("Contacts", Phone="+12025550199", **{field: ADA})

    assert asking.caller(ADA) == NotFound()
    assert field not in queries(asking)[0]


def test_a_number_that_can_not_be_searched_is_left_out(asking):
    asking.crm.add("Contacts", Phone=ADA, Secret_Phone__c="+12025550199")

    assert asking.caller(ADA, "Secret_Phone__c").values == {"Secret_Phone__c": "+12025550199"}
    assert asking.caller("+12025550199") == NotFound()
    assert asking.fields()["Secret_Phone__c"].type is FieldType.TEXT


def test_a_field_that_may_not_be_read_is_not_searched(asking):
    asking.crm.hidden = {"MobilePhone", "OtherPhone"}
    asking.crm.add("Contacts", HomePhone=ADA, Tier__c="Gold")

    assert asking.caller(ADA, "Tier__c").values == {"Tier__c": "Gold"}
    assert queries(asking)[0].startswith("SELECT Id, CreatedDate, Phone, HomePhone, Tier__c FROM ")


def test_where_the_fields_are_not_told_the_usual_ones_are_searched(asking):
    asking.crm.tells_fields = False
    asking.crm.hidden = set()
    asking.crm.add("Contacts", HomePhone=ADA, Stage__c="hot")

    assert asking.caller(ADA, "Stage__c").values == {"Stage__c": "hot"}
    wanted = "SELECT Id, CreatedDate, Phone, MobilePhone, HomePhone, OtherPhone, Stage__c FROM "
    assert queries(asking)[0].startswith(wanted)


def test_an_object_without_numbers_that_are_told_is_not_searched_for_one(asking):
    asking.crm.tells_fields = False

    with pytest.raises(CrmMisconfigured):
        asking.caller(ADA, module="Visit__c")
    assert queries(asking) == []


def test_an_organisations_own_object_is_searched_in_its_own_numbers(asking):
    asking.crm.add("Visit__c", Door__c="202.555.0101", Tier__c="Gold")

    answer = asking.caller(ADA, "Tier__c", module="Visit__c")

    assert answer == Found({"Tier__c": "Gold"}, "phone number", "202.555.0101")
    assert queries(asking) == [
        f"SELECT Id, CreatedDate, Door__c, Tier__c FROM Visit__c WHERE {has_number('Door__c')} "
        "ORDER BY CreatedDate DESC NULLS LAST LIMIT 10"
    ]


def test_the_usual_objects_are_listed_before_the_organisations_own(asking):
    assert asking.modules() == ["Contacts", "Leads", "Accounts", "Visit__c"]


@pytest.mark.parametrize(
    ("order", "written", "first"),
    [
        (Order(), "CreatedDate DESC", 129),
        (Order("Balance__c"), "Balance__c DESC", 129),
        (Order("Balance__c", is_highest=False), "Balance__c ASC", 0),
        (Order(is_highest=False), "CreatedDate ASC", 0),
    ],
)
def test_the_order_is_told_so_that_the_page_has_the_right_ones(asking, order, written, first):
    asking.crm.add("Accounts", Phone=ADA, CreatedDate=None)
    for number in range(130):
        asking.crm.add("Accounts", Phone=ADA, Balance__c=number)

    answer = asking.caller(ADA, "Balance__c", module="Accounts", order=order)

    assert isinstance(answer, Several)
    assert answer.count == 100
    assert answer.records[0].values == {"Balance__c": first}
    assert queries(asking)[0].endswith(f" ORDER BY {written} NULLS LAST LIMIT 100")


@pytest.mark.parametrize("typed", ["Id LIMIT 1--", "Id, Name", "(SELECT Id FROM Users)", "a'b", ""])
def test_an_order_that_is_none_never_becomes_part_of_a_query(asking, typed):
    asking.crm.add("Contacts", Phone=ADA)

    if typed:
        with pytest.raises(CrmMisconfigured):
            asking.caller(ADA, order=Order(typed))
        assert queries(asking) == []
    else:
        assert isinstance(asking.caller(ADA, order=Order(typed)), Found)


@pytest.mark.parametrize(
    "typed", ["O'Hara", "'", '"', "\\", "\\'", "a\nb", "a\rb\tc", "%", "_", "*"]
)
def test_what_is_keyed_in_is_found_as_it_is(asking, typed):
    asking.crm.add("Contacts", AccountNo__c=typed, Tier__c="Gold")
    asking.crm.add("Contacts", AccountNo__c="other", Tier__c="Silver")

    answer = asking.digits(typed, "AccountNo__c", "Tier__c")

    assert answer == Found({"Tier__c": "Gold"}, "AccountNo__c")


def test_quotes_and_backslashes_are_escaped(asking):
    asking.digits("O'Hara\\\"\n\r\t", "AccountNo__c")

    assert r" WHERE AccountNo__c = 'O\'Hara\\\"\n\r\t' ORDER BY " in queries(asking)[0]


def test_digits_are_looked_for_as_a_number_in_a_field_of_numbers(asking):
    asking.crm.add("Contacts", Number__c=42, Tier__c="Gold")

    assert asking.digits("42", "Number__c", "Tier__c") == Found({"Tier__c": "Gold"}, "Number__c")
    assert " WHERE Number__c = 42 ORDER BY " in queries(asking)[0]


@pytest.mark.parametrize("digits", ["0042", "42#", "*12#", "*", "4" * 40, "٤٢"])
def test_what_no_number_can_be_is_not_looked_for_among_numbers(asking, digits):
    asking.crm.add("Contacts", Number__c=42)

    assert asking.digits(digits, "Number__c") == NotFound()
    assert queries(asking) == []


def test_texts_become_values_by_the_fields_types(asking):
    asking.crm.add(
        "Contacts",
        Phone=ADA,
        Stage__c="hot",
        Tags__c="tea;fine arts",
        Vip__c=False,
        Balance__c=12,
        Tier__c="a;b",
    )

    values = {
        "Stage__c": "Hot Prospect",
        "Tags__c": ["tea", "fine arts"],
        "Vip__c": False,
        "Balance__c": 12,
        "Tier__c": "a;b",
        "Since__c": None,
    }
    assert asking.caller(ADA, *values).values == values


def test_no_tag_is_no_list(asking):
    asking.crm.add("Contacts", Phone=ADA, Tags__c=None)

    assert asking.caller(ADA, "Tags__c").values == {"Tags__c": None}


def test_only_choices_in_use_are_told_as_salesforce_sends_them(asking):
    choices = asking.fields()["Stage__c"].choices

    assert choices == (("Hot Prospect", "Hot Prospect"), ("Cold", "Cold"))


def test_the_types_of_fields_are_told(asking):
    types = {name: field.type for name, field in asking.fields().items()}

    assert types == {
        "Id": FieldType.TEXT,
        "CreatedDate": FieldType.MOMENT,
        "Phone": FieldType.PHONE,
        "Fax": FieldType.PHONE,
        "Tier__c": FieldType.TEXT,
        "Stage__c": FieldType.CHOICE,
        "Balance__c": FieldType.NUMBER,
        "Vip__c": FieldType.YES_NO,
        "Since__c": FieldType.DATE,
        "Tags__c": FieldType.CHOICES,
        "AccountNo__c": FieldType.TEXT,
        "Number__c": FieldType.NUMBER,
        "Secret_Phone__c": FieldType.TEXT,
        "MobilePhone": FieldType.PHONE,
        "OtherPhone": FieldType.PHONE,
        "AssistantPhone": FieldType.PHONE,
        "AccountId": FieldType.LINK,
    }


def test_a_field_of_the_account_is_read_by_its_path(asking):
    account = asking.crm.add("Accounts", Industry="Tea", Tier__c="Gold")
    asking.crm.add("Contacts", Phone=ADA, AccountId=account)

    answer = asking.caller(ADA, "Account.Industry", "Account.Tier__c")

    assert answer.values == {"Account.Industry": "Tea", "Account.Tier__c": "Gold"}


def test_of_a_contact_without_an_account_its_fields_are_empty(asking):
    asking.crm.add("Contacts", Phone=ADA)

    assert asking.caller(ADA, "Account.Industry").values == {"Account.Industry": None}


@pytest.mark.parametrize(
    "typed", ["tier__c", "TIER__C", "account.Industry", "Account.industry", "Nope"]
)
def test_a_field_that_salesforce_calls_otherwise_is_never_empty_in_silence(asking, typed):
    account = asking.crm.add("Accounts", Industry="Tea")
    asking.crm.add("Contacts", Phone=ADA, Tier__c="Gold", AccountId=account)

    with pytest.raises(CrmMisconfigured):
        asking.caller(ADA, typed)


def test_a_field_to_search_in_that_salesforce_calls_otherwise_is_said_so(asking):
    asking.crm.add("Contacts", AccountNo__c="1001")

    with pytest.raises(CrmMisconfigured):
        asking.digits("1001", "accountno__c")


def test_what_is_read_anyway_is_asked_for_once(asking):
    asking.crm.add("Contacts", Phone=ADA)

    answer = asking.caller(ADA, "Phone", "CreatedDate", "Id")

    assert answer.values["CreatedDate"] == "2026-01-01T10:00:00.000+0000"
    assert queries(asking)[0].startswith(
        "SELECT Id, CreatedDate, Phone, MobilePhone, OtherPhone FROM "
    )


@pytest.mark.parametrize("module", ["Contact WHERE Id != ''--", "../limits", "Contact/describe?a"])
def test_a_module_that_is_none_never_becomes_part_of_a_query_or_an_address(asking, module):
    with pytest.raises(CrmMisconfigured):
        asking.digits("1", "AccountNo__c", module=module)

    assert asking.crm.requests == []


def test_signing_in_is_a_form_to_the_organisations_own_host(asking):
    asking.sign_in()

    [request] = asking.crm.requests
    assert (request.method, request.host) == ("POST", "acme.my.salesforce.com")
    assert request.path == "/services/oauth2/token"
    assert request.form == {
        "grant_type": "client_credentials",
        "client_id": "3MVG9consumer",
        "client_secret": "consumer-secret-4711",
    }


def test_an_app_with_a_refresh_token_signs_in_with_that(asking):
    asking.crm.refresh_token = "5Aep-refresh-4711"
    asking.connect(secrets={"token": "5Aep-refresh-4711"})

    asking.sign_in()

    assert asking.crm.requests[-1].form == {
        "grant_type": "refresh_token",
        "client_id": "3MVG9consumer",
        "client_secret": "consumer-secret-4711",
        "refresh_token": "5Aep-refresh-4711",
    }


class Store:
    """What processes share, in memory."""

    def __init__(self) -> None:
        self.token: Token | None = None

    def read(self, deadline: Deadline) -> Token | None:
        return self.token

    def claim(self, seconds: float, deadline: Deadline) -> Claim | None:
        return 1.0

    def keep(self, token: Token | None, claim: Claim, deadline: Deadline) -> None:
        self.token = token or self.token


def sent_tokens(asking: Asking) -> list[str]:
    asked = [one for one in asking.crm.requests if one.path == "/services/oauth2/token"]
    return [one.form["refresh_token"] for one in asked]


def test_of_an_app_that_rotates_refresh_tokens_each_is_used_once_by_whatever_process(asking):
    asking.crm.refresh_token, asking.crm.rotates = "5Aep-refresh-4711", True
    store = Store()
    asking.connect(secrets={"token": "5Aep-refresh-4711"}, store=store)
    asking.sign_in()
    asking.tokens.age(3600)
    asking.sign_in()
    asking.connect(secrets={"token": "5Aep-refresh-4711"}, store=store)
    asking.tokens.age(3600)
    asking.sign_in()

    assert sent_tokens(asking) == [
        "5Aep-refresh-4711",
        "5Aep-refresh-1-secret",
        "5Aep-refresh-2-secret",
    ]


def test_an_organisation_has_one_token_whatever_page_of_it_was_pasted(asking):
    options, secrets = {"username": "app"}, {"password of app": "x", "token of app": "y"}
    signed_in_to: list[str] = []

    def tokens(connection: Connection) -> Tokens:
        signed_in_to.append(connection.url)
        return Tokens()

    for page in ("", "/", "/lightning/page/home"):
        url = f"https://acme.my.salesforce.com{page}"
        connection = Connection("salesforce", url, options, secrets, "US")
        build_client(connection, Surroundings(asking.door, lambda *_: (), Bounded(), tokens))

    assert signed_in_to == ["https://acme.my.salesforce.com"] * 3


class StoreThatIsAway(Store):
    def read(self, deadline: Deadline) -> Token | None:
        raise StoreAway


def test_a_refresh_token_that_may_be_used_up_is_not_sent_again(asking):
    asking.crm.refresh_token, asking.crm.rotates = "5Aep-refresh-4711", True
    asking.connect(secrets={"token": "5Aep-refresh-4711"}, store=StoreThatIsAway())

    with pytest.raises(CrmUnavailable):
        asking.sign_in()

    assert sent_tokens(asking) == []
    asking.crm.refresh_token = ""
    asking.connect(store=StoreThatIsAway())
    asking.sign_in()  # with client credentials, which can be used again and again


def test_a_refresh_token_stays_when_an_app_does_not_rotate_them_any_more(asking):
    asking.crm.refresh_token, asking.crm.rotates = "5Aep-refresh-4711", True
    asking.connect(secrets={"token": "5Aep-refresh-4711"})
    for _ in range(3):
        asking.sign_in()
        asking.crm.rotates = False
        asking.tokens.age(3600)

    assert sent_tokens(asking) == [
        "5Aep-refresh-4711",
        "5Aep-refresh-1-secret",
        "5Aep-refresh-1-secret",
    ]


def test_a_refresh_token_that_was_refused_does_not_lead_back_to_the_one_before(asking):
    asking.crm.refresh_token, asking.crm.rotates = "5Aep-refresh-4711", True
    asking.connect(secrets={"token": "5Aep-refresh-4711"})
    asking.sign_in()
    asking.tokens.age(3600)
    asking.crm.refuses_signing_in = True

    with pytest.raises(CrmCredentialsRefused):
        asking.sign_in()

    assert sent_tokens(asking) == ["5Aep-refresh-4711", "5Aep-refresh-1-secret"]


@pytest.mark.parametrize(
    ("status", "error", "expected"),
    [
        (400, "invalid_client_id", CrmCredentialsRefused),
        (400, "invalid_client", CrmCredentialsRefused),
        (400, "invalid_grant", CrmCredentialsRefused),
        (400, "unsupported_grant_type", CrmRefused),
        (400, "rate_limit_exceeded", CrmThrottled),
        (503, "", CrmUnavailable),
    ],
)
def test_what_is_wrong_with_signing_in_has_our_names(asking, status, error, expected):
    said = {"error": error, "error_description": "secret"}
    asking.crm.token_answer = Response(status, said)

    with pytest.raises(expected) as caught:
        asking.sign_in()

    assert type(caught.value) is expected
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["https://ACME.my.salesforce.com/", "https://acme.my.salesforce.com/lightning/page/home"]
)
def test_of_an_address_only_the_host_counts(asking, url):
    asking.connect(url=url)
    asking.crm.add("Contacts", Phone=ADA)

    assert isinstance(asking.caller(ADA), Found)
    assert {request.host for request in asking.crm.requests} == {"acme.my.salesforce.com"}
    assert asking.crm.requests[0].path == "/services/oauth2/token"


@pytest.mark.parametrize(
    "url",
    [
        "https://acme.lightning.force.com",
        "https://login.salesforce.com",
        "https://acme.my.salesforce.com.evil.test",
        "https://evil.test/.my.salesforce.com",
    ],
)
def test_credentials_never_go_to_another_host(url):
    with pytest.raises(ValueError, match="not the address with “lightning”"):
        KINDS["salesforce"].check(url)


@pytest.mark.parametrize("host", ["acme--dev.sandbox.my.salesforce.com", "acme.my.salesforce.mil"])
def test_sandboxes_and_the_government_are_at_salesforce_too(host):
    KINDS["salesforce"].check(f"https://{host}")


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (401, "INVALID_SESSION_ID", CrmCredentialsRefused),
        (403, "INVALID_SESSION_ID", CrmCredentialsRefused),
        (400, "INVALID_FIELD", CrmMisconfigured),
        (400, "INVALID_TYPE", CrmMisconfigured),
        (400, "INVALID_QUERY_FILTER_OPERATOR", CrmMisconfigured),
        (400, "MALFORMED_QUERY", CrmMisconfigured),
        (404, "NOT_FOUND", CrmMisconfigured),
        (403, "API_DISABLED_FOR_ORG", CrmNotPermitted),
        (400, "API_DISABLED_FOR_ORG", CrmNotPermitted),
        (400, "INSUFFICIENT_ACCESS", CrmNotPermitted),
        (403, "FUNCTIONALITY_NOT_ENABLED", CrmNotPermitted),
        (403, "REQUEST_LIMIT_EXCEEDED", CrmThrottled),
        (403, "CONCURRENT_REQUESTS_LIMIT_EXCEEDED", CrmThrottled),
        (400, "QUERY_TIMEOUT", CrmUnavailable),
        (400, "OPERATION_TOO_LARGE", CrmUnavailable),
        (400, "QUERY_TOO_COMPLICATED", CrmUnavailable),
        (503, "SERVER_UNAVAILABLE", CrmUnavailable),
        (500, "UNKNOWN_EXCEPTION", CrmUnavailable),
        (410, "UNSUPPORTED_API_VERSION", CrmMisconfigured),
    ],
)
def test_salesforces_errors_have_our_names(asking, status, code, expected):
    asking.caller(ADA)
    asking.crm.troubles = [says(status, code)]

    with pytest.raises(expected) as caught:
        asking.caller(ADA)

    assert type(caught.value) is expected
    assert "secret" not in str(caught.value)
    assert ADA not in str(caught.value)


@pytest.mark.parametrize(
    "code",
    ["INVALID_FIELD", "INVALID_TYPE", "INVALID_QUERY_FILTER_OPERATOR", "MALFORMED_QUERY"],
)
def test_what_salesforce_does_not_know_is_said_so(asking, code):
    asking.caller(ADA)
    asking.crm.troubles = [says(400, code)]

    with pytest.raises(
        CrmMisconfigured, match="does not know the module Contacts, or a field in it"
    ):
        asking.caller(ADA)


@pytest.mark.parametrize("body", [b"[]", b'{"records": [1]}', b'{"records": {}}', b"[[]]"])
def test_an_answer_of_another_shape_is_said_so(asking, body):
    asking.caller(ADA)
    asking.crm.troubles = [lambda visit: visit.answer(body)]

    with pytest.raises(CrmBadAnswer):
        asking.caller(ADA)
