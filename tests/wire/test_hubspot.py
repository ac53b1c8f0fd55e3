"""What is special about HubSpot: searches with few filters, numbers worked out, texts only."""

import json
from collections.abc import Callable
from decimal import Decimal

import pytest

from tests.crm.https_server import Visit
from tests.wire.asking import Asking
from tests.wire.hubspot import HubSpot
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
from voiceapp.crm.fields import FieldType
from voiceapp.crm.registry import KINDS

ADA = "+12025550101"
DIGITS = ["2025550101", "12025550101"]
SPELLED = [
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
]


@pytest.fixture
def asking(start: Callable[..., Asking]) -> Asking:
    return start(HubSpot)


def is_one_of(name: str, values: list[str]) -> dict:
    return {"filters": [{"propertyName": name, "operator": "IN", "values": values}]}


def groups(asking: Asking) -> list[list[str]]:
    """Return which properties each search that was sent looks into."""
    return [
        [group["filters"][0]["propertyName"] for group in request.json["filterGroups"]]
        for request in asking.crm.searches()
    ]


def says(status: int, body: dict) -> Callable[[Visit], None]:
    sent = json.dumps({"status": "error", "message": "secret"} | body).encode()
    return lambda visit: visit.answer(sent, status)


def test_a_lookup_is_one_search_by_what_was_typed_and_what_hubspot_made_of_it(asking):
    asking.crm.add("Contacts", phone="202.555.0101", tier="Gold")

    answer = asking.caller(ADA, "tier")

    assert answer == Found({"tier": "Gold"}, "phone number", "202.555.0101")
    [request] = asking.crm.searches()
    assert (request.method, request.host) == ("POST", "api.hubapi.com")
    assert (request.path, request.query) == ("/crm/v3/objects/contacts/search", {})
    assert request.headers["authorization"] == "Bearer pat-eu1-secret-4711"
    assert request.json == {
        "filterGroups": [
            is_one_of("hs_searchable_calculated_phone_number", DIGITS),
            is_one_of("hs_searchable_calculated_mobile_number", DIGITS),
            is_one_of("phone", SPELLED),
            is_one_of("mobilephone", SPELLED),
            is_one_of("hs_whatsapp_phone_number", SPELLED),
        ],
        "sorts": [{"propertyName": "createdate", "direction": "DESCENDING"}],
        "properties": ["phone", "mobilephone", "hs_whatsapp_phone_number", "tier"],
        "limit": 10,
    }


@pytest.mark.parametrize("stored", ["202.555.0101", "+1 (202) 5550101", "001-202-555-0101"])
def test_odd_spellings_are_found_by_what_hubspot_made_of_them(asking, stored):
    asking.crm.add("Contacts", mobilephone=stored, tier="Gold")

    assert asking.caller(ADA, "tier").stored == stored


def test_a_number_of_another_country_with_the_same_digits_is_not_the_callers(asking):
    asking.crm.add("Contacts", phone="+442025550101", tier="Silver")
    asking.crm.add("Contacts", phone="+1 202.555.0101", tier="Gold")

    assert asking.caller(ADA, "tier").values == {"tier": "Gold"}


def test_a_caller_from_abroad_is_looked_for_without_the_country_code(asking):
    asking.crm.add("Contacts", phone="+39 06.1234.5678", tier="Gold")

    assert asking.caller("+390612345678", "tier").values == {"tier": "Gold"}


def test_leads_are_contacts_and_accounts_are_companies(asking):
    asking.crm.add("Contacts", phone=ADA, tier="Gold")
    asking.crm.add("Accounts", phone=ADA, tier="Silver")

    assert asking.caller(ADA, "tier", module="Leads").values == {"tier": "Gold"}
    assert asking.caller(ADA, "tier", module="Accounts").values == {"tier": "Silver"}

    paths = [request.path for request in asking.crm.searches()]
    assert paths == ["/crm/v3/objects/contacts/search", "/crm/v3/objects/companies/search"]
    assert groups(asking)[1] == ["phone"]


def test_what_leads_are_is_told_as_it_is_searched(asking):
    asking.crm.add("Contacts", phone=ADA, stage="cold")

    assert isinstance(asking.caller(ADA, module="Leads"), Found)
    assert "every one" in KINDS["hubspot"].modules["Leads"]


def test_more_than_five_properties_for_numbers_take_two_searches_and_never_three(asking):
    asking.crm.add("p8_visitors", phone_7=ADA, tier="Gold")

    answer = asking.caller(ADA, "tier", module="p8_visitors")

    assert answer.values == {"tier": "Gold"}
    assert groups(asking) == [
        ["phone_0", "phone_1", "phone_2", "phone_3", "phone_4"],
        ["phone_5", "phone_6", "phone_7", "phone_8", "phone_9"],
    ]
    sorts = [request.json["sorts"] for request in asking.crm.searches()]
    assert sorts == [[{"propertyName": "hs_createdate", "direction": "DESCENDING"}]] * 2


