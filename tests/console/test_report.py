"""What the terminal is told, and what it tells."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voiceapp.console.report import read_keys, to_json, to_text
from voiceapp.console.story import Decided, Ended, Heard, Keyed, Step, Walk

BRONZE = "https://voice.example/recordings/ab12/bronze-offer.wav"
ARRIVED = {
    "rule": "",
    "outcome": "",
    "value": None,
    "condition": None,
    "destination": {"kind": "ivr", "option": "802"},
    "lookup": None,
    "explanation": ["Called Accounts, which goes to IVR 802 Accounts menu."],
}
KEYED = {
    "rule": "Account number",
    "outcome": "matched",
    "value": "gold ",
    "condition": "= Gold",
    "destination": {"kind": "queue", "option": "vip"},
    "lookup": {"matched_by": "AccountNo", "ms": 3.2, "age": None},
    "explanation": [
        "Asked Directory for Contacts by AccountNo: 1 found in 3 ms.",
        "Tier is “gold ”. ✓ = Gold held: text, letter case and outer blanks don't count.",
        "Sent to Queue vip.",
    ],
}
ACCOUNT_CALL = Walk(
    caller="+12025550104",
    called="+12025550182",
    events=(
        Step("/twiml/did", {"CallSid": "CA1"}, 200, "<Response>1</Response>"),
        Decided(ARRIVED),
        Heard("say", "Press 1 for your account."),
        Keyed("1"),
        Step("/twiml/ivr/802/key?r=1&n=1", {"Digits": "1"}, 200, "<Response>2</Response>"),
        Heard("play", BRONZE),
        Keyed("1004#"),
        Step("/twiml/account?r=1&n=2", {"Digits": "1004"}, 200, "<Response>3</Response>"),
        Decided(KEYED),
    ),
    release=12,
    ended=Ended.QUEUE,
    where="vip",
)


def ended(how: Ended, where: str = "", **changes: object) -> Walk:
    facts: dict[str, object] = {"caller": "+12025550104", "called": "+12025550180", "events": ()}
    return Walk(**facts | {"release": None} | changes, ended=how, where=where)


def last_line(walk: Walk) -> str:
    return to_text(walk).splitlines()[-1]


def test_the_json_has_the_shape_that_the_terminal_promises():
    report = json.loads(json.dumps(to_json(ACCOUNT_CALL)))

    assert report == {
        "steps": [
            {
                "url": "/twiml/did",
                "params": {"CallSid": "CA1"},
                "status": 200,
                "twiml": "<Response>1</Response>",
            },
            {
                "url": "/twiml/ivr/802/key?r=1&n=1",
                "params": {"Digits": "1"},
                "status": 200,
                "twiml": "<Response>2</Response>",
            },
            {
                "url": "/twiml/account?r=1&n=2",
                "params": {"Digits": "1004"},
                "status": 200,
                "twiml": "<Response>3</Response>",
            },
        ],
        "heard": [{"say": "Press 1 for your account."}, {"play": BRONZE}],
        "decisions": [ARRIVED, KEYED],
        "release": 12,
        "ended": "queue",
        "where": "vip",
    }


def test_the_text_tells_the_call_in_the_order_in_which_things_happened():
    text = to_text(ACCOUNT_CALL, width=60)

    assert text == (
        "+1 202-555-0104 calls +1 202-555-0182\n"
        "\n"
        "① Called Accounts, which goes to IVR 802 Accounts menu.\n"
        '♪ hears: "Press 1 for your account."\n'
        "⌨ keys in 1\n"
        "♪ hears the recording bronze-offer.wav\n"
        "⌨ keys in ••••\n"
        "② Asked Directory for Contacts by AccountNo: 1 found in\n"
        "  3 ms.\n"
        "③ Tier is “gold ”. ✓ = Gold held: text, letter case and\n"
        "  outer blanks don't count.\n"
        "④ Sent to Queue vip.\n"
        "→ Queue vip (release 12)"
    )


def test_a_terminal_that_only_knows_ascii_gets_plain_signs():
    text = to_text(ACCOUNT_CALL, width=100, encoding="ascii")

    assert text == (
        "+1 202-555-0104 calls +1 202-555-0182\n"
        "\n"
        "1. Called Accounts, which goes to IVR 802 Accounts menu.\n"
        '~ hears: "Press 1 for your account."\n'
        "> keys in 1\n"
        "~ hears the recording bronze-offer.wav\n"
        "> keys in ****\n"
        "2. Asked Directory for Contacts by AccountNo: 1 found in 3 ms.\n"
        "3. Tier is ?gold ?. ? = Gold held: text, letter case and outer blanks don't count.\n"
        "4. Sent to Queue vip.\n"
        "-> Queue vip (release 12)"
    )


def test_every_ending_has_words():
    assert all(last_line(ended(how, "801")).startswith("→ ") for how in Ended)


@pytest.mark.parametrize(
    ("how", "where", "line"),
    [
        (Ended.QUEUE, "vip", "→ Queue vip"),
        (Ended.DIAL, "+12025550199", "→ Dials +1 202-555-0199"),
        (Ended.DIAL, "sip:+12025550199@pbx.example", "→ Dials sip:+12025550199@pbx.example"),
        (Ended.DIAL, "+12025550198, desk", "→ Dials +1 202-555-0198, desk"),
        (Ended.PLAY, "bronze-offer.wav", "→ Hangs up after the recording bronze-offer.wav"),
        (Ended.HANGUP, "", "→ Hangs up"),
        (Ended.MENU, "801", "→ Waits for keys in IVR 801"),
        (Ended.MENU, "/twiml/account", "→ Waits for keys at /twiml/account"),
        (Ended.RECORD, "", "→ Records what the caller says"),
        (Ended.ERROR, "The Dial names nobody.", "→ Error: The Dial names nobody."),
        (Ended.QUEUE, "{vip}", "→ Queue {vip}"),
    ],
)
def test_the_last_line_says_where_the_call_ended(how, where, line):
    assert last_line(ended(how, where)) == line


@pytest.mark.parametrize(
    ("keys", "shown"),
    [
        ("1", "1"),
        ("*", "*"),
        ("#", "#"),
        ("1#", "1#"),
        ("10", "••••"),
        ("1001#", "••••"),
        ("12345678901234567890", "••••"),
        ("", "nothing"),
    ],
)
def test_more_than_one_keyed_digit_is_not_shown(keys, shown):
    text = to_text(ended(Ended.HANGUP, events=(Keyed(keys),)))

    assert text.splitlines()[2] == f"⌨ keys in {shown}"


@pytest.mark.parametrize(
    ("caller", "shown"),
    [
        ("+12025550104", "+1 202-555-0104"),
        ("+442079460123", "+44 20 7946 0123"),
        ("+266696687", "+266696687"),
        ("+0", "+0"),
        ("anonymous", "anonymous"),
        ("client:ada", "client:ada"),
        ("sip:+12025550104@pbx.example", "sip:+12025550104@pbx.example"),
        ("", "A withheld number"),
    ],
)
def test_telephone_numbers_are_shown_in_international_format(caller, shown):
    text = to_text(ended(Ended.HANGUP, caller=caller))

    assert text.splitlines()[0] == f"{shown} calls +1 202-555-0180"


def test_numbering_goes_on_when_the_drawn_numbers_are_used_up():
    many = Decided({"explanation": [f"Sentence {number}." for number in range(1, 23)]})

    lines = to_text(ended(Ended.HANGUP, events=(many,))).splitlines()

    assert lines[21:] == ["⑳ Sentence 20.", "21. Sentence 21.", "22. Sentence 22.", "→ Hangs up"]


def test_values_from_a_crm_cannot_steer_the_terminal():
    nasty = Decided({"explanation": ["Tier is “\x1b[2J\x07gold\r\n\u202e”."]})

    lines = to_text(ended(Ended.HANGUP, events=(nasty,))).splitlines()

    assert lines[2:] == ["① Tier is “?[2J?gold ?”.", "→ Hangs up"]


@settings(deadline=None)
@given(
    words=st.text(st.characters(exclude_categories=())),
    width=st.integers(-1, 200),
    encoding=st.sampled_from(["ascii", "latin-1", "cp1252", "utf-8", "utf-16"]),
)
def test_any_text_can_be_shown_on_any_terminal(words, width, encoding):
    events = (Heard("say", words), Heard("play", BRONZE), Decided({"explanation": [words]}))

    text = to_text(ended(Ended.ERROR, words, events=events), width=width, encoding=encoding)

    assert text.encode(encoding).decode(encoding) == text
    assert max(map(len, text.split("\n"))) <= max(width, 20)


@pytest.mark.parametrize(
    ("press", "keys"),
    [
        (None, ()),
        ("1", ("1",)),
        ("1,1001#", ("1", "1001#")),
        ("1, 1001#", ("1", "1001#")),
        ("1,", ("1", "")),
        (",", ("", "")),
        ("", ("",)),
        ("*,#", ("*", "#")),
    ],
)
def test_keys_are_read_one_element_for_each_gather(press, keys):
    assert read_keys(press) == keys


@pytest.mark.parametrize(
    ("press", "wrong"),
    [("a", "'a'"), ("1;2", "';'"), ("1 2", "' '"), ("１", "'１'"), ("+1", "'+'")],
)
def test_a_key_that_no_telephone_has_is_refused_with_a_sentence(press, wrong):
    with pytest.raises(ValueError, match="A telephone has no key") as refused:
        read_keys(press)

    assert str(refused.value) == (
        f"A telephone has no key {wrong}: use 0-9, * and #, "
        "and a comma between the answers to two menus."
    )
