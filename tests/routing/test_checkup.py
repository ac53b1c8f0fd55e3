"""What is said of a CRM that was tried: whether it works, and which modules come first."""

import pytest

from voiceapp.crm.contract import CrmCredentialsRefused, CrmUnavailable
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.trace import Step
from voiceapp.routing.checkup import Checkup
from voiceapp.routing.greeting import Greeting, greet
from voiceapp.routing.rehearsal import Rehearsal

LET_IN = Greeting(seen=("signed in", "3 modules"))
ADVICE = CrmCredentialsRefused.advice


class Crm:
    """Has the modules it was given, and asks once for each thing."""

    def __init__(self, *modules: str) -> None:
        self.listed = modules
        self.steps: list[Step] = []
        self.trouble: Exception | None = None

    def sign_in(self, deadline: Deadline) -> None:
        self.steps.append(Step("POST https://crm.test/token", 200, 12))

    def modules(self, deadline: Deadline) -> tuple[str, ...]:
        self.steps.append(Step("GET https://crm.test/modules", 200, 30))
        if self.trouble:
            raise self.trouble
        return self.listed


@pytest.mark.parametrize(
    ("checkup", "verdict"),
    [
        (Checkup(LET_IN), "It works. Signed in, 3 modules."),
        (
            Checkup(LET_IN, Rehearsal("1", outcome="found", records=1), "Contacts", "Ada Gold"),
            "It works. Signed in, 3 modules; found the record of Ada Gold in Contacts.",
        ),
        (
            Checkup(LET_IN, Rehearsal("1", outcome="found", records=1), "Visits"),
            "It works. Signed in, 3 modules; found one record in Visits.",
        ),
        (
            Checkup(LET_IN, Rehearsal("1", outcome="not found"), "Leads"),
            "It works. Signed in, 3 modules; nobody in Leads has this number.",
        ),
        (
            Checkup(LET_IN, Rehearsal("1", outcome="several found", records=2), "Leads"),
            "It works. Signed in, 3 modules; 2 records in Leads have this number.",
        ),
        (
            Checkup(Greeting(), Rehearsal("1", outcome="not found")),
            "It works. Nobody has this number.",
        ),
        (Checkup(LET_IN, Rehearsal("x", fault="Type a phone number.")), Checkup(LET_IN).verdict),
        (Checkup(Greeting()), ""),
        (
            Checkup(Greeting(error=CrmCredentialsRefused("It did not accept the credentials."))),
            f"It does not work: It did not accept the credentials. {ADVICE}",
        ),
        (
            Checkup(
                LET_IN, Rehearsal("1", trouble="It knows no such field.", advice="Choose one.")
            ),
            "It does not work: It knows no such field. Choose one.",
        ),
    ],
)
def test_the_verdict_is_a_plain_sentence(checkup, verdict):
    assert checkup.verdict == verdict


def test_modules_that_people_know_come_before_technical_ones():
    technical = [f"x.{number}" for number in range(20)]
    crm = Crm("Cases", "Accounts", *technical, "Contacts", "Opportunities")

    greeting = greet(crm, crm.steps, ["Contacts", "Leads", "Accounts"])

    assert greeting.known == ("Contacts", "Accounts", "Cases", "Opportunities")
    assert greeting.others == tuple(technical)
    assert greeting.sentences == (
        "Signed in in 12 ms.",
        "It has the modules Contacts, Accounts, Cases, Opportunities and 20 more "
        "(listed in 30 ms).",
    )
    assert greeting.seen == ("signed in", "24 modules")


def test_a_short_list_is_named_as_a_whole():
    crm = Crm("visit", "Contacts")

    greeting = greet(crm, crm.steps, ["Contacts"])

    assert (greeting.known, greeting.others) == (("Contacts", "visit"), ())


def test_of_a_long_list_that_nobody_knows_the_first_are_named():
    crm = Crm(*(f"x.{number}" for number in range(20)))

    greeting = greet(crm, crm.steps, ["Contacts"])

    assert (len(greeting.known), len(greeting.others)) == (12, 8)


def test_what_was_seen_before_the_trouble_is_still_told():
    crm = Crm()
    crm.trouble = CrmUnavailable("It is away.")

    greeting = greet(crm, crm.steps, ["Contacts"])

    assert (greeting.sentences, greeting.error) == (("Signed in in 12 ms.",), crm.trouble)
