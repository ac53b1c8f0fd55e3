"""What gunicorn and the worker run in these tests: the application with the tests' resolver."""

from tests.chaos.resolving import resolve
from voiceapp import create_app

app = create_app(resolve=resolve)
