"""The directory: contacts typed, found and deleted, live when saved."""

import csv
import io
import re
from dataclasses import replace

import pytest
from sqlalchemy.orm import Session

from tests.settings.conftest import post
from voiceapp.crm.directory import PHONE
from voiceapp.directory import store
from voiceapp.extensions import db
from voiceapp.models.contacts import finder
from voiceapp.routing import draft
from voiceapp.rules.plan import Installation
from voiceapp.settings.contact_form import country_of

LIST, NEW = "/admin/directory/", "/admin/directory/new"
NASTY = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
SEEN = re.compile(r'name="seen"(?: type="hidden")? value="([0-9a-f]*)"')

ADA = {"name": "Ada Lovelace", "module": "Leads", "phones": "(202) 555-0142"}


def rows(*fields: tuple[str, str]) -> dict[str, str]:
    """Return free fields as the form sends them."""
    sent = {}
    for number, (field, value) in enumerate(fields):
        sent |= {f"fields-{number}-field": field, f"fields-{number}-value": value}
    return sent


def seen(client, address: str) -> str:
    return SEEN.search(client.get(address).text)[1]


def delete(client, address: str):
    """Delete a contact as the page shows it that asks."""
    page = f"{address}/delete"
    return post(client, page, seen=seen(client, page))


@pytest.fixture
def editor(signed_in):
    return signed_in("editor")


@pytest.fixture
def contacts(app):
    """Return the contacts of a module by name."""

    def contacts(module: str = "Contacts"):
        with app.app_context():
            return {one.name: one for one in store.everything(db.session(), module)}

    return contacts


@pytest.fixture
def add(app):
    """Add a contact and return the address of its page."""

    def add(name: str, phone: str = "204", module: str = "Leads", **fields: str) -> str:
        with app.app_context():
            id_ = store.save_contact(db.session(), None, module, name, [phone], fields)
            db.session.commit()
        return f"{LIST}{id_}"

    return add


class TestList:
    def test_each_module_shows_its_own(self, editor, add):
        add("Lea Lead")

        assert "Ada Gold" in editor.get(LIST).text
        assert "Lea Lead" not in editor.get(LIST).text
        assert "Lea Lead" in editor.get(f"{LIST}?module=Leads").text

    def test_an_empty_module_says_what_to_do(self, editor, signed_in):
        assert "No contacts in Accounts yet" in editor.get(f"{LIST}?module=Accounts").text
        assert "An editor can add some" in signed_in("viewer").get(f"{LIST}?module=Leads").text

    def test_a_module_of_any_name_has_its_tab(self, editor, add):
        add("Pat", module="Patients")

        page = editor.get(LIST).text

        assert f'href="{LIST}?module=Patients"' in page

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("ada", "Ada Gold"),
            ("+1 (202) 555-0102", "Sam Silver"),
            ("202.555.0104", "Max Mixed"),
            ("1003", "Bea Bronze"),
        ],
    )
    def test_contacts_are_found_by_name_number_and_field(self, editor, text, found):
        page = editor.get(LIST, query_string={"q": text}).text

        names = re.findall(r'<th scope="row"><a[^>]*>([^<]+)</a>', page)
        assert names == [found]

    @pytest.mark.parametrize("text", [NASTY, "\0", "%", "x" * 5000])
    def test_what_nobody_is_called_finds_nobody(self, editor, text):
        answer = editor.get(LIST, query_string={"q": text})

        assert answer.status_code == 200
        assert "<script>alert" not in answer.text

    def test_a_long_list_is_read_page_by_page(self, app, editor):
        with app.app_context():
            for number in range(120):
                store.save_contact(db.session(), None, "Leads", f"Lead {number:03}", ["204"], {})
            db.session.commit()
        found, address = [], f"{LIST}?module=Leads"

        while address:
            page = editor.get(address).text
            found += re.findall(r">(Lead \d+)<", page)
            following = re.search(r'<a href="([^"]+)">Next', page)
            address = following and following[1].replace("&amp;", "&")

        assert found == [f"Lead {number:03}" for number in range(120)]

    @pytest.mark.parametrize("after", ["", "x", "9" * 30 + "-a", "-1-a", "²-a", "1-\0", "1"])
    def test_a_page_that_begins_nowhere_is_still_a_page(self, editor, after):
        assert editor.get(LIST, query_string={"after": after}).status_code == 200

    @pytest.mark.parametrize("id_", ["0", "999", "9" * 30])
    def test_a_contact_that_is_not_there_is_not_found(self, editor, id_):
        assert editor.get(f"{LIST}{id_}").status_code == 404
        assert editor.get(f"{LIST}{id_}/delete").status_code == 404


