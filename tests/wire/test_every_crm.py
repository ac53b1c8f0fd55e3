"""What every CRM has to do, asked at the wire of its stand-in."""

import logging
import traceback
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from tests.crm.https_server import Visit
from tests.wire.asking import Asking
from tests.wire.stand_ins import STAND_INS
from voiceapp.crm.contract import (
    Answer,
    CrmBadAnswer,
    CrmCredentialsRefused,
    CrmError,
    CrmMisconfigured,
    CrmNotPermitted,
    CrmOutOfTime,
    CrmRefused,
    CrmThrottled,
    CrmTooMany,
    CrmUnavailable,
    Found,
    NotFound,
    Order,
    Several,
)
from voiceapp.crm.fields import Field, FieldType
from voiceapp.crm.registry import CUSTOM_URL, DIRECTORY, KINDS
from voiceapp.routing.values import to_value
from voiceapp.rules.values import read_date

ADA = "+12025550101"


@pytest.fixture(params=STAND_INS, ids=lambda stand_in: stand_in.kind)
def asking(request: pytest.FixtureRequest, start: Callable[..., Asking]) -> Asking:
    return start(request.param)


def add(asking: Asking, phone: str = ADA, module: str = "Contacts", **fields: Any) -> str:
    """Add a record, with its number in the usual phone field and fields by their common names."""
    names = asking.crm.names
    named = {getattr(names, name): value for name, value in fields.items()}
    return asking.crm.add(module, **{names.phones[0]: phone, **named})


def value(asking: Asking, answer: Answer, name: str) -> object:
    """Return a value of the record that was found, as rules see it."""
    assert isinstance(answer, Found)
    return to_value(answer.values[getattr(asking.crm.names, name)])


def test_every_crm_has_a_stand_in():
    assert {one.kind for one in STAND_INS} == KINDS.keys() - {DIRECTORY, CUSTOM_URL}


@pytest.mark.parametrize(
    "stored",
    [
        "+12025550101",
        "12025550101",
        "2025550101",
        "(202) 555-0101",
        "+1 202-555-0101",
        "202-555-0101",
        "202.555.0101",
        "1-202-555-0101",
        "+1 (202) 555-0101",
    ],
)
def test_a_caller_is_found_however_the_number_is_spelled(asking, stored):
    add(asking, "+12025550199", tier="Silver")
    add(asking, stored, tier="Gold")

    answer = asking.caller(ADA, asking.crm.names.tier)

    assert value(asking, answer, "tier") == "Gold"
    assert (answer.matched_by, answer.stored) == ("phone number", stored)


@pytest.mark.parametrize(
    "stored",
    ["+12025550101 ext. 5", "(202) 555-0101 x5", "202-555-0101 ext 12", "+1 202-555-0101 #5"],
)
def test_an_extension_behind_a_number_does_not_make_it_anothers(asking, stored):
    if not asking.crm.finds_extensions:
        pytest.skip("It finds numbers only as they are written.")
    add(asking, stored, tier="Gold")
    add(asking, "+120255501011", tier="Silver")

    answer = asking.caller(ADA, asking.crm.names.tier)

    assert value(asking, answer, "tier") == "Gold"


def test_a_caller_is_found_by_every_phone_field(asking):
    for number, field in enumerate(asking.crm.names.phones):
        asking.crm.add("Contacts", **{field: f"+1202555012{number}", asking.crm.names.tier: field})

    for number, field in enumerate(asking.crm.names.phones):
        answer = asking.caller(f"+1202555012{number}", asking.crm.names.tier)
        assert value(asking, answer, "tier") == field


def test_a_stranger_is_not_found(asking):
    add(asking, "+12025550199")

    assert asking.caller(ADA, asking.crm.names.tier) == NotFound()


def test_a_number_of_another_country_is_not_the_callers(asking):
    add(asking, "2025550101", tier="Gold")

    assert asking.caller("+442025550101", asking.crm.names.tier) == NotFound()


def test_a_number_from_home_is_not_one_of_another_country(asking):
    add(asking, "3235550101", tier="Gold")

    assert asking.caller("+3235550101", asking.crm.names.tier) == NotFound()


def test_two_records_are_several(asking):
    add(asking, tier="Gold")
    add(asking, "(202) 555-0101", tier="Silver")

    answer = asking.caller(ADA, asking.crm.names.tier)

    assert isinstance(answer, Several)
    assert answer.count == 2
    tiers = {to_value(one.values[asking.crm.names.tier]) for one in answer.records}
    assert tiers == {"Gold", "Silver"}
    assert len({str(one.created) for one in answer.records}) == 2


