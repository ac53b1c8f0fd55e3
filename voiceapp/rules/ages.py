"""How old what a CRM said may be, in words."""

_UNITS = ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def span(seconds: float) -> str:
    """
    Write a time in the largest unit that it fills, rounded down.

    >>> span(300), span(86_400), span(90), span(1.9), span(0.2)
    ('5 minutes', '1 day', '1 minute', '1 second', 'a moment')
    """
    for size, unit in _UNITS:
        count = int(seconds // size)
        if count:
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return "a moment"
