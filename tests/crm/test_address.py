"""Addresses that an admin may type, and the sentences for all others."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceapp.crm.address import base_of, only_at, refuse_no_address, refuse_no_site

SCHEME = "The address must start with https://."
BLANKS = "The address must not contain blanks or line breaks."
USER = "User name and password must not stand in the address."
HOST = "The address must name a host, and a valid port if any, after https://."
FRAGMENT = "The address must not have a part after #, as that is never sent."


def said(check: Callable[[str], None], address: str) -> str:
    """Return the sentence with which an address is refused; blank if it is not."""
    try:
        check(address)
    except ValueError as refused:
        return str(refused)
    return ""


@pytest.mark.parametrize(
    "address",
    [
        "https://crm.example",
        "HTTPS://CRM.example/",
        "https://crm.example:8443/suite/crm",
        "https://crm.example/find?user=a@b&who={caller}",
        "https://crm.example/a@b",
        "https://10.0.0.1",
        "https://[2001:db8::1]:443/",
        "https://zoë.example",
        f"https://{'a' * 253}",
    ],
)
def test_what_can_be_asked_over_https_is_an_address(address):
    assert said(refuse_no_address, address) == ""


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("", SCHEME),
        ("crm.example", SCHEME),
        ("http://crm.example", SCHEME),
        ("//crm.example", SCHEME),
        ("https:/crm.example", SCHEME),
        ("javascript:https://crm.example", SCHEME),
        (" https://crm.example", BLANKS),
        ("https://crm.example/a b", BLANKS),
        ("https://crm.example\n", BLANKS),
        ("https://crm.example\x00", BLANKS),
        ("https://crm.example\x7f/", BLANKS),
        ("https://crm.example\u00a0", BLANKS),
        ("https://crm.example\\@evil.test", BLANKS),
        ("https://me@crm.example", USER),
        ("https://me:hunter2@crm.example/", USER),
        ("https://@crm.example", USER),
        ("https://crm.example#@evil.test", FRAGMENT),
        ("https://crm.example/#view", FRAGMENT),
        ("https://crm.example?a#", FRAGMENT),
        ("https://", HOST),
        ("https:///find", HOST),
        ("https://?a", HOST),
        ("https://:443", HOST),
        ("https://crm.example:0", HOST),
        ("https://crm.example:65536", HOST),
        ("https://crm.example:port", HOST),
        ("https://crm.example:-1", HOST),
        ("https://[crm", HOST),
        ("https://[crm]", HOST),
        (f"https://{'a' * 254}", HOST),
    ],
)
def test_what_can_not_be_asked_is_refused_with_a_sentence(address, sentence):
    assert said(refuse_no_address, address) == sentence


@given(st.text() | st.text("htps:/[]@?#%.℀1", max_size=20).map("https://{}".format))
def test_whatever_is_typed_is_refused_in_a_sentence_or_not_at_all(typed):
    assert said(refuse_no_address, typed) in {"", SCHEME, BLANKS, USER, HOST, FRAGMENT}


def test_a_site_has_no_question_mark():
    assert said(refuse_no_site, "https://crm.example/suite") == ""
    assert said(refuse_no_site, "https://crm.example/index.php?module=Home") == (
        "Type the address of the site only, without the part after “?”."
    )


@pytest.mark.parametrize("check", [refuse_no_site, only_at(".example")])
@pytest.mark.parametrize(
    ("address", "sentence"), [("http://crm.example", SCHEME), ("https://me@crm.example", USER)]
)
def test_every_check_refuses_what_is_no_address(check, address, sentence):
    assert said(check, address) == sentence


@pytest.mark.parametrize(
    "address", ["https://acme.zoho.eu", "https://ACME.Zoho.COM/crm", "https://a.b.zoho.com:443/"]
)
def test_a_vendors_site_is_one_of_its_hosts(address):
    assert said(only_at(".zoho.com", ".zoho.eu"), address) == ""


@pytest.mark.parametrize(
    "address",
    [
        "https://zoho.com.evil.test",
        "https://evilzoho.com",
        "https://zoho.com",
        "https://evil.test/.zoho.com",
        "https://evil.test:443/acme.zoho.com",
        "https://acme.zoho.com.",
        "https://acme.zohoxcom",
    ],
)
def test_no_other_host_is_a_vendors_site(address):
    assert said(only_at(".zoho.com", ".zoho.eu"), address) == (
        "The host must end in .zoho.com or .zoho.eu, as in the address bar when you work in "
        "the CRM."
    )


def test_a_vendor_may_say_otherwise_where_its_address_is_found():
    check = only_at(".zoho.com", hint="as in the letter you got")

    assert said(check, "https://zoho.test") == (
        "The host must end in .zoho.com, as in the letter you got."
    )


@pytest.mark.parametrize(
    ("address", "base"),
    [
        ("https://crm.example", "https://crm.example"),
        ("https://crm.example/", "https://crm.example"),
        ("https://crm.example/suite//", "https://crm.example/suite"),
    ],
)
def test_paths_are_put_behind_an_address_without_slashes_at_its_end(address, base):
    assert base_of(address) == base
