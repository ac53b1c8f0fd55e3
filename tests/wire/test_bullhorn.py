"""What is special about Bullhorn: the way in, its index, and values in its own spellings."""

import json
from collections.abc import Callable

import pytest

from tests.crm.https_server import Visit
from tests.wire.asking import Asking
from tests.wire.bullhorn import CONSENT_PAGE, Bullhorn
from tests.wire.standin import Request
from voiceapp.crm.contract import (
    CrmBadAnswer,
    CrmCredentialsRefused,
    CrmError,
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
from voiceapp.crm.fields import Field, FieldType
from voiceapp.crm.registry import KINDS

ADA = "+12025550101"
SPELLINGS = (
    '{0}:"+12025550101" OR {0}:12025550101 OR {0}:2025550101 OR {0}:"(202) 555-0101" OR '
    '{0}:"+1 202-555-0101" OR {0}:0012025550101 OR {0}:"+1 202 555 0101" OR '
    '{0}:"+1-202-555-0101" OR {0}:"+1.202.555.0101" OR {0}:"202-555-0101" OR '
    '{0}:"202 555 0101" OR {0}:"202.555.0101" OR {0}:"202/555/0101" OR {0}:"202 5550101" OR '
    '{0}:"202-5550101" OR {0}:"202/5550101" OR {0}:"(202) 555 0101" OR '
    '{0}:"+1 (202) 555-0101" OR {0}:"1-202-555-0101"'
)


@pytest.fixture
def asking(start: Callable[..., Asking]) -> Asking:
    return start(Bullhorn)


def values(asking: Asking, *fields: str, module: str = "Contacts") -> list[object]:
    answer = asking.caller(ADA, *fields, module=module)
    assert isinstance(answer, Found)
    return [answer.values[field] for field in fields]


def queries(asking: Asking) -> list[str]:
    return [request.json["query"] for request in asking.crm.searches()]


def test_a_caller_is_looked_for_in_one_search(asking):
    asking.crm.add("Accounts", billingPhone="202-555-0101", customText1="Gold")

    assert values(asking, "customText1", module="Accounts") == ["Gold"]

    (request,) = asking.crm.searches()
    assert request.method == "POST"
    assert request.host == "rest22.bullhornstaffing.com"
    assert request.path == "/rest-services/e999/search/ClientCorporation"
    assert request.query == {
        "fields": "id,dateAdded,customText4,phone,billingPhone,customText1",
        "count": "10",
        "sort": "-dateAdded",
    }
    assert request.headers["bhresttoken"] == asking.crm.sessions[-1]
    phones = (SPELLINGS.format(phone) for phone in ("customText4", "phone", "billingPhone"))
    assert request.json == {"query": f'({" OR ".join(phones)}) AND NOT status:"Archive"'}


@pytest.mark.parametrize("phones_are_digits", [True, False])
@pytest.mark.parametrize(
    "stored", ["+12025550101", "12025550101", "2025550101", "(202) 555-0101", "+1 (202) 555 0101"]
)
def test_a_number_is_found_however_the_index_has_it(asking, stored, phones_are_digits):
    asking.crm.phones_are_digits = phones_are_digits
    asking.crm.add("Contacts", mobile=stored, customText1="Gold")

    assert values(asking, "customText1") == ["Gold"]


def test_a_candidate_is_found_by_the_number_at_work(asking):
    asking.crm.add("Candidates", workPhone="202-555-0101", customText1="Nurse")

    assert values(asking, "customText1", module="Candidates") == ["Nurse"]


def test_a_fax_or_pager_is_no_telephone(asking):
    asking.crm.add("Contacts", fax=ADA, pager=ADA)

    assert asking.caller(ADA, "customText1") == NotFound()
    assert "fax" not in queries(asking)[0]


@pytest.mark.parametrize(
    ("module", "no_more", "query_ends"),
    [
        ("Contacts", {"isDeleted": True}, ') AND isDeleted:0 AND NOT status:"Archive"'),
        ("Contacts", {"status": "Archive"}, ') AND isDeleted:0 AND NOT status:"Archive"'),
        ("Candidates", {"isDeleted": True}, ') AND isDeleted:0 AND NOT status:"Archive"'),
        ("Candidates", {"status": "Archive"}, ') AND isDeleted:0 AND NOT status:"Archive"'),
        ("Leads", {"isDeleted": True}, ' AND NOT status:"Converted"'),
        ("Leads", {"status": "Converted"}, ' AND NOT status:"Converted"'),
        ("Accounts", {"status": "Archive"}, ') AND NOT status:"Archive"'),
    ],
)
def test_what_is_deleted_archived_or_converted_is_left_out(asking, module, no_more, query_ends):
    asking.crm.add(module, phone=ADA, customText1="Old", **no_more)
    asking.crm.add(module, phone=ADA, customText1="New")

    assert values(asking, "customText1", module=module) == ["New"]
    assert queries(asking)[0].endswith(query_ends)


def test_a_record_that_is_in_the_index_only_is_nobodys(asking):
    asking.crm.ghosts.append(int(asking.crm.add("Contacts", phone=ADA)))

    assert asking.caller(ADA, "customText1") == NotFound()
    assert asking.digits(str(asking.crm.ghosts[0]), "id") == NotFound()


def test_a_connection_that_bullhorn_has_given_up_is_no_trouble(asking):
    asking.crm.add("Contacts", phone=ADA, customText1="Gold")
    asking.caller(ADA)
    asking.crm.troubles = [Visit.hang_up]

    assert values(asking, "customText1") == ["Gold"]


def test_another_module_of_bullhorn_is_searched_by_what_is_keyed_in(asking):
    asking.crm.add("JobOrder", customText1="Night shift")
    asking.crm.add("JobOrder", customText1="Deleted", id=4711, isDeleted=True)
    asking.crm.add("JobOrder", customText1="Day shift", id=4712)

    answer = asking.digits("4712", "id", "customText1", module="JobOrder")

    assert isinstance(answer, Found)
    assert answer.values["customText1"] == "Day shift"
    assert asking.digits("4711", "id", module="JobOrder") == NotFound()
    assert queries(asking)[0] == "(id:4712) AND isDeleted:0"
    with pytest.raises(CrmMisconfigured):
        asking.caller(ADA, module="JobOrder")  # has no telephone


def test_the_modules_are_those_that_can_be_searched(asking):
    assert asking.modules() == ["Contacts", "Leads", "Accounts", "Candidates", "JobOrder"]


@pytest.mark.parametrize(
    ("keyed", "term"),
    [
        ('"', r'"\""'),
        ("\\", r'"\\"'),
        ('1" OR id:[0 TO *] OR externalID:"1', r'"1\" OR id:[0 TO *] OR externalID:\"1"'),
        ("10*", '"10*"'),
        ("a\nb", '"a\nb"'),
        ("0042", '"0042"'),
    ],
)
def test_whatever_is_keyed_in_is_one_phrase(asking, keyed, term):
    asking.crm.add("Contacts", externalID="1001")

    assert asking.digits(keyed, "externalID") == NotFound()

    (query,) = queries(asking)
    assert query == f'(externalID:{term}) AND isDeleted:0 AND NOT status:"Archive"'


@pytest.mark.parametrize("typed", ["id),*", "customText1,ssn", "a b", "owner(id)", "../meta"])
def test_what_can_be_no_name_is_never_sent(asking, typed):
    asking.caller(ADA)
    asking.crm.requests.clear()

    for ask in (
        lambda: asking.caller(ADA, typed),
        lambda: asking.caller(ADA, order=Order(typed)),
        lambda: asking.digits("1001", typed),
        lambda: asking.caller(ADA, module=typed),
    ):
        with pytest.raises(CrmMisconfigured):
            ask()

    assert asking.crm.requests == []


def test_a_phrase_within_a_longer_text_is_not_what_was_keyed_in(asking):
    asking.crm.add("Contacts", externalID="1001 / 7", customText1="Silver")
    asking.crm.add("Contacts", externalID="1001", customText1="Gold")

    answer = asking.digits("1001", "externalID", "customText1")

    assert isinstance(answer, Found)
    assert answer.values["customText1"] == "Gold"


def test_digits_in_a_number_field_are_asked_for_as_a_number(asking):
    asking.crm.add("Contacts", customInt1=42, customText1="Gold")

    answer = asking.digits("42", "customInt1", "customText1")

    assert isinstance(answer, Found)
    assert queries(asking)[0].startswith("(customInt1:42) AND")
    assert "phone" not in asking.crm.searches()[0].query["fields"]


@pytest.mark.parametrize("keyed", ["0042", "", "4*", "４２", "9" * 19])
def test_what_is_no_number_is_nobodys_without_asking(asking, keyed):
    asking.crm.add("Contacts", customInt1=42)

    assert asking.digits(keyed, "customInt1") == NotFound()
    assert asking.crm.searches() == []


@pytest.mark.parametrize(
    ("order", "sort", "first"),
    [
        (Order(), "-dateAdded", 150),
        (Order("customFloat1"), "-customFloat1", 150),
        (Order("customFloat1", is_highest=False), "customFloat1", 1),
    ],
)
def test_bullhorn_sorts_what_is_many(asking, order, sort, first):
    for balance in range(1, 151):
        asking.crm.add("Contacts", phone=ADA, customFloat1=balance)

    answer = asking.caller(ADA, order=order)

    assert isinstance(answer, Several)
    assert answer.count == 100
    assert answer.records[0].values.get("customFloat1", first) == first
    assert answer.records[0].created == (
        "2026-01-01T15:00:00.000+00:00" if first == 1 else "2026-05-30T14:00:00.000+00:00"
    )
    query = asking.crm.searches()[0].query
    assert (query["sort"], query["count"]) == (sort, "100")


def test_linked_records_and_addresses_are_read_by_their_paths(asking):
    company = {"id": 7, "name": "Acme", "phone": "1", "dateAdded": 1323449994922}
    asking.crm.add(
        "Contacts",
        phone=ADA,
        address={"address1": "1 Main St", "city": "Omaha", "zip": "68123"},
        clientCorporation=company,
        owner={"id": 12345, "firstName": "Jo", "lastName": "Doe"},
        skills={"total": 2, "data": [{"id": 1, "name": "Java"}, {"id": 2, "name": "SQL"}]},
    )

    found = values(
        asking,
        "address.city",
        "address.zip",
        "clientCorporation.name",
        "clientCorporation.dateAdded",
        "owner",
        "skills.name",
        "skills",
    )

    added = "2011-12-09T16:59:54.922+00:00"
    assert found == ["Omaha", "68123", "Acme", added, "Jo Doe", ["Java", "SQL"], ["Java", "SQL"]]
    assert (
        asking.crm.searches()[0]
        .query["fields"]
        .endswith("address(city,zip),clientCorporation(name,dateAdded),owner,skills(name)")
    )


def test_values_come_in_all_their_spellings(asking):
    asking.crm.add(
        "Contacts",
        phone=ADA,
        customText2=["HOT"],
        customText3=["1", "2"],
        customDate1=1795323600000,
        dateLastComment=1795323600000,
        ssn="000-00-0000",
    )
    asked = ("customText2", "customText3", "customDate1", "dateLastComment", "ssn")

    assert values(asking, *asked) == [
        "Hot Prospect",
        ["Contract", "Permanent"],
        "2026-11-22",
        "2026-11-22T05:00:00.000+00:00",
        None,
    ]


def test_a_number_that_is_withheld_is_not_the_callers(asking):
    asking.crm.add("Contacts", phone=ADA, mobile=ADA)
    asking.crm.hidden = {"phone"}

    answer = asking.caller(ADA, "customText1")

    assert isinstance(answer, Found)
    asking.crm.hidden = {"phone", "mobile"}
    assert asking.caller(ADA, "customText1") == NotFound()


def test_several_of_a_list_may_come_as_one_text(asking):
    asking.crm.add("Contacts", phone=ADA, customText3="1, 2")

    assert values(asking, "customText3") == [["Contract", "Permanent"]]


def test_fields_are_described_with_those_of_linked_records(asking):
    fields = asking.fields()

    assert fields["customText1"] == Field("customText1", "Tier", FieldType.TEXT)
    assert fields["ssn"].label == "ssn"
    assert fields["customText3"] == Field(
        "customText3",
        "Interests",
        FieldType.CHOICES,
        (("1", "Contract"), ("2", "Permanent")),
    )
    assert fields["customDate1"].type is FieldType.DATE
    assert fields["dateLastComment"].type is FieldType.MOMENT
    assert fields["id"].type is FieldType.NUMBER
    assert fields["address.city"] == Field("address.city", "Address: City")
    assert "address" not in fields
    assert fields["clientCorporation"].type is FieldType.LINK
    assert fields["skills"].type is FieldType.LINK
    assert "skills.name" not in fields
    assert fields["clientCorporation.dateAdded"].label == "Company: Dateadded"
    assert {name for name, field in fields.items() if field.type is FieldType.PHONE} == {
        "phone",
        "phone2",
        "phone3",
        "mobile",
        "customText4",
    }


def test_a_lookup_does_without_what_bullhorn_does_not_describe(asking, monkeypatch):
    asking.crm.add("Candidates", workPhone="(202) 555-0101", customText2="HOT", customDate1=1)
    served = asking.crm._served

    def untold(request, path):
        return served(request, ["meta", "Nothing"] if path[0] == "meta" else path)

    monkeypatch.setattr(asking.crm, "_served", untold)

    assert values(asking, "customText2", module="Candidates") == ["HOT"]
    assert values(asking, "customDate1", module="Candidates") == [1]


def test_signing_in_takes_four_steps(asking):
    asking.sign_in()

    steps = asking.crm.requests
    assert [(step.method, step.host, step.path) for step in steps] == [
        ("GET", "rest.bullhornstaffing.com", "/rest-services/loginInfo"),
        ("GET", "auth-emea.bullhornstaffing.com", "/oauth/authorize"),
        ("POST", "auth-emea.bullhornstaffing.com", "/oauth/token"),
        ("GET", "rest-emea.bullhornstaffing.com", "/rest-services/login"),
    ]
    assert [step.query for step in steps] == [
        {"username": "acme.api+voice"},
        {
            "client_id": "client-id-4711",
            "response_type": "code",
            "action": "Login",
            "username": "acme.api+voice",
            "password": "p&ss word+4711",
        },
        {},
        {"version": "*", "access_token": "22:access-0", "ttl": "60"},
    ]
    assert steps[2].form == {
        "grant_type": "authorization_code",
        "code": "22:0/secret",
        "client_id": "client-id-4711",
        "client_secret": "client-secret-4711",
    }


def test_another_data_centre_is_signed_in_to_where_bullhorn_sends_on_to(asking):
    asking.crm.region = "https://auth-apac.bullhornstaffing.com"

    asking.sign_in()

    hosts = [request.host.partition(".")[0] for request in asking.crm.requests]
    assert hosts == ["rest", "auth-emea", "auth-apac", "auth-apac", "rest-emea"]


def test_a_code_is_not_brought_anywhere(asking):
    asking.crm.home = "https://auth-apac.bullhornstaffing.com/welcome"

    asking.sign_in()

    assert sent_to(asking, "auth-apac.bullhornstaffing.com") == []


def test_a_session_lasts_for_its_hour(asking):
    asking.caller(ADA)
    asking.tokens.age(40 * 60)
    asking.sign_in()
    asking.caller(ADA)

    assert asking.crm.given == 1

    asking.tokens.age(10 * 60)
    asking.sign_in()

    assert asking.crm.given == 2


def test_the_address_of_a_session_may_have_no_slash_at_its_end(asking):
    asking.crm.rest_url = "https://rest22.bullhornstaffing.com/rest-services/e999"

    assert asking.caller(ADA) == NotFound()


def sent_to(asking: Asking, host: str) -> list[Request]:
    return [request for request in asking.crm.requests if request.host == host]


EVIL = [
    "https://rest.evil.test",
    "https://rest.bullhorn.com",
    "http://rest22.bullhornstaffing.com",
]


@pytest.mark.parametrize("evil", EVIL)
@pytest.mark.parametrize("named", ["rest_host", "rest_url", "region"])
def test_an_address_that_is_not_bullhorns_is_never_asked(asking, named, evil):
    setattr(asking.crm, named, evil)

    with pytest.raises(CrmRefused, match=r"not its own|redirect"):
        asking.caller(ADA)

    assert sent_to(asking, "rest.evil.test") == []
    assert asking.crm.searches() == []


def test_going_round_in_circles_ends(asking, monkeypatch):
    asking.crm.region = circle = "https://auth-apac.bullhornstaffing.com"
    authorize = asking.crm._authorize

    def send_on(request):
        asking.crm.region = circle
        return authorize(request)

    monkeypatch.setattr(asking.crm, "_authorize", send_on)

    with pytest.raises(CrmRefused, match="redirect"):
        asking.sign_in()
    assert len(asking.crm.requests) == 6


def test_an_api_user_who_has_not_agreed_to_the_terms_is_said_so(asking):
    asking.crm.refuses_signing_in = True
    asking.crm.page = CONSENT_PAGE

    with pytest.raises(CrmNotPermitted, match="agree to its terms"):
        asking.sign_in()


@pytest.mark.parametrize("typed", [{"password": "guess-4711"}, {"token": "guess-4711"}])
def test_a_wrong_secret_is_said_so(asking, typed):
    asking.connect(secrets=typed)

    with pytest.raises(CrmCredentialsRefused):
        asking.sign_in()


def test_a_wrong_client_id_is_said_so(asking):
    asking.connect(options={"account": "guess"}, secrets=asking.crm.secrets)

    with pytest.raises(CrmCredentialsRefused):
        asking.sign_in()


def test_a_token_that_bullhorn_does_not_know_yet_is_a_passing_fault(asking):
    asking.crm.login_fails = True

    with pytest.raises(CrmUnavailable, match="gave a token"):
        asking.sign_in()


STEPS = {
    "/rest-services/loginInfo": [
        (200, {}, "", CrmCredentialsRefused),
        (404, {}, "", CrmCredentialsRefused),
        (200, [], "", CrmBadAnswer),
        (503, {}, "", CrmUnavailable),
    ],
    "/oauth/authorize": [
        (200, b"<p class='error'> Invalid credentials.", "", CrmCredentialsRefused),
        (200, b"<h1>Invalid Client Id</h1>", "", CrmCredentialsRefused),
        (200, b"<input name='x' type='password'>", "", CrmCredentialsRefused),
        (200, b"<h1>Down for maintenance</h1>", "", CrmUnavailable),
        (200, b"", "", CrmUnavailable),
        (302, None, "https://redirect/?error=access_denied", CrmCredentialsRefused),
        (302, None, "https://sso.example/", CrmRefused),
        (302, None, "//[", CrmRefused),
        (400, {}, "", CrmCredentialsRefused),
        (429, {}, "", CrmThrottled),
        (500, {}, "", CrmUnavailable),
    ],
    "/oauth/token": [
        (400, {"error": "invalid_client"}, "", CrmCredentialsRefused),
        (200, {}, "", CrmBadAnswer),
    ],
    "/rest-services/login": [
        (200, {"restUrl": "https://rest22.bullhornstaffing.com/"}, "", CrmBadAnswer),
        (200, {"BhRestToken": "x"}, "", CrmRefused),
        (200, b"<html>", "", CrmBadAnswer),
        (503, {}, "", CrmUnavailable),
    ],
}


@pytest.mark.parametrize(
    ("path", "status", "body", "location", "expected"),
    [(path, *case) for path, cases in STEPS.items() for case in cases],
)
def test_each_step_of_signing_in_can_fail(asking, server, path, status, body, location, expected):
    def fail(visit):
        if visit.target.partition("?")[0] == path:
            sent = body if isinstance(body, bytes) else json.dumps(body).encode()
            visit.answer(sent, status, [f"Location: {location}"] if location else [])
        else:
            asking.crm(visit)

    server.behaviour = fail

    with pytest.raises(CrmError) as caught:
        asking.sign_in()
    assert type(caught.value) is expected


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, {"errorMessageKey": "errors.badSearchQuery", "errorCode": 400}, CrmMisconfigured),
        (400, {"errorMessageKey": "errors.allFieldsNotAllowed"}, CrmNotPermitted),
        (404, {"errorMessage": "No such entity", "errorCode": 404}, CrmMisconfigured),
        (403, {"message": "hidden", "errorCode": 403}, CrmNotPermitted),
        (200, {"errorMessage": "Slow down", "errorCode": 429}, CrmThrottled),
        (200, {"errorMessage": "…", "errorCode": "500"}, CrmUnavailable),
        (503, {"errorMessage": "…", "errorCode": 400}, CrmUnavailable),
        (200, {}, CrmBadAnswer),
        (200, {"data": 7}, CrmBadAnswer),
        (412, {"errorMessageKey": "errors.authentication.invalidRestToken"}, CrmCredentialsRefused),
    ],
)
def test_what_went_wrong_is_told_apart(asking, status, body, expected):
    asking.caller(ADA)
    asking.crm.troubles = [lambda visit: visit.answer(json.dumps(body).encode(), status)]

    with pytest.raises(CrmError) as caught:
        asking.caller(ADA)
    assert type(caught.value) is expected


@pytest.mark.parametrize(
    "url",
    [
        "https://bullhornstaffing.com.evil.test",
        "https://rest.bullhornstaffing.com.evil.test/x",
        "https://rest.bullhorn.com",
    ],
)
def test_no_site_but_bullhorns_own_is_accepted(url):
    kind = KINDS["bullhorn"]
    kind.check(kind.site)

    with pytest.raises(ValueError, match="bullhornstaffing"):
        kind.check(url)
