"""What is special about Pipedrive: two requests, people who lead to the rest, hashes for names."""

from collections.abc import Callable

import pytest

from tests.wire.asking import Asking
from tests.wire.pipedrive import (
    ACCOUNT,
    BALANCE,
    COUNT,
    MANY,
    OTHER_PHONE,
    PLACE,
    STAGE,
    TAGS,
    TIER,
    Pipedrive,
)
from tests.wire.standin import Response, send
from voiceapp.crm.contract import (
    CrmBadAnswer,
    CrmCredentialsRefused,
    CrmMisconfigured,
    CrmNotPermitted,
    CrmThrottled,
    CrmTooMany,
    Found,
    NotFound,
    Order,
    Several,
)
from voiceapp.crm.fields import FieldType
from voiceapp.crm.registry import KINDS

ADA = "+12025550101"


@pytest.fixture
def asking(start: Callable[..., Asking]) -> Asking:
    return start(Pipedrive)


def asked(asking: Asking) -> list[tuple[str, dict[str, str]]]:
    """Return the searches and reads, with their parameters."""
    return [(one.path, dict(one.query)) for one in asking.crm.searches()]


def test_a_lookup_searches_and_then_reads_what_is_needed(asking):
    for phone in (ADA, "+442025550101"):
        asking.crm.add("Contacts", phones=phone)

    asking.caller(ADA, TIER, "name", "won_deals_count", order=Order(BALANCE))

    assert asked(asking) == [
        (
            "/api/v2/itemSearch",
            {
                "term": "2025550101",
                "item_types": "person",
                "fields": "phone,custom_fields",
                "limit": "100",
            },
        ),
        (
            "/api/v2/persons",
            {
                "limit": "100",
                "custom_fields": f"{TIER},{BALANCE},{OTHER_PHONE}",
                "include_fields": "won_deals_count",
                "ids": "1,2",
            },
        ),
    ]


def test_the_token_goes_in_a_header_to_the_root_of_the_site(asking):
    asking.caller(ADA)

    assert {one.headers["x-api-token"] for one in asking.crm.requests} == {
        asking.crm.secrets["password"]
    }
    assert all(one.path.startswith("/api/") for one in asking.crm.requests)


@pytest.mark.parametrize(
    "address",
    ["https://acme.pipedrive.com.evil.test", "https://pipedrive.com", "https://evil.test"],
)
def test_no_other_host_gets_the_token(address):
    with pytest.raises(ValueError, match=r"must end in \.pipedrive\.com"):
        KINDS["pipedrive"].check(address)


def test_nobody_found_is_one_request(asking):
    assert asking.caller(ADA, TIER) == NotFound()

    assert len(asked(asking)) == 1


@pytest.mark.parametrize(
    ("number", "stored", "term"),
    [
        ("+49301234567", "+49 (0)30 1234567", "301234567"),
        ("+442079460018", "0044 20 7946 0018", "2079460018"),
        ("+390612345678", "+39 06 1234 5678", "0612345678"),
    ],
)
def test_callers_from_abroad_are_found(asking, number, stored, term):
    asking.crm.add("Contacts", phones=stored)

    assert isinstance(asking.caller(number), Found)
    assert asked(asking)[0][1]["term"] == term


def test_any_of_a_persons_numbers_will_do(asking):
    asking.crm.add("Contacts", phones=["+12025550199", "(202) 555-0101"])

    assert asking.caller(ADA).stored == "(202) 555-0101"


def test_somebody_deleted_whom_the_index_still_has_is_not_found(asking):
    asking.crm.index_is_old = True
    asking.crm.add("Contacts", phones=ADA, is_deleted=True)

    assert asking.caller(ADA) == NotFound()
    assert len(asked(asking)) == 2


# Organizations


def test_an_organization_is_found_by_its_people(asking):
    account = asking.crm.add("Accounts", phones="(202) 555-0101", **{TIER: "Gold"})
    asking.crm.add("Contacts", phones=ADA, org_id=int(account))
    asking.crm.add("Accounts", phones="+442025550101", **{TIER: "Silver"})

    answer = asking.caller(ADA, TIER, module="Accounts")

    assert answer == Found({TIER: "Gold"}, "phone number", "(202) 555-0101")
    assert asked(asking) == [
        (
            "/api/v2/itemSearch",
            {"term": "2025550101", "item_types": "person", "fields": "phone", "limit": "10"},
        ),
        ("/api/v2/organizations", {"limit": "10", "custom_fields": TIER, "ids": account}),
    ]


