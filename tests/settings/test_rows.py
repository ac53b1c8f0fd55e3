"""Rows of a form that are added, removed and moved: none is lost, none is invented."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from voiceapp.settings.rows import rearranged


def form(*letters: str) -> MultiDict[str, str]:
    """Return a form with a name and one row for each letter."""
    sent = MultiDict({"name": "Rule"})
    for number, letter in enumerate(letters):
        sent.add(f"row-{number}-value", letter)
        sent.add(f"row-{number}-to", f"to {letter}")
    return sent


def values(sent: MultiDict[str, str]) -> list[str]:
    """Return the values in the order of their rows, blank for a row without one."""
    numbers = {int(key.split("-")[1]) for key in sent if key.startswith("row-")}
    assert numbers == set(range(len(numbers)))  # without gaps
    return [sent.get(f"row-{number}-value", "") for number in sorted(numbers)]


@pytest.mark.parametrize(
    ("action", "result"),
    [
        ("", ["a", "b", "c"]),
        ("add", ["a", "b", "c", ""]),
        ("remove:0", ["b", "c"]),
        ("remove:2", ["a", "b"]),
        ("remove:3", ["a", "b", "c"]),
        ("up:0", ["a", "b", "c"]),
        ("up:1", ["b", "a", "c"]),
        ("up:2", ["a", "c", "b"]),
        ("down:0", ["b", "a", "c"]),
        ("down:1", ["a", "c", "b"]),
        ("down:2", ["a", "b", "c"]),
        ("up:-1", ["a", "b", "c"]),
        ("remove:", ["a", "b", "c"]),
        ("remove:x", ["a", "b", "c"]),
        ("remove:²", ["a", "b", "c"]),
        ("remove:" + "9" * 5000, ["a", "b", "c"]),
        ("shuffle:1", ["a", "b", "c"]),
    ],
)
def test_each_button_does_what_it_says(action, result):
    assert values(rearranged(form("a", "b", "c"), "row", action)) == result


def test_all_of_a_row_moves_together_and_the_rest_of_the_form_stays():
    moved = rearranged(form("a", "b"), "row", "down:0")

    assert moved.to_dict() == {
        "name": "Rule",
        "row-0-value": "b",
        "row-0-to": "to b",
        "row-1-value": "a",
        "row-1-to": "to a",
    }


def test_rows_are_ordered_by_number_and_numbered_anew():
    sent = MultiDict({"row-10-value": "c", "row-2-value": "b", "row-0-value": "a"})

    assert rearranged(sent, "row", "").to_dict() == {
        "row-0-value": "a",
        "row-1-value": "b",
        "row-2-value": "c",
    }


@pytest.mark.parametrize("number", ["²", "٣", "9" * 5000, "1234567"])
@pytest.mark.parametrize("rest", ["", "-value"])
def test_what_no_page_numbers_like_this_is_left_out(number, rest):
    sent = MultiDict({f"row-{number}{rest}": "x", "row-do": "add", "rows": "1", "row-0-value": "a"})

    assert rearranged(sent, "row", "").to_dict() == {
        "row-do": "add",
        "rows": "1",
        "row-0-value": "a",
    }


ACTIONS = st.one_of(
    st.just("add"),
    st.builds("{}:{}".format, st.sampled_from(["remove", "up", "down"]), st.integers(-1, 8)),
    st.text(max_size=10),
)


@given(st.lists(st.text(), max_size=6), st.lists(ACTIONS, max_size=8))
def test_no_row_is_lost_and_none_invented(typed, actions):
    sent = form(*typed)
    others = {"name": "Rule"}

    for action in actions:
        before = values(sent)
        sent = rearranged(sent, "row", action)
        after = values(sent)

        verb, _, number = action.partition(":")
        if verb == "add":
            assert after == [*before, ""]
        elif verb == "remove" and number.isdecimal() and int(number) < len(before):
            assert after == before[: int(number)] + before[int(number) + 1 :]
        else:
            assert sorted(after) == sorted(before)
    assert {key: sent[key] for key in sent if not key.startswith("row-")} == others


@given(
    st.lists(
        st.tuples(st.text(alphabet="row-name019²٣", max_size=12), st.text(max_size=3)), max_size=20
    ),
    st.text(alphabet="addremoveupdown:0129", max_size=10),
)
def test_whatever_is_sent_it_never_fails_and_keeps_what_is_no_row(pairs, action):
    sent = MultiDict(pairs)

    result = rearranged(sent, "row", action)

    for key, texts in sent.lists():
        if not key.startswith("row-"):
            assert result.getlist(key) == texts
