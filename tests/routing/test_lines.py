"""Entries survive being written as lines, and no line makes the reader fall over."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.routing.journals import decision, end
from voiceapp.routing.entry import DecisionEntry, EndEntry, Entry
from voiceapp.routing.lines import LineError, decode, encode

_moments = st.datetimes(
    min_value=datetime(1970, 1, 2),  # noqa: DTZ001 - hypothesis wants it so, and adds the zone
    timezones=st.integers(-12, 12).map(lambda hours: timezone(timedelta(hours=hours))),
    allow_imaginary=False,
).filter(lambda moment: moment.year < 9999)
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
_decisions = st.builds(
    DecisionEntry,
    at=_moments,
    ms=st.floats(allow_nan=False, allow_infinity=False),
    lookup=st.none() | st.dictionaries(st.text(), _json, max_size=4),
    explanation=st.lists(st.text(), max_size=3).map(tuple),
)
_ends = st.builds(EndEntry, at=_moments)


@given(_decisions | _ends)
def test_an_entry_comes_back_as_it_was(entry: Entry) -> None:
    line = encode(entry)

    assert decode(line) == entry


@given(_decisions | _ends)
def test_an_entry_is_one_line_of_json(entry: Entry) -> None:
    line = encode(entry)

    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert json.loads(line)["type"] in {"decision", "end"}


@pytest.mark.parametrize("spelled", ["2026-03-01T12:30:00Z", "2026-03-01T07:30:00-05:00"])
def test_a_moment_is_the_same_however_its_zone_is_spelled(spelled: str) -> None:
    assert decode(_changed("at", spelled)).at == datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


def test_half_a_surrogate_pair_becomes_a_question_mark() -> None:
    entry = decision(rule="Gold\ud83d", lookup={"values": {"tier": "\udc00"}})

    written = decode(encode(entry))

    assert written == decision(rule="Gold?", lookup={"values": {"tier": "?"}})


@given(st.binary())
def test_bytes_of_any_kind_are_read_or_refused(line: bytes) -> None:
    with pytest.raises(LineError):
        decode(line)


def _changed(name: str, value: Any) -> bytes:
    document = json.loads(encode(decision()))
    document["entry"][name] = value
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    "line",
    [
        encode(decision())[:-40],
        b"[" * 100_000,
        encode(decision()).replace(b'"version":1', b'"version":2'),
        encode(decision()).replace(b'"decision"', b'"telegram"'),
        encode(decision()).replace(b'"decision"', b'["decision"]'),
        encode(decision()).replace(b'"call_sid"', b'"called_sid"'),
        _changed("step", "1"),
        _changed("step", True),
        _changed("caller", None),
        _changed("test", "false"),
        _changed("ms", "12"),
        _changed("at", "2026-03-01T12:30:00"),
        _changed("at", 5),
        _changed("lookup", "Tier"),
        _changed("explanation", "Tier"),
        _changed("explanation", [1]),
    ],
)
def test_a_line_that_is_no_entry_is_refused(line: bytes) -> None:
    with pytest.raises(LineError):
        decode(line)


def test_a_refusal_quotes_nothing_of_the_line() -> None:
    line = _changed("caller", 12025550101)

    with pytest.raises(LineError) as refusal:
        decode(line)

    assert "12025550101" not in str(refusal.value)


def test_a_field_that_a_later_release_adds_is_passed_over() -> None:
    assert decode(_changed("mood", "sunny")) == decision()


def test_a_lookup_that_is_no_json_is_refused_when_it_is_written() -> None:
    with pytest.raises(TypeError):
        encode(decision(lookup={"value": object()}))


def test_a_moment_without_a_zone_is_refused_when_it_is_written() -> None:
    with pytest.raises(ValueError, match="time zone"):
        encode(end(at=datetime(2026, 3, 1)))  # noqa: DTZ001 - that is what is tested
