"""Several modules searched in one budget, and which of several records counts."""

import logging
from dataclasses import dataclass, field, replace
from decimal import Decimal

import pytest
from cryptography.fernet import Fernet

from voiceapp.crm import contract as crm
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.lookup import Lookup
from voiceapp.routing.clients import Clients
from voiceapp.routing.inquiry import Inquirer
from voiceapp.routing.table import Table, compile_plan
from voiceapp.rules import decide as rules
from voiceapp.rules.plan import Installation, Integration, Plan
from voiceapp.rules.rule import Destination, DestinationKind, FindBy, Location, Prefer, Rule
from voiceapp.twiml.call import IncomingCall
from voiceapp.vault import Vault

ADA = IncomingCall(sid="CA1", caller="+12025550101", called="+12025550180", digits="4711")
GENERAL = Destination(DestinationKind.QUEUE, "general")
TIER = Rule(
    name="VIP",
    location=Location.IVR,
    integration="odoo",
    module="Contacts",
    field="Tier",
    conditions=(),
    outcomes={},
    budget=Decimal("1.5"),
    then_modules=("Leads", "Accounts"),
)
KEYED = replace(TIER, find_by=FindBy.DIGITS, search_field="No")
BY_BALANCE = replace(TIER, prefer=Prefer.HIGHEST, prefer_field="Balance")

FOUND = crm.Found({"Tier": "Gold"}, "phone number", "+12025550101")
FAILED = crm.CrmUnavailable("It is away.")
BY = "Asked Odoo for Contacts by the phone number +1 202-555-0101:"
RECORD = {"integration": "odoo", "by": "caller", "age": 0}


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class FakeCrm:
    """Answers for each module what it was given, after a quarter of a second; finds nobody else."""

    clock: Clock
    answers: dict[str, crm.Answer | crm.CrmError] = field(default_factory=dict)
    asked: list[tuple[crm.Search, float]] = field(default_factory=list)

    def find(self, search: crm.Search, call: crm.CallFacts, deadline: Deadline) -> crm.Answer:
        self.asked.append((search, deadline.remaining()))
        if deadline.has_passed():
            raise crm.CrmOutOfTime("It gave no answer within the budget.")
        self.clock.now += 0.25
        answer = self.answers.get(search.module, crm.NotFound())
        if isinstance(answer, crm.CrmError):
            raise answer
        return answer

    @property
    def modules(self) -> list[str]:
        return [search.module for search, _ in self.asked]


@pytest.fixture
def client() -> FakeCrm:
    return FakeCrm(Clock())


@pytest.fixture
def inquirer(client: FakeCrm) -> Inquirer:
    vault = Vault([Fernet.generate_key().decode()])
    return Inquirer(Clients(lambda *_: client, vault), Lookup(client.clock))


def table_of(*rules: Rule) -> Table:
    odoo = Integration("odoo", "Odoo", "odoo")
    return compile_plan(Plan(Installation(GENERAL), rules=rules, integrations=(odoo,)), 1)


def several(*records: tuple[object, object, object], seen: int = 0) -> crm.Several:
    """Return several records, each with Tier, Balance and when it was created."""
    told = tuple(
        crm.Record({"Tier": tier, "Balance": balance}, created, "+12025550101")
        for tier, balance, created in records
    )
    return crm.Several(seen or len(told), told)


@pytest.mark.parametrize(
    ("answer", "decided", "told", "kept"),
    [
        (
            FOUND,
            rules.Found("Gold"),
            "1 found",
            {
                "answer": "found",
                "matched_by": "phone number",
                "stored": "+12025550101",
                "values": {"Tier": "Gold"},
            },
        ),
        (
            crm.Several(2),
            rules.Several(2),
            "2 found",
            {"answer": "several found", "count": 2},
        ),
        (
            FAILED,
            rules.Failed("It is away."),
            "it failed",
            {"answer": "CRM failed", "error": "CrmUnavailable", "reason": "It is away."},
        ),
    ],
)
def test_modules_are_searched_in_turn_until_one_has_an_answer(
    inquirer, client, answer, decided, told, kept
):
    client.answers["Leads"] = answer

    inquiry = inquirer.inquire(TIER, ADA, table_of(TIER))

    assert client.modules == ["Contacts", "Leads"]
    assert inquiry.answer == decided
    assert inquiry.reply.answer == answer
    assert inquiry.sentence == f"{BY} none found in 250 ms. Then in Leads: {told} in 250 ms."
    assert inquiry.record == {
        **RECORD,
        "module": "Leads",
        "ms": 500,
        **kept,
        "before": ["Contacts"],
    }


def test_the_first_module_that_has_an_answer_is_the_only_one_asked(inquirer, client):
    client.answers |= {"Contacts": FOUND, "Leads": FAILED}

    inquiry = inquirer.inquire(TIER, ADA, table_of(TIER))

    assert client.modules == ["Contacts"]
    assert inquiry.sentence == f"{BY} 1 found in 250 ms."
    assert "before" not in inquiry.record


def test_who_is_in_no_module_is_not_found(inquirer, client):
    inquiry = inquirer.inquire(TIER, ADA, table_of(TIER))

    assert inquiry.answer == rules.NotFound()
    assert inquiry.sentence == (
        f"{BY} none found in 250 ms. Then in Leads: none found in 250 ms."
        " Then in Accounts: none found in 250 ms."
    )
    assert inquiry.record == {
        **RECORD,
        "module": "Accounts",
        "ms": 750,
        "answer": "not found",
        "before": ["Contacts", "Leads"],
    }


