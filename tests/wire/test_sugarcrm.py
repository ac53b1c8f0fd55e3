"""What is special about SugarCRM."""

import json
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from tests.crm.https_server import Visit
from tests.wire.asking import Asking
from tests.wire.sugarcrm import SugarCrm
from voiceapp.crm.bounded import Bounded
from voiceapp.crm.contract import (
    CrmBadAnswer,
    CrmCredentialsRefused,
    CrmError,
    CrmMisconfigured,
    CrmNotPermitted,
    CrmRefused,
    CrmTooMany,
    CrmUnavailable,
    Found,
    NotFound,
    Order,
)
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.fields import FieldType
from voiceapp.crm.kind import Connection, Surroundings, secret_slot
from voiceapp.crm.phone import spellings
from voiceapp.crm.registry import KINDS, build_client
from voiceapp.crm.tokens import Claim, Token, Tokens

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
    return start(SugarCrm)


def found(answer: object, field: str) -> Any:
    assert isinstance(answer, Found)
    return answer.values[field]


class KeptToken:
    """A store of one token, as processes share it."""

    def __init__(self) -> None:
        self.kept: Token | None = None

    def read(self, deadline: Deadline) -> Token | None:
        return self.kept

    def claim(self, seconds: float, deadline: Deadline) -> Claim | None:
        return 0.0

    def keep(self, token: Token | None, claim: Claim, deadline: Deadline) -> None:
        self.kept = token


class SharedTokens(Tokens):
    """Tokens in a store, whose clock can be put forward."""

    def __init__(self) -> None:
        self.ahead = 0.0
        super().__init__(KeptToken(), clock=lambda: time.time() + self.ahead)

    def age(self, seconds: float) -> None:
        self.ahead += seconds


@pytest.fixture
def sharing(asking: Asking) -> Asking:
    """Ask with tokens that are kept in a store, as an installation does."""
    crm, tokens = asking.crm, SharedTokens()
    secrets = {secret_slot(name, crm.options): secret for name, secret in crm.secrets.items()}
    connection = Connection(crm.kind, crm.url, crm.options, secrets, "US")
    around = Surroundings(asking.door, lambda *_: (), Bounded(), tokens=lambda _: tokens)
    asking.client, asking.tokens = build_client(connection, around), tokens
    return asking


def test_a_caller_is_looked_for_in_all_phone_fields_with_one_request(asking):
    asking.crm.add("Contacts", phone_work="(202) 555-0101", tier_c="Gold")

    answer = asking.caller(ADA, "tier_c")

    assert found(answer, "tier_c") == "Gold"
    [search] = asking.crm.searches()
    assert (search.method, search.path) == ("POST", "/rest/v11/Contacts/filter")
    assert search.headers["oauth-token"] == asking.crm.token
    assert search.query == {}
    assert search.json == {
        "filter": [
            {
                "$or": [
                    test
                    for field in asking.crm.names.phones
                    for test in (
                        {field: {"$in": SPELLINGS}},
                        {"$and": [{field: {"$contains": one}} for one in ("202", "555", "0101")]},
                        {field: {"$contains": "2%0%2%5%5%5%0%1%0%1"}},
                    )
                ]
            }
        ],
        "fields": "date_entered,phone_mobile,phone_work,phone_home,phone_other,assistant_phone,"
        "tier_c",
        "max_num": 10,
        "order_by": "date_entered:DESC",
    }


@pytest.mark.parametrize(
    ("number", "stored"),
    [
        (ADA, "+1 - 202 - 555 - 0101"),
        (ADA, "202.555.0101"),
        (ADA, "202-555-0101 ext. 12"),
        ("+442079460123", "+44 (0)20 7946-0123"),
        ("+493012345678", "+49/30/12345678"),
    ],
)
def test_it_does_not_matter_what_stands_between_the_groups_of_a_number(asking, number, stored):
    asking.crm.add("Contacts", phone_home=stored)

    assert isinstance(asking.caller(number), Found)


