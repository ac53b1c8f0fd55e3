"""What is special about vtiger: VTQL, two editions, sessions, errors with status 200."""

import json
import time
from base64 import b64decode
from collections.abc import Callable
from decimal import Decimal
from hashlib import md5

import pytest

from tests.crm.https_server import Visit
from tests.wire.asking import Asking
from tests.wire.standin import Request
from tests.wire.vtiger import ACCESS_KEY, USER, VtigerCloud, VtigerServer
from tests.wire.vtiger_vtql import VtqlError, parse
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
from voiceapp.crm.fields import FieldType
from voiceapp.crm.kind import VERSION

ADA = "+12025550101"
DIGITS = "%2%0%2%5%5%5%0%1%0%1%"
LOOKUP = (
    "SELECT id, createdtime, phone, mobile, homephone, otherphone, cf_851 FROM Contacts "
    f"WHERE phone LIKE '{DIGITS}' OR mobile LIKE '{DIGITS}' OR homephone LIKE '{DIGITS}' "
    f"OR otherphone LIKE '{DIGITS}' ORDER BY createdtime DESC LIMIT 10;"
)


@pytest.fixture
def cloud(start: Callable[..., Asking]) -> Asking:
    return start(VtigerCloud)


@pytest.fixture
def hosted(start: Callable[..., Asking]) -> Asking:
    return start(VtigerServer)


@pytest.fixture(params=[VtigerCloud, VtigerServer])
def asking(request: pytest.FixtureRequest, start: Callable[..., Asking]) -> Asking:
    return start(request.param)


def queries(asking: Asking) -> list[str]:
    return [request.query["query"] for request in asking.crm.searches()]


def fails(status: int, code: str, message: str = "secret") -> Callable[[Visit], None]:
    body = {"success": False, "error": {"code": code, "message": message}}
    return lambda visit: visit.answer(json.dumps(body).encode(), status)


def says(status: int, body: bytes, *headers: str) -> Callable[[Visit], None]:
    return lambda visit: visit.answer(body, status, headers)


def test_a_lookup_in_the_cloud_is_one_query(cloud):
    cloud.crm.add("Contacts", otherphone="(202) 555-0101", cf_851="Gold")

    answer = cloud.caller(ADA, "cf_851")

    assert answer == Found({"cf_851": "Gold"}, "phone number", "(202) 555-0101")
    [request] = cloud.crm.searches()
    assert (request.method, request.host) == ("GET", "acme.od2.vtiger.com")
    assert request.path == "/restapi/v1/vtiger/default/query"
    assert request.query == {"query": LOOKUP}
    basic = request.headers["authorization"].removeprefix("Basic ")
    assert b64decode(basic).decode() == f"{USER}:{ACCESS_KEY}"


def test_a_lookup_on_a_server_is_one_query_within_a_session(hosted):
    hosted.crm.add("Contacts", mobile="202.555.0101", cf_851="Gold")

    hosted.caller(ADA, "cf_851")
    answer = hosted.caller(ADA, "cf_851")

    assert answer == Found({"cf_851": "Gold"}, "phone number", "202.555.0101")
    challenge, login, describe, *lookups = hosted.crm.requests
    assert {request.path for request in hosted.crm.requests} == {"/vtigercrm/webservice.php"}
    assert challenge.method == "GET"
    assert challenge.query == {"operation": "getchallenge", "username": USER}
    assert login.method == "POST"
    digest = md5(f"{hosted.crm.challenges[0]}{ACCESS_KEY}".encode()).hexdigest()
    assert login.form == {"operation": "login", "username": USER, "accessKey": digest}
    session = {"sessionName": "1a2b3c-session-1"}
    assert describe.query == {"operation": "describe", "elementType": "Contacts"} | session
    assert [lookup.query for lookup in lookups] == [
        {"operation": "query", "query": LOOKUP} | session
    ] * 2


def test_the_access_key_itself_is_never_sent_to_a_server(hosted):
    hosted.caller(ADA, "cf_851")

    sent = "".join(f"{one.query} {one.headers} {one.body!r}" for one in hosted.crm.requests)
    assert ACCESS_KEY not in sent


@pytest.mark.parametrize(
    "stored",
    ["202.555.0101", "202-555-0101", "+1 (202) 555 0101", "001-202-555-0101", "1/202/5550101"],
)
def test_a_number_is_found_in_layouts_that_nobody_foresaw(asking, stored):
    asking.crm.add("Contacts", mobile=stored, cf_851="Gold")

    answer = asking.caller(ADA, "cf_851")

    assert isinstance(answer, Found)
    assert answer.stored == stored


