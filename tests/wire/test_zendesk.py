"""What is special about Zendesk: a search language, end users who lead to the rest, tickets."""

import base64
from collections.abc import Callable

import pytest

from tests.wire.asking import Asking
from tests.wire.standin import Response, send
from tests.wire.zendesk import ORDER_NO, TOPIC, Zendesk
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
from voiceapp.crm.registry import KINDS

ADA = "+12025550101"
BY_NUMBER = (
    "type:user role:end-user phone:*2025550101 phone:+12025550101 "
    'phone:"(202) 555-0101" phone:"+1 202-555-0101" phone:"+1 202 555 0101" '
    'phone:"+1-202-555-0101" phone:"+1.202.555.0101" phone:"202-555-0101" phone:"202 555 0101" '
    'phone:"202.555.0101" phone:"202/555/0101" phone:"202 5550101" phone:"202-5550101" '
    'phone:"202/5550101" phone:"(202) 555 0101" phone:"+1 (202) 555-0101" phone:"1-202-555-0101"'
)


@pytest.fixture
def asking(start: Callable[..., Asking]) -> Asking:
    return start(Zendesk)


def asked(asking: Asking) -> list[tuple[str, dict[str, str]]]:
    """Return the searches and reads, with their parameters."""
    return [(one.path, dict(one.query)) for one in asking.crm.searches()]


def newest(query: str, per_page: str = "10") -> dict[str, str]:
    return {"query": query, "per_page": per_page, "sort_by": "created_at", "sort_order": "desc"}


def test_an_end_user_is_found_by_one_query(asking):
    asking.crm.add("Contacts", phone="(202) 555-0101", tier="Gold")

    answer = asking.caller(ADA, "tier", "name")

    assert answer == Found({"tier": "Gold", "name": None}, "phone number", "(202) 555-0101")
    assert asked(asking) == [("/api/v2/search.json", newest(BY_NUMBER))]


def test_the_token_goes_with_the_e_mail_to_the_root_of_the_site(asking):
    asking.connect(options={"username": " ada@acme.example/token "})

    asking.caller(ADA)

    pair = base64.b64encode(b"ada@acme.example/token:zendesk-api-token-4711").decode()
    assert {one.headers["authorization"] for one in asking.crm.requests} == {f"Basic {pair}"}
    assert all(one.path.startswith("/api/v2/") for one in asking.crm.requests)


@pytest.mark.parametrize(
    "address", ["https://acme.zendesk.com.evil.test", "https://zendesk.com", "https://evil.test"]
)
def test_no_other_host_gets_the_token(address):
    with pytest.raises(ValueError, match=r"must end in \.zendesk\.com"):
        KINDS["zendesk"].check(address)


@pytest.mark.parametrize("index", ["digits", "words"])
@pytest.mark.parametrize(
    "stored", ["+12025550101", "12025550101", "2025550101", "(202) 555-0101", "+1 202-555-0101"]
)
def test_a_number_is_found_whichever_way_it_is_in_the_index(asking, index, stored):
    asking.crm.index = index
    asking.crm.add("Contacts", phone=stored)

    assert asking.caller(ADA).stored == stored


def test_agents_and_deleted_users_are_not_found(asking):
    asking.crm.add("Contacts", phone=ADA, role="agent")
    asking.crm.add("Contacts", phone=ADA, active=False)

    assert asking.caller(ADA) == NotFound()


@pytest.mark.parametrize(
    ("order", "sort"),
    [
        (Order(), ("created_at", "desc")),
        (Order("updated_at"), ("updated_at", "desc")),
        (Order("created_at", is_highest=False), ("created_at", "asc")),
        (Order("balance", is_highest=False), ("created_at", "desc")),
        (Order("priority"), ("created_at", "desc")),
    ],
)
def test_users_are_sorted_as_far_as_zendesk_can(asking, order, sort):
    asking.crm.add("Contacts", phone=ADA, priority=None, updated_at="2026-02-01T10:00:00Z")

    asking.caller(ADA, order=order)

    query = asked(asking)[0][1]
    assert (query["sort_by"], query["sort_order"], query["per_page"]) == (*sort, "100")