@pytest.mark.parametrize(
    ("number", "country", "stored"),
    [
        ("+4915112345678", "DE", "0151 12345678"),
        ("+4915112345678", "DE", "0151 / 123 45 678"),
        ("+493012345678", "DE", "030 123 456 78"),
        ("+442079460018", "GB", "0207 946 0018"),
        ("+447911123456", "GB", "07911 123 456"),
        ("+41443051818", "CH", "044 3051818"),
        ("+33612345678", "FR", "06-12.34 56 78 x12"),
    ],
)
def test_it_does_not_matter_which_groups_a_number_is_written_in(asking, number, country, stored):
    asking.country = country
    asking.connect()
    asking.crm.add("Contacts", phone_home=stored)

    assert isinstance(asking.caller(number), Found)
    assert len(asking.crm.searches()) == 1


@pytest.mark.parametrize(
    ("number", "country", "stored"),
    [
        (ADA, "US", "+1 - 202 - 555 - 0101"),
        (ADA, "US", "2025550101"),
        ("+41443051818", "CH", "044 3051818"),
        ("+33612345678", "FR", "06 12 34 56 78"),
    ],
)
def test_a_sugar_that_takes_percent_signs_as_they_are_finds_the_usual_spellings(
    asking, number, country, stored
):
    asking.crm.takes_percent = False
    asking.country = country
    asking.connect()
    asking.crm.add("Contacts", phone_home=stored)

    assert isinstance(asking.caller(number), Found)


def test_a_number_with_the_same_groups_in_it_is_another(asking):
    asking.crm.add("Contacts", phone_mobile="+1 555-202-0101", phone_work="+44 202 555 0101")

    assert asking.caller(ADA) == NotFound()


@pytest.mark.parametrize(
    ("number", "rest"),
    [("+33612345678", [{"hotline_c": {"$contains": "6%1%2%3%4%5%6%7%8"}}]), ("+999123", [])],
    ids=["pairs", "no groups"],
)
def test_groups_and_digits_that_say_too_little_are_not_looked_for(asking, number, rest):
    asking.caller(number, module="acme_Visits")

    usual = {"hotline_c": {"$in": list(spellings(number, "US"))}}
    assert asking.crm.searches()[0].json["filter"] == [{"$or": [usual, *rest]}]


def test_a_filter_that_sugar_leaves_out_finds_nobody_by_mistake(asking):
    asking.crm.add("Contacts", account_name="Analytical Engines", tier_c="Gold")

    assert asking.digits("1001", "account_name", "tier_c") == NotFound()


@pytest.mark.parametrize(
    ("field", "digits", "sent"),
    [
        ("account_no_c", "0042", "0042"),
        ("number_c", "42", 42),
        ("number_c", "4*2", "4*2"),
        ("number_c", "٤٢", "٤٢"),
    ],
)
def test_keyed_digits_are_sent_as_the_field_holds_them(asking, field, digits, sent):
    asking.digits(digits, field)

    assert asking.crm.searches()[0].json["filter"] == [{field: {"$equals": sent}}]


@pytest.mark.parametrize(("digits", "is_there"), [("42", True), ("0042", False), ("42x", False)])
def test_digits_keyed_in_for_a_number_are_compared_as_digits(asking, digits, is_there):
    asking.crm.add("Contacts", number_c=42, balance_c=42)

    for field in ("number_c", "balance_c"):
        answer = asking.digits(digits, field)
        assert isinstance(answer, Found if is_there else NotFound)


@pytest.mark.parametrize(
    ("order", "sent"),
    [
        (None, {"max_num": 10, "order_by": "date_entered:DESC"}),
        (Order(), {"max_num": 100, "order_by": "date_entered:DESC"}),
        (
            Order("balance_c"),
            {"max_num": 100, "order_by": "balance_c:DESC"},
        ),
        (
            Order("balance_c", is_highest=False),
            {"max_num": 100, "order_by": "balance_c:ASC"},
        ),
    ],
)
def test_the_records_come_in_the_order_that_counts(asking, order, sent):
    asking.caller(ADA, order=order)

    body = asking.crm.searches()[0].json
    assert {name: body[name] for name in body if name not in ("filter", "fields")} == sent


