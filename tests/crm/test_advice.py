"""What to do about trouble fits the kind of CRM it is with."""

import pytest

from voiceapp.crm import contract
from voiceapp.crm.advice import advice_of, advice_on_greeting
from voiceapp.crm.contract import (
    CrmBadAnswer,
    CrmCredentialsRefused,
    CrmError,
    CrmMisconfigured,
    CrmOutOfTime,
    CrmRefused,
    CrmUnavailable,
)
from voiceapp.crm.kind import URL
from voiceapp.crm.registry import CUSTOM_URL, KINDS

ERRORS = [
    one
    for one in vars(contract).values()
    if isinstance(one, type) and issubclass(one, CrmError) and one is not CrmError
]
TYPED = [key for key, kind in KINDS.items() if (ask := kind.ask(URL)) and not ask.choices]
FIXED = [key for key in KINDS if key not in TYPED]


def test_some_kinds_have_an_address_to_type_and_some_have_none():
    assert {"hubspot", "zoho", "bullhorn", "directory"} == set(FIXED)


@pytest.mark.parametrize("key", KINDS)
@pytest.mark.parametrize("error", ERRORS)
def test_every_error_has_an_advice_for_every_kind(key, error):
    advice = advice_of(error("It failed."), key)

    assert advice[0].isupper()
    assert advice.endswith(".")


@pytest.mark.parametrize("key", FIXED)
@pytest.mark.parametrize("error", ERRORS)
def test_where_no_address_is_typed_nobody_is_sent_to_look_at_it(key, error):
    assert "address" not in advice_of(error("It failed."), key)


@pytest.mark.parametrize("key", TYPED)
@pytest.mark.parametrize("error", [CrmUnavailable, CrmRefused, CrmBadAnswer])
def test_where_an_address_is_typed_it_may_be_wrong(key, error):
    assert "address" in advice_of(error("It failed."), key)


@pytest.mark.parametrize("key", KINDS)
def test_what_is_known_of_this_very_case_is_the_advice(key):
    assert advice_of(CrmRefused("No.", "Do this."), key) == "Do this."


@pytest.mark.parametrize("key", ["hubspot", "espocrm", CUSTOM_URL])
def test_what_an_address_has_no_part_in_is_the_same_for_all(key):
    for error in (CrmCredentialsRefused("No."), CrmOutOfTime("Late.")):
        assert advice_of(error, key) == error.advice


def test_who_has_no_modules_is_told_to_choose_none():
    error = CrmMisconfigured("The CRM rejected the request (400).")

    assert "module" not in advice_of(error, CUSTOM_URL)
    assert "module" in advice_of(error, "hubspot")


def test_while_only_the_connection_is_tested_nobody_is_sent_to_choose_a_module():
    error = CrmMisconfigured("EspoCRM rejected the request (415).")

    assert advice_on_greeting(error, "espocrm") == "Is this the address of EspoCRM?"
    assert "module" not in advice_on_greeting(error, "hubspot")
    refused = CrmCredentialsRefused("No.")
    assert advice_on_greeting(refused, "espocrm") == advice_of(refused, "espocrm")


def test_a_kind_that_is_not_there_any_more_has_the_usual_advice():
    assert advice_of(CrmRefused("No."), "bygone") == CrmRefused.advice
