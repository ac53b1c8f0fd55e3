"""What was said in other calls, as rules use it and explanations tell it."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from cryptography.fernet import Fernet

from tests.crm.crms import FOUND, Clock, FakeCrm, MemoryBoard
from voiceapp.crm.breaker import FAILURES, Breakers
from voiceapp.crm.contract import Caller, CrmOutOfTime, CrmUnavailable, Found
from voiceapp.crm.lookup import Lookup
from voiceapp.routing.clients import Clients
from voiceapp.routing.inquiry import Inquirer, Inquiry
from voiceapp.routing.table import compile_plan
from voiceapp.rules import decide as rules
from voiceapp.rules.plan import Installation, Integration, Plan
from voiceapp.rules.rule import Destination, DestinationKind, FindBy, Location, Outcome, Rule
from voiceapp.twiml.call import IncomingCall
from voiceapp.vault import Vault

ADA, SAM = "+12025550101", "+12025550102"
SALES, SUPPORT = "+12025550180", "+12025550181"
GENERAL = Destination(DestinationKind.QUEUE, "general")
ODOO = Integration("crm", "Odoo", "odoo", "https://odoo.example.com")
RULE = Rule("VIP", Location.IVR, "crm", "Contacts", "Tier", (), dict.fromkeys(Outcome, GENERAL))


def custom(query: str) -> Integration:
    return Integration("crm", "Web shop", "custom", f"https://shop.example.com/{query}")


@pytest.fixture
def clock() -> Clock:
    return Clock(1_000_000)


@pytest.fixture
def crm(clock: Clock) -> FakeCrm:
    crm = FakeCrm(clock)
    crm.seconds = 0.04
    return crm


@pytest.fixture
def vault() -> Vault:
    return Vault([Fernet.generate_key().decode()])


@pytest.fixture
def clients(crm: FakeCrm, vault: Vault) -> Clients:
    def client_for(integration: Integration, secrets: Mapping[str, str], country: str) -> FakeCrm:
        return crm

    return Clients(client_for, vault)


@pytest.fixture
def inquire(clients: Clients, clock: Clock):
    """Look somebody up in a call of their own."""
    inquirer = Inquirer(clients, Lookup(clock))
    calls = iter(range(1_000))

    def inquire(
        rule: Rule = RULE, integration: Integration = ODOO, country: str = "US", **call: str
    ) -> Inquiry:
        plan = Plan(Installation(GENERAL, country), rules=(rule,), integrations=(integration,))
        facts = {"sid": f"CA{next(calls)}", "caller": ADA, "called": SALES} | call
        return inquirer.inquire(rule, IncomingCall(**facts), compile_plan(plan, 1))

    return inquire


def test_an_explanation_gives_the_age_of_what_counts(inquire, crm, clock):
    inquire()
    clock.now += 130

    inquiry = inquire()

    assert inquiry.sentence == (
        "Asked Odoo for Contacts by the phone number +1 202-555-0101: "
        "1 found 2 minutes ago, which still counts."
    )
    assert inquiry.answer == rules.Found("Gold")
    assert inquiry.record["age"] == 130
    assert len(crm.asked) == 1


def test_an_explanation_says_what_an_old_answer_stands_in_for(inquire, crm, clock, caplog):
    inquire()
    clock.now += 1800
    crm.answer, crm.seconds = CrmOutOfTime("The CRM took longer than the budget."), 3

    inquiry = inquire()

    assert inquiry.sentence == (
        "Asked Odoo for Contacts by the phone number +1 202-555-0101: "
        "1 found 30 minutes ago, which counts as it failed in 3,000 ms. "
        "The CRM took longer than the budget."
    )
    assert inquiry.answer == rules.Found("Gold")
    assert inquiry.record["trouble"] == "The CRM took longer than the budget."
    assert "The CRM of rule VIP failed: The CRM took longer than the budget." in caplog.text


def test_the_next_rule_of_the_call_says_the_same_of_an_old_answer(inquire, crm, clock, caplog):
    inquire()
    clock.now += 1800
    crm.answer = CrmUnavailable("The CRM is away.")
    first = inquire(sid="CA")
    clock.now += 60

    second = inquire(sid="CA")

    assert second.sentence == (
        "Asked Odoo for Contacts by the phone number +1 202-555-0101: "
        "1 found 31 minutes ago, which counts as it failed earlier in this call. "
        "The CRM is away."
    )
    assert first.record["trouble"] == second.record["trouble"] == "The CRM is away."
    assert caplog.messages == ["The CRM of rule VIP failed: The CRM is away."]


def test_the_next_rule_of_the_call_says_that_the_answer_was_remembered(inquire, clock):
    inquire()
    clock.now += 130
    inquire(sid="CA")

    assert inquire(sid="CA").sentence == (
        "Asked Odoo for Contacts by the phone number +1 202-555-0101: "
        "1 found 2 minutes ago, which counted earlier in this call."
    )


def test_an_explanation_says_that_nobody_was_asked(crm, clients, clock):
    breakers = Breakers([MemoryBoard()], clock)
    inquirer = Inquirer(clients, Lookup(clock, breakers=breakers))
    table = compile_plan(Plan(Installation(GENERAL), rules=(RULE,), integrations=(ODOO,)), 1)

    def inquire(sid: str, caller: str) -> Inquiry:
        return inquirer.inquire(RULE, IncomingCall(sid=sid, caller=caller, called=SALES), table)

    inquire("CA", ADA)
    clock.now += 1800
    crm.answer = CrmUnavailable("It is away.")
    for number in range(FAILURES):
        inquire(f"CA{number}", SAM)

    assert inquire("CB", SAM).sentence == (
        "Did not ask Odoo for Contacts by the phone number +1 202-555-0102: it is left alone."
    )
    for _ in range(2):
        assert inquire("CB", ADA).sentence == (
            "Did not ask Odoo for Contacts by the phone number +1 202-555-0101: "
            "1 found 30 minutes ago, which counts instead. "
            "It was not asked, as it is left alone while it fails: It is away."
        )


def test_a_rule_that_wants_nothing_old_takes_none(inquire, crm):
    rule = replace(RULE, fresh=0, stale=0)
    inquire(rule)
    crm.answer = CrmUnavailable("It is away.")

    assert inquire(rule).answer == rules.Failed("It is away.")


@pytest.mark.parametrize(
    "changed",
    [
        {"integration": replace(ODOO, url="https://other.example.com")},
        {"integration": replace(ODOO, options={"account": "other"})},
        {"country": "DE"},
    ],
    ids=["address", "option", "country"],
)
def test_what_was_said_under_another_setup_does_not_count(inquire, crm, changed):
    inquire()
    crm.answer = Found({"Tier": "Silver"}, "phone number")

    assert inquire(**changed).answer == rules.Found("Silver")


def test_what_was_said_to_another_user_does_not_count(inquire, crm, clients, vault):
    inquire()
    crm.answer = Found({"Tier": "Silver"}, "phone number")

    clients.take_credentials(
        {"crm": {"https://odoo.example.com:443": vault.seal({"password": "other"})}}
    )

    assert inquire().answer == rules.Found("Silver")


def test_what_one_rule_wants_longer_is_kept_whichever_rule_asked(crm, clients, clock):
    day, short = replace(RULE, stale=86_400), replace(RULE, name="Short", fresh=30, stale=30)
    plan = Plan(Installation(GENERAL), rules=(day, short), integrations=(ODOO,))
    table, inquirer = compile_plan(plan, 1), Inquirer(clients, Lookup(clock))
    inquirer.inquire(short, IncomingCall(sid="CA1", caller=ADA), table)
    crm.answer = CrmUnavailable("It is away.")
    clock.now += 3600

    inquiry = inquirer.inquire(day, IncomingCall(sid="CA2", caller=ADA), table)

    assert inquiry.answer == rules.Found("Gold")


def test_the_directory_is_asked_anew_each_time_and_stands_in_for_itself(inquire, crm, clock):
    directory = Integration("crm", "Directory", "directory")
    inquire(integration=directory)
    crm.answer = Found({"Tier": "Silver"}, "phone number")
    assert inquire(integration=directory).answer == rules.Found("Silver")

    crm.answer = CrmUnavailable("It is away.")
    assert inquire(integration=directory).answer == rules.Found("Silver")


@pytest.mark.parametrize(
    ("query", "other_call", "is_asked_again"),
    [
        ("find", {}, False),
        ("find", {"called": SUPPORT}, True),
        ("find?number={caller}", {"called": SUPPORT}, False),
        ("find?number={caller}&to={called}", {"called": SUPPORT}, True),
        ("find?number={caller}&id={call_id}", {}, True),
    ],
)
def test_a_custom_url_is_asked_again_when_it_is_told_something_else(
    inquire, crm, query, other_call, is_asked_again
):
    inquire(integration=custom(query))

    inquire(integration=custom(query), **other_call)

    assert len(crm.asked) == (2 if is_asked_again else 1)


def test_a_custom_url_that_is_told_who_calls_is_asked_again_for_the_same_digits(inquire, crm):
    keyed = replace(RULE, find_by=FindBy.DIGITS, search_field="AccountNo")
    for query in ("find?no={digits}", "find?no={digits}&number={caller}"):
        inquire(keyed, custom(query), digits="1001")
        inquire(keyed, custom(query), digits="1001", caller=SAM)

    assert len(crm.asked) == 3


def test_what_is_only_tried_takes_nothing_from_calls_and_leaves_nothing_to_them(
    inquire, crm, clients, clock
):
    lookup = Lookup(clock)
    calling, trying = Inquirer(clients, lookup), Inquirer(clients, lookup, is_trying=True)
    plan = Plan(Installation(GENERAL), rules=(RULE,), integrations=(ODOO,))
    table = compile_plan(plan, 1)

    for number, inquirer in enumerate((trying, calling, trying, calling)):
        call = IncomingCall(sid=f"CA{number}", caller=ADA, called=SALES)
        assert inquirer.inquire(RULE, call, table).answer == rules.Found("Gold")

    assert [search.who for search, _ in crm.asked] == [Caller(ADA)] * 3
    assert crm.answer == FOUND


def test_a_crm_that_is_left_alone_is_logged_no_more(crm, clients, clock, caplog):
    breakers = Breakers([MemoryBoard()], clock)
    inquirer = Inquirer(clients, Lookup(clock, breakers=breakers))
    table = compile_plan(Plan(Installation(GENERAL), rules=(RULE,), integrations=(ODOO,)), 1)
    crm.answer = CrmUnavailable("It is away.")

    answers = [
        inquirer.inquire(RULE, IncomingCall(sid=f"CA{number}", caller=ADA), table).answer
        for number in range(FAILURES + 3)
    ]

    assert all(isinstance(answer, rules.Failed) for answer in answers)
    assert caplog.messages == ["The CRM of rule VIP failed: It is away."] * FAILURES
