"""How text is read: as a number, a date, a moment, or as itself."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from voiceapp.rules.values import (
    Structure,
    day_of,
    fold,
    is_empty,
    read_date,
    read_instant,
    read_number,
    spell,
)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", "0"),
        ("42", "42"),
        ("+42", "42"),
        ("-42", "-42"),
        ("42.50", "42.50"),
        ("0.5", "0.5"),
        ("-0.5", "-0.5"),
        ("0.00", "0.00"),
        ("1,250", "1250"),
        ("1,250.00", "1250.00"),
        ("-1,250,000.5", "-1250000.5"),
        ("1250000", "1250000"),
        ("12345678901234567890.123456789", "12345678901234567890.123456789"),
        ("  7  ", "7"),
        ("\u00a07\n", "7"),
        ("$5", "5"),
        ("£5", "5"),
        ("€5", "5"),
        ("5$", "5"),
        ("5 €", "5"),
        ("$ 5", "5"),
        (" $ 1,250.00 ", "1250.00"),
        ("-$5", "-5"),
        ("$-5", "-5"),
        ("-$ 5", "-5"),
        ("+€5", "5"),
        ("-5 €", "-5"),
    ],
)
def test_a_number_is_read_as_people_write_it(text, number):
    read = read_number(text)

    assert read == Decimal(number)
    assert isinstance(read, Decimal)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "-",
        "$",
        "-$",
        "Gold",
        "007",
        "00",
        "-07",
        "00.5",
        "0,123",
        "1e3",
        "1E3",
        "NaN",
        "-NaN",
        "Infinity",
        "0x10",
        "1_000",
        "１２",
        "٣",
        "1²",
        "½",
        ".5",
        "5.",
        "5.-1",
        "1,25",
        "1,2500",
        ",250",
        "1,,250",
        "1234,567",
        "1,250,00",
        "1.250,00",
        "1 250",
        "1'250",
        "- 5",
        "--5",
        "5-",
        "(5)",
        "$5$",
        "$5€",
        "$$5",
        "-$-5",
        "¥5",
        "5 USD",
        "5 %",
        "5\n6",
        "−5",
    ],
)
def test_what_is_not_plainly_a_number_is_text(text):
    assert read_number(text) is None


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("2026-11-22", date(2026, 11, 22)),
        (" 2026-11-22 ", date(2026, 11, 22)),
        ("2024-02-29", date(2024, 2, 29)),
        ("2026-02-29", None),
        ("2026-13-01", None),
        ("0000-01-01", None),
        ("20261122", None),
        ("2026-W47-7", None),
        ("2026-1-2", None),
        ("22.11.2026", None),
        ("11/22/2026", None),
        ("２０２６-11-22", None),
        ("2026-11-22T10:00:00Z", None),
        ("+2026-11-22", None),
        ("", None),
    ],
)
def test_only_an_iso_date_that_exists_is_a_date(text, read):
    assert read_date(text) == read


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22T10:00:00Z",
        "2026-11-22T10:00Z",
        "2026-11-22 10:00:00Z",
        " 2026-11-22T10:00:00Z\n",
        "2026-11-22T10:00:00.000Z",
        "2026-11-22T10:00:00.0+00:00",
        "2026-11-22T10:00:00.000000-00:00",
        "2026-11-22T10:00:00.000+0000",
        "2026-11-22T11:00:00+01:00",
        "2026-11-22T05:00:00-0500",
        "2026-11-23T00:00:00+14:00",
    ],
)
def test_a_moment_is_the_same_however_its_zone_is_written(text):
    assert read_instant(text) == datetime(2026, 11, 22, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22T10:00:00",
        "2026-11-22",
        "2026-11-22T10Z",
        "2026-11-22T25:00:00Z",
        "2026-11-22T10:61:00Z",
        "2026-11-22T10:00:60Z",
        "2026-02-30T10:00:00Z",
        "2026-11-22T10:00:00+25:00",
        "2026-11-22T10:00:00 CET",
        "2026-11-22T10:00:00[Europe/Berlin]",
        "20261122T100000Z",
        "0000-01-01T00:00:00Z",
        "",
    ],
)
def test_what_does_not_name_a_moment_of_the_calendar_is_none(text):
    assert read_instant(text) is None


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("UTC", date(2026, 11, 22)),
        ("Pacific/Kiritimati", date(2026, 11, 23)),
        ("Pacific/Pago_Pago", date(2026, 11, 21)),
    ],
)
def test_a_moment_falls_on_the_day_that_its_zone_has(zone, day):
    moment = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)

    assert day_of(moment, ZoneInfo(zone)) == day


@pytest.mark.parametrize(
    ("moment", "hours"),
    [
        (datetime(1, 1, 1, tzinfo=UTC), -1),
        (datetime(9999, 12, 31, 23, 59, tzinfo=UTC), 1),
    ],
)
def test_beyond_the_ends_of_the_calendar_there_is_no_day(moment, hours):
    assert day_of(moment, timezone(timedelta(hours=hours))) is None


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Gold", "gold"),
        (" \tGold\u00a0\u3000", "gold"),
        ("two  words", "two  words"),
        ("ＧＯＬＤ", "gold"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("ﬁrst", "first"),
        ("Zoe\u0308", "zoë"),
        ("ΣΊΣΥΦΟΣ", "σίσυφοσ"),
        ("①", "1"),
        ("", ""),
    ],
)
def test_text_is_trimmed_normalised_and_folded(text, folded):
    assert fold(text) == folded


@pytest.mark.parametrize("value", [None, "", "  ", "\u00a0\u3000\n", (), ("", " ")])
def test_nothing_null_blank_and_a_list_of_blanks_are_empty(value):
    assert is_empty(value) is True


@pytest.mark.parametrize(
    "value", ["0", "no", False, Decimal(0), Structure(), ("", "Gold"), (False,), "\u200b"]
)
def test_zero_no_and_a_structure_are_not_empty(value):
    assert is_empty(value) is False


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (" Gold ", " Gold "),
        (True, "yes"),
        (False, "no"),
        (Decimal("1250.00"), "1250.00"),
        (Decimal("1E+3"), "1000"),
        (Decimal("1E-7"), "0.0000001"),
        (Decimal("1E+41"), "1E+41"),
        (Decimal("-1E+999999999"), "-1E+999999999"),
        (Structure(), "a structure, not a value"),
        ((), ""),
        (("vip", True, Decimal(3), Structure()), "vip, yes, 3, a structure, not a value"),
    ],
)
def test_a_value_is_spelled_as_people_read_it(value, text):
    assert spell(value) == text
