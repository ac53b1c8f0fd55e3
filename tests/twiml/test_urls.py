"""The addresses of a call's next steps."""

from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceapp.twiml.urls import CallUrls, Progress

URLS = CallUrls(
    base="https://calls.example.com",
    release=12,
    progress=Progress(release=12, step=3, visits=2),
    ivr="801",
    recordings={"thank you.wav": "ab12"},
)
ON_DID = replace(URLS, ivr="")


@pytest.mark.parametrize(
    ("address", "written"),
    [
        (URLS.menu("802"), "/twiml/ivr/802?r=12&n=4&v=3"),
        (URLS.menu("8/0?1"), "/twiml/ivr/8%2F0%3F1?r=12&n=4&v=3"),
        (URLS.key(), "/twiml/ivr/801/key?r=12&n=4&v=3"),
        (URLS.key(silent=True), "/twiml/ivr/801/key?r=12&n=4&v=3&t=1"),
        (URLS.ask("2"), "/twiml/ivr/801/ask?r=12&n=4&v=3&k=2"),
        (URLS.ask("#"), "/twiml/ivr/801/ask?r=12&n=4&v=3&k=%23"),
        (URLS.ask("2", silent=True), "/twiml/ivr/801/ask?r=12&n=4&v=3&k=2&t=1"),
        (replace(URLS, ivr="8/0").key(), "/twiml/ivr/8%2F0/key?r=12&n=4&v=3"),
        (replace(URLS, ivr="8/0").ask("2"), "/twiml/ivr/8%2F0/ask?r=12&n=4&v=3&k=2"),
        (URLS.after("queue"), "/twiml/after/queue?r=12&n=4&v=3"),
        (URLS.after("dial"), "/twiml/after/dial?r=12&n=4&v=3"),
        (URLS.after_recording(), "/twiml/ivr/801?r=12&n=4&v=3"),
        (ON_DID.after_recording(), "/twiml/after/recording?r=12&n=4&v=3"),
        (
            URLS.recording("thank you.wav"),
            "https://calls.example.com/recordings/ab12/thank%20you.wav",
        ),
        (URLS.after_key().menu("801"), "/twiml/ivr/801?r=12&n=4&v=1"),
        (URLS.towards_safety().after("queue"), "/twiml/after/queue?r=12&n=4&v=3&s=1"),
        (URLS.towards_safety().after_key().after("dial"), "/twiml/after/dial?r=12&n=4&v=1&s=1"),
        (replace(URLS, progress=Progress()).after("dial"), "/twiml/after/dial?r=12&n=1&v=1"),
    ],
)
def test_an_address_carries_release_step_and_visits(address, written):
    assert address == written


def test_there_is_no_address_for_a_recording_that_is_not_there():
    with pytest.raises(KeyError):
        URLS.recording("gone.wav")


@given(
    st.builds(
        Progress,
        release=st.none(),
        step=st.integers(0, 200),
        visits=st.integers(0, 200),
        safe=st.booleans(),
    ),
    st.integers(0, 10**9 - 1),
    st.booleans(),
)
def test_the_next_step_reads_what_its_address_says(progress, release, silent):
    address = replace(URLS, progress=progress, release=release).key(silent=silent)

    read = Progress.from_args(dict(parse_qsl(urlsplit(address).query)))

    assert read == Progress(release, progress.step + 1, progress.visits + 1, progress.safe, silent)


@pytest.mark.parametrize(
    ("args", "progress"),
    [
        ({}, Progress()),
        ({"r": "12", "n": "3", "v": "2", "s": "1"}, Progress(12, 3, 2, True)),
        ({"r": "", "n": "x", "v": "-1", "s": "yes"}, Progress()),
        ({"r": "9" * 50, "n": "9" * 50}, Progress()),
        ({"r": "１", "n": "1.5"}, Progress()),
    ],
)
def test_an_address_that_is_not_ours_says_nothing(args, progress):
    assert Progress.from_args(args) == progress


@pytest.mark.parametrize(
    ("url", "progress"),
    [
        ("https://calls.example.com/twiml/ivr/801?r=12&n=3&v=2&s=1", Progress(12, 3, 2, True)),
        ("https://calls.example.com/twiml/did", Progress()),
        ("https://calls.example.com/twiml/did?", Progress()),
        ("?r=12&&n", Progress(release=12)),
        ("", Progress()),
    ],
)
def test_a_fallback_reads_how_far_the_call_had_come(url, progress):
    assert Progress.from_error_url(url) == progress


@pytest.mark.parametrize(
    ("step", "visits", "is_lost"),
    [(0, 0, False), (10, 10, False), (11, 11, True), (100, 1, False), (101, 1, True)],
)
def test_a_call_is_lost_after_ten_visits_without_a_key_or_a_hundred_steps(step, visits, is_lost):
    assert Progress(step=step, visits=visits).is_lost is is_lost
