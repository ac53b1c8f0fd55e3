"""Recordings: judged by their content, played in the page, followed when they are renamed."""

import io
import re
import wave
from datetime import timedelta

import pytest
from sqlalchemy import update

from tests.settings.conftest import csrf, post
from voiceapp import audio
from voiceapp.audio import MOST_BYTES
from voiceapp.extensions import db
from voiceapp.models.recordings import RecordingContent
from voiceapp.models.types import now
from voiceapp.routing import draft
from voiceapp.rules.plan import Recording
from voiceapp.rules.rule import DestinationKind
from voiceapp.rules.uses import uses
from voiceapp.runtime import runtime

LIST, NEW = "/admin/recordings/", "/admin/recordings/new"
MP3 = (b"\xff\xfb\x90\x00" + bytes(413)) * 80
HASH = re.compile(r'name="kept" type="hidden" value="([0-9a-f]*)"')


def wav(seconds: float = 1.5, tone: int = 7) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(8000)
        writer.writeframes(bytes([tone, 0]) * int(8000 * seconds))
    return file.getvalue()


def file(content: bytes, name: str) -> tuple[io.BytesIO, str]:
    return io.BytesIO(content), name


def send(client, name: bytes, content: bytes):
    """Upload a file under a name that no browser would send."""
    lines = (
        b"--b",
        b'Content-Disposition: form-data; name="csrf_token"',
        b"",
        csrf(client, NEW).encode(),
        b"--b",
        b'Content-Disposition: form-data; name="file"; filename="' + name + b'"',
        b"",
        content,
        b"--b--",
        b"",
    )
    form = "multipart/form-data; boundary=b"
    return client.post(NEW, data=b"\r\n".join(lines), content_type=form)


@pytest.fixture
def editor(signed_in):
    return signed_in("editor")


@pytest.fixture
def stored(app):
    """Return a recording of the draft by its name; None if there is none."""

    def stored(name: str):
        with app.app_context():
            found = draft.find_key(db.session(), Recording, name)
            db.session.remove()
            return found

    return stored


