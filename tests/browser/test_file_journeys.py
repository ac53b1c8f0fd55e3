"""Files that people choose: a recording that callers hear, contacts that are looked up."""

import io
import re
import wave

from playwright.sync_api import Page, expect

from tests.browser.browsing import Complaints
from tests.browser.forms import choose, destination, open_did, press
from tests.browser.signed_calls import place_call, wait_until_followed
from tests.demo_calls import ACCOUNTS, ADA, SALES
from tests.server.serving import Server
from voiceapp.console.story import Ended

NINA = "+12025550142"
CONTACTS = f"Name,Phone,Tier\nNina New,{NINA},Gold\nNobody,call me,Silver\n,+12025550143,Gold\n"


def test_an_upload_is_played_to_callers(admin: Page, server: Server) -> None:
    admin.goto("/admin/recordings/new")
    admin.get_by_label("File").set_input_files(
        {"name": "closed.wav", "mimeType": "audio/wav", "buffer": _tone()}
    )
    press(admin, "Save")
    expect(admin.get_by_role("heading", level=1)).to_have_text("closed.wav")
    expect(admin.locator("audio")).to_have_count(1)

    open_did(admin, "Accounts")
    choose(destination(admin), "Play a recording", "closed.wav")
    press(admin, "Save")
    admin.get_by_role("link", name=re.compile("not live yet: review")).click()
    press(admin, "Publish these 2 changes")
    expect(admin.get_by_role("status")).to_contain_text("Release 2 is live")

    wait_until_followed(server, 2, ADA, ACCOUNTS)
    walk = place_call(server, ADA, ACCOUNTS)
    assert (walk.ended, walk.where) == (Ended.PLAY, "closed.wav")
    heard = admin.request.get(walk.heard[0].text.replace(_host(walk.heard[0].text), ""))
    assert (heard.status, heard.body()) == (200, _tone())


def test_a_script_that_calls_itself_a_recording_is_refused(
    admin: Page, complaints: Complaints
) -> None:
    complaints.expect(422)
    admin.goto("/admin/recordings/new")
    admin.get_by_label("File").set_input_files(
        {"name": "evil.wav", "mimeType": "audio/wav", "buffer": b"<script>alert(1)</script>"}
    )
    with admin.expect_response(re.compile("/admin/recordings/new")) as answer:
        press(admin, "Save")

    assert answer.value.status == 422
    expect(admin.locator("#summary")).to_be_focused()
    expect(admin.locator(".wrong")).to_contain_text(re.compile("WAV|MP3"))


def test_contacts_are_imported_but_for_the_faulty_lines(admin: Page, server: Server) -> None:
    assert place_call(server, NINA, SALES).where == "general"
    admin.goto("/admin/directory/import")
    admin.get_by_label("File").set_input_files(
        {"name": "contacts.csv", "mimeType": "text/csv", "buffer": CONTACTS.encode()}
    )
    press(admin, "Look it over")

    main = admin.get_by_role("main")
    expect(main).to_contain_text("Line 3")
    expect(main).to_contain_text("Line 4")
    assert place_call(server, NINA, SALES).where == "general"  # nothing is saved yet

    admin.get_by_role("button", name=re.compile("^Import ")).click()
    expect(admin.get_by_role("status")).to_contain_text("1")
    expect(admin.get_by_role("link", name="Nina New")).to_be_visible()
    assert place_call(server, NINA, SALES).where == "vip"


def _tone() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(8000)
        writer.writeframes(bytes(range(0, 200, 2)) * 160)
    return file.getvalue()


def _host(address: str) -> str:
    return re.match(r"https?://[^/]+", address)[0]  # type: ignore[index]
