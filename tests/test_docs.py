"""What the documents say is there."""

import re

from dotenv import dotenv_values

from voiceapp.config import ROOT
from voiceapp.crm.registry import CUSTOM_URL, DIRECTORY, KINDS
from voiceapp.status.metrics import Metrics, Now


def test_every_link_between_the_documents_leads_somewhere():
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]

    broken = [
        f"{document.name}: {target}"
        for document in documents
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", document.read_text())
        if not (document.parent / target).exists()
    ]

    assert broken == []


def test_every_crm_has_steps_that_name_each_field_of_its_page():
    text = (ROOT / "docs" / "crms.md").read_text()
    parts = re.findall(r"^### ([^,\n]+)[^\n]*\n(.*?)(?=^### |\Z)", text, re.MULTILINE | re.DOTALL)
    steps = {title: " ".join(part.split()) for title, part in parts}

    vendors = [kind for key, kind in KINDS.items() if key not in (CUSTOM_URL, DIRECTORY)]
    unnamed = [
        f"{kind.title}: {ask.label}"
        for kind in vendors
        for ask in kind.asks
        if f"**{ask.label}**" not in steps.get(kind.title, "")
    ]

    assert unnamed == []
    assert list(steps) == sorted((kind.title for kind in vendors), key=str.casefold)


def test_every_file_that_is_said_to_hold_something_is_there():
    text = (ROOT / "docs" / "security.md").read_text()
    named = set(re.findall(r"`([\w./-]+\.(?:py|md|txt|html)|templates/\w+/)`", text))

    missing = [
        name
        for name in sorted(named)
        if not any((ROOT / folder / name).exists() for folder in ("", "tests", "voiceapp"))
    ]

    assert named
    assert missing == []


def test_every_crm_has_a_row_that_says_whether_it_was_tried():
    text = (ROOT / "docs" / "crms.md").read_text()
    rows = [line.split("|")[1:-1] for line in text.splitlines() if line.startswith("| ")][1:]
    tried = {cells[0].strip().partition(":")[0].partition(",")[0]: cells[-1] for cells in rows}

    vendors = {key: kind for key, kind in KINDS.items() if key not in (CUSTOM_URL, DIRECTORY)}
    assert {kind.title for kind in vendors.values()} <= tried.keys()
    for kind in vendors.values():
        assert ("not yet" in tried[kind.title]) is not bool(kind.tried)
        assert kind.title in (ROOT / "README.md").read_text().replace("\n", " ")


def test_every_setting_is_in_the_guide_for_those_who_run_it():
    settings = re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    guide = (ROOT / "docs" / "deploy.md").read_text()

    assert [name for name in settings if name not in guide] == []


def test_what_the_image_is_made_of_is_there():
    lines = (ROOT / "Containerfile").read_text().splitlines()
    copied = [name for line in lines if line.startswith("COPY") for name in line.split()[1:-1]]

    assert copied
    assert [name for name in copied if not (ROOT / name).exists()] == []


def test_the_example_of_settings_leaves_a_container_what_the_image_says():
    [line] = re.findall(r"^ENV (.+)", (ROOT / "Containerfile").read_text(), re.MULTILINE)
    image = dict(pair.split("=") for pair in line.split())
    started = image | dotenv_values(ROOT / ".env.example")

    assert {"HOST", "PORT", "INSTANCE_PATH"} <= image.keys()
    assert {name: started[name] for name in image} == image


def test_every_number_that_is_told_is_in_the_guide():
    guide = (ROOT / "docs" / "deploy.md").read_text()
    now = Now(1, 0, 1.0, {"crm": "closed"}, {"database": False})
    told = set(re.findall(r"^# TYPE (\w+)", Metrics().tell(now).decode(), re.MULTILINE))

    names = {name for name in told if not name.endswith("_created")}
    assert {name for name in names if name not in guide} == set()