class TestUpload:
    @pytest.mark.parametrize(
        ("content", "sent_as", "kept_as", "media_type"),
        [
            (wav(), "Welcome.wav", "Welcome.wav", "audio/wav"),
            (MP3, "hold music.mp3", "hold music.mp3", "audio/mpeg"),
            (MP3, "lie.wav", "lie.mp3", "audio/mpeg"),
            (wav(), "../../etc/x.wav", "x.wav", "audio/wav"),
            (wav(), "no-suffix", "no-suffix.wav", "audio/wav"),
            (wav(), "Grüße ☎.wav", "Grüße ☎.wav", "audio/wav"),
        ],
    )
    def test_a_file_is_kept_as_what_it_is_under_its_own_name(
        self, editor, stored, content, sent_as, kept_as, media_type
    ):
        answer = post(editor, NEW, file=file(content, sent_as))

        assert answer.status_code == 303
        assert stored(kept_as).part.media_type == media_type
        assert kept_as in editor.get(LIST).text

    def test_a_file_can_be_given_another_name(self, editor, stored):
        post(editor, NEW, file=file(wav(), "take-7.wav"), name=" Welcome ")

        assert stored("Welcome")

    @pytest.mark.parametrize(
        ("content", "name", "sentence"),
        [
            (b"#!/bin/sh\nrm -rf /\n", "script.wav", "This is no WAV or MP3 file."),
            (b"", "silence.wav", "The file is empty."),
            (wav()[:200], "cut.wav", "The file is incomplete."),
        ],
        ids=["script", "empty", "incomplete"],
    )
    def test_what_cannot_be_played_is_refused_beside_the_field(
        self, app, editor, content, name, sentence
    ):
        answer = post(editor, NEW, file=file(content, name), name="my own name")

        assert answer.status_code == 422
        assert answer.text.count(sentence) == 2  # at the top, and beside the field
        assert 'value="my own name"' in answer.text
        with app.app_context():
            assert len(draft.read(db.session()).recordings) == 2

    def test_a_file_that_is_too_large_is_refused_beside_the_field(self, editor):
        answer = send(editor, b"large.wav", bytes(MOST_BYTES + 1))

        assert answer.status_code == 422
        assert "The file is larger than 10 MB." in answer.text

    def test_a_request_beyond_all_bounds_is_answered_in_words(self, editor):
        answer = send(editor, b"huge.wav", bytes(13 * 1024 * 1024))

        assert answer.status_code == 413
        assert "Files may have up to 10 MB." in answer.text

    def test_without_a_file_there_is_nothing_to_save(self, editor):
        answer = post(editor, NEW, name="x")

        assert answer.status_code == 422
        assert "Choose a WAV or MP3 file." in answer.text

    def test_a_name_that_is_markup_is_shown_as_text(self, editor):
        post(editor, NEW, file=file(wav(), "<img src=x onerror=alert(1)>.wav"))

        page = editor.get(LIST).text

        assert "<img" not in page
        assert "&lt;img src=x onerror=alert(1)&gt;.wav" in page

    def test_a_null_in_a_file_name_is_left_out(self, editor, stored):
        answer = send(editor, b"a\0.wav", wav())

        assert answer.status_code == 303
        assert stored("a.wav")

    @pytest.mark.parametrize("name", ["a/b", "a\\b", "a\0b", "..", ".", "x\uffff", "x" * 101])
    def test_a_name_that_no_address_can_hold_is_refused(self, editor, name):
        assert post(editor, NEW, file=file(wav(), "x.wav"), name=name).status_code == 422

    def test_the_file_need_not_be_sent_again_for_a_mistake_in_the_name(self, editor, stored):
        refused = post(editor, NEW, file=file(wav(), "x.wav"), name="thank-you.wav")
        kept = HASH.search(refused.text)[1]

        answer = post(editor, NEW, kept=kept, name="x.wav")

        assert refused.status_code == 422
        assert "There is a recording of this name." in refused.text
        assert "A file is uploaded already" in refused.text
        assert answer.status_code == 303
        assert stored("x.wav").part.hash == kept

    def test_a_file_that_was_dropped_meanwhile_has_to_be_sent_again(self, app, editor):
        refused = post(editor, NEW, file=file(wav(), "x.wav"), name="thank-you.wav")
        kept = HASH.search(refused.text)[1]
        with app.app_context():
            db.session.delete(db.session.get(RecordingContent, kept))
            db.session.commit()

        answer = post(editor, NEW, kept=kept, name="x.wav")

        assert answer.status_code == 422
        assert "Choose it again." in answer.text

    def test_a_file_that_is_still_meant_is_kept_another_day(self, app, editor):
        refused = post(editor, NEW, file=file(wav(), "x.wav"), name="thank-you.wav")
        kept = HASH.search(refused.text)[1]
        with app.app_context():
            db.session.execute(
                update(RecordingContent).values(created_at=now() - timedelta(days=2))
            )
            db.session.commit()

        post(editor, NEW, kept=kept, name="thank-you.wav")

        with app.app_context():
            runtime().recordings.sweep(())
            assert runtime().recordings.fetch(kept)

    @pytest.mark.parametrize("kept", ["f" * 64, "../../secrets.json", "\0"])
    def test_a_hash_that_nothing_is_kept_under_counts_for_nothing(self, editor, kept):
        answer = post(editor, NEW, kept=kept, name="x.wav")

        assert answer.status_code == 422
        assert "Choose it again." in answer.text


class TestChange:
    def test_another_name_is_followed_by_what_plays_it(self, app, editor, stored):
        id_ = stored("thank-you.wav").id
        page = f"{LIST}{id_}"

        answer = post(
            editor, page, version="1", kept=stored("thank-you.wav").part.hash, name="bye.wav"
        )

        assert answer.status_code == 303
        with app.app_context():
            plan = draft.read(db.session())
        assert not uses(plan, DestinationKind.RECORDING, "thank-you.wav")
        assert len(uses(plan, DestinationKind.RECORDING, "bye.wav")) == 1

    def test_another_file_takes_its_place_under_the_same_name(self, editor, stored):
        before = stored("thank-you.wav")

        post(
            editor,
            f"{LIST}{before.id}",
            version=str(before.version),
            kept=before.part.hash,
            name="thank-you.wav",
            file=file(MP3, "new.mp3"),
        )

        after = stored("thank-you.wav")
        assert after.id == before.id
        assert after.part.hash != before.part.hash
        assert after.part.media_type == "audio/mpeg"

    def test_two_people_at_once_are_told_of_each_other(self, editor, stored):
        before = stored("thank-you.wav")
        page = f"{LIST}{before.id}"
        mine = {"version": str(before.version), "kept": before.part.hash}
        post(editor, page, **mine, name="theirs.wav")

        answer = post(editor, page, **mine, name="mine.wav")

        assert answer.status_code == 409
        assert "has saved this meanwhile" in answer.text
        assert 'value="mine.wav"' in answer.text

    def test_a_viewer_sees_everything_and_changes_nothing(self, signed_in, stored):
        viewer = signed_in("viewer")
        page = f"{LIST}{stored('thank-you.wav').id}"

        shown = viewer.get(page)

        assert "fieldset disabled" in shown.text
        assert "Balance check" in shown.text
        assert post(viewer, page, name="mine.wav").status_code == 403

    def test_deleting_names_what_plays_it_first(self, editor, stored):
        found = stored("thank-you.wav")
        page = f"{LIST}{found.id}/delete"

        asked = editor.get(page).text
        answer = post(editor, page, version=str(found.version))

        assert "condition 3 of CRM rule Balance check" in asked
        assert answer.status_code == 303
        assert stored("thank-you.wav") is None