class TestSaving:
    def test_a_new_contact_is_found_by_calls_at_once(self, app, editor, contacts):
        answer = post(editor, NEW, **ADA, **rows(("Tier", "Gold"), ("", ""), ("Note", "")))

        ada = contacts("Leads")["Ada Lovelace"]
        assert answer.status_code == 303
        assert answer.location.endswith(f"{LIST}{ada.id}")
        assert ada.phones == ("(202) 555-0142",)
        assert ada.fields == {"Tier": "Gold"}
        with app.app_context():
            assert finder(db.engine)("Leads", PHONE, ["2025550142"], 10)

    def test_the_form_offers_the_fields_that_others_have(self, editor):
        page = editor.get(f"{NEW}?module=Contacts").text

        assert re.findall(r'name="fields-\d-field"[^>]* value="(\w+)"', page) == [
            "AccountNo",
            "Balance",
            "Tier",
        ]

    def test_a_module_is_spelled_as_it_is_already(self, editor, contacts):
        post(editor, NEW, **ADA | {"module": "leads"})

        assert "Ada Lovelace" in contacts("Leads")

    def test_numbers_are_kept_so_that_calls_find_them(self, editor, contacts):
        post(editor, NEW, **ADA | {"phones": "+49 (0)30 1234567\r\n\r\n204\r\n204"})

        assert contacts("Leads")["Ada Lovelace"].phones == ("+49301234567", "204")

    @pytest.mark.parametrize(
        ("fields", "sentence"),
        [
            ({"name": " "}, "Type a name, e.g. Ada Gold."),
            ({"name": "x" * 201}, "Use at most 200 characters."),
            ({"name": "a\0b"}, "can&#39;t be kept"),
            ({"module": ""}, "Type a module, e.g. Contacts."),
            ({"module": "x" * 51}, "Use at most 50 characters."),
            ({"module": "a\nb"}, "can&#39;t be kept"),
            ({"phones": "204\nGold\n+1202"}, "“Gold” is no phone number."),
            ({"phones": "", "fields-0-value": ""}, "There is nothing to find it by."),
            (rows(("Phone", "1")), "“Phone” is not free to be the name of a field."),
            (rows(("", "1")), "A field has no name."),
            (rows(("x" * 101, "1")), "is longer than 100 characters."),
            (rows(("Tier", "a\0b")), "can&#39;t be kept"),
            (rows(("Tier", "x" * 2001)), "Use at most 2000 characters."),
            (rows(("Tier", "1"), ("Tier", "2")), "The field “Tier” stands here twice."),
        ],
    )
    def test_a_mistake_is_said_beside_its_field_and_nothing_is_lost(
        self, editor, contacts, fields, sentence
    ):
        answer = post(editor, NEW, **ADA | {"name": "Eve"} | rows(("Note", "stays")) | fields)

        assert answer.status_code == 422
        assert answer.text.count(sentence) == 2  # at the top, and beside the field
        assert "One thing to put right" in answer.text
        assert contacts("Leads") == {}

    @pytest.mark.parametrize(
        "fields",
        [
            {"fields-²-field": "x"},
            {"fields-99999999999-field": "x"},
            {"fields-x": "y", "fields-": "z", "fields": "w"},
        ],
    )
    def test_rows_with_odd_numbers_are_no_rows(self, editor, contacts, fields):
        assert post(editor, NEW, **ADA, **fields).status_code == 303
        assert contacts("Leads")["Ada Lovelace"].fields == {}

    def test_markup_is_shown_as_text(self, editor):
        answer = post(editor, NEW, **ADA | {"name": NASTY}, **rows((NASTY, NASTY)))

        for address in (answer.location, f"{answer.location}/delete", f"{LIST}?module=Leads"):
            page = editor.get(address).text
            assert "&lt;script&gt;" in page
            assert "<script>alert" not in page
            assert "<img" not in page

    def test_a_contact_is_changed_and_stays_in_its_module(self, editor, add, contacts):
        address = add("Ada", Tier="Gold", Note="x")

        answer = post(
            editor,
            address,
            seen=seen(editor, address),
            **ADA | {"module": "Accounts"},
            **rows(("Tier", "Silver")),
        )

        assert answer.status_code == 303
        assert contacts("Leads")["Ada Lovelace"].fields == {"Tier": "Silver"}
        assert contacts("Accounts") == {}

    def test_two_people_at_once_are_told_of_each_other(self, editor, add, contacts):
        address = add("Ada", Tier="Gold")
        shown = seen(editor, address)
        post(editor, address, **ADA, seen=shown, **rows(("Tier", "Silver")))

        refused = post(editor, address, **ADA, seen=shown, **rows(("Tier", "Bronze")))
        kept = contacts("Leads")["Ada Lovelace"].fields
        again = SEEN.search(refused.text)[1]
        saved = post(editor, address, **ADA, seen=again, **rows(("Tier", "Bronze")))

        assert refused.status_code == 409
        assert re.search(r"Tier</th><td[^>]*>Silver</td><td[^>]*>Bronze</td>", refused.text)
        assert kept == {"Tier": "Silver"}
        assert saved.status_code == 303
        assert contacts("Leads")["Ada Lovelace"].fields == {"Tier": "Bronze"}

    def test_what_was_typed_outlives_the_contact(self, editor, add, contacts):
        address = add("Ada", Tier="Gold")
        shown = seen(editor, address)
        delete(editor, address)

        answer = post(editor, address, page=NEW, seen=shown, **ADA, **rows(("Tier", "Silver")))

        assert answer.status_code == 409
        assert "Somebody has deleted this contact meanwhile" in answer.text
        assert f'action="{NEW}"' in answer.text
        assert 'value="Silver"' in answer.text
        assert contacts("Leads") == {}


