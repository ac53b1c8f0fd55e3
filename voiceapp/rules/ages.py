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


def counting(fresh: int, *, is_beyond: bool = False) -> str:
    """
    Say for how long an answer counts; `is_beyond` if that is longer than it may stand in.

    >>> counting(300), counting(0)
    ('What the CRM said of a caller counts for 5 minutes', 'The CRM is asked anew for each call')
    """
    if not fresh:
        return "The CRM is asked anew for each call"
    counts = f"What the CRM said of a caller counts for {span(fresh)}"
    return f"{counts}; nothing older stands in if it fails" if is_beyond else counts


def freshness(seconds: int) -> str:
    """
    Say for how long an answer counts.

    >>> freshness(300), freshness(0)
    ('Answers count for 5 minutes', 'The CRM is asked anew each time')
    """
    return f"Answers count for {span(seconds)}" if seconds else "The CRM is asked anew each time"


def staleness(seconds: int) -> str:
    """
    Say how old an answer may be that counts where the CRM fails.

    >>> staleness(3600), staleness(0)
    ('If the CRM fails, answers up to 1 hour old count', 'If the CRM fails, no older answer counts')
    """
    if not seconds:
        return "If the CRM fails, no older answer counts"
    return f"If the CRM fails, answers up to {span(seconds)} old count"