def test_a_lead_that_was_converted_is_nobodys(asking):
    asking.crm.add("Leads", phone_mobile=ADA, converted=True, account_no_c="1001")

    assert asking.caller(ADA, module="Leads") == NotFound()
    assert asking.digits("1001", "account_no_c", module="Leads") == NotFound()


def test_converted_leads_count_for_a_full_page(asking):
    for _ in range(10):
        asking.crm.add("Leads", phone_mobile=ADA, converted=True)

    with pytest.raises(CrmTooMany):
        asking.caller(ADA, module="Leads")


def test_a_module_of_ones_own_is_searched_by_its_phone_fields(asking):
    asking.crm.add("acme_Visits", converted=True, hotline_c="(202) 555-0101", tier_c="Gold")

    answer = asking.caller(ADA, "tier_c", module="acme_Visits")

    assert found(answer, "tier_c") == "Gold"


def test_a_module_whose_fields_stay_unsaid_is_searched_by_the_usual_ones(asking):
    asking.crm.undescribed = {"Leads", "acme_Visits"}
    asking.crm.add("Leads", assistant_phone=ADA, tier_c="Gold")
    asking.crm.add("Leads", phone_mobile=ADA, converted=True)

    assert found(asking.caller(ADA, "tier_c", module="Leads"), "tier_c") == "Gold"
    with pytest.raises(CrmMisconfigured):
        asking.caller(ADA, module="acme_Visits")


def test_values_come_as_people_see_them_in_sugar(asking):
    asking.crm.add(
        "Contacts",
        phone_mobile=ADA,
        tags_c=["hot", "cold", "new"],
        tag=[{"id": "1", "name": "VIP"}, {"id": "2", "name": "Berlin"}],
        email=[{"email_address": "ada@example.com", "primary_address": True}],
        balance_c=Decimal("12.5"),
        account_name="Analytical Engines",
    )

    answer = asking.caller(ADA, "tags_c", "tag", "email", "balance_c", "vip_c", "account_name")

    assert answer.values == {
        "tags_c": ["Hot Prospect", "Cold", "new"],
        "tag": ["VIP", "Berlin"],
        "email": ["ada@example.com"],
        "balance_c": Decimal("12.5"),
        "vip_c": False,
        "account_name": "Analytical Engines",
    }


def test_the_fields_are_asked_for_with_the_words_they_are_called_by(asking):
    asking.crm.language = "de_DE"

    asking.fields()

    metadata, words = asking.crm.requests[1:]
    assert metadata.path == "/rest/v11/metadata"
    assert metadata.query == {"type_filter": "modules,labels", "module_filter": "Contacts"}
    assert (words.path, words.query) == ("/rest/v11/lang/de_DE", {})


def test_fields_are_called_as_in_sugar(asking):
    fields = asking.fields()

    assert fields["phone_work"].label == "Office Phone"
    assert fields["date_entered"].label == "Date Created"
    assert fields["vip_c"].label == "Very important"
    assert fields["account_no_c"].label == "Account no"
    assert fields["tag"].type is FieldType.CHOICES
    assert fields["account_name"].type is FieldType.LINK
    assert not {"accounts", "_hash"} & fields.keys()


def test_only_pick_lists_have_items(asking):
    fields = asking.fields()

    assert fields["stage_c"].choices == (("hot", "Hot Prospect"), ("cold", "Cold"))
    assert fields["tags_c"].choices == fields["stage_c"].choices
    assert fields["date_entered"].choices == ()
    assert fields["vip_c"].choices == ()


@pytest.mark.parametrize(
    "words", [None, b"<h1>Not now</h1>", "fine", {"app_list_strings": {"stage_list": "hot"}}]
)
def test_keys_stay_keys_where_the_words_cannot_be_had(asking, words):
    asking.crm.words = words
    asking.crm.add("Contacts", phone_mobile=ADA, stage_c="hot")

    assert found(asking.caller(ADA, "stage_c"), "stage_c") == "hot"
    assert asking.fields()["phone_work"].label == "Phone work"


