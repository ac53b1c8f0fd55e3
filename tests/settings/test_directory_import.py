"""Contacts from a file: looked over first, imported once, by who has uploaded it."""

import io
import re

import pytest
from sqlalchemy import func, select
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from tests.settings.conftest import csrf, post
from voiceapp.directory import importing, store
from voiceapp.directory.table import MOST_BYTES
from voiceapp.extensions import db
from voiceapp.models.imports import PendingImport

IMPORT = "/admin/directory/import"
LINES = (
    "Name,Phone,Tier\n"
    "Ada Gold,+12025550101,Platinum\n"
    "Sam Silver,+12025550102,Silver\n"
    "New Nora,(202) 555-0188; 204,Gold\n"
    "Bad Bob,Gold,Gold\n"
    ",205,\n"
)


def upload(client, content: str | bytes, module: str = "Contacts"):
    """Send a file as the page does; its answer leads to what it would do."""
    raw = content.encode() if isinstance(content, str) else content
    fields = {
        "csrf_token": csrf(client, IMPORT),
        "module": module,
        "file": FileStorage(io.BytesIO(raw), "list.csv"),
    }
    boundary, body = encode_multipart(fields)
    form = f'multipart/form-data; boundary="{boundary}"'
    return client.post(IMPORT, data=body, content_type=form)


def seen(page: str) -> str:
    """Return what a page has shown, as it sends it along."""
    return re.search(r'name="seen" value="([0-9a-f]+)"', page)[1]


def confirm(client, address: str):
    """Import a file as its page shows it."""
    return post(client, address, do="import", seen=seen(client.get(address).text))


@pytest.fixture
def editor(signed_in):
    return signed_in("editor")


@pytest.fixture
def tiers(app):
    """Return the Tier of each contact by name."""

    def tiers(module: str = "Contacts") -> dict[str, str]:
        with app.app_context():
            found = store.everything(db.session(), module)
            return {one.name: one.fields.get("Tier", "") for one in found}

    return tiers


@pytest.fixture
def count_waiting(app):
    """Return how many files wait to be imported."""

    def count_waiting() -> int:
        with app.app_context():
            return db.session.scalar(select(func.count()).select_from(PendingImport))

    return count_waiting


def test_a_file_is_looked_over_and_nothing_is_imported(editor, tiers):
    before = tiers()

    answer = upload(editor, LINES)
    page = editor.get(answer.location).text

    assert answer.status_code == 303
    assert "Import the 3 lines without faults" in page
    assert "New Nora" in page
    assert "Platinum" in page
    assert "“Gold” is no phone number." in page
    assert "There is no name. Add one." in page
    assert tiers() == before


def test_what_was_looked_over_is_imported(editor, tiers, count_waiting):
    address = upload(editor, LINES).location

    answer = confirm(editor, address)

    assert answer.location.endswith("/admin/directory/?module=Contacts")
    said = editor.get(answer.location).text
    assert "1 added, 1 changed, 1 as before. Left out: 2 with faults." in said
    assert tiers()["Ada Gold"] == "Platinum"
    assert tiers()["New Nora"] == "Gold"
    assert count_waiting() == 0


def test_a_second_press_of_the_button_imports_nothing(editor, tiers):
    address = upload(editor, LINES).location
    confirm(editor, address)

    answer = post(editor, address, page=IMPORT, do="import")

    assert answer.location.endswith(IMPORT)
    assert "This file is not waiting any more." in editor.get(answer.location).text
    assert len(tiers()) == 7


@pytest.mark.parametrize("mine", ["", "x", None])
def test_another_directory_than_was_looked_at_is_shown_first(
    app, editor, tiers, count_waiting, mine
):
    address = upload(editor, LINES).location
    shown = seen(editor.get(address).text) if mine is None else mine
    with app.app_context():
        session = db.session()
        ada = next(one for one in store.everything(session, "Contacts") if one.name == "Ada Gold")
        store.save_contact(session, ada.id, "Contacts", ada.name, ada.phones, {"Tier": "Titanium"})
        session.commit()

    refused = post(editor, address, do="import", seen=shown)
    kept, waiting = tiers(), count_waiting()
    post(editor, address, do="import", seen=seen(refused.text))

    assert refused.status_code == 409
    assert "The directory has changed since you looked. This is how" in refused.text
    assert "Titanium" in refused.text
    assert kept["Ada Gold"] == "Titanium"
    assert "New Nora" not in kept
    assert waiting == 1
    assert tiers()["Ada Gold"] == "Platinum"
    assert count_waiting() == 0


