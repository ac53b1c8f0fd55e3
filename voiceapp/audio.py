"""What an uploaded file is, judged by its content alone: a WAV or MP3 that can be played, or not.

Nothing is decoded: chunks and frames are counted where they stand, so that a hostile file costs
no more than a good one of its size.
"""

import re
import struct
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

MOST_BYTES = 10 * 1024 * 1024
LONGEST = 600
SHORTEST = 0.1
LONGEST_FILE_NAME = 100

_NEITHER = "This is no WAV or MP3 file. Save the recording as one of them, and upload that."
_INCOMPLETE = "The file is incomplete. Save it anew, and upload that."

_PCM, _A_LAW, _MU_LAW, _EXTENSIBLE = 1, 6, 7, 0xFFFE
_BITS = {_PCM: (8, 16, 24, 32), _A_LAW: (8,), _MU_LAW: (8,)}
_MOST_CHANNELS = 2
_RATES = range(4_000, 192_001)
_SIZE_UNKNOWN = 0x7FF0_0000
"""What programs that can't go back to the header write is at least this."""

_FREQUENCIES = {
    3: (44_100, 48_000, 32_000),
    2: (22_050, 24_000, 16_000),
    0: (11_025, 12_000, 8_000),
}
"""Samples per second by the version's bits: MPEG 1, 2 and 2.5."""
_KILOBITS_1 = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KILOBITS_2 = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_LAYER_3 = 1
_ID3_HEADER = 10
_MOST_PARTS = 1000  # chunks, or tags; honest files have a few
_TAGS_AT_THE_END = (b"TAG", b"APETAGEX", b"LYRICSBEGIN", b"ID3", b"3DI")

_ENDINGS = re.compile(r"\.(wave?|mp3|mp[g2]a|mpeg|m4a|aac|ogg|opus|flac|aiff?)$", re.IGNORECASE)
_SLASHES = re.compile(r"[/\\]")


class NotAudio(Exception):
    """A file can't be a recording; its text is a sentence that says what to do."""


@dataclass(frozen=True, slots=True)
class Sound:
    """What a file holds; `suffix` is the one that its name should have."""

    media_type: str
    seconds: float
    suffix: str


@dataclass(frozen=True, slots=True)
class _Frame:
    """The header of an MP3 frame: its length in bytes, and how long it sounds."""

    kind: tuple[int, int]
    length: int
    seconds: float


def inspect(content: bytes) -> Sound:
    """Return what a file holds. Raises NotAudio for what can't or should not be played."""
    if not content:
        raise NotAudio("The file is empty. Choose another.")
    if len(content) > MOST_BYTES:
        raise NotAudio("The file is larger than 10 MB. Shorten the recording, or save it as MP3.")
    if content[:4] == b"RIFF" and content[8:12] == b"WAVE":
        sound = Sound("audio/wav", _wav_seconds(content), ".wav")
    else:
        sound = Sound("audio/mpeg", _mp3_seconds(content), ".mp3")
    if sound.seconds > LONGEST:
        raise NotAudio("The recording is longer than 10 minutes. Shorten it.")
    if sound.seconds < SHORTEST:
        raise NotAudio("There is nothing to hear in the file. Record it anew.")
    return sound


def proper_name(file_name: str, suffix: str) -> str:
    """
    Return a name for a recording after an uploaded file's, with the suffix of its content.

    >>> proper_name("C:\\\\Tapes\\\\Welcome.WAV", ".wav"), proper_name("../v1.2.ogg", ".mp3")
    ('Welcome.wav', 'v1.2.mp3')
    >>> proper_name(".wav", ".wav"), proper_name("", ".mp3")
    ('recording.wav', 'recording.mp3')
    """
    name = _SLASHES.split(file_name)[-1]
    plain = "".join(
        one for one in name if one.isspace() or not unicodedata.category(one).startswith("C")
    )
    spaced = " ".join(plain.split())
    stem = _ENDINGS.sub("", unicodedata.normalize("NFC", spaced))
    stem = stem.lstrip(". ")[: LONGEST_FILE_NAME - len(suffix)].strip()
    return f"{stem or 'recording'}{suffix}"


