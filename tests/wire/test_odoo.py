"""What is special about Odoo: domains, linked records, false for nothing, two interfaces."""

import json
from typing import ClassVar

import pytest

from tests.wire.asking import Asking
from tests.wire.odoo import Odoo, OdooRpc
from tests.wire.odoo_models import MODELS
from voiceapp.crm.contract import (
    CrmBadAnswer,
    CrmCredentialsRefused,
    CrmMisconfigured,
    CrmNotPermitted,
    CrmRefused,
    CrmTooMany,
    CrmUnavailable,
    Found,
    NotFound,
    Order,
    Several,
)
from voiceapp.crm.fields import FieldType
from voiceapp.crm.phone import spellings
from voiceapp.rules.values import read_instant

ADA = "+12025550101"
SPELLINGS = list(spellings(ADA, "US"))
NAME_ONLY = {"fields": {"display_name": {}}}
BY_NUMBER = [
    *["|"] * 3,
    ["phone_mobile_search", "=", "+12025550101"],
    ["phone_mobile_search", "=", "12025550101"],
    ["phone_mobile_search", "=", "2025550101"],
    ["phone_sanitized", "=", "+12025550101"],
]


@pytest.fixture
def asking(start) -> Asking:
    return start(Odoo)


@pytest.fixture
def older(start) -> Asking:
    return start(OdooRpc)


@pytest.fixture(params=[Odoo, OdooRpc])
def either(start, request) -> Asking:
    return start(request.param)


def values(answer, *fields):
    assert isinstance(answer, Found)
    return tuple(answer.values[field] for field in fields)


def last(asking):
    return asking.crm.searches()[-1]


def arguments(asking):
    """Return the named arguments of the last search, whatever interface it was sent to."""
    sent = last(asking).json
    return sent["params"]["args"][-1] if "params" in sent else sent


def test_one_request_searches_all_spellings_in_all_fields(asking):
    asking.caller(ADA, "x_tier")

    assert (last(asking).method, last(asking).path) == (
        "POST",
        "/json/2/res.partner/web_search_read",
    )
    assert last(asking).headers["authorization"] == "bearer api-key-47114711"
    assert last(asking).headers["x-odoo-database"] == "crm"
    assert last(asking).json == {
        "domain": [["is_company", "=", False], *BY_NUMBER],
        "limit": 10,
        "order": "id desc",
        "specification": {
            "phone": NAME_ONLY,
            "phone_sanitized": NAME_ONLY,
            "x_tier": NAME_ONLY,
            "create_date": NAME_ONLY,
            "type": NAME_ONLY,
            "parent_id": NAME_ONLY,
        },
    }


def test_the_older_interface_is_told_the_same_as_a_user(older):
    older.caller(ADA, "x_tier")

    fields = (
        *("phone", "phone_sanitized", "mobile"),
        *("x_tier", "create_date", "type", "parent_id"),
    )
    named = {
        "domain": [["is_company", "=", False], *BY_NUMBER],
        "limit": 10,
        "order": "id desc",
        "specification": dict.fromkeys(fields, NAME_ONLY),
    }
    signed = ["crm", 2, "api-key-47114711"]
    assert (last(older).method, last(older).path) == ("POST", "/jsonrpc")
    assert last(older).json == {
        "jsonrpc": "2.0",
        "method": "call",
        "id": 1,
        "params": {
            "service": "object",
            "method": "execute_kw",
            "args": [*signed, "res.partner", "web_search_read", [], named],
        },
    }


def test_before_17_fields_are_read_one_by_one(older):
    older.crm.series = 16
    older.crm.add("Contacts", mobile=ADA, x_tier="Gold")

    answer = older.caller(ADA, "x_tier")

    assert values(answer, "x_tier") == ("Gold",)
    assert last(older).json["params"]["args"][4] == "search_read"
    assert arguments(older)["fields"] == [
        "phone",
        "phone_sanitized",
        "mobile",
        "x_tier",
        "create_date",
        "type",
        "parent_id",
    ]


def test_a_series_in_between_counts_as_its_version(older):
    older.crm.series = "saas~17"
    older.crm.add("Contacts", phone=ADA)

    assert isinstance(older.caller(ADA), Found)
    assert last(older).json["params"]["args"][4] == "web_search_read"


