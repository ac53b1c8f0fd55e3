"""The form of a recording: a file, judged by its content, and a name."""

from typing import Any

from wtforms import HiddenField, ValidationError

from voiceapp import audio
from voiceapp.audio import NotAudio
from voiceapp.recordings import Audio
from voiceapp.rules import parts
from voiceapp.rules.plan import Recording
from voiceapp.runtime import runtime
from voiceapp.settings.forms import PartForm, Text
from voiceapp.settings.uploads import UploadField


def audio_of(digest: str) -> Audio | None:
    """Return the content under a hash, from this machine's disk or else from the database."""
    store = runtime().recordings
    return store.on_disk(digest) or store.fetch(digest)


class RecordingForm(PartForm[Recording]):
    """A file and a name; `kept` is the hash of the file that is used if none is chosen.

    A good file is kept as soon as it is sent: a browser would not send it again with a form that
    comes back because of another mistake.
    """

    kept = HiddenField(default="")
    file = UploadField("File")
    name = Text("Name", longest=audio.LONGEST_FILE_NAME)

    named_by = "name"
    taken = "There is a recording of this name. Type another one."

    @classmethod
    def values(cls, part: Recording) -> dict[str, Any]:
        return {"kept": part.hash, "name": part.name}

    def validate_file(self, field: UploadField) -> None:
        """Take what can be played, and name it after the file if it has no name yet."""
        if field.data is not None:
            try:
                sound = audio.inspect(field.data.content)
            except NotAudio as error:
                raise ValidationError(str(error)) from error
            self.kept.data = runtime().recordings.add(
                field.data.content, sound.media_type, sound.seconds
            )
            self.name.data = self.name.data or audio.proper_name(field.data.name, sound.suffix)
        elif not self.kept.data:
            raise ValidationError("Choose a WAV or MP3 file.")
        elif not runtime().recordings.renew(self.kept.data):
            self.kept.data = ""
            raise ValidationError("The file is not there any more. Choose it again.")

    def validate_name(self, field: Text) -> None:
        """Refuse a name that can't stand in an address."""
        name = field.data or ""
        if not name and self.file.errors:
            return  # it would have been named after the file
        if not name:
            raise ValidationError("Type a name, e.g. welcome.wav.")
        if not name.strip("."):
            raise ValidationError("Type a name that is more than dots.")
        for _ in parts.recording(Recording(name, "", "")):
            raise ValidationError("Type a name without slashes and invisible characters.")
        for sentence in parts.speakable("Name", name):
            raise ValidationError(sentence.partition(": ")[2])

    def part(self, was: Recording | None) -> Recording:
        digest = self.kept.data or ""
        content = audio_of(digest)
        assert content is not None  # noqa: S101 - the form is valid
        return Recording(self.name.data or "", digest, content.media_type)