def test_what_is_read_anyway_is_asked_for_once(asking):
    asking.crm.add("Contacts", phone=ADA)

    assert asking.caller(ADA, "phone", "phone").values == {"phone": ADA}

    asked = asking.crm.searches()[0].json["properties"]
    assert asked == ["phone", "mobilephone", "hs_whatsapp_phone_number"]


def test_a_record_that_both_searches_find_is_one(asking):
    asking.crm.add("p8_visitors", phone_0=ADA, phone_7=ADA, tier="Gold")

    assert isinstance(asking.caller(ADA, "tier", module="p8_visitors"), Found)


def test_what_hubspot_made_of_numbers_comes_first_when_filters_are_few(asking):
    asking.crm.further = {"home_phone": ("string", "phonenumber")}
    asking.crm.add("Contacts", phone="(202) 555-0101", tier="Gold")

    answer = asking.caller(ADA, "tier")

    assert answer.values == {"tier": "Gold"}
    assert groups(asking) == [
        [
            "hs_searchable_calculated_phone_number",
            "hs_searchable_calculated_mobile_number",
            "hs_whatsapp_phone_number",
            "home_phone",
        ]
    ]


def test_where_the_properties_are_not_told_the_usual_ones_are_searched(asking):
    asking.crm.tells_properties = False
    asking.crm.add("Contacts", mobilephone="(202) 555-0101", tier="Gold")

    assert asking.caller(ADA, "tier").values == {"tier": "Gold"}

    assert groups(asking) == [["phone", "mobilephone"]]


def test_an_object_without_numbers_is_searched_by_digits_only(asking):
    asking.crm.add("deals", ticket_no="0042", dealname="Big")

    assert asking.digits("0042", "ticket_no", "dealname", module="deals").values == {
        "dealname": "Big"
    }
    with pytest.raises(CrmMisconfigured):
        asking.caller(ADA, "dealname", module="deals")


@pytest.mark.parametrize(
    ("order", "sort"),
    [
        (Order(), {"propertyName": "createdate", "direction": "DESCENDING"}),
        (Order("balance"), {"propertyName": "balance", "direction": "DESCENDING"}),
        (Order("since", is_highest=False), {"propertyName": "since", "direction": "ASCENDING"}),
    ],
)
def test_the_order_is_told_so_that_the_page_has_the_right_ones(asking, order, sort):
    for number in range(130):
        asking.crm.add("Accounts", phone=ADA, balance=number, since=f"2026-01-{number:03}")

    answer = asking.caller(ADA, module="Accounts", order=order)

    assert isinstance(answer, Several)
    assert answer.count == 100
    body = asking.crm.searches()[0].json
    assert (body["sorts"], body["limit"]) == ([sort], 100)


@pytest.mark.parametrize("typed", ["O'Hara", '"', "\\", "a\nb", "%", "*", "A-7", "straße"])
def test_what_is_keyed_in_is_found_as_it_is(asking, typed):
    asking.crm.add("Contacts", customer_no=typed, tier="Gold")
    asking.crm.add("Contacts", customer_no="other", tier="Silver")

    answer = asking.digits(typed, "customer_no", "tier")

    assert answer == Found({"tier": "Gold"}, "customer_no")
    assert asking.crm.searches()[0].json["filterGroups"] == [
        {"filters": [{"propertyName": "customer_no", "operator": "EQ", "value": typed}]}
    ]


def test_digits_are_found_in_a_property_of_numbers(asking):
    asking.crm.add("Contacts", member_no=42, tier="Gold")

    answer = asking.digits("42", "member_no", "tier", "member_no")

    assert answer.values == {"tier": "Gold", "member_no": Decimal(42)}


@pytest.mark.parametrize("digits", ["0042", "42#", "*", "4" * 40, "٤٢"])
def test_what_no_number_can_be_is_not_looked_for_among_numbers(asking, digits):
    asking.crm.add("Contacts", member_no=42)

    assert asking.digits(digits, "member_no") == NotFound()
    assert asking.crm.searches() == []


@pytest.mark.parametrize("typed", ["contacts/search?a=", "../deals", "contacts#", "contacts ", ""])
def test_a_module_that_is_none_never_becomes_part_of_an_address(asking, typed):
    with pytest.raises(CrmMisconfigured):
        asking.digits("1", "customer_no", module=typed)

    assert asking.crm.requests == []


def test_a_property_that_there_is_not_is_said_so(asking):
    with pytest.raises(CrmMisconfigured, match="does not know the field no_such_property in"):
        asking.digits("1", "no_such_property")


@pytest.mark.parametrize("typed", ["no_such_property", "Tier"])
def test_a_property_that_there_is_not_is_never_empty_in_silence(asking, typed):
    asking.crm.add("Contacts", phone=ADA, tier="Gold")

    with pytest.raises(CrmMisconfigured, match=f"does not know the field {typed} in Contacts"):
        asking.caller(ADA, "tier", typed)