def test_items_that_are_numbered_from_0_on_come_as_a_json_list(asking):
    asking.crm.words = {"app_list_strings": {"stage_list": ["None", "Some"]}}
    asking.crm.add("Contacts", phone_mobile=ADA, stage_c="1")

    assert found(asking.caller(ADA, "stage_c"), "stage_c") == "Some"


def test_words_that_cannot_be_had_now_are_asked_for_again(asking, server):
    asking.crm.add("Contacts", phone_mobile=ADA, stage_c="hot")
    server.behaviour = lambda visit: (
        visit.answer(b"", 503) if "/lang/" in visit.target else asking.crm(visit)
    )

    with pytest.raises(CrmUnavailable):
        asking.caller(ADA, "stage_c")

    server.behaviour = asking.crm
    assert found(asking.caller(ADA, "stage_c"), "stage_c") == "Hot Prospect"


def test_a_field_that_there_is_not_is_said_so(asking):
    asking.crm.add("Contacts", phone_mobile=ADA)

    with pytest.raises(CrmMisconfigured):
        asking.caller(ADA, "tear_c")


def test_a_field_that_was_added_since_is_read(asking):
    asking.crm.add("Contacts", phone_mobile=ADA, news_c="hot")
    asking.caller(ADA)
    fields = asking.crm.fields["Contacts"]
    asking.crm.fields = asking.crm.fields | {"Contacts": fields | {"news_c": "varchar"}}

    assert found(asking.caller(ADA, "news_c"), "news_c") == "hot"


def test_a_phone_field_that_is_only_shown_is_not_searched(asking):
    asking.crm.add("Contacts", tier_c="Gold")

    assert asking.caller(ADA) == NotFound()
    assert "account_phone" not in str(asking.crm.searches()[0])
    assert asking.fields()["account_phone"].type is FieldType.TEXT


def test_the_fields_of_a_module_that_there_is_not_are_refused(asking):
    with pytest.raises(CrmMisconfigured):
        asking.fields("NoSuchModule")


def test_only_modules_that_may_be_listed_are_listed(asking):
    assert asking.modules() == ["Contacts", "Leads", "Accounts", "Calls", "acme_Visits"]


@pytest.mark.parametrize("body", [b'{"full_module_list": []}', b"{}", b"[]"])
def test_modules_that_are_told_in_another_shape_are_unreadable(asking, server, body):
    asking.sign_in()
    server.behaviour = lambda visit: visit.answer(body)

    with pytest.raises(CrmBadAnswer):
        asking.modules()


@pytest.mark.parametrize(
    ("field", "module"),
    [
        ("accounts.name", "Contacts"),
        ("tier_c", "Contacts.x"),
        ("a,b", "Contacts"),
        ("$owner", "Contacts"),
        ('{"name":"x"}', "Contacts"),
    ],
)
def test_a_name_that_can_be_none_is_never_sent(asking, field, module):
    with pytest.raises(CrmMisconfigured):
        asking.caller(ADA, field, module=module)
    with pytest.raises(CrmMisconfigured):
        asking.caller(ADA, module=module, order=Order(field))
    with pytest.raises(CrmMisconfigured):
        asking.digits("1001", field, module=module)
    assert asking.crm.searches() == []


def test_it_signs_in_with_user_password_and_platform(asking):
    asking.sign_in()

    [request] = asking.crm.requests
    assert (request.method, request.path) == ("POST", "/rest/v11/oauth2/token")
    assert json.loads(request.body) == {
        "grant_type": "password",
        "client_id": "sugar",
        "client_secret": "",
        "username": "phone-system",
        "password": "sugar-password-4711",
        "platform": "voiceapp",
    }


def test_a_token_that_has_ended_is_refreshed_without_the_password(sharing):
    sharing.crm.add("Contacts", phone_mobile=ADA)
    sharing.caller(ADA)
    sharing.tokens.age(3600)
    sharing.crm.expire()

    assert isinstance(sharing.caller(ADA), Found)

    assert sharing.crm.grants == ["password", "refresh_token"]
    assert json.loads(sharing.crm.requests[-2].body) == {
        "grant_type": "refresh_token",
        "client_id": "sugar",
        "client_secret": "",
        "refresh_token": "c1be5132-refresh-1-secret",
        "platform": "voiceapp",
    }