def test_an_organization_is_found_by_a_phone_field_of_the_companys_own(asking):
    asking.crm.add("Accounts", **{OTHER_PHONE: "202-555-0101", TIER: "Gold"})
    asking.crm.add("Accounts", **{OTHER_PHONE: "+442025550101"})

    answer = asking.caller(ADA, TIER, module="Accounts")

    assert answer == Found({TIER: "Gold"}, "phone number", "202-555-0101")
    assert asked(asking)[0][1] == {
        "term": "2025550101",
        "item_types": "person,organization",
        "fields": "phone,custom_fields",
        "limit": "10",
    }


def test_somebody_without_an_organization_leads_to_none(asking):
    asking.crm.add("Contacts", phones=ADA)

    assert asking.caller(ADA, module="Accounts") == NotFound()


@pytest.mark.parametrize("module", ["Accounts", "Leads", "Deals"])
def test_a_full_page_of_other_people_is_too_many_for_what_is_found_through_them(asking, module):
    asking.crm.is_vague = True
    for number in range(30):
        asking.crm.add(module, phones=f"+1212555{number:04}")

    with pytest.raises(CrmTooMany):
        asking.caller(ADA, module=module)


# Leads and deals


def test_a_lead_is_found_through_its_person_and_read_by_version_1(asking):
    label = "f08b42a0-4e75"
    asking.crm.add(
        "Leads",
        phones=ADA,
        title="Ada's lead",
        label_ids=[label],
        value={"amount": 999, "currency": "EUR"},
        **{TAGS: [1, 2], BALANCE: {"value": 12, "currency": "CHF"}, STAGE: 12},
    )
    asking.crm.add("Leads", phones="+12025550199", title="Another's")
    fields = ("title", "label_ids", "value", "value.currency", "was_seen", "owner_id")
    custom = (TAGS, BALANCE, f"{BALANCE}.currency", STAGE, TIER)

    answer = asking.caller(ADA, *fields, *custom, module="Leads")

    assert asked(asking)[1] == (
        "/api/v1/leads",
        {"person_id": "1", "limit": "10", "sort": "add_time DESC"},
    )
    assert answer.values == {
        "title": "Ada's lead",
        "label_ids": ["Hot lead"],
        "value": 999,
        "value.currency": "EUR",
        "was_seen": False,
        "owner_id": "Ada Agent",
        TAGS: ["vip", "new"],
        BALANCE: 12,
        f"{BALANCE}.currency": "CHF",
        STAGE: "Hot Prospect",
        TIER: None,  # version 1 leaves out what is empty
    }


def test_a_deal_is_found_through_its_person_with_names_for_its_stage_and_owner(asking):
    asking.crm.add("Deals", phones=ADA, stage_id=2, pipeline_id=1, owner_id=8, value=500)

    answer = asking.caller(ADA, "stage_id", "pipeline_id", "owner_id", "value", module="Deals")

    assert list(answer.values.values()) == ["Offer", "Sales", "Bo Agent", 500]
    assert asked(asking)[1] == (
        "/api/v2/deals",
        {
            "limit": "10",
            "person_id": "1",
            "sort_by": "add_time",
            "sort_direction": "desc",
        },
    )


@pytest.mark.parametrize(
    ("module", "order", "sort"),
    [
        ("Leads", Order(), {"sort": "add_time DESC"}),
        ("Leads", Order("update_time", is_highest=False), {"sort": "update_time ASC"}),
        ("Leads", Order(BALANCE), {"sort": "add_time DESC"}),
        ("Deals", Order("id"), {"sort_by": "id", "sort_direction": "desc"}),
        (
            "Deals",
            Order("add_time", is_highest=False),
            {"sort_by": "add_time", "sort_direction": "asc"},
        ),
    ],
)
def test_what_a_person_has_is_sorted_as_far_as_pipedrive_can(asking, module, order, sort):
    asking.crm.add(module, phones=ADA, update_time="2026-02-01T10:00:00Z")

    asking.caller(ADA, module=module, order=order)

    query = asked(asking)[1][1]
    assert sort.items() <= query.items()
    assert query["limit"] == "100"


@pytest.mark.parametrize("module", ["Leads", "Deals"])
def test_two_of_one_person_are_several_and_archived_ones_are_none(asking, module):
    asking.crm.add(module, phones=ADA, title="first")
    asking.crm.add(module, person_id=1, title="second")
    archived = asking.crm.add(module, person_id=1, title="third")
    asking.crm.records[module.lower().rstrip("s")][archived]["is_archived"] = True

    answer = asking.caller(ADA, "title", module=module)

    assert [one.values["title"] for one in answer.records] == ["second", "first"]


