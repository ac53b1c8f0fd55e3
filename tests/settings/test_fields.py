"""The fields for values of a plan, each alone: what is typed, what it means, why it is refused."""

from dataclasses import replace
from typing import Any

import pytest
from werkzeug.datastructures import MultiDict
from wtforms import Field

from tests.routing.test_draft import PLAN, to
from voiceapp.rules.parts import LONGEST_SPEECH
from voiceapp.rules.plan import Plan
from voiceapp.rules.rule import Destination, Location, Prompt, Voice
from voiceapp.settings.fields import DestinationField, PromptField, VoiceField
from voiceapp.settings.forms import BaseForm
from voiceapp.settings.offer import FROM_DID, FROM_KEY, FROM_RULE, SAFE, Offer

DATABASES = ("sqlite",)
JOANNA = Voice("Polly.Joanna", "en-US")
GERMAN = replace(PLAN, installation=replace(PLAN.installation, country="DE"))


class Form(BaseForm):
    """One field of every sort."""

    did = DestinationField("Destination", FROM_DID, location=Location.DID)
    key = DestinationField("Key 1", FROM_KEY, location=Location.IVR, none="Nothing")
    rule = DestinationField("Condition", lambda meta: FROM_RULE)
    safe = DestinationField("Safe", SAFE, none="As in Settings", default=to("queue", "general"))
    never = DestinationField("Never", SAFE, applies=lambda form: False)
    prompt = PromptField("Greeting")
    voice = VoiceField("Voice", none="As in Settings")
    speaker = VoiceField("Speaker")


def filled(name: str, plan: Plan = PLAN, **typed: str) -> tuple[Field, tuple[str, ...]]:
    """Type into one field; return it, and the messages under it."""
    sent = MultiDict({f"{name}-{one}": text for one, text in typed.items()})
    form = Form(Offer(plan), sent)
    form.validate()
    return form[name], tuple(form[name].errors)


@pytest.mark.parametrize(
    ("name", "typed", "value"),
    [
        ("did", {"kind": "queue", "queue": "vip"}, to("queue", "vip")),
        ("did", {"kind": "queue", "queue": "vip", "dial": "x", "say": "y"}, to("queue", "vip")),
        ("did", {"kind": "rule", "rule": "VIP customers"}, to("rule", "VIP customers")),
        ("did", {"kind": "hangup", "queue": "vip"}, to("hangup")),
        ("did", {"kind": "dial", "dial": " (202) 555-0123 "}, to("dial", "+12025550123")),
        ("did", {"kind": "dial", "dial": "+49 30 1234567"}, to("dial", "+49301234567")),
        ("did", {"kind": "dial", "dial": "sip:a@b.example"}, to("dial", "sip:a@b.example")),
        ("key", {"kind": "ivr", "ivr": "801"}, to("ivr", "801")),
        ("key", {"kind": "rule", "rule": "Balance"}, to("rule", "Balance")),
        ("key", {"kind": "menu"}, to("menu")),
        ("key", {"kind": "", "queue": "vip"}, None),
        ("rule", {"kind": "recording", "recording": "hello.wav"}, to("recording", "hello.wav")),
        ("safe", {"kind": "say", "say": " We are closed. "}, to("say", "We are closed.")),
        ("safe", {"kind": ""}, None),
        ("never", {"kind": ""}, None),
        ("never", {"kind": "queue", "queue": "gone"}, to("queue", "gone")),
    ],
)
def test_a_destination_is_what_was_chosen(
    name: str, typed: dict[str, str], value: Destination | None
):
    field, messages = filled(name, **typed)

    assert (field.data, messages) == (value, ())


NOWHERE = "Choose where the call goes."
NOT_DIALLED = "Type a phone number, e.g. +12025550123, or sip:name@host."


@pytest.mark.parametrize(
    ("name", "typed", "message"),
    [
        ("did", {}, NOWHERE),
        ("did", {"kind": ""}, NOWHERE),
        ("did", {"kind": "moon"}, NOWHERE),
        ("key", {"kind": "moon"}, NOWHERE),
        ("did", {"kind": "menu"}, "“Back to the menu” can't stand here."),
        ("did", {"kind": "say", "say": "Hi"}, "“Say and hang up” can't stand here."),
        ("rule", {"kind": "rule", "rule": "Balance"}, "“CRM rule” can't stand here."),
        ("safe", {"kind": "hangup"}, "“Hang up” can't stand here."),
        ("did", {"kind": "queue"}, "Choose which queue."),
        ("did", {"kind": "ivr", "ivr": " "}, "Choose which IVR."),
        ("did", {"kind": "recording"}, "Choose which recording."),
        ("did", {"kind": "rule"}, "Choose which CRM rule."),
        ("did", {"kind": "queue", "queue": "VIP"}, "“VIP” is gone. Choose which queue."),
        ("did", {"kind": "rule", "rule": "Balance"}, "“Balance” is gone."),
        ("key", {"kind": "rule", "rule": "VIP customers"}, "“VIP customers” is gone."),
        ("did", {"kind": "dial"}, NOT_DIALLED),
        ("did", {"kind": "dial", "dial": "our office"}, NOT_DIALLED),
        ("did", {"kind": "dial", "dial": "9" * 5000}, NOT_DIALLED),
        ("did", {"kind": "dial", "dial": "sip:nobody"}, NOT_DIALLED),
        ("safe", {"kind": "say"}, "Type the sentence that callers hear."),
        ("safe", {"kind": "say", "say": "a\0b"}, "There is a character in it that can't be sent."),
        (
            "safe",
            {"kind": "say", "say": "x" * (LONGEST_SPEECH + 1)},
            f"Callers can hear at most {LONGEST_SPEECH} characters; "
            f"these are {LONGEST_SPEECH + 1}.",
        ),
    ],
)
def test_a_destination_says_why_it_is_refused(name: str, typed: dict[str, str], message: str):
    field, messages = filled(name, **typed)

    assert len(messages) == 1
    assert messages[0].startswith(message)
    assert field.typed == dict.fromkeys(field.inputs, "") | {
        one: text.strip() for one, text in typed.items()
    }


