"""An installation to browse: somebody can sign in, and there is something to see."""

from pathlib import Path

from playwright.sync_api import Page

from tests.conftest import settings
from tests.demo_calls import DEMO_CALLS
from tests.routing.journals import eventually
from tests.server.callers import Twilio
from tests.server.serving import Server
from voiceapp import create_app, people
from voiceapp.demo import load_demo
from voiceapp.extensions import db
from voiceapp.routing import draft
from voiceapp.rules.plan import Queue
from voiceapp.runtime import runtime

EMAIL = "admin@example.com"
PASSWORD = "correct horse battery"


def install(instance: Path) -> None:
    """Make an instance folder with the demo and its first admin."""
    app = create_app(settings(instance), watch=False)
    with app.app_context():
        db.create_all()
        load_demo(db.session(), runtime().recordings, runtime().settings)
        people.make_first_admin(db.session(), EMAIL, PASSWORD)
        db.session.remove()
        db.engine.dispose()


def sign_in(page: Page) -> None:
    """Sign the first admin in."""
    page.goto("/admin/sign-in")
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("/admin/")


def place_calls(server: Server) -> None:
    """Place every call of the demo, and wait until each stands in the database."""
    with Twilio(server.base) as twilio:
        for demo in reversed(DEMO_CALLS):  # the newest stand first where calls are listed
            twilio.call(demo.caller, demo.called, demo.press)
    assert eventually(lambda: len({row.call_sid for row in server.rows()}) == len(DEMO_CALLS))


def leave_unpublished(server: Server) -> None:
    """Change the draft a little, for the pages that tell what is not live yet."""
    with server.application():
        draft.save(db.session(), Queue("weekend"), author="Admin")
        db.session.commit()