# Organizations


def test_an_organization_is_found_by_its_users_and_read_by_its_id(asking):
    account = asking.crm.add("Accounts", phone="(202) 555-0101", tier="Gold", group_id=20)
    asking.crm.add("Contacts", phone=ADA, organization_id=int(account))
    asking.crm.add("Accounts", phone="+442025550101", tier="Silver")
    asking.crm.add("Contacts", phone=ADA)

    answer = asking.caller(ADA, "tier", "group_id", module="Accounts")

    assert answer.values == {"tier": "Gold", "group_id": "Level 2"}
    assert asked(asking) == [
        ("/api/v2/search.json", newest(BY_NUMBER)),
        ("/api/v2/organizations/show_many.json", {"ids": account}),
    ]


def test_an_organization_of_somebody_else_is_not_even_read(asking):
    asking.crm.add("Accounts", phone="+442025550101")

    assert asking.caller(ADA, module="Accounts") == NotFound()
    assert len(asked(asking)) == 1


@pytest.mark.parametrize("module", ["Accounts", "Tickets"])
def test_a_full_page_of_other_people_is_too_many_for_what_is_found_through_them(asking, module):
    asking.crm.is_vague = True
    for number in range(30):
        asking.crm.add(module, phone=f"+1212555{number:04}")

    with pytest.raises(CrmTooMany):
        asking.caller(ADA, module=module)


# Tickets


def test_a_ticket_is_found_through_the_end_user_unless_solved(asking):
    asking.crm.add("Contacts", phone="+442025550102")
    ticket = asking.crm.add(
        "Tickets",
        phone=ADA,
        priority="urgent",
        group_id=20,
        satisfaction_rating={"score": "bad"},
        custom={ORDER_NO: "A-17", TOPIC: "billing"},
    )
    asking.crm.add("Tickets", requester_id=2, status="solved")
    asking.crm.add("Tickets", phone="+442025550101")
    custom = (f"custom_field_{ORDER_NO}", f"custom_field_{TOPIC}")

    answer = asking.caller(
        ADA, "id", "priority", "group_id", "satisfaction_rating.score", *custom, module="Tickets"
    )

    assert list(answer.values.values()) == [
        int(ticket),
        "urgent",
        "Level 2",
        "bad",
        "A-17",
        "Billing question",
    ]
    assert answer.stored == ADA
    assert asked(asking)[1] == (
        "/api/v2/search.json",
        newest("type:ticket status<solved requester:2"),
    )


def test_tickets_of_all_who_have_the_number_are_several(asking):
    asking.crm.add("Tickets", phone=ADA, subject="first", priority="low")
    asking.crm.add("Tickets", phone="(202) 555-0101", subject="second", priority="urgent")

    answer = asking.caller(ADA, "subject", module="Tickets", order=Order("priority"))

    assert [one.values["subject"] for one in answer.records] == ["second", "first"]
    query = asked(asking)[1][1]
    assert query["query"] == "type:ticket status<solved requester:2 requester:1"
    assert (query["sort_by"], query["sort_order"]) == ("priority", "desc")


def test_somebody_without_open_tickets_has_none(asking):
    asking.crm.add("Contacts", phone=ADA)

    assert asking.caller(ADA, module="Tickets") == NotFound()


def test_a_ticket_is_found_by_its_number_in_whatever_status(asking):
    ticket = asking.crm.add("Tickets", status="closed", subject="Printer")

    answer = asking.digits(ticket, "id", "subject", module="Tickets")

    assert answer.values == {"subject": "Printer"}
    assert asked(asking) == [("/api/v2/tickets/show_many.json", {"ids": "1"})]


