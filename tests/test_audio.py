"""Uploaded files: what is a recording by its content, and what only says so."""

import io
import struct
import time
import tracemalloc
import unicodedata
import wave

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from voiceapp.audio import LONGEST, MOST_BYTES, NotAudio, Sound, inspect, proper_name
from voiceapp.rules import parts
from voiceapp.rules.plan import Recording

FRAME = bytes.fromhex("fffb9064") + bytes(413)
"""A silent frame: MPEG 1 layer III, 128 kbit/s, 44.1 kHz, joint stereo."""
FRAME_SECONDS = 1152 / 44_100

MP3 = FRAME * 40
ID3 = b"ID3\x04\x00\x00\x00\x00\x01\x00" + b"TIT2".ljust(128, b"\0")
MU_LAW, A_LAW, EXTENSIBLE, FLOAT = 7, 6, 0xFFFE, 3


def pcm(width: int = 2, channels: int = 1, rate: int = 8000, seconds: float = 1) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setsampwidth(width)
        writer.setnchannels(channels)
        writer.setframerate(rate)
        writer.writeframes(bytes(int(rate * seconds) * width * channels))
    return file.getvalue()


def riff(
    data: bytes = bytes(8000),
    coding: int = MU_LAW,
    channels: int = 1,
    rate: int = 8000,
    bits: int = 8,
    align: int | None = None,
    more: bytes = b"",
    between: bytes = b"",
    declared: int | None = None,
) -> bytes:
    """A WAV header by hand, for what the wave module does not write."""
    align = channels * bits // 8 if align is None else align
    chunk = struct.pack("<HHIIHH", coding, channels, rate, rate * align, align, bits) + more
    size = len(data) if declared is None else declared
    body = b"WAVEfmt " + struct.pack("<I", len(chunk)) + chunk + between
    body += b"data" + struct.pack("<I", size) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def sentence(content: bytes) -> str:
    with pytest.raises(NotAudio) as refusal:
        inspect(content)
    return str(refusal.value)


@pytest.mark.parametrize(
    ("content", "seconds"),
    [
        pytest.param(pcm(width=1), 1, id="8 bits"),
        pytest.param(pcm(), 1, id="16 bits"),
        pytest.param(pcm(width=3, rate=48_000), 1, id="24 bits"),
        pytest.param(pcm(channels=2, rate=44_100, seconds=0.5), 0.5, id="stereo"),
        pytest.param(riff(), 1, id="mu-law"),
        pytest.param(riff(coding=A_LAW, channels=2), 0.5, id="a-law, stereo"),
        pytest.param(riff(more=b"\0\0"), 1, id="longer header"),
        pytest.param(
            riff(coding=EXTENSIBLE, bits=16, more=struct.pack("<HHIH", 22, 16, 4, 1) + bytes(14)),
            0.5,
            id="extensible",
        ),
        pytest.param(riff(between=b"LIST\x03\0\0\0abc\0"), 1, id="odd chunk before the sound"),
        pytest.param(riff() + b"LIST\x04\0\0\0abcd", 1, id="chunk behind the sound"),
        pytest.param(riff(declared=0xFFFFFFFF), 1, id="size unknown"),
    ],
)
def test_a_wav_is_taken(content: bytes, seconds: float):
    assert inspect(content) == Sound("audio/wav", seconds, ".wav")


@pytest.mark.parametrize(
    ("content", "frames"),
    [
        pytest.param(MP3, 40, id="frames alone"),
        pytest.param(ID3 + MP3, 40, id="tag before"),
        pytest.param(ID3 + ID3 + MP3, 40, id="two tags before"),
        pytest.param(ID3 + bytes(500) + MP3, 40, id="room behind the tag"),
        pytest.param(MP3 + b"TAG".ljust(128, b"\0"), 40, id="tag behind"),
        pytest.param(MP3 + b"APETAGEX".ljust(300, b"x"), 40, id="other tag behind"),
        pytest.param(MP3 + FRAME[:200], 40, id="last frame cut off"),
        pytest.param(MP3 + FRAME[:3], 40, id="last header cut off"),
        pytest.param(MP3 + bytes(1000), 40, id="zeros behind"),
    ],
)
def test_an_mp3_is_taken(content: bytes, frames: int):
    sound = inspect(content)

    assert (sound.media_type, sound.suffix) == ("audio/mpeg", ".mp3")
    assert sound.seconds == pytest.approx(frames * FRAME_SECONDS)