def test_all_modules_share_one_budget(inquirer, client):
    rule = replace(TIER, budget=Decimal("0.5"))

    inquiry = inquirer.inquire(rule, ADA, table_of(rule))

    assert [left for _, left in client.asked] == [0.5, 0.25]
    assert inquiry.answer == rules.Failed("The budget was over before Accounts could be searched.")


def test_each_module_is_asked_for_what_rules_read_of_it(inquirer, client):
    elsewhere = replace(TIER, name="Level", module="Leads", then_modules=(), field="Level")

    inquirer.inquire(KEYED, ADA, table_of(KEYED, elsewhere))

    assert [search.fields for search, _ in client.asked] == [
        ("Tier",),
        ("Level", "Tier"),
        ("Tier",),
    ]
    assert {search.who for search, _ in client.asked} == {crm.KeyedDigits("4711", "No")}


def test_a_module_that_was_searched_in_this_call_is_not_asked_again(inquirer, client):
    client.answers["Accounts"] = FOUND
    turned = replace(TIER, name="Turned", module="Leads", then_modules=("Contacts", "Accounts"))
    table = table_of(TIER, turned)
    inquirer.inquire(TIER, ADA, table)
    client.clock.now += 60

    inquiry = inquirer.inquire(turned, ADA, table)

    assert client.modules == ["Contacts", "Leads", "Accounts"]
    assert inquiry.sentence == (
        "Asked Odoo for Leads by the phone number +1 202-555-0101: none found earlier in this"
        " call. Then in Contacts: none found earlier in this call."
        " Then in Accounts: 1 found earlier in this call."
    )
    assert (inquiry.record["ms"], inquiry.record["age"]) == (0, 60)


def test_a_failure_in_a_later_module_is_logged(inquirer, client, caplog):
    client.answers["Leads"] = FAILED

    inquirer.inquire(TIER, ADA, table_of(TIER))

    assert caplog.record_tuples == [
        (
            "voiceapp.routing.inquiry",
            logging.WARNING,
            "The CRM of rule VIP failed: It is away.",
        )
    ]


@pytest.mark.parametrize(
    ("prefer", "order"),
    [
        (Prefer.NONE, None),
        (Prefer.NEWEST, crm.Order()),
        (Prefer.HIGHEST, crm.Order("Balance", is_highest=True)),
        (Prefer.LOWEST, crm.Order("Balance", is_highest=False)),
    ],
)
def test_the_crm_is_told_which_of_several_counts(inquirer, client, prefer, order):
    rule = replace(BY_BALANCE, prefer=prefer)

    inquirer.inquire(rule, ADA, table_of(rule))

    assert [search.order for search, _ in client.asked] == [order] * 3


RECORDS = [("Gold", 40, "2026-11-20"), ("Silver", "1,250.00", "2026-11-21"), ("Iron", -5, None)]


@pytest.mark.parametrize(
    ("prefer", "tier", "counts"),
    [
        (Prefer.NEWEST, "Silver", "The newest counts."),
        (Prefer.HIGHEST, "Silver", "The one with the highest Balance counts."),
        (Prefer.LOWEST, "Iron", "The one with the lowest Balance counts."),
    ],
)
def test_the_one_of_several_that_counts_is_as_if_it_were_the_only_one(
    inquirer, client, prefer, tier, counts
):
    rule = replace(BY_BALANCE, prefer=prefer)
    client.answers["Contacts"] = several(*RECORDS, seen=7)

    inquiry = inquirer.inquire(rule, ADA, table_of(rule))

    assert inquiry.answer == rules.Found(tier)
    assert inquiry.sentence == f"{BY} 7 found in 250 ms. {counts}"
    values = inquiry.record.pop("values")
    assert values["Tier"] == tier
    assert inquiry.record == {
        **RECORD,
        "module": "Contacts",
        "ms": 250,
        "answer": "found",
        "matched_by": "phone number",
        "stored": "+12025550101",
        "several": 7,
        "preferred": prefer.value,
    }


@pytest.mark.parametrize("records", [[], [("Gold", "much", None), ("Silver", None, "2026-11-21")]])
def test_if_nothing_tells_which_counts_they_stay_several(inquirer, client, records):
    client.answers["Contacts"] = several(*records, seen=3)

    inquiry = inquirer.inquire(BY_BALANCE, ADA, table_of(BY_BALANCE))

    assert inquiry.answer == rules.Several(3)
    assert inquiry.sentence == (
        f"{BY} 3 found in 250 ms. Nothing in them tells which of them counts."
    )
    assert inquiry.record == {
        **RECORD,
        "module": "Contacts",
        "ms": 250,
        "answer": "several found",
        "count": 3,
    }


def test_a_preference_changes_nothing_where_one_is_found(inquirer, client):
    client.answers["Contacts"] = FOUND

    inquiry = inquirer.inquire(BY_BALANCE, ADA, table_of(BY_BALANCE))

    assert inquiry.answer == rules.Found("Gold")
    assert inquiry.sentence == f"{BY} 1 found in 250 ms."
    assert "several" not in inquiry.record


def test_keyed_digits_stay_unsaid_in_the_one_that_counts(inquirer, client):
    rule = replace(KEYED, field="No", prefer=Prefer.NEWEST)
    client.answers["Contacts"] = crm.Several(
        2, tuple(crm.Record({"No": "4711"}, f"2026-11-2{day}") for day in (1, 2))
    )

    inquiry = inquirer.inquire(rule, ADA, table_of(rule))

    assert inquiry.answer == rules.Found("4711")
    assert inquiry.value_is_hidden
    assert (inquiry.record["matched_by"], inquiry.record["values"]) == ("No", {})
    assert "4711" not in str((inquiry.sentence, inquiry.record))