@pytest.mark.parametrize("digits", ["01", "2", "*", "1,2", "１"])
def test_what_is_no_number_of_a_ticket_finds_none(asking, digits):
    asking.crm.add("Tickets")

    assert asking.digits(digits, "id", module="Tickets") == NotFound()


# Digits


@pytest.mark.parametrize(
    ("module", "field", "query"),
    [
        ("Contacts", "account_no", "type:user role:end-user account_no:1001"),
        ("Contacts", "external_id", "type:user role:end-user external_id:1001"),
        ("Contacts", "number", "type:user role:end-user number:1001"),
        ("Accounts", "account_no", "type:organization account_no:1001"),
    ],
)
def test_digits_are_searched_by_the_name_of_the_field(asking, module, field, query):
    stored = 1001 if field == "number" else "1001"
    asking.crm.add(module, **{field: stored})

    assert asking.digits("1001", field, field, module=module).values == {field: stored}
    assert asked(asking) == [("/api/v2/search.json", newest(query))]


def test_tickets_are_found_by_digits_in_a_field_of_the_accounts_own(asking):
    asking.crm.add("Tickets", status="solved", custom={ORDER_NO: "1001"})

    answer = asking.digits("1001", f"custom_field_{ORDER_NO}", "status", module="Tickets")

    assert answer.values["status"] == "solved"
    assert asked(asking)[0][1]["query"] == f"type:ticket custom_field_{ORDER_NO}:1001"


def test_a_word_of_a_text_is_not_the_digits(asking):
    asking.crm.add("Contacts", account_no="1001 and 1002")

    assert asking.digits("1001", "account_no") == NotFound()


def test_a_number_with_a_leading_zero_is_not_the_one_without(asking):
    asking.crm.add("Contacts", number=42)

    assert asking.digits("0042", "number") == NotFound()


@pytest.mark.parametrize(
    ("typed", "term"),
    [
        ("12#34", '"12 34"'),
        ('1" role:admin "', '"1 role admin"'),
        ("12*", "12"),
        ("-1", "1"),
        ("*#", None),
        ('"', None),
    ],
)
def test_what_is_keyed_in_becomes_words_of_one_term(asking, typed, term):
    assert asking.digits(typed, "account_no") == NotFound()

    queries = [query["query"] for _, query in asked(asking)]
    wanted = [] if term is None else [f"type:user role:end-user account_no:{term}"]
    assert queries == wanted


@pytest.mark.parametrize("typed", ["no_such", "role", "tier:x type", "a b", ""])
def test_a_field_that_there_is_not_is_refused_before_it_is_taken_for_a_word(asking, typed):
    with pytest.raises(CrmMisconfigured):
        asking.digits("1001", typed)

    assert asked(asking) == []


def test_a_field_that_is_none_is_refused_where_fields_are_not_told_either(asking):
    asking.crm.hides_fields = True

    with pytest.raises(CrmMisconfigured):
        asking.digits("1001", "tier:x type")

    assert asked(asking) == []


def test_a_field_of_the_accounts_own_is_searched_without_where_it_stands(asking):
    asking.crm.add("Contacts")
    asking.crm.records["users"][0]["user_fields"]["notes"] = "1001"

    answer = asking.digits("1001", "user_fields.notes")

    assert isinstance(answer, Found)
    assert asked(asking)[0][1]["query"] == "type:user role:end-user notes:1001"


# Values and fields


def test_values_are_read_by_what_zendesk_says_of_its_fields(asking):
    asking.crm.add(
        "Contacts",
        phone=ADA,
        tags=["vip", "beta"],
        since="2026-11-22",
        products=["prod_phone", "unlisted"],
        vip=False,
        notes="of all users",
        verified=True,
    )
    asking.crm.records["users"][0]["user_fields"]["notes"] = "of this account"
    fields = ("tags", "since", "products", "vip", "notes", "user_fields.notes", "verified")

    answer = asking.caller(ADA, *fields)

    assert answer.values == {
        "tags": ["vip", "beta"],
        "since": "2026-11-22",
        "products": ["Phone System", "unlisted"],
        "vip": False,
        "notes": "of all users",
        "user_fields.notes": "of this account",
        "verified": True,
    }