def test_a_number_is_read_as_one_of_the_country():
    field, messages = filled("did", GERMAN, kind="dial", dial="030 1234567")

    assert (field.data, messages) == (to("dial", "+49301234567"), ())
    assert field.typed["dial"] == "030 1234567"


def test_what_is_picked_is_still_listed_when_it_is_gone():
    field, _ = filled("did", kind="queue", queue="gone", recording="hello.wav")

    lists = dict(field.lists())
    assert ("gone", "gone (gone)") in lists["queue"]
    assert lists["recording"] == [("", "Choose …"), ("hello.wav", "hello.wav")]


@pytest.mark.parametrize(("name", "rule"), [("did", "VIP customers"), ("key", "Balance")])
def test_only_the_rules_of_a_location_are_offered(name: str, rule: str):
    field, _ = filled(name)

    assert dict(field.lists())["rule"] == [("", "Choose …"), (rule, rule)]


def test_the_kinds_to_choose_from_are_those_that_may_stand_there():
    assert filled("safe")[0].kind_choices() == [
        ("", "As in Settings"),
        ("queue", "Queue"),
        ("dial", "Dial"),
        ("say", "Say and hang up"),
    ]
    assert filled("rule")[0].kind_choices()[0] == ("", "Choose …")
    assert [one for one, _ in filled("rule")[0].kind_choices()[1:]] == [*FROM_RULE]


@pytest.mark.parametrize(
    "value",
    [
        None,
        to("hangup"),
        to("menu"),
        to("queue", "vip"),
        to("ivr", "801"),
        to("rule", "Balance"),
        to("dial", "+12025550123"),
    ],
)
def test_a_destination_comes_back_from_its_page_as_it_was(value: Destination | None):
    shown = Form(Offer(PLAN), None, key=value)["key"]
    assert shown.data == value

    field, messages = filled("key", **shown.typed)

    assert (field.data, messages) == (value, ())


def test_without_anything_sent_a_field_has_its_default():
    form = Form(Offer(PLAN))

    assert form["safe"].data == to("queue", "general")
    assert form["safe"].typed["queue"] == "general"
    assert form["prompt"].data == Prompt()
    assert form["voice"].data is None


@pytest.mark.parametrize(
    ("typed", "value", "message"),
    [
        ({}, Prompt(), ""),
        ({"text": " \r\n "}, Prompt(), ""),
        ({"text": " One.\r\nTwo. "}, Prompt("One.\nTwo."), ""),
        ({"recording": "hello.wav"}, Prompt(recording="hello.wav"), ""),
        ({"text": "x" * LONGEST_SPEECH}, Prompt("x" * LONGEST_SPEECH), ""),
        (
            {"text": "x\r\n" * (LONGEST_SPEECH // 2)},
            Prompt(("x\n" * (LONGEST_SPEECH // 2))[:-1]),
            "",
        ),
        (
            {"text": "Hi", "recording": "hello.wav"},
            Prompt("Hi", "hello.wav"),
            "Either type a text or choose a recording, not both.",
        ),
        (
            {"recording": "gone.wav"},
            Prompt(recording="gone.wav"),
            "The recording gone.wav is gone. Choose another.",
        ),
        (
            {"text": "\x07"},
            Prompt("\x07"),
            "There is a character in it that can't be sent. Type the text anew.",
        ),
        (
            {"text": "x" * 1201},
            Prompt("x" * 1201),
            "Callers can hear at most 1200 characters; these are 1201.",
        ),
    ],
)
def test_a_prompt_is_a_text_or_a_recording(typed: dict[str, str], value: Prompt, message: str):
    field, messages = filled("prompt", **typed)

    assert (field.data, messages) == (value, (message,) if message else ())
    assert field.typed["recording"] == typed.get("recording", "")


def test_a_recording_that_is_gone_is_still_listed():
    field, _ = filled("prompt", recording="gone.wav")

    assert [one for one, _ in field.choices()] == ["", "hello.wav", "gone.wav"]


@pytest.mark.parametrize(
    ("name", "typed", "value", "is_taken"),
    [
        ("voice", {}, None, True),
        ("voice", {"voice": ""}, None, True),
        ("voice", {"voice": "Polly.Joanna en-US"}, JOANNA, True),
        ("voice", {"voice": "Polly.Joanna de-DE"}, Voice("Polly.Joanna", "de-DE"), False),
        ("voice", {"voice": "nobody"}, None, False),
        ("speaker", {}, None, False),
        ("speaker", {"voice": ""}, None, False),
        ("speaker", {"voice": "Polly.Joanna en-US"}, JOANNA, True),
    ],
)
def test_a_voice_is_one_of_the_list(name: str, typed: dict[str, str], value: Any, is_taken: bool):
    field, messages = filled(name, **typed)

    assert field.data == value
    assert messages == (() if is_taken else ("Choose a voice of the list.",))


@pytest.mark.parametrize("value", [None, JOANNA, Voice("Polly.Vicki-Neural", "de-DE")])
def test_a_voice_comes_back_from_its_page_as_it_was(value: Voice | None):
    shown = Form(Offer(PLAN), None, voice=value)["voice"]

    field, messages = filled("voice", **shown.typed)

    assert (field.data, messages) == (value, ())
    assert field.typed["voice"] in dict(field.choices())
