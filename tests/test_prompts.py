"""The public door to recordings: what media servers fetch, and what strangers don't get."""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Barrier

import pytest
from flask import Flask
from sqlalchemy import event
from werkzeug.test import TestResponse

from tests.conftest import MakeApp
from voiceapp.extensions import db
from voiceapp.models.recordings import RecordingContent
from voiceapp.runtime import Runtime

NAME = "bronze-offer.wav"
UNKNOWN = "0" * 64


def parts_of(app: Flask) -> Runtime:
    parts: Runtime = app.extensions["voiceapp"]
    return parts


@pytest.fixture
def digest(app: Flask) -> str:
    """The hash of a recording that the release plays."""
    live = parts_of(app).live
    live.ensure_started(watch=False)
    return live.tables.newest.recordings[NAME]


@pytest.fixture
def file(instance: Path, digest: str) -> Path:
    """Where this machine keeps that recording."""
    return instance / "recordings" / f"{digest}.wav"


@pytest.fixture
def content(file: Path) -> bytes:
    """The whole recording."""
    return file.read_bytes()


def fetch(app: Flask, digest: str, name: str = NAME, **headers: str) -> TestResponse:
    spelled = {header.replace("_", "-"): value for header, value in headers.items()}
    with app.test_client().get(f"/recordings/{digest}/{name}", headers=spelled) as response:
        response.get_data()
        return response


@contextmanager
def statements(app: Flask) -> Iterator[list[str]]:
    """Yield what the database is asked while the block runs."""
    asked: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        asked.append(statement)

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    yield asked
    event.remove(engine, "before_cursor_execute", note)


@pytest.fixture(params=["disk", "fetched", "unwritable"])
def kept(request: pytest.FixtureRequest, file: Path, content: bytes) -> str:
    """Where the recording comes from; from anywhere it is served alike."""
    if request.param != "disk":
        file.unlink()
    if request.param == "unwritable":
        _spoil(file.parent)
    return str(request.param)


def _spoil(folder: Path) -> None:
    """Put a file in the folder's place: nothing can be kept there any more, not by root either."""
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    folder.write_bytes(b"")


@pytest.mark.usefixtures("kept")
class TestARecording:
    def test_it_is_sent_whole_with_its_type_to_be_kept_for_good(
        self, app: Flask, digest: str, content: bytes
    ):
        response = fetch(app, digest)

        assert (response.status_code, response.mimetype) == (200, "audio/wav")
        assert response.data == content
        assert response.content_length == len(content)
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["ETag"] == f'"{digest}"'
        assert response.cache_control.immutable
        assert response.cache_control.public
        assert response.cache_control.max_age == 365 * 24 * 3600

    @pytest.mark.parametrize("tag", ['"{}"', 'W/"{}"', '"other", "{}"', "*"])
    def test_it_is_not_sent_again_to_whoever_has_it(self, app: Flask, digest: str, tag: str):
        response = fetch(app, digest, If_None_Match=tag.format(digest))

        assert (response.status_code, response.data) == (304, b"")
        assert response.headers["ETag"] == f'"{digest}"'

    def test_it_is_sent_to_whoever_has_another(self, app: Flask, digest: str, content: bytes):
        response = fetch(app, digest, If_None_Match=f'"{UNKNOWN}"')

        assert (response.status_code, response.data) == (200, content)

    @pytest.mark.parametrize(
        ("asked", "begin", "end"),
        [("100-199", 100, 200), ("0-0", 0, 1), ("9000-", 9000, None), ("-100", -100, None)],
    )
    def test_a_range_of_it_is_sent_alone(
        self, app: Flask, digest: str, content: bytes, asked: str, begin: int, end: int | None
    ):
        response = fetch(app, digest, Range=f"bytes={asked}")

        sent = range(len(content))[begin:end]
        assert (response.status_code, response.data) == (206, content[begin:end])
        where = f"bytes {sent[0]}-{sent[-1]}/{len(content)}"
        assert response.headers["Content-Range"] == where

    @pytest.mark.parametrize("asked", ["99999999-", "99999999-99999999"])
    def test_a_range_beyond_it_is_refused(self, app: Flask, digest: str, asked: str):
        response = fetch(app, digest, Range=f"bytes={asked}")

        assert response.status_code == 416
        assert b"RIFF" not in response.data

    def test_its_name_is_for_people_only(self, app: Flask, digest: str, content: bytes):
        response = fetch(app, digest, name="whatever.mp3")

        assert (response.data, response.mimetype) == (content, "audio/wav")

    def test_it_can_only_be_fetched(self, app: Flask, digest: str):
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            response = app.test_client().open(f"/recordings/{digest}/{NAME}", method=method)

            assert response.status_code == 405


