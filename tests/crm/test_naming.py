"""What a CRM does not know is named: by what is found out, by the CRM's words, by its fields."""

import pytest

from voiceapp.crm.answers import by_status, read, unknown, without_phones
from voiceapp.crm.book import MemoryBook
from voiceapp.crm.contract import (
    Caller,
    CallFacts,
    CrmMisconfigured,
    CrmRefused,
    CrmUnavailable,
    KeyedDigits,
    NotFound,
    Search,
)
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.door import HttpAnswer
from voiceapp.crm.fields import Field
from voiceapp.crm.naming import NamingClient

CALLER = Caller("+12025550101")
MANY = tuple(f"F{number}" for number in range(1, 9))


class Failing:
    """A client that fails, or finds nobody."""

    def __init__(self, error=None):
        self.error = error

    def find(self, search, call, deadline):
        if self.error:
            raise self.error
        return NotFound()

    def sign_in(self, deadline):
        raise self.error

    def modules(self, deadline):
        return ["Contacts"]

    def fields(self, module, deadline):
        raise self.error


def soon() -> Deadline:
    return Deadline.after(5)


def naming(error, *fields: str) -> NamingClient:
    """A client that fails, with the fields that its CRM told of before."""
    book = MemoryBook()
    if fields:
        book.fields("Contacts", lambda *_: [Field(one, one) for one in fields], soon())
    return NamingClient(Failing(error), book)


def said(client: NamingClient, *fields: str, who=CALLER, module: str = "Contacts") -> str:
    with pytest.raises(CrmMisconfigured) as caught:
        client.find(Search(who, module, fields), CallFacts(), soon())
    return str(caught.value)


def answered(body: bytes, status: int = 400) -> CrmMisconfigured:
    """The error for what a CRM answers."""
    with pytest.raises(CrmMisconfigured) as caught:
        read("Crm", HttpAnswer(status, {}, body), lambda *_: unknown("Crm"))
    return caught.value


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ((), "Crm does not know the module Contacts, or a field in it."),
        (("Tier",), "Crm does not know the module Contacts, or the field Tier in it."),
        (
            ("Tier", "Balance"),
            "Crm does not know the module Contacts, or one of the fields Tier, Balance in it.",
        ),
        (
            MANY,
            "Crm does not know the module Contacts, or one of the fields F1, F2, F3, F4, F5, F6 "
            "and 2 more in it.",
        ),
    ],
)
def test_where_nobody_tells_which_all_are_named(fields, sentence):
    assert said(naming(unknown("Crm")), *fields) == sentence


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("Tier", "Crm does not know the field Tier in Contacts."),
        ("Contacts", "Crm does not know the module Contacts."),
    ],
)
def test_what_a_client_finds_out_is_named(name, sentence):
    assert said(naming(unknown("Crm", name)), "Tier", "Balance") == sentence


def test_a_field_that_is_called_as_its_module_is_not_taken_for_it():
    client = naming(unknown("Crm", "Contacts"), "Tier")

    assert said(client, "Contacts", "Tier") == "Crm does not know the field Contacts in Contacts."


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"No such column 'Tier' on entity 'Contacts'.", "the field Tier in Contacts."),
        (rb'{"message": "Property \"Tier\" does not exist"}', "the field Tier in Contacts."),
        (b'{"column_name": "Tier"}', "the field Tier in Contacts."),
        (b"No segment 'Contacts'.", "the module Contacts."),
        (b"'Tier' or 'Balance'", "the module Contacts, or one of the fields Tier, Balance in it."),
        (b"Tier", "the module Contacts, or one of the fields Tier, Balance in it."),
        (b"'Tiers'", "the module Contacts, or one of the fields Tier, Balance in it."),
        (b"'hush'", "the module Contacts, or one of the fields Tier, Balance in it."),
    ],
)
def test_what_the_crm_has_in_quotes_is_named(body, sentence):
    told = said(naming(answered(body)), "Tier", "Balance")

    assert told == f"Crm does not know {sentence}"


@pytest.mark.parametrize(
    ("known", "sentence"),
    [
        (("Balance",), "the field Tier in Contacts."),
        (("Other",), "one of the fields Tier, Balance in Contacts."),
        (("Tier", "Balance"), "the module Contacts, or one of the fields Tier, Balance in it."),
    ],
)
def test_what_is_not_among_the_fields_that_were_read_is_named(known, sentence):
    told = said(naming(unknown("Crm"), *known), "Tier", "Balance")

    assert told == f"Crm does not know {sentence}"


def test_the_field_that_is_searched_may_be_the_one():
    told = said(naming(unknown("Crm"), "Tier"), "Tier", who=KeyedDigits("4711", "AccountNo"))

    assert told == "Crm does not know the field AccountNo in Contacts."


def test_a_request_that_is_rejected_is_said_to_be_so():
    error = by_status("Crm", HttpAnswer(404, {}, b""))

    assert said(naming(error), "Tier") == (
        "Crm rejected the request (404): it may not know the module Contacts, or the field Tier "
        "in it."
    )


@pytest.mark.parametrize("known", [("Name",), ()])
def test_a_module_without_phone_fields_is_told_from_one_that_there_is_not(known):
    told = said(naming(without_phones("Crm", "Contacts", known)), "Tier")

    assert told == (
        "Contacts of Crm has no phone fields, so callers can't be found in it. "
        "Choose another module."
        if known
        else "Crm does not know the module Contacts, or the field Tier in it."
    )


def test_what_is_typed_stays_in_one_line_and_short():
    told = said(naming(unknown("Crm")), "a\nb\x00c", "d" * 900)

    assert (
        told
        == f"Crm does not know the module Contacts, or one of the fields a b c, {'d' * 80} in it."
    )


def test_the_fields_of_a_module_that_there_is_not():
    with pytest.raises(CrmMisconfigured, match=r"^Crm does not know the module Planets\.$"):
        naming(unknown("Crm")).fields("Planets", soon())


@pytest.mark.parametrize("error", [CrmRefused("No."), CrmUnavailable("Away.")])
def test_other_trouble_is_left_alone(error):
    client = naming(error)

    for ask in (
        lambda: client.find(Search(CALLER, "Contacts", ()), CallFacts(), soon()),
        lambda: client.fields("Contacts", soon()),
        lambda: client.sign_in(soon()),
    ):
        with pytest.raises(type(error)) as caught:
            ask()
        assert caught.value is error


def test_the_crm_is_not_asked_once_more():
    client = naming(unknown("Crm"))

    said(client, "Tier")

    told = client.book.fields("Contacts", lambda *_: [Field("Tier", "Tier")], soon())
    assert [one.name for one in told] == ["Tier"]


def test_an_answer_is_passed_on():
    client = NamingClient(Failing(), MemoryBook())

    assert client.find(Search(CALLER, "Contacts", ()), CallFacts(), soon()) == NotFound()
    assert client.modules(soon()) == ["Contacts"]
