"""The kinds of CRM: what each asks for, what keeps it from being asked, how it is made."""

import re
from collections.abc import Iterator
from contextlib import closing

import pytest

from voiceapp.crm.bounded import Bounded
from voiceapp.crm.custom import CustomUrlClient, SecretHeader
from voiceapp.crm.directory import DirectoryClient
from voiceapp.crm.http import HttpDoor
from voiceapp.crm.kind import (
    ACCOUNT,
    HEADER_NAME,
    PASSWORD,
    SECRETS,
    TOKEN,
    USERNAME,
    VERSION,
    Ask,
    Connection,
    Kind,
    Surroundings,
    Told,
)
from voiceapp.crm.kind import URL as ADDRESS
from voiceapp.crm.registry import CUSTOM_URL, DIRECTORY, KINDS, build_client, fault_of

URL = "https://shop.example/find"


@pytest.fixture
def around() -> Iterator[Surroundings]:
    with closing(HttpDoor()) as door:
        yield Surroundings(door, lambda *_: (), Bounded())  # type: ignore[arg-type]


def connection(kind: str = CUSTOM_URL, **changed: object) -> Connection:
    values = {"url": URL, "options": {}, "secrets": {}, "country": "US"} | changed
    return Connection(kind, **values)  # type: ignore[arg-type]


def kind(**fields: object) -> Kind:
    return Kind("Any", build=lambda *_: None, check=lambda url: None, **fields)  # type: ignore


def test_the_directory_has_modules_and_asks_for_nothing():
    directory = KINDS[DIRECTORY]

    assert tuple(directory.modules) == ("Contacts", "Leads", "Accounts")
    assert not directory.asks
    assert not directory.header
    assert directory.slots({}) == {}


def test_a_custom_url_has_an_address_and_may_have_a_header():
    custom = KINDS[CUSTOM_URL]

    assert custom.title == "Custom URL"
    assert [ask.name for ask in custom.asks] == ["url"]
    assert custom.header
    assert not custom.modules


@pytest.mark.parametrize("key", KINDS)
def test_every_kind_says_what_it_asks_for_and_how_it_signs_in(key):
    kind = KINDS[key]

    assert kind.title
    assert kind.signs_in
    names = [ask.name for ask in kind.asks]
    assert len(set(names)) == len(names)
    for ask in kind.asks:
        assert ask.label
        assert ask.help.endswith((".", ")"))
        assert not (ask.choices and ask.name in SECRETS)
    assert bool(kind.site) is ("url" not in names and key != DIRECTORY)
    assert all(kind.modules.values())


@pytest.mark.parametrize(
    ("fields", "secrets"),
    [
        ({}, {}),
        ({"asks": (Ask(USERNAME, "Who", "Who?"),)}, {}),
        ({"header": True}, {"header_name": "header x-key"}),
        ({"asks": (Ask(PASSWORD, "Key", "A key."),)}, {"password": "password of ada"}),
        (
            {"asks": (Ask(PASSWORD, "Key", "A key."), Ask(TOKEN, "Token", "A token."))},
            {"password": "password of ada", "token": "token of ada"},
        ),
    ],
)
def test_a_secret_is_kept_with_the_user_or_header_it_belongs_to(fields, secrets):
    assert kind(**fields).slots({HEADER_NAME: "X-Key", USERNAME: "ada"}) == secrets


@pytest.mark.parametrize(
    ("name", "url", "part"),
    [
        (DIRECTORY, "", ""),
        (CUSTOM_URL, URL, ""),
        (CUSTOM_URL, "", "https://"),
        (CUSTOM_URL, "http://shop.example/", "https://"),
        (CUSTOM_URL, "https://me:hush@shop.example/", "User name"),
        (CUSTOM_URL, "https://shop.example:99999/", "port"),
        (CUSTOM_URL, f"https://{'a' * 254}/", "host"),
        ("nonsense", URL, "There is no CRM of the kind nonsense."),
        ("", URL, "There is no CRM of the kind"),
    ],
)
def test_what_keeps_a_crm_from_being_asked_is_a_sentence(name, url, part):
    fault = fault_of(name, url, {})

    assert part in fault
    assert bool(fault) == bool(part)
    assert "hush" not in fault


