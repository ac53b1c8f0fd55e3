"""What a WSGI server runs."""

from voiceapp import create_app

app = create_app()
