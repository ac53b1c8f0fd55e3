"""The client for Odoo against a real one, by both of its interfaces."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.live.obtaining import NotObtainable
from tests.live.odoo_api import OdooApi
from tests.live.odoo_records import CUSTOMER_NUMBER, add_field, seed, set_home_country
from tests.live.odoo_server import OdooServer, odoo_server
from voiceapp.crm.bounded import Bounded
from voiceapp.crm.contract import (
    Answer,
    Caller,
    CallFacts,
    CrmClient,
    CrmCredentialsRefused,
    CrmMisconfigured,
    CrmNotPermitted,
    CrmRefused,
    Found,
    KeyedDigits,
    NotFound,
    Order,
    Search,
    Several,
)
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.fields import FieldType
from voiceapp.crm.http import HttpDoor
from voiceapp.crm.kind import (
    ACCOUNT,
    PASSWORD,
    USERNAME,
    VERSION,
    Connection,
    Surroundings,
    secret_slot,
)
from voiceapp.crm.registry import build_client
from voiceapp.rules.values import read_instant

pytestmark = [pytest.mark.live, pytest.mark.timeout(900)]  # the first time it is obtained

SPELLED = {
    "+12025550101": "+12025550101",
    "(202) 555-0102": "+12025550102",
    "202.555.0103": "+12025550103",
    "1 202 555 0104": "+12025550104",
    "001 (202) 555/0105": "+12025550105",
    "+44 20 7946 0021": "+442079460021",
    "0044 20 79460022": "+442079460022",
}
"""Numbers as they are kept, and who calls."""


@pytest.fixture(scope="module")
def server() -> Iterator[OdooServer]:
    try:
        with odoo_server() as server:
            _fill(server)
            yield server
    except NotObtainable as error:
        pytest.skip(str(error))


def _fill(server: OdooServer) -> None:
    api = OdooApi(server.plain, server.database, server.accounts["admin"].api_key)
    set_home_country(api, "US")
    for model in ("res.partner", "crm.lead"):
        add_field(api, model, CUSTOMER_NUMBER, "Customer Number")
    for kind in ("integer", "float", "boolean", "date", "datetime"):
        add_field(api, "res.partner", f"x_{kind}", kind.title(), kind)
    tags = api.create("res.partner.category", {"name": "VIP"}, {"name": "Press, local"})
    made = seed(
        api,
        people=[
            *({"name": spelled, "phone": spelled} for spelled in SPELLED),
            {"name": "Home", "phone": "020 7946 0033", "country": "GB"},
            *(
                {"name": f"Twin {amount}", "phone": phone, "x_float": amount}
                for amount, phone in (
                    (2.5, "+12025550142"),
                    (30, "202 555 0142"),
                    (4, "2025550142"),
                )
            ),
            {"name": "By text", CUSTOMER_NUMBER: "0042", "x_integer": 77},
        ],
        companies=[{"name": "Initech", "phone": "+12025550175", "ref": "Gold", "country": "US"}],
        leads=[
            {"name": "Asked", "phone": "(202) 555-0181", "priority": "2", "expected_revenue": 12.5},
            {"name": "Lost", "phone": "(202) 555-0182", "active": False},
        ],
        opportunities=[{"name": "Buys", "phone": "12025550191"}],
    )
    addresses = [
        {"name": "Own door", "phone": "+12025550101", "type": "delivery", "owner": made.people[0]},
        {"name": "Ramp", "phone": "+12025550176", "type": "delivery", "owner": made.companies[0]},
        {"name": "Bills", "phone": "+12025550176", "type": "invoice", "owner": made.companies[0]},
    ]
    for address in addresses:
        owner = address.pop("owner")
        api.create("res.partner", {**address, "is_company": False, "parent_id": owner})
    full = {
        "parent_id": made.companies[0],
        "category_id": [[6, 0, tags]],
        "x_boolean": True,
        "x_date": "2026-11-22",
        "x_datetime": "2026-11-22 10:30:00",
    }
    api.call("res.partner", "write", ids=made.people[:1], vals=full)


@pytest.fixture(scope="module")
def door(server: OdooServer) -> Iterator[HttpDoor]:
    door = HttpDoor(allowed_hosts=["localhost", "127.0.0.1"], ca_bundle=server.authority)
    yield door
    door.close()


class Asking:
    """Asks the server as somebody who typed its settings."""

    def __init__(self, server: OdooServer, door: HttpDoor, interface: str) -> None:
        self.server = server
        self.door = door
        self.interface = interface

    def client(self, login: str = "admin", **typed: str) -> CrmClient:
        account = self.server.accounts[login]
        options = {
            VERSION: self.interface,
            ACCOUNT: typed.get("database", self.server.database),
            USERNAME: login,
        }
        key = typed.get("key", account.api_key)
        secrets = {secret_slot(PASSWORD, options): key}
        connection = Connection("odoo", self.server.url, options, secrets, "US")
        return build_client(connection, Surroundings(self.door, lambda *_: (), Bounded()))

    def caller(self, number: str, *fields: str, **more: Any) -> Answer:
        return self._find(Caller(number), fields, **more)

    def digits(self, digits: str, field: str, *fields: str, **more: Any) -> Answer:
        return self._find(KeyedDigits(digits, field), fields, **more)

    def _find(
        self,
        who: Caller | KeyedDigits,
        fields: tuple[str, ...],
        *,
        module: str = "Contacts",
        order: Order | None = None,
        **typed: str,
    ) -> Answer:
        search = Search(who, module, fields, order)
        return self.client(**typed).find(search, CallFacts(), Deadline.after(30))


@pytest.fixture(params=["19", "14"], ids=["json-2", "json-rpc"])
def asking(server: OdooServer, door: HttpDoor, request: pytest.FixtureRequest) -> Asking:
    return Asking(server, door, request.param)


def values(answer: Answer, *fields: str) -> tuple[object, ...]:
    assert isinstance(answer, Found)
    return tuple(answer.values[field] for field in fields)


@pytest.mark.parametrize(("spelled", "number"), SPELLED.items())
def test_a_caller_is_found_however_the_number_is_spelled(asking, spelled, number):
    answer = asking.caller(number, "name")

    assert (values(answer, "name"), answer.stored) == ((spelled,), spelled)


def test_a_number_is_of_the_country_of_its_record(asking):
    assert values(asking.caller("+442079460033", "name"), "name") == ("Home",)
    assert asking.caller("+12079460033", "name") == NotFound()


def test_the_address_of_somebody_is_no_second_person(asking):
    assert values(asking.caller("+12025550101", "name"), "name") == ("+12025550101",)


def test_who_calls_from_an_address_is_whose_it_is(asking):
    answer = asking.caller("+12025550176", "name", "ref")

    assert values(answer, "name", "ref") == ("Initech", "Gold")
    assert answer.stored == "+12025550176"


def test_a_stranger_is_not_found(asking):
    assert asking.caller("+12025550199", "name") == NotFound()


@pytest.mark.parametrize("is_highest", [True, False])
def test_several_come_in_order(asking, is_highest):
    answer = asking.caller("+12025550142", "name", order=Order("x_float", is_highest))

    assert isinstance(answer, Several)
    names = [one.values["name"] for one in answer.records]
    in_order = ["Twin 30", "Twin 4", "Twin 2.5"]
    assert names == (in_order if is_highest else in_order[::-1])
    assert all(read_instant(str(one.created)) for one in answer.records)


def test_several_come_newest_first(asking):
    answer = asking.caller("+12025550142", "name", order=Order())

    assert isinstance(answer, Several)
    assert [one.values["name"] for one in answer.records] == ["Twin 4", "Twin 30", "Twin 2.5"]


def test_values_come_as_rules_want_them(asking):
    fields = ("x_boolean", "x_date", "x_datetime", "x_float", "ref", "type", "active")

    answer = asking.caller("+12025550101", *fields)

    assert values(answer, *fields) == (
        True,
        "2026-11-22",
        "2026-11-22T10:30:00Z",
        0,
        None,
        "Contact",
        True,
    )


def test_links_and_tags_read_as_names_and_lead_on_to_fields(asking):
    fields = ("parent_id", "category_id", "parent_id.ref", "parent_id.country_id", "user_id")

    answer = asking.caller("+12025550101", *fields)

    company, tags, *rest = values(answer, *fields)
    assert (company, rest) == ("Initech", ["Gold", "United States", None])
    assert sorted(tags) == ["Press, local", "VIP"]


@pytest.mark.parametrize(
    ("module", "number", "name"),
    [
        ("Contacts", "+12025550101", "+12025550101"),
        ("Accounts", "+12025550175", "Initech"),
        ("Leads", "+12025550181", "Asked"),
        ("Leads", "+12025550191", "Buys"),
        ("Opportunities", "+12025550191", "Buys"),
        ("res.partner", "+12025550175", "Initech"),
        ("crm.lead", "+12025550181", "Asked"),
    ],
)
def test_every_module_is_searched(asking, module, number, name):
    assert values(asking.caller(number, "name", module=module), "name") == (name,)


@pytest.mark.parametrize(
    ("module", "number"),
    [
        ("Contacts", "+12025550175"),
        ("Accounts", "+12025550101"),
        ("Opportunities", "+12025550181"),
        ("Leads", "+12025550182"),
    ],
)
def test_a_record_of_another_module_is_not_found(asking, module, number):
    assert asking.caller(number, "name", module=module) == NotFound()


def test_labels_and_numbers_of_a_lead(asking):
    fields = ("priority", "stage_id", "expected_revenue", "tag_ids", "type")

    answer = asking.caller("+12025550181", *fields, module="Leads")

    priority, stage, revenue, tags, type_ = values(answer, *fields)
    assert (priority, stage, str(revenue), tags, type_) == ("High", "New", "12.5", [], "Lead")


def test_digits_find_by_a_text_and_by_a_number(asking):
    assert values(asking.digits("0042", CUSTOMER_NUMBER, "name"), "name") == ("By text",)
    assert asking.digits("42", CUSTOMER_NUMBER, "name") == NotFound()
    assert values(asking.digits("77", "x_integer", "name"), "name") == ("By text",)
    assert asking.digits("077", "x_integer", "name") == NotFound()
    assert asking.digits("9" * 18, "x_integer", "name") == NotFound()


@pytest.mark.parametrize("typed", ["'", "%", "_", "\\", "1' OR '1'='1", "a\nb", "*#", "|"])
def test_whatever_is_keyed_in_stays_a_value(asking, typed):
    assert asking.digits(typed, CUSTOMER_NUMBER, "name") == NotFound()


def test_digits_in_a_field_for_dates_are_the_admins_mistake(asking):
    with pytest.raises(CrmMisconfigured):
        asking.digits("1001", "x_date")


def test_wrong_credentials_are_said_so(asking):
    with pytest.raises(CrmCredentialsRefused):
        asking.caller("+12025550101", key="0" * 40)


def test_a_database_that_there_is_not_is_said_so(asking):
    with pytest.raises(CrmRefused, match="no such database"):
        asking.caller("+12025550101", database="nodb")


def test_what_somebody_may_not_read_is_said_so(asking):
    with pytest.raises(CrmNotPermitted):
        asking.caller("+12025550181", module="Leads", login="clerk")


def test_somebody_finds_only_what_they_may_read(asking):
    assert asking.caller("+12025550181", module="Leads", login="own-seller") == NotFound()


@pytest.mark.parametrize("field", ["nope", "parent_id.nope", "x_nope.y"])
def test_a_field_that_there_is_not_is_said_so(asking, field):
    with pytest.raises(CrmMisconfigured):
        asking.caller("+12025550101", field)


@pytest.mark.parametrize("field", ["nope", "category_id", "phone_mobile_search"])
def test_an_order_that_there_is_not_is_said_so(asking, field):
    with pytest.raises(CrmMisconfigured):
        asking.caller("+12025550101", order=Order(field))


@pytest.mark.parametrize("module", ["no.such", "../res.users", "Contacts; DROP", "a%2Fb"])
def test_a_module_that_there_is_not_is_said_so(asking, module):
    with pytest.raises(CrmMisconfigured):
        asking.caller("+12025550101", module=module)


@pytest.mark.parametrize(
    ("login", "expected"),
    [
        ("admin", ["Contacts", "Leads", "Accounts", "Opportunities"]),
        ("seller", ["Contacts", "Leads", "Accounts", "Opportunities"]),
        ("clerk", ["Contacts", "Accounts"]),
    ],
)
def test_the_modules_are_those_that_somebody_may_read(asking, login, expected):
    modules = asking.client(login).modules(Deadline.after(30))

    usual = [one for one in modules if one in ("Contacts", "Leads", "Accounts", "Opportunities")]
    assert usual == expected
    assert "res.partner" in modules


@pytest.mark.parametrize("module", ["Contacts", "Leads", "Accounts", "Opportunities", "res.users"])
def test_the_fields_of_a_module_are_told(asking, module):
    fields = {one.name: one for one in asking.client().fields(module, Deadline.after(30))}

    assert fields["phone"].type is FieldType.PHONE
    assert fields["create_date"].type is FieldType.MOMENT
    assert fields["active"].type is FieldType.YES_NO
    assert all(one.label for one in fields.values())


def test_every_field_that_is_told_can_be_read(asking):
    fields = asking.client().fields("Contacts", Deadline.after(30))

    answer = asking.caller("+12025550101", *(one.name for one in fields))

    assert isinstance(answer, Found)