def test_fields_are_those_of_all_accounts_and_of_this_one_from_all_pages(asking):
    asking.crm.page = 3

    fields = asking.fields()

    assert fields["phone"].type is FieldType.PHONE
    assert fields["products"].type is FieldType.CHOICES
    assert fields["stage"].choices == (("stage_hot", "Hot Prospect"), ("cold", "Cold"))
    assert {"notes", "user_fields.notes", "number"} <= fields.keys()
    assert "retired" not in fields


def test_fields_of_tickets_have_the_names_they_are_searched_by(asking):
    fields = asking.fields("Tickets")

    assert fields[f"custom_field_{TOPIC}"].choices == (("billing", "Billing question"),)
    assert fields["group_id"].choices == (("20", "Level 2"),)
    assert "custom_field_1" not in fields  # the status again


def test_a_group_stays_a_number_where_groups_may_not_be_listed(asking):
    asking.crm.hides_groups = True
    asking.crm.add("Accounts", phone=ADA, group_id=20, stage="stage_hot")

    answer = asking.caller(ADA, "group_id", "stage", module="Accounts")

    assert answer.values == {"group_id": 20, "stage": "Hot Prospect"}


def test_a_field_that_zendesk_has_not_is_said_so(asking):
    asking.crm.add("Contacts", phone=ADA)

    with pytest.raises(CrmMisconfigured):
        asking.caller(ADA, "favourite_colour")


# Trouble


def test_wrong_credentials_are_noticed_where_strangers_get_an_answer(asking):
    asking.crm.answers_strangers = asking.crm.refuses_signing_in = True

    with pytest.raises(CrmCredentialsRefused):
        asking.modules()


def test_an_end_user_may_not_search(asking):
    asking.crm.role = "end-user"

    with pytest.raises(CrmNotPermitted):
        asking.modules()


INVALID = {"error": "invalid", "description": "Invalid search: secret"}


@pytest.mark.parametrize(
    ("response", "expected", "pause"),
    [
        (Response(429, b"Number of allowed API requests", {"Retry-After": "55"}), CrmThrottled, 55),
        (Response(422, INVALID), CrmMisconfigured, None),
        (Response(200, INVALID), CrmMisconfigured, None),
        (Response(200, {"error": "unavailable", "description": "Sorry"}), CrmUnavailable, None),
        (Response(503, {"error": "unavailable", "description": "Sorry"}), CrmUnavailable, None),
        (Response(403, {"error": "Forbidden", "description": "No"}), CrmNotPermitted, None),
        (Response(404, b"<html>No help desk at acme.zendesk.com</html>"), CrmMisconfigured, None),
        (Response(200, {"count": 0}), CrmBadAnswer, None),
        (Response(200, {"results": {}}), CrmBadAnswer, None),
        (Response(200, b""), CrmBadAnswer, None),
    ],
)
def test_errors_have_their_names(asking, response, expected, pause):
    asking.caller(ADA)
    asking.crm.troubles = [lambda visit: send(visit, response)]

    with pytest.raises(expected) as caught:
        asking.caller(ADA)

    assert getattr(caught.value, "retry_after", None) == pause
    assert "secret" not in str(caught.value)


def test_two_users_are_several(asking):
    asking.crm.add("Contacts", phone=ADA, shared_phone_number=True)
    asking.crm.add("Contacts", phone=ADA, shared_phone_number=True)

    answer = asking.caller(ADA)

    assert isinstance(answer, Several)
    assert [str(one.created)[:10] for one in answer.records] == ["2026-01-02", "2026-01-01"]