@pytest.mark.parametrize(
    ("header", "length", "seconds"),
    [
        pytest.param("fff340c4", 104, 576 / 22_050, id="MPEG 2, 32 kbit/s"),
        pytest.param("ffe338c4", 216, 576 / 8_000, id="MPEG 2.5, 24 kbit/s"),
        pytest.param("fffa9264", 418, 1152 / 44_100, id="padded, with a checksum"),
        pytest.param("fffbe4c4", 960, 1152 / 48_000, id="320 kbit/s"),
    ],
)
def test_frames_of_every_kind_have_their_length(header: str, length: int, seconds: float):
    frame = bytes.fromhex(header).ljust(length, b"\0")

    assert inspect(frame * 10).seconds == pytest.approx(10 * seconds)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"<script>alert(1)</script>", id="script"),
        pytest.param(b"<script>" + MP3, id="script before frames"),
        pytest.param(b"<!doctype html><title>x</title>", id="page"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + bytes(1000), id="image"),
        pytest.param(b"RIFF\x10\0\0\0AVI LIST" + bytes(1000), id="film"),
        pytest.param(b"RIFX" + pcm()[4:], id="the other way round"),
        pytest.param(b"OggS" + bytes(1000), id="ogg"),
        pytest.param(b"\0\0\0\x20ftypM4A " + bytes(1000), id="m4a"),
        pytest.param(b"MZ" + bytes(1000), id="program"),
        pytest.param(bytes(10_000), id="zeros"),
        pytest.param(b"\xff" * 10_000, id="ones"),
        pytest.param(FRAME[:4] + b"<script>" * 100, id="script behind a header"),
        pytest.param(FRAME + b"<script>" * 100, id="script behind a frame"),
        pytest.param(ID3, id="tag alone"),
        pytest.param(ID3 + b"<script>", id="script behind a tag"),
        pytest.param(b"ID3\x04\0\0\x7f\x7f\x7f\x7f" + MP3, id="tag larger than the file"),
        pytest.param(b"ID3\x04\0\0\xff\xff\xff\xff" + MP3, id="tag of no size"),
        pytest.param(b"ID3", id="tag cut off"),
        pytest.param(bytes.fromhex("fffd9064").ljust(417, b"\0") * 40, id="layer II"),
        pytest.param(bytes.fromhex("fffb0064").ljust(417, b"\0") * 40, id="free bit rate"),
    ],
)
def test_what_is_neither_is_refused(content: bytes):
    assert sentence(content).startswith("This is no WAV or MP3 file.")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b"", "The file is empty.", id="empty"),
        pytest.param(bytes(MOST_BYTES + 1), "The file is larger than 10 MB.", id="too large"),
        pytest.param(riff(data=b""), "There is nothing to hear", id="header alone"),
        pytest.param(pcm(seconds=0.09), "There is nothing to hear", id="too short"),
        pytest.param(FRAME * 3, "There is nothing to hear", id="too few frames"),
        pytest.param(riff(data=b"", declared=8000), "The file is incomplete.", id="declared only"),
        pytest.param(pcm()[:-1], "The file is incomplete.", id="cut off"),
        pytest.param(b"RIFF\x04\0\0\0WAVE", "The file is incomplete.", id="no chunks"),
        pytest.param(riff()[:30], "The file is incomplete.", id="no sound"),
        pytest.param(
            b"RIFF\0\0\0\0WAVEdata\x10\0\0\0" + bytes(16), "The file is incomplete.", id="no header"
        ),
        pytest.param(
            b"RIFF\0\0\0\0WAVEfmt \x02\0\0\0\1\0", "The file is incomplete.", id="short header"
        ),
        pytest.param(riff(coding=FLOAT, bits=32), "This kind of WAV", id="floating point"),
        pytest.param(riff(coding=17, bits=4), "This kind of WAV", id="adpcm"),
        pytest.param(riff(bits=16), "This kind of WAV", id="mu-law with 16 bits"),
        pytest.param(riff(coding=EXTENSIBLE), "This kind of WAV", id="extensible without more"),
        pytest.param(riff(channels=6), "The recording has more than two", id="six channels"),
        pytest.param(riff(channels=0), "The recording has more than two", id="no channels"),
        pytest.param(riff(rate=0), "The header of this WAV is damaged.", id="no rate"),
        pytest.param(riff(align=0), "The header of this WAV is damaged.", id="no alignment"),
        pytest.param(
            pcm(width=1, seconds=LONGEST + 1), "The recording is longer than", id="long wav"
        ),
        pytest.param(
            bytes.fromhex("ffe318c4").ljust(72, b"\0") * 8_400,
            "The recording is longer than",
            id="long mp3",
        ),
        pytest.param(
            MP3 + b"<script>" * 100, "The MP3 is damaged after 1.0 seconds.", id="damaged mp3"
        ),
    ],
)
def test_what_can_not_be_played_is_refused_with_the_reason(content: bytes, expected: str):
    assert sentence(content).startswith(expected)


