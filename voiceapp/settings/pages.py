"""All tabs of the settings pages, behind their one door."""

from voiceapp.settings import (
    access,
    audit,
    calls,
    dids,
    directory,
    installation,
    integrations,
    ivrs,
    looks,
    overview,
    people,
    queues,
    recordings,
    releases,
    routing,
    trials,
)
from voiceapp.settings.door import bp

__all__ = ["bp", "looks"]

for _tab in (
    access,
    overview,
    calls,
    dids,
    ivrs,
    queues,
    recordings,
    routing,
    integrations,
    directory,
    releases,
    people,
    audit,
    installation,
    trials,
):
    bp.register_blueprint(_tab.bp)