@pytest.mark.parametrize("stored", ["202-555-0101 x12", "(202) 555-0101 ext. 7", "202 555 0101  "])
def test_it_does_not_matter_what_stands_behind_a_number(asking, stored):
    asking.crm.add("Contacts", phone=stored, cf_851="Gold")

    assert isinstance(asking.caller(ADA, "cf_851"), Found)


def test_a_number_that_only_has_the_same_digits_in_it_is_not_the_callers(asking):
    asking.crm.add("Contacts", phone="+920255950101", cf_851="Gold")
    asking.crm.add("Contacts", phone="2002555010901", cf_851="Gold")

    assert asking.caller(ADA, "cf_851") == NotFound()


def test_a_number_of_another_country_is_searched_with_its_country_code(asking):
    asking.crm.add("Leads", mobile="+44 (0)20 7946 0101", cf_851="Gold")

    assert isinstance(asking.caller("+442079460101", "cf_851", module="Leads"), Found)

    assert "LIKE '%4%4%2%0%7%9%4%6%0%1%0%1%'" in queries(asking)[0]


@pytest.mark.parametrize(
    ("order", "written", "first"),
    [
        (Order(), "ORDER BY createdtime DESC", "last"),
        (Order(is_highest=False), "ORDER BY createdtime ASC", "first"),
        (Order("cf_853"), "ORDER BY cf_853 DESC", "first"),
        (Order("cf_853", is_highest=False), "ORDER BY cf_853 ASC", "last"),
    ],
)
def test_the_record_that_counts_comes_first(asking, order, written, first):
    asking.crm.add("Contacts", phone=ADA, cf_851="first", cf_853=20)
    asking.crm.add("Contacts", phone=ADA, cf_851="last", cf_853=10)

    answer = asking.caller(ADA, "cf_851", order=order)

    assert isinstance(answer, Several)
    assert answer.records[0].values["cf_851"] == first
    assert queries(asking)[0].endswith(f" {written} LIMIT 100;")


def test_what_is_ordered_by_is_selected_too(asking):
    """Its table is not joined otherwise, and the server fails."""
    asking.crm.add("Contacts", phone=ADA, cf_853=20)

    asking.caller(ADA, order=Order("cf_853"))

    assert parse(queries(asking)[0]).columns[-1] == "cf_853"


def test_the_moment_of_creation_has_its_zone(asking):
    for _ in range(2):
        asking.crm.add("Contacts", phone=ADA)

    answer = asking.caller(ADA, "cf_851")

    assert isinstance(answer, Several)
    assert [one.created for one in answer.records] == [
        "2026-01-01T10:03:00Z",
        "2026-01-01T10:02:00Z",
    ]


def test_a_module_without_a_time_of_creation_is_searched_in_no_order(asking):
    asking.crm.add("Vehicles", cf_901="(202) 555-0101", cf_902="V-4711")

    answer = asking.caller(ADA, "cf_902", module="Vehicles")

    assert answer == Found({"cf_902": "V-4711"}, "phone number", "(202) 555-0101")
    assert queries(asking) == [
        f"SELECT id, cf_901, cf_902 FROM Vehicles WHERE cf_901 LIKE '{DIGITS}' LIMIT 10;"
    ]


def test_a_module_without_phone_fields_is_searched_by_digits_only(asking):
    asking.crm.add("Potentials", potentialname="42")

    assert isinstance(asking.digits("42", "potentialname", module="Potentials"), Found)
    with pytest.raises(CrmMisconfigured):
        asking.caller(ADA, module="Potentials")


def test_a_phone_field_that_the_user_may_not_read_is_left_out(asking):
    asking.crm.hidden |= {"mobile", "homephone"}
    asking.crm.add("Contacts", phone=ADA, cf_851="Gold")

    assert isinstance(asking.caller(ADA, "cf_851"), Found)

    assert "mobile" not in queries(asking)[0]
    assert "homephone" not in queries(asking)[0]


def test_a_lead_that_was_converted_is_not_found(asking):
    asking.crm.add("Leads", phone=ADA, converted=1)

    assert asking.caller(ADA, "cf_851", module="Leads") == NotFound()


