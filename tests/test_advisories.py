"""A known vulnerability fails; advisories that are out of reach are told and fail nothing."""

import json

import pytest

from tests.advisories import Verdict, verdict

SOUND = {"name": "flask", "version": "3.1.3", "vulns": []}
UNKNOWN = {"name": "ours", "skip_reason": "Dependency not found"}
FLAWED = {
    "name": "requests",
    "version": "1.0",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"]}, {"id": "PYSEC-2", "fix_versions": []}],
}


def report(*packages) -> str:
    return json.dumps({"dependencies": packages, "fixes": []})


def test_a_vulnerability_fails_and_says_what_mends_it():
    assert verdict(report(SOUND, FLAWED, UNKNOWN)) == Verdict(
        (
            "requests 1.0: PYSEC-1, mended in 1.1",
            "requests 1.0: PYSEC-2, mended in no version yet",
        ),
        failed=True,
    )


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        ("", "Nothing was looked up"),
        ("Traceback", "Nothing was looked up"),
        (report(UNKNOWN), "Nothing was looked up"),
        (report(SOUND), "No known vulnerability in 1 packages."),
        (report(SOUND, UNKNOWN), "No known vulnerability in 1 packages. Not looked up: ours."),
    ],
)
def test_what_could_not_be_asked_is_said_in_one_line_and_fails_nothing(text, begins):
    said = verdict(text)

    assert not said.failed
    [line] = said.lines
    assert line.startswith(begins)
