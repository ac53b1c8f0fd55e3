"""What of a sentence stays in one line."""

import re

UNBROKEN = re.compile(r"\+\d[\d -]*\d|\d[\d.,]* (?:ms|s|min)\b")
"""Telephone numbers as people read them, and numbers with their unit."""