@pytest.mark.parametrize("module", ["Leads", "Deals"])
def test_of_two_people_nobody_can_say_whose_lead_is_meant(asking, module):
    asking.crm.add(module, phones=ADA)
    asking.crm.add(module, phones="(202) 555-0101")

    assert asking.caller(ADA, module=module) == Several(2)


# Digits


def test_digits_are_searched_in_their_field_alone(asking):
    asking.crm.add("Contacts", **{ACCOUNT: "0042", TIER: "Gold"})
    asking.crm.add("Contacts", **{TIER: "0042"})

    answer = asking.digits("0042", ACCOUNT, TIER)

    assert answer.values[TIER] == "Gold"
    assert asked(asking)[0] == (
        "/api/v2/itemSearch/field",
        {
            "term": "0042",
            "entity_type": "person",
            "field": ACCOUNT,
            "match": "exact",
            "limit": "10",
        },
    )
    assert asked(asking)[1][1]["ids"] == "1"


@pytest.mark.parametrize(
    ("field", "stored", "digits"),
    [(COUNT, 42, "42"), (BALANCE, 42, "42"), ("phones", ["1", "4711"], "4711")],
)
def test_digits_are_found_in_numbers_amounts_and_lists(asking, field, stored, digits):
    asking.crm.add("Contacts", **{field: stored})

    assert isinstance(asking.digits(digits, field), Found)
    assert asking.digits(f"0{digits}", field) == NotFound()


def test_a_choice_cannot_be_searched_for_digits(asking):
    with pytest.raises(CrmMisconfigured):
        asking.digits("12", STAGE)


@pytest.mark.parametrize("module", ["Accounts", "Leads", "Deals"])
def test_other_modules_are_found_by_digits_as_well(asking, module):
    asking.crm.add(module, **{ACCOUNT: "1001", TIER: "Gold"})

    assert asking.digits("1001", ACCOUNT, TIER, module=module).values[TIER] == "Gold"


def test_two_leads_with_the_digits_are_several(asking):
    for tier in ("Gold", "Silver"):
        asking.crm.add("Leads", **{ACCOUNT: "1001", TIER: tier})

    answer = asking.digits("1001", ACCOUNT, TIER, module="Leads")

    assert answer == Several(2)  # without the records: each would be a request of its own


@pytest.mark.parametrize("gone", ["is_archived", "is_deleted"])
def test_a_lead_with_the_digits_that_is_gone_does_not_count(asking, gone):
    asking.crm.index_is_old = True
    asking.crm.add("Leads", **{ACCOUNT: "1001", TIER: "Gold"})
    [old] = asking.crm.records["lead"].values()
    old[gone] = True

    assert asking.digits("1001", ACCOUNT, TIER, module="Leads") == NotFound()


def test_leads_with_the_digits_are_not_read_where_there_are_many(asking):
    for _ in range(6):
        asking.crm.add("Leads", **{ACCOUNT: "1001"})

    assert asking.digits("1001", ACCOUNT, module="Leads") == Several(6)
    assert len(asked(asking)) == 1


# Values and fields


def test_values_with_parts_are_read_by_the_first_and_by_name(asking):
    asking.crm.add(
        "Contacts",
        phones=[ADA, "+12025550102"],
        emails=[{"value": "ada@example.com", "primary": True, "label": "work"}],
        owner_id=7,
        label_ids=[7],
        **{
            TAGS: [2, 1],
            BALANCE: {"value": 12.5, "currency": "EUR"},
            PLACE: {"value": "1 Main St, Springfield", "locality": "Springfield", "country": None},
        },
    )
    parts = (BALANCE, f"{BALANCE}.currency", PLACE, f"{PLACE}.locality", f"{PLACE}.country")

    answer = asking.caller(ADA, "phones", "email", "owner_id", "label_ids", TAGS, *parts)

    assert [str(one) if one is not None else None for one in answer.values.values()] == [
        "['+12025550101', '+12025550102']",
        "['ada@example.com']",
        "Ada Agent",
        "['Customer']",
        "['new', 'vip']",
        "12.5",
        "EUR",
        "1 Main St, Springfield",
        "Springfield",
        None,
    ]


def test_counts_come_only_when_they_are_asked_for(asking):
    asking.crm.add("Contacts", phones=ADA)

    assert asking.caller(ADA, "won_deals_count").values == {"won_deals_count": 3}