def test_a_number_without_country_code_is_found_by_the_country_of_the_record(either):
    either.crm.add("Contacts", phone="020 7946 0021", country="GB", x_tier="Gold")

    answer = either.caller("+442079460021", "x_tier")

    assert values(answer, "x_tier") == ("Gold",)
    assert answer.stored == "+442079460021"


def test_a_number_is_found_whatever_stands_between_its_digits(either):
    either.crm.add("Contacts", phone="202.555/01 01", x_tier="Gold")

    answer = either.caller(ADA, "x_tier")

    assert (values(answer, "x_tier"), answer.stored) == (("Gold",), "202.555/01 01")


def test_an_odoo_that_can_not_format_numbers_is_searched_by_fields_alone(asking, monkeypatch):
    """It has neither the field with the bare number nor the one that finds any spelling."""
    monkeypatch.setattr(
        asking.crm.models, "fields", lambda model: {"id": "integer", "phone": "char"}
    )
    asking.crm.add("helpdesk.ticket", phone="(202) 555-0101")

    assert isinstance(asking.caller(ADA, module="helpdesk.ticket"), Found)
    assert arguments(asking)["domain"] == [["phone", "in", SPELLINGS]]


@pytest.mark.parametrize(
    ("module", "model", "always"),
    [
        ("Contacts", "res.partner", [["is_company", "=", False]]),
        ("Accounts", "res.partner", [["is_company", "=", True]]),
        ("Leads", "crm.lead", []),
        ("Opportunities", "crm.lead", [["type", "=", "opportunity"]]),
    ],
)
def test_each_module_is_a_part_of_a_model(asking, module, model, always):
    asking.caller(ADA, module=module)

    assert last(asking).path == f"/json/2/{model}/web_search_read"
    assert arguments(asking)["domain"] == [*always, *BY_NUMBER]


def test_leads_are_opportunities_too_and_opportunities_are_no_leads(either):
    either.crm.add("Leads", phone=ADA, name="Asks")
    either.crm.add("Opportunities", phone="+12025550102", name="Buys")

    assert values(either.caller("+12025550102", "name", module="Leads"), "name") == ("Buys",)
    assert either.caller(ADA, module="Opportunities") == NotFound()


def test_what_is_archived_is_not_found(either):
    either.crm.add("Leads", phone=ADA, active=False)

    assert either.caller(ADA, module="Leads") == NotFound()


def test_any_other_model_is_searched_by_fields_that_are_called_like_numbers(either):
    either.crm.add("helpdesk.ticket", partner_phone="+1 202-555-0101", display_name="#7")

    answer = either.caller(ADA, "display_name", module="helpdesk.ticket")

    assert values(answer, "display_name") == ("#7",)
    assert "create_date" not in arguments(either)["specification"]


def test_a_model_without_numbers_can_not_be_searched_by_one(either):
    with pytest.raises(CrmMisconfigured):
        either.caller(ADA, module="res.partner.category")


def test_the_first_order_is_that_of_the_field_and_then_the_newest(either):
    for balance in (20, 300):
        either.crm.add("Contacts", phone=ADA, x_balance=balance)

    answer = either.caller(ADA, order=Order("x_balance", is_highest=True))

    assert (arguments(either)["order"], arguments(either)["limit"]) == (
        "x_balance desc, id desc",
        100,
    )
    assert [one.values["x_balance"] for one in answer.records] == [300, 20]


def test_the_lowest_comes_first_where_it_counts(either):
    for balance in (300, 20):
        either.crm.add("Contacts", phone=ADA, x_balance=balance)

    answer = either.caller(ADA, order=Order("x_balance", is_highest=False))

    assert arguments(either)["order"] == "x_balance asc, id desc"
    assert [one.values["x_balance"] for one in answer.records] == [20, 300]


def test_the_newest_comes_first_and_the_moment_says_that_it_is_utc(either):
    for day in ("2026-03-01", "2026-04-01"):
        either.crm.add("Contacts", phone=ADA, create_date=f"{day} 10:00:00")

    answer = either.caller(ADA, "create_date", order=Order())

    assert isinstance(answer, Several)
    assert [one.created for one in answer.records] == [
        "2026-04-01T10:00:00Z",
        "2026-03-01T10:00:00Z",
    ]
    assert read_instant(str(answer.records[0].values["create_date"])) is not None


@pytest.mark.parametrize("typed", ["x_balance; drop", "parent_id.name desc", "id,name", "("])
def test_an_order_that_is_none_never_reaches_odoo(either, typed):
    with pytest.raises(CrmMisconfigured):
        either.caller(ADA, order=Order(typed))

    assert either.crm.searches() == []


