"""What is special about Freshsales: a search for each phone field, stages, whole records."""

import json
from collections.abc import Callable
from decimal import Decimal

import pytest

from tests.crm.https_server import Visit
from tests.wire.asking import Asking
from tests.wire.freshsales import CUSTOMER, STAGES, Freshsales
from voiceapp.crm.contract import (
    Answer,
    CrmBadAnswer,
    CrmCredentialsRefused,
    CrmError,
    CrmMisconfigured,
    CrmNotPermitted,
    CrmThrottled,
    CrmUnavailable,
    FieldValue,
    Found,
    NotFound,
    Order,
    Several,
)
from voiceapp.crm.fields import Field, FieldType
from voiceapp.crm.registry import KINDS

ADA = "+12025550101"
SPELLINGS = [
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
    return start(Freshsales)


@pytest.fixture
def classic(asking: Asking) -> Asking:
    asking.crm.base = "/api"
    asking.connect(url="https://acme.freshsales.io/")
    return asking


def values(answer: Answer) -> list[FieldValue]:
    assert isinstance(answer, Found)
    return list(answer.values.values())


def rules(asking: Asking) -> list[list[tuple[str, list[str]]]]:
    """Return attribute and values of each rule of each search."""
    searches = (request.json["filter_rule"] for request in asking.crm.searches())
    return [[(rule["attribute"], rule["value"]) for rule in search] for search in searches]


def test_a_caller_is_looked_for_in_one_search_for_each_phone_field(asking):
    asking.crm.add("Contacts", work_number="(202) 555-0101", cf_tier="Gold")

    answer = asking.caller(ADA, "cf_tier")

    assert values(answer) == ["Gold"]
    for attribute, request in zip(
        ("mobile_number", "work_number"), asking.crm.searches(), strict=True
    ):
        assert request.method == "POST"
        assert request.host == "acme.myfreshworks.com"
        assert request.path == "/crm/sales/api/filtered_search/contact"
        assert request.query == {"page": "1", "per_page": "10"}
        assert request.headers["authorization"] == "Token token=api-key-4711-secret"
        assert request.json == {
            "filter_rule": [{"attribute": attribute, "operator": "is_in", "value": SPELLINGS}],
            "detail": True,
            "sort": "created_at",
            "sort_type": "desc",
        }


def test_a_record_that_has_the_number_twice_counts_once(asking):
    asking.crm.add("Contacts", mobile_number=ADA, work_number="2025550101", cf_tier="Gold")

    assert values(asking.caller(ADA, "cf_tier")) == ["Gold"]


def test_a_field_that_is_described_as_a_telephone_is_searched_after_the_usual_ones(asking):
    asking.crm.further = {
        "cf_home": {"label": "Home", "type": "phone_number"},
        "cf_boat": {"label": "Boat", "type": "phone_number"},
    }
    asking.crm.add("Contacts", cf_home="20-255-50101")
    asking.crm.add("Contacts", cf_home="2025550101", cf_tier="Gold")

    assert values(asking.caller(ADA, "cf_tier")) == ["Gold"]

    searched = [search[0][0] for search in rules(asking)]
    assert searched == ["mobile_number", "work_number", "cf_home"]  # and no fourth


def test_what_is_deleted_is_left_out(asking):
    asking.crm.add("Contacts", mobile_number=ADA)
    asking.caller(ADA)
    found = {"contacts": [{"id": 1, "mobile_number": ADA, "is_deleted": True}]}
    asking.crm.troubles = [lambda visit: visit.answer(json.dumps(found).encode())] * 2

    assert asking.caller(ADA) == NotFound()


def test_a_lead_is_a_contact_in_a_stage_that_is_called_so(asking):
    asking.crm.add("Contacts", mobile_number=ADA, cf_tier="Customer")
    asking.crm.add("Leads", mobile_number=ADA, cf_tier="Lead")
    asking.crm.add("Contacts", mobile_number=ADA, lifecycle_stage_id=72009)

    answer = asking.caller(ADA, "cf_tier", module="Leads")

    assert values(answer) == ["Lead"]
    stages = ("lifecycle_stage_id", ["71001", "71002"])
    assert rules(asking) == [
        [("mobile_number", SPELLINGS), stages],
        [("work_number", SPELLINGS), stages],
    ]
    assert isinstance(asking.caller(ADA, "cf_tier"), Several)


def test_a_lead_is_known_by_a_stage_that_the_fields_do_not_mention(asking):
    asking.crm.undescribed = {"lifecycle_stage_id"}
    asking.crm.add("Leads", mobile_number=ADA, cf_tier="Lead")

    answer = asking.caller(ADA, "lifecycle_stage_id", module="Leads")

    assert values(answer) == ["Lead"]


@pytest.mark.parametrize("why", ["renamed", "hidden"])
def test_without_a_stage_for_leads_there_are_none(asking, why):
    if why == "renamed":
        asking.crm.stages = {CUSTOMER: "Kunde"}
    else:
        asking.crm.selectors = set()

    with pytest.raises(CrmMisconfigured):
        asking.caller(ADA, module="Leads")
    with pytest.raises(CrmMisconfigured):
        asking.digits("42", "cf_number", module="Leads")
    assert asking.modules() == ["Contacts", "Accounts", "Deals"]
    assert asking.crm.searches() == []


def test_an_older_account_has_leads_of_their_own(classic):
    classic.crm.add("Leads", work_number="20-255-50101", cf_tier="no hit")
    classic.crm.add("Leads", work_number="2025550101", cf_tier="Gold")

    answer = classic.caller(ADA, "cf_tier", module="Leads")

    assert values(answer) == ["Gold"]
    assert {request.host for request in classic.crm.requests} == {"acme.freshsales.io"}
    assert {request.path for request in classic.crm.searches()} == {"/api/filtered_search/lead"}
    assert all(len(search) == 1 for search in rules(classic))
    assert classic.modules() == ["Contacts", "Leads", "Accounts", "Deals"]


@pytest.mark.parametrize(
    "url",
    [
        "https://acme.myfreshworks.com",
        "https://acme.myfreshworks.com/",
        "https://acme.myfreshworks.com/crm/sales/",
        "https://ACME.myfreshworks.com/crm/sales/api/contacts",
    ],
)
def test_whatever_part_of_the_address_is_typed_leads_there(asking, url):
    asking.connect(url=url)

    assert asking.caller(ADA) == NotFound()


@pytest.mark.parametrize(
    "url", ["https://acme.freshworks.com.evil.test", "https://myfreshworks.com.evil.test/crm"]
)
def test_the_key_goes_to_freshsales_only(url):
    with pytest.raises(ValueError, match="myfreshworks"):
        KINDS["freshsales"].check(url)


def test_what_a_search_leaves_out_is_read_once_more(asking):
    asking.crm.is_thin = True
    asking.crm.add("Contacts", mobile_number=ADA, cf_tier="Gold", emails=[])
    asking.caller(ADA, "cf_tier")
    asking.crm.requests.clear()

    assert values(asking.caller(ADA, "cf_tier")) == ["Gold"]

    paths = [request.path.removeprefix("/crm/sales/api") for request in asking.crm.requests]
    assert paths == ["/filtered_search/contact", "/filtered_search/contact", "/contacts/15001"]


def test_a_number_that_a_search_leaves_out_is_read_once_more(asking):
    asking.crm.is_thin = True
    asking.crm.add("Accounts", phone="(202) 555-0101")

    answer = asking.caller(ADA, module="Accounts")

    assert isinstance(answer, Found)
    assert answer.stored == "(202) 555-0101"


def test_after_three_searches_a_record_is_left_as_it_is(asking):
    asking.crm.is_thin = True
    asking.crm.further = {"cf_home": {"label": "Home", "type": "phone_number"}}
    asking.crm.add("Contacts", mobile_number=ADA, cf_tier="Gold")
    asking.caller(ADA)
    asking.crm.requests.clear()

    assert values(asking.caller(ADA, "cf_tier")) == [None]
    assert len(asking.crm.requests) == 3


@pytest.mark.parametrize("id_", ["../users/1", None, "1?x=2"])
def test_what_is_no_number_of_a_record_leads_nowhere(asking, id_):
    asking.caller(ADA)
    found = {"contacts": [{"id": id_, "mobile_number": ADA, "work_number": None}]}
    asking.crm.troubles = [lambda visit: visit.answer(json.dumps(found).encode())] * 2
    asking.crm.requests.clear()

    assert values(asking.caller(ADA, "cf_tier")) == [None]
    assert asking.crm.requests == asking.crm.searches()


def test_a_hundred_whole_records_are_not_too_large(asking):
    for _ in range(100):
        asking.crm.add("Contacts", mobile_number=ADA, tags=["x" * 20_000])

    answer = asking.caller(ADA, order=Order())

    assert isinstance(answer, Several)
    assert answer.count == 100


def test_a_record_that_is_whole_is_not_read_again(asking):
    asking.crm.add("Contacts", mobile_number=ADA)
    asking.caller(ADA)
    asking.crm.requests.clear()

    asking.caller(ADA, "cf_tier", "emails", "custom_field.cf_tier", "owner_id")

    assert asking.crm.requests == asking.crm.searches()


def test_several_records_are_not_read_each_by_itself(asking):
    asking.crm.is_thin = True
    for _ in range(2):
        asking.crm.add("Contacts", mobile_number=ADA, cf_tier="Gold")

    asking.caller(ADA)
    asking.crm.requests.clear()

    answer = asking.caller(ADA, "tags")

    assert isinstance(answer, Several)
    assert asking.crm.requests == asking.crm.searches()


@pytest.mark.parametrize("whole", [{}, {"contact": 7}, [1]])
def test_a_record_of_another_shape_is_unreadable(asking, server, whole):
    asking.crm.is_thin = True
    asking.crm.add("Contacts", mobile_number=ADA)

    def answer(visit):
        if visit.target.endswith("/contacts/15001"):
            visit.answer(json.dumps(whole).encode())
        else:
            asking.crm(visit)

    server.behaviour = answer

    with pytest.raises(CrmBadAnswer):
        asking.caller(ADA, "cf_tier")


def test_a_field_that_is_nowhere_is_said_so(asking):
    asking.crm.add("Contacts", mobile_number=ADA)

    with pytest.raises(CrmMisconfigured):
        asking.caller(ADA, "cf_no_such")


@pytest.mark.parametrize("typed", ["a b", "cf_tier'", "../users", "(1)", "a,b"])
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


@pytest.mark.parametrize("keyed", ['"', "\\", "1\n2", "0042", "%", "a;b"])
def test_whatever_is_keyed_in_is_one_value(asking, keyed):
    asking.crm.add("Contacts", cf_account=keyed, cf_tier="Gold")
    asking.crm.add("Contacts", cf_account="42", cf_tier="Silver")

    answer = asking.digits(keyed, "cf_account", "cf_tier")

    assert values(answer)[0] == "Gold"
    assert rules(asking) == [[("cf_account", [keyed])]]


def test_a_number_is_looked_up_as_a_number(asking):
    asking.crm.add("Accounts", cf_number=42, cf_tier="Gold")
    asking.crm.add("Accounts", cf_number=421, cf_tier="Silver")

    answer = asking.digits("42", "cf_number", "cf_tier", module="Accounts")

    assert values(answer)[0] == "Gold"
    (request,) = asking.crm.searches()
    assert (request.method, request.path) == ("GET", "/crm/sales/api/lookup")
    assert request.query == {"q": "42", "f": "cf_number", "entities": "sales_account"}


@pytest.mark.parametrize("keyed", ["0042", "", "4*", "４２", "9" * 19])
def test_what_is_no_number_is_nobodys_without_asking(asking, keyed):
    asking.crm.add("Contacts", cf_number=42)

    assert asking.digits(keyed, "cf_number") == NotFound()
    assert asking.crm.searches() == []


def test_a_number_of_money_is_the_digits_keyed_in(asking):
    found = {"deals": {"deals": [{"id": 1, "amount": "1250.00", "custom_field": {}}]}}
    asking.crm.troubles = [lambda visit: visit.answer(json.dumps(found).encode())]

    assert isinstance(asking.digits("1250", "amount", module="Deals"), Found)


def test_leads_are_looked_up_by_their_stage_as_well(asking):
    asking.crm.add("Contacts", cf_number=42, cf_tier="Customer")
    asking.crm.add("Leads", cf_number=42, cf_tier="Lead")

    answer = asking.digits("42", "cf_number", "cf_tier", module="Leads")

    assert values(answer)[0] == "Lead"


def test_a_deal_is_found_by_what_is_keyed_in_and_by_no_caller(asking):
    asking.crm.add("Deals", external_id="0042", cf_tier="Gold")

    answer = asking.digits("0042", "external_id", "cf_tier", module="Deals")

    assert values(answer)[0] == "Gold"
    with pytest.raises(CrmMisconfigured):
        asking.caller(ADA, module="Deals")


@pytest.mark.parametrize(
    ("order", "sort"),
    [
        (Order(), ("created_at", "desc")),
        (Order("updated_at"), ("updated_at", "desc")),
        (Order("updated_at", is_highest=False), ("updated_at", "asc")),
        (Order("cf_balance", is_highest=False), ("created_at", "desc")),
        (Order("custom_field.cf_balance"), ("created_at", "desc")),
    ],
)
def test_freshsales_sorts_by_fields_of_its_own(asking, order, sort):
    for number in range(120):
        asking.crm.add("Contacts", mobile_number=ADA, updated_at=f"2026-02-{number:03}")

    answer = asking.caller(ADA, order=order)

    assert isinstance(answer, Several)
    assert answer.count == 100
    body = asking.crm.searches()[0].json
    assert (body["sort"], body["sort_type"]) == sort
    assert asking.crm.searches()[0].query["per_page"] == "100"


def test_values_come_as_people_read_them(asking):
    asking.crm.add(
        "Contacts",
        mobile_number=ADA,
        contact_status_id=4002,
        owner_id=7,
        emails=[{"id": 1, "value": "ada@x.test", "is_primary": True}],
        phone_numbers=[{"id": 2, "value": "+44 20 7946 0018", "label": "Home"}],
        tags=["vip", "new"],
        cf_stage="Gold",
        cf_interests="Tea;Coffee",
        cf_number=7,
        cf_balance=1250.5,
        cf_since="2026-11-22",
        cf_vip=False,
    )

    answer = asking.caller(
        ADA,
        "contact_status_id",
        "owner_id",
        "emails",
        "phone_numbers",
        "tags",
        "cf_stage",
        "cf_interests",
        "cf_number",
        "cf_balance",
        "cf_since",
        "cf_vip",
        "created_at",
        "custom_field.cf_number",
    )

    assert values(answer) == [
        "Cold",
        "Jo Doe",
        ["ada@x.test"],
        ["+44 20 7946 0018"],
        ["vip", "new"],
        "Gold",
        ["Tea", "Coffee"],
        7,
        Decimal("1250.5"),
        "2026-11-22",
        False,
        "2026-01-01T10:00:00-08:00",
        7,
    ]


def test_fields_are_described(asking):
    fields = asking.fields()

    stages = tuple((str(key), label) for key, label in STAGES.items())
    assert fields["lifecycle_stage_id"] == Field(
        "lifecycle_stage_id", "Lifecycle stage", FieldType.CHOICE, stages
    )
    assert fields["owner_id"] == Field(
        "owner_id", "Sales owner", FieldType.CHOICE, (("7", "Jo Doe"),)
    )
    assert fields["cf_stage"].choices == (("Gold", "Gold"), ("Silver", "Silver"))
    assert fields["cf_interests"].type is FieldType.CHOICES
    assert fields["cf_since"].type is FieldType.DATE
    assert fields["external_id"].type is FieldType.TEXT
    assert fields["emails"].type is FieldType.OTHER
    assert {name for name, field in fields.items() if field.type is FieldType.PHONE} == {
        "mobile_number",
        "work_number",
    }


def test_choices_are_stored_as_numbers_in_fields_of_freshsales_own_only(asking):
    choices = [{"id": 5, "value": "Software"}, {"value": "nothing to store"}]
    asking.crm.further = {
        "industry_type_id": {"label": "Industry", "type": "dropdown", "choices": choices[:1]},
        "territory_id": {"label": "Territory", "type": "dropdown", "choices": choices},
        "cf_branch_id": {"label": "Branch", "type": "dropdown", "choices": choices[:1]},
        "cf_bare": {"type": "text"},
    }

    fields = asking.fields()

    assert fields["industry_type_id"].choices == (("5", "Software"),)
    assert fields["territory_id"].choices == (("5", "Software"),)
    assert fields["cf_branch_id"].choices == (("Software", "Software"),)
    assert fields["cf_bare"].label == "cf_bare"
    asked = {one.path.rpartition("/")[2] for one in asking.crm.requests if "selector" in one.path}
    assert asked == {"lifecycle_stages", "contact_statuses", "owners"}


def test_what_may_not_be_chosen_from_has_no_words(asking):
    asking.crm.selectors = {"contact_statuses"}

    fields = asking.fields()

    assert fields["owner_id"] == Field("owner_id", "Sales owner", FieldType.LINK)
    assert "Cold" in dict(fields["contact_status_id"].choices).values()


def test_a_lookup_does_without_what_freshsales_does_not_describe(asking, monkeypatch):
    asking.crm.add("Contacts", work_number="2025550101", cf_tier="Gold", owner_id=7)
    asking.crm.add("Accounts", phone="2025550101", cf_tier="Silver")
    monkeypatch.setattr(asking.crm, "_described", lambda entity: ())

    assert values(asking.caller(ADA, "cf_tier", "owner_id", "nowhere")) == ["Gold", 7, None]
    assert values(asking.caller(ADA, "cf_tier", module="Accounts")) == ["Silver"]


def test_a_connection_that_freshsales_has_given_up_is_no_trouble(asking):
    asking.crm.add("Contacts", mobile_number=ADA, cf_tier="Gold")
    asking.caller(ADA)
    asking.crm.troubles = [Visit.hang_up]

    assert values(asking.caller(ADA, "cf_tier")) == ["Gold"]


def test_a_wrong_key_is_said_so(asking):
    asking.connect(secrets={"password": "guess-4711"})

    with pytest.raises(CrmCredentialsRefused):
        asking.caller(ADA)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, {"errors": {"code": 400, "message": ["Attribute is invalid"]}}, CrmMisconfigured),
        (404, b"", CrmMisconfigured),
        (422, {"errors": {"message": "?"}}, CrmMisconfigured),
        (429, b"Too many requests", CrmThrottled),
        (200, {"errors": {"code": 403, "message": ["?"]}}, CrmNotPermitted),
        (200, {"errors": {"code": 500, "message": ["?"]}}, CrmUnavailable),
        (503, {"errors": {"code": 400, "message": ["?"]}}, CrmUnavailable),
        (200, {"meta": {"total": 0}}, CrmBadAnswer),
        (200, b"", CrmBadAnswer),
        (200, {"contacts": {"contacts": []}}, CrmBadAnswer),
    ],
)
def test_what_went_wrong_is_told_apart(asking, status, body, expected):
    asking.caller(ADA)
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    asking.crm.troubles = [lambda visit: visit.answer(sent, status)]

    with pytest.raises(CrmError) as caught:
        asking.caller(ADA)
    assert type(caught.value) is expected


@pytest.mark.parametrize(
    ("status", "expected"), [(503, CrmUnavailable), (401, CrmCredentialsRefused)]
)
def test_a_selector_that_fails_is_trouble(asking, server, status, expected):
    def answer(visit):
        if "/selector/" in visit.target:
            visit.answer(b"", status)
        else:
            asking.crm(visit)

    server.behaviour = answer

    with pytest.raises(expected):
        asking.fields()