def test_digits_are_searched_as_a_text(asking):
    asking.crm.add("Contacts", cf_856="0042", cf_851="Gold")
    asking.crm.add("Contacts", cf_856="42", cf_851="Silver")

    answer = asking.digits("0042", "cf_856", "cf_851")

    assert isinstance(answer, Found)
    assert answer.values["cf_851"] == "Gold"
    assert queries(asking) == [
        "SELECT id, createdtime, phone, mobile, homephone, otherphone, cf_851, cf_856 "
        "FROM Contacts WHERE cf_856 = '0042' ORDER BY createdtime DESC LIMIT 10;"
    ]


@pytest.mark.parametrize("field", ["cf_858", "cf_853"])
def test_digits_are_found_in_a_number(asking, field):
    asking.crm.add("Contacts", **{field: 1001}, cf_851="Gold")

    assert isinstance(asking.digits("1001", field, "cf_851"), Found)
    assert asking.digits("01001", field, "cf_851") == NotFound()


def test_digits_are_found_among_several_of_a_list(asking):
    asking.crm.add("Contacts", cf_857=["new", "1001"], cf_851="Gold")
    asking.crm.add("Contacts", cf_857=["10012"], cf_851="Silver")

    answer = asking.digits("1001", "cf_857", "cf_851")

    assert isinstance(answer, Found)
    assert answer.values["cf_851"] == "Gold"
    assert "WHERE cf_857 LIKE '%1001%' ORDER" in queries(asking)[0]


@pytest.mark.parametrize("typed", ["*1#", "12-34", "(7) 8.9", "+49", "A1"])
def test_what_can_be_keyed_in_or_stand_in_a_number_is_searched(asking, typed):
    asking.crm.add("Contacts", cf_856=typed, cf_851="Gold")

    assert isinstance(asking.digits(typed, "cf_856", "cf_851"), Found)


@pytest.mark.parametrize(
    "typed", ["", "'", "\\", "\\'", "' OR id != '", '"', "%", "_", "1;2", "a\nb", "ä", "a,b", "?"]
)
def test_what_could_be_more_than_a_value_is_not_asked_for(asking, typed):
    asking.crm.add("Contacts", cf_856=typed, cf_851="Gold")

    assert asking.digits(typed, "cf_856", "cf_851") == NotFound()

    assert queries(asking) == []


@pytest.mark.parametrize("field", ["cf_999", "account_id.accountname", "Cf 1", "cf_851, cf_852"])
def test_a_field_that_there_is_not_is_said_so_without_asking(asking, field):
    """As the server would say the same as of one that may not be read."""
    with pytest.raises(CrmMisconfigured):
        asking.caller(ADA, field)
    with pytest.raises(CrmMisconfigured):
        asking.caller(ADA, "cf_851", order=Order(field))
    with pytest.raises(CrmMisconfigured):
        asking.digits("1001", field)

    assert queries(asking) == []


def test_a_module_that_there_is_not_is_told_from_one_that_may_not_be_read(asking):
    with pytest.raises(CrmMisconfigured):
        asking.digits("1001", "cf_851", module="NoSuch")
    asking.caller("+442079460101", module="Vehicles")
    asking.crm.forbids = True

    for module in ("Leads", "Vehicles"):  # the fields of the one are not known, of the other are
        with pytest.raises(CrmNotPermitted):
            asking.caller(ADA, module=module)


@pytest.mark.parametrize("module", ["Contacts WHERE 1", "Contacts;", "Contacts--", "", "Cönt", "1"])
def test_what_can_be_no_name_of_a_module_is_not_asked_for(cloud, module):
    with pytest.raises(CrmMisconfigured):
        cloud.digits("1001", "cf_851", module=module)
    with pytest.raises(CrmMisconfigured):
        cloud.fields(module)

    assert cloud.crm.requests == []


def test_digits_are_not_searched_in_a_link(asking):
    with pytest.raises(CrmMisconfigured):
        asking.digits("1001", "account_id")


def test_values_are_read_by_what_their_fields_are(asking):
    asking.crm.add(
        "Contacts",
        phone=ADA,
        cf_852="cold",
        cf_853=1250.5,
        cf_854=False,
        cf_857=["vip", "gone"],
        cf_858=-3,
        cf_859="2026-11-22 10:00:00",
        account_id="11x7",
    )
    wanted = ("cf_852", "cf_853", "cf_854", "cf_857", "cf_858", "cf_859", "account_id", "cf_851")

    answer = asking.caller(ADA, *wanted)

    assert isinstance(answer, Found)
    assert answer.values == {
        "cf_852": "Cold",
        "cf_853": Decimal("1250.5"),
        "cf_854": False,
        "cf_857": ["Very Important", "gone"],
        "cf_858": Decimal(-3),
        "cf_859": "2026-11-22T10:00:00Z",
        "account_id": "11x7",
        "cf_851": "",
    }