@pytest.mark.parametrize("typed", ["x' or 'x", "a b", "x_tier;", "../x"])
def test_a_field_that_can_be_none_never_reaches_odoo(either, typed):
    with pytest.raises(CrmMisconfigured):
        either.caller(ADA, typed)
    with pytest.raises(CrmMisconfigured):
        either.digits("1", typed)

    assert either.crm.searches() == []


def test_a_link_reads_as_the_name_of_the_record(either):
    boss = {"id": 7, "display_name": "Grace Hopper"}
    either.crm.add("Contacts", phone=ADA, user_id=boss)

    answer = either.caller(ADA, "user_id", "parent_id")

    assert values(answer, "user_id", "parent_id") == ("Grace Hopper", None)


def test_a_link_reads_as_the_name_before_17_as_well(older):
    older.crm.series = 14
    older.crm.add("Contacts", phone=ADA, user_id={"id": 7, "display_name": "Grace Hopper"})

    answer = older.caller(ADA, "user_id", "parent_id")

    assert values(answer, "user_id", "parent_id") == ("Grace Hopper", None)


def test_tags_read_as_a_list_of_their_names(either):
    tags = [{"id": 2, "display_name": "VIP"}, {"id": 5, "display_name": "Press, local"}]
    either.crm.add("Contacts", phone=ADA, category_id=tags)

    answer = either.caller(ADA, "category_id")

    assert values(answer, "category_id") == (["VIP", "Press, local"],)


def test_no_tags_are_an_empty_list(either):
    either.crm.add("Contacts", phone=ADA)

    assert values(either.caller(ADA, "category_id"), "category_id") == ([],)


def test_fields_of_linked_records_are_read_in_the_same_request(either):
    tags = [{"id": 2, "display_name": "VIP"}]
    user = {"id": 7, "display_name": "Grace Hopper", "login": "grace"}
    company = {"id": 3, "display_name": "Initech", "x_tier": "Gold", "user_id": user}
    either.crm.add("Contacts", phone=ADA, parent_id={**company, "category_id": tags})
    fields = (
        "parent_id",
        "parent_id.x_tier",
        "parent_id.user_id",
        "parent_id.user_id.login",
        "parent_id.category_id",
        "parent_id.category_id.id",
        "parent_id.name",
    )
    either.caller(ADA)
    either.crm.requests.clear()

    answer = either.caller(ADA, *fields)

    assert values(answer, *fields) == (
        *("Initech", "Gold", "Grace Hopper", "grace"),
        *(["VIP"], [2], None),
    )
    assert len(either.crm.requests) == 1


def test_fields_behind_no_link_are_empty(either):
    either.crm.add("Contacts", phone=ADA)

    answer = either.caller(ADA, "parent_id.user_id.login", "x_tier.y")

    assert values(answer, "parent_id.user_id.login", "x_tier.y") == (None, None)


def test_a_number_of_our_own_field_is_found_beside_those_of_odoo(either, monkeypatch):
    monkeypatch.setitem(MODELS["res.partner"], "x_home_phone", "char")
    either.crm.add("Contacts", x_home_phone="(202) 555-0101", x_tier="Gold")

    assert values(either.caller(ADA, "x_tier"), "x_tier") == ("Gold",)
    assert arguments(either)["domain"][-1] == ["x_home_phone", "in", SPELLINGS]


def test_before_17_tags_are_no_fields(older):
    older.crm.series = 16

    assert "category_id" not in older.fields()


@pytest.mark.parametrize("field", ["category_id", "parent_id.x_tier"])
def test_before_17_what_needs_other_records_is_refused(older, field):
    older.crm.series = 16

    with pytest.raises(CrmMisconfigured):
        older.caller(ADA, field)
    assert older.crm.searches() == []


def test_a_record_is_found_by_a_field_of_a_linked_one(either):
    company = {"id": 3, "display_name": "Initech", "x_account_no": "0042"}
    either.crm.add("Contacts", parent_id=company, x_tier="Gold")

    answer = either.digits("0042", "parent_id.x_account_no", "x_tier")

    assert values(answer, "x_tier") == ("Gold",)
    assert arguments(either)["domain"][-1] == ["parent_id.x_account_no", "=", "0042"]


