"""What the documents say is there."""

import re

from voiceapp.config import ROOT
from voiceapp.crm.registry import CUSTOM_URL, DIRECTORY, KINDS


def test_every_link_between_the_documents_leads_somewhere():
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]

    broken = [
        f"{document.name}: {target}"
        for document in documents
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", document.read_text())
        if not (document.parent / target).exists()
    ]

    assert broken == []


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