def test_a_token_is_refreshed_ahead_of_its_end_and_each_time_by_the_newest(sharing):
    for _ in range(3):
        sharing.sign_in()
        sharing.tokens.age(3000)

    assert sharing.crm.grants == ["password", "refresh_token", "refresh_token"]


def test_it_signs_in_anew_when_somebody_else_took_the_session(sharing):
    sharing.crm.add("Contacts", phone_mobile=ADA)
    sharing.caller(ADA)
    sharing.tokens.age(600)
    sharing.crm.signs_in_elsewhere()

    assert isinstance(sharing.caller(ADA), Found)

    assert sharing.crm.grants == ["password", "refresh_token", "password"]


def test_a_fault_while_refreshing_does_not_lead_to_the_password(sharing, server):
    sharing.sign_in()
    sharing.tokens.age(3600)
    visits: list[Visit] = []
    server.behaviour = lambda visit: (visits.append(visit), visit.answer(b"", 503))

    with pytest.raises(CrmUnavailable):
        sharing.sign_in()

    assert [json.loads(visit.body)["grant_type"] for visit in visits] == ["refresh_token"]


def test_a_platform_that_is_not_registered_is_said_so(asking):
    asking.connect(options={"account": "another"})

    with pytest.raises(CrmRefused, match="does not know the platform"):
        asking.sign_in()


def test_a_wrong_address_is_said_so(asking):
    asking.connect(url="https://acme.sugarondemand.com/crm")

    with pytest.raises(CrmRefused, match="is not at this address"):
        asking.sign_in()


@pytest.mark.parametrize(
    ("status", "code", "sentence"),
    [
        (301, "incorrect_version", "has no version 11"),
        (403, "client_not_allowed", "only certain programs"),
    ],
)
def test_a_sugar_that_no_such_client_gets_into_is_said_so(asking, server, status, code, sentence):
    server.behaviour = error(code, status)

    with pytest.raises(CrmRefused, match=sentence) as caught:
        asking.sign_in()

    assert type(caught.value) is CrmRefused


NOT_KNOWN = "does not know the module Contacts, or a field in it"


def error(code: str, status: int) -> Callable[[Visit], None]:
    body = json.dumps({"error": code, "error_message": "No."})
    return lambda visit: visit.answer(body.encode(), status)


@pytest.mark.parametrize(
    ("happens", "expected", "sentence"),
    [
        (error("not_authorized", 403), CrmNotPermitted, "does not permit"),
        (error("not_found", 404), CrmMisconfigured, NOT_KNOWN),
        (error("no_method", 404), CrmMisconfigured, NOT_KNOWN),
        (error("invalid_parameter", 422), CrmMisconfigured, NOT_KNOWN),
        (error("missing_parameter", 422), CrmMisconfigured, NOT_KNOWN),
        (error("request_failure", 424), CrmMisconfigured, "rejected the request"),
        (error("metadata_out_of_date", 412), CrmUnavailable, "not ready yet"),
        (error("incorrect_version", 301), CrmRefused, "has no version 11"),
        (error("client_not_allowed", 403), CrmRefused, "only certain programs"),
        (error("fatal_error", 500), CrmUnavailable, "fault of its own"),
        (error("maintenance", 503), CrmUnavailable, "fault of its own"),
        (error("need_login", 401), CrmCredentialsRefused, "did not accept it"),
        (lambda visit: visit.answer(b'{"records": {"id": "1"}}'), CrmBadAnswer, "another shape"),
    ],
)
def test_what_goes_wrong_is_told_apart(asking, happens, expected, sentence):
    asking.caller(ADA)
    asking.crm.troubles = [happens]

    with pytest.raises(CrmError, match=sentence) as caught:
        asking.caller(ADA)

    assert type(caught.value) is expected


@pytest.mark.parametrize(
    "url", ["http://crm.example.com", "https://crm.example.com/#Home", "https://c.example/?a=1"]
)
def test_an_address_that_can_be_none_is_refused(url):
    with pytest.raises(ValueError, match=r"address|site"):
        KINDS["sugarcrm"].check(url)
