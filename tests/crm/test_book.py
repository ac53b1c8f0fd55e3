"""What is known of a CRM's fields: read once, and never in the way of a search."""

import pytest

from voiceapp.crm.book import MemoryBook
from voiceapp.crm.contract import (
    CrmBadAnswer,
    CrmCredentialsRefused,
    CrmError,
    CrmMisconfigured,
    CrmNotPermitted,
    CrmOutOfTime,
    CrmRefused,
    CrmThrottled,
    CrmUnavailable,
)
from voiceapp.crm.deadline import Deadline
from voiceapp.crm.fields import Field

PLENTY = Deadline.after(600)


class Crm:
    """Tells one field, named after the module, unless there is trouble."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Deadline]] = []
        self.trouble: CrmError | None = None

    def describe(self, module: str, deadline: Deadline) -> tuple[Field, ...]:
        self.asked.append((module, deadline))
        if self.trouble:
            raise self.trouble
        return (Field(f"{module}_tier", "Tier"),)


@pytest.fixture
def crm() -> Crm:
    return Crm()


@pytest.fixture
def book() -> MemoryBook:
    return MemoryBook()


def test_the_fields_of_each_module_are_read_once(book, crm):
    for _ in range(3):
        for module in ("Contacts", "Leads"):
            told = book.fields(module, crm.describe, PLENTY)
            assert told == (Field(f"{module}_tier", "Tier"),)

    assert crm.asked == [("Contacts", PLENTY), ("Leads", PLENTY)]


@pytest.mark.parametrize("kind", [CrmRefused, CrmNotPermitted, CrmMisconfigured, CrmBadAnswer])
def test_a_crm_that_does_not_tell_its_fields_may_still_be_searched(book, crm, kind):
    crm.trouble = kind("It doesn't tell.")

    assert [book.fields("Contacts", crm.describe, PLENTY) for _ in range(2)] == [(), ()]
    assert len(crm.asked) == 1


@pytest.mark.parametrize(
    "kind", [CrmUnavailable, CrmOutOfTime, CrmThrottled, CrmCredentialsRefused]
)
def test_trouble_that_a_search_would_meet_as_well_is_told_and_not_remembered(book, crm, kind):
    crm.trouble = kind("It is away.")

    with pytest.raises(kind, match=r"^It is away\.$"):
        book.fields("Contacts", crm.describe, PLENTY)
    crm.trouble = None

    assert book.fields("Contacts", crm.describe, PLENTY) == (Field("Contacts_tier", "Tier"),)
