"""What the figures mean, where that is not plain; written by people who looked at a profile."""

from collections.abc import Mapping

REMARKS: Mapping[str, str] = {}
"""A paragraph for the name of a measure."""
