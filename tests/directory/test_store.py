"""The contacts in the database: listed and searched alike everywhere, imported batch by batch."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import Engine, create_engine, func, select, update
from sqlalchemy.orm import Session

from voiceapp.crm.directory import PHONE
from voiceapp.directory import importing, store
from voiceapp.directory.importing import Difference, ImportPreview, apply, preview
from voiceapp.directory.pending import KeptFile, drop_import, keep_import, pending_import
from voiceapp.directory.store import ContactChanged, ContactGone, StoredContact
from voiceapp.directory.table import MOST_BYTES, Sheet, UnreadableSheet, read, write
from voiceapp.models.contacts import Contact, ContactKey, finder
from voiceapp.models.imports import PendingImport
from voiceapp.models.types import now

MODULE = "Contacts"


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with Session(engine) as session:
        yield session


@pytest.fixture
def add(session: Session):
    """Add a contact: `add("Ada", "+12025550101", Tier="Gold")`; returns its id."""

    def add(name: str, *phones: str, module: str = MODULE, **fields: str) -> int:
        return store.save_contact(session, None, module, name, phones, fields)

    return add


def sheet(text: str) -> Sheet:
    return read(text.encode(), "US")


def kept(session: Session, module: str = MODULE) -> list[StoredContact]:
    return list(store.everything(session, module))


def names(session: Session, text: str = "", country: str = "US", module: str = MODULE) -> list[str]:
    return [one.name for one in store.search(session, module, text, country).contacts]


def is_found(engine: Engine, field: str, value: str) -> bool:
    return bool(finder(engine)(MODULE, field, (value,), 10))


def run(session: Session, text: Sheet, pause=lambda seconds: None) -> ImportPreview:
    """Look a file over, and import it at once."""
    found = preview(session, MODULE, text, "US")
    return apply(session, MODULE, text, "US", found, pause)


def summary(found: ImportPreview) -> tuple[list[str], list[str], list[str], list[int]]:
    return (
        [line.name for line in found.added],
        [change.after.name for change in found.changed],
        [line.name for line in found.unchanged],
        [fault.line for fault in found.faults],
    )


class TestListing:
    def test_three_modules_are_always_there(self, session: Session, add):
        assert store.modules(session) == ("Contacts", "Leads", "Accounts")

        add("Ada", "204", module="Suppliers")
        add("Bea", "205", module="Leads")

        assert store.modules(session) == ("Contacts", "Leads", "Accounts", "Suppliers")

    def test_fields_are_those_that_somebody_has(self, session: Session, add):
        add("Ada", "204", tier="x", Balance="1", Örtchen="y")
        add("Bea", "204", Tier="x", Empty=" ")
        add("Cid", "204", Other="x", module="Leads")

        assert store.field_names(session, MODULE) == ("Balance", "Tier", "tier", "Örtchen")
        assert store.field_names(session, "Accounts") == ()

    def test_names_have_one_order_everywhere(self, session: Session, add):
        for name in ("émile", "Zoë", "ada b", "Ada", "_x", "Émile", "adab", "ADA", "Øre", "a-b"):
            add(name, "204")

        assert names(session) == [
            *("_x", "a-b", "Ada", "ADA", "ada b", "adab", "Zoë", "émile", "Émile", "Øre")
        ]

    def test_pages_follow_each_other_without_gap(self, session: Session, add):
        for number in range(7):
            add(f"{'ab'[number % 2]}{'x' * (number // 4)}", "204")
        whole = store.search(session, MODULE, "", "US").contacts

        pages = [store.search(session, MODULE, "", "US", limit=3)]
        while pages[-1].next:
            pages.append(store.search(session, MODULE, "", "US", pages[-1].next, limit=3))

        assert [len(page.contacts) for page in pages] == [3, 3, 1]
        assert tuple(one for page in pages for one in page.contacts) == whole

    def test_a_full_last_page_is_the_last(self, session: Session, add):
        add("Ada", "204")

        assert store.search(session, MODULE, "", "US", limit=1).next is None


class TestSearch:
    @pytest.fixture(autouse=True)
    def people(self, add) -> None:
        add("Ada Gold", "+12025550101", Tier="Gold")
        add("Bea 100%", "(202) 555-0102", AccountNo="0017")
        add("Straße_Ö", "+49 30 1234567", Note="x" * 300)
        add("Ada Other", "204", module="Leads")

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("", ["Ada Gold", "Bea 100%", "Straße_Ö"]),
            ("  ", ["Ada Gold", "Bea 100%", "Straße_Ö"]),
            ("ada", ["Ada Gold"]),
            ("A G", ["Ada Gold"]),
            ("STRASSE", ["Straße_Ö"]),
            ("ö", ["Straße_Ö"]),
            ("%", ["Bea 100%"]),
            ("_", ["Straße_Ö"]),
            ("\\", []),
            ("/", []),
            ("0017", ["Bea 100%"]),
            ("17", []),
            ("Gold", ["Ada Gold"]),
            ("Ada\0", ["Ada Gold"]),
            ("+12025550101", ["Ada Gold"]),
            ("(202) 555-0101", ["Ada Gold"]),
            ("001 202 555 0101", []),
            ("2025550102", ["Bea 100%"]),
            ("0049 30 1234567", []),
            ("+49 (30) 1234567", ["Straße_Ö"]),
            ("nobody", []),
            ("204", []),
            ("x" * 5000, []),
        ],
    )
    def test_by_name_number_or_field(self, session: Session, text: str, found: list[str]):
        assert names(session, text) == found

    def test_a_number_is_read_as_in_the_country(self, session: Session):
        assert names(session, "030 1234567", country="DE") == ["Straße_Ö"]
        assert names(session, "030 1234567", country="US") == []


class TestOneContact:
    def test_it_is_saved_and_found_by_calls(self, engine: Engine, session: Session):
        id_ = store.save_contact(
            session, None, MODULE, " Ada ", ["(202) 555-0101", " "], {" Tier": "Gold ", "No": " "}
        )
        session.commit()

        assert kept(session) == [StoredContact(id_, "Ada", ("(202) 555-0101",), {"Tier": "Gold"})]
        assert store.find_contact(session, MODULE, id_) == kept(session)[0]
        assert is_found(engine, PHONE, "2025550101")
        assert is_found(engine, "Tier", "Gold")

    def test_it_is_changed(self, engine: Engine, session: Session, add):
        id_ = add("Ada", "204", Tier="Gold")

        store.save_contact(session, id_, MODULE, "Zoë", ["205"], {"Tier": "Silver"})
        session.commit()

        assert kept(session) == [StoredContact(id_, "Zoë", ("205",), {"Tier": "Silver"})]
        assert names(session, "zoë") == ["Zoë"]
        assert not is_found(engine, PHONE, "204")
        assert is_found(engine, "Tier", "Silver")

    def test_it_is_deleted_with_its_keys(self, session: Session, add):
        id_ = add("Ada", "204", Tier="Gold")

        store.delete_contact(session, MODULE, id_)

        assert kept(session) == []
        assert session.scalar(select(func.count()).select_from(ContactKey)) == 0

    def test_one_that_was_changed_since_it_was_read_is_neither_saved_nor_deleted(
        self, session: Session, add
    ):
        id_ = add("Ada", "204", Tier="Gold")
        seen = kept(session)[0].fingerprint
        store.save_contact(session, id_, MODULE, "Ada", ["204"], {"Tier": "Silver"}, seen)

        with pytest.raises(ContactChanged):
            store.save_contact(session, id_, MODULE, "Eve", ["204"], {}, seen)
        with pytest.raises(ContactChanged):
            store.delete_contact(session, MODULE, id_, seen)

        (now,) = kept(session)
        assert now.fields == {"Tier": "Silver"}
        store.delete_contact(session, MODULE, id_, now.fingerprint)
        assert kept(session) == []

    def test_one_that_is_gone_or_of_another_module_is_not_touched(self, session: Session, add):
        id_ = add("Ada", "204", module="Leads")

        for missing in (id_, id_ + 1):
            assert store.find_contact(session, MODULE, missing) is None
            with pytest.raises(ContactGone):
                store.save_contact(session, missing, MODULE, "Eve", ["204"], {})
            with pytest.raises(ContactGone):
                store.delete_contact(session, MODULE, missing)

        assert [one.name for one in kept(session, "Leads")] == ["Ada"]


class TestPreview:
    def test_each_line_adds_changes_or_leaves_alone(self, session: Session, add):
        ada = add("Ada", "+12025550101", Tier="Gold", Note="stays")
        add("Bea", "204", Tier="Silver")

        found = preview(
            session,
            MODULE,
            sheet(
                "Name,Phone,Tier\n"
                "Ada,+12025550101,Bronze\n"
                "Bea,204,Silver\n"
                "Cid,205,Gold\n"
                ",206,Gold\n"
            ),
            "US",
        )

        assert summary(found) == (["Cid"], ["Ada"], ["Bea"], [5])
        (change,) = found.changed
        assert change.line == 2
        assert change.differences == (Difference("Tier", "Gold", "Bronze"),)
        assert change.after == StoredContact(
            ada, "Ada", ("+12025550101",), {"Note": "stays", "Tier": "Bronze"}
        )
        assert len(kept(session)) == 2

    def test_an_id_says_who_is_meant(self, session: Session, add):
        ada = add("Ada", "204", Tier="Gold")

        found = preview(session, MODULE, sheet(f"Id,Name,Phone\n{ada},Zoë,205;206"), "US")

        (change,) = found.changed
        assert change.differences == (
            Difference("Name", "Ada", "Zoë"),
            Difference("Phone", "204", "205; 206"),
        )

    def test_an_id_that_is_not_there_is_a_fault(self, session: Session, add):
        elsewhere = add("Ada", "204", module="Leads")

        found = preview(session, MODULE, sheet(f"Id,Name,Phone\n{elsewhere},Ada,204"), "US")

        assert summary(found) == ([], [], [], [2])
        assert found.faults[0].sentence.startswith(f"There is no contact with the Id {elsewhere}.")

    @pytest.mark.parametrize(
        ("line", "is_new"),
        [
            ("Ada,+12025550101", False),
            ("Ada,(202) 555-0101", False),
            ("ADA,2025550101;205", False),
            ("Ada,+12025550102", True),
            ("Adam,+12025550101", True),
        ],
    )
    def test_without_id_it_is_the_one_with_the_name_and_a_number(
        self, session: Session, add, line: str, is_new: bool
    ):
        add("Ada", "206", "+12025550101", Tier="Gold")
        add("Ada", "207", Tier="Silver")

        found = preview(session, MODULE, sheet(f"Name,Phone\n{line}"), "US")

        assert (len(found.added), len(found.changed)) == ((1, 0) if is_new else (0, 1))

    def test_without_numbers_the_name_alone_says_it(self, session: Session, add):
        add("Ada", Tier="Gold")
        add("Bea", "204", Tier="Gold")

        found = preview(session, MODULE, sheet("Name,Phone,Tier\nAda,,Silver\nBea,,Silver"), "US")
        without_column = preview(session, MODULE, sheet("Name,Tier\nAda,x\nBea,y"), "US")

        assert summary(found) == (["Bea"], ["Ada"], [], [])
        assert summary(without_column) == ([], ["Ada", "Bea"], [], [])
        assert without_column.changed[1].after.phones == ("204",)

    def test_several_that_could_be_meant_are_a_fault(self, session: Session, add):
        add("Ada", "204")
        add("Ada", "204")

        found = preview(session, MODULE, sheet("Name,Phone\nAda,204"), "US")

        assert summary(found) == ([], [], [], [2])
        assert "Add the column Id" in found.faults[0].sentence

    def test_a_contact_stands_in_one_line_only(self, session: Session, add):
        ada = add("Ada", "204")
        text = f"Id,Name,Phone\n{ada},Ada,204\n,Ada,204\n,Bea,+12025550101\n,bea,(202) 555-0101"

        found = preview(session, MODULE, sheet(text), "US")

        assert summary(found) == (["Bea"], [], ["Ada"], [3, 5])
        assert found.faults[0].sentence.startswith("Line 2 is the same contact.")

    def test_an_empty_cell_removes_and_a_missing_column_does_not(self, session: Session, add):
        ada = add("Ada", "204", Tier="Gold", Note="x")

        found = preview(session, MODULE, sheet(f"Id,Name,Tier\n{ada},Ada,"), "US")

        (change,) = found.changed
        assert change.differences == (Difference("Tier", "Gold", ""),)
        assert change.after == StoredContact(ada, "Ada", ("204",), {"Note": "x"})

    def test_nobody_is_made_impossible_to_find(self, session: Session, add):
        ada = add("Ada", "204")

        found = preview(session, MODULE, sheet(f"Id,Name,Phone\n{ada},Ada,"), "US")

        assert summary(found) == ([], [], [], [2])

    def test_blanks_around_a_text_are_no_change(self, session: Session):
        session.add(Contact.make(MODULE, "Max", ["204"], {"Tier": "gold "}))
        session.flush()

        found = preview(session, MODULE, sheet("Name,Phone,Tier\nMax,204,gold"), "US")

        assert summary(found) == ([], [], ["Max"], [])


class TestApply:
    def test_what_was_previewed_is_done(self, engine: Engine, session: Session, add):
        ada = add("Ada", "204", Tier="Gold")
        text = sheet(f"Id,Name,Phone,Tier\n{ada},Zoë,205,Silver\n,Cid,206,Gold\n,,207,\n,Dan,208,")
        expected = preview(session, MODULE, text, "US")

        done = run(session, text)

        assert done == expected
        assert summary(done) == (["Cid", "Dan"], ["Zoë"], [], [4])
        with Session(engine) as other:
            assert [(one.name, one.phones, one.fields) for one in kept(other)] == [
                ("Zoë", ("205",), {"Tier": "Silver"}),
                ("Cid", ("206",), {"Tier": "Gold"}),
                ("Dan", ("208",), {}),
            ]
            assert names(other, "zoë") == ["Zoë"]
        assert not is_found(engine, PHONE, "204")
        assert not is_found(engine, "Nothing", "")
        assert all(is_found(engine, PHONE, number) for number in ("205", "206", "208"))
        assert [one.fields["Tier"] for one in finder(engine)(MODULE, "Tier", ("Silver",), 10)] == [
            "Silver"
        ]

    def test_what_others_saved_since_the_preview_stays(self, session: Session, add):
        ada, bea, cid, _ = (add(name, "204", Tier="Gold") for name in ("Ada", "Bea", "Cid", "Dan"))
        names = ("Ada", "Bea", "Cid", "Dan", "Eve", "Fay", "Gus")
        text = sheet("Name,Phone,Tier\n" + "\n".join(f"{name},204,Bronze" for name in names))
        expected = preview(session, MODULE, text, "US")
        store.save_contact(session, ada, MODULE, "Ada", ["204"], {"Tier": "Silver"})
        store.save_contact(session, bea, MODULE, "Bea", ["204"], {"Tier": "Bronze"})
        store.delete_contact(session, MODULE, cid)
        add("Eve", "204", Tier="Silver")
        add("Fay", "204", Tier="Bronze")

        done = apply(session, MODULE, text, "US", expected, lambda seconds: None)

        assert summary(done) == (["Gus"], ["Dan"], ["Bea", "Fay"], [])
        assert [line.name for line in done.overtaken] == ["Ada", "Cid", "Eve"]
        assert {one.name: one.fields["Tier"] for one in kept(session)} == {
            **dict.fromkeys(("Ada", "Eve"), "Silver"),
            **dict.fromkeys(("Bea", "Dan", "Fay", "Gus"), "Bronze"),
        }

    @pytest.mark.parametrize(
        ("earlier", "is_same"),
        [("Ada,204,Gold", True), ("Ada,204,Silver", False), ("Cid,206,Gold", False)],
    )
    def test_a_preview_is_known_again(self, session: Session, add, earlier: str, is_same: bool):
        add("Ada", "204", Tier="Gold")
        text = sheet("Name,Phone,Tier\nAda,204,Bronze\nCid,206,Gold")
        before = preview(session, MODULE, text, "US").fingerprint

        run(session, sheet(f"Name,Phone,Tier\n{earlier}"))

        assert (preview(session, MODULE, text, "US").fingerprint == before) == is_same

    def test_others_write_between_the_batches(
        self, engine: Engine, session: Session, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(importing, "_BATCH", 2)
        seen: list[int] = []

        def somebody_saves(seconds: float) -> None:
            with Session(engine) as other:
                seen.append(len(kept(other)))
                store.save_contact(other, None, "Leads", "Lea", ["204"], {})
                other.commit()

        lines = "\n".join(f"Person {number},20{number}" for number in range(5))
        done = run(session, sheet(f"Name,Phone\n{lines}"), somebody_saves)

        assert len(done.added) == 5
        assert seen == [2, 4, 5]
        assert len(kept(session, "Leads")) == 3

    def test_what_broke_off_is_finished_by_the_same_file(
        self, session: Session, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(importing, "_BATCH", 2)
        text = sheet("Name,Phone\nAda,204\nBea,205\nCid,206")

        def break_off(seconds: float) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            run(session, text, break_off)
        session.rollback()

        assert summary(run(session, text)) == (["Cid"], [], ["Ada", "Bea"], [])
        assert [one.name for one in kept(session)] == ["Ada", "Bea", "Cid"]

    def test_two_imports_at_once_do_not_wait_for_each_other_forever(
        self, engine: Engine, session: Session, add, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(importing, "_BATCH", 3)
        ids = [add(f"Person {number}", "204") for number in range(9)]
        session.commit()
        known = [f"{id_},Person {number},205" for number, id_ in enumerate(ids)]
        new = [f",New {number},206" for number in range(9)]
        orders = ([*known, *new], [*reversed(new), *reversed(known)])
        patient = create_engine(engine.url)
        together = Barrier(2)

        def import_(lines: list[str]) -> ImportPreview:
            text = sheet("Id,Name,Phone\n" + "\n".join(lines))
            with Session(patient) as own:
                expected = preview(own, MODULE, text, "US")
                together.wait()
                return apply(own, MODULE, text, "US", expected, lambda seconds: time.sleep(0.01))

        with ThreadPoolExecutor(2) as pool:
            one, other = pool.map(import_, orders)
        patient.dispose()

        assert len(one.added) + len(other.added) == 9
        assert len(one.changed) + len(other.changed) == 9
        assert one.overtaken == other.overtaken == ()
        assert len(kept(session)) == 18

    def test_twice_does_no_more_than_once(self, session: Session):
        text = sheet("Name,Phone,Tier\nAda,204,Gold\nBea,,Gold")
        run(session, text)

        again = run(session, text)

        assert summary(again) == ([], [], ["Ada", "Bea"], [])
        assert len(kept(session)) == 2

    def test_an_export_changes_nothing(self, session: Session, add):
        add("Ada =1", "+12025550101", "204", Tier="Gold", Note="a;b\n“c”")
        add("Ada =1", "+12025550101", Tier="=2")
        add("'Zoë", Note="-1")
        exported = "".join(
            write(store.everything(session, MODULE), store.field_names(session, MODULE))
        )

        found = run(session, sheet(exported))

        assert summary(found) == ([], [], ["Ada =1", "Ada =1", "'Zoë"], [])

    def test_ten_thousand_lines_take_seconds(self, session: Session):
        head = "Name,Phone,Tier,Balance,AccountNo\n"
        rows = [f"Person {n},+1202{n + 2_000_000},Gold,{n},A{n}" for n in range(10_000)]
        started = time.perf_counter()

        first = run(session, sheet(head + "\n".join(rows)))
        changed = "\n".join(row.replace("Gold", "Silver") for row in rows)
        second = run(session, sheet(head + changed))

        assert len(first.added) == len(second.changed) == 10_000
        assert time.perf_counter() - started < 60  # some 10 s on a slow machine
        assert sum(1 for _ in store.everything(session, MODULE)) == 10_000
        assert len(names(session, "person 99")) == 50


class TestPendingImports:
    def test_a_file_is_kept_for_who_uploaded_it(self, session: Session):
        token = keep_import(session, "ada", MODULE, b"Name\n")
        session.commit()

        assert pending_import(session, token, "ada") == KeptFile(MODULE, b"Name\n")
        assert pending_import(session, token, "eve") is None
        assert pending_import(session, "guess", "ada") is None
        assert len(token) >= 32

    def test_it_can_be_dropped_once(self, session: Session):
        token = keep_import(session, "ada", MODULE, b"Name\n")

        assert not drop_import(session, token, "eve")
        assert drop_import(session, token, "ada")
        assert not drop_import(session, token, "ada")
        assert pending_import(session, token, "ada") is None

    def test_after_a_day_it_is_gone(self, session: Session):
        token = keep_import(session, "ada", MODULE, b"Name\n")
        session.execute(update(PendingImport).values(created_at=now() - timedelta(days=1)))
        assert pending_import(session, token, "ada") is None

        fresh = keep_import(session, "ada", MODULE, b"Name\n")

        assert session.scalars(select(PendingImport.id)).all() == [fresh]

    def test_five_megabytes_are_the_most(self, session: Session):
        keep_import(session, "ada", MODULE, b"x" * MOST_BYTES)

        with pytest.raises(UnreadableSheet):
            keep_import(session, "ada", MODULE, b"x" * (MOST_BYTES + 1))

    def test_of_several_presses_of_the_button_one_imports(self, engine: Engine, session: Session):
        token = keep_import(session, "ada", MODULE, b"Name,Phone\nAda,204\n")
        session.commit()
        patient = create_engine(engine.url)
        together = Barrier(4)

        def press(_: int) -> bool:
            with Session(patient) as own:
                file = pending_import(own, token, "ada")
                together.wait()
                if file is None or not drop_import(own, token, "ada"):
                    return False
                run(own, read(file.content, "US"))
                return True

        with ThreadPoolExecutor(4) as pool:
            imported = list(pool.map(press, range(4)))
        patient.dispose()

        assert imported.count(True) == 1
        assert len(kept(session)) == 1