def test_a_property_that_was_added_meanwhile_is_read(asking):
    asking.crm.add("Contacts", phone=ADA, mood="Sunny")
    asking.caller(ADA)
    asking.crm.further = {"mood": ("string", "text")}

    assert asking.caller(ADA, "mood").values == {"mood": "Sunny"}


def test_texts_become_values_by_the_properties_types(asking):
    asking.crm.add(
        "Contacts",
        phone=ADA,
        balance="1234.50",
        vip=False,
        opted_out=True,
        stage="hot",
        interests=";tea;fine_arts",
        hubspot_owner_id="4711",
        since="1572480000000",
        tier="007",
    )

    values = {
        "balance": Decimal("1234.50"),
        "vip": False,
        "opted_out": True,
        "stage": "Hot Prospect",
        "interests": ["Tea", "Fine Arts"],
        "hubspot_owner_id": "4711",
        "since": "2019-10-31",
        "tier": "007",
        "member_no": None,
    }
    assert asking.caller(ADA, *values).values == values


def test_what_no_longer_is_an_option_or_a_number_comes_as_it_is(asking):
    asking.crm.add("Contacts", phone=ADA, stage="gone", interests="gone;tea", balance="", vip="?")

    answer = asking.caller(ADA, "stage", "interests", "balance", "vip")

    assert answer.values == {
        "stage": "gone",
        "interests": ["gone", "Tea"],
        "balance": "",
        "vip": "?",
    }


def test_records_carry_when_they_were_created(asking):
    for _ in range(2):
        asking.crm.add("Contacts", phone=ADA)

    answer = asking.caller(ADA)

    created = [one.created for one in answer.records]
    assert created == ["2026-01-01T10:01:00.678Z", "2026-01-01T10:00:00.678Z"]


def test_the_types_of_properties_are_told_and_hidden_ones_are_not(asking):
    types = {name: field.type for name, field in asking.fields().items()}

    assert types == {
        "createdate": FieldType.MOMENT,
        "phone": FieldType.PHONE,
        "mobilephone": FieldType.PHONE,
        "hs_whatsapp_phone_number": FieldType.PHONE,
        "hs_calculated_phone_number": FieldType.TEXT,
        "hs_searchable_calculated_phone_number": FieldType.TEXT,
        "hs_searchable_calculated_mobile_number": FieldType.TEXT,
        "tier": FieldType.TEXT,
        "stage": FieldType.CHOICE,
        "interests": FieldType.CHOICES,
        "hubspot_owner_id": FieldType.LINK,
        "balance": FieldType.NUMBER,
        "member_no": FieldType.NUMBER,
        "vip": FieldType.YES_NO,
        "opted_out": FieldType.YES_NO,
        "since": FieldType.DATE,
        "customer_no": FieldType.TEXT,
        "hs_map": FieldType.OTHER,
    }
    assert asking.fields()["stage"].label == "Our stage"
    assert asking.fields()["stage"].choices == (
        ("hot", "Hot Prospect"),
        ("cold", "Cold"),
        ("off", "Out of use"),
    )


def test_the_accounts_own_objects_are_listed(asking):
    assert asking.modules() == ["Contacts", "Leads", "Accounts", "deals", "tickets", "p8_visitors"]


def test_an_account_without_own_objects_has_the_others(asking):
    asking.crm.has_own_objects = False

    assert asking.modules() == ["Contacts", "Leads", "Accounts", "deals", "tickets"]


def test_the_token_goes_to_hubspot_only(asking):
    kind = KINDS["hubspot"]

    assert kind.site == "https://api.hubapi.com"
    for other in ("https://api.hubapi.com.evil.example", "http://api.hubapi.com", ""):
        with pytest.raises(ValueError, match="address of HubSpot"):
            kind.check(other)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (401, {"category": "INVALID_AUTHENTICATION"}, CrmCredentialsRefused),
        (401, {"category": "EXPIRED_AUTHENTICATION"}, CrmCredentialsRefused),
        (403, {"category": "MISSING_SCOPES"}, CrmNotPermitted),
        (400, {"category": "MISSING_SCOPES"}, CrmNotPermitted),
        (403, {}, CrmNotPermitted),
        (400, {"category": "VALIDATION_ERROR"}, CrmMisconfigured),
        (400, {}, CrmMisconfigured),
        (404, {"category": "OBJECT_NOT_FOUND"}, CrmMisconfigured),
        (429, {"category": "RATE_LIMITS", "policyName": "DAILY"}, CrmThrottled),
        (500, {"category": "RATE_LIMITS"}, CrmThrottled),
        (423, {}, CrmUnavailable),
        (477, {}, CrmUnavailable),
        (502, {}, CrmUnavailable),
        (200, {}, CrmBadAnswer),
        (200, {"results": [{"id": "1"}]}, CrmBadAnswer),
    ],
)
def test_hubspots_errors_have_our_names(asking, status, body, expected):
    asking.caller(ADA)
    asking.crm.troubles = [says(status, body)]

    with pytest.raises(expected) as caught:
        asking.caller(ADA)

    assert type(caught.value) is expected
    assert "secret" not in str(caught.value)