class TestRows:
    def test_a_row_is_added_and_nothing_saved(self, editor, contacts):
        answer = post(editor, NEW, **ADA, **rows(("Tier", "Gold")), **{"fields-do": "add"})

        assert answer.status_code == 200
        assert answer.text.count("free-field") == 2
        assert 'value="Gold"' in answer.text
        assert 'data-focus="fields-1-field"' in answer.text
        assert contacts("Leads") == {}

    def test_a_row_is_removed(self, editor):
        sent = rows(("Tier", "Gold"), ("Note", "x"), ("AccountNo", "7"))

        page = post(editor, NEW, **ADA, **sent, **{"fields-do": "remove:1"}).text

        assert re.findall(r'name="fields-\d-value"[^>]* value="(\w+)"', page) == ["Gold", "7"]

    @pytest.mark.parametrize("action", ["remove:7", "remove:-1", "remove:" + "9" * 5000, "x"])
    def test_what_no_button_sends_changes_nothing(self, editor, action):
        answer = post(editor, NEW, **ADA, **rows(("Tier", "Gold")), **{"fields-do": action})

        assert answer.status_code == 200
        assert 'value="Gold"' in answer.text

    def test_the_enter_key_saves(self, editor):
        form = editor.get(NEW).text.partition('<form method="post" id="form"')[2]

        assert "fields-do" not in re.search(r"<button[^>]*>", form)[0]


def test_a_viewer_sees_contacts_and_changes_none(signed_in, add):
    viewer = signed_in("viewer")
    address = add("Lea Lead")

    page = viewer.get(address).text

    assert "fieldset disabled" in page
    assert "Add a field" not in page
    for target in (address, NEW, f"{address}/delete"):
        assert post(viewer, target, page=LIST + "?module=Leads", **ADA).status_code == 403
    assert viewer.get(f"{LIST}export.csv?module=Leads").status_code == 403


def test_deleting_asks_by_name_and_then_deletes_at_once(editor, add, contacts):
    address = add("Lea Lead", "+12025550142")

    asked = editor.get(f"{address}/delete").text
    answer = delete(editor, address)

    assert "Delete Lea Lead from Leads?" in asked
    assert "+1 202-555-0142" in asked
    assert answer.status_code == 303
    assert contacts("Leads") == {}


def test_what_somebody_has_just_changed_is_not_deleted_unseen(editor, add, contacts):
    address = add("Lea Lead", Tier="Gold")
    shown = seen(editor, f"{address}/delete")
    post(editor, address, **ADA, seen=seen(editor, address), **rows(("Tier", "Silver")))

    refused = [post(editor, f"{address}/delete", seen=one) for one in (shown, "")]
    kept = contacts("Leads")
    post(editor, f"{address}/delete", seen=SEEN.search(refused[0].text)[1])

    for answer in refused:
        assert answer.status_code == 409
        assert "Somebody has changed this contact meanwhile" in answer.text
        assert "Delete Ada Lovelace from Leads?" in answer.text
    assert list(kept) == ["Ada Lovelace"]
    assert contacts("Leads") == {}


def test_numbers_are_read_in_the_country_of_the_draft(app, editor, contacts):
    with app.app_context():
        session = db.session()
        installation = draft.find_key(session, Installation, "").part
        draft.save(session, replace(installation, country="DE"), "Ann")
        session.commit()

    post(editor, NEW, **ADA | {"phones": "030 1234567"})

    assert "Ada Lovelace" in editor.get(f"{LIST}?module=Leads&q=%2B49301234567").text


def test_a_draft_without_settings_has_the_usual_country(engine):
    with Session(engine) as session:
        assert country_of(session) == "US"


class TestExport:
    def test_a_module_comes_as_a_file(self, editor):
        answer = editor.get(f"{LIST}export.csv?module=Contacts")

        lines = list(csv.DictReader(io.StringIO(answer.get_data(as_text=True).lstrip("\ufeff"))))
        assert answer.content_type == "text/csv; charset=utf-8"
        assert answer.headers["Content-Disposition"] == "attachment; filename=Contacts.csv"
        assert lines[0]["Name"] == "Ada Gold"
        assert lines[0]["AccountNo"] == "1001"

    def test_a_module_of_any_name_is_a_file_name(self, editor, add):
        add("Pat", module='Ü "x"; a=b')

        answer = editor.get(f"{LIST}export.csv", query_string={"module": 'Ü "x"; a=b'})

        assert answer.status_code == 200
        assert answer.headers["Content-Disposition"].startswith("attachment; filename")

    def test_formulas_are_taken_for_text(self, editor, add):
        add("=HYPERLINK(1)")

        assert ",'=HYPERLINK(1)," in editor.get(f"{LIST}export.csv?module=Leads").text

    def test_there_is_no_file_of_a_module_that_is_none(self, editor):
        assert editor.get(f"{LIST}export.csv?module=Nope").status_code == 404
