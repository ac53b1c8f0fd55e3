"""The rows of the database, one file for each thing that is kept."""

from importlib import import_module

_FILES = (
    "audit",
    "contacts",
    "counts",
    "crm_state",
    "draft",
    "imports",
    "integrations",
    "journal",
    "people",
    "recordings",
    "releases",
)


def load_all() -> None:
    """Make every table known, so that migrations see all of them."""
    for name in _FILES:
        import_module(f"{__name__}.{name}")