def test_false_is_nothing_unless_the_field_says_yes_or_no(either):
    either.crm.add("Contacts", phone=ADA)

    answer = either.caller(ADA, "x_tier", "x_since", "x_stage", "x_vip", "x_balance")

    assert values(answer, "x_tier", "x_since", "x_stage") == (None, None, None)
    assert values(answer, "x_vip", "x_balance") == (False, 0)


def test_digits_stay_text_where_the_field_holds_text(either):
    either.digits("0042", "x_account_no")

    assert arguments(either)["domain"][-1] == ["x_account_no", "=", "0042"]


def test_digits_are_a_number_where_the_field_holds_numbers(either):
    either.crm.add("Contacts", x_size=42, x_tier="Gold")

    assert values(either.digits("42", "x_size", "x_tier"), "x_tier") == ("Gold",)
    assert arguments(either)["domain"][-1] == ["x_size", "=", 42]
    assert either.digits("0042", "x_size", "x_tier") == NotFound()


@pytest.mark.parametrize(
    ("keyed", "field"),
    [("*42", "x_size"), ("٤٢", "x_size"), ("9" * 19, "x_size"), ("1", "x_vip"), ("1", "x_stage")],
)
def test_what_a_field_can_not_hold_is_not_looked_for(either, keyed, field):
    either.crm.add("Contacts", x_size=42, x_vip=True, x_stage="hot")

    assert either.digits(keyed, field) == NotFound()
    assert either.crm.searches() == []


def test_digits_find_a_choice_by_its_label(either):
    either.crm.models.choices.append(["vip", "1001"])
    either.crm.add("Contacts", x_stage="vip", x_tier="Gold")

    assert values(either.digits("1001", "x_stage", "x_tier"), "x_tier") == ("Gold",)


def test_digits_in_a_field_for_dates_are_the_admins_mistake(either):
    with pytest.raises(CrmMisconfigured):
        either.digits("1001", "x_since")


def test_fields_have_the_types_that_odoo_tells(either):
    fields = either.fields()

    assert {name: field.type for name, field in fields.items()} == {
        "id": FieldType.NUMBER,
        "display_name": FieldType.TEXT,
        "create_date": FieldType.MOMENT,
        "active": FieldType.YES_NO,
        "phone": FieldType.PHONE,
        **({"mobile": FieldType.PHONE} if isinstance(either.crm, OdooRpc) else {}),
        "phone_sanitized": FieldType.PHONE,
        "phone_mobile_search": FieldType.OTHER,
        "phone_state": FieldType.CHOICE,
        "x_formatted_phone": FieldType.TEXT,
        "x_tier": FieldType.TEXT,
        "x_stage": FieldType.CHOICE,
        "x_balance": FieldType.NUMBER,
        "x_size": FieldType.NUMBER,
        "x_vip": FieldType.YES_NO,
        "x_since": FieldType.DATE,
        "x_account_no": FieldType.TEXT,
        "user_id": FieldType.LINK,
        "name": FieldType.TEXT,
        "is_company": FieldType.YES_NO,
        "type": FieldType.CHOICE,
        "parent_id": FieldType.LINK,
        "category_id": FieldType.CHOICES,
    }
    assert fields["x_stage"].choices == (("hot", "Hot Prospect"), ("cold", "Cold"))


def test_the_models_that_a_user_may_read_are_modules_too(either):
    assert either.modules() == [
        "Contacts",
        "Leads",
        "Accounts",
        "Opportunities",
        "crm.lead",
        "helpdesk.ticket",
        "res.partner",
        "res.partner.category",
        "res.users",
    ]


def test_an_odoo_that_can_not_tell_its_models_has_the_usual_ones(either):
    either.crm.tells_models = False

    assert either.modules() == ["Contacts", "Leads", "Accounts", "Opportunities"]


def test_a_caller_is_found_while_the_fields_are_not_told(either):
    either.crm.tells_fields = False
    either.crm.add("Contacts", phone=ADA, x_tier="Gold")

    assert values(either.caller(ADA, "x_tier"), "x_tier") == ("Gold",)


def test_a_full_page_of_others_is_too_many(either):
    either.crm.is_vague = True
    for number in range(10):
        either.crm.add("Contacts", phone=f"+1212555{number:04}")

    with pytest.raises(CrmTooMany):
        either.caller(ADA)


def test_a_database_that_there_is_not_is_said_so(either):
    either.connect(options={"account": "nodb"})

    with pytest.raises(CrmRefused) as caught:
        either.caller(ADA)
    assert type(caught.value) is CrmRefused
    assert str(caught.value).startswith("Odoo has no such database")