def test_what_others_save_during_the_import_is_left_out(app, editor, tiers, monkeypatch):
    address = upload(editor, LINES).location
    apply = importing.apply

    def overtaken(session, module, *rest):
        store.save_contact(session, None, module, "New Nora", ["204"], {"Tier": "Iron"})
        return apply(session, module, *rest)

    monkeypatch.setattr(importing, "apply", overtaken)

    said = editor.get(confirm(editor, address).location).text

    assert "0 added, 1 changed, 1 as before. Left out: 2 with faults, 1 changed by" in said
    assert tiers()["New Nora"] == "Iron"


def test_a_file_can_be_forgotten(editor, tiers, count_waiting):
    before = tiers()
    address = upload(editor, LINES).location

    answer = post(editor, address, do="cancel")

    assert "Nothing was imported." in editor.get(answer.location).text
    assert tiers() == before
    assert count_waiting() == 0


def test_nobody_else_sees_the_file_or_imports_it(editor, signed_in, tiers, count_waiting):
    before = tiers()
    address = upload(editor, LINES).location
    other = signed_in("admin")

    shown = other.get(address)
    answer = post(other, address, page=IMPORT, do="import")

    assert shown.location.endswith(IMPORT)
    assert answer.location.endswith(IMPORT)
    assert tiers() == before
    assert count_waiting() == 1


def test_a_file_for_a_new_module_makes_it(editor, tiers):
    confirm(editor, upload(editor, LINES, module="Patients").location)

    assert tiers("Patients") == {
        "Ada Gold": "Platinum",
        "Sam Silver": "Silver",
        "New Nora": "Gold",
    }


def test_a_module_is_spelled_as_it_is_already(editor, tiers):
    address = upload(editor, LINES, module="contacts").location
    confirm(editor, address)

    assert len(tiers()) == 7


def test_a_file_in_which_all_is_known_can_only_be_left(editor):
    page = editor.get(upload(editor, "Name,Phone\nAda Gold,+12025550101\n").location).text

    assert "all of it is in the directory already" in page
    assert 'value="import"' not in page


def test_a_long_file_is_shown_from_its_beginning(editor):
    lines = "".join(f"Lead {number},204{number:03}\n" for number in range(200))

    page = editor.get(upload(editor, f"Name,Phone\n{lines}", module="Leads").location).text

    assert page.count('<th scope="row">Lead ') == 50
    assert "And 150 lines more." in page


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The file is empty."),
        (b"PK\x03\x04\0\0", "This is no CSV file."),
        (b"Phone\n204\n", "There is no column “Name”."),
        (b'Name\n"Ada\n', "A quotation mark is missing"),
        (b"N" * (MOST_BYTES + 1), "The file is larger than 5 MB."),
    ],
    ids=["empty", "not text", "no name", "quotation mark", "large"],
)
def test_a_file_that_cannot_be_read_is_refused_beside_the_field(
    editor, count_waiting, content, sentence
):
    answer = upload(editor, content, module="Leads")

    assert answer.status_code == 422
    assert answer.text.count(sentence) == 2  # at the top, and beside the field
    assert 'value="Leads"' in answer.text
    assert count_waiting() == 0


def test_without_a_file_or_a_module_there_is_nothing_to_look_at(editor):
    answer = post(editor, IMPORT, module="")

    assert answer.status_code == 422
    assert "Choose a CSV file." in answer.text
    assert "Type a module" in answer.text


def test_markup_in_a_file_is_shown_as_text(editor):
    nasty = "<img src=x onerror=alert(1)>"

    page = editor.get(upload(editor, f"Name,Phone,{nasty}\n{nasty},204,{nasty}\n").location).text

    assert "<img" not in page
    assert "&lt;img" in page


def test_the_sample_can_be_imported_as_it_is(editor, tiers):
    sample = editor.get(f"{IMPORT}/sample.csv")

    address = upload(editor, sample.data, module="Leads").location
    confirm(editor, address)

    assert sample.headers["Content-Disposition"] == "attachment; filename=sample.csv"
    assert tiers("Leads") == {"Ada Gold": "Gold", "Max Mixed": "Silver"}


def test_an_export_comes_back_unchanged(editor):
    export = editor.get("/admin/directory/export.csv?module=Contacts").data

    page = editor.get(upload(editor, export).location).text

    assert "all of it is in the directory already" in page


@pytest.mark.parametrize("token", ["x", "..", "%00", "x" * 500])
def test_a_token_of_nothing_leads_back_to_the_beginning(editor, token):
    answer = editor.get(f"{IMPORT}/{token}")

    assert answer.status_code in (303, 404)
    assert post(editor, f"{IMPORT}/x", page=IMPORT, do="import").status_code == 303


def test_a_viewer_imports_nothing(signed_in):
    viewer = signed_in("viewer")

    assert viewer.get(IMPORT).status_code == 403
    assert viewer.get(f"{IMPORT}/x").status_code == 403
