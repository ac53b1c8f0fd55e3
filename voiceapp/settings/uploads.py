"""A form field for a file that somebody chooses."""

from dataclasses import dataclass
from typing import Any

from flask import request
from wtforms import Field
from wtforms.utils import unset_value
from wtforms.widgets import FileInput


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as a browser sent it; nothing says that its name or its content can be trusted."""

    name: str
    content: bytes


class UploadField(Field):
    """A file; `data` is an Upload, or None if none was chosen."""

    widget = FileInput()

    def process(self, formdata: Any, data: Any = unset_value, extra_filters: Any = None) -> None:
        self.process_errors = []
        self.object_data = self.data = None
        sent = request.files.get(self.name) if formdata is not None else None
        if sent is not None and sent.filename:
            self.data = Upload(sent.filename, sent.read())
            sent.close()