def test_several_records_can_be_ordered_by_a_field(asking):
    for balance in (20, 1000, 300):
        add(asking, balance=balance)

    answer = asking.caller(ADA, asking.crm.names.tier, order=Order(asking.crm.names.balance))

    assert isinstance(answer, Several)
    balances = {to_value(one.values[asking.crm.names.balance]) for one in answer.records}
    assert {Decimal(str(one)) for one in balances} == {20, 300, 1000}


def test_values_come_as_rules_want_them(asking):
    add(asking, tier="Gold", stage=asking.crm.names.hot, balance=12.5, vip=True, since="2026-11-22")
    names = asking.crm.names

    answer = asking.caller(ADA, names.tier, names.stage, names.balance, names.vip, names.since)

    assert value(asking, answer, "stage") == "Hot Prospect"
    assert Decimal(str(value(asking, answer, "balance"))) == Decimal("12.5")
    assert value(asking, answer, "vip") is True
    assert read_date(str(value(asking, answer, "since"))) is not None


def test_a_field_the_record_has_not_filled_is_empty(asking):
    add(asking)

    answer = asking.caller(ADA, asking.crm.names.tier, asking.crm.names.balance)

    assert value(asking, answer, "tier") in (None, "")
    if asking.crm.tells_empty_numbers:
        assert value(asking, answer, "balance") in (None, "")


@pytest.mark.parametrize("digits", ["1001", "0042"])
def test_a_caller_is_found_by_digits_keyed_in(asking, digits):
    add(asking, "", account=digits, tier="Gold")
    add(asking, "", account=f"9{digits}", tier="Silver")

    answer = asking.digits(digits, asking.crm.names.account, asking.crm.names.tier)

    assert value(asking, answer, "tier") == "Gold"
    assert answer.matched_by == asking.crm.names.account


def test_digits_that_nobody_has_find_nobody(asking):
    add(asking, account="10010")

    assert asking.digits("1001", asking.crm.names.account, asking.crm.names.tier) == NotFound()


def told(ask: Callable[[], Answer]) -> tuple[Answer | None, str]:
    """Return what the CRM answers, or what is said of a name that it does not know."""
    try:
        return ask(), ""
    except CrmMisconfigured as error:
        return None, str(error)


HOSTILE = [
    "'",
    '"',
    "\\",
    "%",
    "_",
    "*",
    "1' OR '1'='1",
    "1) or (1 eq 1",
    "(1)",
    "a\nb",
    "|",
    "&=;#",
]


@pytest.mark.parametrize("typed", HOSTILE)
def test_whatever_is_keyed_in_stays_a_value(asking, typed):
    add(asking, account="1001", tier="Gold")

    try:
        answer = asking.digits(typed, asking.crm.names.account, asking.crm.names.tier)
    except CrmTooMany:
        return  # the CRM takes it for a wildcard, and what it finds is compared
    assert answer == NotFound()


@pytest.mark.parametrize("typed", [*HOSTILE, "", "no_such_field", "Id) FROM User--", "x' or 'x"])
def test_whatever_is_typed_as_a_field_is_refused_or_empty(asking, typed):
    add(asking, tier="Gold")

    answer, said = told(lambda: asking.caller(ADA, asking.crm.names.tier, typed))

    if said:
        shown = typed.replace("\n", " ")
        assert f"the field {shown} in Contacts" in said
        return
    assert isinstance(answer, Found)
    assert to_value(answer.values.get(typed)) in (None, "")


@pytest.mark.parametrize("typed", ["NoSuchModule", "Contacts; DROP", "../Users", "a'b", "a%2Fb"])
def test_a_module_that_there_is_not_is_said_so(asking, typed):
    with pytest.raises(CrmMisconfigured) as caught:
        asking.caller(ADA, asking.crm.names.tier, module=typed)
    assert f"the module {typed}" in str(caught.value)
    with pytest.raises(CrmError) as caught:
        asking.fields(typed)
    if isinstance(caught.value, CrmMisconfigured):
        assert str(caught.value).endswith(f"the module {typed}.")


