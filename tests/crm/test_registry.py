"""The kinds of CRM: what each asks for, what keeps it from being asked, how it is made."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from voiceapp.crm.bounded import Bounded
from voiceapp.crm.custom import CustomUrlClient, SecretHeader
from voiceapp.crm.directory import DirectoryClient
from voiceapp.crm.http import HttpDoor
from voiceapp.crm.kind import (
    HEADER_NAME,
    PASSWORD,
    SECRETS,
    TOKEN,
    USERNAME,
    Ask,
    Connection,
    Kind,
    Surroundings,
)
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
    fault = fault_of(name, url)

    assert part in fault
    assert bool(fault) == bool(part)
    assert "hush" not in fault


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
