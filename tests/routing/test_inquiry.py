"""What a rule asks its CRM, and what of the answer is compared, told and kept."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

import pytest
from cryptography.fernet import Fernet

from voiceapp.crm import contract as crm
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.lookup import Lookup, Reply
from voiceapp.routing.clients import Clients
from voiceapp.routing.inquiry import Inquirer, Inquiry
from voiceapp.routing.table import compile_plan
from voiceapp.routing.values import plain_value, to_value
from voiceapp.rules import decide as rules
from voiceapp.rules.plan import Installation, Integration, Plan
from voiceapp.rules.rule import Destination, DestinationKind, FindBy, Location, Outcome, Rule
from voiceapp.rules.values import Structure
from voiceapp.twiml.call import IncomingCall
from voiceapp.vault import Vault

ADA = IncomingCall(sid="CA1", caller="+12025550101", called="+12025550180")
DIGITS = "4711"
GENERAL = Destination(DestinationKind.QUEUE, "general")
TIER = Rule(
    name="VIP",
    location=Location.IVR,
    integration="directory",
    module="Contacts",
    field="Tier",
    conditions=(),
    outcomes=dict.fromkeys(Outcome, GENERAL),
    budget=Decimal("1.5"),
)
BALANCE = replace(TIER, name="Balance", field="Balance")
KEYED = replace(TIER, name="Account", find_by=FindBy.DIGITS, search_field="AccountNo")
ACCOUNT = replace(KEYED, name="Account itself", field="AccountNo")
PLAN = Plan(
    Installation(GENERAL, country="DE"),
    rules=(TIER, BALANCE),
    integrations=(Integration("directory", "Directory", "directory"),),
)
TABLE = compile_plan(PLAN, 1)
VAULT = Vault([Fernet.generate_key().decode()])
KEYED_TABLE = compile_plan(replace(PLAN, rules=(KEYED, ACCOUNT)), 1)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class FakeCrm:
    """A CRM with at most one record, which answers after a quarter of a second."""

    clock: Clock
    record: dict[str, crm.FieldValue] = field(default_factory=dict)
    stored: str | None = None
    error: crm.CrmError | None = None
    count: int = 1
    unknown: set[str] = field(default_factory=set)
    asked: list[tuple[object, ...]] = field(default_factory=list)

    def find(self, search: crm.Search, call: crm.CallFacts, deadline: Deadline) -> crm.Answer:
        who, fields = search.who, search.fields
        self.asked.append((who, search.module, fields, call, deadline.remaining()))
        self.clock.now += 0.25
        if self.error:
            raise self.error
        if not self.unknown.isdisjoint(fields):
            raise crm.CrmMisconfigured("There is no such field.")
        if self.count > 1:
            return crm.Several(self.count)
        if not self.record:
            return crm.NotFound()
        matched_by = who.field if isinstance(who, crm.KeyedDigits) else "phone number"
        return crm.Found({name: self.record.get(name) for name in fields}, matched_by, self.stored)


@pytest.fixture
def client() -> FakeCrm:
    return FakeCrm(Clock())


@pytest.fixture
def inquirer(client: FakeCrm) -> Inquirer:
    def client_for(integration: Integration, secrets: Mapping[str, str], country: str) -> FakeCrm:
        assert (integration.key, dict(secrets), country) == ("directory", {}, "DE")
        return client

    return Inquirer(Clients(client_for, VAULT), Lookup(client.clock))


def test_a_caller_is_looked_up_by_number_for_all_fields_of_the_module(inquirer, client):
    client.record, client.stored = {"Tier": "Gold", "Balance": 40}, "(202) 555-0101"

    inquiry = inquirer.inquire(TIER, ADA, TABLE)

    assert client.asked == [
        (
            crm.Caller("+12025550101"),
            "Contacts",
            ("Balance", "Tier"),
            crm.CallFacts("+12025550101", "+12025550180", "CA1"),
            1.5,
        )
    ]
    assert inquiry == Inquiry(
        answer=rules.Found("Gold"),
        sentence="Asked Directory for Contacts by the phone number +1 202-555-0101:"
        " 1 found in 250 ms."
        " The record has “(202) 555-0101”.",
        reply=Reply(
            crm.Found({"Balance": 40, "Tier": "Gold"}, "phone number", "(202) 555-0101"), 250, 0
        ),
        record={
            "integration": "directory",
            "module": "Contacts",
            "by": "caller",
            "ms": 250,
            "age": 0,
            "answer": "found",
            "matched_by": "phone number",
            "stored": "(202) 555-0101",
            "values": {"Balance": {"number": "40"}, "Tier": "Gold"},
        },
    )


def test_a_call_asks_one_question_for_all_its_rules(inquirer, client):
    client.record, client.stored = {"Tier": "Gold", "Balance": "1,250.00"}, "+12025550101"
    inquirer.inquire(TIER, ADA, TABLE)
    client.clock.now += 60

    inquiry = inquirer.inquire(BALANCE, ADA, TABLE)

    assert len(client.asked) == 1
    assert inquiry.answer == rules.Found("1,250.00")
    assert inquiry.sentence == (
        "Asked Directory for Contacts by the phone number +1 202-555-0101:"
        " 1 found earlier in this call."
    )
    assert (inquiry.record["ms"], inquiry.record["age"]) == (0, 60)


def test_another_call_is_a_question_of_its_own(inquirer, client):
    inquirer.inquire(TIER, ADA, TABLE)
    inquirer.inquire(TIER, replace(ADA, sid="CA2"), TABLE)

    assert len(client.asked) == 2


@pytest.mark.parametrize("caller", ["anonymous", "", "+266696687", "sip:ada@example.com"])
def test_a_caller_without_a_number_is_never_looked_up(inquirer, client, caller):
    inquiry = inquirer.inquire(TIER, replace(ADA, caller=caller), TABLE)

    assert inquiry == Inquiry(rules.Withheld())
    assert client.asked == []


def test_a_caller_who_keyed_nothing_is_never_looked_up(inquirer, client):
    assert inquirer.inquire(KEYED, ADA, KEYED_TABLE) == Inquiry(rules.NothingKeyed())
    assert client.asked == []


def test_keyed_digits_are_searched_as_text_and_told_to_nobody(inquirer, client):
    client.record = {"Tier": "Gold", "AccountNo": DIGITS}
    anonymous = replace(ADA, caller="anonymous", digits=DIGITS)

    inquiry = inquirer.inquire(KEYED, anonymous, KEYED_TABLE)

    assert client.asked == [
        (
            crm.KeyedDigits(DIGITS, "AccountNo"),
            "Contacts",
            ("AccountNo", "Tier"),
            crm.CallFacts("", "+12025550180", "CA1"),
            1.5,
        )
    ]
    assert inquiry == Inquiry(
        answer=rules.Found("Gold"),
        sentence="Asked Directory for Contacts by AccountNo, with the 4 digits keyed in:"
        " 1 found in 250 ms.",
        reply=Reply(crm.Found({"AccountNo": DIGITS, "Tier": "Gold"}, "AccountNo"), 250, 0),
        record={
            "integration": "directory",
            "module": "Contacts",
            "by": "AccountNo",
            "ms": 250,
            "age": 0,
            "answer": "found",
            "matched_by": "AccountNo",
            "stored": None,
            "values": {"Tier": "Gold"},
        },
    )


def test_a_rule_that_compares_the_keyed_digits_hides_them(inquirer, client):
    client.record = {"AccountNo": DIGITS}

    inquiry = inquirer.inquire(ACCOUNT, replace(ADA, digits=DIGITS), KEYED_TABLE)

    assert inquiry.answer == rules.Found(DIGITS)
    assert inquiry.value_is_hidden
    assert DIGITS not in str((inquiry.sentence, inquiry.record))


@pytest.mark.parametrize(
    ("digits", "value", "is_hidden"),
    [
        (DIGITS, DIGITS, True),
        (DIGITS, f" {DIGITS}\n", True),
        (DIGITS, f"Account {DIGITS}-0", True),
        (DIGITS, 4711, True),
        (DIGITS, Decimal("14711.5"), True),
        (DIGITS, ["vip", f"No. {DIGITS}"], True),
        (DIGITS, "471", False),
        ("0471", "471", True),
        (DIGITS, "4-7-1-1", True),
        (DIGITS, None, False),
        (DIGITS, {"No": DIGITS}, False),
        ("471", "471", True),
        ("471", "4711", False),
        ("7", "7", True),
        ("7", "Tier 7", False),
    ],
)
def test_the_digits_are_hidden_in_whatever_field_they_turn_up(
    inquirer, client, digits, value, is_hidden
):
    client.record = {"Tier": value, "AccountNo": "another"}

    inquiry = inquirer.inquire(KEYED, replace(ADA, digits=digits), KEYED_TABLE)

    assert inquiry.answer == rules.Found(to_value(value))
    assert inquiry.value_is_hidden is is_hidden
    assert ("Tier" in inquiry.record["values"]) is not is_hidden
    assert inquiry.record["values"]["AccountNo"] == "another"


def test_the_digits_are_hidden_where_another_field_is_compared(inquirer, client):
    client.record = {"Tier": "Gold", "AccountNo": f"No. {DIGITS}"}

    inquiry = inquirer.inquire(KEYED, replace(ADA, digits=DIGITS), KEYED_TABLE)

    assert not inquiry.value_is_hidden
    assert inquiry.record["values"] == {"Tier": "Gold"}


def test_what_a_caller_shows_is_not_hidden(inquirer, client):
    client.record = {"Tier": "+12025550101"}

    inquiry = inquirer.inquire(TIER, ADA, TABLE)

    assert not inquiry.value_is_hidden
    assert inquiry.record["values"]["Tier"] == "+12025550101"


@pytest.mark.parametrize(
    ("digits", "keyed"), [("7", "the digit keyed in"), ("007", "the 3 digits keyed in")]
)
def test_of_the_digits_only_their_count_is_told(inquirer, digits, keyed):
    inquiry = inquirer.inquire(KEYED, replace(ADA, digits=digits), KEYED_TABLE)

    assert inquiry.sentence == (
        f"Asked Directory for Contacts by AccountNo, with {keyed}: none found in 250 ms."
    )


@pytest.mark.parametrize("digits", ["007", "7", "*7"])
def test_the_digits_are_asked_for_as_they_were_keyed(inquirer, client, digits):
    inquirer.inquire(KEYED, replace(ADA, digits=digits), KEYED_TABLE)

    assert client.asked[0][0] == crm.KeyedDigits(digits, "AccountNo")


@pytest.mark.parametrize(
    ("state", "answer", "told", "kept"),
    [
        ({}, rules.NotFound(), "none found", {"answer": "not found"}),
        ({"count": 3}, rules.Several(3), "3 found", {"answer": "several found", "count": 3}),
        (
            {"error": crm.CrmUnavailable("The CRM gave no answer.")},
            rules.Failed("The CRM gave no answer."),
            "it failed",
            {
                "answer": "CRM failed",
                "error": "CrmUnavailable",
                "reason": "The CRM gave no answer.",
            },
        ),
    ],
)
def test_every_other_answer_is_told_and_kept(inquirer, client, state, answer, told, kept):
    for name, value in state.items():
        setattr(client, name, value)

    inquiry = inquirer.inquire(TIER, ADA, TABLE)

    asked = {"integration": "directory", "module": "Contacts", "by": "caller"}
    assert inquiry.answer == answer
    assert (
        inquiry.sentence
        == f"Asked Directory for Contacts by the phone number +1 202-555-0101: {told} in 250 ms."
    )
    assert inquiry.record == {**asked, "ms": 250, "age": 0, **kept}


def test_a_failure_is_logged_once_in_a_call_and_without_the_number(inquirer, client, caplog):
    client.error = crm.CrmUnavailable("The CRM gave no answer.")

    for rule in (TIER, BALANCE):
        inquiry = inquirer.inquire(rule, ADA, TABLE)
        assert inquiry.answer == rules.Failed("The CRM gave no answer.")
        client.clock.now += 5

    assert caplog.record_tuples == [
        (
            "voiceapp.routing.inquiry",
            logging.WARNING,
            "The CRM of rule VIP failed: The CRM gave no answer.",
        )
    ]


@pytest.mark.parametrize("state", [{}, {"record": {"Tier": "Gold"}}, {"count": 2}])
def test_an_answer_is_not_logged(inquirer, client, caplog, state):
    for name, value in state.items():
        setattr(client, name, value)

    inquirer.inquire(TIER, ADA, TABLE)

    assert caplog.records == []


def test_an_integration_that_can_not_be_used_is_a_failed_answer(client):
    def client_for(*_: object) -> FakeCrm:
        raise ValueError("There is no CRM of the kind zoho.")

    inquirer = Inquirer(Clients(client_for, VAULT), Lookup(client.clock))

    inquiry = inquirer.inquire(TIER, ADA, TABLE)

    assert inquiry.answer == rules.Failed("There is no CRM of the kind zoho.")
    assert inquiry.record["error"] == "CrmRefused"


def test_a_wrong_field_of_one_rule_spoils_no_other(inquirer, client):
    client.record = {"Tier": "Gold"}
    client.unknown = {"Balance"}

    right = inquirer.inquire(TIER, ADA, TABLE)
    wrong = inquirer.inquire(BALANCE, ADA, TABLE)

    assert right.answer == rules.Found("Gold")
    assert right.record["ms"] == 500
    assert wrong.answer == rules.Failed("There is no such field.")
    assert [fields for _, _, fields, *_ in client.asked] == [
        ("Balance", "Tier"),
        ("Tier",),
        ("Balance",),
    ]


def test_without_a_module_none_is_named(inquirer, client):
    rule = replace(TIER, module="")
    table = compile_plan(replace(PLAN, rules=(rule,)), 1)

    inquiry = inquirer.inquire(rule, ADA, table)

    assert (
        inquiry.sentence
        == "Asked Directory by the phone number +1 202-555-0101: none found in 250 ms."
    )


@pytest.mark.parametrize(
    ("sent", "value", "plain"),
    [
        (None, None, None),
        ("Gold ", "Gold ", "Gold "),
        (True, True, True),
        (40, Decimal(40), {"number": "40"}),
        (Decimal("1.50"), Decimal("1.50"), {"number": "1.50"}),
        (Decimal("NaN"), "NaN", "NaN"),
        (Decimal("-Infinity"), "-Infinity", "-Infinity"),
        ({"id": 1}, Structure(), {"structure": True}),
        ({}, None, None),
        ([], (), []),
        ([None, None], (), []),
        (
            ["vip", 3, None, False, {"id": 1}, ["nested"]],
            ("vip", Decimal(3), False, Structure(), Structure()),
            ["vip", {"number": "3"}, False, {"structure": True}, {"structure": True}],
        ),
    ],
)
def test_what_a_crm_sends_becomes_a_value_of_rules_and_of_the_journal(sent, value, plain):
    assert to_value(sent) == value
    assert type(to_value(sent)) is type(value)
    assert plain_value(value) == plain


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("x" * 4000, "x" * 4000),
        ("x" * 4001, "x" * 4000),
        (("x",) * 100, ["x"] * 100),
        (("x",) * 101, ["x"] * 100),
        (("x" * 5000, Decimal(1)), ["x" * 4000, {"number": "1"}]),
    ],
)
def test_of_long_texts_and_lists_the_journal_keeps_the_beginning(value, kept):
    assert plain_value(value) == kept


def test_what_the_journal_cuts_is_compared_whole(inquirer, client):
    client.record = {"Tier": "x" * 5000}

    inquiry = inquirer.inquire(TIER, ADA, TABLE)

    assert inquiry.answer == rules.Found("x" * 5000)
    assert inquiry.record["values"]["Tier"] == "x" * 4000