def test_ten_minutes_and_ten_megabytes_are_taken():
    assert inspect(pcm(seconds=LONGEST)).seconds == LONGEST
    assert inspect(MP3 + b"TAG".ljust(MOST_BYTES - len(MP3), b"\0")).seconds > 1


SEEDS = (pcm(seconds=0.2), riff(data=bytes(1000)), MP3[:5000], ID3 + MP3[:5000])
HEADERS = (
    b"",
    b"RIFF\0\0\0\0WAVE",
    b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0",
    b"ID3",
    b"\xff\xfb",
    b"\xff",
)


@given(st.builds(lambda header, rest: header + rest, st.sampled_from(HEADERS), st.binary()))
@example(b"RIFF\0\0\0\0WAVEfmt \xff\xff\xff\xff" + bytes(40))
def test_whatever_is_uploaded_nothing_but_a_refusal_is_raised(content: bytes):
    try:
        sound = inspect(content)
    except NotAudio:
        return

    assert 0.1 <= sound.seconds <= LONGEST


@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.integers(0, 4999), st.integers(0, 255)), max_size=20),
    st.integers(0, 5000),
)
def test_damage_raises_nothing_but_a_refusal(
    seed: bytes, damage: list[tuple[int, int]], length: int
):
    content = bytearray(seed[: max(length, 1)])
    for position, value in damage:
        content[position % len(content)] = value

    try:
        sound = inspect(bytes(content))
    except NotAudio:
        return

    assert 0.1 <= sound.seconds <= LONGEST


@pytest.mark.parametrize(
    "content",
    [
        pytest.param((b"RIFF\0\0\0\0WAVE" + b"junk\0\0\0\0" * 1_400_000)[:MOST_BYTES], id="chunks"),
        pytest.param((b"ID3\x04\0\0\0\0\0\0" * 1_100_000)[:MOST_BYTES], id="tags"),
        pytest.param((FRAME * 26_000)[:MOST_BYTES], id="frames"),
    ],
)
def test_the_worst_files_cost_neither_time_nor_memory(content: bytes):
    tracemalloc.start()
    started = time.process_time()

    with pytest.raises(NotAudio):
        inspect(content)

    assert time.process_time() - started < 20  # some 2 s at most, with memory being traced
    assert tracemalloc.get_traced_memory()[1] < 2 * MOST_BYTES + 1024 * 1024
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("uploaded", "name"),
    [
        ("welcome.wav", "welcome.wav"),
        ("Welcome.WAV", "Welcome.wav"),
        ("welcome.mp3", "welcome.wav"),
        ("welcome", "welcome.wav"),
        ("v1.2", "v1.2.wav"),
        ("page.html", "page.html.wav"),
        ("C:\\Tapes\\welcome.wav", "welcome.wav"),
        ("/etc/../welcome.wav", "welcome.wav"),
        ("..\\..\\.welcome", "welcome.wav"),
        (" two  words .wav", "two words.wav"),
        ("line\nbreak\0.wav", "line break.wav"),
        ("a\r\x08\rb.wav", "a b.wav"),
        ("\u202evaw.exe", "vaw.exe.wav"),
        ("Gru\u0308sse.wav", "Gr\u00fcsse.wav"),
        ("", "recording.wav"),
        ("...", "recording.wav"),
        (".wav", "recording.wav"),
        ("folder/", "recording.wav"),
        ("\udcff.wav", "recording.wav"),
        ("x" * 200 + ".wav", "x" * 96 + ".wav"),
    ],
)
def test_a_recording_is_named_after_its_file(uploaded: str, name: str):
    assert proper_name(uploaded, ".wav") == name


@given(st.text() | st.text(alphabet="./\\ aé\0\n\u0301wavmp3"), st.sampled_from([".wav", ".mp3"]))
def test_every_name_is_made_proper(uploaded: str, suffix: str):
    name = proper_name(uploaded, suffix)

    assert list(parts.recording(Recording(name, "0" * 64, "audio/wav"))) == []
    assert name.endswith(suffix)
    assert len(name) <= 100
    assert not name.startswith(".")
    assert name == name.strip()
    assert unicodedata.is_normalized("NFC", name)
    assert proper_name(name, suffix) == name