class TestListening:
    @pytest.fixture
    def address(self, stored) -> str:
        return f"{LIST}{stored('thank-you.wav').id}/audio"

    def test_it_is_served_as_what_it_is(self, editor, address, stored):
        answer = editor.get(address, buffered=True)

        assert answer.content_type == "audio/wav"
        assert answer.data[:4] == b"RIFF"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["ETag"] == f'"{stored("thank-you.wav").part.hash}"'
        assert "private" in answer.headers["Cache-Control"]

    def test_a_part_of_it_can_be_asked_for(self, editor, address):
        answer = editor.get(address, headers={"Range": "bytes=0-3"}, buffered=True)

        assert (answer.status_code, answer.data) == (206, b"RIFF")

    def test_what_is_known_already_is_not_sent_again(self, editor, address):
        etag = editor.get(address, buffered=True).headers["ETag"]

        assert (
            editor.get(address, headers={"If-None-Match": etag}, buffered=True).status_code == 304
        )

    def test_it_comes_from_the_database_where_the_disk_has_lost_it(self, app, editor, address):
        for kept in (runtime_folder(app)).iterdir():
            kept.unlink()

        assert editor.get(address, buffered=True).data[:4] == b"RIFF"

    def test_strangers_are_sent_to_sign_in(self, app, address):
        assert app.test_client().get(address).status_code == 303

    def test_the_list_says_how_long_it_is_and_where_it_is_used(self, editor, address):
        page = editor.get(LIST).text

        assert "1.2 s" in page
        assert f'src="{address}"' in page
        assert "condition 3 of CRM rule Balance check" in page


def test_a_length_is_looked_at_once_when_the_file_is_sent(app, editor, stored, monkeypatch):
    content = wav(seconds=2.5, tone=11)
    post(editor, NEW, file=file(content, "x.wav"))
    inspect, inspected = audio.inspect, []

    def noting(content: bytes) -> audio.Sound:
        inspected.append(content)
        return inspect(content)

    monkeypatch.setattr(audio, "inspect", noting)

    for page in (LIST, f"{LIST}{stored('x.wav').id}"):
        assert "2.5 s" in editor.get(page).text
    assert content not in inspected


def test_a_length_that_nobody_noted_is_looked_at_in_the_file(app, editor):
    post(editor, NEW, file=file(wav(seconds=3.5, tone=13), "x.wav"))
    with app.app_context():
        db.session.execute(update(RecordingContent).values(seconds=None))
        db.session.commit()

    assert "3.5 s" in editor.get(LIST).text


def runtime_folder(app):
    with app.app_context():
        return runtime().settings.instance / "recordings"


def test_calls_play_an_uploaded_recording_once_it_is_published(app, editor, stored, twilio):
    before = stored("bronze-offer.wav")
    fields = {"version": str(before.version), "kept": before.part.hash}
    page = f"{LIST}{before.id}"
    content = wav(tone=9)

    answer = post(editor, page, **fields, name="offer.wav", file=file(content, "b.wav"))
    post(editor, "/admin/releases/review", comment="", seen=seen(editor))
    with app.app_context():
        runtime().live.refresh()
    twiml = twilio("/twiml/did", CallSid="CA1", From="+12025550103", To="+12025550180").text
    played = re.search(r"<Play>https://calls\.example\.com(/recordings/[^<]+)</Play>", twiml)[1]

    assert answer.status_code == 303
    assert played == f"/recordings/{stored('offer.wav').part.hash}/offer.wav"
    heard = app.test_client().get(played, buffered=True)
    assert (heard.data, heard.content_type) == (content, "audio/wav")


def seen(client) -> str:
    return re.search(r'name="seen" value="([^"]+)"', client.get("/admin/releases/review").text)[1]


def test_an_installation_without_recordings_is_told_what_to_do_first(app, editor, stored):
    with app.app_context():
        for name in ("thank-you.wav", "bronze-offer.wav"):
            found = stored(name)
            draft.remove(db.session(), Recording, found.id, found.version, "test")
            db.session.commit()

    assert "No recording yet" in editor.get(LIST).text
