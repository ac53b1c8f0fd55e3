"""What the documents tell people to run."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.conftest import MakeApp, poster, settings
from voiceapp.config import ROOT


def test_the_script_that_sets_up_a_number_does_what_it_says(make_app: MakeApp, instance: Path):
    text = (ROOT / "docs" / "configure.md").read_text()
    [script] = re.findall(r"```python\n(.*?)```", text, re.DOTALL)

    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **settings(instance)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.stdout, done.stderr) == ("Published as release 2\n", "")
    twilio = poster(make_app())
    response = twilio("/twiml/did", CallSid="CA1", From="anonymous", To="+12025550150")
    assert ">general</Enqueue>" in response.text
    assert "r=2" in response.text


def test_every_link_between_the_documents_leads_somewhere():
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]

    broken = [
        f"{document.name}: {target}"
        for document in documents
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", document.read_text())
        if not (document.parent / target).exists()
    ]

    assert broken == []
