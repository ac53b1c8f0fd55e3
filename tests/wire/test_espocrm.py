"""What is special about EspoCRM: several numbers a record, reasons in a header, its own lists."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from tests.crm.https_server import Visit
from tests.wire.asking import Asking
from tests.wire.espocrm import EspoCrm
from voiceapp.crm.contract import (
    CrmBadAnswer,
    CrmCredentialsRefused,
    CrmMisconfigured,
    CrmNotPermitted,
    CrmThrottled,
    CrmTooMany,
    CrmUnavailable,
    Found,
    NotFound,
    Order,
    Several,
)
from voiceapp.crm.fields import FieldType
from voiceapp.crm.phone import spellings
from voiceapp.crm.registry import KINDS

ADA = "+12025550101"
ENDS_ALIKE = "+472025550101"


@pytest.fixture
def asking(start: Callable[..., Asking]) -> Asking:
    return start(EspoCrm)


def asked(asking: Asking) -> list[dict[str, Any]]:
    """Return the search parameters of all searches."""
    return [json.loads(request.query["searchParams"]) for request in asking.crm.searches()]


def says(status: int, reason: str = "", body: bytes = b"") -> Callable[[Visit], None]:
    headers = [f"X-Status-Reason: {reason}"] if reason else []
    return lambda visit: visit.answer(body, status, headers)


def test_a_lookup_is_one_search_for_the_digits_that_all_spellings_end_in(asking):
    asking.crm.add("Contacts", phoneNumber="(202) 555-0101", cTier="Gold")

    answer = asking.caller(ADA, "cTier")

    assert answer == Found({"cTier": "Gold"}, "phone number", "(202) 555-0101")
    [request] = asking.crm.searches()
    assert (request.method, request.host) == ("GET", "crm.espo.test")
    assert request.path == "/api/v1/Contact"
    assert request.headers["x-api-key"] == asking.crm.secrets["password"]
    assert request.headers["x-no-total"] == "true"
    assert list(request.query) == ["searchParams"]
    assert asked(asking) == [
        {
            "where": [
                {"type": "contains", "attribute": "phoneNumberNumeric", "value": "2025550101"}
            ],
            "select": ["id", "createdAt", "phoneNumber", "cTier"],
            "orderBy": "createdAt",
            "order": "DESC",
            "maxSize": 10,
        }
    ]


def test_a_site_may_lie_below_its_host(asking):
    asking.crm.path = "/sales/api/v1/"
    asking.crm.add("Contacts", phoneNumber=ADA)
    asking.connect(url="https://crm.espo.test/sales//")

    assert isinstance(asking.caller(ADA), Found)


@pytest.mark.parametrize(
    "stored",
    ["202.555.0101", "001 202 555 0101", "202-555-0101", "1 (202) 5550101"],
)
def test_a_number_is_found_in_layouts_that_nobody_foresaw(asking, stored):
    asking.crm.add("Contacts", phoneNumber=stored, cTier="Gold")

    answer = asking.caller(ADA, "cTier")

    assert isinstance(answer, Found)
    assert answer.stored == stored


@pytest.mark.parametrize("stored", ["+44 20 7946 0101", "+44 (0)20 7946 0101", "00442079460101"])
def test_a_number_of_another_country_is_searched_by_its_national_digits(asking, stored):
    asking.crm.add("Contacts", phoneNumber=stored)

    assert isinstance(asking.caller("+442079460101"), Found)

    assert asked(asking)[0]["where"] == [
        {"type": "contains", "attribute": "phoneNumberNumeric", "value": "2079460101"}
    ]


def test_a_number_of_no_country_is_searched_by_all_of_its_digits(asking):
    asking.crm.add("Contacts", phoneNumber="+99912345678", cTier="Gold")

    assert isinstance(asking.caller("+99912345678"), Found)

    assert asked(asking)[0]["where"][0]["value"] == "99912345678"


@pytest.mark.parametrize(
    ("number", "country", "stored"),
    [
        ("+493012345678", "DE", "030 123 45 678"),
        ("+493012345678", "DE", "+49 (0)30 123 45 678"),
        ("+493012345678", "US", "+49 30 123 45 678"),
        ("+33612345678", "FR", "0612 345 678"),
        ("+390612345678", "IT", "06 123 456 78"),
        (ADA, "US", "202-555-0101"),
        (ADA, "US", "1 202 5550101"),
    ],
)
def test_a_further_number_is_found_however_it_is_spelled(asking, number, country, stored):
    asking.country = country
    asking.connect()
    asking.crm.add("Contacts", phoneNumber="+12125550100", further=(stored,))

    assert isinstance(asking.caller(number), Found)


def test_a_further_number_with_the_same_digits_may_be_another_countrys(asking):
    asking.crm.add("Contacts", phoneNumber="+12125550100", further=("+20 2555 0101",))

    assert asking.caller(ADA) == NotFound()


def test_a_caller_is_found_by_a_further_number_with_one_more_search(asking):
    id_ = asking.crm.add("Contacts", phoneNumber="+12125550100", further=(ADA,), cTier="Gold")

    answer = asking.caller(ADA, "cTier")

    assert answer == Found({"cTier": "Gold"}, "phone number", ADA)
    assert asked(asking)[1:] == [
        {
            "where": [
                {"type": "in", "attribute": "id", "value": [id_]},
                {
                    "type": "or",
                    "value": [
                        {
                            "type": "in",
                            "attribute": "phoneNumberNumeric",
                            "value": ["12025550101", "0012025550101"],
                        },
                        {
                            "type": "in",
                            "attribute": "phoneNumber",
                            "value": list(spellings(ADA, "US")),
                        },
                    ],
                },
            ],
            "select": ["id"],
            "maxSize": 1,
        }
    ]


@pytest.mark.parametrize("further", ["(202) 555-0101", "2025550101", "+1 202.555.0101"])
def test_a_further_number_may_be_spelled_otherwise(asking, further):
    asking.crm.add("Contacts", phoneNumber="+12125550100", further=(further,), cTier="Gold")

    assert isinstance(asking.caller(ADA, "cTier"), Found)


def test_a_further_number_that_only_ends_alike_is_not_the_callers(asking):
    asking.crm.add("Contacts", phoneNumber="+12125550100", further=(ENDS_ALIKE,), cTier="Gold")

    assert asking.caller(ADA, "cTier") == NotFound()

    assert len(asked(asking)) == 2


def test_who_has_it_first_and_who_has_it_further_are_several(asking):
    asking.crm.add("Contacts", phoneNumber=ADA, cTier="Gold")
    asking.crm.add("Contacts", phoneNumber="+12125550100", further=(ADA,), cTier="Silver")
    asking.crm.add("Contacts", phoneNumber=ENDS_ALIKE, cTier="Iron")

    answer = asking.caller(ADA, "cTier")

    assert isinstance(answer, Several)
    assert [one.values["cTier"] for one in answer.records] == ["Silver", "Gold"]
    assert len(asked(asking)) == 2


def test_a_full_page_of_further_numbers_that_end_alike_is_too_many(asking):
    for number in range(12):
        asking.crm.add("Contacts", phoneNumber=f"+1212555{number:04}", further=(ENDS_ALIKE,))

    with pytest.raises(CrmTooMany):
        asking.caller(ADA, "cTier")


@pytest.mark.parametrize("status", ["New", None])
def test_a_lead_is_found_unless_it_was_converted(asking, status):
    asking.crm.add("Leads", phoneNumber=ADA, cTier="Silver", status="Converted")
    asking.crm.add("Leads", phoneNumber=ADA, cTier="Gold", status=status)

    answer = asking.caller(ADA, "cTier", module="Leads")

    assert isinstance(answer, Found)
    assert answer.values == {"cTier": "Gold"}
    assert asked(asking)[0]["where"][1] == {
        "type": "or",
        "value": [
            {"type": "notEquals", "attribute": "status", "value": "Converted"},
            {"type": "isNull", "attribute": "status"},
        ],
    }


def test_leads_are_searched_where_their_status_may_not_be_read(asking):
    asking.crm.hidden.add("status")
    asking.crm.add("Leads", phoneNumber=ADA, cTier="Gold")

    assert isinstance(asking.caller(ADA, "cTier", module="Leads"), Found)


@pytest.mark.parametrize(
    ("order", "by", "way", "first"),
    [
        (Order(), "createdAt", "DESC", "last"),
        (Order(is_highest=False), "createdAt", "ASC", "first"),
        (Order("cBalance"), "cBalance", "DESC", "first"),
        (Order("cBalance", is_highest=False), "cBalance", "ASC", "last"),
    ],
)
def test_the_record_that_counts_comes_first(asking, order, by, way, first):
    asking.crm.add("Contacts", phoneNumber=ADA, cTier="first", cBalance=20)
    asking.crm.add("Contacts", phoneNumber=ADA, cTier="last", cBalance=10)

    answer = asking.caller(ADA, "cTier", order=order)

    assert isinstance(answer, Several)
    assert answer.records[0].values["cTier"] == first
    [search] = asked(asking)
    assert (search["orderBy"], search["order"], search["maxSize"]) == (by, way, 100)
    assert by in search["select"]


def test_the_moment_of_creation_has_its_zone(asking):
    for _ in range(2):
        asking.crm.add("Contacts", phoneNumber=ADA)

    answer = asking.caller(ADA, "cTier")

    assert isinstance(answer, Several)
    assert [one.created for one in answer.records] == [
        "2026-01-01T10:01:00Z",
        "2026-01-01T10:00:00Z",
    ]


@pytest.mark.parametrize("field", ["cNoSuch", "account", "account.name"])
def test_an_order_by_what_there_is_not_is_refused_before_the_server_fails(asking, field):
    with pytest.raises(CrmMisconfigured):
        asking.caller(ADA, "cTier", order=Order(field))

    assert asked(asking) == []


def test_any_entity_with_a_phone_number_can_be_searched(asking):
    asking.crm.add("CStudent", phoneNumber=ADA, cTier="Gold")

    answer = asking.caller(ADA, "cTier", module="CStudent")

    assert isinstance(answer, Found)
    assert asking.crm.searches()[0].path == "/api/v1/CStudent"


def test_one_without_a_phone_number_is_searched_by_digits_only(asking):
    asking.crm.add("Case", number=42, name="Broken lamp")

    assert isinstance(asking.digits("42", "number", "name", module="Case"), Found)
    with pytest.raises(CrmMisconfigured):
        asking.caller(ADA, "name", module="Case")
    assert len(asked(asking)) == 1


def test_the_modules_are_those_with_records_of_their_own(asking):
    assert asking.modules() == ["Contacts", "Leads", "Accounts", "CStudent", "Case"]


@pytest.mark.parametrize("digits", ["1001", "0", "9" * 18])
def test_a_number_is_searched_as_a_number(asking, digits):
    asking.crm.add("Contacts", cNumber=int(digits), cTier="Gold")

    assert isinstance(asking.digits(digits, "cNumber", "cTier"), Found)

    [search] = asked(asking)
    assert search["where"] == [{"type": "equals", "attribute": "cNumber", "value": int(digits)}]


@pytest.mark.parametrize("digits", ["*1", "", "1.0", "1e3", "٣", "00", "9" * 5000])
def test_what_is_no_number_is_not_searched_in_a_number(asking, digits):
    asking.crm.add("Contacts", cNumber=0)

    assert asking.digits(digits, "cNumber", "cTier") == NotFound()

    assert asked(asking) == []


def test_a_number_is_not_one_with_zeros_before_it(asking):
    asking.crm.add("Contacts", cNumber=42, cAccountNo="0042")

    assert asking.digits("0042", "cNumber", "cTier") == NotFound()
    assert asking.digits("42", "cAccountNo", "cTier") == NotFound()
    assert isinstance(asking.digits("0042", "cAccountNo", "cTier"), Found)


def test_digits_are_found_among_several_of_a_list(asking):
    asking.crm.add("Contacts", cTags=["1001", "vip"], cTier="Gold")

    answer = asking.digits("1001", "cTags", "cTier")

    assert isinstance(answer, Found)
    assert asked(asking)[0]["where"] == [
        {"type": "arrayAnyOf", "attribute": "cTags", "value": ["1001"]}
    ]


@pytest.mark.parametrize(
    "typed", ["1'--", 'a"b', "a\\b", "50%", "a_b", "a)b", "a\nb", "a&b=c#d", "ä+ß"]
)
def test_whatever_is_keyed_in_arrives_as_it_is(asking, typed):
    asking.crm.add("Contacts", cAccountNo=typed, cTier="Gold")
    asking.crm.add("Contacts", cAccountNo=f"{typed}x", cTier="Silver")

    answer = asking.digits(typed, "cAccountNo", "cTier")

    assert isinstance(answer, Found)
    assert answer.values["cTier"] == "Gold"


def test_a_field_that_there_is_not_is_told_from_one_that_is_blank(asking):
    asking.crm.add("Contacts", phoneNumber=ADA)

    assert asking.caller(ADA, "cTier", "accountId").values == {"cTier": None, "accountId": None}
    for field in ("cTear", "account", "cSecret"):
        with pytest.raises(CrmMisconfigured, match=f"does not know the field {field} in Contacts"):
            asking.caller(ADA, "cTier", field)


@pytest.mark.parametrize("field", ["CONCAT:(name)", "a b", "a,b", "a'b", "a[]"])
def test_what_can_be_no_name_of_a_field_is_not_asked_for(asking, field):
    with pytest.raises(CrmMisconfigured):
        asking.caller(ADA, field)
    with pytest.raises(CrmMisconfigured):
        asking.digits("1001", field)

    assert asked(asking) == []


def test_values_are_read_by_what_their_fields_are(asking):
    asking.crm.add(
        "Contacts",
        phoneNumber=ADA,
        cTags=["vip", "new", "gone"],
        cLevel=2,
        cIndustry="food",
        cSource="Call",
        cRating="A",
        cStage="cold",
        cBalance=12.5,
        cSeenAt="2026-11-22 10:00:00",
        accountName="Acme",
        teamsNames={"t1": "Sales", "t2": "North"},
    )
    wanted = ("cTags", "cLevel", "cIndustry", "cSource", "cRating", "cStage", "cBalance")
    linked = ("cSeenAt", "accountName", "teamsNames")

    answer = asking.caller(ADA, *wanted, *linked)

    assert isinstance(answer, Found)
    assert answer.values == {
        "cTags": ["Very Important", "New", "gone"],
        "cLevel": "Pro",
        "cIndustry": "Food & Drink",
        "cSource": "By phone",
        "cRating": "Excellent",
        "cStage": "Cold",
        "cBalance": Decimal("12.5"),
        "cSeenAt": "2026-11-22T10:00:00Z",
        "accountName": "Acme",
        "teamsNames": ["Sales", "North"],
    }


def test_fields_are_those_that_can_be_read_in_a_list(asking):
    fields = asking.fields()

    assert not {"cOld", "acceptanceStatus", "targetListsNames", "address", "cSecret"} & set(fields)
    assert fields["phoneNumber"].type is FieldType.PHONE
    assert (fields["accountName"].label, fields["accountName"].type) == ("Account", FieldType.LINK)
    assert fields["cTier"].label == "Tier"
    assert fields["createdAt"].label == "Created At"
    assert fields["cVip"].label == "cVip"  # for want of a better word
    assert fields["cStage"].choices == (("hot", "Hot Prospect"), ("cold", "Cold"))
    assert fields["cLevel"].choices == (("0", "None"), ("1", "Basic"), ("2", "Pro"))
    assert fields["cIndustry"].choices == (("food", "Food & Drink"),)
    assert fields["cRating"].choices == (("A", "Excellent"), ("B", "Good"))


def test_versions_before_8_2_return_all_metadata_at_once(asking):
    asking.crm.knows_keys = False
    asking.crm.add("Contacts", phoneNumber=ADA, cStage="hot")

    answer = asking.caller(ADA, "cStage")

    assert isinstance(answer, Found)
    assert answer.values == {"cStage": "Hot Prospect"}
    assert asking.modules() == ["Contacts", "Leads", "Accounts", "CStudent", "Case"]
    assert asking.fields()["cTier"].label == "Tier"


def test_fields_of_an_entity_that_there_is_not_are_refused(asking):
    with pytest.raises(CrmMisconfigured):
        asking.fields("NoSuch")


@pytest.mark.parametrize(
    ("happens", "error"),
    [
        (says(400, "Not existing attribute 'cX' in where."), CrmMisconfigured),
        (says(400), CrmMisconfigured),
        (says(401), CrmCredentialsRefused),
        (says(401, "second-step-required", b'{"message": "enterTotpCode"}'), CrmCredentialsRefused),
        (says(403, "No read access."), CrmNotPermitted),
        (says(403, "Forbidden attribute 'cX' in where."), CrmNotPermitted),
        (says(403), CrmNotPermitted),
        (says(403, "Max failed login attempts exceeded for IP address 192.0.2.7."), CrmThrottled),
        (says(403, "Max failed login attempts exceeded."), CrmThrottled),
        (says(404, "Controller 'X' does not exist."), CrmMisconfigured),
        (says(404, "", b"<h1>404 Page Not Found</h1>"), CrmMisconfigured),
        (says(409, "modified"), CrmMisconfigured),
        (says(500, "Order by non-existing field."), CrmUnavailable),
        (says(503), CrmUnavailable),
        (says(200), CrmBadAnswer),
        (says(200, "", b'{"total": 0}'), CrmBadAnswer),
        (says(200, "", b'{"list": {"0": {}}}'), CrmBadAnswer),
    ],
)
def test_every_answer_that_is_none_has_its_name(asking, happens, error):
    asking.caller(ADA, "cTier")
    asking.crm.troubles = [happens]

    with pytest.raises(error) as caught:
        asking.caller(ADA, "cTier")

    assert type(caught.value) is error
    assert "cX" not in str(caught.value)
    assert "192.0.2.7" not in str(caught.value)


def test_a_field_that_there_is_not_is_told_from_an_address_that_leads_elsewhere(asking):
    asking.caller(ADA, "cTier")
    asking.crm.troubles = [says(404, "Controller 'X' does not exist."), says(404, "", b"nginx")]

    with pytest.raises(CrmMisconfigured, match="does not know the module Contacts, or the field"):
        asking.caller(ADA, "cTier")
    with pytest.raises(CrmMisconfigured, match=r"rejected the request \(404\)"):
        asking.caller(ADA, "cTier")


@pytest.mark.parametrize(
    ("address", "complaint"),
    [
        ("http://crm.example.com", "must start with https"),
        ("https://crm.example.com/#Contact", "part after #"),
        ("https://crm.example.com/?entryPoint=x", "without the part after"),
        ("https://key@crm.example.com", "must not stand in the address"),
    ],
)
def test_an_address_has_to_be_that_of_a_site(address, complaint):
    with pytest.raises(ValueError, match=complaint):
        KINDS["espocrm"].check(address)