def test_more_fields_than_pipedrive_takes_by_name_are_all_read(asking):
    asking.crm.add("Contacts", phones=ADA, **{MANY[0]: "first"})

    answer = asking.caller(ADA, *MANY)

    assert answer.values[MANY[0]] == "first"
    assert "custom_fields" not in asked(asking)[1][1]


def test_a_field_that_the_company_has_not_is_refused_before_anything_is_searched(asking):
    with pytest.raises(CrmMisconfigured):
        asking.caller(ADA, "f" * 40)

    assert asked(asking) == []


def test_fields_are_listed_from_all_pages_with_their_parts_and_choices(asking):
    asking.crm.page = 4

    fields = asking.fields("Deals")

    assert {STAGE, PLACE, COUNT, "stage_id"} <= fields.keys()
    assert fields[f"{PLACE}.locality"].label == "locality of it"
    assert f"{PLACE}.value" not in fields
    assert fields["stage_id"].choices == (("1", "Qualified"), ("2", "Offer"))
    assert fields["owner_id"].choices == (("7", "Ada Agent"), ("8", "Bo Agent"))
    assert fields["add_time"].type is FieldType.MOMENT
    assert fields[OTHER_PHONE].type is FieldType.PHONE


def test_leads_have_fields_of_their_own_and_those_added_to_deals(asking):
    fields = asking.fields("Leads")

    assert {"title", "label_ids", "was_seen", TIER, f"{BALANCE}.currency"} <= fields.keys()
    assert "stage_id" not in fields


def test_an_owner_stays_a_number_where_users_may_not_be_listed(asking):
    asking.crm.hides_users = True
    asking.crm.add("Contacts", phones=ADA, owner_id=7, **{STAGE: 12})

    assert asking.caller(ADA, "owner_id", STAGE).values == {"owner_id": 7, STAGE: "Hot Prospect"}


def test_a_field_that_pipedrive_has_not_is_said_so(asking):
    asking.crm.add("Contacts", phones=ADA)

    with pytest.raises(CrmMisconfigured):
        asking.caller(ADA, "favourite_colour")


# Trouble


FAILED = {"success": False, "error": "No way", "error_info": "Please check"}
SPENT = {"x-daily-ratelimit-token-remaining": "0"}
"""The company's requests of a day are used up."""


@pytest.mark.parametrize(
    ("response", "expected", "pause"),
    [
        (Response(429, FAILED, {"x-ratelimit-reset": "2"}), CrmThrottled, 2),
        (Response(429, FAILED, {"x-ratelimit-reset": "2", "Retry-After": "30"}), CrmThrottled, 30),
        (Response(429, FAILED, {"x-ratelimit-reset": "soon"}), CrmThrottled, None),
        (Response(429, FAILED, SPENT | {"x-ratelimit-reset": "2"}), CrmThrottled, None),
        (Response(403, b"<html>Access denied</html>"), CrmThrottled, None),
        (Response(403, FAILED), CrmNotPermitted, None),
        (Response(402, FAILED), CrmNotPermitted, None),
        (Response(400, FAILED), CrmMisconfigured, None),
        (Response(200, FAILED | {"errorCode": 401}), CrmCredentialsRefused, None),
        (Response(200, FAILED | {"errorCode": 404}), CrmMisconfigured, None),
        (Response(200, FAILED | {"errorCode": 200}), CrmBadAnswer, None),
        (Response(200, FAILED), CrmBadAnswer, None),
        (Response(200, {"data": {"items": []}}), CrmBadAnswer, None),
        (Response(200, b""), CrmBadAnswer, None),
        (Response(200, {"success": True, "data": {"items": [{"item": 1}]}}), CrmBadAnswer, None),
    ],
)
def test_errors_have_their_names(asking, response, expected, pause):
    asking.caller(ADA)
    asking.crm.troubles = [lambda visit: send(visit, response)]

    with pytest.raises(expected) as caught:
        asking.caller(ADA)

    assert getattr(caught.value, "retry_after", None) == pause


def test_an_id_that_is_none_gets_into_no_request(asking):
    items = [{"item": {"id": "1,2&x", "type": "person", "phones": [ADA]}}]
    response = Response(body={"success": True, "data": {"items": items}})
    asking.crm.troubles = [lambda visit: send(visit, response)]

    with pytest.raises(CrmBadAnswer):
        asking.caller(ADA)
    assert len(asked(asking)) == 1