def test_a_field_that_there_is_not_is_named_and_no_other(asking):
    add(asking, account="1001")
    tier = asking.crm.names.tier

    for ask in (
        lambda: asking.caller(ADA, tier, "no_such_field"),
        lambda: asking.digits("1001", "no_such_field", tier),
    ):
        answer, said = told(ask)
        if said:
            assert said.startswith(KINDS[asking.crm.kind].title)
            assert said.endswith("know the field no_such_field in Contacts.")
        else:
            assert isinstance(answer, Found | NotFound)


def test_a_module_without_phone_fields_is_said_to_be_one(asking):
    if not asking.crm.needs_phone_fields:
        pytest.skip("This CRM finds callers by people whose numbers are always there.")
    asking.connect(book=lambda connection: Named())

    with pytest.raises(CrmMisconfigured) as caught:
        asking.caller(ADA)

    title = KINDS[asking.crm.kind].title
    assert str(caught.value) == (
        f"Contacts of {title} has no phone fields, so callers can't be found in it. "
        "Choose another module."
    )


class Named:
    """A book in which a module has a name and no number."""

    def fields(self, module, describe, deadline):
        return [Field("name", "Name")]


@pytest.mark.parametrize("module", ["Contacts", "Leads", "Accounts"])
def test_the_three_modules_are_searched_each_by_itself(asking, module):
    if module not in KINDS[asking.crm.kind].modules:
        pytest.skip("This CRM has no such module.")
    asking.crm.add(module, **{_phone_in(asking, module): ADA})

    assert isinstance(asking.caller(ADA, module=module), Found)
    assert asking.caller("+12025550199", module=module) == NotFound()


def _phone_in(asking: Asking, module: str) -> str:
    return asking.crm.phones_in.get(module, asking.crm.names.phones[0])


def test_one_or_two_requests_find_a_caller_in_the_steady_state(asking):
    add(asking, "(202) 555-0101", tier="Gold")
    asking.caller(ADA, asking.crm.names.tier)  # signs in, reads the fields
    asking.crm.requests.clear()

    asking.caller(ADA, asking.crm.names.tier)

    assert len(asking.crm.requests) <= asking.crm.most_requests
    assert len(asking.crm.searches()) >= 1


def test_only_ten_rows_are_asked_for_and_a_full_page_of_others_is_too_many(asking):
    asking.crm.is_vague = True
    for number in range(30):
        add(asking, f"+1212555{number:04}", tier="Gold")

    with pytest.raises(CrmTooMany):
        asking.caller(ADA, asking.crm.names.tier)


def test_the_fields_of_a_module_are_listed(asking):
    names, fields = asking.crm.names, asking.fields()

    assert fields[names.tier].type is FieldType.TEXT
    assert fields[names.stage].type is FieldType.CHOICE
    if asking.crm.has_labels:
        assert "Hot Prospect" in [label for _, label in fields[names.stage].choices]
    assert fields[names.balance].type is FieldType.NUMBER
    assert fields[names.vip].type is FieldType.YES_NO
    assert fields[names.since].type in (FieldType.DATE, FieldType.MOMENT)
    assert all(field.label for field in fields.values())


def test_the_modules_are_listed(asking):
    listed = asking.modules()

    assert set(KINDS[asking.crm.kind].modules) <= set(listed)


def test_wrong_credentials_are_said_so(asking):
    asking.crm.refuses_signing_in = True

    with pytest.raises(CrmCredentialsRefused) as caught:
        asking.caller(ADA, asking.crm.names.tier)
    assert str(caught.value).endswith("did not accept the credentials.")
    with pytest.raises(CrmCredentialsRefused):
        asking.sign_in() if asking.crm.has_tokens else asking.modules()


def test_a_secret_that_is_missing_is_said_so(asking):
    with pytest.raises(ValueError, match="secret of this CRM is missing"):
        asking.connect(secrets={"password": ""})


def test_what_these_credentials_may_not_read_is_said_so(asking):
    add(asking)
    asking.caller(ADA, asking.crm.names.tier)
    asking.crm.forbids = True

    with pytest.raises(CrmNotPermitted if asking.crm.tells_forbidden else CrmRefused):
        asking.caller(ADA, asking.crm.names.tier)


def test_being_throttled_is_said_so(asking):
    add(asking)
    asking.caller(ADA, asking.crm.names.tier)
    asking.crm.is_throttled = True

    with pytest.raises(CrmThrottled, match="asked too often"):
        asking.caller(ADA, asking.crm.names.tier)