def test_the_database_may_be_left_to_a_server_that_has_one(start):
    class OfOne(Odoo):
        options: ClassVar = {**Odoo.options, "account": ""}

    asking = start(OfOne)
    asking.crm.add("Contacts", phone=ADA)

    assert isinstance(asking.caller(ADA), Found)
    assert "x-odoo-database" not in last(asking).headers


@pytest.mark.parametrize(("missing", "label"), [("account", "Database"), ("username", "Login")])
def test_the_older_interface_has_to_be_told_more(older, missing, label):
    with pytest.raises(ValueError, match=f"Type the {label}, too: Version 14 to 18 needs it"):
        older.connect(options={missing: ""})


@pytest.mark.parametrize("typed", ["a b", "crm\nX-Evil: 1", "../x", "-crm", "däta"])
def test_the_name_of_a_database_can_only_be_one(either, typed):
    with pytest.raises(ValueError, match="name of the database"):
        either.connect(options={"account": typed})


def test_the_address_may_be_any_page_of_the_site(asking):
    asking.connect(url="https://erp.example.com/odoo/contacts/7")

    asking.caller(ADA)

    assert last(asking).path == "/json/2/res.partner/web_search_read"


def test_another_login_is_refused(older):
    older.connect(options={"username": "eve@example.com"})

    with pytest.raises(CrmCredentialsRefused):
        older.sign_in()


def test_the_number_of_the_user_is_found_out_once(older):
    older.crm.add("Contacts", phone=ADA)
    older.caller(ADA)
    older.crm.requests.clear()
    older.tokens.age(3600)

    older.caller(ADA)

    assert len(older.crm.requests) == 1


def test_a_key_that_is_taken_back_is_refused(older):
    older.caller(ADA)
    older.tokens.age(3600)
    older.crm.refuses_signing_in = True

    with pytest.raises(CrmCredentialsRefused):
        older.caller(ADA)


def _fault(name, status, message="secret"):
    told = {"name": name, "message": f"{message} {ADA}", "arguments": [], "context": {}}

    def answer(asking):
        if isinstance(asking.crm, OdooRpc):
            return {"jsonrpc": "2.0", "id": 1, "error": {"code": 0, "data": told}}, 200
        return told, status

    return answer


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (_fault("builtins.ValueError", 500), CrmMisconfigured),
        (_fault("builtins.KeyError", 500), CrmMisconfigured),
        (_fault("builtins.TypeError", 500), CrmMisconfigured),
        (_fault("builtins.AttributeError", 500), CrmMisconfigured),
        (_fault("odoo.exceptions.UserError", 422), CrmMisconfigured),
        (_fault("odoo.exceptions.ValidationError", 422), CrmMisconfigured),
        (_fault("psycopg2.errors.InvalidTextRepresentation", 500), CrmMisconfigured),
        (_fault("psycopg2.errors.UndefinedFunction", 500), CrmMisconfigured),
        (_fault("werkzeug.exceptions.NotFound", 404), CrmMisconfigured),
        (_fault("odoo.exceptions.AccessError", 403), CrmNotPermitted),
        (_fault("odoo.exceptions.AccessDenied", 403), CrmCredentialsRefused),
        (_fault("odoo.http.SessionExpiredException", 403), CrmCredentialsRefused),
        (_fault("psycopg2.OperationalError", 500, "too many clients already"), CrmUnavailable),
        (_fault("psycopg2.errors.QueryCanceled", 500), CrmUnavailable),
        (_fault("builtins.MemoryError", 500), CrmUnavailable),
    ],
)
def test_every_error_has_its_own_kind(either, fault, error):
    either.caller(ADA)
    either.tokens.age(3600)
    either.crm.troubles = [_says(fault(either))] * 2

    with pytest.raises(error) as caught:
        either.caller(ADA)
    assert type(caught.value) is error
    assert ADA not in str(caught.value)


def _says(answer):
    body, status = answer
    return lambda visit: visit.answer(json.dumps(body).encode(), status)


@pytest.mark.parametrize("body", [{"jsonrpc": "2.0", "id": 1}, {"result": "fine"}, {"result": [1]}])
def test_an_answer_of_another_shape_can_not_be_read(older, body):
    older.caller(ADA)
    older.crm.troubles = [_says((body, 200))]

    with pytest.raises(CrmBadAnswer):
        older.caller(ADA)