def _wav_seconds(content: bytes) -> float:
    bytes_per_second = 0
    for name, declared, start in _chunks(content):
        if name == b"fmt ":
            bytes_per_second = _bytes_per_second(content[start : start + declared])
        elif name == b"data" and bytes_per_second:
            there = len(content) - start
            if there < declared < _SIZE_UNKNOWN:
                raise NotAudio(_INCOMPLETE)
            return min(declared, there) / bytes_per_second
    raise NotAudio(_INCOMPLETE)


def _chunks(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, declared size and beginning of each chunk of a RIFF file."""
    position = 12
    for _ in range(_MOST_PARTS):
        if position + 8 > len(content):
            return
        name, size = struct.unpack_from("<4sI", content, position)
        yield name, size, position + 8
        position += 8 + size + size % 2


def _bytes_per_second(chunk: bytes) -> int:
    """Return how many bytes a second takes, from the chunk that says so."""
    if len(chunk) < 16:
        raise NotAudio(_INCOMPLETE)
    coding, channels, rate, _, align, bits = struct.unpack_from("<HHIIHH", chunk)
    if coding == _EXTENSIBLE and len(chunk) >= 26:
        (coding,) = struct.unpack_from("<H", chunk, 24)
    if bits not in _BITS.get(coding, ()):
        raise NotAudio("This kind of WAV can't be played. Save it as PCM with 16 bits.")
    if not 1 <= channels <= _MOST_CHANNELS:
        raise NotAudio("The recording has more than two channels. Save it with one.")
    if rate not in _RATES or align != channels * bits // 8:
        raise NotAudio("The header of this WAV is damaged. Save it anew, and upload that.")
    return int(rate * align)


def _mp3_seconds(content: bytes) -> float:
    """Walk from frame to frame; behind the last there may be tags, or a frame that is cut off."""
    position = _behind_id3(content)
    first = frame = _frame(content, position)
    if first is None:
        raise NotAudio(_NEITHER)
    seconds = 0.0
    while frame is not None and frame.kind == first.kind and seconds <= LONGEST:
        if position + frame.length > len(content):
            return seconds
        seconds += frame.seconds
        position += frame.length
        frame = _frame(content, position)
    if seconds <= LONGEST and not _is_end(content, position):
        raise NotAudio(_NEITHER if seconds < SHORTEST else _damaged(seconds))
    return seconds


def _damaged(seconds: float) -> str:
    return f"The MP3 is damaged after {seconds:.1f} seconds. Save it anew, and upload that."


def _behind_id3(content: bytes) -> int:
    """Return where the frames of an MP3 begin."""
    position = 0
    for _ in range(_MOST_PARTS):
        if content[position : position + 3] != b"ID3":
            break
        header = content[position : position + _ID3_HEADER]
        if len(header) < _ID3_HEADER or max(header[6:]) > 0x7F:
            raise NotAudio(_NEITHER)
        size = header[6] << 21 | header[7] << 14 | header[8] << 7 | header[9]
        footer = _ID3_HEADER if header[5] & 0x10 else 0
        position += _ID3_HEADER + size + footer
    if position:  # some programs leave room behind the tag
        position = len(content) - len(content[position:].lstrip(b"\0"))
    return position


def _frame(content: bytes, position: int) -> _Frame | None:
    """Return what the header of a frame of layer III says; None if there is none."""
    header = content[position : position + 4]
    if len(header) < 4 or header[0] != 0xFF or header[1] < 0xE0:
        return None
    version, layer = header[1] >> 3 & 3, header[1] >> 1 & 3
    kilobits, frequency = header[2] >> 4, header[2] >> 2 & 3
    if version not in _FREQUENCIES or layer != _LAYER_3 or frequency == 3:
        return None
    if kilobits in (0, 15):
        return None
    is_first_version = version == 3
    rate = _FREQUENCIES[version][frequency]
    bits = (_KILOBITS_1 if is_first_version else _KILOBITS_2)[kilobits - 1] * 1000
    samples = 1152 if is_first_version else 576
    padding = header[2] >> 1 & 1
    return _Frame((version, rate), samples // 8 * bits // rate + padding, samples / rate)


def _is_end(content: bytes, position: int) -> bool:
    """Say whether nothing that sounds is left: tags, zeros, or the beginning of a header."""
    left = content[position:]
    return len(left) < 4 or left.startswith(_TAGS_AT_THE_END) or not left.strip(b"\0")