def test_a_token_that_has_ended_is_renewed_once(asking):
    if not asking.crm.has_tokens:
        pytest.skip("This CRM has no tokens.")
    add(asking, tier="Gold")
    asking.caller(ADA, asking.crm.names.tier)
    asking.tokens.age(3600)
    asking.crm.expire()

    answer = asking.caller(ADA, asking.crm.names.tier)

    assert value(asking, answer, "tier") == "Gold"
    assert asking.crm.given == 2


def test_a_fresh_token_that_is_refused_is_not_fetched_again(asking):
    if not asking.crm.has_tokens:
        pytest.skip("This CRM has no tokens.")
    asking.caller(ADA, asking.crm.names.tier)
    asking.crm.expire()

    for _ in range(3):
        with pytest.raises(CrmCredentialsRefused):
            asking.caller(ADA, asking.crm.names.tier)

    assert asking.crm.given == 1


def _says(status: int, body: bytes, *headers: str) -> Callable[[Visit], None]:
    return lambda visit: visit.answer(body, status, headers)


def _drips(visit: Visit) -> None:
    visit.drip(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n" + b" " * 900, pause=0.05)


TROUBLES = {
    "fault": (_says(500, b"Internal Server Error"), CrmUnavailable),
    "maintenance": (_says(503, b"<h1>Back soon</h1>", "Retry-After: 120"), CrmUnavailable),
    "html": (_says(200, b"<!doctype html><title>Log in</title>"), CrmBadAnswer),
    "cut off": (_says(200, b'{"data": [{"id": "1"'), CrmBadAnswer),
    "not utf-8": (_says(200, b'{"data": "\xff"}'), CrmBadAnswer),
    "another shape": (_says(200, b'"fine"'), CrmBadAnswer),
    "a list of numbers": (_says(200, b"[1, 2]"), CrmBadAnswer),
    "redirect": (_says(302, b"", "Location: https://login.example/"), CrmRefused),
    "too many requests": (_says(429, b"slow down"), CrmThrottled),
    "a pause": (_says(429, b"{}", "Retry-After: 17"), CrmThrottled),
    "hangs up": (Visit.hang_up, CrmUnavailable),
    "drips": (_drips, CrmOutOfTime),
    "too large": (_says(200, b" " * (1024 * 1024 + 1)), CrmBadAnswer),
}
PAUSES = {"maintenance": 120, "a pause": 17}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_trouble_has_a_name(asking, trouble):
    add(asking)
    asking.caller(ADA, asking.crm.names.tier)
    happens, expected = TROUBLES[trouble]
    asking.crm.troubles = [happens] * 3

    with pytest.raises(expected) as caught:
        asking.caller(ADA, asking.crm.names.tier, seconds=0.5 if trouble == "drips" else 20)

    if trouble in PAUSES:
        assert caught.value.retry_after == PAUSES[trouble]


def test_nothing_secret_comes_out(asking, caplog):
    """Plant secrets, make the CRM fail in every way, and search all that came out."""
    caplog.set_level(logging.DEBUG)
    planted = [*asking.crm.secrets.values(), ADA, ADA[1:], "4711471147114711"]
    told: list[str] = [repr(asking.client), repr(asking.tokens)]

    def ask(failing: str) -> None:
        try:
            asking.caller(ADA, asking.crm.names.tier, seconds=0.5)
            asking.digits("4711471147114711", asking.crm.names.account)
            asking.fields()
            asking.modules()
        except CrmError as error:
            told.append(f"{failing}: {error} {error!r} {error.advice} {error.outcome}")
            told.append("".join(traceback.format_exception(error, chain=False)))

    for trouble, (happens, _) in TROUBLES.items():
        asking.crm.troubles = [happens] * 4
        ask(trouble)
    asking.crm.troubles = [_echo] * 4
    ask("echo")
    asking.crm.troubles = []
    for name in ("is_throttled", "forbids", "refuses_signing_in"):
        setattr(asking.crm, name, True)
        asking.connect()
        ask(name)
        setattr(asking.crm, name, False)

    text = "\n".join([*told, *(record.getMessage() for record in caplog.records)])
    assert len(told) > 10
    for secret in planted:
        assert secret not in text
    assert "Bearer " not in text


def _echo(visit: Visit) -> None:
    """Answer with all that was sent, as one CRM does with a wrong password."""
    sent = f"{visit.target} {visit.headers} {visit.body!r}"
    visit.answer(sent.encode(), status=500)
