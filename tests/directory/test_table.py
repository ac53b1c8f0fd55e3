"""CSV in and out: what spreadsheets write is read, and what is wrong is said line by line."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceapp.crm.phone import compact
from voiceapp.directory import check
from voiceapp.directory.numbers import findable
from voiceapp.directory.table import (
    MOST_BYTES,
    MOST_LINES,
    ContactLine,
    Sheet,
    UnreadableSheet,
    read,
    write,
)

ADA = ContactLine(2, None, "Ada Gold", ("+12025550101",), {"Tier": "Gold"})


@dataclass(frozen=True)
class Kept:
    """A contact as it is written."""

    id: int
    name: str
    phones: tuple[str, ...]
    fields: dict[str, str]


def sheet(text: str) -> Sheet:
    return read(text.encode(), "US")


def faults(text: str) -> list[tuple[int, str]]:
    return [(fault.line, fault.sentence) for fault in sheet(text).faults]


def refusal(content: bytes) -> str:
    with pytest.raises(UnreadableSheet) as error:
        read(content, "US")
    return str(error.value)


def test_a_file_is_read():
    found = sheet("Name,Phone,Tier\nAda Gold,+12025550101,Gold\n")

    assert found == Sheet(("Tier",), (ADA,), (), has_phones=True)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "windows-1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_every_way_to_write_a_file_is_read(encoding: str, delimiter: str, newline: str):
    rows = [("Name", "Phone", "Größe"), ("Zoë", "204", "3"), ("Max", "205", "")]
    text = newline.join(delimiter.join(row) for row in rows)

    found = read(text.encode(encoding), "US")

    assert found.columns == ("Größe",)
    assert [(one.line, one.name, dict(one.fields)) for one in found.lines] == [
        (2, "Zoë", {"Größe": "3"}),
        (3, "Max", {}),
    ]


@pytest.mark.parametrize("header", ["ID,NAME,PHONE", "id, name ,Phones", "Id,Name,Phone numbers"])
def test_columns_are_known_by_all_their_names(header: str):
    found = sheet(f"{header}\n7,Ada,204")

    assert found.lines == (ContactLine(2, 7, "Ada", ("204",), {}),)


def test_a_file_without_numbers_says_so():
    found = sheet("Name,Tier\nAda Gold,Gold")

    assert not found.has_phones
    assert found.lines[0].phones == ()


@pytest.mark.parametrize(
    ("cell", "phones"),
    [
        ('"+12025550101; 204"', ("+12025550101", "204")),
        ("+12025550101|204", ("+12025550101", "204")),
        ('"+12025550101\r\n204"', ("+12025550101", "204")),
        ('"204;;204; "', ("204",)),
        ("(202) 555-0101", ("(202) 555-0101",)),
        ("'+12025550101", ("+12025550101",)),
        ("+49 (0)30 1234567", ("+49301234567",)),
        ("12", ("12",)),
        ("123456", ("123456",)),
    ],
)
def test_a_cell_holds_numbers_that_can_be_found(cell: str, phones: tuple[str, ...]):
    assert sheet(f"Name,Phone\nAda,{cell}").lines[0].phones == phones


def test_lines_are_counted_as_an_editor_counts_them():
    text = 'Name,Note\n\n"Ada","two\nlines"\n,\n\nBea,x\n,broken\nCid,y'

    found = sheet(text)

    assert [(one.name, one.line) for one in found.lines] == [("Ada", 3), ("Bea", 7), ("Cid", 9)]
    assert [fault.line for fault in found.faults] == [8]


@pytest.mark.parametrize(
    ("text", "line", "sentence"),
    [
        ("Name,Phone\n,204", 2, "There is no name."),
        ("Name,Phone\n" + "x" * 201 + ",204", 2, "The name is longer than 200"),
        ("Name,Phone,Tier\nAda,,", 2, "There is nothing to find it by."),
        ("Name\nAda", 2, "There is nothing to find it by."),
        ("Name,Phone\nAda,soon", 2, "“soon” is no phone number."),
        ("Name,Phone\nAda,204;2.03E+09", 2, "“2.03E+09” is no phone number."),
        ("Name,Phone\nAda,1-800-FLOWERS", 2, "“1-800-FLOWERS” is no phone number."),
        ("Name,Phone\nAda,1", 2, "“1” is no phone number."),
        ("Name,Phone\nAda,204,Gold", 2, "There are more cells than columns."),
        ("Id,Name,Phone\nx,Ada,204", 2, "The Id “x” is no number."),
        ("Id,Name,Phone\n-1,Ada,204", 2, "The Id “-1” is no number."),
        ("Id,Name,Phone\n0,Ada,204", 2, "The Id “0” is no number."),
        ("Id,Name,Phone\n9999999999,Ada,204", 2, "The Id “9999999999” is no number."),
        ("Id,Name,Phone\n7,Ada,204\n007,Bea,205", 3, "Line 2 has the same Id."),
        ("Name,Phone," + "x" * 101 + "\nAda,204,x", 1, "The name of the field “xxxxx"),
    ],
)
def test_what_is_wrong_is_said_by_line(text: str, line: int, sentence: str):
    ((where, said),) = faults(text)

    assert where == line
    assert said.startswith(sentence)
    assert said.count(". ") >= 1  # what to do comes after what is wrong


def test_a_faulty_line_keeps_nobody_else_out():
    found = sheet("Name,Phone\n,204\nBea,205\nCid,never")

    assert [one.name for one in found.lines] == ["Bea"]
    assert [fault.line for fault in found.faults] == [2, 4]


def test_all_that_is_wrong_with_a_line_is_said_at_once():
    assert [line for line, _ in faults("Id,Name,Phone\nx,,never\n")] == [2, 2, 2]


def test_empty_cells_beyond_the_header_do_no_harm():
    assert faults("Name,Phone\nAda,204,,\n") == []


def test_a_line_with_an_id_may_lose_everything_here():
    assert sheet("Id,Name,Phone\n7,Ada,").lines == (ContactLine(2, 7, "Ada", (), {}),)


def test_a_column_with_too_long_a_name_is_left_out():
    assert sheet("Name,Phone," + "x" * 101 + "\nAda,204,y").lines[0].fields == {}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The file is empty."),
        (b" \r\n\r\n", "The file is empty."),
        (b"\xef\xbb\xbf", "The file is empty."),
        (b"PK\x03\x04\0\0\0", "This is no CSV file."),
        (b"Name\0,Phone\n", "This is no CSV file."),
        (b"\xff\xfeN\0a", "This is no CSV file."),
        (b"\xef\xbb\xbfName\xff", "This is no CSV file."),
        (b"Name,\x81\n", "This is no CSV file."),
        (b"<!doctype html>\n<p>", "There is no column “Name”."),
        (b"Phone,Tier\n204,Gold", "There is no column “Name”."),
        (b"\nName,Phone\nAda,204", "There is no column “Name”."),
        (b"Name,Tier,Tier\n", "There are two columns “Tier”."),
        (b"Name,Phone,Phones\n", "There are two columns “Phone”."),
        (b"Name,,Tier\n", "Column 2 has no name"),
        (b"Name,Phone,\nAda,204,", "Column 3 has no name"),
        (b'Name,Phone\nAda,"204\n', "Line 2: A quotation mark is missing"),
        (b'Name,Phone\nAda,204\nBea,"2"05\n', "Line 3: A quotation mark is missing"),
        (b"Name,Note\nAda," + b"x" * 200_000, "Line 2: A cell is too long."),
        (b"Name," + b",".join(b"f%d" % n for n in range(200)), "The file has more than 200 col"),
        (b"Name,Phone\n" + b"A,204\n" * (MOST_LINES + 1), "The file has more than 20,000 lines."),
        (b"Name\n" + b"x" * MOST_BYTES, "The file is larger than 5 MB."),
    ],
)
def test_what_is_no_sheet_is_refused_whole(content: bytes, sentence: str):
    assert refusal(content).startswith(sentence)


@given(
    st.binary() | st.text().map(str.encode) | st.text().map(lambda text: f"Name\n{text}".encode())
)
def test_whatever_is_uploaded_nothing_but_a_refusal_is_raised(content: bytes):
    try:
        found = read(content, "US")
    except UnreadableSheet:
        return

    assert all(list(check.name_faults(line.name)) == [] for line in found.lines)


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "'=", "''@", "' ="])
def test_no_cell_is_written_as_a_formula(first: str):
    value = first + "cmd"
    contact = Kept(1, value, ("204",), {"Note": value})

    text = "".join(write([contact], ["Note"]))

    assert text == f"\ufeffId,Name,Phone,Note\r\n1,'{value},204,'{value}\r\n"
    assert sheet(text).lines[0].name == value


def test_an_apostrophe_of_ones_own_stays():
    assert sheet("Name,Phone\n'tis O'Hara,204").lines[0].name == "'tis O'Hara"


def test_an_empty_directory_is_written_as_its_header():
    assert list(write([], ["Tier"])) == ["\ufeffId,Name,Phone,Tier\r\n"]


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")) | st.text(
    alphabet="='+-@ \t\r\n\",;|aé"
)
values = texts.map(str.strip).filter(bool)
names = values.filter(lambda name: len(name) <= 200)
fields = values.filter(lambda name: not list(check.field_faults(name)))
numbers = st.sampled_from(
    [
        "+12025550101",
        "(202) 555-0102",
        "204",
        "+49 30 1234567",
        "1 202.555.0103",
        "tel:+12025550104",
    ]
)


@st.composite
def directories(draw: st.DrawFn) -> tuple[list[Kept], list[str]]:
    columns = draw(st.lists(fields, unique=True, max_size=4))
    contacts = st.builds(
        Kept,
        st.integers(1, 2**31 - 1),
        names,
        st.lists(numbers, unique_by=compact, max_size=3).map(tuple),
        st.dictionaries(st.sampled_from(columns), values) if columns else st.just({}),
    )
    return draw(st.lists(contacts, unique_by=lambda one: one.id, max_size=5)), columns


@given(directories())
def test_what_is_written_is_read_again(directory: tuple[list[Kept], list[str]]):
    contacts, columns = directory

    found = read("".join(write(contacts, columns)).encode(), "US")

    assert found.faults == ()
    assert found.columns == tuple(columns)
    assert [Kept(one.id or 0, one.name, one.phones, dict(one.fields)) for one in found.lines] == (
        contacts
    )


@given(texts, st.sampled_from(["US", "DE", "GB"]))
def test_a_number_that_is_kept_stays_what_it_is(text: str, country: str):
    kept = findable(text, country)

    assert kept is None or findable(kept, country) == kept


@pytest.mark.parametrize(
    ("faults", "asked", "count"),
    [
        (check.name_faults, ["Ada"], 0),
        (check.name_faults, [" "], 1),
        (check.name_faults, ["A\0a"], 1),
        (check.phone_faults, [["204", "never"], "US"], 1),
        (check.field_faults, ["Tier"], 0),
        (check.field_faults, [" phones "], 1),
        (check.field_faults, ["T\0"], 1),
        (check.field_faults, ["x" * 101], 1),
    ],
)
def test_each_fault_is_one_sentence(faults, asked, count: int):
    assert len(list(faults(*asked))) == count


@pytest.mark.parametrize(
    ("phones", "fields", "is_lost"),
    [(["204"], {}, False), ([], {"Tier": "Gold"}, False), ([], {"Tier": " "}, True)],
)
def test_a_contact_needs_something_to_be_found_by(phones, fields, is_lost: bool):
    assert check.is_lost(phones, fields) == is_lost
