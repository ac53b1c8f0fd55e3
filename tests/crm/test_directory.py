"""The built-in directory as a CRM, over records in memory."""

import threading
from collections.abc import Iterator, Mapping, Sequence

import pytest

from voiceapp.crm.bounded import Bounded
from voiceapp.crm.contract import (
    Answer,
    Caller,
    CallFacts,
    CrmUnavailable,
    FieldValue,
    Found,
    KeyedDigits,
    NotFound,
    Search,
)
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.directory import PHONE, DirectoryAway, DirectoryClient
from voiceapp.crm.match import Candidate
from voiceapp.crm.phone import compact

CALLER = Caller("+12025550104")


class Records:
    """A directory in memory; a record is found by compact numbers and by the text of a field."""

    def __init__(self) -> None:
        self.modules: dict[str, list[Candidate]] = {}
        self.is_away = False

    def add(self, *phones: str, module: str = "Contacts", **fields: FieldValue) -> Candidate:
        record = Candidate(phones, fields)
        self.modules.setdefault(module, []).append(record)
        return record

    def find(
        self, module: str, field: str, values: Sequence[str], limit: int
    ) -> Sequence[Candidate]:
        if self.is_away:
            raise DirectoryAway
        return [
            record
            for record in self.modules.get(module, [])
            if not set(values).isdisjoint(_keys(record.phones, record.fields, field))
        ]


def _keys(phones: Sequence[str], fields: Mapping[str, FieldValue], field: str) -> list[str]:
    if field == PHONE:
        return [compact(phone) for phone in phones]
    return [str(fields[field]).strip()] if field in fields else []


@pytest.fixture
def records() -> Records:
    return Records()


@pytest.fixture
def ask(records: Records):
    """Ask the directory: `ask(who, "Tier", …, country="US")`."""

    def ask(who, *fields: str, module: str = "Contacts", country: str = "US") -> Answer:
        client = DirectoryClient(records.find, country, Bounded())
        return client.find(Search(who, module, fields), CallFacts(), Deadline.after(10))

    return ask


@pytest.mark.parametrize(
    "stored",
    [
        "+12025550104",
        "+1 202-555-0104",
        "12025550104",
        "(202) 555-0104",
        "202.555.0104",
        "2025550104",
        "tel:+1-202-555-0104",
    ],
)
def test_a_contact_is_found_however_its_number_is_spelled(records, ask, stored):
    records.add("+12025550199", Tier="Silver")
    records.add("call the office", stored, Tier="Gold")

    assert ask(CALLER, "Tier") == Found({"Tier": "Gold"}, "phone number", stored)


def test_a_number_without_a_country_code_is_one_of_the_installations_country(records, ask):
    records.add("030 1234567", Tier="Gold")

    berliner = Caller("+49301234567")

    assert ask(berliner, "Tier", country="DE") == Found(
        {"Tier": "Gold"}, "phone number", "030 1234567"
    )
    assert ask(berliner, "Tier", country="US") == NotFound()


def test_a_likely_record_with_another_number_is_not_the_callers(records, ask):
    records.add("2025550104", Tier="Gold")

    assert ask(Caller("+442025550104"), "Tier") == NotFound()


def test_every_field_asked_for_is_answered_and_no_other(records, ask):
    records.add("+12025550104", Tier="Gold", Balance="1,250.00", Secret="x")

    assert ask(CALLER, "Balance", "Email", "Tier") == Found(
        {"Balance": "1,250.00", "Email": None, "Tier": "Gold"}, "phone number", "+12025550104"
    )


def test_a_stranger_is_not_found(records, ask):
    records.add("+12025550199", Tier="Gold")

    assert ask(CALLER, "Tier") == NotFound()


def test_only_the_module_asked_for_is_searched(records, ask):
    records.add("+12025550104", module="Leads", Tier="Gold")

    assert ask(CALLER, "Tier") == NotFound()
    assert ask(CALLER, "Tier", module="Leads") == Found(
        {"Tier": "Gold"}, "phone number", "+12025550104"
    )


def test_of_two_contacts_with_one_number_none_is_chosen(records, ask):
    records.add("(202) 555-0104", Tier="Gold")
    records.add("+12025550104", Tier="Silver")

    assert ask(CALLER, "Tier").count == 2


def test_one_contact_with_a_number_twice_is_one(records, ask):
    records.add("(202) 555-0104", "+12025550104", Tier="Gold")

    assert ask(CALLER, "Tier") == Found({"Tier": "Gold"}, "phone number", "(202) 555-0104")


@pytest.mark.parametrize(
    ("stored", "digits", "is_found"),
    [
        ("1001", "1001", True),
        (" 1001 ", "1001", True),
        ("01001", "01001", True),
        ("01001", "1001", False),
        ("1001", "01001", False),
        ("10012", "1001", False),
        ("1,001", "1001", False),
        ("1001.0", "1001", False),
        ("*7#", "*7#", True),
    ],
)
def test_keyed_digits_are_text_in_the_field_they_are_searched_in(
    records, ask, stored, digits, is_found
):
    records.add("+12025550104", AccountNo=stored, Other=digits, Tier="Gold")

    answer = ask(KeyedDigits(digits, "AccountNo"), "Tier")

    assert answer == (Found({"Tier": "Gold"}, "AccountNo") if is_found else NotFound())


def test_of_two_contacts_with_the_digits_none_is_chosen(records, ask):
    records.add(AccountNo="1001", Tier="Gold")
    records.add(AccountNo="1001", Tier="Gold")

    assert ask(KeyedDigits("1001", "AccountNo"), "Tier").count == 2


@pytest.mark.parametrize("who", [CALLER, KeyedDigits("1001", "AccountNo")])
def test_a_store_that_finds_too_much_makes_nobody_the_caller(who):
    strangers = [
        Candidate(("+12025550199", "2025550105"), {"AccountNo": "01001"}),
        Candidate((), {"AccountNo": None}),
        Candidate(("call me",), {}),
    ]
    client = DirectoryClient(lambda *_: strangers, "US", Bounded())

    assert client.find(Search(who, "Contacts", ()), CallFacts(), Deadline.after(10)) == NotFound()


def test_a_store_that_is_away_is_trouble(records, ask):
    records.is_away = True

    with pytest.raises(CrmUnavailable, match=r"^The directory's database can't be reached\.$"):
        ask(CALLER, "Tier")


@pytest.fixture
def hanging() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def test_a_store_that_hangs_is_trouble_when_the_budget_is_gone(hanging):
    def find(*_: object) -> Sequence[Candidate]:
        hanging.wait()
        return []

    client = DirectoryClient(find, "US", Bounded())

    with pytest.raises(CrmUnavailable, match=r"^The directory gave no answer within the budget\.$"):
        client.find(Search(CALLER, "Contacts", ("Tier",)), CallFacts(), Deadline.after(0.05))
