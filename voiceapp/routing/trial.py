"""Marks a call that has no telephone behind it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from voiceapp.routing.route import Decision
from voiceapp.routing.table import Table

_NAME = "voiceapp.test_call"


@dataclass(frozen=True, slots=True)
class TestCall:
    """A call placed by a developer or an admin, over a release or the draft.

    It travels as a value of the WSGI environ, which no header or parameter can set, so that
    nothing outside can ask for it. The doors leave what they decided in `decisions`.
    """

    table: Table
    decisions: list[Decision] = field(default_factory=list)

    def environ(self) -> dict[str, Any]:
        """Return what the WSGI environ of each of its webhooks has to hold."""
        return {_NAME: self}


def trial_of(environ: Mapping[str, Any]) -> TestCall | None:
    """Return the test call that a webhook belongs to; None for a real call."""
    return environ.get(_NAME)
