"""In which spellings a number is looked for, and when two are the same."""

import pytest

from voiceapp.crm.phone import compact, is_same, read_e164, show, spellings


@pytest.mark.parametrize(
    ("number", "country", "tried"),
    [
        (
            "+12025550104",
            "US",
            (
                "+12025550104",
                "12025550104",
                "2025550104",
                "(202) 555-0104",
                "+1 202-555-0104",
                "0012025550104",
                "+1 202 555 0104",
                "+1-202-555-0104",
                "+1.202.555.0104",
                "202-555-0104",
                "202 555 0104",
                "202.555.0104",
                "202/555/0104",
                "202 5550104",
                "202-5550104",
                "202/5550104",
                "(202) 555 0104",
                "+1 (202) 555-0104",
                "1-202-555-0104",
            ),
        ),
        (
            "+12025550104",  # Canada shares the country code
            "CA",
            (
                "+12025550104",
                "12025550104",
                "2025550104",
                "(202) 555-0104",
                "+1 202-555-0104",
                "0012025550104",
                "+1 202 555 0104",
                "+1-202-555-0104",
                "+1.202.555.0104",
                "202-555-0104",
                "202 555 0104",
                "202.555.0104",
                "202/555/0104",
                "202 5550104",
                "202-5550104",
                "202/5550104",
                "(202) 555 0104",
                "+1 (202) 555-0104",
                "1-202-555-0104",
            ),
        ),
        (
            "+442079460958",
            "GB",
            (
                "+442079460958",
                "442079460958",
                "2079460958",
                "020 7946 0958",
                "02079460958",
                "+44 20 7946 0958",
                "00442079460958",
            ),
        ),
        (
            "+390612345678",  # in Italy the zero belongs to the number
            "IT",
            (
                "+390612345678",
                "390612345678",
                "0612345678",
                "06 1234 5678",
                "+39 06 1234 5678",
                "00390612345678",
            ),
        ),
        (
            "+442079460958",  # abroad nobody writes it without the country code
            "US",
            ("+442079460958", "442079460958", "+44 20 7946 0958", "00442079460958"),
        ),
        ("+12025", "US", ("+12025",)),
        ("anonymous", "US", ("anonymous",)),
        ("", "US", ("",)),
    ],
)
def test_a_number_is_looked_for_as_crms_spell_it(number, country, tried):
    assert spellings(number, country)[: len(tried)] == tried


@pytest.mark.parametrize(
    ("text", "compacted"),
    [
        ("(202) 555-0104", "2025550104"),
        ("+1 202.555.0104", "+12025550104"),
        ("tel:+1-202-555-0104", "+12025550104"),
        ("call me", ""),
        ("", ""),
    ],
)
def test_a_compact_number_has_digits_and_plus_only(text, compacted):
    assert compact(text) == compacted


@pytest.mark.parametrize(
    ("stored", "country", "same"),
    [
        ("+12025550104", "US", True),
        ("+12025550104", "DE", True),
        ("(202) 555-0104", "US", True),
        ("202.555.0104", "US", True),
        ("1 202 555 0104", "US", True),
        ("tel:+1-202-555-0104", "US", True),
        ("011 1 202 555 0104", "US", True),
        ("+1 202 555 0104 ext. 7", "US", True),
        ("００１ 202 555 0104", "DE", True),
        ("(202) 555-0104", "DE", False),
        ("(202) 555-0105", "US", False),
        ("5550104", "US", False),
        ("+442025550104", "US", False),
        ("call me", "US", False),
        ("", "US", False),
    ],
)
def test_a_stored_number_is_the_callers_only_if_all_of_it_is(stored, country, same):
    assert is_same(stored, "+12025550104", country) is same


def test_every_spelling_that_is_looked_for_is_the_same_number():
    numbers = ["+12025550104", "+49301234567", "+442079460958", "+390612345678"]

    strangers = {
        (spelling, country)
        for number in numbers
        for country in ("US", "DE", "GB", "IT")
        for spelling in spellings(number, country)
        if not is_same(spelling, number, country)
    }

    # without a plus it is a number of Germany's own as well, and there it is taken for that
    assert strangers == {("442079460958", "DE"), ("390612345678", "DE")}


@pytest.mark.parametrize(
    ("stored", "caller", "country"),
    [
        ("3235550101", "+3235550101", "US"),
        ("(323) 555-0101", "+3235550101", "US"),
        ("2035550101", "+2035550101", "US"),
    ],
)
def test_a_number_without_a_plus_that_is_one_at_home_is_no_foreigners(stored, caller, country):
    assert not is_same(stored, caller, country)
    assert is_same(f"+{stored}", caller, country)


@pytest.mark.parametrize(
    ("stored", "caller", "country"),
    [
        ("1-202-555-0101", "+12025550101", "US"),
        ("202.555.0101", "+12025550101", "US"),
        ("+1 (202) 555-0101", "+12025550101", "US"),
        ("030/12345678", "+493012345678", "DE"),
        ("+49 (0)30 12345678", "+493012345678", "DE"),
        ("07911 123456", "+447911123456", "GB"),
        ("01.23.45.67.89", "+33123456789", "FR"),
        ("06 12345678", "+390612345678", "IT"),
    ],
)
def test_what_people_write_is_looked_for(stored, caller, country):
    assert stored in spellings(caller, country)


@pytest.mark.parametrize("number", ["+999123456789", "+12025", "+8881234567890123"])
def test_a_number_that_no_country_has_is_found_as_it_is_stored_letter_for_letter(number):
    digits = number[1:]

    assert is_same(number, number, "US")
    assert is_same(f"tel:{digits[:3]}-{digits[3:]}", number, "US")
    assert is_same(f"00{digits}", number, "US")
    assert not is_same(f"{number}0", number, "US")
    assert not is_same(number[:-1], number, "US")
    assert not is_same("call me", number, "US")


def test_a_caller_without_a_number_is_nobody():
    assert not is_same("", "", "US")
    assert not is_same("anonymous", "anonymous", "US")
    assert not is_same("2025550104", "2025550104", "US")


@pytest.mark.parametrize(
    ("text", "country", "number"),
    [
        ("(202) 555-0104", "US", "+12025550104"),
        ("030 1234567", "DE", "+49301234567"),
        ("0049 30 1234567", "DE", "+49301234567"),
        ("+49 30 1234567", "US", "+49301234567"),
        ("Gold", "US", None),
        ("", "US", None),
    ],
)
def test_a_number_is_read_as_people_type_it_in_their_country(text, country, number):
    assert read_e164(text, country) == number


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("+12025550104", "+1 202-555-0104"),
        ("+49301234567", "+49 30 1234567"),
        ("+12025", "+12025"),
        ("2025550104", "2025550104"),
        ("sip:desk@example.com", "sip:desk@example.com"),
        ("anonymous", "anonymous"),
        ("", "somebody without a number"),
    ],
)
def test_a_number_is_shown_as_people_read_it(number, shown):
    assert show(number) == shown