SERVER = {VERSION: "server", USERNAME: "ada"}
OLDER = {VERSION: "14", ACCOUNT: "crm", USERNAME: "ada@example.com"}
SUITE = {USERNAME: "client", VERSION: "8"}
TENANT = {USERNAME: "app", ACCOUNT: "acme.onmicrosoft.com"}
ODOO, SUGAR = "https://acme.odoo.com", "https://crm.example.com"
ACME = "https://acme.crm4.dynamics.com"
TYPE_DATABASE = "Type the Database, too: Version 14 to 18 needs it."
TYPE_LOGIN = "Type the Login, too: Version 14 to 18 needs it."
TYPE_USER = "Type the User name, too: the User's password needs it."
TENANT_WRONG = "The tenant must be an ID as Microsoft shows it, or a domain name."
CLOUD_WRONG = "The host must end in .vtiger.com, as in the address bar when you work in the CRM."
SETTINGS = [
    ("vtiger", SUGAR, SERVER, {}),
    ("vtiger", SUGAR, SERVER | {USERNAME: ""}, {USERNAME: "Type the User Name."}),
    ("vtiger", SUGAR, SERVER | {VERSION: "cloud"}, {ADDRESS: CLOUD_WRONG}),
    ("vtiger", SUGAR, SERVER | {VERSION: ""}, {ADDRESS: CLOUD_WRONG}),
    (
        "vtiger",
        SUGAR,
        SERVER | {VERSION: "moon"},
        {VERSION: "Choose the Edition.", ADDRESS: CLOUD_WRONG},
    ),
    ("vtiger", "https://acme.od2.vtiger.com", {USERNAME: "ada"}, {}),
    ("odoo", ODOO, OLDER, {}),
    ("odoo", ODOO, {VERSION: "19"}, {}),
    ("odoo", ODOO, {}, {}),
    ("odoo", ODOO, OLDER | {ACCOUNT: ""}, {ACCOUNT: TYPE_DATABASE}),
    ("odoo", ODOO, {VERSION: "14"}, {ACCOUNT: TYPE_DATABASE, USERNAME: TYPE_LOGIN}),
    (
        "odoo",
        ODOO,
        {ACCOUNT: "a b"},
        {ACCOUNT: "The name of the database has letters, digits, dots, _ and - only."},
    ),
    ("suitecrm", SUGAR, SUITE, {}),
    ("suitecrm", SUGAR, SUITE | {ACCOUNT: "ada"}, {}),
    ("dynamics", ACME, TENANT, {}),
    ("dynamics", ACME, TENANT | {ACCOUNT: "acme"}, {ACCOUNT: TENANT_WRONG}),
    ("dynamics", ACME, {USERNAME: "app"}, {ACCOUNT: "Type the Directory (tenant) ID."}),
    ("sugarcrm", SUGAR, {USERNAME: "ada"}, {ACCOUNT: "Type the Platform."}),
    (
        "zendesk",
        "",
        {},
        {ADDRESS: "Type the address. It begins with https://.", USERNAME: "Type the E-mail."},
    ),
    ("zoho", "", {USERNAME: "id"}, {ADDRESS: "Choose the data centre that your Zoho CRM is at."}),
    ("zoho", "https://evil.test", {USERNAME: "id"}, {ADDRESS: "Choose the Data centre."}),
    (CUSTOM_URL, URL, {HEADER_NAME: "X-Key"}, {}),
    (
        CUSTOM_URL,
        URL,
        {HEADER_NAME: "X Key"},
        {HEADER_NAME: "The header's name must be letters, digits and hyphens."},
    ),
]


@pytest.mark.parametrize(("key", "url", "options", "wrong"), SETTINGS)
def test_what_is_told_is_judged_field_by_field(around, key, url, options, wrong):
    assert KINDS[key].wrong(Told(url, options)) == wrong
    if wrong:
        with pytest.raises(ValueError, match=re.escape(next(iter(wrong.values())))):
            build_client(connection(key, url=url, options=options), around)


@pytest.mark.parametrize("there", [(), (PASSWORD,), (PASSWORD, TOKEN)])
@pytest.mark.parametrize("user", ["", "ada"])
def test_a_secret_that_goes_with_something_needs_it(user, there):
    wrong = KINDS["suitecrm"].wrong(Told(SUGAR, SUITE | {ACCOUNT: user}, there))

    assert wrong == ({ACCOUNT: TYPE_USER} if TOKEN in there and not user else {})