class TestAddresses:
    """Contacts that are the address of another one, for deliveries, say."""

    @pytest.fixture(params=[Odoo, OdooRpc, "before 17"])
    def asking(self, start, request) -> Asking:
        if request.param != "before 17":
            return start(request.param)
        asking = start(OdooRpc)
        asking.crm.series = 16
        return asking

    @staticmethod
    def add_address(asking, owner_id, type_="delivery", module="Contacts", **fields):
        owner = {"id": int(owner_id), "display_name": "Initech"}
        return asking.crm.add(module, **{"phone": ADA, **fields}, type=type_, parent_id=owner)

    @pytest.mark.parametrize("type_", ["delivery", "invoice", "other", "private"])
    def test_whoever_has_the_number_of_their_address_is_one_person(self, asking, type_):
        ada = asking.crm.add("Contacts", phone=ADA, x_tier="Gold", type="contact")
        self.add_address(asking, ada, type_)
        asking.caller(ADA)
        asking.crm.requests.clear()

        answer = asking.caller(ADA, "x_tier")

        assert values(answer, "x_tier") == ("Gold",)
        assert len(asking.crm.requests) == 1

    def test_an_address_leaves_a_person_alone_who_has_the_same_number(self, asking):
        company = asking.crm.add("Accounts", type="contact")
        self.add_address(asking, company)
        asking.crm.add("Contacts", phone=ADA, x_tier="Gold", type="contact")

        assert values(asking.caller(ADA, "x_tier"), "x_tier") == ("Gold",)

    def test_who_is_found_by_an_address_alone_is_whose_it_is(self, asking):
        ada = asking.crm.add("Contacts", phone="+12025550199", x_tier="Gold", type="contact")
        for type_ in ("delivery", "invoice"):
            self.add_address(asking, ada, type_, phone="(202) 555-0101", x_tier="Silver")

        answer = asking.caller(ADA, "x_tier")

        assert answer == Found({"x_tier": "Gold"}, "phone number", "(202) 555-0101")
        assert len(asking.crm.searches()) == 2

    def test_a_company_is_found_among_contacts_by_its_address(self, asking):
        self.add_address(asking, asking.crm.add("Accounts", x_tier="Gold", type="contact"))

        assert values(asking.caller(ADA, "x_tier"), "x_tier") == ("Gold",)

    def test_addresses_of_two_are_two(self, asking):
        for number in ("+12025550198", "+12025550199"):
            self.add_address(asking, asking.crm.add("Contacts", phone=number, type="contact"))

        assert asking.caller(ADA).count == 2

    def test_an_address_counts_where_its_owner_may_not_be_read(self, asking):
        self.add_address(asking, 99, x_tier="Silver")

        assert values(asking.caller(ADA, "x_tier"), "x_tier") == ("Silver",)

    def test_who_belongs_to_a_company_is_a_person_and_so_is_an_address_of_nobody(self, asking):
        company = asking.crm.add("Accounts", phone=ADA, type="contact")
        self.add_address(asking, company, "contact", phone="+12025550102", x_tier="Gold")
        asking.crm.add("Contacts", phone="+12025550103", x_tier="Silver", type="other")

        assert values(asking.caller("+12025550102", "x_tier"), "x_tier") == ("Gold",)
        assert values(asking.caller("+12025550103", "x_tier"), "x_tier") == ("Silver",)
        assert len(asking.crm.searches()) == 2

    def test_digits_that_an_address_repeats_are_those_of_one(self, asking):
        company = asking.crm.add("Accounts", x_account_no="1001", x_tier="Gold", type="contact")
        self.add_address(asking, company, x_account_no="1001", x_tier="Silver")

        answer = asking.digits("1001", "x_account_no", "x_tier", module="res.partner")

        assert values(answer, "x_tier") == ("Gold",)

    def test_digits_of_an_address_alone_are_those_of_its_owner(self, asking):
        company = asking.crm.add("Accounts", x_tier="Gold", type="contact")
        self.add_address(asking, company, x_account_no="1001", x_tier="Silver")

        answer = asking.digits("1001", "x_account_no", "x_tier")

        assert values(answer, "x_tier") == ("Gold",)

    def test_many_near_misses_among_addresses_are_still_too_many(self, asking):
        asking.crm.is_vague = True
        company = asking.crm.add("Accounts", type="contact")
        for _ in range(12):
            self.add_address(asking, company, phone="+442025550101")

        with pytest.raises(CrmTooMany):
            asking.caller(ADA)