def test_a_list_with_nothing_in_it_is_empty(asking):
    asking.crm.add("Contacts", phone=ADA, cf_857=[])

    answer = asking.caller(ADA, "cf_857")

    assert isinstance(answer, Found)
    assert answer.values == {"cf_857": []}


def test_fields_are_described(asking):
    fields = asking.fields()

    assert fields["mobile"].type is FieldType.PHONE
    assert fields["mobile"].label == "Mobile Phone"
    assert fields["cf_852"].choices == (("hot", "Hot Prospect"), ("cold", "Cold"))
    assert fields["cf_857"].type is FieldType.CHOICES
    assert fields["cf_859"].type is FieldType.MOMENT
    assert fields["account_id"].type is FieldType.LINK
    assert fields["assigned_user_id"].type is FieldType.LINK


def test_modules_are_those_with_records_of_their_own(asking):
    assert asking.modules() == ["Contacts", "Leads", "Accounts", "Potentials", "Vehicles"]


def test_a_session_is_opened_anew_in_good_time(hosted):
    hosted.sign_in()
    hosted.tokens.age(14 * 60)
    hosted.sign_in()
    assert hosted.crm.given == 1

    hosted.tokens.age(2 * 60)
    hosted.sign_in()

    assert hosted.crm.given == 2


def test_a_session_is_not_used_for_twenty_minutes(hosted):
    hosted.caller(ADA, "cf_851")
    hosted.tokens.age(20 * 60)

    hosted.caller(ADA, "cf_851")

    assert hosted.crm.given == 2


@pytest.mark.parametrize(
    "code",
    ["INVALID_SESSIONID", "SESSION_EXPIRED", "SESSION_LEFT_IDLE", "AUTHENTICATION_REQUIRED"],
)
def test_a_session_that_has_ended_is_opened_anew_once(hosted, code):
    hosted.crm.add("Contacts", phone=ADA)
    hosted.caller(ADA, "cf_851")
    hosted.tokens.age(5 * 60)
    hosted.crm.troubles = [fails(200, code)]

    assert isinstance(hosted.caller(ADA, "cf_851"), Found)

    assert hosted.crm.given == 2


def test_nothing_has_to_be_signed_in_to_in_the_cloud(cloud):
    cloud.sign_in()

    assert cloud.crm.requests == []


def test_a_user_that_there_is_not_is_refused(hosted):
    hosted.connect(options={"username": "eve"})

    with pytest.raises(CrmCredentialsRefused):
        hosted.caller(ADA, "cf_851")


def test_an_access_key_may_have_any_letters(hosted):
    hosted.crm.access_key = "schlüssel-4711"
    hosted.connect(secrets={"password": "schlüssel-4711"})

    hosted.sign_in()

    assert hosted.crm.given == 1


@pytest.mark.parametrize(
    "sent", [b'{"success": true, "result": {}}', b'{"success": true, "result": []}', b"{}", b""]
)
def test_a_session_without_a_name_is_none(start, sent):
    class Strange(VtigerServer):
        def is_search(self, request: Request) -> bool:
            return True  # so that it has trouble when it is signed in to

    asking = start(Strange)
    asking.crm.troubles = [says(200, sent)]

    with pytest.raises(CrmBadAnswer):
        asking.sign_in()


ERRORS = {
    "INVALID_USER_CREDENTIALS": CrmCredentialsRefused,
    "INVALID_AUTH_TOKEN": CrmCredentialsRefused,
    "ACCESSKEY_UNDEFINED": CrmCredentialsRefused,
    "AUTHENTICATION_FAILURE": CrmCredentialsRefused,
    "INVALID_SESSIONID": CrmCredentialsRefused,
    "ACCESS_DENIED": CrmNotPermitted,
    "QUERY_SYNTAX_ERROR": CrmMisconfigured,
    "INVALID_ID_ATTRIBUTE": CrmMisconfigured,
    "UNKOWN_ENTITY": CrmMisconfigured,
    "DATABASE_QUERY_ERROR": CrmUnavailable,
    "INTERNAL_SERVER_ERROR": CrmUnavailable,
}