@pytest.mark.parametrize(
    ("key", "options", "required"),
    [
        ("odoo", {}, {ADDRESS, VERSION, PASSWORD}),
        ("odoo", {VERSION: "19"}, {ADDRESS, VERSION, PASSWORD}),
        ("odoo", {VERSION: "14"}, {ADDRESS, VERSION, PASSWORD, ACCOUNT, USERNAME}),
        ("suitecrm", {}, {ADDRESS, VERSION, USERNAME, PASSWORD}),
        ("suitecrm", {ACCOUNT: "ada"}, {ADDRESS, VERSION, USERNAME, PASSWORD, TOKEN}),
    ],
)
def test_what_is_required_may_depend_on_something_else(key, options, required):
    asks = KINDS[key].asks_with(options)

    assert {ask.name for ask in asks if ask.is_required} == required
    assert [ask.name for ask in asks] == [ask.name for ask in KINDS[key].asks]


@pytest.mark.parametrize("key", KINDS)
def test_what_something_is_needed_with_is_asked_for(key):
    for ask in KINDS[key].asks:
        if ask.needed_with:
            other, value = ask.needed_with
            assert not ask.is_required
            assert KINDS[key].ask(other)
            assert not value or value in dict(KINDS[key].ask(other).choices)


@pytest.mark.parametrize(
    ("key", "url", "options", "is_of_a_rule", "fault"),
    [
        ("odoo", ODOO, OLDER | {USERNAME: ""}, False, TYPE_LOGIN),
        ("odoo", ODOO, OLDER | {USERNAME: ""}, True, f"CRM Username: {TYPE_LOGIN}"),
        ("vtiger", SUGAR, {USERNAME: "ada"}, False, f"Address: {CLOUD_WRONG}"),
        ("vtiger", SUGAR, {USERNAME: "ada"}, True, f"CRM URL: {CLOUD_WRONG}"),
        ("dynamics", ACME, TENANT | {ACCOUNT: "x"}, True, f"Directory (tenant) ID: {TENANT_WRONG}"),
    ],
)
def test_a_fault_names_the_field_as_its_page_does(key, url, options, is_of_a_rule, fault):
    assert fault_of(key, url, options, is_of_a_rule=is_of_a_rule) == fault


def test_the_directory_is_built_in(around):
    assert isinstance(build_client(connection(DIRECTORY), around), DirectoryClient)


def test_a_custom_url_takes_its_header_along(around):
    client = build_client(
        connection(options={HEADER_NAME: "X-Key"}, secrets={"header x-key": "hush"}), around
    )

    assert client == CustomUrlClient(around.door, URL, SecretHeader("X-Key", "hush"))


def test_a_secret_without_the_name_of_a_header_stays_at_home(around):
    client = build_client(connection(secrets={"header x-key": "hush"}), around)

    assert client == CustomUrlClient(around.door, URL, None)


@pytest.mark.parametrize(
    "wrong",
    [
        connection("nonsense"),
        connection(url="http://shop.example/"),
        connection(options={HEADER_NAME: "X-Key"}),  # its value was never typed
        connection(options={HEADER_NAME: "X Key"}, secrets={"header x-key": "hush"}),
    ],
)
def test_what_can_not_be_used_is_refused_in_a_sentence(around, wrong):
    with pytest.raises(ValueError, match=r"^[A-Z].*\.$") as refused:
        build_client(wrong, around)

    assert "hush" not in str(refused.value)


def test_a_connection_shows_nothing_of_itself():
    shown = repr(
        connection(url=f"{URL}?key=hush", options={"a": "hush"}, secrets={"password of ": "hush"})
    )

    assert shown == "Connection('custom')"


@pytest.mark.parametrize(
    ("value", "text", "is_told"),
    [
        ("hush-4711", "hush-4711", True),
        ("hush-4711", "Gold, HUSH-4711.", True),
        ("hush-4711", "hush-471", False),
        ("Bearer hush-4711", "hush-4711", True),
        ("Bearer hush-4711", "Bearer", False),
        ("Token of 4711", "one of many", False),
        ("a b", "b", False),
    ],
)
def test_a_header_knows_a_text_that_tells_its_value(value, text, is_told):
    assert SecretHeader("X-Key", value).is_told_by(text) is is_told
