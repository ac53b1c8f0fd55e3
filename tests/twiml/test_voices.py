"""The voices offered for spoken texts."""

import re

import pytest

from voiceapp.rules.rule import Voice
from voiceapp.twiml.voices import DEFAULT_VOICE, VOICES, is_accepted


def test_the_default_voice_is_offered():
    assert DEFAULT_VOICE in VOICES


def test_every_voice_is_offered_once_and_with_one_language():
    names = [voice.name for voice in VOICES]

    assert len(names) == len(set(names))


def test_every_voice_is_spelled_as_twilio_wants_it():
    name = re.compile(r"Polly\.[A-Z][a-z]+(-Neural)?")
    language = re.compile(r"arb|[a-z]{2}-[A-Z]{2}(-WLS)?")

    misspelled = [
        voice
        for voice in VOICES
        if not (name.fullmatch(voice.name) and language.fullmatch(voice.language))
    ]

    assert misspelled == []


def test_every_voice_offered_is_accepted():
    assert all(is_accepted(voice) for voice in VOICES)


@pytest.mark.parametrize(
    ("name", "language", "accepted"),
    [
        ("Polly.Joanna", "en-US", True),
        ("Polly.Joanna-Neural", "en-US", True),
        ("Polly.Amy", "en-GB", True),
        ("Polly.Marlene", "de-DE", True),
        ("Polly.Amy", "en-US", False),
        ("Polly.Marlene-Neural", "de-DE", False),
        ("polly.joanna", "en-US", False),
        ("Polly.Joanna", "en-us", False),
        ("Joanna", "en-US", False),
        ("Polly.Joanna", "", False),
        ("", "", False),
    ],
)
def test_a_pair_is_accepted_only_if_voice_and_language_fit(name, language, accepted):
    assert is_accepted(Voice(name, language)) is accepted
