"""What was typed for one CRM while another one is chosen; it travels in the form, without secrets.

As an address has its fields: one text, whatever was typed, and nothing that can't be read.
"""

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode

_BETWEEN = " "
"""What stands between a choice and a name; neither has a blank."""


def put(text: str, choice: str, values: Mapping[str, str]) -> str:
    """Return a text with what was typed for a choice of CRM, in the place of what was there.

    >>> put("", "own:odoo", {"url": "https://a.example"})
    'own%3Aodoo+url=https%3A%2F%2Fa.example'
    """
    told = [(f"{choice}{_BETWEEN}{name}", value) for name, value in values.items()]
    return urlencode([*_others(text, choice), *told])


def take(text: str, choice: str) -> tuple[Mapping[str, str], str]:
    """Return what was typed for a choice of CRM, and the text without it.

    >>> take("own%3Aodoo+url=b&own%3Azoho+url=c", "own:odoo")
    ({'url': 'b'}, 'own%3Azoho+url=c')
    """
    begin = f"{choice}{_BETWEEN}"
    values = {
        name.removeprefix(begin): value
        for name, value in parse_qsl(text, keep_blank_values=True)
        if name.startswith(begin)
    }
    return values, urlencode(_others(text, choice))


def _others(text: str, choice: str) -> list[tuple[str, str]]:
    begin = f"{choice}{_BETWEEN}"
    return [
        (name, value)
        for name, value in parse_qsl(text, keep_blank_values=True)
        if not name.startswith(begin)
    ]
