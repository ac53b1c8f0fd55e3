"""What the documents tell people to run."""

import re

from voiceapp.config import ROOT


def test_every_link_between_the_documents_leads_somewhere():
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]

    broken = [
        f"{document.name}: {target}"
        for document in documents
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", document.read_text())
        if not (document.parent / target).exists()
    ]

    assert broken == []