def test_what_was_missing_on_the_disk_is_kept_there(
    app: Flask, file: Path, digest: str, content: bytes
):
    file.unlink()

    first = fetch(app, digest)
    with statements(app) as asked:
        again = fetch(app, digest)

    assert first.data == again.data == file.read_bytes() == content
    assert asked == []
    assert [path for path in file.parent.iterdir() if path.name.startswith(".")] == []


def test_many_that_fetch_it_at_once_all_get_the_whole(
    app: Flask, file: Path, digest: str, content: bytes
):
    file.unlink()
    threads = 24
    together = Barrier(threads)

    def fetch_with_all(_: int) -> TestResponse:
        together.wait()
        return fetch(app, digest)

    with ThreadPoolExecutor(threads) as pool:
        answers = list(pool.map(fetch_with_all, range(threads)))

    assert {response.status_code for response in answers} == {200}
    assert {response.data for response in answers} == {content}
    assert file.read_bytes() == content


def test_an_unknown_recording_is_not_even_asked_for(app: Flask, digest: str):
    with statements(app) as asked:
        response = fetch(app, UNKNOWN)

    assert response.status_code == 404
    assert asked == []


def test_a_recording_that_no_release_plays_is_not_fetched(app: Flask, digest: str):
    content = b"RIFF of a draft"
    of_draft = hashlib.sha256(content).hexdigest()
    with app.app_context():
        db.session.add(RecordingContent(hash=of_draft, media_type="audio/wav", content=content))
        db.session.commit()

    response = fetch(app, of_draft)

    assert response.status_code == 404
    assert content not in response.data


def test_while_the_database_is_away_what_is_not_on_the_disk_is_to_be_asked_for_later(
    make_app: MakeApp, app: Flask, file: Path, digest: str, tmp_path: Path
):
    away = make_app({"DATABASE_URL": f"sqlite:///{tmp_path / 'away' / 'voiceapp.db'}"})
    on_disk = fetch(away, digest)
    file.unlink()

    missing = fetch(away, digest)

    assert (on_disk.status_code, missing.status_code) == (200, 503)


@pytest.mark.parametrize(
    "path",
    [
        "../secrets.json",
        "..%2Fsecrets.json/x.wav",
        "..%2F..%2F..%2Fetc%2Fpasswd/x.wav",
        "{digest}/..%2F..%2F..%2Fsecrets.json",
        "{digest}/../../secrets.json",
        "{digest}.wav/x.wav",
        "{digest}%0A/x.wav",
        "{digest}%00/x.wav",
        "%2E%2E/secrets.json",
        "{upper}/x.wav",
        "{digest}",
        "{digest}/",
        "x/x.wav",
        "%EF%BC%90{digest}/x.wav",
    ],
)
def test_what_is_no_recordings_address_leads_nowhere(app: Flask, digest: str, path: str):
    target = f"/recordings/{path.format(digest=digest, upper=digest.upper())}"

    response = app.test_client().get(target)

    assert response.status_code == 404
    assert b"TWILIO_AUTH_TOKEN" not in response.data
    assert b"RIFF" not in response.data