@pytest.mark.parametrize("code", ERRORS)
@pytest.mark.parametrize("edition", [VtigerCloud, VtigerServer])
def test_every_error_has_its_name_whatever_status_it_comes_with(start, edition, code):
    asking = start(edition)
    asking.caller(ADA, "cf_851")
    asking.crm.troubles = [fails(400 if edition is VtigerCloud else 200, code)] * 2

    with pytest.raises(ERRORS[code]) as caught:
        asking.caller(ADA, "cf_851")

    assert type(caught.value) is ERRORS[code]
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("happens", "error"),
    [
        (fails(200, "SOMETHING_NEW"), CrmRefused),
        (fails(400, "SOMETHING_NEW"), CrmMisconfigured),
        (says(200, b'{"success": false}'), CrmRefused),
        (says(200, b'{"success": false, "error": "no"}'), CrmRefused),
        (says(400, b""), CrmMisconfigured),
        (fails(500, "SOMETHING_NEW"), CrmUnavailable),
        (fails(429, "ACCESS_DENIED"), CrmThrottled),
        (says(200, b'{"success": "true", "result": []}'), CrmBadAnswer),
        (says(200, b'{"success": true, "result": {"id": "1"}}'), CrmBadAnswer),
        (says(200, b'<br/><b>Warning</b>: in Utils.php {"success": true}'), CrmBadAnswer),
    ],
)
def test_every_answer_that_is_none_has_its_name(asking, happens, error):
    asking.caller(ADA, "cf_851")
    asking.crm.troubles = [happens]

    with pytest.raises(error) as caught:
        asking.caller(ADA, "cf_851")

    assert type(caught.value) is error


def test_a_query_that_finds_nothing_may_have_no_result_at_all(asking):
    asking.caller(ADA, "cf_851")
    asking.crm.troubles = [says(200, b'{"success": true, "result": null}')]

    assert asking.caller(ADA, "cf_851") == NotFound()


def test_the_cloud_says_when_the_next_minute_begins(cloud):
    cloud.caller(ADA, "cf_851")
    cloud.crm.is_throttled = True
    cloud.crm.reset = int(time.time()) + 40

    with pytest.raises(CrmThrottled) as caught:
        cloud.caller(ADA, "cf_851")

    assert 35 < caught.value.retry_after <= 40


def test_a_pause_that_is_asked_for_counts_more_than_the_next_minute(cloud):
    cloud.caller(ADA, "cf_851")
    reset = f"X-FloodControl-Reset: {int(time.time()) + 40}"
    cloud.crm.troubles = [says(429, b"", "Retry-After: 17", reset)]

    with pytest.raises(CrmThrottled) as caught:
        cloud.caller(ADA, "cf_851")

    assert caught.value.retry_after == 17


@pytest.mark.parametrize("header", ["X-FloodControl-Reset: soon", "X-Other: 1"])
def test_the_cloud_may_not_say_when_the_next_minute_begins(cloud, header):
    cloud.caller(ADA, "cf_851")
    cloud.crm.troubles = [says(429, b"", header)]

    with pytest.raises(CrmThrottled) as caught:
        cloud.caller(ADA, "cf_851")

    assert caught.value.retry_after is None


@pytest.mark.parametrize("edition", [{}, {VERSION: "cloud"}, {VERSION: ""}])
def test_what_is_meant_for_the_cloud_goes_nowhere_else(cloud, edition):
    for address in ("https://crm.vtiger.test", "https://acme.od2.vtiger.com.evil.test"):
        with pytest.raises(ValueError, match=r"must end in \.vtiger\.com"):
            cloud.connect(url=address, options=edition)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT id FROM Contacts WHERE (phone = '1') LIMIT 2;",
        "SELECT id FROM Contacts WHERE phone = '1' LIMIT 2",
        "SELECT id FROM Contacts WHERE phone = '1'; SELECT id FROM Users;",
        "SELECT id FROM Contacts WHERE phone IS NULL;",
        "SELECT id FROM Contacts WHERE phone = '' LIMIT 2;",
        "SELECT id FROM Contacts WHERE phone = '1\\' LIMIT 2;'",
        "SELECT Contacts.id FROM Contacts;",
    ],
)
def test_the_stand_in_refuses_what_vtql_does_not_know(query):
    with pytest.raises(VtqlError):
        parse(query)
